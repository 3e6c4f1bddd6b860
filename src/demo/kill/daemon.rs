//! The daemon as a process of its own: started, killed, and searched for what it left running.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use crate::app;
use crate::config::{DemoSettings, Registration, Settings};
use crate::demo::client::Client;
use crate::demo::stage;

/// How long a start may take before it is given up.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long what a killed daemon had started may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much of the daemon's log an error quotes.
const LOG_EXCERPT_BYTES: usize = 2_000;

/// How the daemon is started, each time in the same way.
pub(super) struct Launcher {
    program: PathBuf,
    pub data_dir: PathBuf,
    settings_file: PathBuf,
    log: PathBuf,
    /// `None`: SQLite.
    database_url: Option<SecretString>,
    address: SocketAddr,
}

impl Launcher {
    /// Empties `<data_dir>/demo` and writes the settings of the daemon there.
    pub fn prepare(settings: &Settings, bank_port: u16) -> anyhow::Result<Self> {
        app::make_data_dir(&settings.data_dir)?;
        // Absolute, as browsers are told it: they are found by it.
        let data_dir = std::path::absolute(&settings.data_dir)?.join("demo");
        stage::empty(&data_dir)?;
        app::make_data_dir(&data_dir)?;
        // By this file the next demo knows its directory, also when no daemon came to make it.
        File::create(data_dir.join("lock"))?;
        let address = free_address().context("could not find a free port for the daemon")?;
        let settings_file = data_dir.join("reconbanker.toml");
        fs::write(&settings_file, daemon_settings(settings, &data_dir, address, bank_port).to_toml())
            .with_context(|| format!("could not write {}", settings_file.display()))?;
        Ok(Self {
            program: std::env::current_exe().context("could not find the path of this program")?,
            log: data_dir.join("daemon.log"),
            data_dir,
            settings_file,
            database_url: settings.database.url.clone(),
            address,
        })
    }

    /// Base URL of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The database by its name.
    pub fn engine(&self) -> &'static str {
        if self.database_url.is_some() { "PostgreSQL" } else { "SQLite" }
    }

    /// What to look at when the first start fails.
    pub fn advice(&self) -> &'static str {
        match self.database_url {
            Some(_) => "the daemon did not start; with database.url it needs an empty database or schema of its own",
            None => "the daemon did not start",
        }
    }

    /// Where browsers have their directories.
    pub fn profiles(&self) -> PathBuf {
        self.data_dir.join("profiles")
    }

    pub fn start(&self) -> anyhow::Result<Daemon> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("could not open {}", self.log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(["serve", "--config"]).arg(&self.settings_file);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // They are in the settings file already, and would win over it.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"RECONBANKER_") {
                command.env_remove(name);
            }
        }
        if let Some(url) = &self.database_url {
            command.env("RECONBANKER_DATABASE__URL", url.expose_secret());
        }
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("could not start {}", self.program.display()))?;
        Ok(Daemon { child, started, log: self.log.clone() })
    }
}

/// The given settings, turned towards the demo: loopback, a quick pace, and a window that covers the bank's history.
fn daemon_settings(settings: &Settings, data_dir: &Path, address: SocketAddr, bank_port: u16) -> Settings {
    let mut settings = settings.clone();
    data_dir.clone_into(&mut settings.data_dir);
    settings.server.listen = address;
    settings.server.registration = Registration::First;
    settings.server.requests_per_minute = 1_000_000;
    // Printed it would be masked; it goes along in the environment.
    settings.database.url = None;
    settings.outbound.allow.push("127.0.0.0/8".parse().expect("a network"));
    settings.schedule.scrape_every = Duration::from_mins(1);
    settings.schedule.scrape_jitter = Duration::ZERO;
    settings.schedule.poll_every = Duration::from_secs(1);
    settings.schedule.overlap_days = 5;
    settings.schedule.first_read_days = 10;
    settings.poll.cancel_after = Duration::from_secs(3);
    settings.poll.doubt_after = settings.poll.doubt_after.max(settings.poll.cancel_after);
    settings.jobs.sweep_every = Duration::from_secs(1);
    settings.demo = DemoSettings { bank_port, shop_port: 0, control_port: 0 };
    // What commands log that speak to a person; a log file may have more.
    if settings.log.filter == "warn" {
        "info,sqlx=warn,apalis_core=warn".clone_into(&mut settings.log.filter);
    }
    settings
}

/// The same for every start: customers' endpoints and tokens are stored, and the API does not move either.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A running daemon. Dropping it kills it.
pub(super) struct Daemon {
    child: Child,
    pub started: Instant,
    log: PathBuf,
}

impl Daemon {
    /// Waits until the API answers.
    pub async fn ready(&mut self, client: &Client) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            self.expect_alive()?;
            if matches!(client.try_call(Method::GET, "/readyz", None).await, Ok((200, _))) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the daemon did not answer within {} s; its log ends with:\n{}",
                    READY_WITHIN.as_secs(),
                    self.log_end()
                );
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the process with SIGKILL: only it, as when memory runs out.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.expect_alive()?;
        self.child.kill().context("could not kill the daemon")?;
        self.child.wait().context("could not wait for the end of the daemon")?;
        Ok(())
    }

    fn expect_alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the daemon ended by itself ({status}); its log ends with:\n{}", self.log_end()),
        }
    }

    fn log_end(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(LOG_EXCERPT_BYTES)..]).trim().to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processes that name a directory on their command line, or work in it.
pub(super) fn processes_in(directory: &Path) -> io::Result<Vec<String>> {
    let needle = directory.as_os_str().as_encoded_bytes();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc")?.flatten() {
        let path = process.path();
        // What is no process has no command line; one that just ended has an empty one.
        let Ok(command_line) = fs::read(path.join("cmdline")) else { continue };
        let names_it = command_line.windows(needle.len()).any(|window| window == needle);
        let works_there = fs::read_link(path.join("cwd")).is_ok_and(|place| place.starts_with(directory));
        if names_it || works_there {
            let text = String::from_utf8_lossy(&command_line).replace('\0', " ");
            found.push(format!("{} {}", process.file_name().display(), text.trim()));
        }
    }
    Ok(found)
}

/// Waits until no process has anything to do with a directory; returns those that still have.
pub(super) async fn outlasting(directory: &Path) -> io::Result<Vec<String>> {
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        let found = processes_in(directory)?;
        if found.is_empty() || Instant::now() > deadline {
            return Ok(found);
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    /// The daemon reads back what was written, whatever the demo itself was given.
    #[test]
    fn the_written_settings_are_good_and_hold_no_password() {
        let given = [
            ("database.url", "postgres://bank:hunter2@localhost/money"),
            ("poll.cancel_after", "0s"),
            ("poll.doubt_after", "0s"),
            ("demo.shop_port", "7001"),
            ("server.registration", "closed"),
            ("log.filter", "warn"),
        ];
        let overrides = given.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let given = Settings::load(Sources { overrides, ..Sources::default() }).expect("good settings");
        let address = SocketAddr::from(([127, 0, 0, 1], 4001));
        let text = daemon_settings(&given, Path::new("/data/demo"), address, 7001).to_toml();
        assert!(!text.contains("hunter2"), "{text}");

        let file = Some((PathBuf::from("reconbanker.toml"), text));
        let read = Settings::load(Sources { file, ..Sources::default() }).expect("the file is good");
        assert_eq!(read.data_dir, Path::new("/data/demo"));
        assert_eq!((read.server.listen, read.demo.bank_port, read.demo.shop_port), (address, 7001, 0));
        assert_eq!(read.server.registration, Registration::First);
        assert!(read.database.url.is_none());
        assert_eq!(read.log.filter, "info,sqlx=warn,apalis_core=warn");
    }

    #[test]
    fn a_process_is_found_by_the_directory_it_works_in() {
        let dir = tempfile::tempdir().expect("a directory");
        let profiles = dir.path().canonicalize().expect("it exists");
        assert_eq!(processes_in(&profiles).expect("a Linux system"), Vec::<String>::new());
        // Waits for the end of its input, which is ours to make.
        let mut child =
            Command::new("cat").current_dir(&profiles).stdin(Stdio::piped()).spawn().expect("cat is everywhere");
        let found = processes_in(&profiles).expect("a Linux system");
        drop(child.stdin.take());
        child.wait().expect("it ends");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(processes_in(&profiles).expect("a Linux system"), Vec::<String>::new());
    }
}
