//! A clock that was set back: what was planned while it was ahead must not wait until it gets there again.

use std::time::Duration;

use chrono::TimeDelta;

use super::{Deps, hold, plan, queue};
use crate::store::StoreError;

/// Clocks of nodes differ by less, and a step back by less needs no new plan.
const SLACK: TimeDelta = TimeDelta::minutes(1);
/// No job but a webhook's waits for longer: it is the most that jitter moves a scrape.
const WAIT_MAX: TimeDelta = TimeDelta::hours(1);
/// Accounts planned anew per call; the rest follows in the next one.
const BATCH: i64 = 200;

/// Plans anew what only a clock that was ahead can have written. Finds nothing while clocks go forward.
pub(super) async fn set_right(deps: &Deps) -> Result<(), StoreError> {
    let now = deps.now();
    let ahead = now + SLACK;
    let accounts = deps.store.read().await?.scrapes_planned_after(ahead, BATCH).await?;
    for account in &accounts {
        let mut tx = deps.store.write().await?;
        plan::plan_again(&mut tx, deps, *account, ahead, now).await?;
        tx.commit().await?;
    }
    let mut tx = deps.store.write().await?;
    let mut changed = tx.limit_job_leases(now + queue::LEASE).await?;
    changed += tx.limit_next_polls(now + delta(deps.timing.poll_every)).await?;
    changed += tx.limit_login_leases(now + hold::LEASE).await?;
    let woken = tx.wake_what_began_to_wait_after(ahead, now + WAIT_MAX, now).await?;
    // A commit without a change would pass for a proof that the database can be written.
    if changed + woken > 0 {
        tx.commit().await?;
    }
    if !accounts.is_empty() || woken > 0 {
        let accounts = accounts.len();
        tracing::warn!(accounts, woken, "the clock was set back; what lay too far ahead is planned anew");
    }
    Ok(())
}

fn delta(period: Duration) -> TimeDelta {
    TimeDelta::from_std(period).unwrap_or(TimeDelta::hours(1))
}
