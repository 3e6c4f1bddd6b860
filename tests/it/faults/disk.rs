//! The disk of the data directory is full or read-only: a real one, in memory, that the daemon alone sees.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Api, Serve};

/// A directory that disks are mounted on.
fn mount_point() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("it is ours");
    (dir, data)
}

/// Writes until there is no room for another byte.
fn fill_up(file: &Path) {
    let mut file = File::create(file).expect("a file");
    for chunk in [vec![0_u8; 1 << 20], vec![0; 4096], vec![0; 1]] {
        let refused = loop {
            if let Err(error) = file.write_all(&chunk) {
                break error;
            }
        };
        assert_eq!(refused.kind(), ErrorKind::StorageFull, "{refused}");
    }
}

/// What `doctor` says of the thing of that name.
#[track_caller]
fn doctors_verdict(command: &mut Command, name: &str) -> Value {
    let output = command.args(["doctor", "--json"]).output().expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no report: {}", String::from_utf8_lossy(&output.stderr)));
    let mut checks = report["checks"].as_array().expect("a list").iter();
    checks.find(|check| check["name"] == name).expect("a check").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_work_goes_on_when_there_is_room() {
    let (_dir, data) = mount_point();
    // More than the 100 MiB that must be free, by what the database needs.
    let command = Serve::command_on_disk_of_its_own(&data, "size=128m,mode=0700");
    let settings = ["--set", "server.requests_per_minute=100000", "--set", "demo.bank_port=9"];
    let serve = Serve::start(command, &data, &settings);
    let mut api = Api::new(serve.url());
    api.sign_up("owner@shop.example").await;
    let bank = api.get("/banks").await.expect(200)[0]["id"].clone();
    api.until_ready().await;

    let filler = serve.inside(&data).join("filler");
    fill_up(&filler);
    let full = api.until_readiness(|readiness| !readiness.is_ok("disk")).await;
    assert_eq!(full.status, 503);
    assert!(full.detail("disk").starts_with("the disk is nearly full: 0 MiB free of 128 MiB under "), "{full:?}");
    let deadline = Instant::now() + Duration::from_mins(1);
    // What the database has reserved already still takes a few.
    let (refused, told) = loop {
        let answer = api.post("/accounts", json!({ "bankId": bank, "name": "Operating account" })).await;
        let readiness = api.readiness().await;
        if answer.status == 503 && !readiness.is_ok("writes") {
            break (answer, readiness);
        }
        assert!(Instant::now() < deadline, "still {answer:?}, {readiness:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((refused.header("retry-after"), &refused.body["code"]), ("5", &json!("unavailable")));
    let error = refused.error(503);
    assert!(error.contains("the database cannot be written right now (its disk is full)"), "{error}");
    assert!(told.detail("writes").starts_with("SQLite: the database or its disk is full"), "{told:?}");
    let verdict = doctors_verdict(&mut serve.command_inside(&data), "disk_space");
    assert_eq!(verdict["state"], "fault", "{verdict}");

    fs::remove_file(&filler).expect("it is ours");
    api.until_ready().await;
    api.post("/accounts", json!({ "bankId": bank, "name": "Operating account" })).await.expect(201);
    let log = serve.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.matches("a background task failed").count() <= 2, "once a minute: {log}");
    serve.terminate();
    assert!(serve.end_within(Duration::from_secs(35)).success());
}

#[test]
fn a_read_only_disk_is_refused_with_the_remedy() {
    let (_dir, data) = mount_point();
    let command = || Serve::command_on_disk_of_its_own(&data, "ro,size=16m,mode=0700");
    let output = command().args(["serve", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    let place = data.display().to_string();
    for part in [&*place, "mounted read-only", "mount it writable", "--data-dir"] {
        assert!(error.contains(part), "no \"{part}\" in {error}");
    }
    let verdict = doctors_verdict(&mut command(), "disk_writable");
    assert_eq!(verdict["state"], "fault", "{verdict}");
    assert!(verdict["detail"].to_string().contains("Read-only file system"), "{verdict}");
}
