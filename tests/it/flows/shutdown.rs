//! A stop lets what is under way end, however much is waiting; what takes too long is cut off and not lost.

use std::time::Duration;

use chrono::TimeDelta;
use reconbanker::domain::ids::JobId;
use reconbanker::domain::run::Outcome;
use reconbanker::store::jobs::{NewJob, Queue};
use serde_json::json;

use crate::support::{Backend, Database, GOOD_USER, Statement, TestApp, each_backend, id};

/// Far more than a daemon works off while this test runs.
const WAITING: usize = 3_000;

each_backend! {
    async fn a_stop_under_load_cuts_no_job(backend: Backend) {
        let mut test = TestApp::start_with_workers(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let (org, now) = (test.org().await, test.app.deps.now());
        let mut tx = test.app.deps.store.write().await.expect("a transaction");
        for _ in 0..WAITING {
            let job = NewJob { id: JobId(id()), org_id: org, queue: Queue::Match, subject: id(), run_id: None, run_at: now };
            tx.enqueue(&job, now).await.expect("a job");
        }
        tx.commit().await.expect("a commit");
        let store = test.stop_daemon().await;
        let mut tx = store.read().await.expect("a transaction");
        let waiting = tx.unfinished_jobs(Queue::Match).await.expect("a count");
        assert!(waiting > 0, "the stop came while jobs were waiting");
        assert_eq!(tx.running_jobs().await.expect("a count"), 0, "what was claimed was finished");
        drop(tx);
        store.close().await;
    }

    /// The next start finds the reading, and need not wait for the leases of the process that cut it off.
    async fn a_scrape_that_outlasts_the_stop_is_interrupted_by_the_next_start(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_on(Database::create(backend).await, bank.engine(), &[]).await;
        let gate = bank.gate.lock().await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        let answer = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        bank.logged_in().await;
        let test = test.restart_within(Duration::ZERO, bank.engine()).await;
        drop(gate);
        // The same instant, but for a moment: leases last a minute and more.
        test.clock.advance(TimeDelta::seconds(1));
        test.settle().await;
        let run = test.run(answer["jobId"].as_str().expect("a job id")).await;
        assert_eq!(run.outcome, Some(Outcome::Interrupted), "{:?}", run.detail);
        assert_eq!(run.detail.as_deref(), Some("the daemon stopped while this run was under way"));
        test.finish().await;
    }
}
