//! The command line as a user meets it: the real binary, its words and its exit code.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

fn reconbanker(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reconbanker"));
    command.arg("--data-dir").arg(data_dir.join("data")).env_remove("RECONBANKER_CONFIG");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn fails_with(output: &Output, expected: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let error = text(&output.stderr);
    assert!(error.contains(expected), "expected \"{expected}\" in: {error}");
}

/// `serve` in the background, ended by id.
struct Serve(Child);

impl Serve {
    fn start(dir: &Path) -> (Self, String) {
        let mut command = reconbanker(dir);
        command.args(["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut seen = String::new();
        for line in lines {
            let line = line.expect("text");
            seen.push_str(&line);
            seen.push('\n');
            if line.starts_with("nobody has registered") || line.starts_with("API") && seen.contains("registered") {
                break;
            }
        }
        (Self(child), seen)
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the daemon that `said` where its API is answers there to a question whether it lives.
fn livez(said: &str) -> String {
    let line = said.lines().find(|line| line.starts_with("API ")).expect("the API's address");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    write!(stream, "GET /livez HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn serve_needs_no_file_and_says_where_everything_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_serve, said) = Serve::start(dir.path());
    let data = dir.path().join("data");
    assert!(said.contains(&data.join("keys").display().to_string()), "{said}");
    assert!(said.contains("Copy that folder to a safe place"), "{said}");
    assert!(said.contains("http://127.0.0.1:"), "{said}");
    assert!(said.contains("nobody has registered yet"), "{said}");
    assert!(data.join("reconbanker.db").exists());
}

/// By whatever path it comes, with exit code 1.
#[test]
fn a_second_daemon_on_one_data_directory_is_refused_and_the_first_goes_on() {
    let (dir, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let (_serve, said) = Serve::start(dir.path());
    symlink(dir.path().join("data"), other.path().join("data")).expect("a link");
    for parent in [dir.path(), other.path()] {
        let second = reconbanker(parent).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
        let data = parent.join("data").display().to_string();
        let remedy = "stop it, or choose another data directory with --data-dir";
        fails_with(&second, &format!("another reconbanker uses {data}; {remedy}"));
    }
    let answer = livez(&said);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn keys_of_another_database_are_refused() {
    let (dir, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    drop(Serve::start(dir.path()));
    drop(Serve::start(other.path()));
    let keys = dir.path().join("data/keys");
    std::fs::remove_dir_all(&keys).expect("keys were made");
    std::fs::rename(other.path().join("data/keys"), &keys).expect("other keys");
    let output = reconbanker(dir.path()).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    fails_with(&output, "are not the ones that this database was made with");
}

/// A new key would open nothing, and would lie in the way of the right ones.
#[test]
fn lost_keys_are_said_and_no_others_are_made_for_them() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(Serve::start(dir.path()));
    let keys = dir.path().join("data/keys");
    std::fs::remove_dir_all(&keys).expect("keys were made");
    let output = reconbanker(dir.path()).args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    fails_with(&output, "put that folder back (from its safe copy");
    assert!(!keys.exists());
}

#[test]
fn a_user_is_added_while_the_daemon_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_serve, _) = Serve::start(dir.path());
    let add = |password: &str| {
        let mut command = reconbanker(dir.path());
        command.args(["user", "add", "--admin", "ana@example.com"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        writeln!(child.stdin.take().expect("a pipe"), "{password}").expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    fails_with(&add("short"), "password must have at least 12 characters");
    let added = add("correct horse battery");
    assert_eq!(text(&added.stdout), "added ana@example.com\n", "{}", text(&added.stderr));
    fails_with(&add("correct horse battery"), "ana@example.com is taken already");
}

#[test]
fn an_unknown_key_is_named_with_line_and_suggestion() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("settings.toml");
    std::fs::write(&file, "[server]\nlistn = \"127.0.0.1:1\"\n").expect("a file");
    let output = reconbanker(dir.path()).args(["config", "check", "--config"]).arg(&file).output().expect("it runs");
    fails_with(&output, "settings.toml:2");
    fails_with(&output, "listen");
    let output =
        reconbanker(dir.path()).args(["config", "check", "--set", "server.lisen=x"]).output().expect("it runs");
    fails_with(&output, "listen");
    let output = reconbanker(dir.path())
        .args(["config", "check"])
        .env("RECONBANKER_SERVER__LISTEM", "x")
        .output()
        .expect("it runs");
    fails_with(&output, "RECONBANKER_SERVER__LISTE");
    let output = reconbanker(dir.path()).args(["config", "check"]).output().expect("it runs");
    assert_eq!(text(&output.stdout), "the settings are right\n");
}

#[test]
fn no_browser_and_no_driver_are_said_with_the_remedy() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = |flag: &str| {
        let mut command = reconbanker(dir.path());
        command.args(["demo", "--once", flag, "/nowhere/at/all"]);
        command.output().expect("it runs")
    };
    let output = run("--driver");
    fails_with(&output, "/nowhere/at/all");
    let output = run("--browser");
    fails_with(&output, "/nowhere/at/all");
}

#[test]
fn kills_are_for_a_demo_that_ends_and_has_no_other_story() {
    let dir = tempfile::tempdir().expect("a directory");
    let refused = |arguments: &[&str], expected: &str| {
        let output = reconbanker(dir.path()).arg("demo").args(arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = text(&output.stderr);
        assert!(error.contains(expected), "expected \"{expected}\" in: {error}");
    };
    refused(&["--kill"], "--once");
    refused(&["--once", "--kills", "5"], "--kill");
    refused(&["--once", "--kill", "--scenario", "otp"], "cannot be used with");
    refused(&["--once", "--kill", "--kills", "0"], "1..=120");
}

#[test]
fn a_database_that_does_not_answer_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = "database.url=postgres://nobody@127.0.0.1:9/none";
    let output = reconbanker(dir.path()).args(["migrate", "--set", url]).output().expect("it runs");
    fails_with(&output, "the PostgreSQL on 127.0.0.1 does not let us in");
    let output = reconbanker(dir.path()).args(["scraper", "test", "nope"]).output().expect("it runs");
    fails_with(&output, "there is no scrapers/nope/recipe.toml");
}

#[test]
fn a_case_that_does_not_exist_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let explain = |id: &str| reconbanker(dir.path()).args(["match", "explain", id]).output().expect("it runs");
    reconbanker(dir.path()).arg("migrate").output().expect("it runs");
    fails_with(&explain("nonsense"), "\"nonsense\" is not the id of a case");
    fails_with(&explain("00000000-0000-0000-0000-000000000000"), "there is no case");
}

/// Runs a measurement and reads what it prints for programs.
fn bench(arguments: &[&str]) -> Value {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = reconbanker(dir.path());
    let output = command.arg("bench").args(arguments).arg("--json").arg("--dir").arg(dir.path()).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("the directory").collect();
    assert!(left.is_empty(), "nothing is left behind: {left:?}");
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn the_match_is_measured_beside_its_floor() {
    let measured = bench(&["match", "--open", "10,50", "--movements", "5", "--pairs", "1"]);
    assert_eq!((&measured["engine"], &measured["pairs"]), (&json!("SQLite"), &json!(1)));
    // Two rounds, the warm-up included: five movements alone, and five batches of as many as there are orders.
    for (size, open, matched) in [(0_usize, 10, 2 * (5 + 5 * 10)), (1, 50, 2 * (5 + 5 * 50))] {
        let size = &measured["sizes"][size];
        assert_eq!((&size["open"], &size["matched"]), (&json!(open), &json!(matched)));
        assert_eq!(size["batch"]["movements"], open);
        for figure in ["/match/p50", "/ingest_and_match/p99", "/movements_per_second", "/batch/match", "/floor/one"] {
            assert!(size.pointer(figure).is_some_and(|value| value.as_u64() > Some(0)), "{figure} of {size}");
        }
        for ratio in ["match", "ingest_and_match", "batch_match", "batch_ingest_and_match"] {
            assert!(size["floor"][ratio].is_f64(), "{ratio} of {size}");
        }
    }
    assert!(measured["growth"]["median"].is_f64(), "{measured}");
    assert_eq!(measured["growth"]["pairs"].as_array().map(Vec::len), Some(1));
    assert_eq!(measured["goals"].as_array().map(Vec::len), Some(5), "growth, and two against the floor at each size");
}

#[test]
fn the_match_is_measured_on_postgresql_without_a_floor() {
    let server = std::env::vars().find_map(|(name, value)| (name == "RECONBANKER_TEST_POSTGRES_URL").then_some(value));
    let server = server.expect("run the tests with `make test`, which starts a server");
    let measured =
        bench(&["match", "--open", "10", "--movements", "2", "--pairs", "1", "--database-url", server.as_str()]);
    assert_eq!((&measured["engine"], &measured["growth"]), (&json!("PostgreSQL"), &Value::Null));
    let size = &measured["sizes"][0];
    assert_eq!((&size["matched"], &size["floor"]["match"]), (&json!(2 * (2 + 5 * 10)), &Value::Null));
    assert_eq!(measured["goals"], json!([]));
}

#[test]
fn a_poll_and_a_daemon_at_rest_are_measured() {
    let poll = bench(&["poll", "--orders", "20", "--pairs", "1"]);
    assert_eq!((&poll["orders"], &poll["registered"]), (&json!(20), &json!(20)));
    for figure in ["first", "unchanged", "not_modified"] {
        assert!(poll[figure].as_u64() > Some(0), "{figure} of {poll}");
    }
    let idle = bench(&["idle", "--seconds", "0"]);
    assert_eq!(idle["accounts"], 10);
    assert!(idle["ready_us"].as_u64() > Some(0) && idle["rss_kib"].as_u64() > Some(0), "{idle}");
}
