//! Matches that end in a technical error: the amount that failed is left out, the others are decided all the same, and
//! the orders of that amount are tried again, `retry_limit` times.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::TimeDelta;

use super::{Deps, JobError};
use crate::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, AttemptId, OrgId, RunId};
use crate::domain::money::Amount;
use crate::domain::time::Instant;
use crate::matching::{Decision, Input, Policy};
use crate::store::Tx;
use crate::store::cases::{NewAttempt, OpenCase};
use crate::store::jobs::Queue;

/// What decides; the tests bring one that fails.
pub type Matcher = fn(&Policy, &Input) -> Vec<Decision>;

/// Before the first repetition; each further one waits twice as long.
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Doublings of that pause, at most: 32 minutes. What waits for more than an hour is taken for a clock that was set back.
const DOUBLINGS_MAX: i64 = 5;

/// What was decided, and the amounts over which the matcher failed.
pub(super) struct Decided {
    pub decisions: Vec<Decision>,
    pub failed: BTreeSet<Amount>,
}

/// Decides all at once, or, should that fail, amount by amount: amounts never influence each other.
pub(super) fn decide(deps: &Deps, input: &Input) -> Decided {
    // What it borrows is read only, so a panic leaves nothing half changed.
    let attempt = |input: &Input| catch_unwind(AssertUnwindSafe(|| (deps.matcher)(&deps.policy, input))).ok();
    if let Some(decisions) = attempt(input) {
        return Decided { decisions, failed: BTreeSet::new() };
    }
    let mut decided = Decided { decisions: Vec::new(), failed: BTreeSet::new() };
    let amounts: BTreeSet<Amount> = input.orders.iter().map(|order| order.amount).collect();
    for amount in amounts {
        let part = Input {
            orders: input.orders.iter().filter(|order| order.amount == amount).cloned().collect(),
            movements: input.movements.iter().filter(|movement| movement.amount == amount).cloned().collect(),
        };
        match attempt(&part) {
            Some(decisions) => decided.decisions.extend(decisions),
            None => {
                decided.failed.insert(amount);
            }
        }
    }
    decided
}

/// Whose failures are written.
#[derive(Clone, Copy)]
pub(super) struct Failing {
    pub org: OrgId,
    pub account: AccountId,
    pub run: Option<RunId>,
    /// How often a match is attempted again before it is given up.
    pub retry_limit: i64,
}

/// Notes a failed attempt of each case, in the transaction that holds the account. What was tried often enough is given
/// up, the rest is looked at again later. Finding nothing is no failure and never counts.
pub(super) async fn write_failures(
    tx: &mut Tx,
    deps: &Deps,
    failing: Failing,
    cases: &[&OpenCase],
    now: Instant,
) -> Result<(), JobError> {
    let Failing { org, account, run, retry_limit } = failing;
    if cases.is_empty() {
        return Ok(());
    }
    // So that what is touched below is news to the next look.
    tx.bump_revision(org, account).await?;
    let mut next: Option<Instant> = None;
    for case in cases {
        let id = case.order.id;
        let failures = tx.failures_in_a_row(org, id).await?;
        let before = i64::try_from(failures.len()).unwrap_or(i64::MAX);
        // Something else had the amount looked at before its time: that is no repetition.
        if let Some(due) = failures.first().map(|last| *last + pause_after(before)).filter(|due| now < *due) {
            tx.touch_order(org, id).await?;
            next = Some(next.map_or(due, |next| next.min(due)));
            continue;
        }
        let is_given_up = before >= retry_limit;
        let status = if is_given_up { CaseStatus::Failed } else { case.status };
        tx.conclude(org, &[id], status, now).await?;
        let attempt = NewAttempt {
            id: AttemptId(deps.ids.next()),
            case: id,
            number: case.attempt_count + 1,
            result: AttemptResult::Failed,
            reason: Some(AttemptReason::TechnicalError),
            candidates: "[]".to_owned(),
            run,
        };
        tx.insert_attempts(org, &[attempt], now).await?;
        if is_given_up {
            tx.record(org, deps.event(EventKind::CaseFailed, now).account(account).subject(id.0).run(run));
        } else {
            tx.touch_order(org, id).await?;
            let due = now + pause_after(before + 1);
            next = Some(next.map_or(due, |next| next.min(due)));
        }
    }
    tracing::error!(account_id = %account, orders = cases.len(), "the matcher failed over an amount");
    if let Some(next) = next {
        tx.enqueue(&deps.job(org, Queue::Match, account.0, None, next), now).await?;
    }
    Ok(())
}

/// How long to wait after so many failures in a row.
fn pause_after(failures: i64) -> TimeDelta {
    FIRST_PAUSE * (1 << (failures - 1).clamp(0, DOUBLINGS_MAX))
}
