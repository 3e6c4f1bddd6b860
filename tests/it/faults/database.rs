//! The database server restarts, or the network to it is cut.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::RunKind;
use reconbanker::scrape::Engine;
use serde_json::{Value, json};

use crate::support::{Backend, Database, FakeBank, GOOD_USER, TestApp, credit};

/// What `doctor` says of the database.
async fn doctors_verdict(test: &TestApp) -> Value {
    let mut command = test.command();
    command.args(["doctor", "--json"]);
    let run = tokio::task::spawn_blocking(move || command.output().expect("it runs"));
    let output = run.await.expect("no panic");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut checks = report["checks"].as_array().expect("a list").iter();
    checks.find(|check| check["name"] == "database").expect("a check").clone()
}

/// Whether the account was polled and scraped, and no job is under way.
async fn is_quiet(test: &TestApp, account: AccountId) -> bool {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    for kind in RunKind::ALL {
        if tx.last_run(org, account, *kind).await.expect("a query").is_none() {
            return false;
        }
    }
    tx.running_jobs().await.expect("a count") == 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_cut_off_is_named_and_work_goes_on_by_itself() {
    let (database, mut proxy) = Database::create(Backend::Postgres).await.behind_proxy().await;
    let bank = FakeBank::new();
    let engine = Arc::clone(&bank) as Arc<dyn Engine>;
    let mut test = TestApp::start_on(database, engine, &[("jobs.sweep_every", "1s")]).await;
    test.order("ORDER-1", "Juan Pérez", "1500.00");
    let account = test.enrol(GOOD_USER, "reconcile").await;
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_quiet(&test, account).await {
        assert!(Instant::now() < deadline, "the first poll and the first scrape did not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    proxy.cut().await;
    let down = test.api.until_readiness(|readiness| !readiness.is_ok("database")).await;
    assert_eq!(down.status, 503);
    assert!(down.detail("database").starts_with("PostgreSQL"), "{down:?}");
    assert!(down.is_ok("jobs"), "a worker that waits for the database is alive: {down:?}");
    test.api.until_readiness(|readiness| !readiness.is_ok("writes")).await;
    let refused = test.api.post("/accounts", json!({ "bankId": "00000000-0000-0000-0000-000000000000" })).await;
    assert_eq!((refused.header("retry-after"), &refused.body["code"]), ("5", &json!("unavailable")));
    assert!(refused.error(503).contains("the database cannot be reached right now"));
    let verdict = doctors_verdict(&test).await;
    assert_eq!(verdict["state"], "fault", "{verdict}");

    // The world outside goes on meanwhile, and the daemon hears of it afterwards.
    test.order("ORDER-2", "Juan Pérez", "500.50");
    bank.show(vec![credit("f1", "1500.00", "2026-11-20"), credit("f2", "500.50", "2026-11-20")]);
    proxy.mend().await;
    test.api.until_ready().await;
    assert_ne!(doctors_verdict(&test).await["state"], "fault");
    // The next poll and the next scrape are due; nobody asks for them.
    test.clock.advance(TimeDelta::minutes(25));
    let mut told = BTreeMap::new();
    let deadline = Instant::now() + Duration::from_mins(1);
    while told.len() < 2 {
        assert!(Instant::now() < deadline, "told so far: {told:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        for webhook in test.world.received() {
            assert_eq!(webhook.verified, Ok(()));
            let order = webhook.body["external_id"].as_str().expect("an order").to_owned();
            let id = told.entry(order).or_insert_with(|| webhook.webhook_id.clone());
            assert_eq!(*id, webhook.webhook_id, "one decision, one id");
        }
    }
    assert!(told.contains_key("ORDER-1") && told.contains_key("ORDER-2"), "{told:?}");
    test.stop_daemon().await.close().await;
}
