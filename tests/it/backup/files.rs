//! The file of a backup and its folder: what is refused, what is kept, and that nothing half made stays.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{answered, entries_of, names_in, refused, said};
use crate::support::command;

/// A data directory with a database that was never started.
struct Data(TempDir);

impl Data {
    fn new() -> Self {
        let data = Self(tempfile::tempdir().expect("a directory"));
        said(&data.run(&["migrate"]));
        data
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("data").join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command(&self.0.path().join("data"), None).args(arguments).output().expect("it runs")
    }

    fn run_to(&self, target: &Path, arguments: &[&str]) -> Output {
        let target = target.to_str().expect("a text");
        self.run(&[["backup", "--to", target].as_slice(), arguments].concat())
    }
}

#[test]
fn a_file_that_exists_and_a_folder_that_does_not_are_refused() {
    let data = Data::new();
    let dir = tempfile::tempdir().expect("a directory");
    let taken = dir.path().join("taken.tar");
    fs::write(&taken, "mine").expect("written");
    refused(&data.run_to(&taken, &[]), "taken.tar exists already; name another file with --to");
    assert_eq!(fs::read(&taken).ok().as_deref(), Some(b"mine".as_slice()));
    refused(&data.run_to(&dir.path().join("nowhere/x.tar"), &[]), "nowhere; make it first");
    refused(&data.run_to(&dir.path().join("nowhere/"), &[]), "nowhere/; make it first");
    refused(&data.run_to(&dir.path().join("new.tar"), &["--keep", "2"]), "give --to a folder that is there");
    assert_eq!(names_in(dir.path()), ["taken.tar"]);

    said(&data.run_to(&dir.path().join("new.tar"), &[]));
    assert_eq!(names_in(dir.path()), ["new.tar", "taken.tar"]);
    let held: Vec<String> = entries_of(&dir.path().join("new.tar")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(held, ["manifest.json", "reconbanker.db"]);

    let empty = tempfile::tempdir().expect("a directory");
    let nothing = command(&empty.path().join("data"), None).arg("backup").output().expect("it runs");
    refused(&nothing, "say with --data-dir where the daemon keeps its data");
    assert!(names_in(empty.path()).is_empty());
    refused(&data.run(&["restore", "nowhere.tar"]), "reconbanker.db exists already");
    refused(&data.run(&["restore", "--check", "nowhere.tar"]), "could not open nowhere.tar");
}

#[test]
fn older_backups_go_and_other_files_stay() {
    let data = Data::new();
    let dir = tempfile::tempdir().expect("a directory");
    let older = ["01", "02", "03"].map(|day| format!("reconbanker-202001{day}T000000Z.tar"));
    let others = ["notes.txt", "reconbanker-20200101T000000Z.tar.age", "reconbanker-before.tar", "x.tar"];
    for name in older.iter().map(String::as_str).chain(others) {
        fs::write(dir.path().join(name), "content").expect("written");
    }
    fs::create_dir(dir.path().join("reconbanker-20200104T000000Z.tar")).expect("a folder");

    // One that fails removes nothing.
    fs::create_dir_all(data.path("scrapers/mine")).expect("a folder");
    symlink(data.path("keys"), data.path("scrapers/mine/keys")).expect("a link");
    refused(&data.run_to(dir.path(), &["--keep", "1"]), "scrapers/mine/keys is a link");
    assert_eq!(names_in(dir.path()).len(), older.len() + others.len() + 1);
    fs::remove_file(data.path("scrapers/mine/keys")).expect("removed");

    let made = answered(&data.run_to(dir.path(), &["--keep", "2", "--json"]));
    let new = Path::new(made["file"].as_str().expect("a path")).file_name().and_then(OsStr::to_str);
    let mut expected: Vec<&str> = others.to_vec();
    expected.extend([older[2].as_str(), "reconbanker-20200104T000000Z.tar", new.expect("a name")]);
    expected.sort_unstable();
    assert_eq!(names_in(dir.path()), expected);
    assert_eq!(made["removed"], serde_json::json!([older[1], older[0]]));
}

/// As on a full disk: writing fails in the middle.
#[test]
fn what_cannot_be_written_whole_leaves_nothing() {
    let data = Data::new();
    let dir = tempfile::tempdir().expect("a directory");
    // Files may have 48 or 96 KiB, by shell; the database has more. Without its signal the write fails instead.
    let limited = "trap '' XFSZ; ulimit -f 96; exec \"$0\" \"$@\"";
    let mut backup = Command::new("sh");
    backup.args(["-c", limited, env!("CARGO_BIN_EXE_reconbanker"), "--data-dir"]).arg(data.path(""));
    backup.args(["backup", "--to"]).arg(dir.path()).env_remove("RECONBANKER_CONFIG");
    let output = backup.output().expect("it runs");
    refused(&output, "could not make the backup in");
    refused(&output, "nothing of it was kept");
    assert!(names_in(dir.path()).is_empty());
    assert!(!data.path("last-backup.json").exists());
}
