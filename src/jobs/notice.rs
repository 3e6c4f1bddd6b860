//! Tells the customer what the reading needs or how it failed, where the account asks for it.

use super::{Deps, outbox};
use crate::deliver::notice::{self, CodeWanted, Notice};
use crate::domain::account::NotificationEvent;
use crate::domain::ids::{DeliveryId, EventId};
use crate::domain::run::{Outcome, RunKind};
use crate::domain::time::Instant;
use crate::store::deliveries::{NewDelivery, Subject};
use crate::store::notices::NoticeSettings;
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// Puts the notice of a run's end into the outbox, in the transaction that ends the run.
///
/// `event` says in the log that the run ended; its id becomes the `webhook-id`. Each failure is told,
/// except those of a login that was blocked before the run began: a block is told once.
pub(super) async fn of_end(
    tx: &mut Tx,
    deps: &Deps,
    run: &Run,
    outcome: Outcome,
    event: EventId,
    now: Instant,
) -> Result<(), StoreError> {
    let told = match run.kind {
        RunKind::Scrape => notice::event_of(outcome),
        RunKind::Poll => None,
    };
    let Some(told) = told else { return Ok(()) };
    let Some(settings) = tx.notice_settings(run.org_id, run.id).await? else { return Ok(()) };
    if settings.was_blocked_before() || !is_subscribed(&settings, told) {
        return Ok(());
    }
    let body = notice::body(Notice { account_id: run.account_id, event: told, outcome, occurred_at: now });
    send(tx, deps, run, event, body, now).await
}

/// Puts the notice that a login waits for a code into the outbox, in the transaction that writes the request down.
///
/// Each code that is wanted is told, also the second one after a wrong one; `event` is the request's.
pub(super) async fn of_request(
    tx: &mut Tx,
    deps: &Deps,
    run: &Run,
    wanted: CodeWanted,
    event: EventId,
) -> Result<(), StoreError> {
    let Some(settings) = tx.notice_settings(run.org_id, run.id).await? else { return Ok(()) };
    if !is_subscribed(&settings, NotificationEvent::AssistanceRequired) {
        return Ok(());
    }
    send(tx, deps, run, event, notice::code_wanted(wanted), wanted.occurred_at).await
}

async fn send(
    tx: &mut Tx,
    deps: &Deps,
    run: &Run,
    event: EventId,
    body: Vec<u8>,
    now: Instant,
) -> Result<(), StoreError> {
    let delivery = NewDelivery {
        org_id: run.org_id,
        id: DeliveryId(deps.ids.next()),
        account_id: run.account_id,
        event_id: event,
        run_id: Some(run.id),
        subject: Subject::Run(run.id),
        body,
    };
    outbox::put(tx, deps, vec![delivery], now).await
}

fn is_subscribed(settings: &NoticeSettings, event: NotificationEvent) -> bool {
    let names = settings.notification_events.as_deref().unwrap_or("[]");
    serde_json::from_str::<Vec<NotificationEvent>>(names).is_ok_and(|events| events.contains(&event))
}
