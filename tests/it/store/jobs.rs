//! The queue's table: once ready, leases, fences, dead letters.

use std::time::Duration;

use chrono::TimeDelta;
use reconbanker::domain::ids::{BankLoginId, JobId, OrgId};
use reconbanker::domain::time::Instant;
use reconbanker::store::jobs::{Job, NewJob, Queue};
use reconbanker::store::{Store, StoreError};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::support::{Backend, Database, MORNING, Seed, each_backend, id};

fn job(seed: &Seed, subject: Uuid, in_seconds: i64) -> NewJob {
    let run_at = seed.now + TimeDelta::seconds(in_seconds);
    NewJob { id: JobId(id()), org_id: seed.org, queue: Queue::Match, subject, run_id: Some(seed.run), run_at }
}

async fn enqueue(seed: &Seed, new: &NewJob) {
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.enqueue(new, seed.now).await.expect("a job");
    tx.commit().await.expect("a commit");
}

async fn claim(seed: &Seed, in_seconds: i64) -> Option<Job> {
    let now = seed.now + TimeDelta::seconds(in_seconds);
    let mut tx = seed.store.write().await.expect("a transaction");
    let job = tx.claim_job(Queue::Match, id(), now, now + TimeDelta::seconds(60)).await.expect("a query");
    tx.commit().await.expect("a commit");
    job
}

each_backend! {
    async fn a_subject_waits_once_and_keeps_the_earlier_time(backend: Backend) {
        let seed = Seed::new(backend).await;
        let subject = id();
        enqueue(&seed, &job(&seed, subject, 60)).await;
        enqueue(&seed, &job(&seed, subject, 10)).await;
        enqueue(&seed, &job(&seed, subject, 90)).await;
        assert!(claim(&seed, 9).await.is_none(), "not due yet");
        let claimed = claim(&seed, 10).await.expect("due");
        assert_eq!((claimed.subject, claimed.attempts, claimed.run_id), (subject, 1, Some(seed.run)));
        assert!(claim(&seed, 10).await.is_none(), "claimed once");
        seed.finish().await;
    }

    async fn work_that_arrives_during_a_run_queues_one_more(backend: Backend) {
        let seed = Seed::new(backend).await;
        let subject = id();
        enqueue(&seed, &job(&seed, subject, 0)).await;
        let running = claim(&seed, 0).await.expect("due");
        enqueue(&seed, &job(&seed, subject, 0)).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.finish_job(&running).await.expect("a write");
        tx.commit().await.expect("a commit");
        assert!(claim(&seed, 0).await.is_some());
        seed.finish().await;
    }

    async fn a_lease_that_ran_out_is_taken_over_and_fences_the_first_holder(backend: Backend) {
        let seed = Seed::new(backend).await;
        enqueue(&seed, &job(&seed, id(), 0)).await;
        let first = claim(&seed, 0).await.expect("due");
        assert!(claim(&seed, 59).await.is_none(), "the lease holds");
        let second = claim(&seed, 61).await.expect("the lease ran out");
        assert_eq!((second.id, second.attempts), (first.id, 2));
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(!tx.renew_job(&first, seed.now).await.expect("an answer"));
        assert!(matches!(tx.hold_job(&first).await, Err(StoreError::Fenced)));
        tx.hold_job(&second).await.expect("it is at work");
        tx.finish_job(&first).await.expect("no effect");
        assert_eq!(tx.unfinished_jobs(Queue::Match).await.expect("a count"), 1);
        tx.finish_job(&second).await.expect("a write");
        assert_eq!(tx.unfinished_jobs(Queue::Match).await.expect("a count"), 0);
        drop(tx);
        seed.finish().await;
    }

    async fn a_retry_waits_for_its_time_and_yields_to_a_ready_twin(backend: Backend) {
        let seed = Seed::new(backend).await;
        let subject = id();
        enqueue(&seed, &job(&seed, subject, 0)).await;
        let running = claim(&seed, 0).await.expect("due");
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.retry_job(&running, seed.now + TimeDelta::seconds(30), "busy").await.expect("a write");
        tx.commit().await.expect("a commit");
        assert!(claim(&seed, 29).await.is_none());
        let again = claim(&seed, 30).await.expect("due again");
        enqueue(&seed, &job(&seed, subject, 30)).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.retry_job(&again, seed.now + TimeDelta::seconds(90), "busy").await.expect("a write");
        assert_eq!(tx.unfinished_jobs(Queue::Match).await.expect("a count"), 1, "the twin does the work");
        drop(tx);
        seed.finish().await;
    }

    async fn a_buried_job_stays_and_is_never_claimed(backend: Backend) {
        let seed = Seed::new(backend).await;
        enqueue(&seed, &job(&seed, id(), 0)).await;
        let running = claim(&seed, 0).await.expect("due");
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.bury_job(&running, "cannot be done").await.expect("a write");
        tx.commit().await.expect("a commit");
        assert!(claim(&seed, 10_000).await.is_none());
        seed.finish().await;
    }

    async fn what_a_dead_boot_was_running_is_claimable_at_once(backend: Backend) {
        let seed = Seed::new(backend).await;
        enqueue(&seed, &job(&seed, id(), 0)).await;
        let boot = id();
        let mut tx = seed.store.write().await.expect("a transaction");
        let until = seed.now + TimeDelta::seconds(60);
        tx.claim_job(Queue::Match, boot, seed.now, until).await.expect("a query").expect("due");
        tx.commit().await.expect("a commit");
        assert!(claim(&seed, 1).await.is_none());
        let mut tx = seed.store.write().await.expect("a transaction");
        assert_eq!(tx.release_jobs_of(boot, seed.now).await.expect("a count"), 1);
        tx.commit().await.expect("a commit");
        assert!(claim(&seed, 1).await.is_some());
        seed.finish().await;
    }

    async fn a_free_login_wakes_the_scrapes_that_wait_for_it_and_no_other_job(backend: Backend) {
        let seed = Seed::new(backend).await;
        let scrape = |subject: Uuid| NewJob { queue: Queue::Scrape, ..job(&seed, subject, 15) };
        for new in [scrape(seed.run.0), scrape(id()), job(&seed, seed.run.0, 15)] {
            enqueue(&seed, &new).await;
        }
        let later = Some(seed.now + TimeDelta::seconds(15));
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.wake_scrapes_of(seed.org, BankLoginId(id()), seed.now).await.expect("a write");
        assert_eq!(tx.next_job_at(Queue::Scrape).await.expect("a query"), later);
        tx.wake_scrapes_of(seed.org, seed.login, seed.now).await.expect("a write");
        assert_eq!(tx.next_job_at(Queue::Match).await.expect("a query"), later);
        let until = seed.now + TimeDelta::seconds(60);
        let due = tx.claim_job(Queue::Scrape, id(), seed.now, until).await.expect("a query").expect("due");
        assert_eq!(due.subject, seed.run.0);
        assert!(tx.claim_job(Queue::Scrape, id(), seed.now, until).await.expect("a query").is_none());
        drop(tx);
        seed.finish().await;
    }

    async fn a_twin_lives_as_long_as_its_lease_and_is_of_the_same_subject(backend: Backend) {
        let seed = Seed::new(backend).await;
        let subject = id();
        enqueue(&seed, &job(&seed, subject, 0)).await;
        let first = claim(&seed, 0).await.expect("due");
        enqueue(&seed, &job(&seed, subject, 0)).await;
        let second = claim(&seed, 1).await.expect("due");
        enqueue(&seed, &job(&seed, id(), 1)).await;
        let other = claim(&seed, 1).await.expect("due");
        let at = |seconds: i64| seed.now + TimeDelta::seconds(seconds);
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.has_live_twin(&second, at(59)).await.expect("an answer"));
        assert!(!tx.has_live_twin(&second, at(60)).await.expect("an answer"), "its worker is gone");
        assert!(tx.has_live_twin(&first, at(60)).await.expect("an answer"));
        assert!(!tx.has_live_twin(&other, at(2)).await.expect("an answer"));
        tx.retry_job(&first, at(30), "busy").await.expect("a write");
        assert!(!tx.has_live_twin(&second, at(2)).await.expect("an answer"), "it waits as well");
        drop(tx);
        seed.finish().await;
    }

    async fn many_claimers_never_get_the_same_job(backend: Backend) {
        let seed = Seed::new(backend).await;
        for _ in 0..30 {
            enqueue(&seed, &job(&seed, id(), 0)).await;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (store, now) = (seed.store.clone(), seed.now);
            tasks.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let mut tx = store.write().await.expect("a transaction");
                    let job = tx.claim_job(Queue::Match, id(), now, now + TimeDelta::seconds(60)).await.expect("a query");
                    tx.commit().await.expect("a commit");
                    match job {
                        Some(job) => mine.push(job.id),
                        None => return mine,
                    }
                }
            });
        }
        let mut all: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 30);
        seed.finish().await;
    }
}

/// Of several nodes; on SQLite there is one. A database of its own, because an announcement reaches all who listen in
/// one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_makes_ready_wakes_the_others_without_a_look() {
    let beside = Database::create(Backend::Postgres).await;
    let database = beside.empty_beside().await;
    let location = database.location();
    let connect = async || Store::connect(&location, 2).await.expect("the database answers");
    let (one, other) = (connect().await, connect().await);
    one.migrate().await.expect("the schema can be made");

    let mut ready = other.watch_jobs();
    let listening = other.clone();
    let listener = TaskTracker::new().spawn(async move { listening.listen().await });
    let now: Instant = MORNING.parse().expect("an instant");
    let announced = async {
        // Again and again: nothing says when the other one has begun to listen.
        loop {
            let mut tx = one.write().await.expect("a transaction");
            let (org_id, queue, subject) = (OrgId(id()), Queue::Match, id());
            let job = NewJob { id: JobId(id()), org_id, queue, subject, run_id: None, run_at: now };
            tx.enqueue(&job, now).await.expect("a job");
            tx.commit().await.expect("a commit");
            if timeout(Duration::from_millis(50), ready.changed()).await.is_ok() {
                return;
            }
        }
    };
    timeout(Duration::from_secs(30), announced).await.expect("the other node hears of it");
    let mut tx = other.write().await.expect("a transaction");
    let job = tx.claim_job(Queue::Match, id(), now, now + TimeDelta::seconds(60)).await.expect("a query");
    assert!(job.is_some());
    drop(tx);

    listener.abort();
    let _ = listener.await;
    one.close().await;
    other.close().await;
    database.remove().await;
    beside.remove().await;
}
