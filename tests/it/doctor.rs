//! `reconbanker doctor` as an operator meets it: the real binary, beside a daemon and without one.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use chrono::TimeDelta;
use reconbanker::demo::world::{Behaviour, ReceiverBehaviour, SHOP_TOKEN};
use reconbanker::domain::time::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::{Backend, GOOD_USER, Statement, TestApp, credit, each_backend};

/// Checks that depend on nothing but the installation, not on the machine of the test.
const OF_THE_INSTALLATION: [&str; 16] = [
    "data_directory",
    "keys",
    "schema",
    "database_integrity",
    "daemon",
    "time_zones",
    "recipes",
    "leftovers",
    "listen",
    "registration",
    "outbound",
    "queue",
    "deliveries",
    "polls",
    "scrapes",
    "blocked_accounts",
];

/// Checks that ask the database.
const OF_THE_DATABASE: [&str; 7] =
    ["schema", "database_integrity", "queue", "deliveries", "polls", "scrapes", "blocked_accounts"];

/// What came out.
struct Examined {
    code: Option<i32>,
    /// Everything that was printed, on both streams.
    said: String,
    report: Value,
}

impl Examined {
    /// Runs the command with `doctor --json`, and checks what holds for each report.
    #[track_caller]
    fn by(mut command: Command, more: &[&str]) -> Self {
        let output = command.args(["doctor", "--json"]).args(more).output().expect("it runs");
        let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out}{error}"));
        let examined = Self { code: output.status.code(), said: format!("{out}{error}"), report };
        let states = ["fine", "warning", "fault"];
        for check in examined.checks() {
            assert!(states.contains(&check["state"].as_str().expect("a word")), "{check}");
            assert!(check["detail"].is_string(), "{check}");
            assert_eq!(check["remedy"].is_null(), check["state"] == "fine", "a remedy unless it is fine: {check}");
        }
        let names: BTreeSet<&str> = examined.checks().iter().filter_map(|check| check["name"].as_str()).collect();
        assert_eq!(names.len(), examined.checks().len(), "each name stands once: {names:?}");
        let has_fault = examined.checks().iter().any(|check| check["state"] == "fault");
        assert_eq!(examined.report["ok"], !has_fault);
        assert_eq!(examined.code, Some(i32::from(has_fault)));
        examined
    }

    fn checks(&self) -> &[Value] {
        self.report["checks"].as_array().expect("a list")
    }

    #[track_caller]
    fn check(&self, name: &str) -> &Value {
        let found = self.checks().iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", self.report))
    }

    #[track_caller]
    fn holds(&self, name: &str, state: &str, parts: &[&str]) {
        let check = self.check(name);
        assert_eq!(check["state"], state, "{check}");
        for part in parts {
            assert!(check.to_string().contains(part), "no \"{part}\" in {check}");
        }
    }
}

/// The command line with a data directory of its own.
fn alone(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reconbanker"));
    command.arg("--data-dir").arg(data_dir).env_remove("RECONBANKER_CONFIG");
    command
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

each_backend! {
    async fn a_fresh_installation_is_looked_at_beside_its_daemon(backend: Backend) {
        let test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let examined = Examined::by(test.command(), &[]);
        assert!(examined.checks().len() >= 15, "{}", examined.report);
        for name in OF_THE_INSTALLATION {
            examined.holds(name, "fine", &[]);
        }
        let engine = test.app.deps.store.engine();
        assert!(examined.check("database")["detail"].to_string().contains(engine), "{}", examined.said);
        examined.holds("settings", "warning", &["127.0.0.0/8"]);
        examined.holds("backup_age", "warning", &["reconbanker backup"]);

        let output = test.command().arg("doctor").output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), examined.code, "{text}");
        for check in examined.checks() {
            let name = check["name"].as_str().expect("a name");
            assert!(text.lines().any(|line| line.split_whitespace().nth(1) == Some(name)), "no {name} in {text}");
        }
        let total = format!("{} check(s)", examined.checks().len());
        assert!(text.lines().last().is_some_and(|line| line.starts_with(&total)), "{text}");
        test.finish().await;
    }

    async fn failing_shops_and_receivers_are_named_without_names_or_amounts(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.settle().await;
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        test.scrape(account).await;
        test.world.set_shop_behaviour(Behaviour::Status(500));
        test.advance(TimeDelta::minutes(11)).await;

        let examined = Examined::by(test.command(), &[]);
        examined.holds("deliveries", "warning", &["1 to 127.0.0.1:", "status 503"]);
        examined.holds("polls", "warning", &[&account.to_string(), "status 500", "orders poll --dry"]);
        examined.holds("scrapes", "fine", &[]);
        for secret in ["Juan", "JUAN", "1500.00", "ORDER-1", SHOP_TOKEN, GOOD_USER, "/webhook"] {
            assert!(!examined.said.contains(secret), "{secret} in {}", examined.said);
        }
        test.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_can_read_is_a_fault_with_the_chmod_that_mends_it() {
    let test = TestApp::start_with(Backend::Sqlite, Some(Statement::new().engine())).await;
    let (data, keys) = (test.data_dir(), test.data_dir().join("keys"));
    let key = fs::read_dir(&keys).expect("a folder").next().expect("a key").expect("an entry").path();
    let check = |path: &Path, wrong: u32, right: u32, name: &str| {
        set_mode(path, wrong);
        let examined = Examined::by(test.command(), &[]);
        set_mode(path, right);
        examined.holds(name, "fault", &[&format!("chmod {right:o} {}", path.display())]);
        assert_eq!(examined.code, Some(1));
    };
    check(&key, 0o644, 0o600, "keys");
    check(&keys, 0o644, 0o700, "keys");
    check(&keys, 0o770, 0o700, "keys");
    check(&data, 0o755, 0o700, "data_directory");
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_of_another_database_are_a_fault() {
    let test = TestApp::start_with(Backend::Sqlite, Some(Statement::new().engine())).await;
    let (keys, aside) = (test.data_dir().join("keys"), test.data_dir().join("aside"));
    fs::rename(&keys, &aside).expect("it is ours");
    Examined::by(test.command(), &[]).holds("keys", "fault", &["this database was made with one"]);
    assert!(!keys.exists(), "doctor makes no keys");
    reconbanker::vault::KeyRing::load_or_create(&keys).expect("other keys");
    Examined::by(test.command(), &[]).holds("keys", "fault", &["are not those that this database was made with"]);
    test.finish().await;
}

#[test]
fn a_backup_is_told_by_its_age() {
    let dir = tempfile::tempdir().expect("a directory");
    set_mode(dir.path(), 0o700);
    let check = |old: TimeDelta, state: &str| {
        let at = SystemClock.now() - old;
        let note = json!({ "at": at.to_rfc3339(), "file": "/backups/today.tar", "bytes": 1024 });
        fs::write(dir.path().join("last-backup.json"), note.to_string()).expect("it is ours");
        Examined::by(alone(dir.path()), &[]).holds("backup_age", state, &["/backups/today.tar"]);
    };
    check(TimeDelta::hours(1), "fine");
    check(TimeDelta::hours(49), "warning");
    check(TimeDelta::days(8), "fault");
}

#[test]
fn nothing_is_made_where_nothing_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let examined = Examined::by(alone(&data), &[]);
    examined.holds("data_directory", "warning", &["does not exist yet", "serve"]);
    examined.holds("database", "warning", &["reconbanker.db does not exist yet"]);
    examined.holds("keys", "warning", &["no key yet"]);
    examined.holds("daemon", "warning", &["serve"]);
    for name in OF_THE_DATABASE {
        examined.holds(name, "fine", &["no database yet"]);
    }
    assert_eq!(fs::read_dir(dir.path()).expect("a list").count(), 0);

    fs::create_dir(&data).expect("a directory");
    set_mode(&data, 0o700);
    Examined::by(alone(&data), &[]).holds("data_directory", "fine", &[]);
    assert_eq!(fs::read_dir(&data).expect("a list").count(), 0);
}

#[test]
fn a_server_that_is_gone_is_named_and_hides_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = "database.url=postgres://nobody:hunter2@127.0.0.1:9/none";
    let examined = Examined::by(alone(&dir.path().join("data")), &["--set", url]);
    examined.holds("database", "fault", &["the PostgreSQL on 127.0.0.1 does not answer", "refused", "pg_hba.conf"]);
    for name in OF_THE_DATABASE {
        examined.holds(name, "warning", &["the database does not answer"]);
    }
    for name in ["disk_space", "disk_writable", "disk_speed", "memory", "browser", "driver", "clock", "time_zones"] {
        examined.check(name);
    }
    assert!(!examined.said.contains("hunter2"), "{}", examined.said);
}

#[test]
fn a_file_that_is_no_database_is_a_fault() {
    let dir = tempfile::tempdir().expect("a directory");
    set_mode(dir.path(), 0o700);
    fs::write(dir.path().join("reconbanker.db"), "this is no database ".repeat(1_000)).expect("it is ours");
    let examined = Examined::by(alone(dir.path()), &[]);
    examined.holds("database", "fault", &["reconbanker.db does not answer", "not a database", "restore"]);
}

#[test]
fn settings_that_do_not_load_are_a_report_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let examined = Examined::by(alone(dir.path()), &["--set", "server.listn=127.0.0.1:1"]);
    examined.holds("settings", "fault", &["server.listen"]);
    assert_eq!(examined.checks().len(), 1);
}
