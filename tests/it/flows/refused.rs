//! What the bank refuses, and what a changed page does.

use reconbanker::domain::run::Outcome;
use reconbanker::store::movements::Include;
use serde_json::json;

use crate::support::{Backend, GOOD_USER, TestApp, captured_log, each_backend};

/// What only the bank's page about its maintenance says.
const CANARY: &str = "Estamos en mantenimiento";

each_backend! {
    /// A wrong password is typed once; then nobody types it again before a person restarts.
    async fn browser_a_wrong_password_is_typed_once_and_blocks(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol("clave-mala", "reconcile").await;
        let run = test.scrape(account).await;
        assert_eq!(run.outcome, Some(Outcome::InvalidCredentials), "{:?}", run.detail);
        assert_eq!(test.world.login_submissions("clave-mala"), 1);

        let accounts = test.api.get("/accounts").await.expect(200);
        assert_eq!(accounts[0]["scrapeBlockedAt"], "2026-11-20T13:00:00Z");
        assert_eq!(accounts[0]["scrapeBlockedReason"], "the bank refused the user name or the password");

        let error = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.error(409);
        assert!(error.contains("the bank refused the user name or the password"), "{error}");
        assert!(error.contains("/restart"), "{error}");
        // A day of schedule types nothing.
        for _ in 0..24 {
            test.advance(chrono::TimeDelta::hours(1)).await;
        }
        assert_eq!(test.world.login_submissions("clave-mala"), 1);

        // A restart permits exactly one submission, and blocks again.
        test.api.post(&format!("/accounts/{account}/restart"), json!({})).await.expect(202);
        test.settle().await;
        assert_eq!(test.world.login_submissions("clave-mala"), 2);
        let accounts = test.api.get("/accounts").await.expect(200);
        assert_ne!(accounts[0]["scrapeBlockedAt"], json!(null));
        test.finish().await;
    }

    /// Two accounts behind one login share its block.
    async fn browser_accounts_of_one_login_share_its_budget(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let first = test.enrol("clave-mala", "reconcile").await;
        let second = test.api.create_account("Second account").await;
        test.api.put(&format!("/accounts/{second}/config"), test.config("clave-mala")).await.expect(200);
        test.scrape(first).await;
        test.api.post(&format!("/accounts/{second}/scrape"), json!({})).await.error(409);
        assert_eq!(test.world.login_submissions("clave-mala"), 1);
        test.finish().await;
    }

    /// A page whose columns were renamed is named as such; what was read before stays.
    async fn browser_a_changed_page_is_named_and_loses_nothing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.scrape(account).await;
        let before = listed(&test, account).await;
        test.api.put(&format!("/accounts/{account}/config"), test.config("pagina-rota")).await.expect(200);
        let run = test.scrape(account).await;
        assert_eq!(run.outcome, Some(Outcome::LayoutChanged), "{:?}", run.detail);
        let detail = run.detail.expect("a detail");
        assert!(detail.contains("no column is named fecha"), "the detail names the missing column: {detail}");
        assert_eq!(listed(&test, account).await, before);
        test.finish().await;
    }

    /// Whoever looks at a run is shown what stood on the page; whoever reads the log is not.
    async fn browser_a_banks_page_is_quoted_in_the_run_and_never_in_the_log(backend: Backend) {
        let log = captured_log();
        let mut test = TestApp::start(backend).await;
        let account = test.enrol("mantenimiento", "reconcile").await;
        test.scrape(account).await;
        let runs = test.api.get(&format!("/accounts/{account}/runs")).await.expect(200);
        let scrape = runs.as_array().expect("a list").iter().find(|run| run["kind"] == "scrape").expect("a scrape");
        assert_eq!(scrape["outcome"], "bank_unavailable");
        let detail = scrape["detail"].as_str().expect("a detail");
        assert!(detail.contains(CANARY), "{detail}");
        let log = log.text();
        assert!(log.lines().any(|line| line.contains("scrape finished") && line.contains("bank_unavailable")));
        for line in log.lines() {
            assert!(!line.contains(CANARY), "{line}");
        }
        test.finish().await;
    }

    /// Maintenance is the bank's trouble: no submission, no block.
    async fn browser_a_locked_user_blocks_the_account(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol("bloqueado", "reconcile").await;
        let run = test.scrape(account).await;
        assert_eq!(run.outcome, Some(Outcome::AccountBlocked), "{:?}", run.detail);
        let accounts = test.api.get("/accounts").await.expect(200);
        assert_eq!(accounts[0]["scrapeBlockedReason"], "the bank says that this user is locked");
        test.finish().await;
    }
}

async fn listed(test: &TestApp, account: reconbanker::domain::ids::AccountId) -> usize {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let all = Include { pending: true, debits: true };
    tx.movements(org, account, all, 500, 0).await.expect("the ledger").len()
}
