//! No browser outlives the daemon, however the daemon ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Processes whose command line names a directory.
pub(super) fn processes_naming(dir: &Path) -> Vec<String> {
    let needle = dir.display().to_string();
    let entries = std::fs::read_dir("/proc").expect("a Linux system").flatten();
    let command_lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let texts = command_lines.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    texts.filter(|text| text.contains(&needle)).collect()
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
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_reconbanker"))
        .arg("--data-dir")
        .arg(dir.path().join("data"))
        .arg("demo")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let browser_runs = || processes_naming(&profiles).iter().any(|line| line.contains("--user-data-dir"));
    let seen = eventually(Duration::from_mins(1), browser_runs);
    daemon.kill().expect("the daemon can be killed");
    daemon.wait().expect("the daemon ends");
    assert!(seen, "no browser was started");
    let gone = eventually(Duration::from_secs(5), || processes_naming(&profiles).is_empty());
    assert!(gone, "still running 5 s after the kill: {:#?}", processes_naming(&profiles));
}
