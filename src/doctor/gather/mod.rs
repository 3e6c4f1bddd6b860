//! Asks disk, machine, programs and database, each within a time limit, and hands the facts to the judgements.

mod data;
mod host;
mod programs;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::app;
use crate::config::Settings;
use crate::doctor::storage::{self, Daemon};
use crate::doctor::{Finding, Report, settings};

/// Longest wait for one look.
const LIMIT: Duration = Duration::from_secs(5);
/// Into the database one look follows another, each with the limit above.
const DATABASE_LIMIT: Duration = Duration::from_secs(25);

/// Looks at everything.
pub async fn examine(settings: &Settings) -> Report {
    let settings = Arc::new(settings.clone());
    let mut findings = from_settings(&settings);
    // The disk by itself: whatever else reads and writes meanwhile would count as its slowness.
    let shared = Arc::clone(&settings);
    findings.extend(look(LIMIT, &host::STORAGE, move || host::storage(&shared)).await);
    let shared = Arc::clone(&settings);
    let in_use = blocking(LIMIT, move || app::is_in_use(&shared.data_dir)).await;
    let daemon = match in_use {
        Ok(Ok(true)) => Daemon::Running,
        Ok(Ok(false)) => Daemon::Stopped,
        Ok(Err(_)) | Err(_) => Daemon::Unknown,
    };
    findings.push(storage::daemon(daemon));

    let (files, machine) = (Arc::clone(&settings), Arc::clone(&settings));
    let (files, machine, programs, database) = tokio::join!(
        look(LIMIT, &host::FILES, move || host::files(&files, daemon)),
        look(LIMIT, &host::MACHINE, move || host::machine(&machine)),
        task(LIMIT, &programs::NAMES, Box::pin(programs::findings(Arc::clone(&settings)))),
        task(DATABASE_LIMIT, &data::NAMES, Box::pin(data::findings(Arc::clone(&settings), daemon))),
    );
    findings.extend([database, files, programs, machine].into_iter().flatten());
    Report { findings }
}

fn from_settings(settings: &Settings) -> Vec<Finding> {
    let server = &settings.server;
    vec![
        settings::settings(&settings.warnings()),
        settings::listen(server.listen, &server.trusted_proxies),
        settings::registration(server.registration, server.listen),
        settings::outbound(&settings.outbound.allow),
    ]
}

/// Why a look brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Late,
    Broken,
}

/// Runs what may block. What is late goes on by itself, and ends with the process.
async fn blocking<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Lost> {
    match timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(_panicked)) => Err(Lost::Broken),
        Err(_elapsed) => Err(Lost::Late),
    }
}

/// The findings of a look that may block, or for each of its names that it brought nothing.
async fn look(
    limit: Duration,
    names: &[&'static str],
    work: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    blocking(limit, work).await.unwrap_or_else(|why| lost(limit, names, why))
}

/// The same for a look that waits instead.
async fn task(
    limit: Duration,
    names: &[&'static str],
    work: impl Future<Output = Vec<Finding>> + Send + 'static,
) -> Vec<Finding> {
    match timeout(limit, TaskTracker::new().spawn(work)).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(_panicked)) => lost(limit, names, Lost::Broken),
        Err(_elapsed) => lost(limit, names, Lost::Late),
    }
}

fn lost(limit: Duration, names: &[&'static str], why: Lost) -> Vec<Finding> {
    let finding = |name: &'static str| match why {
        Lost::Late => Finding::fault(
            name,
            &format!("no answer within {} s", limit.as_secs()),
            "find out what hangs, a disk, a network file system or a program, then ask again",
        ),
        Lost::Broken => Finding::warning(name, "the check itself broke off", "report what stands on standard error"),
    };
    names.iter().copied().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::doctor::State;

    #[tokio::test]
    async fn a_look_that_hangs_or_breaks_is_told_and_hides_no_other() {
        let (release, held) = mpsc::channel::<()>();
        let hangs = move || {
            held.recv().expect_err("nothing is ever sent");
            Vec::new()
        };
        let (late, never, broken, works) = tokio::join!(
            look(Duration::ZERO, &["disk_space", "disk_speed"], hangs),
            task(Duration::ZERO, &["browser"], std::future::pending()),
            look(LIMIT, &["memory"], || panic!("a look may break")),
            look(LIMIT, &["keys"], || vec![Finding::fine("keys", "there")]),
        );
        drop(release);
        let states = |findings: &[Finding]| -> Vec<(&'static str, State)> {
            findings.iter().map(|finding| (finding.name, finding.state)).collect()
        };
        assert_eq!(states(&late), [("disk_space", State::Fault), ("disk_speed", State::Fault)]);
        assert_eq!(states(&never), [("browser", State::Fault)]);
        assert_eq!(states(&broken), [("memory", State::Warning)]);
        assert_eq!(states(&works), [("keys", State::Fine)]);
    }
}
