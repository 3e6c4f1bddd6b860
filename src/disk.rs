//! What the file system under a directory offers: room, whether it can be written, and how long a write takes.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{StatVfsMountFlags, statvfs};

/// Below this a database on the disk may have to refuse a write at any moment.
pub const DATABASE_ROOM_MIN_BYTES: u64 = 100 << 20;
/// The same where only keys and browsers' directories are kept there.
pub const FILES_ROOM_MIN_BYTES: u64 = 10 << 20;

/// What a probe writes: one page of a database.
const PROBE_BYTES: usize = 4096;

/// The file system of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this user may still fill; root's reserve is not counted.
    pub free_bytes: u64,
    pub total_bytes: u64,
    /// Whether it is mounted read-only, as a system does by itself after a disk failed.
    pub is_read_only: bool,
}

/// Looks at the file system of a path that exists. Blocks for as long as the disk does.
pub fn space(path: &Path) -> io::Result<Space> {
    let found = statvfs(path)?;
    Ok(Space {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
        is_read_only: found.f_flag.contains(StatVfsMountFlags::RDONLY),
    })
}

/// Writes a small file into a directory, waits until the disk has it, and removes it; how long that took.
///
/// Blocks for as long as the disk does. An error is the operating system's own: no space, read-only, not permitted.
pub fn write_probe(dir: &Path) -> io::Result<Duration> {
    // A random name that must be new: the directory may be one where others plant links.
    let path = dir.join(format!(".write-probe-{:016x}", rand::random::<u64>()));
    let started = Instant::now();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let written = file.write_all(&[0; PROBE_BYTES]).and_then(|()| file.sync_data());
    let took = started.elapsed();
    // Also after a failure: on a full disk the empty file would stay.
    let removed = fs::remove_file(&path);
    written.and(removed)?;
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a directory");
        write_probe(dir.path()).expect("a temporary directory can be written");
        write_probe(dir.path()).expect("and again");
        assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), 0);
    }

    #[test]
    fn a_directory_that_takes_no_file_is_the_systems_error() {
        let dir = tempfile::tempdir().expect("a directory");
        let missing = write_probe(&dir.path().join("missing")).expect_err("it does not exist");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        // Of the kernel's own: not even root makes a file there.
        write_probe(Path::new("/proc")).expect_err("no file can be made in /proc");
    }

    #[test]
    fn a_file_system_has_no_more_room_than_its_size() {
        let dir = tempfile::tempdir().expect("a directory");
        let space = space(dir.path()).expect("it exists");
        assert!(0 < space.total_bytes && space.free_bytes <= space.total_bytes, "{space:?}");
        assert!(!space.is_read_only, "a file was made there a moment ago");
        assert!(super::space(&dir.path().join("missing")).is_err());
    }
}
