//! One HTTP try of one webhook, and what follows from it.

use std::time::{Duration, Instant as Stopwatch};

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::{Deps, JobError};
use crate::deliver::retry;
use crate::deliver::send::{self, Attempt, Verdict};
use crate::deliver::sign::SigningSecret;
use crate::domain::account::AuthType;
use crate::domain::event::EventKind;
use crate::domain::ids::DeliveryId;
use crate::metrics::Tried;
use crate::store::configs::AccountConfig;
use crate::store::deliveries::{AttemptRecord, Delivery, DeliveryState, Endpoint};
use crate::store::jobs::{Job, Queue};

/// Spread of retries, per mille either way, so that a recovering receiver is not hit all at once.
const JITTER_PER_MILLE: i64 = 200;

pub async fn run(deps: &Deps, job: &Job) -> Result<(), JobError> {
    let mut tx = deps.store.read().await?;
    let Some(delivery) = tx.delivery(job.org_id, DeliveryId(job.subject)).await? else {
        return Err(JobError::discard("the delivery does not exist any more"));
    };
    let Some(due) = delivery.next_at else {
        return Ok(()); // Delivered or dead: a second wake-up for the same row.
    };
    let is_past = tx.is_past_request(job.org_id, delivery.event_id).await?;
    let account = tx.account(job.org_id, delivery.account_id).await?;
    let config = tx.account_config(job.org_id, delivery.account_id).await?;
    drop(tx);
    let now = deps.now();
    if due > now {
        return wake_at(deps, job, due).await;
    }
    if is_past {
        return record(deps, job, &delivery, &not_sent("nobody waits for this code any more"), None).await;
    }
    let (Some(account), Some(config)) = (account, config) else {
        return Err(JobError::discard("the account of this delivery has no settings any more"));
    };
    let opened =
        receiver(deps, &delivery, &config).and_then(|receiver| Ok((receiver, open_signing_secret(deps, &account)?)));
    let (receiver, secret) = match opened {
        Ok((Some(receiver), secret)) => (receiver, secret),
        Ok((None, _)) => {
            let attempt = not_sent("the account has no notification endpoint any more");
            return record(deps, job, &delivery, &attempt, None).await;
        }
        // Counted as an attempt like any other, so that back-off and dead letter apply.
        Err(error) => {
            let attempt =
                Attempt { status: None, error: Some(error.to_string()), retry_after_s: None, verdict: Verdict::Retry };
            return record(deps, job, &delivery, &attempt, None).await;
        }
    };
    let started = Stopwatch::now();
    let attempt = send::send(
        &deps.outbound,
        send::Delivery {
            url: receiver.url,
            webhook_id: delivery.event_id,
            body: &delivery.body,
            secret: &secret,
            auth: receiver.auth.as_ref().map(|(kind, token)| (*kind, token)),
            account_name: &account.name,
            at: now,
        },
    )
    .await;
    record(deps, job, &delivery, &attempt, Some(started.elapsed())).await
}

/// Where a delivery goes, and with which credentials.
struct Receiver<'a> {
    url: &'a str,
    auth: Option<(AuthType, SecretString)>,
}

/// `None` when the account has stopped naming the endpoint.
fn receiver<'a>(deps: &Deps, delivery: &Delivery, config: &'a AccountConfig) -> Result<Option<Receiver<'a>>, JobError> {
    let (org, account) = (delivery.org_id, delivery.account_id);
    match delivery.endpoint {
        Endpoint::Webhook => {
            let auth = super::webhook_auth(deps, org, account, config)?;
            Ok(Some(Receiver { url: &config.webhook_url, auth }))
        }
        Endpoint::Notification => {
            let Some(url) = config.notification_endpoint_url.as_deref() else { return Ok(None) };
            // No falling back: another service may listen there, and the webhook's token is not for it.
            let sealed = config.notification_token_sealed.as_deref();
            let token = deps.open("account_configs", "notification_token_sealed", account.0, org, sealed)?;
            let auth = token.map(|token| (config.notification_auth_type.unwrap_or(AuthType::Bearer), token));
            Ok(Some(Receiver { url, auth }))
        }
    }
}

/// What stands for an attempt where there is no reason left to make one.
fn not_sent(why: &str) -> Attempt {
    Attempt { status: None, error: Some(why.to_owned()), retry_after_s: None, verdict: Verdict::Gone }
}

/// The account's signing secret, opened.
pub(crate) fn open_signing_secret(
    deps: &Deps,
    account: &crate::store::accounts::Account,
) -> Result<SigningSecret, JobError> {
    let sealed = Some(account.signing_secret_sealed.as_slice());
    let text = deps
        .open("accounts", "signing_secret_sealed", account.id.0, account.org_id, sealed)?
        .expect("a sealed value was given");
    SigningSecret::parse(text.expose_secret()).map_err(|error| JobError::Discard { source: Box::new(error) })
}

async fn wake_at(deps: &Deps, job: &Job, due: crate::domain::time::Instant) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    tx.enqueue(&deps.job(job.org_id, Queue::Deliver, job.subject, job.run_id, due), now).await?;
    tx.commit().await?;
    Ok(())
}

/// Writes an attempt and what follows from it. `took` is `None` where nothing was sent.
async fn record(
    deps: &Deps,
    job: &Job,
    delivery: &Delivery,
    attempt: &Attempt,
    took: Option<Duration>,
) -> Result<(), JobError> {
    let now = deps.now();
    let took_ms = took.map_or(0, |took| i64::try_from(took.as_millis()).unwrap_or(i64::MAX));
    let made = u32::try_from(delivery.attempts + 1).unwrap_or(u32::MAX);
    let next_at = match attempt.verdict {
        Verdict::Retry => retry::next_attempt(made, attempt.retry_after_s, jitter(delivery, made), now),
        Verdict::Delivered | Verdict::Gone => None,
    };
    let (state, kind) = match (&attempt.verdict, next_at) {
        (Verdict::Delivered, _) => (DeliveryState::Delivered, Some(EventKind::DeliverySucceeded)),
        (Verdict::Retry, Some(_)) => (DeliveryState::Pending, None),
        (Verdict::Retry, None) | (Verdict::Gone, _) => (DeliveryState::Dead, Some(EventKind::DeliveryDead)),
    };
    let mut tx = deps.store.write().await?;
    // Whoever has the job now sends the same webhook, or has; and a person may have asked for it again since, when the
    // count of attempts starts over.
    tx.hold_job(job).await?;
    let row = AttemptRecord {
        status: attempt.status.map(i64::from),
        error: attempt.error.as_deref(),
        took_ms,
        state,
        next_at,
    };
    if !tx.record_attempt(delivery.org_id, delivery.id, delivery.attempts, &row, now).await? {
        return Ok(()); // Another worker wrote this attempt.
    }
    if state == DeliveryState::Delivered {
        tx.mark_notified(delivery.org_id, delivery.id, now).await?;
    }
    if let Some(kind) = kind {
        let event = deps.event(kind, now).account(delivery.account_id).subject(delivery.id.0).run(delivery.run_id);
        tx.record(delivery.org_id, event.payload(json!({ "attempts": made, "status": attempt.status })));
    }
    if let Some(at) = next_at {
        tx.enqueue(&deps.job(delivery.org_id, Queue::Deliver, delivery.id.0, delivery.run_id, at), now).await?;
    }
    tx.commit().await?;
    let tried = match state {
        DeliveryState::Delivered => Tried::Delivered,
        DeliveryState::Pending => Tried::Failed,
        DeliveryState::Dead => Tried::Dead,
    };
    deps.metrics.delivery_tried(tried, took);
    tracing::info!(
        delivery_id = %delivery.id,
        attempts = made,
        status = attempt.status,
        state = state.word(),
        error = attempt.error.as_deref(),
        took_ms,
        "webhook attempt"
    );
    Ok(())
}

/// Drawn from the delivery's random bits and the attempt's number, so that replays agree.
fn jitter(delivery: &Delivery, made: u32) -> i64 {
    let random = (delivery.id.0.as_u128() >> (made % 8 * 7)) & 0xffff;
    let random = i64::try_from(random).expect("sixteen bits");
    random * (2 * JITTER_PER_MILLE + 1) / 0x1_0000 - JITTER_PER_MILLE
}

/// Deliveries that are this long overdue without a job are woken by the sweeper.
pub(super) const OVERDUE: TimeDelta = TimeDelta::seconds(30);
