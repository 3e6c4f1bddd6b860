//! A stop lets what is under way end, however much is waiting.

use reconbanker::domain::ids::JobId;
use reconbanker::store::jobs::{NewJob, Queue};

use crate::support::{Backend, TestApp, each_backend, id};

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
}
