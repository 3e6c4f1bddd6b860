//! The clockwork: makes due runs ready, expires old orders, and wakes rows whose wake-up was lost.

use chrono::TimeDelta;

use super::plan::{self, Due};
use super::{Deps, clock, deliver_webhook, expire, queue_of, request_run_at};
use crate::domain::event::Actor;
use crate::domain::run::{RunKind, Trigger};
use crate::domain::time::Instant;
use crate::store::StoreError;
use crate::store::jobs::Queue;

/// Accounts and rows looked at per tick; the rest follows in the next one.
const BATCH: i64 = 200;
/// A run that waits this long without a job has lost it.
const RUN_OVERDUE: TimeDelta = TimeDelta::seconds(30);

/// How long a job that was given up can be looked at.
const DEAD_KEPT: TimeDelta = TimeDelta::days(14);

/// One tick: what is due becomes ready. Safe to call at any time, from several nodes at once.
pub async fn tick(deps: &Deps) -> Result<(), StoreError> {
    clock::set_right(deps).await?;
    for kind in RunKind::ALL {
        start_due(deps, *kind).await?;
    }
    expire::run(deps).await?;
    sweep(deps).await
}

async fn start_due(deps: &Deps, kind: RunKind) -> Result<(), StoreError> {
    let now = deps.now();
    let due = deps.store.read().await?.due_accounts(kind, now, BATCH).await?;
    for (org, account) in due {
        let mut tx = deps.store.write().await?;
        let due = match kind {
            RunKind::Scrape => plan::due(&mut tx, deps, (org, account), now).await?,
            RunKind::Poll => Due::Begins(now),
        };
        // Two nodes tick at once, both see the account: only one of them takes it.
        if !tx.take_due(org, account, kind, now).await? {
            continue;
        }
        match due {
            Due::Begins(at) => {
                let (what, by) = ((kind, Trigger::Schedule), (Actor::Engine, None));
                request_run_at(&mut tx, deps, (org, account), what, by, at, now).await?;
            }
            Due::Waits(at) => tx.set_next_run(org, account, kind, Some(at), now).await?,
        }
        tx.commit().await?;
    }
    Ok(())
}

/// Rows are the truth: whatever waits without a job gets one. What was given up long ago goes.
async fn sweep(deps: &Deps) -> Result<(), StoreError> {
    let now = deps.now();
    let mut tx = deps.store.read().await?;
    let runs = tx.runs_without_job(now - RUN_OVERDUE, BATCH).await?;
    let deliveries = tx.deliveries_without_job(now - deliver_webhook::OVERDUE, BATCH).await?;
    drop(tx);
    forget_dead_jobs(deps, now).await?;
    if runs.is_empty() && deliveries.is_empty() {
        return Ok(());
    }
    tracing::warn!(runs = runs.len(), deliveries = deliveries.len(), "woke rows whose wake-up was lost");
    let mut tx = deps.store.write().await?;
    for run in runs {
        tx.enqueue(&deps.job(run.org_id, queue_of(run.kind), run.id.0, Some(run.id), now), now).await?;
    }
    for delivery in deliveries {
        tx.enqueue(&deps.job(delivery.org_id, Queue::Deliver, delivery.id.0, delivery.run_id, now), now).await?;
    }
    tx.commit().await
}

async fn forget_dead_jobs(deps: &Deps, now: Instant) -> Result<(), StoreError> {
    let mut tx = deps.store.write().await?;
    if tx.remove_dead_jobs(now - DEAD_KEPT).await? > 0 {
        tx.commit().await?;
    }
    Ok(())
}
