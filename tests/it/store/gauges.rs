//! How everything stands, in exact numbers.

use chrono::{NaiveDate, TimeDelta};
use reconbanker::domain::account::{
    AuthType, Block, LoginBudget, LoginMode, OperationMode, PollingMethod, SessionType,
};
use reconbanker::domain::case::CaseStatus;
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{AccountId, DeliveryId, EventId, JobId, OrgId, RunId};
use reconbanker::domain::run::{Outcome, RunKind, RunResult, Trigger};
use reconbanker::domain::time::Instant;
use reconbanker::store::accounts::NewAccount;
use reconbanker::store::configs::AccountConfig;
use reconbanker::store::deliveries::{AttemptRecord, DeliveryState, NewDelivery, Subject};
use reconbanker::store::gauges::{AccountGauge, DeliveryGauge, LastGood, QueueGauge};
use reconbanker::store::jobs::{NewJob, Queue};

use crate::support::{Backend, Seed, each_backend, id};

impl Seed {
    fn at(&self, seconds: i64) -> Instant {
        self.now + TimeDelta::seconds(seconds)
    }
}

/// Another account behind the seed's bank login, enrolled at an instant.
async fn sibling(seed: &Seed, at: Instant) -> AccountId {
    let account = AccountId(id());
    let mut tx = seed.store.write().await.expect("a transaction");
    let new = NewAccount {
        org_id: seed.org,
        id: account,
        bank_id: tx.bank_of_account(seed.org, seed.account).await.expect("a bank"),
        name: "Sibling",
        enrolled_on: NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day"),
        signing_secret_sealed: b"secret",
    };
    tx.insert_account(&new, at).await.expect("an account");
    tx.set_account_login(seed.org, account, seed.login).await.expect("a link");
    tx.commit().await.expect("a commit");
    account
}

async fn delete(seed: &Seed, account: AccountId) {
    let mut tx = seed.store.write().await.expect("a transaction");
    assert!(tx.delete_account(seed.org, account, "gone", seed.now).await.expect("an answer"));
    tx.commit().await.expect("a commit");
}

/// A run of a kind that began and ended at once.
async fn finished(seed: &Seed, kind: RunKind, at: Instant, outcome: Outcome) {
    let result = RunResult { outcome, detail: None, report: serde_json::json!({}) };
    let mut tx = seed.store.write().await.expect("a transaction");
    // The seed's own run waits already; it is this one then.
    let run = tx.request_run(seed.org, seed.account, kind, Trigger::Manual, RunId(id()), at).await.expect("a run");
    assert!(tx.start_run(seed.org, run, at).await.expect("an answer"));
    assert!(tx.finish_run(seed.org, run, &result, at).await.expect("an answer"));
    tx.commit().await.expect("a commit");
}

/// Settings whose endpoint is polled, or not.
async fn save(seed: &Seed, org: OrgId, account: AccountId, endpoint: Option<&str>) {
    let config = AccountConfig {
        id: id(),
        pending_orders_endpoint: endpoint.map(str::to_owned),
        polling_method: PollingMethod::Get,
        polling_body: None,
        auth_type: AuthType::Bearer,
        auth_token_sealed: None,
        webhook_url: "https://shop.example/hook".to_owned(),
        webhook_auth_type: None,
        webhook_auth_token_sealed: None,
        webhook_extra_fields: None,
        notification_endpoint_url: None,
        notification_auth_type: None,
        notification_token_sealed: None,
        notification_events: None,
        retry_limit: 3,
        notify_on_expired: false,
        silent_ingestion: false,
        session_type: SessionType::OneShot,
        login_mode: LoginMode::Simple,
    };
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.save_account_config(org, account, &config, seed.now).await.expect("a write");
    tx.commit().await.expect("a commit");
}

async fn last_good(seed: &Seed, kind: RunKind, limit: i64) -> Vec<(AccountId, Instant)> {
    let mut tx = seed.store.read().await.expect("a transaction");
    let accounts = tx.last_good_runs(kind, limit).await.expect("a list");
    accounts.into_iter().map(|LastGood { account_id, since }| (account_id, since)).collect()
}

each_backend! {
    async fn every_queue_is_told_with_its_jobs_and_the_first_that_is_due(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let ready = [
            (Queue::Match, -90), (Queue::Match, -60), (Queue::Match, -30), (Queue::Match, 60), (Queue::Deliver, 30),
        ];
        for (queue, seconds) in ready {
            let run_at = seed.at(seconds);
            let job = NewJob { id: JobId(id()), org_id: seed.org, queue, subject: id(), run_id: None, run_at };
            tx.enqueue(&job, seed.now).await.expect("a job");
        }
        let until = seed.at(60);
        let first = tx.claim_job(Queue::Match, id(), seed.now, until).await.expect("a query").expect("due");
        tx.bury_job(&first, "cannot be done").await.expect("a write");
        tx.claim_job(Queue::Match, id(), seed.now, until).await.expect("a query").expect("due");

        let none = |queue: Queue| QueueGauge { queue, ready: 0, running: 0, dead: 0, due_at: None };
        let expected = [
            none(Queue::Scrape),
            none(Queue::Poll),
            QueueGauge { queue: Queue::Match, ready: 2, running: 1, dead: 1, due_at: Some(seed.at(-30)) },
            QueueGauge { queue: Queue::Deliver, ready: 1, running: 0, dead: 0, due_at: Some(seed.at(30)) },
        ];
        assert_eq!(tx.queue_gauges().await.expect("a list"), expected);
        drop(tx);
        seed.finish().await;
    }

    async fn accounts_are_counted_while_they_are_enrolled_and_logins_once(backend: Backend) {
        let seed = Seed::new(backend).await;
        seed.other_tenant().await;
        let second = sibling(&seed, seed.now).await;
        let gauge = async || {
            let mut tx = seed.store.read().await.expect("a transaction");
            let AccountGauge { enrolled, blocked, blocked_logins } = tx.account_gauge().await.expect("a row");
            (enrolled, blocked, blocked_logins)
        };
        assert_eq!(gauge().await, (3, 0, 0));

        let mut tx = seed.store.write().await.expect("a transaction");
        let lease = tx.take_lease(seed.org, seed.login, id(), seed.now, seed.at(60)).await.expect("a query");
        let lease = lease.expect("free");
        let block = Block { at: seed.now, reason: "refused".to_owned() };
        tx.set_login_budget(lease, LoginBudget::default(), Some(&block)).await.expect("a write");
        tx.commit().await.expect("a commit");
        assert_eq!(gauge().await, (3, 2, 1));
        delete(&seed, seed.account).await;
        assert_eq!(gauge().await, (2, 1, 1));
        delete(&seed, second).await;
        assert_eq!(gauge().await, (1, 0, 0), "the login's row stays blocked, and nobody waits for it");
        seed.finish().await;
    }

    async fn only_open_cases_of_enrolled_accounts_are_counted(backend: Backend) {
        let seed = Seed::new(backend).await;
        let counts = async || {
            let mut tx = seed.store.read().await.expect("a transaction");
            tx.open_case_gauges().await.expect("a list")
        };
        let open = |pending: i64, not_found: i64, ambiguous: i64| {
            [(CaseStatus::Pending, pending), (CaseStatus::NotFound, not_found), (CaseStatus::Ambiguous, ambiguous)]
        };
        assert_eq!(counts().await, open(0, 0, 0));
        for (number, status) in CaseStatus::ALL.iter().enumerate() {
            seed.order(&format!("WAITS-{number}"), "1500.00").await;
            let order = seed.order(&format!("ORDER-{number}"), "1500.00").await;
            let mut tx = seed.store.write().await.expect("a transaction");
            assert!(tx.decide_case(seed.org, order, *status, seed.now).await.expect("an answer"));
            tx.commit().await.expect("a commit");
        }
        // Of each pair one waits; of the seven others each has a status of its own.
        assert_eq!(counts().await, open(8, 1, 1));
        delete(&seed, seed.account).await;
        assert_eq!(counts().await, open(0, 0, 0));
        seed.finish().await;
    }

    async fn webhooks_are_counted_until_they_are_delivered(backend: Backend) {
        let seed = Seed::new(backend).await;
        let gauge = async || {
            let mut tx = seed.store.read().await.expect("a transaction");
            tx.delivery_gauge().await.expect("a row")
        };
        assert_eq!(gauge().await, DeliveryGauge { pending: 0, dead: 0, oldest_pending_at: None });
        let ends = [Some(DeliveryState::Delivered), Some(DeliveryState::Dead), None, None];
        for (seconds, end) in (0..).zip(ends) {
            let (event, delivery, at) = (EventId(id()), DeliveryId(id()), seed.at(seconds));
            let new = NewDelivery {
                org_id: seed.org,
                id: delivery,
                account_id: seed.account,
                event_id: event,
                run_id: None,
                subject: Subject::Case(id()),
                body: b"{}".to_vec(),
            };
            let mut tx = seed.store.write().await.expect("a transaction");
            tx.put_into_outbox(new, at);
            tx.record(seed.org, NewEvent::engine(event, at, EventKind::CaseMatched));
            tx.commit().await.expect("a commit");
            if let Some(state) = end {
                let attempt = AttemptRecord { status: None, error: None, took_ms: 1, state, next_at: None };
                let mut tx = seed.store.write().await.expect("a transaction");
                assert!(tx.record_attempt(seed.org, delivery, 0, &attempt, at).await.expect("an answer"));
                tx.commit().await.expect("a commit");
            }
        }
        assert_eq!(gauge().await, DeliveryGauge { pending: 2, dead: 1, oldest_pending_at: Some(seed.at(2)) });
        seed.finish().await;
    }

    async fn an_account_is_as_fresh_as_the_beginning_of_its_last_good_run(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (_, foreign) = seed.other_tenant().await;
        let second = sibling(&seed, seed.at(5)).await;
        let before = last_good(&seed, RunKind::Scrape, 10).await;
        assert_eq!(before.len(), 3);
        assert_eq!(before[2], (second, seed.at(5)), "enrolled last, and not read yet");

        finished(&seed, RunKind::Scrape, seed.at(60), Outcome::Ok).await;
        finished(&seed, RunKind::Scrape, seed.at(120), Outcome::Timeout).await;
        finished(&seed, RunKind::Poll, seed.at(180), Outcome::Ok).await;
        let scraped = [(foreign, seed.now), (second, seed.at(5)), (seed.account, seed.at(60))];
        assert_eq!(last_good(&seed, RunKind::Scrape, 10).await, scraped);
        assert_eq!(last_good(&seed, RunKind::Scrape, 1).await, scraped[..1], "the stalest first");
        delete(&seed, second).await;
        assert_eq!(last_good(&seed, RunKind::Scrape, 10).await, [scraped[0], scraped[2]]);
        seed.finish().await;
    }

    async fn only_accounts_that_are_polled_can_be_stale_by_polls(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, foreign) = seed.other_tenant().await;
        assert!(last_good(&seed, RunKind::Poll, 10).await.is_empty(), "no settings yet");
        save(&seed, seed.org, seed.account, Some("https://shop.example/orders")).await;
        save(&seed, other_org, foreign, None).await;
        assert_eq!(last_good(&seed, RunKind::Poll, 10).await, [(seed.account, seed.now)]);
        finished(&seed, RunKind::Poll, seed.at(60), Outcome::Ok).await;
        finished(&seed, RunKind::Poll, seed.at(120), Outcome::EndpointFailed).await;
        assert_eq!(last_good(&seed, RunKind::Poll, 10).await, [(seed.account, seed.at(60))]);
        for (mode, expected) in [(OperationMode::Passthrough, 0), (OperationMode::Reconcile, 1)] {
            let mut tx = seed.store.write().await.expect("a transaction");
            tx.set_operation_mode(seed.org, mode).await.expect("a write");
            tx.commit().await.expect("a commit");
            assert_eq!(last_good(&seed, RunKind::Poll, 10).await.len(), expected, "{mode}");
        }
        seed.finish().await;
    }
}
