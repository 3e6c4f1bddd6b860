//! Facts about disk, files and machine. Everything here may block.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Stopwatch};

use rustix::process::{Resource, geteuid, getrlimit};

use crate::app;
use crate::config::Settings;
use crate::disk;
use crate::doctor::storage::{self, Access, Daemon, Keeps};
use crate::doctor::{Finding, machine, settings};
use crate::domain::time::{Clock, Instant, SystemClock};
use crate::scrape::catalogue::Catalogue;
use crate::vault::{KeyError, KeyRing, Vault};

/// Where the backup command notes its last success, in the data directory.
const LAST_BACKUP: &str = "last-backup.json";
/// An odd number has a median.
const PROBES: usize = 9;
/// A disk on which the probes take longer has told enough.
const PROBES_LIMIT: Duration = Duration::from_secs(2);
const SHARED_MEMORY: &str = "/dev/shm";

/// Where systems keep their root certificates.
const CERTIFICATES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

pub(super) const STORAGE: [&str; 4] = ["data_directory", "disk_space", "disk_writable", "disk_speed"];

pub(super) fn storage(settings: &Settings) -> Vec<Finding> {
    let dir = &settings.data_dir;
    // Where it does not exist yet, the place counts in which it will be made.
    let place = nearest_existing(dir);
    let keeps = match settings.database.url {
        None => Keeps::Database,
        Some(_) => Keeps::ProfilesOnly,
    };
    let (first, times) = probe(&place);
    vec![
        storage::data_directory(dir, access(dir), geteuid().as_raw()),
        storage::disk_space(&place, disk::space(&place), keeps),
        storage::disk_writable(&place, &first),
        storage::disk_speed(&times),
    ]
}

fn nearest_existing(dir: &Path) -> PathBuf {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    dir.ancestors().find(|place| place.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// What the first write says, and how long it and some more took.
fn probe(place: &Path) -> (io::Result<Duration>, Vec<Duration>) {
    let started = Stopwatch::now();
    let first = disk::write_probe(place);
    let mut times: Vec<Duration> = first.iter().copied().collect();
    while !times.is_empty() && times.len() < PROBES && started.elapsed() < PROBES_LIMIT {
        match disk::write_probe(place) {
            Ok(took) => times.push(took),
            Err(_) => break,
        }
    }
    (first, times)
}

fn access(path: &Path) -> io::Result<Option<Access>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(Access { owner: found.uid(), mode: found.mode() & 0o777 })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// As whom the daemon runs: the owner of its directory, whoever asks.
pub(super) fn daemon_user(settings: &Settings) -> u32 {
    let owner = access(&settings.data_dir).ok().flatten().map(|access| access.owner);
    owner.unwrap_or_else(|| geteuid().as_raw())
}

/// What the keys say.
pub(super) struct Keys {
    pub dir: PathBuf,
    /// `None` where there is no directory.
    pub mode: Option<u32>,
    /// How many can be read.
    pub loaded: Result<usize, KeyError>,
    /// What a database made with them remembers of them; `None` without keys.
    pub check: Option<[u8; 32]>,
}

pub(super) fn keys(settings: &Settings) -> Keys {
    let dir = settings.data_dir.join("keys");
    let mode = access(&dir).ok().flatten().map(|access| access.mode);
    let (loaded, check) = match KeyRing::load_existing(&dir) {
        Ok(Some(ring)) => (Ok(ring.count()), Some(app::key_check(&Vault::new(&ring)))),
        Ok(None) => (Ok(0), None),
        Err(error) => (Err(error), None),
    };
    Keys { dir, mode, loaded, check }
}

/// Ids of the recipes' banks with their zones.
pub(super) fn recipe_zones(settings: &Settings) -> BTreeSet<(String, String)> {
    let catalogue = Catalogue::load(Some(&settings.data_dir.join("scrapers"))).unwrap_or_default();
    let zones = catalogue.iter().map(|recipe| (recipe.meta.id.clone(), recipe.zone().0.name().to_owned()));
    zones.collect()
}

pub(super) const FILES: [&str; 3] = ["recipes", "backup_age", "leftovers"];

pub(super) fn files(settings: &Settings, daemon: Daemon) -> Vec<Finding> {
    let dir = &settings.data_dir;
    let (loaded, problems) = match Catalogue::load(Some(&dir.join("scrapers"))) {
        Ok(catalogue) => (catalogue.iter().count(), catalogue.problems().to_vec()),
        Err(error) => (0, vec![error.to_string()]),
    };
    let note = match fs::read_to_string(dir.join(LAST_BACKUP)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let profiles = fs::read_dir(dir.join("profiles")).map_or(0, Iterator::count);
    vec![
        settings::recipes(loaded, &problems),
        storage::backup_age(note, SystemClock.now()),
        storage::leftovers(profiles, daemon),
    ]
}

pub(super) const MACHINE: [&str; 6] =
    ["memory", "shared_memory", "file_descriptors", "processes", "tls_roots", "single_tenant_host"];

pub(super) fn machine(settings: &Settings) -> Vec<Finding> {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    // "max" is no number and no limit.
    let limit = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let shared_memory = Path::new(SHARED_MEMORY);
    let bundle = CERTIFICATES.into_iter().find(|file| Path::new(file).is_file());
    let client = app::outbound(settings).map(|_| ()).map_err(|error| format!("{error:#}"));
    let (running, unreaped, owners) = programs_of_others();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = daemon_user(settings);
    vec![
        machine::memory(machine::available_bytes(&meminfo), limit, settings.browser.max_sessions),
        storage::shared_memory(disk::space(shared_memory), disk::write_probe(shared_memory)),
        machine::file_descriptors(getrlimit(Resource::Nofile).current),
        machine::processes(running, unreaped),
        machine::tls_roots(bundle, client),
        machine::single_tenant_host(&machine::login_ids(&passwd, own), &machine::people(owners.into_iter(), own)),
    ]
}

/// How many processes run, how many ended unnoticed, and whose they are.
fn programs_of_others() -> (usize, usize, BTreeSet<u32>) {
    let (mut running, mut unreaped, mut owners) = (0, 0, BTreeSet::new());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let is_process = entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit);
        let owner = entry.metadata().map(|found| found.uid());
        // It may have ended meanwhile.
        let (true, Ok(owner), Ok(stat)) = (is_process, owner, fs::read_to_string(entry.path().join("stat"))) else {
            continue;
        };
        if machine::is_unreaped(&stat) {
            unreaped += 1;
        } else {
            running += 1;
            owners.insert(owner);
        }
    }
    (running, unreaped, owners)
}

/// When this program's file was written.
pub(super) fn program_built() -> Option<Instant> {
    let file = std::env::current_exe().ok()?;
    fs::metadata(file).ok()?.modified().ok().map(Instant::from)
}

/// Whether systemd's time service says that the clock follows a time server.
pub(super) fn is_synchronised() -> bool {
    Path::new("/run/systemd/timesync/synchronized").exists()
}
