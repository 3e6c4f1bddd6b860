//! Accounts behind one bank login are read in turn.

use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::{Outcome, RunState};
use serde_json::json;

use crate::support::{Backend, GOOD_USER, Statement, TestApp, each_backend};

each_backend! {
    /// The clock stands still: the end of the first scrape begins the second, not a time that came.
    async fn a_scrape_begins_as_soon_as_its_login_is_free(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let first = test.enrol(GOOD_USER, "reconcile").await;
        let second = test.api.create_account("Second account").await;
        test.api.put(&format!("/accounts/{second}/config"), test.config(GOOD_USER)).await.expect(200);
        test.settle().await;

        let gate = bank.gate.lock().await;
        let scrape = async |account: AccountId| {
            let answer = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
            answer["jobId"].as_str().expect("a job id").to_owned()
        };
        let running = scrape(first).await;
        let meanwhile = async {
            bank.logged_in().await;
            let waiting = scrape(second).await;
            // Its turn comes, and its login is busy.
            test.settle().await;
            assert_eq!(test.run(&waiting).await.state, RunState::Queued);
            drop(gate);
            waiting
        };
        let ((), waiting) = tokio::join!(test.settle(), meanwhile);
        for run in [running, waiting] {
            let run = test.run(&run).await;
            assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        }
        test.finish().await;
    }
}
