use super::*;
use crate::doctor::State;

fn dir() -> &'static Path {
    Path::new("/var/lib/reconbanker")
}

#[track_caller]
fn holds(finding: &Finding, state: State, parts: &[&str]) {
    assert_eq!(finding.state, state, "{finding:?}");
    let said = format!("{} {}", finding.detail, finding.remedy.as_deref().unwrap_or_default());
    for part in parts {
        assert!(said.contains(part), "no \"{part}\" in {finding:?}");
    }
}

#[test]
fn the_data_directory_is_private_and_ours() {
    let check = |owner: u32, mode: u32, own: u32, state: State, part: &str| {
        holds(&data_directory(dir(), Ok(Some(Access { owner, mode })), own), state, &[part]);
    };
    check(1_000, 0o700, 1_000, State::Fine, "private to user id 1000");
    check(0, 0o700, 0, State::Fine, "private to user id 0");
    check(1_000, 0o755, 1_000, State::Fault, "chmod 700 /var/lib/reconbanker");
    check(1_000, 0o710, 1_000, State::Fault, "mode 710");
    check(1_000, 0o600, 1_000, State::Fault, "closed to its own owner");
    check(1_000, 0o700, 0, State::Warning, "sudo -u '#1000'");
    check(0, 0o700, 1_000, State::Fault, "chown -R 1000");
    holds(&data_directory(dir(), Ok(None), 0), State::Warning, &["does not exist yet"]);
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    holds(&data_directory(dir(), Err(denied), 1_000), State::Fault, &["permission denied"]);
}

#[test]
fn keys_are_private_readable_and_those_of_the_database() {
    let keys_dir = dir().join("keys");
    let check = |mode: Option<u32>, loaded: Result<usize, KeyError>, belonging: Belonging, state: State, part: &str| {
        holds(&keys(&keys_dir, mode, &loaded, belonging), state, &[part]);
    };
    check(Some(0o700), Ok(1), Belonging::Same, State::Fine, "those of this database");
    check(Some(0o755), Ok(1), Belonging::Same, State::Fine, "those of this database");
    check(Some(0o700), Ok(1), Belonging::Fresh, State::Fine, "new");
    check(Some(0o700), Ok(1), Belonging::Unknown, State::Fine, "not compared");
    check(Some(0o700), Ok(1), Belonging::Other, State::Fault, "are not those");
    check(None, Ok(0), Belonging::Fresh, State::Warning, "no key yet");
    check(None, Ok(0), Belonging::Unknown, State::Warning, "no key yet");
    check(None, Ok(0), Belonging::Other, State::Fault, "was made with one");
    check(Some(0o644), Ok(1), Belonging::Same, State::Fault, "chmod 700 /var/lib/reconbanker/keys");
    let exposed = KeyError::Exposed { path: "k".to_owned(), access: "read", mode: 0o644, wanted: "600" };
    check(Some(0o700), Err(exposed), Belonging::Unknown, State::Fault, "chmod 600 k");
    let damaged = KeyError::Damaged { path: "k".to_owned() };
    check(Some(0o700), Err(damaged), Belonging::Unknown, State::Fault, "k does not hold a key");
    let source = io::Error::from(io::ErrorKind::PermissionDenied);
    let denied = KeyError::Io { attempt: "open", path: "k".to_owned(), source };
    check(Some(0o700), Err(denied), Belonging::Unknown, State::Fault, "could not open k: permission denied");
}

#[test]
fn room_is_judged_by_what_lies_there() {
    let check = |free_bytes: u64, keeps: Keeps, state: State| {
        let space = Space { free_bytes, total_bytes: 10 * GIB, is_read_only: false };
        holds(&disk_space(dir(), Ok(space), keeps), state, &["of 10.0 GiB under /var/lib/reconbanker"]);
    };
    check(GIB, Keeps::Database, State::Fine);
    check(GIB - 1, Keeps::Database, State::Warning);
    check(100 * MIB, Keeps::Database, State::Warning);
    check(100 * MIB - 1, Keeps::Database, State::Fault);
    check(100 * MIB, Keeps::ProfilesOnly, State::Fine);
    check(100 * MIB - 1, Keeps::ProfilesOnly, State::Warning);
    check(10 * MIB - 1, Keeps::ProfilesOnly, State::Fault);
    let gone = io::Error::from_raw_os_error(5);
    holds(&disk_space(dir(), Err(gone), Keeps::Database), State::Fault, &["os error 5"]);
}

#[test]
fn why_a_disk_cannot_be_written_is_said_in_the_systems_words() {
    // Numbers of Linux: ENOSPC, EROFS, EACCES, EIO, EDQUOT.
    let check = |number: i32, parts: &[&str]| {
        holds(&disk_writable(dir(), &Err(io::Error::from_raw_os_error(number))), State::Fault, parts);
    };
    check(28, &["No space left on device", "free space"]);
    check(30, &["Read-only file system", "dmesg"]);
    check(13, &["Permission denied", "chown"]);
    check(5, &["os error 5", "smartctl"]);
    check(122, &["os error 122", "quota"]);
    holds(&disk_writable(dir(), &Ok(Duration::ZERO)), State::Fine, &["can be written"]);
}

#[test]
fn the_median_of_the_probes_counts() {
    let check = |times_ms: &[u64], state: State| {
        let probes: Vec<Duration> = times_ms.iter().map(|time| Duration::from_millis(*time)).collect();
        holds(&disk_speed(&probes), state, &[]);
    };
    check(&[1, 49, 900], State::Fine);
    check(&[900, 1, 50], State::Warning);
    check(&[999], State::Warning);
    check(&[1_000], State::Fault);
    check(&[], State::Warning);
    holds(&disk_speed(&[Duration::from_millis(60)]), State::Warning, &["60 ms (median of 1)"]);
}

#[test]
fn shared_memory_is_large_enough_and_writable() {
    let check = |total_bytes: u64, probe: io::Result<Duration>, state: State| {
        let space = Space { free_bytes: total_bytes, total_bytes, is_read_only: false };
        holds(&shared_memory(Ok(space), probe), state, &["/dev/shm"]);
    };
    check(64 * MIB, Ok(Duration::ZERO), State::Fine);
    check(64 * MIB - 1, Ok(Duration::ZERO), State::Warning);
    check(64 * MIB, Err(io::ErrorKind::PermissionDenied.into()), State::Fault);
    let missing = shared_memory(Err(io::ErrorKind::NotFound.into()), Err(io::ErrorKind::NotFound.into()));
    holds(&missing, State::Fault, &["--shm-size"]);
}

#[test]
fn leftovers_matter_while_no_daemon_runs() {
    let check = |count: usize, daemon: Daemon, state: State| holds(&leftovers(count, daemon), state, &[]);
    check(0, Daemon::Stopped, State::Fine);
    check(2, Daemon::Running, State::Fine);
    check(2, Daemon::Stopped, State::Warning);
    check(2, Daemon::Unknown, State::Warning);
    holds(&daemon(Daemon::Running), State::Fine, &[]);
    holds(&daemon(Daemon::Stopped), State::Warning, &["serve"]);
    holds(&daemon(Daemon::Unknown), State::Warning, &["as the user of the daemon"]);
}

#[test]
fn a_backup_grows_old() {
    let now: Instant = "2026-11-20T13:00:00Z".parse().expect("an instant");
    let check = |at: &str, state: State, part: &str| {
        let note = format!(r#"{{"at": "{at}", "file": "/backups/a.tar", "bytes": 2097152, "more": 1}}"#);
        holds(&backup_age(Ok(Some(note)), now), state, &[part]);
    };
    check("2026-11-20T12:00:00Z", State::Fine, "60 min old: /backups/a.tar (2 MiB)");
    check("2026-11-18T13:00:01Z", State::Fine, "47 h old");
    check("2026-11-18T10:00:00-03:00", State::Warning, "2 days old");
    check("2026-11-13T13:00:01Z", State::Warning, "6 days old");
    check("2026-11-13T13:00:00Z", State::Fault, "7 days old");
    check("yesterday", State::Warning, "cannot be read");
    holds(&backup_age(Ok(None), now), State::Warning, &["no backup", "reconbanker backup"]);
    holds(&backup_age(Ok(Some("{}".to_owned())), now), State::Warning, &["cannot be read"]);
    holds(&backup_age(Err(io::ErrorKind::PermissionDenied.into()), now), State::Warning, &["permission denied"]);
}
