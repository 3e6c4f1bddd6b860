//! The machine: its clock, memory, limits, certificates, and who else is on it.

use std::collections::BTreeSet;

use chrono::{Datelike, TimeDelta};

use super::{Finding, MIB, first_few, size};
use crate::domain::time::{BankZone, CLOCKS_APART_MAX, Instant};

/// A clock outside these years was never set.
const YEARS: std::ops::RangeInclusive<i32> = 2025..=2100;
/// How far clocks may stand apart before "set back" is the better explanation.
const PROGRAM_SLACK: TimeDelta = TimeDelta::days(1);
const EVENT_SLACK: TimeDelta = TimeDelta::seconds(60);
/// Machines that follow a time server are not so far apart.
const SERVER_WARNING: TimeDelta = TimeDelta::seconds(2);

/// What a browser takes while it reads a bank.
const BROWSER_BYTES: u64 = 110 * MIB;
/// Sockets, files and pipes of the daemon with all its workers are a few hundred.
const FILES_MIN: u64 = 1024;
/// Programs of ended browsers are waited for within seconds; more than a few stay only where nobody waits.
const UNREAPED_MAX: usize = 10;

/// Accounts of people; below are services, above containers and passing services.
const PEOPLE: std::ops::Range<u32> = 1_000..60_000;

/// What is known of the time. `None` where there is nothing to compare with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    pub now: Instant,
    /// When this program's file was written.
    pub program_built: Option<Instant>,
    /// The newest line of the log in the database.
    pub newest_event: Option<Instant>,
    /// How far the database server's clock is from ours, either way.
    pub server_apart: Option<TimeDelta>,
    /// Whether the system says that it follows a time server.
    pub is_synchronised: bool,
}

pub(super) fn clock(clocks: &Clocks) -> Finding {
    const REMEDY: &str = "set the clock and keep it set: timedatectl set-ntp true";
    let fault = |detail: String| Finding::fault("clock", &detail, REMEDY);
    let now = clocks.now.format("%Y-%m-%d %H:%M:%S UTC");
    if !YEARS.contains(&clocks.now.year()) {
        return fault(format!("{now} cannot be the time"));
    }
    if let Some(built) = clocks.program_built.filter(|built| *built > clocks.now + PROGRAM_SLACK) {
        return fault(format!("{now} is before this program was made ({})", built.format("%Y-%m-%d")));
    }
    if let Some(event) = clocks.newest_event.filter(|event| *event > clocks.now + EVENT_SLACK) {
        let event = event.format("%Y-%m-%d %H:%M:%S UTC");
        return fault(format!("{now}: it was set back, because the log in the database has reached {event}"));
    }
    match clocks.server_apart {
        Some(apart) if apart >= CLOCKS_APART_MAX => {
            return fault(format!("{now}, and the database server's clock is {} s away", apart.num_seconds()));
        }
        Some(apart) if apart >= SERVER_WARNING => {
            let detail = format!("{now}, and the database server's clock is {} s away", apart.num_seconds());
            return Finding::warning("clock", &detail, "let both machines follow a time server");
        }
        Some(_) | None => {}
    }
    let source = if clocks.is_synchronised { ", kept by a time server" } else { "" };
    Finding::fine("clock", &format!("{now}{source}"))
}

/// Banks by id with the name of the zone in which each counts its days.
pub(super) fn time_zones(banks: &BTreeSet<(String, String)>) -> Finding {
    let is_unknown = |(_, zone): &&(String, String)| BankZone::parse(zone).is_none();
    let unknown: Vec<String> = banks.iter().filter(is_unknown).map(|(bank, zone)| format!("{bank}: {zone}")).collect();
    if !unknown.is_empty() {
        return Finding::fault(
            "time_zones",
            &format!("no such time zone: {}", first_few(&unknown)),
            "give the recipe an IANA name such as America/Montevideo, or run the release that knows this one",
        );
    }
    let zones: BTreeSet<&str> = banks.iter().map(|(_, zone)| zone.as_str()).collect();
    let zones: Vec<String> = zones.into_iter().map(str::to_owned).collect();
    Finding::fine(
        "time_zones",
        &format!("banks count their days in {}; the machine's own zone does not matter", first_few(&zones)),
    )
}

/// `limit_bytes` is the container's, `None` without one.
pub(super) fn memory(available_bytes: Option<u64>, limit_bytes: Option<u64>, browsers_max: usize) -> Finding {
    let Some(available) = available_bytes else {
        return Finding::warning("memory", "/proc/meminfo does not say how much is left", "mount /proc");
    };
    let room = limit_bytes.map_or(available, |limit| limit.min(available));
    let needed = BROWSER_BYTES.saturating_mul(u64::try_from(browsers_max).unwrap_or(u64::MAX));
    let detail = format!("{} available; {browsers_max} browser(s) may take {}", size(room), size(needed));
    if room < needed {
        return Finding::warning("memory", &detail, "lower browser.max_sessions, or give the machine more memory");
    }
    Finding::fine("memory", &detail)
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
pub(super) fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limit of this process; `None` is none. The daemon may have been started with another.
pub(super) fn file_descriptors(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < FILES_MIN => Finding::warning(
            "file_descriptors",
            &format!("{limit} open files are permitted, fewer than {FILES_MIN}"),
            "raise the limit: LimitNOFILE=65536 in the unit, or ulimit -n 65536 before the start",
        ),
        Some(limit) => Finding::fine("file_descriptors", &format!("{limit} open files are permitted")),
        None => Finding::fine("file_descriptors", "any number of open files is permitted"),
    }
}

/// `unreaped` are processes that ended and that nobody waited for.
pub(super) fn processes(running: usize, unreaped: usize) -> Finding {
    let detail = format!("{running} run, {unreaped} ended and were not waited for");
    if unreaped > UNREAPED_MAX {
        return Finding::warning(
            "processes",
            &detail,
            "let the first process of the container collect the others' ends: docker run --init, or init: true",
        );
    }
    Finding::fine("processes", &detail)
}

/// Whether a line of `/proc/<id>/stat` tells of a process that ended and was not waited for. A name in brackets may
/// hold brackets itself.
pub(super) fn is_unreaped(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// User ids of other people who can log in, and who run programs now.
pub(super) fn single_tenant_host(logins: &BTreeSet<u32>, owners: &BTreeSet<u32>) -> Finding {
    let list = |ids: &BTreeSet<u32>| first_few(&ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut details = Vec::new();
    if !logins.is_empty() {
        details.push(format!("other users can log in here (user ids {})", list(logins)));
    }
    if !owners.is_empty() {
        details.push(format!("other users run programs here (user ids {})", list(owners)));
    }
    if details.is_empty() {
        return Finding::fine("single_tenant_host", "nobody else logs in or runs programs here");
    }
    Finding::warning(
        "single_tenant_host",
        &details.join("; "),
        "give Reconbanker a machine of its own: whoever becomes root here, or its user, reads the banks' open sessions",
    )
}

/// The people in `/etc/passwd` who can log in, except the user `own`.
pub(super) fn login_ids(passwd: &str, own: u32) -> BTreeSet<u32> {
    let id_of = |line: &str| -> Option<u32> {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, id, _, _, _, shell] = fields.as_slice() else { return None };
        let shell = shell.rsplit('/').next().unwrap_or_default();
        if matches!(shell, "nologin" | "false") { None } else { id.parse().ok() }
    };
    people(passwd.lines().filter_map(id_of), own)
}

/// Those of some user ids that are people's, except the user `own`.
pub(super) fn people(ids: impl Iterator<Item = u32>, own: u32) -> BTreeSet<u32> {
    ids.filter(|id| PEOPLE.contains(id) && *id != own).collect()
}

/// `bundle` is the file of root certificates that was found; `client` why HTTPS cannot be set up.
pub(super) fn tls_roots(bundle: Option<&str>, client: Result<(), String>) -> Finding {
    const REMEDY: &str = "install them: apt-get install ca-certificates";
    match (client, bundle) {
        (Err(reason), _) => Finding::fault("tls_roots", &reason, REMEDY),
        (Ok(()), Some(bundle)) => Finding::fine("tls_roots", &format!("certificates are checked against {bundle}")),
        (Ok(()), None) => {
            Finding::warning("tls_roots", "no file of root certificates is where systems keep it", REMEDY)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn a_clock_that_goes_back_is_a_fault() {
        let now = at("2026-11-20T13:00:00Z");
        let right = Clocks { now, program_built: None, newest_event: None, server_apart: None, is_synchronised: false };
        let check = |clocks: Clocks, expected: State| {
            let found = clock(&clocks);
            assert_eq!(found.state, expected, "{found:?}");
        };
        check(right, State::Fine);
        check(Clocks { now: at("1970-01-01T00:00:09Z"), ..right }, State::Fault);
        check(Clocks { now: at("2101-01-01T00:00:00Z"), ..right }, State::Fault);
        let built = |text: &str| Clocks { program_built: Some(at(text)), ..right };
        check(built("2026-11-21T12:00:00Z"), State::Fine);
        check(built("2026-11-22T00:00:00Z"), State::Fault);
        let event = |text: &str| Clocks { newest_event: Some(at(text)), ..right };
        check(event("2026-11-20T13:01:00Z"), State::Fine);
        check(event("2026-11-20T13:01:01Z"), State::Fault);
        let server = |seconds: i64| Clocks { server_apart: Some(TimeDelta::seconds(seconds)), ..right };
        check(server(1), State::Fine);
        check(server(2), State::Warning);
        check(server(14), State::Warning);
        check(server(15), State::Fault);
    }

    #[test]
    fn an_unknown_zone_is_named_with_its_bank() {
        let banks = |list: &[(&str, &str)]| -> BTreeSet<(String, String)> {
            list.iter().map(|(bank, zone)| ((*bank).to_owned(), (*zone).to_owned())).collect()
        };
        let fine = time_zones(&banks(&[("a", "America/Montevideo"), ("b", "America/Montevideo")]));
        assert_eq!(fine.state, State::Fine);
        assert!(fine.detail.starts_with("banks count their days in America/Montevideo;"), "{fine:?}");
        let wrong = time_zones(&banks(&[("a", "America/Montevideo"), ("b", "America/Nowhere")]));
        assert_eq!((wrong.state, wrong.detail.as_str()), (State::Fault, "no such time zone: b: America/Nowhere"));
    }

    #[test]
    fn memory_is_what_the_machine_has_within_the_containers_limit() {
        let check = |available: Option<u64>, limit: Option<u64>, browsers: usize, expected: State| {
            let found = memory(available.map(|mib| mib * MIB), limit.map(|mib| mib * MIB), browsers);
            assert_eq!(found.state, expected, "{found:?}");
        };
        check(Some(220), None, 2, State::Fine);
        check(Some(219), None, 2, State::Warning);
        check(Some(8_000), Some(200), 2, State::Warning);
        check(Some(8_000), Some(9_000), 2, State::Fine);
        check(None, None, 1, State::Warning);

        let meminfo = "MemTotal:       16384 kB\nMemFree:          100 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(available_bytes(meminfo), Some(2 * MIB));
        assert_eq!(available_bytes("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn limits_of_files_and_processes_are_compared() {
        let check = |limit: Option<u64>, expected: State| assert_eq!(file_descriptors(limit).state, expected);
        check(Some(1_023), State::Warning);
        check(Some(1_024), State::Fine);
        check(None, State::Fine);

        assert_eq!(processes(40, 10).state, State::Fine);
        assert_eq!(processes(40, 11).state, State::Warning);
        assert!(is_unreaped("42 (chromium) Z 1 42 42"));
        assert!(!is_unreaped("42 (a) Z (b) S 1 42 42"));
    }

    #[test]
    fn people_are_told_from_services() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\n\
            www:x:33:33::/var/www:/usr/sbin/nologin\n\
            ana:x:1000:1000:Ana:/home/ana:/bin/bash\n\
            ftp:x:1001:1001::/srv:/bin/false\n\
            bob:x:1002:1002::/home/bob:\n\
            own:x:1003:1003::/home/own:/bin/sh\n\
            nobody:x:65534:65534::/nonexistent:/bin/sh\n\
            broken line\n";
        let logins = login_ids(passwd, 1_003);
        assert_eq!(logins, BTreeSet::from([1_000, 1_002]), "an empty shell is /bin/sh");
        let found = single_tenant_host(&logins, &BTreeSet::from([1_000]));
        assert_eq!(found.state, State::Warning);
        assert!(found.detail.contains("1000; 1002") && !found.detail.contains("ana"), "{found:?}");
        assert_eq!(single_tenant_host(&BTreeSet::new(), &BTreeSet::new()).state, State::Fine);
        assert_eq!(people([0, 1_003, 1_004, 61_184].into_iter(), 1_003), BTreeSet::from([1_004]));
    }

    #[test]
    fn https_needs_root_certificates() {
        assert_eq!(tls_roots(Some("/etc/ssl/certs/ca-certificates.crt"), Ok(())).state, State::Fine);
        assert_eq!(tls_roots(None, Ok(())).state, State::Warning);
        assert_eq!(tls_roots(None, Err("no roots".to_owned())).state, State::Fault);
    }
}
