//! One poll: call the customer's endpoint, register what it lists, ask for a match.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::{Deps, JobError};
use crate::domain::account::OperationMode;
use crate::domain::event::EventKind;
use crate::domain::expected_payment::PolledOrder;
use crate::domain::ids::{ExpectedPaymentId, OrgId, RunId};
use crate::domain::run::{Outcome, RunKind, RunResult, RunState};
use crate::domain::time::Instant;
use crate::poll::client::{self, PollCall};
use crate::poll::decode::{self, Decoded};
use crate::store::configs::AccountConfig;
use crate::store::jobs::Queue;
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// Orders per transaction.
const CHUNK: usize = 1_000;
/// Skipped items that the run's report names; the count is always complete.
const SKIPPED_SHOWN: usize = 100;

pub async fn run(deps: &Deps, org: OrgId, id: RunId) -> Result<(), JobError> {
    let Some(run) = deps.store.read().await?.run(org, id).await? else {
        return Err(JobError::discard("the run does not exist any more"));
    };
    if run.state == RunState::Finished {
        return Ok(());
    }
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    // A poll that was under way when the process died is simply made again: reading is harmless.
    if tx.start_run(org, id, now).await? {
        tx.record(org, deps.event(EventKind::RunStarted, now).account(run.account_id).run(Some(id)));
    }
    let mode = tx.operation_mode(org).await?;
    let config = tx.account_config(org, run.account_id).await?;
    tx.commit().await?;

    let result = match (mode, config) {
        (Some(OperationMode::Passthrough), _) => {
            nothing_to_poll("the operation mode is passthrough: nothing is polled")
        }
        (_, None) => nothing_to_poll("the account has no settings yet"),
        (_, Some(config)) => match &config.pending_orders_endpoint {
            None => nothing_to_poll("the account has no pending orders endpoint"),
            Some(endpoint) => fetch(deps, &run, &config, endpoint).await?,
        },
    };
    finish(deps, &run, &result).await
}

fn nothing_to_poll(detail: &str) -> RunResult {
    RunResult { outcome: Outcome::Ok, detail: Some(detail.to_owned()), report: json!({}) }
}

/// The call and its consequences. A customer's mistake is a result, not a job error: the schedule
/// comes round again, and nothing that was known is forgotten.
async fn fetch(deps: &Deps, run: &Run, config: &AccountConfig, endpoint: &str) -> Result<RunResult, JobError> {
    let failed =
        |detail: String| RunResult { outcome: Outcome::EndpointFailed, detail: Some(detail), report: json!({}) };
    let token = super::polling_token(deps, run.org_id, run.account_id, config)?;
    let stored_body = config
        .polling_body
        .as_deref()
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| JobError::discard(format!("the stored polling_body is not JSON: {error}")))?;
    let call = PollCall {
        url: endpoint,
        method: config.polling_method,
        body: stored_body.as_ref(),
        auth: token.as_ref().map(|token| (config.auth_type, token)),
    };
    let body = match client::fetch(&deps.outbound, call).await {
        Ok(body) => body,
        Err(error) => return Ok(failed(error.to_string())),
    };
    let decoded = match decode::decode(&body) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(failed(error.to_string())),
    };
    let new = register(deps, run, &decoded.orders).await?;
    Ok(report(&decoded, new))
}

fn report(decoded: &Decoded, new: usize) -> RunResult {
    let skipped = decoded.skipped.len();
    let shown = &decoded.skipped[..skipped.min(SKIPPED_SHOWN)];
    RunResult {
        outcome: Outcome::Ok,
        detail: (skipped > 0).then(|| format!("{skipped} item(s) were left out; see the report")),
        report: json!({ "listed": decoded.orders.len() + skipped, "new": new, "skipped_count": skipped, "skipped": shown }),
    }
}

/// Registers the orders that are new; returns how many were.
async fn register(deps: &Deps, run: &Run, orders: &[PolledOrder]) -> Result<usize, StoreError> {
    let mut total = 0;
    for chunk in orders.chunks(CHUNK) {
        let now = deps.now();
        let mut tx = deps.store.write().await?;
        tx.bump_revision(run.org_id, run.account_id).await?;
        let mut new = 0;
        for order in chunk {
            let id = ExpectedPaymentId(deps.ids.next());
            if tx.insert_order(run.org_id, run.account_id, run.id, id, order, now).await? {
                new += 1;
            }
        }
        if new > 0 {
            let event = deps.event(EventKind::OrdersIngested, now).account(run.account_id).run(Some(run.id));
            tx.record(run.org_id, event.payload(json!({ "listed": chunk.len(), "new": new })));
            // Asked for with each chunk: should the process die before the last one, what was
            // registered is still matched.
            tx.enqueue(&deps.job(run.org_id, Queue::Match, run.account_id.0, Some(run.id), now), now).await?;
        }
        tx.commit().await?;
        total += new;
    }
    Ok(total)
}

async fn finish(deps: &Deps, run: &Run, result: &RunResult) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    if tx.finish_run(run.org_id, run.id, result, now).await? {
        set_next_poll(&mut tx, run, now, deps.timing.poll_every).await?;
        let event = deps.event(EventKind::RunFinished, now).account(run.account_id).run(Some(run.id));
        tx.record(run.org_id, event.payload(json!({ "kind": "poll", "outcome": result.outcome.word() })));
    }
    tx.commit().await?;
    tracing::info!(account_id = %run.account_id, outcome = result.outcome.word(), detail = result.detail.as_deref(), "poll finished");
    Ok(())
}

async fn set_next_poll(tx: &mut Tx, run: &Run, now: Instant, every: Duration) -> Result<(), StoreError> {
    let next = now + TimeDelta::from_std(every).unwrap_or(TimeDelta::hours(1));
    tx.set_next_run(run.org_id, run.account_id, RunKind::Poll, Some(next)).await
}
