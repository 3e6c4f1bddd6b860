//! The file of a backup: an uncompressed tar archive of plain files, the manifest first.
//!
//! Written in the manifest's order and read only in that order, so that a damaged place has a name.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{self, FileEntry, Manifest, ManifestError};
use crate::domain::hex;

/// Each entry has a header of one block and ends at a block's end; two empty blocks end the archive.
const BLOCK_BYTES: u64 = 512;
const BUFFER_BYTES: usize = 1 << 16;

/// A file that waits to be written into the archive.
#[derive(Debug)]
pub(super) struct Staged {
    pub entry: FileEntry,
    pub path: PathBuf,
}

/// What is wrong with an archive, or with the disk.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("it is no backup of ours: it does not begin with a manifest.json")]
    NoBackup,
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("its entry \"{name}\" is refused: {why}; it was not made by `reconbanker backup`")]
    Refused { name: String, why: &'static str },
    #[error("it has the entry \"{found}\" where its manifest has {wanted}; use another copy of it")]
    Disordered { found: String, wanted: String },
    #[error("it cannot be read at {place}, where it is damaged or was cut off; use another copy of it")]
    Unreadable { place: String, source: io::Error },
    #[error("it was cut off at {place}; use another copy of it")]
    CutOff { place: String },
    #[error("its entry {name} is damaged, it is not what its manifest describes; use another copy of it")]
    Altered { name: String },
    #[error("the name {name} does not fit into a backup (255 bytes, the last part 100); shorten it")]
    Name { name: String, source: io::Error },
    #[error("could not {attempt} {path}")]
    Io { attempt: &'static str, path: String, source: io::Error },
}

/// Measures a file that is in place already.
pub(super) fn measure(path: PathBuf, name: &str) -> Result<Staged, ArchiveError> {
    let mut file = File::open(&path).map_err(io_error("open", &path))?;
    let (size, sha256) = copy(&mut file, &mut io::sink()).map_err(|error| error.at(&path, &path))?;
    Ok(Staged { entry: FileEntry { name: name.to_owned(), size, sha256 }, path })
}

/// Copies a file below `dir` as it is now, whoever changes it next.
pub(super) fn stage(from: &Path, name: &str, dir: &Path) -> Result<Staged, ArchiveError> {
    let path = dir.join(name);
    let mut source = File::open(from).map_err(io_error("open", from))?;
    let mut target = create_private(&path)?;
    let (size, sha256) = copy(&mut source, &mut target).map_err(|error| error.at(from, &path))?;
    Ok(Staged { entry: FileEntry { name: name.to_owned(), size, sha256 }, path })
}

/// Writes the archive and waits until it is on the disk. `files` are those of the manifest, in its order.
pub(super) fn write(target: &Path, manifest: &Manifest, files: &[Staged]) -> Result<(), ArchiveError> {
    let mut builder = tar::Builder::new(create_private(target)?);
    let at = u64::try_from(manifest.created_at.timestamp()).unwrap_or_default();
    let text = manifest.to_text();
    let size = u64::try_from(text.len()).expect("a length fits");
    builder.append(&header(manifest::NAME, size, at)?, text.as_slice()).map_err(io_error("write", target))?;
    for Staged { entry, path } in files {
        let content = File::open(path).map_err(io_error("open", path))?.take(entry.size);
        builder.append(&header(&entry.name, entry.size, at)?, content).map_err(io_error("write", target))?;
    }
    let file = builder.into_inner().map_err(io_error("write", target))?;
    file.sync_all().map_err(io_error("write", target))
}

fn header(name: &str, size: u64, modified_at_s: u64) -> Result<tar::Header, ArchiveError> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_path(name).map_err(|source| ArchiveError::Name { name: name.to_owned(), source })?;
    header.set_mode(0o600);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified_at_s);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Writes the files of an archive below an empty directory; every one is what the manifest describes, or it fails.
pub(super) fn unpack(archive: &Path, into: &Path) -> Result<Manifest, ArchiveError> {
    let file = File::open(archive).map_err(io_error("open", archive))?;
    let length = file.metadata().map_err(io_error("look at", archive))?.len();
    let mut archive = tar::Archive::new(file);
    // Raw: extensions of the format are entries like others here, and refused as such.
    let mut entries = archive.entries().map_err(|_| ArchiveError::NoBackup)?.raw(true);
    let first = entries.next().and_then(Result::ok).ok_or(ArchiveError::NoBackup)?;
    let mut end = blocks(first.size());
    let manifest = read_manifest(first)?;
    for wanted in &manifest.files {
        let place = format!("its entry {}", wanted.name);
        let mut entry = match entries.next() {
            Some(Ok(entry)) => entry,
            Some(Err(source)) => return Err(ArchiveError::Unreadable { place, source }),
            None => return Err(ArchiveError::CutOff { place }),
        };
        judge(&entry, wanted)?;
        let path = into.join(&wanted.name);
        let mut target = create_private(&path)?;
        let (size, sha256) = copy(&mut entry, &mut target).map_err(|error| match error {
            CopyError::Read(source) => ArchiveError::Unreadable { place: place.clone(), source },
            CopyError::Write(source) => io_error("write", &path)(source),
        })?;
        if size < wanted.size {
            return Err(ArchiveError::CutOff { place });
        }
        if sha256 != wanted.sha256 {
            return Err(ArchiveError::Altered { name: wanted.name.clone() });
        }
        end += blocks(size);
    }
    match entries.next() {
        Some(Ok(extra)) => Err(unexpected(&extra, "its end")),
        // Whatever it is, it begins where the archive should end.
        Some(Err(source)) => Err(ArchiveError::Unreadable { place: "its end".to_owned(), source }),
        None if length < end + 2 * BLOCK_BYTES => Err(ArchiveError::CutOff { place: "its end".to_owned() }),
        None => Ok(manifest),
    }
}

/// What an entry takes in the file, its header included.
fn blocks(size: u64) -> u64 {
    size.div_ceil(BLOCK_BYTES).saturating_add(1).saturating_mul(BLOCK_BYTES)
}

fn read_manifest<R: Read>(entry: tar::Entry<'_, R>) -> Result<Manifest, ArchiveError> {
    if name_of(&entry) != manifest::NAME || !entry.header().entry_type().is_file() {
        return Err(ArchiveError::NoBackup);
    }
    let size = entry.size();
    let mut text = Vec::new();
    entry
        .take(manifest::BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|source| ArchiveError::Unreadable { place: "its manifest.json".to_owned(), source })?;
    let read = u64::try_from(text.len()).expect("a length fits");
    if read < size.min(manifest::BYTES_MAX) {
        return Err(ArchiveError::CutOff { place: "its manifest.json".to_owned() });
    }
    Ok(Manifest::parse(&text)?)
}

fn judge<R: Read>(entry: &tar::Entry<'_, R>, wanted: &FileEntry) -> Result<(), ArchiveError> {
    if name_of(entry) != wanted.name || !entry.header().entry_type().is_file() {
        return Err(unexpected(entry, &wanted.name));
    }
    if entry.size() != wanted.size {
        return Err(ArchiveError::Altered { name: wanted.name.clone() });
    }
    Ok(())
}

/// Why an entry is not the one that comes next: the worst about it first.
fn unexpected<R: Read>(entry: &tar::Entry<'_, R>, wanted: &str) -> ArchiveError {
    let name = name_of(entry);
    if let Some(why) = manifest::name_problem(&name) {
        return ArchiveError::Refused { name, why };
    }
    if !entry.header().entry_type().is_file() {
        return ArchiveError::Refused { name, why: "it is a link or a folder, not a plain file" };
    }
    ArchiveError::Disordered { found: name, wanted: wanted.to_owned() }
}

fn name_of<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

/// Makes a file, and the folders it lies in, for the owner alone.
fn create_private(path: &Path) -> Result<File, ArchiveError> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io_error("create", parent))?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io_error("create", path))
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

impl CopyError {
    fn at(self, from: &Path, to: &Path) -> ArchiveError {
        match self {
            Self::Read(source) => io_error("read", from)(source),
            Self::Write(source) => io_error("write", to)(source),
        }
    }
}

/// Copies to the end; how many bytes that were, and their SHA-256.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<(u64, String), CopyError> {
    let (mut size, mut digest) = (0, Sha256::new());
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).map_err(CopyError::Read)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        to.write_all(&buffer[..count]).map_err(CopyError::Write)?;
        size += u64::try_from(count).expect("a length fits");
    }
    let digest: [u8; 32] = digest.finalize().into();
    Ok((size, hex(&digest)))
}

fn io_error(attempt: &'static str, path: &Path) -> impl Fn(io::Error) -> ArchiveError {
    let path = path.display().to_string();
    move |source| ArchiveError::Io { attempt, path: path.clone(), source }
}
