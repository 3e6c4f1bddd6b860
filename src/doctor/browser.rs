//! The programs that read banks: whether they are there, fit together, and are locked in.

use std::path::{Path, PathBuf};

use super::Finding;

const INSTALL: &str = "apt-get install chromium-headless-shell chromium-driver, or name them: --browser, --driver";

/// A program that was looked for and asked for its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Program {
    /// Where it was looked for.
    Missing(String),
    /// It is there and does not say its version.
    Silent { path: PathBuf, reason: String },
    /// It starts.
    Found { path: PathBuf, version: String },
}

impl Program {
    /// What a program is that printed this when it was asked for its version.
    pub(super) fn from_answer(path: &Path, printed: &str) -> Self {
        match version(printed) {
            Some(version) => Self::Found { path: path.to_owned(), version: version.to_owned() },
            None => Self::Silent { path: path.to_owned(), reason: "it printed no version".to_owned() },
        }
    }

    /// The finding when something is wrong with the program itself, else path and version.
    fn judge(&self, name: &'static str) -> Result<(&Path, &str), Finding> {
        match self {
            Self::Missing(why) => Err(Finding::fault(name, why, INSTALL)),
            Self::Silent { path, reason } => {
                let detail = format!("{} does not start: {reason}", path.display());
                Err(Finding::fault(name, &detail, "start it by hand with --version to see why; install it again"))
            }
            Self::Found { path, version } => Ok((path.as_path(), version.as_str())),
        }
    }
}

pub(super) fn browser(browser: &Program) -> Finding {
    match browser.judge("browser") {
        Ok((path, version)) => Finding::fine("browser", &format!("{} {version}", path.display())),
        Err(finding) => finding,
    }
}

/// The driver must be made for the browser: their major versions are the same.
pub(super) fn driver(driver: &Program, browser: &Program) -> Finding {
    let (path, version) = match driver.judge("driver") {
        Ok(found) => found,
        Err(finding) => return finding,
    };
    let detail = format!("{} {version}", path.display());
    match browser {
        Program::Found { version: other, .. } if major(other) != major(version) => Finding::fault(
            "driver",
            &format!("{detail} is not made for browser {other}"),
            "install both from one source, and restart after an update of one of them",
        ),
        Program::Found { .. } => Finding::fine("driver", &detail),
        Program::Missing(_) | Program::Silent { .. } => {
            Finding::fine("driver", &format!("{detail}; not compared with the browser"))
        }
    }
}

/// The first word that begins with a digit: `156.0.8078.114` of "Chromium 156.0.8078.114 Debian".
fn version(printed: &str) -> Option<&str> {
    printed.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// As whom the daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunsAs {
    User,
    /// Real banks are refused.
    Root,
    /// Real banks are read all the same, because `browser.allow_root` says so.
    RootByPermission,
}

/// How a browser can lock its pages in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sandbox {
    /// By a helper that is set-user-id root.
    Helper,
    /// By the namespaces that the kernel gives to every user.
    Namespaces,
    /// Not at all: there is no helper, and this file of the kernel's settings forbids namespaces.
    Nothing { forbidden_by: &'static str },
}

pub(super) fn sandbox(runs_as: RunsAs, sandbox: Sandbox) -> Finding {
    const NAME: &str = "sandbox";
    const OTHER_USER: &str = "run the daemon as a user of its own, without browser.allow_root";
    match (runs_as, sandbox) {
        (RunsAs::Root, _) => {
            Finding::warning(NAME, "as root a browser has none, and so real banks are refused", OTHER_USER)
        }
        (RunsAs::RootByPermission, _) => {
            Finding::warning(NAME, "as root a browser has none, and browser.allow_root reads real banks so", OTHER_USER)
        }
        (RunsAs::User, Sandbox::Helper) => Finding::fine(NAME, "by the set-user-id helper beside the browser"),
        (RunsAs::User, Sandbox::Namespaces) => Finding::fine(NAME, "by user namespaces"),
        (RunsAs::User, Sandbox::Nothing { forbidden_by }) => Finding::fault(
            NAME,
            &format!("no helper beside the browser, and {forbidden_by} forbids user namespaces: it will not start"),
            "apt-get install chromium-sandbox, or permit user namespaces with sysctl",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn found(printed: &str) -> Program {
        Program::from_answer(Path::new("/usr/bin/program"), printed)
    }

    #[test]
    fn a_version_is_read_from_what_browsers_and_drivers_print() {
        let check = |printed: &str, expected: Option<(&str, Option<u32>)>| {
            assert_eq!(version(printed).map(|version| (version, major(version))), expected, "{printed}");
        };
        check("Chromium 156.0.8078.114 ", Some(("156.0.8078.114", Some(156))));
        check("Google Chrome 140.0.7339.80 unknown\n", Some(("140.0.7339.80", Some(140))));
        check("ChromeDriver 156.0.8078.114 (ea19f97-refs@{#5})", Some(("156.0.8078.114", Some(156))));
        check("Permission denied", None);
        check("", None);
    }

    #[test]
    fn browser_and_driver_are_of_one_major_version() {
        let check = |browser_says: &str, driver_says: &str, expected: [State; 2]| {
            let (one, other) = (found(browser_says), found(driver_says));
            assert_eq!([browser(&one).state, driver(&other, &one).state], expected, "{browser_says}, {driver_says}");
        };
        check("Chromium 156.0.1.2", "ChromeDriver 156.0.3.4 (x)", [State::Fine, State::Fine]);
        check("Chromium 156.0.1.2", "ChromeDriver 155.0.1.2 (x)", [State::Fine, State::Fault]);
        check("Chromium 156.0.1.2", "nothing", [State::Fine, State::Fault]);
        check("nothing", "ChromeDriver 156.0.3.4 (x)", [State::Fault, State::Fine]);
        let missing = Program::Missing("no browser found; looked for /nowhere".to_owned());
        assert_eq!(browser(&missing).state, State::Fault);
        assert!(browser(&missing).detail.contains("/nowhere"));
    }

    #[test]
    fn a_user_needs_a_helper_or_namespaces() {
        let check = |runs_as: RunsAs, locked: Sandbox, expected: State| {
            assert_eq!(sandbox(runs_as, locked).state, expected, "{runs_as:?} {locked:?}");
        };
        let nothing = Sandbox::Nothing { forbidden_by: "/proc/sys/user/max_user_namespaces" };
        check(RunsAs::User, Sandbox::Helper, State::Fine);
        check(RunsAs::User, Sandbox::Namespaces, State::Fine);
        check(RunsAs::User, nothing, State::Fault);
        check(RunsAs::Root, Sandbox::Helper, State::Warning);
        check(RunsAs::RootByPermission, Sandbox::Helper, State::Warning);
        assert!(sandbox(RunsAs::User, nothing).detail.contains("max_user_namespaces"));
    }
}
