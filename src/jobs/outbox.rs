//! Webhooks: frozen when the decision falls, put into the outbox in its transaction.
//!
//! Each tells of an event, which the caller records and whose id is the `webhook-id`.

use super::Deps;
use crate::deliver::payload::{self, Forwarded, ReconcileStatus, Reconciled};
use crate::domain::event::NewEvent;
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::{DeliveryId, OrgId};
use crate::domain::json::LiteralObject;
use crate::domain::movement::Movement;
use crate::domain::time::Instant;
use crate::store::deliveries::{NewDelivery, Subject};
use crate::store::jobs::Queue;
use crate::store::{StoreError, Tx};

/// What an account adds to each of its webhooks: its setting `webhook_extra_fields`.
pub(super) fn extra_fields(setting: Option<&str>) -> LiteralObject {
    LiteralObject::parse(setting.unwrap_or("{}")).unwrap_or_default()
}

/// The webhook that tells of a decided case.
pub(super) fn of_case(
    deps: &Deps,
    org: OrgId,
    order: &ExpectedPayment,
    status: ReconcileStatus,
    extra: &LiteralObject,
    event: &NewEvent,
) -> NewDelivery {
    let result = Reconciled {
        external_id: &order.external_id,
        status,
        amount: order.amount,
        currency: &order.currency,
        name: &order.name,
    };
    NewDelivery {
        org_id: org,
        id: DeliveryId(deps.ids.next()),
        account_id: order.account_id,
        event_id: event.id,
        run_id: event.run_id,
        subject: Subject::Case(order.id.0),
        body: payload::reconcile(result, extra),
    }
}

/// The webhook that forwards a movement.
pub(super) fn of_movement(
    deps: &Deps,
    org: OrgId,
    movement: &Movement,
    extra: &LiteralObject,
    event: &NewEvent,
) -> NewDelivery {
    let forwarded = Forwarded {
        id: movement.id,
        amount: movement.amount,
        currency: &movement.currency,
        name: movement.counterparty_name.as_deref(),
        received_at: movement.received_at,
    };
    NewDelivery {
        org_id: org,
        id: DeliveryId(deps.ids.next()),
        account_id: movement.account_id,
        event_id: event.id,
        run_id: event.run_id,
        subject: Subject::Movement(movement.id.0),
        body: payload::passthrough(forwarded, extra),
    }
}

/// Puts webhooks into the outbox, due at once, and wakes the sender.
pub(super) async fn put(
    tx: &mut Tx,
    deps: &Deps,
    deliveries: Vec<NewDelivery>,
    now: Instant,
) -> Result<(), StoreError> {
    let wake = |delivery: &NewDelivery| deps.job(delivery.org_id, Queue::Deliver, delivery.id.0, delivery.run_id, now);
    let jobs: Vec<_> = deliveries.iter().map(wake).collect();
    tx.enqueue_all(&jobs, now).await?;
    for delivery in deliveries {
        tx.put_into_outbox(delivery, now);
    }
    Ok(())
}
