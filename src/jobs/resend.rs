//! A person asks for a webhook: the same one again, or the first where none was sent by itself.
//!
//! In the caller's transaction, which holds the account's row: the decision stands still meanwhile.

use super::{Deps, outbox};
use crate::deliver::payload::ReconcileStatus;
use crate::domain::case::CaseStatus;
use crate::domain::event::{Actor, EventKind};
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::OrgId;
use crate::domain::movement::Movement;
use crate::domain::time::Instant;
use crate::store::deliveries::{Delivery, Subject};
use crate::store::jobs::Queue;
use crate::store::{StoreError, Tx};

/// Why there is no webhook to send.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    #[error("the request is {0}; only matched, ambiguous and expired requests have a webhook")]
    NothingToTell(CaseStatus),
    #[error("the movement is no booked credit; only booked credits are forwarded")]
    NoPayment,
    #[error("the account has no settings yet; save them first")]
    NoSettings,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends the webhook of what was decided about a case: the newest one as it is, or, where the decision
/// was not told (an expiry that the account does not ask for), one made now.
pub async fn case(
    tx: &mut Tx,
    deps: &Deps,
    org: OrgId,
    order: &ExpectedPayment,
    (actor, ip): (Actor, Option<String>),
    now: Instant,
) -> Result<(), ResendError> {
    let case = tx.case(org, order.id).await?.ok_or(StoreError::Corrupt { what: "case of an expected payment" })?;
    let Some(status) = ReconcileStatus::of(case.status) else {
        return Err(ResendError::NothingToTell(case.status));
    };
    let subject = Subject::Case(order.id.0);
    if let Some(delivery) = tx.newest_delivery(org, subject, decision(status)).await? {
        return Ok(again(tx, deps, &delivery, (actor, ip), now).await?);
    }
    let config = tx.account_config(org, order.account_id).await?.ok_or(ResendError::NoSettings)?;
    let event = deps.event(EventKind::DeliveryRequested, now).by(actor, ip).account(order.account_id);
    let extra = outbox::extra_fields(config.webhook_extra_fields.as_deref());
    let delivery = outbox::of_case(deps, org, order, status, &extra, &event);
    tx.record(org, event.subject(delivery.id.0));
    Ok(outbox::put(tx, deps, vec![delivery], now).await?)
}

/// The event that a webhook of this status came with.
fn decision(status: ReconcileStatus) -> EventKind {
    match status {
        ReconcileStatus::Matched => EventKind::CaseMatched,
        ReconcileStatus::Ambiguous => EventKind::CaseAmbiguous,
        ReconcileStatus::Expired => EventKind::CaseExpired,
    }
}

/// Sends the webhook of a movement: the one it had, or its first, also where the movement is baseline
/// or was marked as told in silence.
pub async fn movement(
    tx: &mut Tx,
    deps: &Deps,
    org: OrgId,
    movement: &Movement,
    (actor, ip): (Actor, Option<String>),
    now: Instant,
) -> Result<(), ResendError> {
    let subject = Subject::Movement(movement.id.0);
    if let Some(delivery) = tx.newest_delivery(org, subject, EventKind::MovementForwarded).await? {
        return Ok(again(tx, deps, &delivery, (actor, ip), now).await?);
    }
    if !movement.is_payment() {
        return Err(ResendError::NoPayment);
    }
    let config = tx.account_config(org, movement.account_id).await?.ok_or(ResendError::NoSettings)?;
    // `false` where it was taken before, in silence say: it is sent all the same.
    tx.mark_forwarded(org, movement.id, now).await?;
    let event = deps.event(EventKind::MovementForwarded, now).by(actor, ip);
    let event = event.account(movement.account_id).subject(movement.id.0);
    let extra = outbox::extra_fields(config.webhook_extra_fields.as_deref());
    let delivery = outbox::of_movement(deps, org, movement, &extra, &event);
    tx.record(org, event);
    Ok(outbox::put(tx, deps, vec![delivery], now).await?)
}

/// The same `webhook-id` and the same bytes, due now.
async fn again(
    tx: &mut Tx,
    deps: &Deps,
    delivery: &Delivery,
    (actor, ip): (Actor, Option<String>),
    now: Instant,
) -> Result<(), StoreError> {
    let event = deps.event(EventKind::DeliveryRequested, now).by(actor, ip).account(delivery.account_id);
    tx.record(delivery.org_id, event.subject(delivery.id.0).run(delivery.run_id));
    tx.redeliver(delivery.org_id, delivery.id, now).await?;
    tx.enqueue(&deps.job(delivery.org_id, Queue::Deliver, delivery.id.0, delivery.run_id, now), now).await
}
