//! Starting: what a node takes back from its last boot, what it leaves to others, and when it does not start at all.

use std::os::unix::fs::symlink;
use std::path::Path;

use chrono::TimeDelta;
use reconbanker::app::{self, Background};
use reconbanker::domain::ids::{AccountId, BankLoginId, JobId};
use reconbanker::domain::time::Clock;
use reconbanker::jobs::Deps;
use reconbanker::store::jobs::{NewJob, Queue};
use serde_json::json;
use uuid::Uuid;

use super::login;
use crate::support::{Backend, FakeBank, TestApp, claim, copy, each_backend, id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_again_lets_go_of_its_own_and_of_nobody_elses() {
    let mut test = TestApp::start_with(Backend::Postgres, Some(FakeBank::new().engine())).await;
    let first = test.enrol("user-1", "reconcile").await;
    let second = test.api.create_account("Second account").await;
    test.api.put(&format!("/accounts/{second}/config"), test.config("user-2")).await.expect(200);
    test.settle().await;
    let node = test.second_node(FakeBank::new().engine()).await;
    let (its_login, its_job) = hold(&test, &node.deps, first).await;
    let (our_login, our_job) = hold(&test, &test.app.deps, second).await;
    let dir = node.crash();

    // Made from the crashed node's directory, as one does to set up the next one; the crashed one may be alive.
    let copied = tempfile::tempdir().expect("a directory");
    copy(&dir.path().join("data"), &copied.path().join("data"));
    let third = test.node(copied, FakeBank::new().engine(), Background::None, &[]).await;
    test.clock.advance(TimeDelta::seconds(1));
    assert!(!is_free(&test, its_login).await && !is_free(&test, our_login).await);
    assert!(claim(&third.deps, Queue::Match).await.is_none());
    third.finish().await;

    let again = test.node(dir, FakeBank::new().engine(), Background::None, &[]).await;
    test.clock.advance(TimeDelta::seconds(1));
    assert!(is_free(&test, its_login).await && !is_free(&test, our_login).await);
    let taken_up = claim(&again.deps, Queue::Match).await.expect("its last boot's job");
    assert_eq!(taken_up.subject, its_job);
    assert!(claim(&again.deps, Queue::Match).await.is_none(), "the other node's job {our_job} is at work");
    again.finish().await;
    test.finish().await;
}

/// Takes an account's login and a job, as a node does that reads a bank.
async fn hold(test: &TestApp, deps: &Deps, account: AccountId) -> (BankLoginId, Uuid) {
    let (org_id, now, subject) = (test.org().await, deps.now(), id());
    let login = login(test, account).await.id;
    let job = NewJob { id: JobId(id()), org_id, queue: Queue::Match, subject, run_id: None, run_at: now };
    let mut tx = deps.store.write().await.expect("a transaction");
    let until = now + TimeDelta::minutes(10);
    tx.take_lease(org_id, login, deps.boot, now, until).await.expect("a query").expect("it is free");
    tx.enqueue(&job, now).await.expect("a job");
    tx.commit().await.expect("a commit");
    assert_eq!(claim(deps, Queue::Match).await.expect("it is due").subject, subject);
    (login, subject)
}

/// Whether the login could be taken; it is not.
async fn is_free(test: &TestApp, login: BankLoginId) -> bool {
    let (org, now) = (test.org().await, test.clock.now());
    let mut tx = test.app.deps.store.write().await.expect("a transaction");
    tx.take_lease(org, login, id(), now, now).await.expect("a query").is_some()
}

/// Why another daemon does not start in a directory.
async fn why_not(test: &TestApp, data_dir: &Path) -> String {
    let refused = test.start_beside(data_dir, test.database_url()).await.err().expect("it is refused");
    format!("{refused:#}")
}

each_backend! {
    /// See `cli` for the exit code.
    async fn a_second_daemon_on_one_data_directory_is_refused(backend: Backend) {
        let test = TestApp::start_with(backend, Some(FakeBank::new().engine())).await;
        let refusal = |dir: &Path| {
            let dir = dir.display();
            format!("another reconbanker uses {dir}; stop it, or choose another data directory with --data-dir")
        };
        let own = test.data_dir();
        assert_eq!(why_not(&test, &own).await, refusal(&own));
        let link = tempfile::tempdir().expect("a directory");
        let path = link.path().join("data");
        symlink(&own, &path).expect("a link");
        assert_eq!(why_not(&test, &path).await, refusal(&path));
        assert_eq!(test.api.get("/livez").await.expect(200), json!({ "ok": true }));
        test.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_with_other_keys_is_refused_on_the_same_database() {
    let test = TestApp::start_with(Backend::Postgres, Some(FakeBank::new().engine())).await;
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    app::make_data_dir(&data).expect("a data directory");
    app::open_vault(&data).expect("keys are made");
    let expected = format!(
        "the keys in {} are not the ones that this database was made with; put the right folder there (from its safe \
         copy, or from the other node)",
        data.join("keys").display()
    );
    assert_eq!(why_not(&test, &data).await, expected);
    assert_eq!(test.api.get("/livez").await.expect(200), json!({ "ok": true }));
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_not_the_database_servers_is_said_at_the_start() {
    let test = TestApp::start_with(Backend::Postgres, Some(FakeBank::new().engine())).await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let theirs = tx.server_clock().await.expect("a query").expect("a server has a clock");
    drop(tx);
    // The server's goes on meanwhile: within the few seconds that are left to it.
    test.clock.advance(theirs - test.clock.now());
    assert_eq!(app::clock_notice(&test.app.deps).await.expect("an answer"), None);
    test.clock.advance(TimeDelta::minutes(5));
    let notice = app::clock_notice(&test.app.deps).await.expect("an answer").expect("a notice");
    assert!(notice.starts_with("this machine's clock and the database server's are 2"), "{notice}");
    assert!(notice.contains("time server"), "{notice}");
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_no_clock_to_compare() {
    let test = TestApp::start_with(Backend::Sqlite, Some(FakeBank::new().engine())).await;
    assert_eq!(app::clock_notice(&test.app.deps).await.expect("an answer"), None);
    test.finish().await;
}
