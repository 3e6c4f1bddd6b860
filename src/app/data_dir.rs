//! The data directory: private to its owner, used by one daemon, with keys that fit the database.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use uuid::Uuid;

use super::Parts;
use crate::config::Settings;
use crate::jobs::Deps;
use crate::store::Store;
use crate::vault::{Created, KeyRing, Vault};

/// Makes the data directory, private to its owner.
pub fn make_data_dir(dir: &Path) -> anyhow::Result<()> {
    make_private_dir(dir)
        .with_context(|| format!("choose another data directory with --data-dir (tried {})", dir.display()))
}

/// Makes a directory, or finds one, that only its owner can enter.
pub fn make_private_dir(dir: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| refused("create", dir, error))?;
    let mode = fs::metadata(dir)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("{} can be read by others; run: chmod 700 {}", dir.display(), dir.display());
    }
    Ok(())
}

/// An error of the operating system in words: what could not be done to which path, and the remedy.
fn refused(attempt: &str, path: &Path, error: io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            "its file system is mounted read-only: look into the kernel's log (dmesg) for why and mount it writable, \
             or choose another data directory with --data-dir"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "its disk is full: free space there",
        io::ErrorKind::PermissionDenied => "run as its owner, or give it to this user with chown",
        _ => "check the disk and its mount",
    };
    let text = format!("could not {attempt} {}; {remedy}", path.display());
    anyhow::Error::new(error).context(text)
}

/// Held by the daemon as long as it runs.
const LOCK: &str = "lock";

/// Whether a daemon uses the directory. Makes nothing, and holds the lock no longer than it takes to ask: a daemon
/// that starts in that very instant is refused.
pub fn is_in_use(dir: &Path) -> io::Result<bool> {
    let file = match fs::File::open(dir.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // Shared, so that two who look do not take each other for a daemon.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(fs::TryLockError::WouldBlock) => Ok(true),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Takes the data directory for this process; the operating system lets go when the process ends.
pub fn lock_data_dir(dir: &Path) -> anyhow::Result<fs::File> {
    let path = dir.join(LOCK);
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| refused("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            bail!(
                "another reconbanker uses {}; stop it, or choose another data directory with --data-dir",
                dir.display()
            )
        }
        Err(fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// Refuses to go on without the keys that the database was made with: a first key made now would open nothing, and
/// would lie among the right ones when they come back.
pub async fn refuse_missing_keys(store: &Store, data_dir: &Path) -> anyhow::Result<()> {
    let dir = data_dir.join("keys");
    if KeyRing::load_existing(&dir)?.is_some() {
        return Ok(());
    }
    let is_sealed = store.read().await?.key_check().await?.is_some();
    if is_sealed {
        bail!(
            "there are no keys in {}, and this database was made with some; put that folder back (from its safe copy, \
             or from the other node)",
            dir.display()
        );
    }
    Ok(())
}

/// Opens the keys, making them at the first start; the notice says where they are and what to do.
pub fn open_vault(data_dir: &Path) -> anyhow::Result<(Vault, Option<String>)> {
    let dir = data_dir.join("keys");
    let (keys, created) = KeyRing::load_or_create(&dir)?;
    let notice = match created {
        Created::Nothing => None,
        Created::Key(_) => Some(format!(
            "a new key is in {}. Copy that folder to a safe place apart from the database's backups: without it, \
             stored bank credentials and tokens cannot be read",
            dir.display()
        )),
    };
    Ok((Vault::new(&keys), notice))
}

/// What a database remembers of the keys that it was made with.
#[must_use]
pub fn key_check(vault: &Vault) -> [u8; 32] {
    vault.keyed_hash("database", "")
}

/// Refuses keys that another database was made with: nothing sealed could be opened, and one bank
/// login would count as two.
pub(super) async fn check_keys(store: &Store, vault: &Vault, settings: &Settings, parts: &Parts) -> anyhow::Result<()> {
    let mut tx = store.write().await?;
    let belong = tx.keys_belong(&key_check(vault), parts.clock.now()).await?;
    tx.commit().await?;
    if !belong {
        bail!(
            "the keys in {} are not the ones that this database was made with; put the right folder there \
             (from its safe copy, or from the other node)",
            settings.data_dir.join("keys").display()
        );
    }
    Ok(())
}

/// Lets go of what this data directory's last process held when it ended, and notes this boot's id
/// for the next one.
///
/// `lock` is the directory's. The note names that file as well: a node that is set up with a copy of another's
/// directory finds the other's boot there, which may be at work.
pub(super) async fn release_earlier_boot(deps: &Deps, data_dir: &Path, lock: &fs::File) -> anyhow::Result<()> {
    let path = data_dir.join("boot");
    let place = place_of(lock).with_context(|| format!("could not look at {}", data_dir.join(LOCK).display()))?;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| refused("open", &path, error))?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| refused("read", &path, error))?;
    if let Some(earlier) = boot_noted_at(&text, &place) {
        let mut tx = deps.store.write().await?;
        let logins = tx.release_leases_of(earlier).await?;
        let jobs = tx.release_jobs_of(earlier, deps.now()).await?;
        tx.commit().await?;
        if logins + jobs > 0 {
            tracing::info!(logins, jobs, "took up what the last process left behind");
        }
    }
    let mut note = || {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(format!("{} {place}", deps.boot).as_bytes())
    };
    note().map_err(|error| refused("write", &path, error))
}

/// Tells a file from every copy of it: the time is that of the last change to the file's own data, which no program
/// can set. Nothing changes the lock once it is made.
fn place_of(lock: &fs::File) -> io::Result<String> {
    let data = lock.metadata()?;
    Ok(format!("{}-{}-{}", data.ino(), data.ctime(), data.ctime_nsec()))
}

/// The boot that a note tells of; `None` when it was written elsewhere or cannot be read.
fn boot_noted_at(note: &str, place: &str) -> Option<Uuid> {
    let (boot, written_at) = note.trim().split_once(' ')?;
    if written_at == place { boot.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_boot_of_this_very_directory_is_an_earlier_one() {
        let check = |note: &str, is_ours: bool| {
            assert_eq!(boot_noted_at(note, "71-1700000000-5").is_some(), is_ours, "{note:?}");
        };
        let boot = "01991c2e-7b3a-7c11-9a55-3f0c5e6f7a01";
        check(&format!("{boot} 71-1700000000-5"), true);
        check(&format!("{boot} 71-1700000000-5\n"), true);
        check(&format!("{boot} 72-1700000000-5"), false);
        check(&format!("{boot} 71-1700000000-6"), false);
        check(boot, false);
        check("nonsense 71-1700000000-5", false);
        check("", false);
    }

    #[test]
    fn a_copy_is_another_place() {
        let dir = tempfile::tempdir().expect("a directory");
        let data_dir = dir.path().join("data");
        make_data_dir(&data_dir).expect("it is private");
        let lock = lock_data_dir(&data_dir).expect("nobody else is here");
        let place = place_of(&lock).expect("it can be looked at");
        drop(lock);
        let lock = lock_data_dir(&data_dir).expect("nobody else is here");
        assert_eq!(place_of(&lock).expect("it can be looked at"), place, "a restart is the same place");
        let copy = data_dir.join("copy");
        fs::copy(data_dir.join(LOCK), &copy).expect("a copy");
        let copy = fs::File::open(copy).expect("the copy");
        assert_ne!(place_of(&copy).expect("it can be looked at"), place);
    }
}
