//! Polls, matches, webhooks and runs that wait: whose job was taken over writes nothing about it any more.

use std::sync::Arc;

use chrono::TimeDelta;
use reconbanker::domain::ids::{AccountId, JobId};
use reconbanker::domain::run::{Outcome, RunState};
use reconbanker::domain::time::Clock;
use reconbanker::jobs::match_account;
use reconbanker::jobs::queue::execute;
use reconbanker::store::jobs::{NewJob, Queue};
use reconbanker::vault::{KeyRing, Vault};
use serde_json::json;

use super::{JOB_LEASE, request};
use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, claim, differences, each_backend, id};

/// An enrolled account that has been polled once, with an order where one is named.
async fn start(backend: Backend, order: Option<&str>) -> (TestApp, AccountId) {
    let mut test = TestApp::start_with(backend, Some(FakeBank::new().engine())).await;
    let account = test.enrol(GOOD_USER, "reconcile").await;
    if let Some(order) = order {
        test.order(order, "Juan Pérez", "1500.00");
    }
    test.settle().await;
    (test, account)
}

async fn wake_matcher(test: &TestApp, account: AccountId) {
    let (org_id, now) = (test.org().await, test.clock.now());
    let job = NewJob { id: JobId(id()), org_id, queue: Queue::Match, subject: account.0, run_id: None, run_at: now };
    let mut tx = test.app.deps.store.write().await.expect("a transaction");
    tx.enqueue(&job, now).await.expect("a job");
    tx.commit().await.expect("a commit");
}

each_backend! {
    async fn a_matcher_that_slept_before_its_write_decides_nothing(backend: Backend) {
        let (test, account) = start(backend, Some("ORDER-1")).await;
        test.ingest(account, &["f1"], "JUAN PEREZ", "1500.00").await;
        wake_matcher(&test, account).await;
        let sleeper = test.second_node(FakeBank::new().engine()).await;
        let job = claim(&sleeper.deps, Queue::Match).await.expect("a job is due");
        // It looks at the clock when it has decided and is about to write.
        sleeper.clock.sleep_once(|| true);
        let deps = Arc::clone(&sleeper.deps);
        let asleep = sleeper.runtime().spawn(async move { execute(&deps, Queue::Match, job).await });
        sleeper.clock.asleep().await;
        test.clock.advance(JOB_LEASE);
        test.settle().await;
        let received = test.world.received();
        assert_eq!((received.len(), &received[0].body["status"]), (1, &json!("matched")));

        let before = test.rows().await;
        sleeper.clock.wake();
        asleep.await.expect("the sleeper wakes");
        test.settle().await;
        let changed = differences(&before, &test.rows().await);
        assert!(changed.is_empty(), "the sleeper changed {changed:#?}");
        assert_eq!(test.world.received().len(), 1);
        sleeper.finish().await;
        test.finish().await;
    }

    /// The webhook goes out twice, as it may, under one id. What the sleeper learned of its try is out of date by then:
    /// a person has asked for the webhook again.
    async fn a_sender_that_slept_before_its_write_notes_nothing(backend: Backend) {
        let (test, account) = start(backend, Some("ORDER-1")).await;
        test.ingest(account, &["f1"], "JUAN PEREZ", "1500.00").await;
        match_account(&test.app.deps, test.org().await, account, None).await.expect("a decision");
        let sleeper = test.second_node(FakeBank::new().engine()).await;
        let shop = test.world.clone();
        sleeper.clock.sleep_once(move || shop.received().len() == 1);
        let asleep = sleeper.start_work();
        sleeper.clock.asleep().await;
        test.clock.advance(JOB_LEASE);
        test.settle().await;
        assert_eq!(test.world.received().len(), 2);
        let request = test.api.get("/conciliation").await.expect(200)[0]["id"].clone();
        let path = format!("/conciliation/{}/notify", request.as_str().expect("an id"));
        test.api.post(&path, json!({})).await.expect(202);

        // Awake, it loses its old try, and then works on like any other node.
        sleeper.clock.wake();
        asleep.await.expect("the sleeper wakes");
        test.settle().await;
        let received = test.world.received();
        assert_eq!(received.len(), 3, "the person's wish stands");
        let noted = test.rows().await.iter().filter(|row| row.starts_with("delivery_attempts: ")).count();
        assert_eq!(noted, 2, "the try of the node that took over, and the one that was asked for");
        for webhook in &received {
            assert_eq!((&webhook.webhook_id, &webhook.raw), (&received[0].webhook_id, &received[0].raw));
            assert_eq!(webhook.verified, Ok(()));
        }
        sleeper.finish().await;
        test.finish().await;
    }

    /// The shop's list has changed since the sleeper read it.
    async fn a_poll_that_slept_before_its_write_applies_no_old_list(backend: Backend) {
        let (test, account) = start(backend, None).await;
        test.order("ORDER-OLD", "Juan Pérez", "1500.00");
        let sleeper = test.second_node(FakeBank::new().engine()).await;
        let (shop, polls) = (test.world.clone(), test.world.polls().len());
        sleeper.clock.sleep_once(move || shop.polls().len() > polls);
        test.api.post(&format!("/conciliation/poll/{account}"), json!({})).await.expect(202);
        let asleep = sleeper.start_work();
        sleeper.clock.asleep().await;
        assert!(test.world.remove_order("ORDER-OLD"));
        test.order("ORDER-NEW", "Ana López", "500.00");
        test.clock.advance(JOB_LEASE);
        test.settle().await;
        assert_eq!(test.world.polls().len(), polls + 2, "reading is harmless");

        let before = test.rows().await;
        sleeper.clock.wake();
        asleep.await.expect("the sleeper wakes");
        let changed = differences(&before, &test.rows().await);
        assert!(changed.is_empty(), "the sleeper changed {changed:#?}");
        assert_eq!(test.orders(account).await.into_keys().collect::<Vec<_>>(), ["ORDER-NEW"]);
        let poll = test.last_poll(account).await;
        let log = test.log_of(poll["id"].as_str().expect("an id")).await;
        assert_eq!(log.iter().filter(|kind| *kind == "run.started").count(), 1);
        sleeper.finish().await;
        test.finish().await;
    }

    /// A poll that is asked for while the job of the same poll was taken and has not begun gets a job of its own.
    async fn a_second_wake_up_of_a_poll_asks_the_shop_nothing(backend: Backend) {
        let (test, account) = start(backend, None).await;
        let (shop, polls) = (test.world.clone(), test.world.polls().len());
        let ask = async || test.api.post(&format!("/conciliation/poll/{account}"), json!({})).await.expect(202);
        ask().await;
        let sleeper = test.second_node(FakeBank::new().engine()).await;
        let first = claim(&sleeper.deps, Queue::Poll).await.expect("a job is due");
        ask().await;
        sleeper.clock.sleep_once(move || shop.polls().len() > polls);
        let deps = Arc::clone(&sleeper.deps);
        let asleep = sleeper.runtime().spawn(async move { execute(&deps, Queue::Poll, first).await });
        sleeper.clock.asleep().await;
        test.settle().await;
        assert_eq!(test.world.polls().len(), polls + 1, "the second job waits for the first");
        sleeper.clock.wake();
        asleep.await.expect("the sleeper wakes");
        test.clock.advance(TimeDelta::seconds(15));
        test.settle().await;
        assert_eq!(test.world.polls().len(), polls + 1, "the poll is over");
        assert_eq!(test.last_poll(account).await["outcome"], "ok");
        sleeper.finish().await;
        test.finish().await;
    }

    /// A node that cannot open what is sealed gives its job up; it has another holder by then, who can.
    async fn whoever_was_overtaken_gives_up_no_run(backend: Backend) {
        let (test, account) = start(backend, None).await;
        let run = request(&test, account).await;
        let (other_keys, clock) = (Vault::new(&KeyRing::generate()), Arc::clone(&test.clock) as Arc<dyn Clock>);
        let stranger = test.deps_beside(other_keys, FakeBank::new().engine(), clock);
        let old = claim(&stranger, Queue::Scrape).await.expect("a job is due");
        test.clock.advance(JOB_LEASE);
        let new = claim(&test.app.deps, Queue::Scrape).await.expect("the lease ran out");
        assert_eq!((new.id, new.lease), (old.id, old.lease + 1));

        let before = test.rows().await;
        execute(&stranger, Queue::Scrape, old).await;
        let changed = differences(&before, &test.rows().await);
        assert!(changed.is_empty(), "the stranger changed {changed:#?}");
        assert_eq!(test.run(&run).await.state, RunState::Queued);
        execute(&test.app.deps, Queue::Scrape, new).await;
        assert_eq!(test.run(&run).await.outcome, Some(Outcome::Ok));
        test.settle().await;
        test.finish().await;
    }
}
