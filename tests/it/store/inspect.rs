//! What an operator asks of a database, whichever organisation it concerns.

use chrono::TimeDelta;
use reconbanker::domain::account::{AuthType, Block, LoginBudget, LoginMode, PollingMethod, SessionType};
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{DeliveryId, EventId, JobId, RunId};
use reconbanker::domain::run::{Outcome, RunKind, RunResult, Trigger};
use reconbanker::store::configs::AccountConfig;
use reconbanker::store::deliveries::{AttemptRecord, DeliveryState, NewDelivery, Subject};
use reconbanker::store::inspect::{BlockedAccount, FailedRun, FailingDelivery, Schema};
use reconbanker::store::jobs::{NewJob, Queue};
use reconbanker::store::{Location, Store, StoreError};

use crate::support::{Backend, Database, Seed, each_backend, id};

/// More than any test has.
const LIMIT: i64 = 10;

fn config(webhook_url: &str, notification_url: Option<&str>) -> AccountConfig {
    AccountConfig {
        id: id(),
        pending_orders_endpoint: None,
        polling_method: PollingMethod::Get,
        polling_body: None,
        auth_type: AuthType::Bearer,
        auth_token_sealed: None,
        webhook_url: webhook_url.to_owned(),
        webhook_auth_type: None,
        webhook_auth_token_sealed: None,
        webhook_extra_fields: None,
        notification_endpoint_url: notification_url.map(str::to_owned),
        notification_auth_type: None,
        notification_token_sealed: None,
        notification_events: None,
        retry_limit: 3,
        notify_on_expired: true,
        silent_ingestion: false,
        session_type: SessionType::OneShot,
        login_mode: LoginMode::Simple,
    }
}

/// A webhook, with its first try where there was one.
async fn delivery(seed: &Seed, subject: Subject, attempt: Option<&AttemptRecord<'_>>) {
    let (event, delivery) = (EventId(id()), DeliveryId(id()));
    let new = NewDelivery {
        org_id: seed.org,
        id: delivery,
        account_id: seed.account,
        event_id: event,
        run_id: None,
        subject,
        body: b"{}".to_vec(),
    };
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.put_into_outbox(new, seed.now);
    tx.record(seed.org, NewEvent::engine(event, seed.now, EventKind::CaseMatched));
    tx.commit().await.expect("a commit");
    if let Some(attempt) = attempt {
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.record_attempt(seed.org, delivery, 0, attempt, seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
    }
}

/// A run that began and ended so many seconds from now.
async fn ended_run(seed: &Seed, kind: RunKind, in_seconds: i64, outcome: Outcome, detail: Option<&str>) {
    let now = seed.now + TimeDelta::seconds(in_seconds);
    let mut tx = seed.store.write().await.expect("a transaction");
    // The seed has one that waits; its id comes back then.
    let wanted = RunId(id());
    let id = tx.request_run(seed.org, seed.account, kind, Trigger::Manual, wanted, now).await.expect("a run");
    assert!(tx.start_run(seed.org, id, now).await.expect("an answer"));
    let result = RunResult { outcome, detail: detail.map(str::to_owned), report: serde_json::json!({}) };
    assert!(tx.finish_run(seed.org, id, &result, now).await.expect("an answer"));
    tx.commit().await.expect("a commit");
}

async fn failed_runs(seed: &Seed, kind: RunKind) -> Vec<FailedRun> {
    seed.store.read().await.expect("a transaction").failed_last_runs(kind, LIMIT).await.expect("a list")
}

each_backend! {
    async fn a_look_makes_nothing_and_compares_the_schema(backend: Backend) {
        let database = Database::create(backend).await;
        let location = database.location();
        if let Location::Sqlite(file) = &location {
            assert!(matches!(Store::connect_to_look(&location).await, Err(StoreError::Connect(_))));
            assert!(!file.exists(), "a look makes no file");
        }
        let store = Store::connect(&location, 2).await.expect("the database answers");
        assert_eq!(store.schema().await.expect("an answer"), Schema::Missing);
        store.migrate().await.expect("the schema can be made");
        let looking = Store::connect_to_look(&location).await.expect("the database answers");
        let schema = looking.schema().await.expect("an answer");
        assert!(matches!(schema, Schema::Same { .. }), "{schema:?}");
        looking.ping().await.expect("it answers");
        looking.close().await;
        store.close().await;
        database.remove().await;
    }

    async fn a_sound_file_has_no_damage_and_only_a_server_has_a_clock(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.read().await.expect("a transaction");
        let damage = tx.damage().await.expect("an answer");
        let clock = tx.server_clock().await.expect("an answer");
        match backend {
            Backend::Sqlite => assert_eq!((damage, clock), (Some(Vec::new()), None)),
            Backend::Postgres => assert!(damage.is_none() && clock.is_some()),
        }
        drop(tx);
        seed.finish().await;
    }

    async fn the_keys_of_a_database_are_known_after_the_first_start(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        assert_eq!(tx.key_check().await.expect("an answer"), None);
        assert!(tx.keys_belong(b"these", seed.now).await.expect("an answer"));
        assert_eq!(tx.key_check().await.expect("an answer"), Some(b"these".to_vec()));
        drop(tx);
        seed.finish().await;
    }

    async fn the_newest_event_is_that_of_any_organisation(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, _) = seed.other_tenant().await;
        let newest = async || {
            seed.store.read().await.expect("a transaction").newest_event_at().await.expect("an answer")
        };
        assert_eq!(newest().await, None);
        for (org, seconds) in [(seed.org, 1), (other_org, 9), (seed.org, 5)] {
            let at = seed.now + TimeDelta::seconds(seconds);
            let mut tx = seed.store.write().await.expect("a transaction");
            tx.record(org, NewEvent::engine(EventId(id()), at, EventKind::AccountConfigured));
            tx.commit().await.expect("a commit");
        }
        assert_eq!(newest().await, Some(seed.now + TimeDelta::seconds(9)));
        seed.finish().await;
    }

    async fn jobs_that_were_given_up_are_counted_by_queue(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        for queue in [Queue::Poll, Queue::Deliver, Queue::Poll, Queue::Match] {
            let job = NewJob {
                id: JobId(id()),
                org_id: seed.org,
                queue,
                subject: id(),
                run_id: None,
                run_at: seed.now,
            };
            tx.enqueue(&job, seed.now).await.expect("a job");
        }
        for queue in [Queue::Poll, Queue::Deliver, Queue::Poll] {
            let until = seed.now + TimeDelta::seconds(60);
            let job = tx.claim_job(queue, id(), seed.now, until).await.expect("a query").expect("due");
            tx.bury_job(&job, "cannot be done").await.expect("a write");
        }
        let dead = tx.dead_jobs().await.expect("a list");
        assert_eq!(dead, [("deliver".to_owned(), 1), ("poll".to_owned(), 2)]);
        drop(tx);
        seed.finish().await;
    }

    async fn webhooks_that_fail_are_told_with_where_they_go(backend: Backend) {
        let seed = Seed::new(backend).await;
        let failed = |status: Option<i64>, error: Option<&'static str>, in_seconds: i64| AttemptRecord {
            status,
            error,
            took_ms: 3,
            state: DeliveryState::Pending,
            next_at: Some(seed.now + TimeDelta::seconds(in_seconds)),
        };
        delivery(&seed, Subject::Case(id()), None).await;
        delivery(&seed, Subject::Case(id()), Some(&failed(Some(503), Some("status 503"), 20))).await;
        delivery(&seed, Subject::Run(seed.run), Some(&failed(None, None, 10))).await;
        let failing = async |limit: i64| {
            seed.store.read().await.expect("a transaction").failing_deliveries(limit).await.expect("a list")
        };
        let urls = |list: &[FailingDelivery]| -> Vec<Option<String>> {
            list.iter().map(|delivery| delivery.url.clone()).collect()
        };
        assert_eq!(urls(&failing(LIMIT).await), [None, None], "the account has no settings");

        let config = config("https://shop.example/hook", Some("https://ops.example/"));
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.save_account_config(seed.org, seed.account, &config, seed.now).await.expect("a write");
        tx.commit().await.expect("a commit");
        let expected = [
            FailingDelivery { url: Some("https://ops.example/".to_owned()), last_status: None, last_error: None },
            FailingDelivery {
                url: Some("https://shop.example/hook".to_owned()),
                last_status: Some(503),
                last_error: Some("status 503".to_owned()),
            },
        ];
        assert_eq!(failing(LIMIT).await, expected, "next due first, and not what was never tried");
        assert_eq!(failing(1).await, expected[..1]);
        seed.finish().await;
    }

    async fn webhooks_given_up_are_counted_while_their_account_is_in_use(backend: Backend) {
        let seed = Seed::new(backend).await;
        let dead = AttemptRecord {
            status: Some(410),
            error: Some("status 410"),
            took_ms: 3,
            state: DeliveryState::Dead,
            next_at: None,
        };
        delivery(&seed, Subject::Case(id()), Some(&dead)).await;
        delivery(&seed, Subject::Case(id()), None).await;
        let count = async |seconds: i64| {
            let since = seed.now + TimeDelta::seconds(seconds);
            seed.store.read().await.expect("a transaction").dead_deliveries_since(since).await.expect("a count")
        };
        assert_eq!((count(-1).await, count(0).await), (1, 0));

        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.delete_account(seed.org, seed.account, "deleted", seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        assert_eq!(count(-1).await, 0, "nobody waits for the webhooks of a deleted account");
        seed.finish().await;
    }

    async fn only_the_last_run_of_a_kind_that_began_counts(backend: Backend) {
        let seed = Seed::new(backend).await;
        assert!(failed_runs(&seed, RunKind::Scrape).await.is_empty(), "it still waits");
        ended_run(&seed, RunKind::Scrape, 1, Outcome::LayoutChanged, Some("no table")).await;
        let changed = FailedRun {
            account_id: seed.account,
            outcome: Outcome::LayoutChanged,
            detail: Some("no table".to_owned()),
        };
        assert_eq!(failed_runs(&seed, RunKind::Scrape).await, [changed]);
        assert!(failed_runs(&seed, RunKind::Poll).await.is_empty());

        // Given up before it began: it says nothing about the bank.
        let mut tx = seed.store.write().await.expect("a transaction");
        let (org, account, waits) = (seed.org, seed.account, RunId(id()));
        tx.request_run(org, account, RunKind::Poll, Trigger::Manual, waits, seed.now).await.expect("a run");
        let internal = RunResult { outcome: Outcome::Internal, detail: None, report: serde_json::json!({}) };
        assert!(tx.finish_run(org, waits, &internal, seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        assert!(failed_runs(&seed, RunKind::Poll).await.is_empty());

        ended_run(&seed, RunKind::Poll, 2, Outcome::EndpointFailed, None).await;
        let failed = FailedRun { account_id: seed.account, outcome: Outcome::EndpointFailed, detail: None };
        assert_eq!(failed_runs(&seed, RunKind::Poll).await, [failed]);
        ended_run(&seed, RunKind::Poll, 3, Outcome::Ok, None).await;
        assert!(failed_runs(&seed, RunKind::Poll).await.is_empty());
        seed.finish().await;
    }

    async fn a_blocked_login_names_its_account(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.blocked_accounts(LIMIT).await.expect("a list").is_empty());
        let until = seed.now + TimeDelta::minutes(10);
        let lease = tx.take_lease(seed.org, seed.login, id(), seed.now, until).await.expect("a query").expect("free");
        let block = Block { at: seed.now, reason: "refused".to_owned() };
        tx.set_login_budget(lease, LoginBudget::default(), Some(&block)).await.expect("a write");
        let expected = BlockedAccount {
            account_id: seed.account,
            blocked_at: seed.now,
            blocked_reason: Some("refused".to_owned()),
        };
        assert_eq!(tx.blocked_accounts(LIMIT).await.expect("a list"), [expected]);
        drop(tx);
        seed.finish().await;
    }
}
