//! The daemon as a process of its own: the real binary, told to end as an operator does.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Ends with the test.
pub struct Serve {
    child: Child,
    url: String,
    log: PathBuf,
    /// Kept open: a daemon that cannot print ends.
    _output: BufReader<ChildStdout>,
}

impl Serve {
    /// The binary with a data directory of its own, beside which it logs.
    pub fn command(data_dir: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconbanker"));
        add_arguments(&mut command, data_dir);
        command
    }

    /// The same in a mount namespace of its own, where the data directory is a file system in memory, mounted with
    /// these options. The directory must exist. Fails where the system permits no namespaces.
    pub fn command_on_disk_of_its_own(data_dir: &Path, options: &str) -> Command {
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c"]);
        command.arg("mount -t tmpfs -o \"$1\" tmpfs \"$2\" && shift 2 && exec \"$@\"").arg("sh");
        command.arg(options).arg(data_dir).arg(env!("CARGO_BIN_EXE_reconbanker"));
        add_arguments(&mut command, data_dir);
        command
    }

    /// Starts `serve` with more arguments; returns once the API answers.
    pub fn start(mut command: Command, data_dir: &Path, arguments: &[&str]) -> Self {
        let log = data_dir.with_extension("log");
        let file = File::create(&log).expect("a log");
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        let url = loop {
            line.clear();
            if output.read_line(&mut line).expect("text") == 0 {
                let _ = child.wait();
                panic!("it did not start: {}", read(&log));
            }
            if let Some(rest) = line.strip_prefix("API") {
                break rest.split_whitespace().next().expect("a URL").to_owned();
            }
        };
        Self { child, url, log, _output: output }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// A path as the daemon sees it, whatever is mounted there for it alone.
    pub fn inside(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.child.id(), path.display()))
    }

    /// A command beside the daemon that sees what it sees.
    pub fn command_inside(&self, data_dir: &Path) -> Command {
        let mut command = Command::new("nsenter");
        if !geteuid().is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg(format!("--target={}", self.child.id())).args(["--mount", "--"]);
        command.arg(env!("CARGO_BIN_EXE_reconbanker"));
        add_arguments(&mut command, data_dir);
        command
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
    }

    /// How it ends, within a time.
    pub fn end_within(mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running: {}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn add_arguments(command: &mut Command, data_dir: &Path) {
    command.arg("--data-dir").arg(data_dir).env_remove("RECONBANKER_CONFIG");
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}
