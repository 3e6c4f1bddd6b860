//! A backup that is not whole, or not one, is refused in words, and nothing of it gets out.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::SqlitePool;
use tempfile::TempDir;

use super::{answered, entries_of, names_in, refused, said};
use crate::support::command;

/// A good backup of a database without rows, and the data directory that it was made of.
struct Good {
    dir: TempDir,
    file: PathBuf,
}

impl Good {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let data_dir = dir.path().join("data");
        said(&command(&data_dir, None).arg("migrate").output().expect("it runs"));
        let made = answered(&command(&data_dir, None).args(["backup", "--json"]).output().expect("it runs"));
        let file = dir.path().join("good.tar");
        fs::copy(made["file"].as_str().expect("a path"), &file).expect("a copy");
        Self { dir, file }
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).expect("the backup")
    }

    fn entries(&self) -> Vec<(String, Vec<u8>)> {
        entries_of(&self.file)
    }

    /// Where an entry's content begins.
    fn offset_of(&self, name: &str) -> usize {
        let mut archive = tar::Archive::new(fs::File::open(&self.file).expect("it opens"));
        let mut entries = archive.entries().expect("an archive").map(|entry| entry.expect("an entry"));
        let found = entries.find(|entry| *entry.path_bytes() == *name.as_bytes()).expect("the entry");
        usize::try_from(found.raw_file_position()).expect("a small file")
    }

    /// Neither a check nor a restore takes these bytes, and both say why.
    #[track_caller]
    fn refuses(&self, bytes: &[u8], expected: &str) {
        let file = self.dir.path().join("bad.tar");
        fs::write(&file, bytes).expect("written");
        let elsewhere = self.dir.path().join("elsewhere/data");
        let run = |arguments: &[&str]| command(&elsewhere, None).args(arguments).arg(&file).output().expect("it runs");
        refused(&run(&["restore", "--check"]), expected);
        refused(&run(&["restore"]), expected);
        assert_eq!(names_in(&elsewhere), ["lock"], "nothing was put there");
        assert_eq!(names_in(self.dir.path()), ["bad.tar", "data", "elsewhere", "good.tar"], "and nothing beside it");
    }
}

/// An archive of these entries, as any program could write it.
fn archive_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let header = header(name, content.len(), tar::EntryType::Regular);
        builder.append(&header, content.as_slice()).expect("memory is there");
    }
    builder.into_inner().expect("memory is there")
}

/// A header with any name, also those that the package refuses to write.
fn header(name: &str, size: usize, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(u64::try_from(size).expect("a length fits"));
    header.set_cksum();
    header
}

/// The archive with its manifest changed.
fn with_manifest(entries: &[(String, Vec<u8>)], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut entries = entries.to_vec();
    let mut manifest: Value = serde_json::from_slice(&entries[0].1).expect("JSON");
    change(&mut manifest);
    entries[0].1 = manifest.to_string().into_bytes();
    archive_of(&entries)
}

#[test]
fn a_changed_byte_is_refused_with_the_name_of_its_entry() {
    let good = Good::new();
    let start = good.offset_of("reconbanker.db");
    let damaged = "its entry reconbanker.db is damaged";
    for (position, expected) in [
        (start, damaged),
        (start + 5_000, damaged),
        (start - 512, "its entry \"seconbanker.db\" is refused: no backup of ours holds such a file"),
        (start - 300, "it cannot be read at its entry reconbanker.db"),
        (0, "it is no backup of ours"),
    ] {
        let mut bytes = good.bytes();
        bytes[position] ^= 1;
        if position == start - 512 {
            mend_checksum(&mut bytes[position..start]);
        }
        good.refuses(&bytes, expected);
    }
}

/// Makes a header's checksum fit again, as someone who tampers does.
fn mend_checksum(block: &mut [u8]) {
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    header.set_cksum();
    block.copy_from_slice(header.as_bytes());
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let good = Good::new();
    let bytes = good.bytes();
    let start = good.offset_of("reconbanker.db");
    for (length, expected) in [
        (0, "it is no backup of ours"),
        (100, "it is no backup of ours"),
        (600, "it was cut off at its manifest.json"),
        (start - 512, "it was cut off at its entry reconbanker.db"),
        (start - 100, "it cannot be read at its entry reconbanker.db"),
        (start + 5_000, "it was cut off at its entry reconbanker.db"),
        (bytes.len() - 1_024, "it was cut off at its end"),
        (bytes.len() - 1, "it was cut off at its end"),
    ] {
        good.refuses(&bytes[..length], expected);
    }
    good.refuses(&b"no archive, but long enough for one".repeat(99), "it is no backup of ours");
}

#[test]
fn entries_that_lead_elsewhere_or_are_no_files_are_refused() {
    let good = Good::new();
    let entries = good.entries();
    let end = good.bytes().len() - 1_024;
    let with_extra = |name: &str, kind: tar::EntryType| {
        let mut bytes = good.bytes();
        bytes.truncate(end);
        bytes.extend_from_slice(header(name, 0, kind).as_bytes());
        bytes.extend_from_slice(&[0; 1_024]);
        bytes
    };
    let regular = tar::EntryType::Regular;
    good.refuses(&with_extra("../evil", regular), "\"../evil\" is refused: the path leads out of its folder");
    good.refuses(&with_extra("/evil", regular), "\"/evil\" is refused: an absolute path");
    good.refuses(&with_extra("keys/vault-00000001.key", regular), "no backup of ours holds such a file");
    good.refuses(&with_extra("scrapers/a", tar::EntryType::Symlink), "\"scrapers/a\" is refused: it is a link");
    good.refuses(&with_extra("scrapers/a", tar::EntryType::Directory), "a link or a folder, not a plain file");
    good.refuses(&with_extra("scrapers/a", regular), "it has the entry \"scrapers/a\" where its manifest has its end");

    let evil = [("../evil", "\"../evil\": the path leads out of its folder"), ("lock", "no backup of ours")];
    for (name, expected) in evil {
        let listed = with_manifest(&entries, |manifest| {
            let sha256 = "0".repeat(64);
            let files = manifest["files"].as_array_mut().expect("a list");
            files.push(json!({ "name": name, "size": 0, "sha256": sha256 }));
        });
        good.refuses(&listed, expected);
    }
    let mut linked = entries.clone();
    linked.truncate(1);
    let mut bytes = archive_of(&linked);
    bytes.truncate(bytes.len() - 1_024);
    bytes.extend_from_slice(header("reconbanker.db", 0, tar::EntryType::Symlink).as_bytes());
    bytes.extend_from_slice(&[0; 1_024]);
    good.refuses(&bytes, "\"reconbanker.db\" is refused: it is a link");
}

#[tokio::test]
async fn what_a_newer_release_made_is_refused_in_words() {
    let good = Good::new();
    let entries = good.entries();
    let newer = with_manifest(&entries, |manifest| {
        manifest["schema_version"] = json!(99);
        manifest["program_version"] = json!("9.8.7");
    });
    good.refuses(&newer, "it has schema 99 and this program knows schemas up to");
    good.refuses(&newer, "use the release that made it, 9.8.7, or a newer one");
    let later = with_manifest(&entries, |manifest| manifest["format"] = json!(2));
    good.refuses(&later, "it has the form 2, and this program reads forms up to 1");

    // The database alone, under a manifest that knows nothing of it.
    let file = good.dir.path().join("data/newer.db");
    fs::write(&file, &entries[1].1).expect("written");
    execute(
        &file,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'later', TRUE, X'00', 0)",
    )
    .await;
    good.refuses(&with_database(&entries, &file), "it has schema 99 and this program knows schemas up to");
}

#[tokio::test]
async fn a_database_that_is_not_whole_is_refused_though_its_checksum_fits() {
    let good = Good::new();
    let entries = good.entries();
    let file = good.dir.path().join("data/other.db");
    for (sql, expected) in [
        (
            "PRAGMA foreign_keys = OFF;
             INSERT INTO users (org_id, id, email, password_hash, role, created_at)
             VALUES (X'01', X'02', 'ana@shop.example', 'x', 'admin', '2026-11-20T13:00:00Z')",
            "1 rows of users refer to no orgs",
        ),
        (
            "INSERT INTO orgs (id, name, event_seq, created_at)
             VALUES (X'00000000000000000000000000000001', 'Shop', 3, '2026-11-20T13:00:00Z')",
            "the log of the organisation 00000000-0000-0000-0000-000000000001 has gaps",
        ),
        (
            "INSERT INTO installation (name, key_check, created_at) VALUES ('this', X'00', '2026-11-20T13:00:00Z')",
            "its database and its manifest name different keys",
        ),
        ("DROP TABLE _sqlx_migrations", "its database has no tables of ours"),
    ] {
        fs::write(&file, &entries[1].1).expect("written");
        execute(&file, sql).await;
        good.refuses(&with_database(&entries, &file), expected);
    }
    fs::write(&file, b"no database".repeat(100)).expect("written");
    good.refuses(&with_database(&entries, &file), "its database does not open");
}

/// The archive with another database, and a manifest that fits it.
fn with_database(entries: &[(String, Vec<u8>)], file: &Path) -> Vec<u8> {
    let database = fs::read(file).expect("the database");
    let digest: [u8; 32] = Sha256::digest(&database).into();
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut entries = entries.to_vec();
    let size = database.len();
    entries[1].1 = database;
    with_manifest(&entries, |manifest| {
        manifest["files"][0]["size"] = json!(size);
        manifest["files"][0]["sha256"] = json!(sha256);
    })
}

async fn execute(file: &Path, sql: &'static str) {
    let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
    sqlx::raw_sql(sql).execute(&pool).await.expect("the statement is right");
    pool.close().await;
}
