//! The decision: which movement pays which order, or, in passthrough, which movements to forward.
//!
//! Read component and revision; compute with no transaction open; write only if nothing has
//! arrived since. Everything a decision causes (status, allocation, attempt, event, webhook body)
//! is one transaction.

use std::collections::HashMap;
use std::time::Instant as Stopwatch;

use serde_json::{Map, Value};

use super::{Deps, JobError};
use crate::deliver::payload::{self, Forwarded, ReconcileStatus, Reconciled};
use crate::domain::account::OperationMode;
use crate::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use crate::domain::event::{EventKind, NewEvent};
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::{AccountId, AllocationId, AttemptId, DeliveryId, OrgId, RunId};
use crate::domain::movement::Movement;
use crate::domain::time::{BankZone, Instant};
use crate::matching::{self, Decision, FreeMovement, Input, OpenOrder, Policy, Verdict};
use crate::store::accounts::Account;
use crate::store::cases::{Allocation, NewAttempt, Standing};
use crate::store::configs::AccountConfig;
use crate::store::deliveries::{NewDelivery, Subject};
use crate::store::jobs::Queue;
use crate::store::{Store, StoreError, Tx};

/// How often the matcher starts over because something arrived meanwhile, before it yields.
const TRIES: usize = 5;
/// Movements that passthrough forwards in one transaction.
const FORWARD_CHUNK: i64 = 500;

/// What is read before deciding.
struct Context {
    org: OrgId,
    account: Account,
    config: AccountConfig,
    zone: BankZone,
    run: Option<RunId>,
}

pub async fn run(deps: &Deps, org: OrgId, account: AccountId, run: Option<RunId>) -> Result<(), JobError> {
    let started = Stopwatch::now();
    for _ in 0..TRIES {
        let mut tx = deps.store.read().await?;
        let (Some(account), Some(config)) = (tx.account(org, account).await?, tx.account_config(org, account).await?)
        else {
            // Deleted, or not configured: there is nobody to tell.
            return Ok(());
        };
        let zone = BankZone::parse(&account.time_zone)
            .ok_or_else(|| JobError::discard(format!("unknown time zone \"{}\"", account.time_zone)))?;
        let mode = tx.operation_mode(org).await?;
        let context = Context { org, account, config, zone, run };
        let settled = match mode {
            Some(OperationMode::Passthrough) => {
                drop(tx);
                forward(deps, &context).await?
            }
            Some(OperationMode::Reconcile) | None => {
                let orders = tx.open_orders(org, context.account.id).await?;
                let movements = tx.free_movements(org, context.account.id).await?;
                let standings = tx.open_case_standings(org, context.account.id).await?;
                drop(tx);
                reconcile(deps, &context, &orders, &movements, &standings).await?
            }
        };
        if settled {
            deps.metrics.matched(started.elapsed());
            return Ok(());
        }
    }
    Err(JobError::retry(std::time::Duration::from_secs(1), "movements or orders kept arriving during the decision"))
}

/// Decides and writes; `false` when something arrived in between.
async fn reconcile(
    deps: &Deps,
    context: &Context,
    orders: &[ExpectedPayment],
    movements: &[Movement],
    standings: &[Standing],
) -> Result<bool, JobError> {
    let decisions = matching::decide(&deps.policy, &input(context.zone, orders, movements));
    let standings: HashMap<_, _> = standings.iter().map(|standing| (standing.id, standing)).collect();
    let orders: HashMap<_, _> = orders.iter().map(|order| (order.id, order)).collect();
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    if !tx.consume_revision(context.org, context.account.id, context.account.revision).await? {
        return Ok(false);
    }
    for decision in &decisions {
        let (Some(order), Some(standing)) = (orders.get(&decision.order), standings.get(&decision.order)) else {
            continue;
        };
        write_decision(&mut tx, deps, context, order, standing, decision, now).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// The ledger's rows as the matcher sees them.
fn input(zone: BankZone, orders: &[ExpectedPayment], movements: &[Movement]) -> Input {
    Input {
        orders: orders
            .iter()
            .map(|order| OpenOrder {
                id: order.id,
                amount: order.amount,
                currency: order.currency.clone(),
                name: order.name.clone(),
                registered_at: order.registered_at,
                registered_on: zone.day_of(order.registered_at),
            })
            .collect(),
        movements: movements
            .iter()
            .map(|movement| FreeMovement {
                id: movement.id,
                amount: movement.amount,
                currency: movement.currency.clone(),
                name: movement.counterparty_name.clone(),
                description: movement.description.clone(),
                bank_day: movement.booked_on.unwrap_or_else(|| zone.day_of(movement.received_at)),
                received_at: movement.received_at,
            })
            .collect(),
    }
}

/// A verdict in the words of the case.
fn conclusion(verdict: &Verdict) -> (CaseStatus, AttemptResult, Option<AttemptReason>, EventKind) {
    match verdict {
        Verdict::Matched { .. } => (CaseStatus::Matched, AttemptResult::Matched, None, EventKind::CaseMatched),
        Verdict::NotFound { reason } => {
            (CaseStatus::NotFound, AttemptResult::NotFound, Some(*reason), EventKind::CaseNotFound)
        }
        Verdict::Ambiguous => (
            CaseStatus::Ambiguous,
            AttemptResult::Ambiguous,
            Some(AttemptReason::MultipleCandidates),
            EventKind::CaseAmbiguous,
        ),
    }
}

async fn write_decision(
    tx: &mut Tx,
    deps: &Deps,
    context: &Context,
    order: &ExpectedPayment,
    standing: &Standing,
    decision: &Decision,
    now: Instant,
) -> Result<(), JobError> {
    let (status, result, reason, kind) = conclusion(&decision.verdict);
    let candidates =
        serde_json::to_string(&decision.candidates).map_err(|error| JobError::discard(error.to_string()))?;
    // Looking again and seeing the same is no news: nothing is written, nobody is told. An order that was
    // registered again is looked at anew, whatever its last attempt said.
    let is_old_news = standing.status == status
        && standing.result == Some(result)
        && standing.reason == reason
        && standing.candidates.as_ref() == Some(&candidates);
    if is_old_news {
        return Ok(());
    }
    if !tx.decide_case(context.org, order.id, status, now).await? {
        return Ok(());
    }
    if let Verdict::Matched { movement, score, reason } = &decision.verdict {
        if !tx.exclude_movement(context.org, *movement, now).await? {
            // The revision was held, so only a person's decision in another transaction can have
            // taken the movement; rolling back is right, the next run sees it.
            return Err(JobError::retry(std::time::Duration::from_secs(1), "a chosen movement was taken meanwhile"));
        }
        let allocation = Allocation {
            id: AllocationId(deps.ids.next()),
            case_id: order.id,
            movement_id: *movement,
            amount: order.amount,
            score: *score,
            reason: reason.clone(),
        };
        tx.insert_allocation(context.org, &allocation, now).await?;
    }
    let attempt = NewAttempt {
        id: AttemptId(deps.ids.next()),
        case: order.id,
        result,
        reason,
        candidates: &candidates,
        run: context.run,
    };
    tx.insert_attempt(context.org, &attempt, now).await?;
    announce(tx, deps, context, order, standing, (status, kind), now).await
}

/// The event, and the webhook where the customer is to be told: on a match, and once when a case
/// becomes ambiguous.
async fn announce(
    tx: &mut Tx,
    deps: &Deps,
    context: &Context,
    order: &ExpectedPayment,
    standing: &Standing,
    (status, kind): (CaseStatus, EventKind),
    now: Instant,
) -> Result<(), JobError> {
    let event = deps.event(kind, now).account(context.account.id).subject(order.id.0).run(context.run);
    // A case that stays ambiguous for other reasons than before is no news to the customer.
    if let Some(status) = ReconcileStatus::of(status).filter(|_| standing.status != status) {
        tell_case(tx, deps, context.org, order, status, &context.config, &event).await?;
    }
    tx.record(context.org, event);
    Ok(())
}

/// Freezes the webhook that tells of a decided case and puts it into the outbox, due at once. The caller
/// records `event`, whose id is the `webhook-id`.
pub(super) async fn tell_case(
    tx: &mut Tx,
    deps: &Deps,
    org: OrgId,
    order: &ExpectedPayment,
    status: ReconcileStatus,
    config: &AccountConfig,
    event: &NewEvent,
) -> Result<DeliveryId, StoreError> {
    let result = Reconciled {
        external_id: &order.external_id,
        status,
        amount: order.amount,
        currency: &order.currency,
        name: &order.name,
    };
    let delivery = NewDelivery {
        org_id: org,
        id: DeliveryId(deps.ids.next()),
        account_id: order.account_id,
        event_id: event.id,
        run_id: event.run_id,
        subject: Subject::Case(order.id.0),
        body: &payload::reconcile(result, &extra_fields(config)),
    };
    put_into_outbox(tx, deps, &delivery, event.at).await?;
    Ok(delivery.id)
}

pub(super) async fn put_into_outbox(
    tx: &mut Tx,
    deps: &Deps,
    delivery: &NewDelivery<'_>,
    now: Instant,
) -> Result<(), StoreError> {
    tx.insert_delivery(delivery, now).await?;
    tx.enqueue(&deps.job(delivery.org_id, Queue::Deliver, delivery.id.0, delivery.run_id, now), now).await
}

pub(super) fn extra_fields(config: &AccountConfig) -> Map<String, Value> {
    let text = config.webhook_extra_fields.as_deref().unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_default()
}

/// Passthrough: forwards every booked credit once; `false` when there may be more.
async fn forward(deps: &Deps, context: &Context) -> Result<bool, JobError> {
    let now = deps.now();
    let extra = extra_fields(&context.config);
    let mut tx = deps.store.write().await?;
    if !tx.consume_revision(context.org, context.account.id, context.account.revision).await? {
        return Ok(false);
    }
    let movements = tx.unnotified_movements(context.org, context.account.id, FORWARD_CHUNK).await?;
    for movement in &movements {
        if !tx.mark_notified(context.org, movement.id, now).await? || context.config.silent_ingestion {
            continue;
        }
        let event = deps.event(EventKind::MovementForwarded, now).run(context.run);
        forward_movement(&mut tx, deps, context.org, movement, &extra, event).await?;
    }
    tx.commit().await?;
    Ok(i64::try_from(movements.len()).unwrap_or(i64::MAX) < FORWARD_CHUNK)
}

/// Records the event of a movement that is forwarded, and puts its webhook into the outbox, due at once.
pub(super) async fn forward_movement(
    tx: &mut Tx,
    deps: &Deps,
    org: OrgId,
    movement: &Movement,
    extra: &Map<String, Value>,
    event: NewEvent,
) -> Result<(), StoreError> {
    let event = event.account(movement.account_id).subject(movement.id.0);
    let now = event.at;
    let forwarded = Forwarded {
        id: movement.id,
        amount: movement.amount,
        currency: &movement.currency,
        name: movement.counterparty_name.as_deref(),
        received_at: movement.received_at,
    };
    let delivery = NewDelivery {
        org_id: org,
        id: DeliveryId(deps.ids.next()),
        account_id: movement.account_id,
        event_id: event.id,
        run_id: event.run_id,
        subject: Subject::Movement(movement.id.0),
        body: &payload::passthrough(forwarded, extra),
    };
    tx.record(org, event);
    put_into_outbox(tx, deps, &delivery, now).await
}

/// What `match explain` shows of a case: every movement of the order's amount, with each test.
pub async fn explain(
    store: &Store,
    policy: &Policy,
    org: OrgId,
    order: &ExpectedPayment,
) -> Result<Vec<(Movement, Vec<matching::explain::Test>)>, StoreError> {
    let mut tx = store.read().await?;
    let Some(account) = tx.account(org, order.account_id).await? else { return Ok(Vec::new()) };
    let Some(zone) = BankZone::parse(&account.time_zone) else { return Ok(Vec::new()) };
    let movements = tx.movements_of_amount(org, order.account_id, order.amount).await?;
    let seen = input(zone, std::slice::from_ref(order), &movements);
    let tests = movements
        .into_iter()
        .zip(&seen.movements)
        .map(|(movement, weighed)| (movement, matching::explain::pair(policy, &seen.orders[0], weighed)));
    Ok(tests.collect())
}
