//! Orders that nobody paid in time.

use chrono::TimeDelta;

use super::{Deps, outbox, wake_matcher};
use crate::deliver::payload::ReconcileStatus;
use crate::domain::case::CaseStatus;
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::time::Instant;
use crate::store::StoreError;

/// How long an order waits for its payment. An order of exactly this age still waits.
const AGE_MAX: TimeDelta = TimeDelta::hours(120);
/// Accounts looked at per call; the rest follows in the next one.
const ACCOUNTS: i64 = 200;
/// Orders of an account that expire in one transaction; the rest follows in the next call.
const ORDERS: i64 = 1_000;

/// Expires what is overdue. Ambiguous cases are left: a person decides them.
pub(super) async fn run(deps: &Deps) -> Result<(), StoreError> {
    let now = deps.now();
    let accounts = deps.store.read().await?.accounts_with_overdue_orders(now - AGE_MAX, ACCOUNTS).await?;
    for (org, account) in accounts {
        expire(deps, org, account, now).await?;
    }
    Ok(())
}

async fn expire(deps: &Deps, org: OrgId, account: AccountId, now: Instant) -> Result<(), StoreError> {
    let mut tx = deps.store.write().await?;
    // First, as everywhere: no match and no poll can come between what is read here and what is written.
    tx.bump_revision(org, account).await?;
    let overdue = tx.overdue_orders(org, account, now - AGE_MAX, ORDERS).await?;
    if overdue.is_empty() {
        return Ok(());
    }
    let config = tx.account_config(org, account).await?.filter(|config| config.notify_on_expired);
    let extra = config.map(|config| outbox::extra_fields(config.webhook_extra_fields.as_deref()));
    let mut deliveries = Vec::new();
    for order in &overdue {
        if !tx.close_order(org, order.id, CaseStatus::Expired, now).await? {
            continue;
        }
        let event = deps.event(EventKind::CaseExpired, now).account(account).subject(order.id.0);
        if let Some(extra) = &extra {
            deliveries.push(outbox::of_case(deps, org, order, ReconcileStatus::Expired, extra, &event));
        }
        tx.record(org, event);
    }
    outbox::put(&mut tx, deps, deliveries, now).await?;
    // An expired order may have been the rival of one that still waits.
    wake_matcher(&mut tx, deps, (org, account), None, now).await?;
    tx.commit().await?;
    tracing::info!(org_id = %org, account_id = %account, orders = overdue.len(), "orders expired");
    Ok(())
}
