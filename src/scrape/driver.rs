//! Starting a driver process under its guard, with a directory of its own, and ending both.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::BrowserSettings;
use crate::domain::run::Outcome;

/// A cold start on a loaded two-core machine takes about two seconds.
const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Processes killed a moment ago may still be leaving the directory.
const REMOVE_TRIES: usize = 20;
const REMOVE_PAUSE: Duration = Duration::from_millis(100);
/// Full Chromium puts a socket 45 characters below its temporary directory; a socket's path may have 107.
const SOCKET_DIRECTORY_LENGTH_MAX: usize = 62;
/// How much of what a driver printed is quoted when it does not start.
const LOG_EXCERPT_BYTES: usize = 400;

const DRIVERS: [&str; 3] =
    ["/usr/bin/chromedriver", "/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver"];

/// The real binaries: the script at `/usr/bin/chromium` adds flags and keys of its own.
const BROWSERS: [&str; 4] = [
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
];

/// A running driver, alone in its process group with its guard and its browser.
///
/// Dropping it kills the group and has the directory removed; [`Driver::stop`] also waits for both.
#[derive(Debug)]
pub struct Driver {
    guard: Child,
    /// The guard kills the group when this closes. Never written to.
    lifeline: Option<ChildStdin>,
    /// Kept open and unread: closed, it would break the driver's next print, and after its port the driver prints
    /// far less than the 64 KiB that the pipe holds.
    _output: Lines<BufReader<ChildStdout>>,
    port: u16,
    browser: PathBuf,
    directory: RunDirectory,
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "no {what} found; looked for {looked_for}. Install it (`apt-get install chromium-headless-shell \
         chromium-driver`) or give its path with `{option}`"
    )]
    NotFound { what: &'static str, looked_for: String, option: &'static str },
    #[error("the {what} given with `{option}` does not exist: {path}")]
    WrongPath { what: &'static str, path: String, option: &'static str },
    #[error("could not make the browser's directory under {path}; check who owns it")]
    Directory { path: String, source: io::Error },
    #[error("could not start the guard process {program}")]
    Guard { program: String, source: io::Error },
    #[error("the browser driver ended before it was ready: {log}")]
    Ended { log: String },
    #[error("the browser driver did not name its port within {} s: {log}", START_LIMIT.as_secs())]
    Silent { log: String },
}

impl StartError {
    /// How a run ends whose driver did not start.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NotFound { .. } | Self::WrongPath { .. } | Self::Directory { .. } | Self::Guard { .. } => {
                Outcome::Internal
            }
            Self::Ended { .. } | Self::Silent { .. } => Outcome::DriverLost,
        }
    }
}

/// The programs that a run needs, where they are on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub driver: PathBuf,
    pub browser: PathBuf,
}

impl Installed {
    /// Looks for both without starting anything; the error says what is missing and how to get it.
    pub fn find(settings: &BrowserSettings) -> Result<Self, StartError> {
        Ok(Self { driver: Self::find_driver(settings)?, browser: Self::find_browser(settings)? })
    }

    /// Looks for the driver alone.
    pub fn find_driver(settings: &BrowserSettings) -> Result<PathBuf, StartError> {
        find("browser driver", "--driver", settings.driver.as_deref(), driver_places())
    }

    /// Looks for the browser alone.
    pub fn find_browser(settings: &BrowserSettings) -> Result<PathBuf, StartError> {
        let browsers = BROWSERS.iter().map(PathBuf::from).collect();
        find("browser", "--browser", settings.browser.as_deref(), browsers)
    }
}

impl Driver {
    /// Starts a driver on a free loopback port. `label` names its directory, for people who look there.
    pub async fn start(settings: &BrowserSettings, label: &str) -> Result<Self, StartError> {
        let Installed { driver, browser } = Installed::find(settings)?;
        let directory = RunDirectory::create(&settings.profiles, label)
            .map_err(|source| StartError::Directory { path: settings.profiles.display().to_string(), source })?;

        let mut guard = guard_command(settings, &driver, &browser, &directory)
            .and_then(|mut command| command.spawn())
            .map_err(|source| StartError::Guard { program: settings.guard_program.display().to_string(), source })?;
        let lifeline = guard.stdin.take();
        let stdout = guard.stdout.take().expect("stdout was piped a moment ago");
        let mut output = BufReader::new(stdout).lines();
        let port = match timeout(START_LIMIT, read_port(&mut output)).await {
            Ok(Some(port)) => port,
            Ok(None) => return Err(StartError::Ended { log: directory.log_excerpt() }),
            Err(_) => return Err(StartError::Silent { log: directory.log_excerpt() }),
        };
        Ok(Self { guard, lifeline, _output: output, port, browser, directory })
    }

    /// Where the driver listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The browser binary that sessions of this driver are to use.
    #[must_use]
    pub fn browser(&self) -> &Path {
        &self.browser
    }

    /// The browser's profile; empty at the start, gone at the end.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.directory.path.join("profile")
    }

    /// Kills driver and browser, waits until the guard is gone and removes the directory.
    pub async fn stop(mut self) {
        self.kill();
        if timeout(STOP_LIMIT, self.guard.wait()).await.is_err() {
            tracing::warn!("a browser driver's guard did not end within {} s", STOP_LIMIT.as_secs());
        }
        self.directory.remove().await;
    }

    /// Kills the group directly as well as through the guard, which someone may have killed before.
    fn kill(&mut self) {
        drop(self.lifeline.take());
        // The id is known until the guard was waited for; until then no other group can have it.
        let group = self.guard.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            // It fails only when nobody is left in the group, which is what was wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends and removes what runs left behind whose daemon and guard were both killed. Call it at boot, before the
/// first run. One entry that resists takes nothing else down.
///
/// Returns how many directories there were.
pub fn remove_leftovers(profiles: &Path) -> io::Result<usize> {
    let entries = match std::fs::read_dir(profiles) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let path = entry?.path();
        let is_ours = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(RUN_PREFIX));
        if !is_ours || !path.is_dir() {
            continue;
        }
        kill_processes_of(&path);
        match remove_directory(&path) {
            Ok(()) => removed += 1,
            Err(error) => tracing::warn!(path = %path.display(), %error, "could not remove a browser's directory"),
        }
    }
    Ok(removed)
}

/// Browsers carry their run's directory, whose name is random, on their command line; drivers work in it.
fn kill_processes_of(directory: &Path) {
    let needle = directory.as_os_str().as_encoded_bytes();
    // The kernel tells working directories without links.
    let resolved = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let Ok(processes) = std::fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let id = process.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        let Some(id) = id else { continue };
        let command_line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let names_it = command_line.windows(needle.len()).any(|window| window == needle);
        let place = std::fs::read_link(process.path().join("cwd"));
        if names_it || place.is_ok_and(|place| place.starts_with(&resolved)) {
            // It may have ended in between.
            let _ = rustix::process::kill_process(id, Signal::KILL);
        }
    }
}

/// Tries for a while: what was killed a moment ago may still write into it.
fn remove_directory(path: &Path) -> io::Result<()> {
    for _ in 1..REMOVE_TRIES {
        if std::fs::remove_dir_all(path).is_ok() {
            return Ok(());
        }
        std::thread::sleep(REMOVE_PAUSE);
    }
    std::fs::remove_dir_all(path)
}

const RUN_PREFIX: &str = "run-";

/// HOME, temporary files and profile of one run: session cookies live here, so nobody else may look.
#[derive(Debug)]
struct RunDirectory {
    path: PathBuf,
    is_removed: bool,
}

impl RunDirectory {
    fn create(profiles: &Path, label: &str) -> io::Result<Self> {
        // Absolute, because the driver's working directory is nobody's promise.
        let profiles = std::path::absolute(profiles)?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&profiles)?;
        let path = profiles.join(format!("{RUN_PREFIX}{label}-{:08x}", rand::random::<u32>()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, is_removed: false })
    }

    fn log_path(&self) -> PathBuf {
        self.path.join("driver.log")
    }

    fn log_excerpt(&self) -> String {
        let log = std::fs::read(self.log_path()).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(LOG_EXCERPT_BYTES)..];
        match String::from_utf8_lossy(tail).trim() {
            "" => "it printed no reason".to_owned(),
            text => text.to_owned(),
        }
    }

    async fn remove(&mut self) {
        for _ in 0..REMOVE_TRIES {
            match tokio::fs::remove_dir_all(&self.path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => sleep(REMOVE_PAUSE).await,
                Ok(()) | Err(_) => {
                    self.is_removed = true;
                    return;
                }
            }
        }
        tracing::warn!(path = %self.path.display(), "could not remove a browser's directory; the next boot does");
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if self.is_removed || std::fs::remove_dir_all(&self.path).is_ok() {
            return;
        }
        // Processes that were just killed are still leaving. This thread drives others and cannot wait for them; what
        // resists longer than that, or finds no thread, is removed at the next boot.
        let path = std::mem::take(&mut self.path);
        let remove = move || {
            (0..REMOVE_TRIES).any(|_| {
                std::thread::sleep(REMOVE_PAUSE);
                std::fs::remove_dir_all(&path).is_ok() || !path.exists()
            })
        };
        let _ = std::thread::Builder::new().spawn(remove);
    }
}

fn guard_command(
    settings: &BrowserSettings,
    driver: &Path,
    browser: &Path,
    directory: &RunDirectory,
) -> io::Result<Command> {
    let log = std::fs::File::create(directory.log_path())?;
    let mut command = Command::new(&settings.guard_program);
    command
        .args(["guard", "--"])
        .arg(driver)
        .arg("--port=0")
        // An empty environment: the daemon's may hold secrets, and a proxy named there would resolve hosts itself
        // and so lead around the list of allowed ones. Crash reports follow HOME.
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", &directory.path)
        .current_dir(&directory.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .process_group(0);
    if is_headless_shell(browser) || directory.path.as_os_str().len() <= SOCKET_DIRECTORY_LENGTH_MAX {
        command.env("TMPDIR", &directory.path);
    }
    Ok(command)
}

/// Whether a binary is the small browser that has no window at all.
pub(super) fn is_headless_shell(browser: &Path) -> bool {
    browser.file_name().and_then(OsStr::to_str).is_some_and(|name| name.replace('_', "-").contains("headless-shell"))
}

/// Reads on until the driver names its port; `None` when it ended instead.
async fn read_port(output: &mut Lines<BufReader<ChildStdout>>) -> Option<u16> {
    while let Ok(Some(line)) = output.next_line().await {
        if let Some(port) = port_in(&line) {
            return Some(port);
        }
    }
    None
}

fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("started successfully on port ")?;
    rest.trim_end().trim_end_matches('.').parse().ok()
}

fn find(
    what: &'static str,
    option: &'static str,
    given: Option<&Path>,
    places: Vec<PathBuf>,
) -> Result<PathBuf, StartError> {
    if let Some(path) = given {
        return if path.is_file() {
            Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
        } else {
            Err(StartError::WrongPath { what, path: path.display().to_string(), option })
        };
    }
    let looked_for: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
    places.into_iter().find(|path| path.is_file()).ok_or(StartError::NotFound {
        what,
        looked_for: looked_for.join(", "),
        option,
    })
}

/// The fixed places first: they are the distribution's, which installs browser and driver of one version.
fn driver_places() -> Vec<PathBuf> {
    // PATH belongs to the machine and is no setting of ours.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|directory| directory.join("chromedriver"));
    let mut places: Vec<PathBuf> = DRIVERS.iter().map(PathBuf::from).collect();
    for place in on_path {
        if place.is_absolute() && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_line_that_says_it_started() {
        let check = |line: &str, expected: Option<u16>| assert_eq!(port_in(line), expected, "{line}");
        check("ChromeDriver was started successfully on port 38127.", Some(38127));
        check("ChromeDriver was started successfully on port 9515", Some(9515));
        check("Starting ChromeDriver 156.0.8078.79 (a21ce95) on port 0", None);
        check("ChromeDriver was started successfully on port 99999.", None);
        check("", None);
    }

    #[test]
    fn a_missing_driver_is_reported_with_the_places_and_the_remedy() {
        let error = find("browser driver", "--driver", None, vec![PathBuf::from("/nowhere/chromedriver")])
            .expect_err("nothing there")
            .to_string();
        for part in ["/nowhere/chromedriver", "apt-get install", "--driver"] {
            assert!(error.contains(part), "{error}");
        }
        let error = find("browser", "--browser", Some(Path::new("/nowhere/b")), Vec::new()).expect_err("nothing there");
        assert_eq!(error.to_string(), "the browser given with `--browser` does not exist: /nowhere/b");
    }

    #[test]
    fn the_headless_shell_is_known_by_its_name() {
        let check = |path: &str, expected: bool| assert_eq!(is_headless_shell(Path::new(path)), expected, "{path}");
        check("/usr/lib/chromium/chromium-headless-shell", true);
        check("/opt/chrome-headless-shell-linux64/chrome-headless-shell", true);
        check("/opt/headless_shell", true);
        check("/usr/lib/chromium/chromium", false);
        check("/opt/headless-shell/chromium", false);
    }
}
