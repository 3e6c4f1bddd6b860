//! A deleted account: found by no question, acted for by nothing, and no secret of it is left.

use chrono::{NaiveDate, TimeDelta};
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{AccountId, DeliveryId, EventId, JobId, RunId};
use reconbanker::domain::run::{RunKind, Trigger};
use reconbanker::store::StoreError;
use reconbanker::store::accounts::NewAccount;
use reconbanker::store::bank_logins::Lease;
use reconbanker::store::deliveries::{NewDelivery, Subject};
use reconbanker::store::jobs::{NewJob, Queue};
use uuid::Uuid;

use crate::support::{Backend, Seed, each_backend, id};

const WHY: &str = "the account was deleted";

/// Deletes the seed's account; whether it was there.
async fn delete(seed: &Seed) -> bool {
    let mut tx = seed.store.write().await.expect("a transaction");
    let deleted = tx.delete_account(seed.org, seed.account, WHY, seed.now).await.expect("an answer");
    tx.commit().await.expect("a commit");
    deleted
}

/// Another account behind the same bank login.
async fn sibling(seed: &Seed) -> AccountId {
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
    tx.insert_account(&new, seed.now).await.expect("an account");
    tx.set_account_login(seed.org, account, seed.login).await.expect("a link");
    tx.commit().await.expect("a commit");
    account
}

async fn lease(seed: &Seed) -> Lease {
    let mut tx = seed.store.write().await.expect("a transaction");
    let until = seed.now + TimeDelta::minutes(10);
    let lease = tx.take_lease(seed.org, seed.login, id(), seed.now, until).await.expect("a query").expect("free");
    tx.commit().await.expect("a commit");
    lease
}

/// User name and password as they are stored.
async fn credentials(seed: &Seed) -> (Vec<u8>, Vec<u8>) {
    let mut tx = seed.store.read().await.expect("a transaction");
    let login = tx.bank_login(seed.org, seed.login).await.expect("a query").expect("the login");
    (login.username_sealed, login.password_sealed)
}

async fn enqueue(seed: &Seed, queue: Queue, subject: Uuid) {
    let job = NewJob { id: JobId(id()), org_id: seed.org, queue, subject, run_id: None, run_at: seed.now };
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.enqueue(&job, seed.now).await.expect("a job");
    tx.commit().await.expect("a commit");
}

each_backend! {
    async fn no_question_finds_it_and_the_schedule_forgets_it(backend: Backend) {
        let seed = Seed::new(backend).await;
        let order = seed.order("ORDER-1", "1500.00").await;
        let mut tx = seed.store.write().await.expect("a transaction");
        for kind in RunKind::ALL {
            tx.set_next_run(seed.org, seed.account, *kind, Some(seed.now), seed.now).await.expect("a write");
        }
        let revision = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        tx.commit().await.expect("a commit");
        assert!(delete(&seed).await);
        assert!(!delete(&seed).await, "deleted once");

        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.account(seed.org, seed.account).await.expect("a query").is_none());
        assert!(tx.accounts(seed.org).await.expect("a list").is_empty());
        assert!(tx.request(seed.org, order).await.expect("a query").is_none());
        assert!(tx.requests(seed.org, None, 10, 0).await.expect("a list").is_empty());
        assert!(!tx.hold_account(seed.org, seed.account).await.expect("an answer"));
        let consumed = tx.consume_revision(seed.org, seed.account, revision, revision).await.expect("an answer");
        assert!(!consumed, "nothing is decided");
        let refused = tx.bump_revision(seed.org, seed.account).await;
        assert!(matches!(refused, Err(StoreError::Fenced)), "{refused:?}");
        for kind in RunKind::ALL {
            tx.set_next_run(seed.org, seed.account, *kind, Some(seed.now), seed.now).await.expect("no effect");
            assert!(tx.due_accounts(*kind, seed.now, 10).await.expect("a list").is_empty());
        }
        drop(tx);
        let kept = seed.bytes("SELECT signing_secret_sealed FROM accounts WHERE status = 'deleted'").await;
        assert_eq!(kept, b"");
        seed.finish().await;
    }

    async fn credentials_go_with_the_last_account_and_their_driver_is_fenced(backend: Backend) {
        let seed = Seed::new(backend).await;
        let sibling = sibling(&seed).await;
        let lease = lease(&seed).await;
        assert!(delete(&seed).await);
        assert_eq!(credentials(&seed).await, (b"user".to_vec(), b"password".to_vec()));
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.renew_lease(lease, seed.now + TimeDelta::minutes(10)).await.expect("the sibling may be driving");
        assert!(tx.delete_account(seed.org, sibling, WHY, seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");

        assert_eq!(credentials(&seed).await, (Vec::new(), Vec::new()));
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(matches!(tx.renew_lease(lease, seed.now).await, Err(StoreError::Fenced)));
        drop(tx);
        seed.finish().await;
    }

    async fn its_wake_ups_go_and_its_webhooks_are_given_up(backend: Backend) {
        let seed = Seed::new(backend).await;
        let sibling = sibling(&seed).await;
        let (event, mine, theirs) = (EventId(id()), DeliveryId(id()), DeliveryId(id()));
        let mut tx = seed.store.write().await.expect("a transaction");
        for (delivery, account_id) in [(mine, seed.account), (theirs, sibling)] {
            let new = NewDelivery {
                org_id: seed.org,
                id: delivery,
                account_id,
                event_id: event,
                run_id: None,
                subject: Subject::Movement(id()),
                body: b"{}".to_vec(),
            };
            tx.put_into_outbox(new, seed.now);
        }
        tx.record(seed.org, NewEvent::engine(event, seed.now, EventKind::MovementForwarded));
        tx.commit().await.expect("a commit");
        for (queue, subject) in [
            (Queue::Scrape, seed.run.0),
            (Queue::Match, seed.account.0),
            (Queue::Match, sibling.0),
            (Queue::Deliver, mine.0),
            (Queue::Deliver, theirs.0),
        ] {
            enqueue(&seed, queue, subject).await;
        }
        assert!(delete(&seed).await);

        let mut tx = seed.store.read().await.expect("a transaction");
        for (queue, left) in [(Queue::Scrape, 0), (Queue::Match, 1), (Queue::Deliver, 1)] {
            assert_eq!(tx.unfinished_jobs(queue).await.expect("a count"), left, "{queue}");
        }
        let given_up = tx.delivery(seed.org, mine).await.expect("a query").expect("the row stays");
        assert_eq!((given_up.state.as_str(), given_up.next_at), ("dead", None));
        assert_eq!(given_up.last_error.as_deref(), Some(WHY));
        let other = tx.delivery(seed.org, theirs).await.expect("a query").expect("the delivery");
        assert_eq!(other.state, "pending");
        drop(tx);
        seed.finish().await;
    }

    async fn what_waits_is_told_apart_from_what_has_begun(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let queued = tx.queued_runs(seed.org, seed.account).await.expect("a list");
        assert_eq!(queued, [(seed.run, RunKind::Scrape)]);
        assert!(tx.start_run(seed.org, seed.run, seed.now).await.expect("an answer"));
        assert!(tx.queued_runs(seed.org, seed.account).await.expect("a list").is_empty());
        drop(tx);
        seed.finish().await;
    }

    async fn runs_are_kept_newest_first(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, other_account) = seed.other_tenant().await;
        let later = seed.now + TimeDelta::seconds(1);
        let mut tx = seed.store.write().await.expect("a transaction");
        let poll = RunId(id());
        tx.request_run(seed.org, seed.account, RunKind::Poll, Trigger::Saved, poll, later).await.expect("a run");
        let runs = tx.past_runs(seed.org, seed.account, 10).await.expect("a list");
        assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [poll, seed.run]);
        assert_eq!((runs[0].trigger, runs[0].requested_at, runs[0].started_at), (Trigger::Saved, later, None));
        assert_eq!(tx.past_runs(seed.org, seed.account, 1).await.expect("a list").len(), 1);
        assert!(tx.past_run(seed.org, seed.account, poll).await.expect("a query").is_some());
        assert!(tx.past_run(seed.org, other_account, poll).await.expect("a query").is_none());
        assert!(tx.past_run(other_org, other_account, poll).await.expect("a query").is_none());
        drop(tx);
        seed.finish().await;
    }
}
