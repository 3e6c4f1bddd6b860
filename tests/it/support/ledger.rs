//! What the ledger of a running daemon holds, and what comes into it without a bank's page.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reconbanker::domain::expected_payment::KnownOrder;
use reconbanker::domain::ids::{AccountId, JobId, MovementId};
use reconbanker::domain::run::RunKind;
use reconbanker::store::jobs::{NewJob, Queue};
use reconbanker::store::movements::Ingest;
use serde_json::Value;

use super::{TestApp, credit, id};

impl TestApp {
    /// The account's orders by the shop's ids.
    pub async fn orders(&self, account: AccountId) -> BTreeMap<String, KnownOrder> {
        let org = self.org().await;
        let mut tx = self.app.deps.store.read().await.expect("a transaction");
        let orders = tx.known_orders(org, account).await.expect("a query");
        orders.into_iter().map(|order| (order.external_id.clone(), order)).collect()
    }

    /// Ten minutes later, when the next poll is due: what came of it.
    pub async fn next_poll(&self, account: AccountId) -> Value {
        self.advance(TimeDelta::minutes(10)).await;
        self.last_poll(account).await
    }

    /// The newest poll, as the API lists it.
    pub async fn last_poll(&self, account: AccountId) -> Value {
        let mut polls = self.api.get(&format!("/accounts/{account}/polls?limit=1")).await.expect(200);
        polls[0].take()
    }

    /// Enters a credit of `JUAN PEREZ` as a scrape does, and lets the matcher look. A poll must have been made.
    pub async fn book(&self, account: AccountId, fingerprint: &str, amount: &str, day: &str) {
        let org = self.org().await;
        let deps = &self.app.deps;
        let now = deps.now();
        let mut tx = deps.store.write().await.expect("a transaction");
        tx.bump_revision(org, account).await.expect("a revision");
        let run = tx.last_run(org, account, RunKind::Poll).await.expect("a query").expect("a poll");
        let ingest = Ingest { org, account, run: run.id, enrolled_on: "2026-11-20".parse().expect("a day"), now };
        let movement = credit(fingerprint, amount, day);
        assert!(tx.insert_movement(&ingest, MovementId(id()), &movement).await.expect("a movement"));
        let job = NewJob {
            id: JobId(id()),
            org_id: org,
            queue: Queue::Match,
            subject: account.0,
            run_id: Some(run.id),
            run_at: now,
        };
        tx.enqueue(&job, now).await.expect("a job");
        tx.commit().await.expect("a commit");
        self.settle().await;
    }

    /// How often an event of this kind was recorded.
    pub async fn events(&self, kind: &str) -> usize {
        let org = self.org().await;
        let mut tx = self.app.deps.store.read().await.expect("a transaction");
        let events = tx.events_after(org, 0, 10_000).await.expect("the log");
        events.iter().filter(|event| event.kind == kind).count()
    }
}
