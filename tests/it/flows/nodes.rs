//! Several nodes: one sleeps through its leases, another takes its work over, and what the first one does when it wakes
//! changes nothing.

mod boots;
mod jobs;
mod together;

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::Outcome;
use reconbanker::store::bank_logins::BankLogin;
use reconbanker::store::movements::Include;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{Backend, FakeBank, GOOD_USER, Node, Statement, TestApp, credit, differences, each_backend};

/// Longer than a job's lease, and than a login's.
const ALL_LEASES: TimeDelta = TimeDelta::minutes(11);
/// Longer than a job's lease, shorter than a login's.
const JOB_LEASE: TimeDelta = TimeDelta::seconds(61);

each_backend! {
    async fn a_node_that_slept_through_a_scrape_writes_nothing(backend: Backend) {
        let (bank, old_bank) = (Statement::new(), Statement::new());
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let sleeper = test.second_node(old_bank.engine()).await;
        let gate = old_bank.gate.lock().await;
        let (first, asleep) = scrape_and_sleep(&test, &sleeper, &old_bank, account).await;
        // What the sleeper has read and not written: the payment that the other node will read, and one more.
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        old_bank.add(credit("f1", "1500.00", "2026-11-20"));
        old_bank.add(credit("f2", "99.00", "2026-11-20"));

        test.clock.advance(ALL_LEASES);
        test.settle().await;
        let taken = test.run(&first).await;
        assert_eq!(taken.outcome, Some(Outcome::Interrupted));
        assert_eq!(taken.detail.as_deref(), Some("the daemon stopped while this run was under way"));
        let second = test.scrape(account).await;
        assert_eq!(second.outcome, Some(Outcome::Ok), "{:?}", second.detail);
        let first_log = ["run.requested", "run.started", "bank_login.submitted", "run.finished"];
        assert_eq!(test.log_of(&first).await, first_log);
        let second_log = [
            "run.requested",
            "run.started",
            "bank_login.submitted",
            "movements.ingested",
            "run.finished",
            "case.matched",
            "delivery.succeeded",
        ];
        assert_eq!(test.log_of(&second.id.to_string()).await, second_log);
        assert_eq!((movements(&test, account).await, told(&test)), (1, vec!["ORDER-1".to_owned()]));

        let before = test.rows().await;
        drop(gate);
        asleep.await.expect("the sleeper wakes");
        let changed = differences(&before, &test.rows().await);
        assert!(changed.is_empty(), "the sleeper changed {changed:#?}");
        test.settle().await;
        assert_eq!(told(&test), ["ORDER-1"]);
        sleeper.finish().await;
        test.finish().await;
    }

    /// The login's lease still holds, and the run was ended all the same: its account has another login by now.
    async fn a_run_that_was_ended_keeps_nothing_of_what_its_node_still_reads(backend: Backend) {
        let (bank, old_bank) = (Statement::new(), Statement::new());
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        let sleeper = test.second_node(old_bank.engine()).await;
        let gate = old_bank.gate.lock().await;
        let old_login = login(&test, account).await;
        let (run, asleep) = scrape_and_sleep(&test, &sleeper, &old_bank, account).await;
        old_bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.api.put(&format!("/accounts/{account}/config"), test.config("52345678")).await.expect(200);
        test.clock.advance(JOB_LEASE);
        test.settle().await;
        assert_eq!(test.run(&run).await.outcome, Some(Outcome::Interrupted));

        let log = test.log().await.len();
        drop(gate);
        asleep.await.expect("the sleeper wakes");
        assert_eq!((movements(&test, account).await, test.log().await.len()), (0, log));
        // That login is still its own to settle: the bank let it in.
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let old_login = tx.bank_login(org, old_login.id).await.expect("a query").expect("the login");
        drop(tx);
        assert_eq!(old_login.unknown_submissions, 0);
        sleeper.finish().await;
        test.finish().await;
    }

    /// Three submissions without a known outcome block, whichever nodes made them.
    async fn submissions_of_nodes_that_sleep_stay_counted(backend: Backend) {
        let (bank, old_bank) = (FakeBank::new(), Statement::new());
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        bank.refuse(Outcome::Timeout);
        let sleeper = test.second_node(old_bank.engine()).await;
        let gate = old_bank.gate.lock().await;

        let (_, asleep_first) = scrape_and_sleep(&test, &sleeper, &old_bank, account).await;
        test.clock.advance(ALL_LEASES);
        test.settle().await;
        assert_eq!(login(&test, account).await.unknown_submissions, 1);
        assert_eq!(test.scrape(account).await.outcome, Some(Outcome::Timeout));
        assert_eq!(login(&test, account).await.unknown_submissions, 2);
        let (_, asleep_too) = scrape_and_sleep(&test, &sleeper, &old_bank, account).await;
        test.clock.advance(ALL_LEASES);
        test.settle().await;
        let exhausted = login(&test, account).await;
        assert_eq!((exhausted.unknown_submissions, exhausted.block()), (3, None));

        let refused = test.scrape(account).await;
        assert_eq!(refused.outcome, Some(Outcome::Interrupted));
        let detail = refused.detail.expect("a detail");
        assert!(detail.starts_with("nothing was submitted: three logins in a row ended without a known outcome"), "{detail}");
        assert!(login(&test, account).await.block().is_some());
        test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.error(409);

        // Both were let in by the bank. Nobody but a person takes the block away.
        let before = test.rows().await;
        drop(gate);
        asleep_first.await.expect("the sleeper wakes");
        asleep_too.await.expect("the sleeper wakes");
        let changed = differences(&before, &test.rows().await);
        assert!(changed.is_empty(), "the sleeper changed {changed:#?}");
        assert_eq!(test.events("bank_login.submitted").await, 3);
        sleeper.finish().await;
        test.finish().await;
    }

    /// A node that sleeps between the permission and the click does not click when it wakes.
    async fn a_permission_to_submit_is_not_kept_over_a_sleep(backend: Backend) {
        let (bank, old_bank) = (FakeBank::new(), Statement::new());
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        let sleeper = test.second_node(old_bank.engine()).await;
        let run = request(&test, account).await;
        let at_the_form = old_bank.clone();
        sleeper.clock.sleep_once(move || at_the_form.asked() == 1);
        let asleep = sleeper.start_work();
        sleeper.clock.asleep().await;
        // Nobody takes the login over: its lease holds.
        test.clock.advance(TimeDelta::seconds(60));
        sleeper.clock.wake();
        asleep.await.expect("the sleeper wakes");

        let ended = test.run(&run).await;
        assert_eq!(ended.outcome, Some(Outcome::Interrupted));
        let detail = ended.detail.expect("a detail");
        assert_eq!(detail, "nothing was submitted: this machine slept before the click; the next run logs in");
        assert!(ended.report.expect("a report").contains("\"submitted\":false"));
        assert_eq!(login(&test, account).await.unknown_submissions, 1, "it was counted, and stays so");
        assert_eq!(test.scrape(account).await.outcome, Some(Outcome::Ok));
        assert_eq!(login(&test, account).await.unknown_submissions, 0);
        sleeper.finish().await;
        test.finish().await;
    }
}

/// Asks for a scrape over the API; its id.
async fn request(test: &TestApp, account: AccountId) -> String {
    let answer = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
    answer["jobId"].as_str().expect("a job id").to_owned()
}

/// A scrape that a node begins and, while the test holds its bank's gate, does not end: credentials submitted, outcome
/// unknown.
async fn scrape_and_sleep(
    test: &TestApp,
    sleeper: &Node,
    bank: &Statement,
    account: AccountId,
) -> (String, JoinHandle<()>) {
    let run = request(test, account).await;
    let asleep = sleeper.start_work();
    bank.logged_in().await;
    (run, asleep)
}

async fn login(test: &TestApp, account: AccountId) -> BankLogin {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let account = tx.account(org, account).await.expect("a query").expect("the account");
    let id = account.bank_login_id.expect("credentials were saved");
    tx.bank_login(org, id).await.expect("a query").expect("the login")
}

async fn movements(test: &TestApp, account: AccountId) -> usize {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let all = Include { pending: true, debits: true };
    tx.movements(org, account, all, 500, 0).await.expect("the ledger").len()
}

/// Which orders the shop has been told of, once for each webhook, in the order of their arrival.
fn told(test: &TestApp) -> Vec<String> {
    let received = test.world.received();
    received.iter().map(|webhook| webhook.body["external_id"].as_str().expect("an order").to_owned()).collect()
}
