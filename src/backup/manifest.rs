//! What a backup says about itself: the first entry of its file. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::config::FILE_NAME;
use crate::domain::time::Instant;

/// Raised when an older program would misread a new backup.
pub(super) const FORMAT: u32 = 1;
/// Name of the manifest's own entry.
pub(super) const NAME: &str = "manifest.json";
/// Room for [`FILES_MAX`] files and more.
pub(super) const BYTES_MAX: u64 = 8 << 20;
/// Folder of an operator's own recipes, here and in the data directory.
pub(super) const SCRAPERS: &str = "scrapers";
/// Far more than anyone's recipes with their saved pages.
pub(super) const FILES_MAX: usize = 10_000;

/// Which database a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// Of the program that made the backup.
    pub program_version: String,
    pub engine: Engine,
    /// Number of the newest migration that the database had.
    pub schema_version: i64,
    /// The schema, in PostgreSQL's sense, that the tables lie in; `None` on SQLite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub created_at: Instant,
    /// Hexadecimal; tells the right keys from others. `None` where the database was never started.
    pub key_check: Option<String>,
    /// Everything that follows in the file, in its order.
    pub files: Vec<FileEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub size: u64,
    /// Hexadecimal, lower case.
    pub sha256: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("its manifest.json cannot be read ({reason}): it is damaged, or no backup of ours; use another one")]
    Unreadable { reason: String },
    #[error("it has the form {found}, and this program reads forms up to {}; use the release that made it", FORMAT)]
    Newer { found: u32 },
    #[error("its manifest.json names \"{name}\": {why}")]
    Name { name: String, why: &'static str },
    #[error("its manifest.json is not whole: {what}")]
    Incomplete { what: String },
}

impl Engine {
    /// Name of the entry with the data.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Sqlite => "reconbanker.db",
            Self::Postgres => "postgres.dump",
        }
    }

    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Manifest {
    /// Reads and judges the text of the entry.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        // The form first: what else a later one has, nobody knows today.
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| ManifestError::Unreadable { reason: error.to_string() };
        let Form { format } = serde_json::from_slice(text).map_err(unreadable)?;
        if format > FORMAT {
            return Err(ManifestError::Newer { found: format });
        }
        let manifest: Self = serde_json::from_slice(text).map_err(unreadable)?;
        manifest.check()?;
        Ok(manifest)
    }

    pub(super) fn to_text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is texts and numbers");
        text.push(b'\n');
        text
    }

    fn check(&self) -> Result<(), ManifestError> {
        let incomplete = |what: String| Err(ManifestError::Incomplete { what });
        if self.files.len() > FILES_MAX {
            return incomplete(format!("it lists more than {FILES_MAX} files"));
        }
        let mut names = BTreeSet::new();
        for FileEntry { name, sha256, .. } in &self.files {
            if let Some(why) = name_problem(name) {
                return Err(ManifestError::Name { name: name.clone(), why });
            }
            if !names.insert(name.as_str()) {
                return incomplete(format!("it lists {name} twice"));
            }
            if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return incomplete(format!("the sha256 of {name} is none"));
            }
        }
        for engine in [Engine::Sqlite, Engine::Postgres] {
            if names.contains(engine.file_name()) != (engine == self.engine) {
                let wanted = self.engine.file_name();
                return incomplete(format!("it must list one database, {wanted}"));
            }
        }
        match (self.engine, &self.namespace) {
            (Engine::Postgres, None) => incomplete("it does not name the schema of its tables".to_owned()),
            (Engine::Postgres, Some(_)) | (Engine::Sqlite, _) => Ok(()),
        }
    }
}

/// Why a file of this name has no place in a backup; `None` where it has one.
pub(super) fn name_problem(name: &str) -> Option<&'static str> {
    let mut parts = name.split('/');
    if name.starts_with('/') {
        return Some("an absolute path leads out of the backup");
    }
    if parts.clone().any(|part| matches!(part, "" | "." | "..")) {
        return Some("the path leads out of its folder");
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return Some("the name has characters that no name of ours has");
    }
    let is_known = [Engine::Sqlite.file_name(), Engine::Postgres.file_name(), FILE_NAME].contains(&name)
        || (parts.next() == Some(SCRAPERS) && parts.next().is_some());
    (!is_known).then_some("no backup of ours holds such a file")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn entry(name: &str) -> FileEntry {
        FileEntry { name: name.to_owned(), size: 3, sha256: "0a".repeat(32) }
    }

    fn manifest(names: &[&str]) -> Manifest {
        Manifest {
            format: FORMAT,
            program_version: "0.1.0".to_owned(),
            engine: Engine::Sqlite,
            schema_version: 1,
            namespace: None,
            created_at: DateTime::from_timestamp(1_796_085_166, 0).expect("an instant"),
            key_check: Some("00ff".to_owned()),
            files: names.iter().map(|name| entry(name)).collect(),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let whole = manifest(&["reconbanker.db", "reconbanker.toml", "scrapers/my-bank/recipe.toml"]);
        assert_eq!(Manifest::parse(&whole.to_text()), Ok(whole));
        let mut other = manifest(&["postgres.dump"]);
        other.engine = Engine::Postgres;
        other.namespace = Some("public".to_owned());
        assert_eq!(Manifest::parse(&other.to_text()), Ok(other));
    }

    #[test]
    fn names_that_lead_elsewhere_or_mean_nothing_are_refused() {
        let check = |name: &str, is_good: bool| assert_eq!(name_problem(name).is_none(), is_good, "{name}");
        for name in ["reconbanker.db", "postgres.dump", "reconbanker.toml", "scrapers/a/recipe.toml", "scrapers/b"] {
            check(name, true);
        }
        for name in [
            "",
            "/reconbanker.db",
            "/etc/passwd",
            "../evil",
            "scrapers/../../evil",
            "scrapers/./a",
            "scrapers//a",
            "scrapers/",
            "scrapers",
            "scrapers/a\\b",
            "scrapers/a\nb",
            "reconbanker.db-wal",
            "reconbanker.db/x",
            "keys/vault-00000001.key",
            "profiles/x",
            "lock",
            "boot",
            "manifest.json",
        ] {
            check(name, false);
        }
    }

    #[test]
    fn a_manifest_that_is_not_whole_is_refused_by_name() {
        let check = |change: &dyn Fn(&mut Manifest), expected: &str| {
            let mut changed = manifest(&["reconbanker.db"]);
            change(&mut changed);
            let error = Manifest::parse(&changed.to_text()).expect_err("refused").to_string();
            assert!(error.contains(expected), "expected \"{expected}\" in: {error}");
        };
        check(&|m| m.files.push(entry("../evil")), "\"../evil\": the path leads out of its folder");
        check(&|m| m.files.push(entry("reconbanker.db")), "lists reconbanker.db twice");
        check(&|m| m.files[0].sha256.make_ascii_uppercase(), "the sha256 of reconbanker.db");
        check(&|m| m.files[0].sha256.truncate(10), "the sha256 of reconbanker.db");
        check(&|m| m.files.clear(), "one database, reconbanker.db");
        check(&|m| m.files.push(entry("postgres.dump")), "one database, reconbanker.db");
        check(&|m| m.engine = Engine::Postgres, "one database, postgres.dump");
        check(
            &|m| {
                m.engine = Engine::Postgres;
                m.files[0].name = "postgres.dump".to_owned();
            },
            "the schema of its tables",
        );
    }

    #[test]
    fn a_later_form_is_refused_before_anything_else_of_it_is_read() {
        let newer = Manifest::parse(br#"{"format": 2, "files": {"x": 1}}"#);
        assert_eq!(newer, Err(ManifestError::Newer { found: 2 }));
        for text in ["", "{}", "[]", r#"{"format": 1}"#, "\u{0}"] {
            let error = Manifest::parse(text.as_bytes()).expect_err(text);
            assert!(matches!(error, ManifestError::Unreadable { .. }), "{text}: {error}");
        }
    }
}
