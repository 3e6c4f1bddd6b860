//! A deleted account: its work stops, its secrets are gone, its history stays.

use chrono::TimeDelta;
use reconbanker::demo::world::ReceiverBehaviour;
use reconbanker::domain::event::Actor;
use reconbanker::domain::ids::{AccountId, BankLoginId};
use reconbanker::domain::run::Outcome;
use reconbanker::jobs::delete_account;
use reconbanker::store::jobs::Queue;
use reconbanker::store::movements::Include;
use reconbanker::store::runs::Run;
use serde_json::{Value, json};

use super::leaks::processes_naming;
use super::otp::eventually;
use crate::support::{Backend, GOOD_USER, Statement, TestApp, credit, each_backend};

const DELETED: &str = "the account was deleted while this run was under way";

each_backend! {
    async fn deleting_takes_the_name_and_ends_everything(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.settle().await;
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        test.scrape(account).await;
        let (polls, received) = (test.world.polls().len(), test.world.received().len());
        assert_eq!(received, 1, "refused by the shop, to be sent again");
        let login = login_of(&test, account).await;
        let options = json!({ "schedule": { "scrape": { "every": "1h" } } });
        test.api.put(&format!("/accounts/{account}/options"), options.clone()).await.expect(200);
        let rows = async || test.rows().await.iter().filter(|row| row.starts_with("account_options: ")).count();
        assert_eq!(rows().await, 1);
        let request = test.api.get("/conciliation").await.expect(200)[0]["id"].clone();
        let waiting = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);

        let path = format!("/accounts/{account}");
        let refused = async |body: Value| test.api.delete(&path, body).await.error(400);
        assert_eq!(refused(json!({})).await, "confirmation_name is required");
        assert_eq!(refused(json!({ "confirmation_name": "" })).await, "confirmation_name is required");
        assert_eq!(refused(json!({ "confirmation_name": null })).await, "confirmation_name is required");
        let other_case = json!({ "confirmation_name": "operating account" });
        assert_eq!(refused(other_case).await, "Confirmation name does not match");
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        assert_eq!(other.delete(&path, confirmation()).await.error(404), "Account not found");
        assert_eq!(test.api.delete(&path, confirmation()).await.expect(204), json!(""));

        assert_eq!(test.api.delete(&path, confirmation()).await.error(404), "Account not found");
        assert_eq!(test.api.get("/accounts").await.expect(200), json!([]));
        for below in ["", "/config", "/movements", "/runs", "/options", "/webhook-secret"] {
            assert_eq!(test.api.get(&format!("{path}{below}")).await.error(404), "Account not found");
        }
        let saved = test.api.put(&format!("{path}/config"), test.config(GOOD_USER)).await;
        assert_eq!(saved.error(404), "Account not found");
        assert_eq!(test.api.put(&format!("{path}/options"), options).await.error(404), "Account not found");
        assert_eq!(rows().await, 0);
        assert_eq!(test.api.get("/conciliation").await.expect(200), json!([]));
        let request = format!("/conciliation/{}", request.as_str().expect("an id"));
        assert_eq!(test.api.get(&request).await.error(404), "Not found");
        assert_eq!(test.api.post(&format!("{request}/notify"), json!({})).await.error(404), "Not found");

        let run = test.run(waiting["jobId"].as_str().expect("an id")).await;
        assert_eq!((run.outcome, run.detail.as_deref()), (Some(Outcome::Interrupted), Some("the account was deleted")));
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        for queue in Queue::ALL {
            assert_eq!(tx.unfinished_jobs(*queue).await.expect("a count"), 0, "{queue}");
        }
        let delivery = tx.deliveries(org, account, 10).await.expect("the outbox").remove(0);
        let (state, error) = (delivery.state.as_str(), delivery.last_error.as_deref());
        assert_eq!((state, error), ("dead", Some("the account was deleted")));
        assert!(tx.account_config(org, account).await.expect("a query").is_none());
        let login = tx.bank_login(org, login).await.expect("a query").expect("the row stays");
        assert_eq!((login.username_sealed, login.password_sealed), (Vec::new(), Vec::new()));
        let events = tx.events_after(org, 0, 1_000).await.expect("the log");
        drop(tx);
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds.last(), Some(&"account.deleted"));
        assert_eq!(events.last().map(|event| event.actor.as_str()), Some("user"));
        assert!(kinds.contains(&"account.created") && kinds.contains(&"case.matched"), "{kinds:?}");

        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        for _ in 0..24 {
            test.advance(TimeDelta::hours(1)).await;
        }
        assert_eq!((test.world.polls().len(), test.world.received().len()), (polls, received));
        test.finish().await;
    }

    async fn a_scrape_under_way_ends_at_once_and_writes_nothing_more(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        let run = scrape_while_deleting(&test, &bank, account).await;
        assert_eq!((run.outcome, run.detail.as_deref()), (Some(Outcome::Interrupted), Some(DELETED)));
        assert_eq!(movements(&test, account).await, 0);
        test.finish().await;
    }

    /// A node hears nothing of what another one deletes; it sees the account's row.
    async fn a_deletion_on_another_node_ends_a_scrape_within_seconds(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        let (org, deps) = (test.org().await, &test.app.deps);
        let _shut = bank.gate.lock().await;
        let job = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        let deletion = async {
            bank.logged_in().await;
            let mut tx = deps.store.write().await.expect("a transaction");
            let by = (Actor::Operator, None);
            assert!(delete_account(&mut tx, deps, (org, account), by, deps.now()).await.expect("a write"));
            tx.commit().await.expect("a commit");
        };
        tokio::join!(test.settle(), deletion);
        let run = test.run(job["jobId"].as_str().expect("an id")).await;
        assert_eq!((run.outcome, run.detail.as_deref()), (Some(Outcome::Interrupted), Some(DELETED)));
        test.finish().await;
    }

    /// The clock stands still: without the deletion the login would wait for its code for ever.
    async fn browser_a_login_that_waits_for_a_code_ends_with_its_account(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol("pide-codigo", "reconcile").await;
        let mut config = test.config("pide-codigo");
        config["login_mode"] = json!("assisted");
        test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        let (org, path) = (test.org().await, format!("/accounts/{account}"));
        let profiles = test.data_dir().join("profiles");
        let job = test.api.post(&format!("{path}/scrape"), json!({})).await.expect(202);
        let deletion = async {
            eventually("the request for a code", || test.app.deps.assistance.pending(org, account).is_some()).await;
            assert!(!processes_naming(&profiles).is_empty(), "a browser waits");
            test.api.delete(&path, confirmation()).await.expect(204);
        };
        tokio::join!(test.settle(), deletion);
        let run = test.run(job["jobId"].as_str().expect("an id")).await;
        assert_eq!((run.outcome, run.detail.as_deref()), (Some(Outcome::Interrupted), Some(DELETED)));
        assert_eq!(test.app.deps.assistance.pending(org, account), None);
        let [requested, cancelled] = ["assistance.requested", "assistance.cancelled"].map(|kind| test.events(kind));
        assert_eq!((requested.await, cancelled.await), (1, 1));
        eventually("the end of the browser", || processes_naming(&profiles).is_empty()).await;
        let left = || std::fs::read_dir(&profiles).expect("the directory of all browsers").count();
        eventually("the end of its directory", || left() == 0).await;
        test.finish().await;
    }

    async fn an_account_of_the_same_login_goes_on(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        let second = test.api.create_account("Second account").await;
        test.api.put(&format!("/accounts/{second}/config"), test.config(GOOD_USER)).await.expect(200);
        test.settle().await;
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        let run = scrape_while_deleting(&test, &bank, account).await;
        assert_eq!(run.outcome, Some(Outcome::Interrupted), "{:?}", run.detail);
        assert_eq!(movements(&test, account).await, 0);

        // Neither budget, nor credentials, nor lease are lost to the one that stays.
        let login = login_of(&test, second).await;
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let login = tx.bank_login(org, login).await.expect("a query").expect("the login");
        drop(tx);
        assert_eq!(login.unknown_submissions, 0, "the bank let us in, and that is known");
        let run = test.scrape(second).await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        assert_eq!(movements(&test, second).await, 1);
        test.finish().await;
    }

    async fn the_same_user_name_can_be_enrolled_again(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let first = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        test.api.delete(&format!("/accounts/{first}"), confirmation()).await.expect(204);

        let again = test.api.create_account("Operating account").await;
        let saved = test.api.put(&format!("/accounts/{again}/config"), test.config(GOOD_USER)).await.expect(200);
        assert_eq!(saved["bank_username"], GOOD_USER);
        assert_eq!(test.api.get(&format!("/accounts/{again}/config")).await.expect(200)["bank_username"], GOOD_USER);
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        let run = test.scrape(again).await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        assert_eq!((movements(&test, first).await, movements(&test, again).await), (0, 1));
        test.finish().await;
    }
}

fn confirmation() -> Value {
    json!({ "confirmation_name": "Operating account" })
}

/// Starts a scrape and deletes the account once the bank has let it in. The bank hands nothing over meanwhile, and the
/// scrape ends all the same.
async fn scrape_while_deleting(test: &TestApp, bank: &Statement, account: AccountId) -> Run {
    let _shut = bank.gate.lock().await;
    let job = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
    let deletion = async {
        bank.logged_in().await;
        test.api.delete(&format!("/accounts/{account}"), confirmation()).await.expect(204);
    };
    tokio::join!(test.settle(), deletion);
    test.run(job["jobId"].as_str().expect("an id")).await
}

async fn login_of(test: &TestApp, account: AccountId) -> BankLoginId {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let account = tx.account(org, account).await.expect("a query").expect("the account");
    account.bank_login_id.expect("credentials were saved")
}

async fn movements(test: &TestApp, account: AccountId) -> usize {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let all = Include { pending: true, debits: true };
    tx.movements(org, account, all, 500, 0).await.expect("the ledger").len()
}
