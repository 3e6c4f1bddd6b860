//! What an answer means, written down: chunk by chunk, each with its events and the wake-up of the matcher.

use serde_json::json;

use super::{Deps, wake_matcher};
use crate::domain::case::CaseStatus;
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::expected_payment::KnownOrder;
use crate::domain::ids::ExpectedPaymentId;
use crate::domain::run::RunState;
use crate::domain::time::Instant;
use crate::poll::presence::Step;
use crate::store::jobs::Job;
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// Steps per transaction.
const CHUNK: usize = 1_000;

/// What came of the steps. A step that was overtaken, by a match say, is not counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ingested {
    pub new: usize,
    pub cancelled: usize,
    pub reopened: usize,
    pub changed: usize,
}

/// Applies the steps that change something. Applying them twice changes nothing more: each is written only
/// where the order still is as the answer was compared with it.
///
/// [`StoreError::Fenced`] when the poll is another worker's by now: its answer is newer than this one.
pub async fn apply(
    deps: &Deps,
    job: &Job,
    run: &Run,
    steps: &[Step<'_>],
    now: Instant,
) -> Result<Ingested, StoreError> {
    let mut total = Ingested::default();
    let effects: Vec<_> = steps.iter().filter(|step| has_effect(step)).collect();
    for chunk in effects.chunks(CHUNK) {
        let mut tx = deps.store.write().await?;
        tx.hold_job(job).await?;
        tx.bump_revision(run.org_id, run.account_id).await?;
        if !tx.hold_run(run.org_id, run.id, RunState::Running).await? {
            return Err(StoreError::Fenced);
        }
        // Until the last chunk is written, the orders are not those of any one answer.
        tx.set_poll_etag(run.org_id, run.account_id, None).await?;
        let before = total;
        let mut orders = Vec::new();
        for step in chunk {
            if let Step::Register(order) = step {
                orders.push((ExpectedPaymentId(deps.ids.next()), *order));
            } else {
                write(&mut tx, deps, run, step, now, &mut total).await?;
            }
        }
        let new = tx.insert_orders(run.org_id, run.account_id, run.id, &orders, now).await?;
        total.new += new;
        if new > 0 {
            tx.record(run.org_id, event(deps, run, EventKind::OrdersIngested, now).payload(json!({ "new": new })));
        }
        let sets_the_matcher_to_work = new + total.cancelled + total.reopened > before.cancelled + before.reopened;
        if sets_the_matcher_to_work {
            // Asked for with each chunk: should the process die before the last one, what was written is still
            // matched. A cancelled order may have been the rival of one that stays.
            wake_matcher(&mut tx, deps, (run.org_id, run.account_id), Some(run.id), now).await?;
        }
        tx.commit().await?;
    }
    Ok(total)
}

fn has_effect(step: &Step<'_>) -> bool {
    match step {
        Step::Seen(known) => known.absent_polls > 0,
        Step::Stays(_) => false,
        Step::Register(_) | Step::Absent(..) | Step::Cancel(..) | Step::Reopen(_) | Step::Changed(..) => true,
    }
}

async fn write(
    tx: &mut Tx,
    deps: &Deps,
    run: &Run,
    step: &Step<'_>,
    now: Instant,
    total: &mut Ingested,
) -> Result<(), StoreError> {
    let org = run.org_id;
    let about = |kind: EventKind, known: &KnownOrder| event(deps, run, kind, now).subject(known.id.0);
    match step {
        // New orders are written together.
        Step::Register(_) | Step::Stays(_) => {}
        Step::Seen(known) => tx.forget_absence(org, known.id).await?,
        Step::Absent(known, absence) => {
            tx.count_absence(org, known, absence.polls, absence.since).await?;
        }
        Step::Cancel(known, absence) => {
            if tx.count_absence(org, known, absence.polls, absence.since).await?
                && tx.close_order(org, known.id, CaseStatus::Cancelled, now).await?
            {
                tx.record(
                    org,
                    about(EventKind::OrderCancelled, known).payload(json!({ "absent_polls": absence.polls })),
                );
                total.cancelled += 1;
            }
        }
        Step::Reopen(known) => {
            if tx.reopen_order(org, known.id, now).await? {
                let payload = json!({ "was": known.status.word() });
                tx.record(org, about(EventKind::OrderReopened, known).payload(payload));
                total.reopened += 1;
            }
        }
        Step::Changed(known, fields) => {
            if tx.mark_change_reported(org, known.id).await? {
                tx.record(org, about(EventKind::OrderChanged, known).payload(json!({ "fields": fields })));
                total.changed += 1;
            }
        }
    }
    Ok(())
}

fn event(deps: &Deps, run: &Run, kind: EventKind, now: Instant) -> NewEvent {
    deps.event(kind, now).account(run.account_id).run(Some(run.id))
}
