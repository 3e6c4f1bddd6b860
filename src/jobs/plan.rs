//! When an account is scraped next: by its own schedule, or by the deployment's.

use chrono::TimeDelta;
use serde_json::Value;
use uuid::Uuid;

use super::cadence::{Cadence, Schedule};
use super::{Deps, Timing};
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::run::RunKind;
use crate::domain::time::{BankZone, Instant};
use crate::store::{StoreError, Tx};

/// Later than this, a scrape does not begin if its bank has closed meanwhile.
const LATE_MAX: TimeDelta = TimeDelta::minutes(5);
/// Later than this, something was down or the clock was moved: many accounts are late together, and are spread. The
/// schedule looks at least once an hour (`jobs.sweep_every`).
const MISSED_AFTER: TimeDelta = TimeDelta::hours(1);

/// The schedule of an account, whoever set it.
pub(crate) struct AccountSchedule {
    pub schedule: Schedule,
    pub zone: BankZone,
    /// Whether the account has one of its own.
    pub is_own: bool,
    /// `None` while a scrape waits or is under way, and before there are credentials.
    pub next_scrape_at: Option<Instant>,
}

/// When a scrape that the schedule finds due is made.
pub(super) enum Due {
    /// It is asked for now, to begin then.
    Begins(Instant),
    /// The bank is closed by now; it is due again then.
    Waits(Instant),
}

/// The schedule in force for an account; `None` when it is absent or deleted.
pub(crate) async fn schedule_of(
    tx: &mut Tx,
    timing: &Timing,
    (org, account): (OrgId, AccountId),
) -> Result<Option<AccountSchedule>, StoreError> {
    let Some(row) = tx.scrape_schedule(org, account).await? else { return Ok(None) };
    let zone = zone_of(&row.time_zone)?;
    let own = row.schedule.as_deref().and_then(|text| {
        let read = read(text, timing);
        if read.is_none() {
            // Saved by a later release, perhaps. An account that nobody reads would be worse.
            tracing::error!(account_id = %account, "a stored schedule cannot be read; the deployment's is in force");
        }
        read
    });
    let is_own = own.is_some();
    let schedule = own.unwrap_or_else(|| deployments(timing));
    Ok(Some(AccountSchedule { schedule, zone, is_own, next_scrape_at: row.next_scrape_at }))
}

/// The zone of a bank, by the name that the catalogue stored.
pub(crate) fn zone_of(name: &str) -> Result<BankZone, StoreError> {
    BankZone::parse(name).ok_or(StoreError::Corrupt { what: "time zone of the bank" })
}

fn read(text: &str, timing: &Timing) -> Option<Schedule> {
    let value: Value = serde_json::from_str(text).ok()?;
    Schedule::read(&value, timing.scrape_jitter).ok()
}

fn deployments(timing: &Timing) -> Schedule {
    Schedule { cadence: Cadence::Every(timing.scrape_every), jitter: timing.scrape_jitter, hours: None }
}

/// Plans the scrape that follows one that has ended, in the transaction that ends it. `draw` chooses the jitter.
pub(super) async fn plan_next(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    draw: Uuid,
    now: Instant,
) -> Result<(), StoreError> {
    let Some(found) = schedule_of(tx, &deps.timing, (org, account)).await? else { return Ok(()) };
    let next = found.schedule.next_after(now, found.zone, draw);
    tx.set_next_run(org, account, RunKind::Scrape, Some(next), now).await
}

/// Plans the first scrape, as soon as the bank is open; an account that has been scraped keeps its time.
pub(crate) async fn plan_first(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    now: Instant,
) -> Result<(), StoreError> {
    let Some(found) = schedule_of(tx, &deps.timing, (org, account)).await? else { return Ok(()) };
    let at = found.schedule.soonest(now, found.zone, deps.ids.next());
    tx.schedule_first_scrape(org, account, at, now).await
}

/// Plans the next scrape by a schedule that has just been saved.
pub(crate) async fn plan_anew(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    now: Instant,
) -> Result<(), StoreError> {
    let Some(found) = schedule_of(tx, &deps.timing, (org, account)).await? else { return Ok(()) };
    let next = found.schedule.next_after(now, found.zone, deps.ids.next());
    tx.replan_scrape(org, account, next, now).await?;
    Ok(())
}

/// Replaces a plan that was made later than `ahead`, when the clock went wrong.
pub(super) async fn plan_again(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    ahead: Instant,
    now: Instant,
) -> Result<(), StoreError> {
    let Some(found) = schedule_of(tx, &deps.timing, (org, account)).await? else { return Ok(()) };
    let next = found.schedule.next_after(now, found.zone, deps.ids.next());
    tx.replan_scrape_planned_after(org, account, ahead, next, now).await?;
    Ok(())
}

/// What becomes of a scrape that is due. However many slots have passed, it is one scrape.
pub(super) async fn due(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    now: Instant,
) -> Result<Due, StoreError> {
    let Some(found) = schedule_of(tx, &deps.timing, (org, account)).await? else { return Ok(Due::Begins(now)) };
    let late = found.next_scrape_at.map_or(TimeDelta::zero(), |at| now - at);
    let made_up_at = found.schedule.made_up_at(now, found.zone, deps.ids.next());
    Ok(if late > LATE_MAX && !found.schedule.is_open(now, found.zone) {
        Due::Waits(made_up_at)
    } else if late > MISSED_AFTER {
        Due::Begins(made_up_at)
    } else {
        Due::Begins(now)
    })
}
