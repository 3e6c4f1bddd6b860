//! Restarting an account: a block is cleared for one submission; where there is none, it is a scrape like any other.

use std::sync::Arc;

use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::Engine;
use serde_json::{Value, json};

use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, each_backend};

async fn start(backend: Backend) -> (TestApp, Arc<FakeBank>, AccountId) {
    let bank = FakeBank::new();
    let mut test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    let account = test.enrol(GOOD_USER, "reconcile").await;
    test.settle().await;
    (test, bank, account)
}

/// How the scrape ended that a restart asked for.
async fn restart(test: &TestApp, account: AccountId) -> Option<Outcome> {
    let answer = test.api.post(&format!("/accounts/{account}/restart"), json!({})).await.expect(202);
    test.settle().await;
    test.run(answer["jobId"].as_str().expect("a job id")).await.outcome
}

/// Why scraping is blocked; `null` while it is not.
async fn reason(test: &TestApp) -> Value {
    test.api.get("/accounts").await.expect(200)[0]["scrapeBlockedReason"].clone()
}

each_backend! {
    async fn a_restart_without_a_block_leaves_the_budget_alone(backend: Backend) {
        let (test, bank, account) = start(backend).await;
        bank.refuse(Outcome::BankUnavailable);
        for login in 1..=3 {
            assert_eq!(reason(&test).await, Value::Null, "before login {login}");
            assert_eq!(restart(&test, account).await, Some(Outcome::BankUnavailable));
        }
        let why = "three logins in a row ended without a known outcome (last: bank_unavailable)";
        assert_eq!(reason(&test).await, why);
        test.finish().await;
    }

    async fn a_block_after_a_restart_says_that_it_was_the_restart(backend: Backend) {
        let (test, bank, account) = start(backend).await;
        bank.refuse(Outcome::InvalidCredentials);
        test.scrape(account).await;
        assert_eq!(reason(&test).await, "the bank refused the user name or the password");
        bank.refuse(Outcome::BankUnavailable);
        assert_eq!(restart(&test, account).await, Some(Outcome::BankUnavailable));
        let why = "the login after a restart ended without a known outcome (bank_unavailable)";
        assert_eq!(reason(&test).await, why);

        // A success makes the budget whole: one unknown outcome is no reason any more.
        bank.show(Vec::new());
        assert_eq!(restart(&test, account).await, Some(Outcome::Ok));
        bank.refuse(Outcome::BankUnavailable);
        test.scrape(account).await;
        assert_eq!(reason(&test).await, Value::Null);
        test.finish().await;
    }
}
