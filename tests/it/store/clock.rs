//! What a clock that was a day ahead has written.

use chrono::TimeDelta;
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{DeliveryId, EventId, JobId};
use reconbanker::domain::run::RunKind;
use reconbanker::domain::time::Instant;
use reconbanker::store::deliveries::{NewDelivery, Subject};
use reconbanker::store::jobs::{Job, NewJob, Queue};

use crate::support::{Backend, Seed, each_backend, id};

async fn enqueue(seed: &Seed, queue: Queue, run_at: Instant, made: Instant) {
    let job = NewJob { id: JobId(id()), org_id: seed.org, queue, subject: id(), run_id: None, run_at };
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.enqueue(&job, made).await.expect("a job");
    tx.commit().await.expect("a commit");
}

async fn claim(seed: &Seed, queue: Queue, now: Instant, until: Instant) -> Option<Job> {
    let mut tx = seed.store.write().await.expect("a transaction");
    let job = tx.claim_job(queue, id(), now, until).await.expect("a query");
    tx.commit().await.expect("a commit");
    job
}

/// Wakes what a clock ahead of `seed.now` let wait; how much.
async fn wake(seed: &Seed) -> u64 {
    let (ahead, furthest) = (seed.now + TimeDelta::minutes(1), seed.now + TimeDelta::hours(1));
    let mut tx = seed.store.write().await.expect("a transaction");
    let woken = tx.wake_what_began_to_wait_after(ahead, furthest, seed.now).await.expect("a count");
    tx.commit().await.expect("a commit");
    woken
}

each_backend! {
    async fn a_scrape_that_was_planned_ahead_is_planned_anew_once(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, other_account) = seed.other_tenant().await;
        let (ahead, tomorrow) = (seed.now + TimeDelta::minutes(1), seed.now + TimeDelta::days(1));
        let at = seed.now + TimeDelta::minutes(20);
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.set_next_run(other_org, other_account, RunKind::Scrape, Some(tomorrow), seed.now).await.expect("a write");
        tx.set_next_run(seed.org, seed.account, RunKind::Scrape, None, tomorrow).await.expect("a write");
        assert!(tx.scrapes_planned_after(ahead, 10).await.expect("a list").is_empty(), "far off, and on purpose");
        tx.set_next_run(seed.org, seed.account, RunKind::Scrape, Some(tomorrow), tomorrow).await.expect("a write");
        assert_eq!(tx.scrapes_planned_after(ahead, 10).await.expect("a list"), [(seed.org, seed.account)]);
        let (org, account) = (seed.org, seed.account);
        assert!(tx.replan_scrape_planned_after(org, account, ahead, at, seed.now).await.expect("an answer"));
        assert!(!tx.replan_scrape_planned_after(org, account, ahead, tomorrow, seed.now).await.expect("an answer"));
        let planned = tx.scrape_schedule(org, account).await.expect("a query").expect("the account");
        assert_eq!(planned.next_scrape_at, Some(at));
        drop(tx);
        seed.finish().await;
    }

    async fn no_poll_waits_longer_than_polls_do(backend: Backend) {
        let seed = Seed::new(backend).await;
        let latest = seed.now + TimeDelta::minutes(10);
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.set_next_run(seed.org, seed.account, RunKind::Poll, Some(latest), seed.now).await.expect("a write");
        assert_eq!(tx.limit_next_polls(latest).await.expect("a count"), 0);
        let tomorrow = seed.now + TimeDelta::days(1);
        tx.set_next_run(seed.org, seed.account, RunKind::Poll, Some(tomorrow), seed.now).await.expect("a write");
        assert_eq!(tx.limit_next_polls(latest).await.expect("a count"), 1);
        assert_eq!(tx.due_accounts(RunKind::Poll, latest, 10).await.expect("a list"), [(seed.org, seed.account)]);
        drop(tx);
        seed.finish().await;
    }

    async fn leases_of_a_process_that_died_end_in_time(backend: Backend) {
        let seed = Seed::new(backend).await;
        let tomorrow = seed.now + TimeDelta::days(1);
        let (logins, jobs) = (seed.now + TimeDelta::minutes(10), seed.now + TimeDelta::seconds(60));
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.take_lease(seed.org, seed.login, id(), seed.now, tomorrow).await.expect("a query").expect("free");
        tx.commit().await.expect("a commit");
        enqueue(&seed, Queue::Match, seed.now, seed.now).await;
        claim(&seed, Queue::Match, seed.now, tomorrow).await.expect("due");

        let mut tx = seed.store.write().await.expect("a transaction");
        tx.limit_job_leases(jobs).await.expect("a write");
        tx.limit_login_leases(logins).await.expect("a write");
        let second = TimeDelta::seconds(1);
        let (org, login) = (seed.org, seed.login);
        assert!(tx.take_lease(org, login, id(), logins - second, tomorrow).await.expect("a query").is_none());
        assert!(tx.take_lease(org, login, id(), logins + second, tomorrow).await.expect("a query").is_some());
        tx.commit().await.expect("a commit");
        assert!(claim(&seed, Queue::Match, jobs - second, tomorrow).await.is_none());
        assert!(claim(&seed, Queue::Match, jobs + second, tomorrow).await.is_some());
        seed.finish().await;
    }

    async fn jobs_that_began_to_wait_ahead_are_woken(backend: Backend) {
        let seed = Seed::new(backend).await;
        let tomorrow = seed.now + TimeDelta::days(1);
        enqueue(&seed, Queue::Match, seed.now + TimeDelta::minutes(30), seed.now).await;
        enqueue(&seed, Queue::Deliver, tomorrow, seed.now).await;
        assert_eq!(wake(&seed).await, 0, "they wait for good reasons");
        enqueue(&seed, Queue::Scrape, tomorrow, tomorrow).await;
        enqueue(&seed, Queue::Poll, tomorrow, seed.now).await;
        assert_eq!(wake(&seed).await, 2);
        assert_eq!(wake(&seed).await, 0);
        for (queue, is_due) in
            [(Queue::Match, false), (Queue::Deliver, false), (Queue::Scrape, true), (Queue::Poll, true)]
        {
            assert_eq!(claim(&seed, queue, seed.now, tomorrow).await.is_some(), is_due, "{queue}");
        }
        seed.finish().await;
    }

    async fn webhooks_that_began_to_wait_ahead_are_woken(backend: Backend) {
        let seed = Seed::new(backend).await;
        let tomorrow = seed.now + TimeDelta::days(1);
        let (event, delivery) = (EventId(id()), DeliveryId(id()));
        let new = NewDelivery {
            org_id: seed.org,
            id: delivery,
            account_id: seed.account,
            event_id: event,
            run_id: None,
            subject: Subject::Movement(id()),
            body: b"{}".to_vec(),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.put_into_outbox(new, tomorrow);
        tx.record(seed.org, NewEvent::engine(event, tomorrow, EventKind::MovementForwarded));
        tx.commit().await.expect("a commit");
        assert_eq!(wake(&seed).await, 1);
        let mut tx = seed.store.read().await.expect("a transaction");
        let woken = tx.delivery(seed.org, delivery).await.expect("a query").expect("the delivery");
        assert_eq!(woken.next_at, Some(seed.now));
        drop(tx);
        assert_eq!(wake(&seed).await, 0);
        seed.finish().await;
    }
}
