//! Backups: made beside a working daemon, checked, put back elsewhere, and refused where they are not whole.

mod damage;
mod files;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use chrono::TimeDelta;
use reconbanker::demo::world::ReceiverBehaviour;
use reconbanker::domain::ids::AccountId;
use reconbanker::jobs::queue::run_due;
use reconbanker::jobs::schedule;
use reconbanker::scrape::Engine;
use reconbanker::store::{Location, Store};
use reconbanker::vault::KeyRing;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Api, Backend, Database, FakeBank, GOOD_USER, PASSWORD, TestApp, command, credit, each_backend, make_private, rows,
};

/// A machine to put a backup on: an empty database, and a data directory that nobody made yet.
struct Elsewhere {
    dir: TempDir,
    database: Database,
}

impl Elsewhere {
    async fn of(test: &TestApp) -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), database: test.empty_database().await }
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn location(&self) -> Location {
        match self.database.url() {
            Some(url) => Location::Postgres(url),
            None => Location::Sqlite(self.data_dir().join("reconbanker.db")),
        }
    }

    fn run(&self, arguments: &[&str], file: &Path) -> Output {
        command(&self.data_dir(), self.database.url()).args(arguments).arg(file).output().expect("it runs")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn answered(output: &Output) -> Value {
    serde_json::from_str(&said(output)).expect("JSON")
}

#[track_caller]
fn refused(output: &Output, expected: &str) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}{error}", text(&output.stdout));
    assert!(error.contains(expected), "expected \"{expected}\" in: {error}");
}

/// The names of a folder's files.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The names and contents of an archive, in its order.
fn entries_of(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs::File::open(archive).expect("it opens"));
    let entries = archive.entries().expect("an archive").map(|entry| {
        let mut entry = entry.expect("an entry");
        let name = entry.path().expect("a path").display().to_string();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("a content");
        (name, content)
    });
    entries.collect()
}

/// A backup in the usual place.
fn back_up(test: &TestApp) -> PathBuf {
    let made = answered(&test.command().args(["backup", "--json"]).output().expect("it runs"));
    assert_eq!(made["keys_dir"].as_str().map(Path::new), Some(test.data_dir().join("keys").as_path()));
    PathBuf::from(made["file"].as_str().expect("a path"))
}

fn copy_keys(from: &Path, to: &Path) {
    let (from, to) = (from.join("keys"), to.join("keys"));
    fs::create_dir_all(&to).expect("a folder");
    fs::set_permissions(&to, fs::Permissions::from_mode(0o700)).expect("permissions");
    for name in names_in(&from) {
        fs::copy(from.join(&name), to.join(&name)).expect("a copy");
    }
}

/// A daemon with something in every table that it fills without a browser, and a webhook that waits for its second try.
async fn filled(backend: Backend) -> (TestApp, AccountId) {
    let bank = FakeBank::new();
    bank.show(vec![credit("paid", "1500.00", "2026-11-20"), credit("free", "77.00", "2026-11-20")]);
    let mut test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
    test.order("ORDER-1", "Juan Pérez", "1500.00");
    let account = test.enrol(GOOD_USER, "reconcile").await;
    let key = json!({ "name": "relay", "scopes": ["status:read"] });
    test.api.post("/me/api-keys", key).await.expect(201);
    test.scrape(account).await;
    assert_eq!(test.world.received().len(), 1, "the shop was told and said no");
    (test, account)
}

/// Everything about the account that the API tells without a password.
async fn seen(api: &Api, account: AccountId) -> Vec<Value> {
    let mut answers = Vec::new();
    for path in ["movements", "webhook-secret", "config", "polls"] {
        answers.push(api.get(&format!("/accounts/{account}/{path}")).await.expect(200));
    }
    answers
}

async fn signed_in(base: String) -> Api {
    let api = Api::new(base);
    let who = json!({ "email": "owner@shop.example", "password": PASSWORD });
    let answer = api.post("/auth/login", who).await.expect(200);
    api.with_token(answer["token"].as_str().expect("a token"))
}

each_backend! {
    /// The drill of `docs/operations.md`, from the backup to a daemon elsewhere that goes on.
    async fn a_backup_is_put_back_elsewhere_and_goes_on_there(backend: Backend) {
        let (test, account) = filled(backend).await;
        let data_dir = test.data_dir();
        fs::write(data_dir.join("reconbanker.toml"), "[schedule]\nscrape_every = \"1h\"\n").expect("written");
        fs::create_dir_all(data_dir.join("scrapers/_lib")).expect("a folder");
        fs::write(data_dir.join("scrapers/_lib/own.toml"), "# ours\n").expect("written");
        let before = sorted(test.rows().await);

        let made = answered(&test.command().args(["backup", "--json"]).output().expect("it runs"));
        let file = PathBuf::from(made["file"].as_str().expect("a path"));
        assert_eq!(file.parent().map(Path::to_owned), data_dir.join("backups").canonicalize().ok());
        let metadata = fs::metadata(&file).expect("the backup");
        assert_eq!((metadata.permissions().mode() & 0o777, json!(metadata.len())), (0o600, made["bytes"].clone()));
        assert_eq!(names_in(&data_dir.join("backups")).len(), 1, "nothing else is left");
        let mode = fs::metadata(data_dir.join("backups")).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let last: Value =
            serde_json::from_slice(&fs::read(data_dir.join("last-backup.json")).expect("a note")).expect("JSON");
        assert_eq!((&last["file"], &last["bytes"], &last["at"]), (&made["file"], &made["bytes"], &made["created_at"]));
        let held: Vec<String> = entries_of(&file).into_iter().map(|(name, _)| name).collect();
        let data = if backend == Backend::Sqlite { "reconbanker.db" } else { "postgres.dump" };
        assert_eq!(held, ["manifest.json", data, "reconbanker.toml", "scrapers/_lib/own.toml"]);

        let there = Elsewhere::of(&test).await;
        let report = said(&there.run(&["restore"], &file));
        for sentence in ["none are here", "under the same webhook-id", "without them the daemon does not start"] {
            assert!(report.contains(sentence), "expected \"{sentence}\" in: {report}");
        }
        assert_eq!(sorted(rows(&there.location()).await), before);
        for name in ["reconbanker.toml", "scrapers/_lib/own.toml"] {
            assert_eq!(fs::read(there.data_dir().join(name)).ok(), fs::read(data_dir.join(name)).ok(), "{name}");
        }

        let without = test.start_beside(&there.data_dir(), there.database.url()).await;
        let error = without.err().expect("no keys, no start").to_string();
        assert!(error.contains("there are no keys in"), "{error}");
        assert!(!there.data_dir().join("keys").exists(), "none were made, to be taken for the right ones");

        copy_keys(&data_dir, &there.data_dir());
        let other = test.start_beside(&there.data_dir(), there.database.url()).await.expect("with the keys it starts");
        assert_eq!(seen(&signed_in(other.url()).await, account).await, seen(&test.api, account).await);
        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        test.clock.advance(TimeDelta::seconds(7));
        schedule::tick(&other.deps).await.expect("the schedule ticks");
        run_due(&other.deps).await.expect("jobs run");
        let received = test.world.received();
        assert_eq!(received.len(), 2, "the webhook that waited is sent from there");
        assert_eq!((&received[1].webhook_id, &received[1].raw), (&received[0].webhook_id, &received[0].raw));
        assert_eq!(received[1].verified, Ok(()), "signed with the secret that was sealed");

        other.stop().await;
        there.database.remove().await;
        test.settle().await;
        test.finish().await;
    }

    /// What is committed while the backup is made is in it whole or not at all.
    async fn a_backup_shows_one_moment_of_a_daemon_at_work(backend: Backend) {
        let (test, account) = filled(backend).await;
        let target = tempfile::tempdir().expect("a directory");
        let mut backup = test.command();
        backup.args(["backup", "--json", "--to"]).arg(target.path());
        let making = tokio::task::spawn_blocking(move || backup.output());
        let mut booked = 0;
        while !making.is_finished() {
            test.book(account, &format!("meanwhile-{booked}"), "5.00", "2026-11-20").await;
            booked += 1;
        }
        let made = answered(&making.await.expect("no panic").expect("it runs"));
        let file = PathBuf::from(made["file"].as_str().expect("a path"));
        assert!(booked > 0, "the daemon worked");

        // The restore asks the log for gaps, and every secret to open.
        let there = Elsewhere::of(&test).await;
        copy_keys(&test.data_dir(), &there.data_dir());
        fs::set_permissions(there.data_dir(), fs::Permissions::from_mode(0o700)).expect("permissions");
        let report = said(&there.run(&["restore"], &file));
        assert!(report.contains("the right ones are here; 4 secrets opened"), "{report}");
        let store = Store::connect(&there.location(), 1).await.expect("it opens");
        let restored = store.read().await.expect("a transaction").rows().await.expect("a count");
        let now = test.app.deps.store.read().await.expect("a transaction").rows().await.expect("a count");
        assert_eq!(now.movements, 2 + booked);
        assert!((2..=now.movements).contains(&restored.movements), "{restored:?} of {now:?}");
        assert!(restored.events <= now.events, "{restored:?} of {now:?}");
        store.close().await;
        there.database.remove().await;
        test.finish().await;
    }

    /// Keys and database together open everything, so they never travel together.
    async fn no_key_is_in_a_backup_by_name_or_content(backend: Backend) {
        let (test, _) = filled(backend).await;
        let file = back_up(&test);
        let bytes = fs::read(&file).expect("the backup");
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|part| part == needle);
        assert!(has(b"manifest.json"), "what is there is found");
        let keys = test.data_dir().join("keys");
        let names = names_in(&keys);
        assert_eq!(names.len(), 1);
        for name in names {
            let content = fs::read(keys.join(&name)).expect("a key");
            assert!(!has(content.trim_ascii()) && !has(name.as_bytes()), "{name}");
        }
        assert!(!has(b"profiles/") && !has(b"keys/"));
        let report = said(&test.command().args(["restore", "--check"]).arg(&file).output().expect("it runs"));
        assert!(report.contains("the right ones are here") && report.ends_with("the backup is good\n"), "{report}");
        test.finish().await;
    }

    /// Each of these would lose something, so each is refused before anything is written.
    async fn a_backup_is_put_back_only_where_nothing_is_lost(backend: Backend) {
        let (test, _) = filled(backend).await;
        let file = back_up(&test);
        let before = sorted(test.rows().await);
        let restore = test.command().arg("restore").arg(&file).output().expect("it runs");
        refused(&restore, "another reconbanker uses");

        // The database that is there: a file in the data directory, or what the URL leads to.
        let dir = tempfile::tempdir().expect("a directory");
        let data_dir = dir.path().join("data");
        make_private(&data_dir);
        match backend {
            Backend::Sqlite => {
                for name in ["reconbanker.db", "reconbanker.db-wal"] {
                    fs::write(data_dir.join(name), "mine").expect("written");
                    let restore = command(&data_dir, None).arg("restore").arg(&file).output().expect("it runs");
                    refused(&restore, &format!("{name} exists already"));
                    assert_eq!(fs::read(data_dir.join(name)).ok().as_deref(), Some(b"mine".as_slice()));
                    fs::remove_file(data_dir.join(name)).expect("removed");
                }
            }
            Backend::Postgres => {
                let restore = command(&data_dir, test.database_url()).arg("restore").arg(&file).output();
                refused(&restore.expect("it runs"), "tables already");
                let restore = command(&data_dir, None).arg("restore").arg(&file).output();
                refused(&restore.expect("it runs"), "the backup holds data of PostgreSQL");
            }
        }

        let there = Elsewhere::of(&test).await;
        fs::create_dir_all(there.data_dir()).expect("a folder");
        fs::set_permissions(there.data_dir(), fs::Permissions::from_mode(0o700)).expect("permissions");
        KeyRing::load_or_create(&there.data_dir().join("keys")).expect("other keys");
        let wrong = "are not the ones that this backup's database was made with";
        refused(&there.run(&["restore", "--check"], &file), wrong);
        refused(&there.run(&["restore"], &file), wrong);
        assert_eq!(names_in(&there.data_dir()), ["keys", "lock"], "nothing was put there");
        fs::remove_dir_all(there.data_dir().join("keys")).expect("removed");

        // Without keys a check warns, and what an operator has stays.
        let checked = answered(&there.run(&["restore", "--check", "--json"], &file));
        assert_eq!(checked["keys"], "absent");
        assert!(checked["notes"][0].as_str().is_some_and(|note| note.contains("there are no keys in")), "{checked}");
        fs::create_dir_all(there.data_dir().join("scrapers/mine")).expect("a folder");
        fs::write(data_file(&test, "scrapers/_lib/own.toml"), "# ours\n").expect("written");
        let whole = dir.path().join("whole.tar");
        said(&test.command().args(["backup", "--to"]).arg(&whole).output().expect("it runs"));
        let report = said(&there.run(&["restore"], &whole));
        assert!(report.contains("kept     scrapers"), "{report}");
        assert_eq!(names_in(&there.data_dir().join("scrapers")), ["mine"]);
        assert_eq!(sorted(test.rows().await), before, "nothing of this touched the database that was backed up");
        there.database.remove().await;
        test.finish().await;
    }
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

/// A path in the daemon's data directory, with its folders made.
fn data_file(test: &TestApp, name: &str) -> PathBuf {
    let path = test.data_dir().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    path
}
