//! The keys of the vault: one file each, beside the database and never inside a backup of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::random_bytes;

/// Number of a key. Higher is newer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u32);

/// The keys that this server has; never empty.
#[derive(Clone)]
pub struct KeyRing(BTreeMap<KeyId, Zeroizing<[u8; 32]>>);

/// Whether loading the ring had to create its first key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    Nothing,
    /// The file of the new key. Whoever backs up the data must keep a copy of it, elsewhere.
    Key(PathBuf),
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{path} can be {access} by other users (mode {mode:03o}); run: chmod {wanted} {path}")]
    Exposed { path: String, access: &'static str, mode: u32, wanted: &'static str },
    #[error("{path} does not hold a key (32 bytes in base64); put the original back from its copy")]
    Damaged { path: String },
    #[error("could not {attempt} {path}")]
    Io { attempt: &'static str, path: String, source: io::Error },
}

impl KeyId {
    pub(super) fn to_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    /// The name of the key's file.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("vault-{self}.key")
    }

    fn from_file_name(name: &str) -> Option<Self> {
        let digits = name.strip_prefix("vault-")?.strip_suffix(".key")?;
        let id = u32::from_str_radix(digits, 16).ok().map(Self)?;
        (id.to_string() == digits).then_some(id)
    }

    /// The number of a first key. Random, so that a value sealed with a lost key names that key, not its successor;
    /// from the lower half of all numbers, so that there is room for newer ones.
    fn first() -> Self {
        Self(u32::from_be_bytes(random_bytes()) / 2)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl KeyRing {
    /// Reads every `vault-<id>.key` of a directory, and creates the first key where there is none.
    ///
    /// Files that other users can read are refused, and a directory that they can write to: the first
    /// leaks every secret, the second lets them replace the key.
    pub fn load_or_create(dir: &Path) -> Result<(Self, Created), KeyError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_error("create", dir))?;
        refuse_exposed(dir, &fs::metadata(dir).map_err(io_error("look at", dir))?, "written to", 0o022, "700")?;
        let keys = load(dir)?;
        if !keys.is_empty() {
            return Ok((Self(keys), Created::Nothing));
        }
        let created = create_key_file(dir, KeyId::first())?;
        // Read back rather than kept: what counts is what the next start will find.
        Ok((Self(load(dir)?), Created::Key(created)))
    }

    /// Reads the keys that are there, refused like above, and writes nothing; `None` where there is none.
    pub fn load_existing(dir: &Path) -> Result<Option<Self>, KeyError> {
        match fs::metadata(dir) {
            Ok(metadata) => refuse_exposed(dir, &metadata, "written to", 0o022, "700")?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("look at", dir)(error)),
        }
        let keys = load(dir)?;
        Ok((!keys.is_empty()).then_some(Self(keys)))
    }

    /// How many keys there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// A ring of one new key that is written nowhere: for tests and for worlds that end with the process.
    #[must_use]
    pub fn generate() -> Self {
        Self(BTreeMap::from([(KeyId::first(), Zeroizing::new(random_bytes()))]))
    }

    /// The key that seals.
    pub(super) fn newest(&self) -> (KeyId, &[u8; 32]) {
        let (id, key) = self.0.last_key_value().expect("a ring has a key");
        (*id, &**key)
    }

    pub(super) fn oldest(&self) -> (KeyId, &[u8; 32]) {
        let (id, key) = self.0.first_key_value().expect("a ring has a key");
        (*id, &**key)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyId, &[u8; 32])> {
        self.0.iter().map(|(id, key)| (*id, &**key))
    }

    #[cfg(test)]
    pub(super) fn with_new_key(&self) -> Self {
        let mut keys = self.0.clone();
        keys.insert(KeyId(self.newest().0.0 + 1), Zeroizing::new(random_bytes()));
        Self(keys)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&self.0.keys()).finish()
    }
}

fn load(dir: &Path) -> Result<BTreeMap<KeyId, Zeroizing<[u8; 32]>>, KeyError> {
    let mut keys = BTreeMap::new();
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        let entry = entry.map_err(io_error("list", dir))?;
        if let Some(id) = entry.file_name().to_str().and_then(KeyId::from_file_name) {
            keys.insert(id, read_key(&entry.path())?);
        }
    }
    Ok(keys)
}

fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    // The opened file is looked at, not its name, which might stand for another file a moment later.
    let file = File::open(path).map_err(io_error("open", path))?;
    refuse_exposed(path, &file.metadata().map_err(io_error("look at", path))?, "read", 0o077, "600")?;
    let text = Zeroizing::new(io::read_to_string(file).map_err(io_error("read", path))?);
    let bytes = STANDARD.decode(text.trim()).ok().map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(Zeroizing::new).ok_or_else(|| KeyError::Damaged { path: path.display().to_string() })
}

/// Writes a new key so that the file is either whole or absent, and never replaces another.
fn create_key_file(dir: &Path, id: KeyId) -> Result<PathBuf, KeyError> {
    let path = dir.join(id.file_name());
    let draft = dir.join(format!(".{}.{}", id.file_name(), std::process::id()));
    let text = Zeroizing::new(STANDARD.encode(Zeroizing::new(random_bytes::<32>()).as_slice()));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(io_error("create", &draft))?;
    file.write_all(text.as_bytes()).map_err(io_error("write", &draft))?;
    file.write_all(b"\n").map_err(io_error("write", &draft))?;
    file.sync_all().map_err(io_error("write", &draft))?;
    // Unlike a rename, a link fails where the name is taken.
    let linked = fs::hard_link(&draft, &path).map_err(io_error("create", &path));
    fs::remove_file(&draft).map_err(io_error("remove", &draft))?;
    linked?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("write", dir))?;
    Ok(path)
}

fn refuse_exposed(
    path: &Path,
    metadata: &fs::Metadata,
    access: &'static str,
    forbidden: u32,
    wanted: &'static str,
) -> Result<(), KeyError> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & forbidden == 0 {
        return Ok(());
    }
    Err(KeyError::Exposed { path: path.display().to_string(), access, mode, wanted })
}

fn io_error(attempt: &'static str, path: &Path) -> impl Fn(io::Error) -> KeyError {
    let path = path.display().to_string();
    move |source| KeyError::Io { attempt, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own for each test, removed at its end.
    struct Dir(PathBuf);

    impl Dir {
        fn new() -> Self {
            let name = format!("reconbanker-keys-{:x}", u64::from_be_bytes(random_bytes()));
            Self(std::env::temp_dir().join(name))
        }

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).expect("metadata").permissions().mode() & 0o777
        }

        fn set_mode(path: &Path, mode: u32) {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_first_start_creates_a_private_key_and_the_next_one_reads_it() {
        let dir = Dir::new();
        let (ring, created) = KeyRing::load_or_create(&dir.0).expect("created");
        let path = dir.0.join(ring.newest().0.file_name());
        assert_eq!(created, Created::Key(path.clone()));
        assert_eq!((Dir::mode(&dir.0), Dir::mode(&path)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&dir.0).expect("list").count(), 1, "no draft is left behind");

        let (again, created) = KeyRing::load_or_create(&dir.0).expect("loaded");
        assert_eq!((again.newest(), created), (ring.newest(), Created::Nothing));
    }

    #[test]
    fn looking_for_keys_makes_none() {
        let dir = Dir::new();
        assert!(KeyRing::load_existing(&dir.0).expect("nothing there").is_none());
        assert!(!dir.0.exists());
        let (ring, _) = KeyRing::load_or_create(&dir.0).expect("created");
        let found = KeyRing::load_existing(&dir.0).expect("loaded").expect("a key");
        assert_eq!((found.newest(), found.count()), (ring.newest(), 1));
        Dir::set_mode(&dir.0.join(ring.newest().0.file_name()), 0o640);
        assert!(matches!(KeyRing::load_existing(&dir.0), Err(KeyError::Exposed { .. })));
    }

    #[test]
    fn the_highest_number_is_the_newest_and_other_files_are_ignored() {
        let dir = Dir::new();
        let (first, _) = KeyRing::load_or_create(&dir.0).expect("created");
        let newer = KeyId(u32::MAX);
        create_key_file(&dir.0, newer).expect("second key");
        for name in ["vault-.key", "vault-1.key", "vault-00000001.key.bak", "notes.txt"] {
            fs::write(dir.0.join(name), "x").expect("written");
        }
        let (ring, _) = KeyRing::load_or_create(&dir.0).expect("loaded");
        assert_eq!(ring.0.len(), 2);
        assert_eq!((ring.oldest(), ring.newest().0), (first.newest(), newer));
        assert!(create_key_file(&dir.0, newer).is_err(), "a key is never replaced");
        assert_eq!(KeyRing::load_or_create(&dir.0).expect("loaded").0.newest(), ring.newest());
    }

    #[test]
    fn keys_within_reach_of_others_are_refused_with_the_remedy() {
        let dir = Dir::new();
        let (ring, _) = KeyRing::load_or_create(&dir.0).expect("created");
        let path = dir.0.join(ring.newest().0.file_name());
        let check = |expected: &str| {
            let error = KeyRing::load_or_create(&dir.0).expect_err("refused").to_string();
            assert!(error.ends_with(expected), "{error}");
        };
        Dir::set_mode(&path, 0o640);
        check(&format!("can be read by other users (mode 640); run: chmod 600 {}", path.display()));
        Dir::set_mode(&path, 0o600);
        Dir::set_mode(&dir.0, 0o770);
        check(&format!("can be written to by other users (mode 770); run: chmod 700 {}", dir.0.display()));
        Dir::set_mode(&dir.0, 0o755);
        assert!(KeyRing::load_or_create(&dir.0).is_ok(), "seeing the name of a key does no harm");
    }

    #[test]
    fn a_damaged_key_is_not_replaced_by_a_new_one() {
        let dir = Dir::new();
        let (ring, _) = KeyRing::load_or_create(&dir.0).expect("created");
        let path = dir.0.join(ring.newest().0.file_name());
        for content in ["", "AAAA", "not base64 at all"] {
            fs::write(&path, content).expect("written");
            let error = KeyRing::load_or_create(&dir.0).expect_err("damaged");
            assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
        }
    }
}
