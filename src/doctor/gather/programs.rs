//! Facts about browser and driver.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::host;
use crate::app;
use crate::config::Settings;
use crate::doctor::Finding;
use crate::doctor::browser::{self, Program, RunsAs, Sandbox};
use crate::scrape::driver::{Installed, StartError};

pub(super) const NAMES: [&str; 3] = ["browser", "driver", "sandbox"];

/// Less than a look may take, so that a program that hangs is named.
const VERSION_LIMIT: Duration = Duration::from_secs(4);
/// How much of what a program complained is quoted, in characters.
const COMPLAINT_CHARS_MAX: usize = 200;

/// Files of the kernel's settings, each with the content that forbids user namespaces.
const FORBIDDING: [(&str, &str); 3] = [
    ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("/proc/sys/user/max_user_namespaces", "0"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
];

pub(super) async fn findings(settings: Arc<Settings>) -> Vec<Finding> {
    // Nothing is started under guard here.
    let places = app::browser_settings(&settings, Path::new(""));
    let (found, driver) =
        tokio::join!(program(Installed::find_browser(&places)), program(Installed::find_driver(&places)));
    vec![
        browser::browser(&found),
        browser::driver(&driver, &found),
        browser::sandbox(runs_as(&settings), sandbox_of(&found)),
    ]
}

/// Asks a program for its version. It gets no environment, because ours may hold secrets.
async fn program(found: Result<PathBuf, StartError>) -> Program {
    let path = match found {
        Ok(path) => path,
        Err(error) => return Program::Missing(error.to_string()),
    };
    let mut command = Command::new(&path);
    command.arg("--version").env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir("/");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let reason = match timeout(VERSION_LIMIT, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            return Program::from_answer(&path, &String::from_utf8_lossy(&output.stdout));
        }
        Ok(Ok(output)) => {
            let complaint: String = String::from_utf8_lossy(&output.stderr).chars().take(COMPLAINT_CHARS_MAX).collect();
            format!("{} {complaint}", output.status)
        }
        Ok(Err(error)) => error.to_string(),
        Err(_elapsed) => format!("no answer within {} s", VERSION_LIMIT.as_secs()),
    };
    Program::Silent { path, reason }
}

fn runs_as(settings: &Settings) -> RunsAs {
    match (host::daemon_user(settings), settings.browser.allow_root) {
        (0, true) => RunsAs::RootByPermission,
        (0, false) => RunsAs::Root,
        (_, _) => RunsAs::User,
    }
}

fn sandbox_of(browser: &Program) -> Sandbox {
    let browser = match browser {
        Program::Found { path, .. } | Program::Silent { path, .. } => path.as_path(),
        Program::Missing(_) => Path::new("/usr/lib/chromium/chromium"),
    };
    let helper = fs::metadata(browser.with_file_name("chrome-sandbox"));
    if helper.is_ok_and(|found| found.uid() == 0 && found.mode() & 0o4000 != 0) {
        return Sandbox::Helper;
    }
    let says = |file: &str, content: &str| fs::read_to_string(file).is_ok_and(|text| text.trim() == content);
    match FORBIDDING.into_iter().find(|(file, content)| says(file, content)) {
        Some((forbidden_by, _)) => Sandbox::Nothing { forbidden_by },
        None => Sandbox::Namespaces,
    }
}
