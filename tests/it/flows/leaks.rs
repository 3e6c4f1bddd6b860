//! No browser outlives the daemon, however the daemon ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use reconbanker::domain::run::{Outcome, RunKind};
use reconbanker::store::{Location, Store};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::Serve;

/// A process of this machine.
#[derive(Debug)]
struct Process {
    id: Pid,
    command_line: String,
    /// Where it works; empty where nobody may know.
    place: PathBuf,
}

fn processes() -> impl Iterator<Item = Process> {
    std::fs::read_dir("/proc").expect("a Linux system").flatten().filter_map(|entry| {
        let id = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let bytes = std::fs::read(entry.path().join("cmdline")).ok()?;
        let command_line = String::from_utf8_lossy(&bytes).replace('\0', " ");
        let place = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        Some(Process { id, command_line, place })
    })
}

/// Processes whose command line names a directory.
pub(super) fn processes_naming(dir: &Path) -> Vec<String> {
    let needle = dir.display().to_string();
    let all = processes().map(|process| process.command_line);
    all.filter(|command_line| command_line.contains(&needle)).collect()
}

/// Processes that work in a directory: guards, drivers and browsers.
fn processes_in(dir: &Path) -> Vec<Process> {
    let dir = dir.canonicalize().expect("it exists");
    processes().filter(|process| process.place.starts_with(&dir)).collect()
}

/// The demo in a data directory; it reads a bank at once, and again and again.
fn demo(data_dir: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reconbanker"));
    command.arg("--data-dir").arg(data_dir).arg("demo");
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}

/// Looks again until the condition holds; `false` when it does not within the limit.
fn eventually(limit: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
    true
}

#[test]
fn browser_and_driver_are_gone_after_the_daemon_is_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let profiles = dir.path().join("data/demo/profiles");
    let mut daemon = demo(&dir.path().join("data"));
    let browser_runs = || processes_naming(&profiles).iter().any(|line| line.contains("--user-data-dir"));
    let seen = eventually(Duration::from_mins(1), browser_runs);
    daemon.kill().expect("the daemon can be killed");
    daemon.wait().expect("the daemon ends");
    assert!(seen, "no browser was started");
    let gone = eventually(Duration::from_secs(5), || processes_naming(&profiles).is_empty());
    assert!(gone, "still running 5 s after the kill: {:#?}", processes_naming(&profiles));
}

/// A guard ends driver and browser with its daemon. Where it was killed before, the next start does, and finds the
/// reading that was under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_guard_and_daemon_left_running_is_ended_by_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let profiles = data.join("demo/profiles");
    let mut daemon = demo(&data);
    let browser_runs = || processes_naming(&profiles).iter().any(|line| line.contains("--user-data-dir"));
    let seen = eventually(Duration::from_mins(1), browser_runs);
    let mut guards = 0;
    if seen {
        for process in processes_in(&profiles).iter().filter(|process| process.command_line.contains(" guard -- ")) {
            guards += usize::from(kill_process(process.id, Signal::KILL).is_ok());
        }
    }
    daemon.kill().expect("the daemon can be killed");
    daemon.wait().expect("the daemon ends");
    assert!(seen && guards > 0, "no browser was started under a guard");
    assert!(!processes_in(&profiles).is_empty(), "without its guard the driver stays");

    let data = data.join("demo");
    let _serve = Serve::start(Serve::command(&data), &data, &[]);
    let left = || processes_in(&profiles).iter().map(|process| process.command_line.clone()).collect::<Vec<_>>();
    assert!(eventually(Duration::from_secs(5), || left().is_empty()), "still running: {:#?}", left());
    assert!(processes_naming(&profiles).is_empty(), "still running: {:#?}", processes_naming(&profiles));
    assert_eq!(std::fs::read_dir(&profiles).expect("a directory").count(), 0, "what is left holds sessions of banks");

    let store = Store::connect_to_look(&Location::Sqlite(data.join("reconbanker.db"))).await.expect("it opens");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut tx = store.read().await.expect("a transaction");
        let failed = tx.failed_last_runs(RunKind::Scrape, 10).await.expect("a list");
        drop(tx);
        if failed.iter().any(|run| run.outcome == Outcome::Interrupted) {
            break;
        }
        assert!(Instant::now() < deadline, "the reading is not interrupted: {failed:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.close().await;
}
