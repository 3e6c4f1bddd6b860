//! Private folders for work under way, and how what is finished gets its name.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::domain::hex;
use crate::vault::random_bytes;

const PREFIX: &str = ".reconbanker-work-";
const LOCK: &str = "lock";

/// A folder of one piece of work, removed with everything in it at its end.
///
/// What lies in one is as private as the database. A process that was killed leaves its folder behind; whoever works in
/// the same place next removes it.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    /// Held as long as the folder is in use, so that nobody else removes it.
    _lock: File,
}

impl Scratch {
    pub(super) fn new(parent: &Path) -> anyhow::Result<Self> {
        remove_leftovers(parent);
        let path = parent.join(format!("{PREFIX}{}", hex(&random_bytes::<8>())));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("could not write into {}; does it exist, and who owns it?", parent.display()))?;
        let lock = open_lock(&path).with_context(|| format!("could not write into {}", path.display()))?;
        // Where a file system knows no locks, nobody else gets this one either.
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            bail!("another backup works in {}; try again", parent.display());
        }
        Ok(Self { path, _lock: lock })
    }

    /// A folder in it, made now.
    pub(super) fn folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("could not create {}", path.display()))?;
        Ok(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), error = %error, "could not remove a folder of the backup");
        }
    }
}

fn open_lock(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join(LOCK))
}

/// Removes what processes left that were killed: folders of ours whose lock nobody holds.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let name = folder.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if !name.starts_with(PREFIX) || !folder.join(LOCK).is_file() {
            continue;
        }
        let is_left = open_lock(&folder).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_left && let Err(error) = fs::remove_dir_all(&folder) {
            tracing::warn!(path = %folder.display(), error = %error, "could not remove an earlier backup's folder");
        }
    }
}

/// Gives a finished file or folder its name, once its content is on the disk; fails where the name is taken.
pub(super) fn place(from: &Path, to: &Path) -> io::Result<()> {
    sync(from)?;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        // Not every file system can refuse to replace; then looking first has to do.
        Err(error) if error == Errno::INVAL || error == Errno::NOSYS || error == Errno::NOTSUP => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)?;
        }
        Err(error) => return Err(error.into()),
    }
    sync_parent(to)
}

/// Writes a small file whole, in place of an earlier one.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    if let Err(error) = write() {
        // It may not exist; the first error is the one to tell.
        let _ = fs::remove_file(&draft);
        return Err(error);
    }
    sync_parent(path)
}

/// Waits until a file, or everything in a folder, is on the disk.
fn sync(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of one test's own.
    fn temporary() -> Scratch {
        Scratch::new(&std::env::temp_dir()).expect("a folder")
    }

    #[test]
    fn a_name_that_is_taken_is_not_replaced() {
        let dir = temporary();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "new").expect("written");
        fs::write(&to, "old").expect("written");
        let error = place(&from, &to).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&to).expect("read"), "old");
        fs::remove_file(&to).expect("removed");
        place(&from, &to).expect("free");
        assert_eq!(fs::read_to_string(&to).expect("read"), "new");
        assert!(!from.exists());
    }

    #[test]
    fn a_small_file_is_replaced_whole_and_nothing_lies_beside_it() {
        let dir = temporary();
        let folder = dir.folder("in").expect("a folder");
        let path = folder.join("last-backup.json");
        replace(&path, b"one").expect("written");
        replace(&path, b"two").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "two");
        assert_eq!(fs::read_dir(&folder).expect("a list").count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_in_use_stays() {
        let dir = temporary();
        let in_use = Scratch::new(dir.path()).expect("a folder");
        let left = dir.folder(&format!("{PREFIX}0011223344556677")).expect("a folder");
        fs::write(left.join(LOCK), "").expect("written");
        let foreign = dir.folder(&format!("{PREFIX}notes")).expect("a folder");
        let next = Scratch::new(dir.path()).expect("a folder");
        assert!(in_use.path().exists() && next.path().exists() && foreign.exists());
        assert!(!left.exists());
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
