//! The data directory with its keys and backups, and the disk under it.

use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use serde::Deserialize;

use super::{Finding, GIB, MIB, age, size, took};
use crate::disk::{self, Space};
use crate::domain::time::Instant;
use crate::vault::KeyError;

/// A commit waits for the disk twice or so, and a webhook for several commits.
const SLOW: Duration = Duration::from_millis(50);
const TOO_SLOW: Duration = Duration::from_secs(1);
/// Below this a full Chromium cannot share its pages between its processes; containers get as much by default.
const SHARED_MEMORY_MIN: u64 = 64 * MIB;
const BACKUP_OLD: TimeDelta = TimeDelta::hours(48);
const BACKUP_TOO_OLD: TimeDelta = TimeDelta::days(7);

/// Who owns a directory and who may enter it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    pub owner: u32,
    /// Permission bits alone.
    pub mode: u32,
}

/// `found` is `None` where nothing exists; `own` is the user who asks.
pub(super) fn data_directory(path: &Path, found: io::Result<Option<Access>>, own: u32) -> Finding {
    const NAME: &str = "data_directory";
    let shown = path.display();
    let access = match found {
        Ok(Some(access)) => access,
        Ok(None) => {
            return Finding::warning(
                NAME,
                &format!("{shown} does not exist yet"),
                "the first `reconbanker serve` makes it; if it should be there, check --data-dir and the mount",
            );
        }
        Err(error) => {
            return Finding::fault(NAME, &format!("{shown}: {error}"), "run doctor as the user of the daemon");
        }
    };
    if access.mode & 0o077 != 0 {
        let detail = format!("{shown} can be read by others (mode {:03o}); the daemon refuses it", access.mode);
        return Finding::fault(NAME, &detail, &format!("chmod 700 {shown}"));
    }
    if access.mode & 0o700 != 0o700 {
        let detail = format!("{shown} is closed to its own owner (mode {:03o})", access.mode);
        return Finding::fault(NAME, &detail, &format!("chmod 700 {shown}"));
    }
    match (access.owner == own, own) {
        (true, _) => Finding::fine(NAME, &format!("{shown}, private to user id {own}")),
        // Root sees everything, but not as the daemon sees it.
        (false, 0) => Finding::warning(
            NAME,
            &format!("{shown} belongs to user id {}, and doctor runs as root", access.owner),
            &format!("run doctor as the user of the daemon: sudo -u '#{}' reconbanker doctor", access.owner),
        ),
        (false, _) => Finding::fault(
            NAME,
            &format!("{shown} belongs to user id {}, and this is user id {own}", access.owner),
            &format!("run as its owner, or give it to this user: chown -R {own} {shown}"),
        ),
    }
}

/// How the keys stand to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belonging {
    /// The database could not be asked.
    Unknown,
    /// No keys were ever used with it.
    Fresh,
    Same,
    Other,
}

/// `dir_mode` is `None` where there is no directory, `loaded` the count of keys that could be read.
pub(super) fn keys(
    dir: &Path,
    dir_mode: Option<u32>,
    loaded: &Result<usize, KeyError>,
    belonging: Belonging,
) -> Finding {
    const NAME: &str = "keys";
    const COPY: &str = "put the right folder there, from its safe copy or from the other node";
    let shown = dir.display();
    if let Some(mode) = dir_mode.filter(|mode| mode & 0o700 != 0o700) {
        let detail = format!("{shown} is closed to its own owner (mode {mode:03o})");
        return Finding::fault(NAME, &detail, &format!("chmod 700 {shown}"));
    }
    let count = match loaded {
        Ok(count) => *count,
        Err(KeyError::Exposed { path, access, mode, wanted }) => {
            let detail = format!("{path} can be {access} by other users (mode {mode:03o}); the daemon refuses it");
            return Finding::fault(NAME, &detail, &format!("chmod {wanted} {path}"));
        }
        Err(KeyError::Damaged { path }) => {
            return Finding::fault(NAME, &format!("{path} does not hold a key"), "put the original back from its copy");
        }
        Err(KeyError::Io { attempt, path, source }) => {
            let detail = format!("could not {attempt} {path}: {source}");
            return Finding::fault(NAME, &detail, "check the disk, and run doctor as the user of the daemon");
        }
    };
    match (count, belonging) {
        (0, Belonging::Same | Belonging::Other) => {
            Finding::fault(NAME, &format!("{shown} has no key, and this database was made with one"), COPY)
        }
        (0, Belonging::Unknown | Belonging::Fresh) => Finding::warning(
            NAME,
            &format!("{shown} has no key yet"),
            "the first `reconbanker serve` makes one; copy it to a safe place then",
        ),
        (_, Belonging::Other) => {
            Finding::fault(NAME, &format!("the keys in {shown} are not those that this database was made with"), COPY)
        }
        (_, Belonging::Unknown) => {
            Finding::fine(NAME, &format!("{count} readable, private; not compared with the database"))
        }
        (_, Belonging::Fresh) => Finding::fine(NAME, &format!("{count} readable, private; the database is new")),
        (_, Belonging::Same) => Finding::fine(NAME, &format!("{count} readable, private, and those of this database")),
    }
}

/// With PostgreSQL little is kept there, and little room is enough.
pub(super) fn disk_space(place: &Path, found: io::Result<Space>, keeps: Keeps) -> Finding {
    const NAME: &str = "disk_space";
    let (warn_below, fault_below) = match keeps {
        Keeps::Database => (GIB, disk::DATABASE_ROOM_MIN_BYTES),
        Keeps::ProfilesOnly => (100 * MIB, disk::FILES_ROOM_MIN_BYTES),
    };
    let space = match found {
        Ok(space) => space,
        Err(error) => {
            return Finding::fault(NAME, &format!("{}: {error}", place.display()), "check the disk and its mount");
        }
    };
    let detail = format!("{} free of {} under {}", size(space.free_bytes), size(space.total_bytes), place.display());
    let remedy = "free space or enlarge the disk; when it is full nothing is recorded";
    if space.free_bytes < fault_below {
        Finding::fault(NAME, &detail, remedy)
    } else if space.free_bytes < warn_below {
        Finding::warning(NAME, &detail, remedy)
    } else {
        Finding::fine(NAME, &detail)
    }
}

/// What lies on the disk of the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    Database,
    ProfilesOnly,
}

/// `probe` is what came of writing a small file.
pub(super) fn disk_writable(place: &Path, probe: &io::Result<Duration>) -> Finding {
    const NAME: &str = "disk_writable";
    let shown = place.display();
    let Err(error) = probe else {
        return Finding::fine(NAME, &format!("{shown} can be written"));
    };
    let remedy = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "look into the kernel's log (dmesg) for why, check the disk, then mount it writable again"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space, or raise the quota of this user",
        io::ErrorKind::PermissionDenied => "run as the owner of the directory, or give it to this user with chown",
        _ => "check the disk: dmesg, smartctl",
    };
    Finding::fault(NAME, &format!("{shown} cannot be written: {error}"), remedy)
}

/// `probes` are the times of several small writes, each on the disk at its end; empty where none worked.
pub(super) fn disk_speed(probes: &[Duration]) -> Finding {
    const NAME: &str = "disk_speed";
    const REMEDY: &str = "move the data directory to a local SSD, or find what else keeps the disk busy";
    let mut sorted = probes.to_vec();
    sorted.sort_unstable();
    let Some(median) = sorted.get(sorted.len() / 2).copied() else {
        return Finding::warning(NAME, "not measured: nothing can be written", "see disk_writable");
    };
    let detail = format!("a small write takes {} (median of {})", took(median), sorted.len());
    if median >= TOO_SLOW {
        Finding::fault(NAME, &detail, REMEDY)
    } else if median >= SLOW {
        Finding::warning(NAME, &detail, REMEDY)
    } else {
        Finding::fine(NAME, &detail)
    }
}

/// `/dev/shm`: its room, and whether a file could be written there.
pub(super) fn shared_memory(found: io::Result<Space>, probe: io::Result<Duration>) -> Finding {
    const NAME: &str = "shared_memory";
    const REMEDY: &str = "give the container more: docker run --shm-size=256m, or mount a tmpfs on /dev/shm";
    match (found, probe) {
        (Err(error), _) => Finding::fault(NAME, &format!("/dev/shm: {error}"), REMEDY),
        (Ok(_), Err(error)) => Finding::fault(NAME, &format!("/dev/shm cannot be written: {error}"), REMEDY),
        (Ok(space), Ok(_)) if space.total_bytes < SHARED_MEMORY_MIN => {
            let detail = format!("/dev/shm has {}, less than {}", size(space.total_bytes), size(SHARED_MEMORY_MIN));
            Finding::warning(NAME, &detail, REMEDY)
        }
        (Ok(space), Ok(_)) => Finding::fine(NAME, &format!("/dev/shm has {}", size(space.total_bytes))),
    }
}

/// Whether a daemon uses the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Daemon {
    Running,
    Stopped,
    /// It could not be asked.
    Unknown,
}

pub(super) fn daemon(daemon: Daemon) -> Finding {
    match daemon {
        Daemon::Running => Finding::fine("daemon", "runs on this data directory"),
        Daemon::Stopped => Finding::warning(
            "daemon",
            "none runs on this data directory",
            "start it: systemctl start reconbanker, or `reconbanker serve`",
        ),
        Daemon::Unknown => Finding::warning(
            "daemon",
            "the lock of the data directory cannot be looked at",
            "run doctor as the user of the daemon",
        ),
    }
}

/// `directories` are those of browsers that run or ran.
pub(super) fn leftovers(directories: usize, daemon: Daemon) -> Finding {
    match (directories, daemon) {
        (0, _) => Finding::fine("leftovers", "no browser's directory"),
        (count, Daemon::Running) => Finding::fine("leftovers", &format!("{count} browser's directories, in use")),
        (count, Daemon::Stopped | Daemon::Unknown) => Finding::warning(
            "leftovers",
            &format!("{count} browser's directories are left, and they hold sessions of banks"),
            "start the daemon: it ends those browsers and removes the directories",
        ),
    }
}

/// What the backup command notes about its last success.
#[derive(Deserialize)]
struct LastBackup {
    at: String,
    file: String,
    bytes: u64,
}

/// `note` is the text of the note, `None` where no backup was ever made.
pub(super) fn backup_age(note: io::Result<Option<String>>, now: Instant) -> Finding {
    const NAME: &str = "backup_age";
    const REMEDY: &str = "make one: `reconbanker backup`, every day by a timer, and copy keys/ apart from it";
    let text = match note {
        Ok(Some(text)) => text,
        Ok(None) => return Finding::warning(NAME, "no backup was made yet", REMEDY),
        Err(error) => return Finding::warning(NAME, &format!("the note of the last backup: {error}"), REMEDY),
    };
    let read = serde_json::from_str::<LastBackup>(&text).ok();
    let read = read.and_then(|last| Some((DateTime::parse_from_rfc3339(&last.at).ok()?.to_utc(), last)));
    let Some((at, last)) = read else {
        return Finding::warning(NAME, "the note of the last backup cannot be read", REMEDY);
    };
    let old = now - at;
    let detail = format!("{} old: {} ({})", age(old), last.file, size(last.bytes));
    if old >= BACKUP_TOO_OLD {
        Finding::fault(NAME, &detail, REMEDY)
    } else if old >= BACKUP_OLD {
        Finding::warning(NAME, &detail, REMEDY)
    } else {
        Finding::fine(NAME, &detail)
    }
}

#[cfg(test)]
mod tests;
