//! One poll: call the customer's endpoint, apply what its answer means, ask for a match.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::ingest_orders::{self, Ingested};
use super::{Deps, JobError, PollRules, polling_token, wake_later};
use crate::domain::account::OperationMode;
use crate::domain::event::EventKind;
use crate::domain::expected_payment::PollReport;
use crate::domain::ids::{AccountId, OrgId, RunId};
use crate::domain::run::{Outcome, RunKind, RunResult, RunState};
use crate::domain::time::Instant;
use crate::outbound::Outbound;
use crate::poll::client::{self, Fetched, PollCall};
use crate::poll::decode::{self, Decoded};
use crate::poll::presence::{self, Answer, Step};
use crate::store::configs::AccountConfig;
use crate::store::jobs::Job;
use crate::store::runs::Run;
use crate::store::{Store, StoreError, Tx};
use crate::vault::Vault;

/// Skipped items that the run's report names; the count is always complete.
const SKIPPED_SHOWN: usize = 100;
/// Changed orders that the run's detail names; each has its event.
const CHANGED_SHOWN: usize = 5;

/// Where one poll goes.
struct Target<'a> {
    org: OrgId,
    account: AccountId,
    config: &'a AccountConfig,
    endpoint: &'a str,
    /// Of the last answer that was applied whole.
    etag: Option<&'a str>,
}

/// What the endpoint said.
enum Said {
    List {
        decoded: Decoded,
        etag: Option<String>,
    },
    AsBefore,
    /// Why there is nothing to apply.
    Unusable(String),
}

pub async fn run(deps: &Deps, job: &Job) -> Result<(), JobError> {
    let (org, id) = (job.org_id, RunId(job.subject));
    let Some(run) = deps.store.read().await?.run(org, id).await? else {
        return Err(JobError::discard("the run does not exist any more"));
    };
    if run.state == RunState::Finished {
        return Ok(());
    }
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    tx.hold_job(job).await?;
    if tx.start_run(org, id, now).await? {
        tx.record(org, deps.event(EventKind::RunStarted, now).account(run.account_id).run(Some(id)));
    } else if tx.has_live_twin(job, now).await? {
        return Ok(wake_later(tx, deps, &run, now).await?);
    }
    // Else it was under way when its process died, and is simply made again: reading is harmless.
    let mode = tx.operation_mode(org).await?;
    let config = tx.account_config(org, run.account_id).await?;
    let last_etag = tx.poll_etag(org, run.account_id).await?;
    tx.commit().await?;

    let (result, etag) = match endpoint(mode, config.as_ref()) {
        Ok((config, endpoint)) => {
            let target = Target { org, account: run.account_id, config, endpoint, etag: last_etag.as_deref() };
            poll(deps, job, &run, &target).await?
        }
        Err(reason) => (nothing_to_poll(reason), None),
    };
    finish(deps, job, &run, now, &result, config.as_ref(), etag.as_deref()).await
}

/// The settings and the URL to poll, or why nothing is polled.
fn endpoint(
    mode: Option<OperationMode>,
    config: Option<&AccountConfig>,
) -> Result<(&AccountConfig, &str), &'static str> {
    if mode == Some(OperationMode::Passthrough) {
        return Err("the operation mode is passthrough: nothing is polled");
    }
    let config = config.ok_or("the account has no settings yet")?;
    let endpoint = config.pending_orders_endpoint.as_deref().ok_or("the account has no pending orders endpoint")?;
    Ok((config, endpoint))
}

fn nothing_to_poll(detail: &str) -> RunResult {
    RunResult { outcome: Outcome::Ok, detail: Some(detail.to_owned()), report: json!({}) }
}

/// The call and its consequences, and the `ETag` to send next time. A customer's mistake is a result, not
/// a job error: the schedule comes round again, and nothing that was known is forgotten.
async fn poll(deps: &Deps, job: &Job, run: &Run, target: &Target<'_>) -> Result<(RunResult, Option<String>), JobError> {
    let said = ask(&deps.vault, &deps.outbound, &deps.poll, target).await?;
    let (answer, etag) = match &said {
        // An answer with items to complain of is asked for whole again, so that each poll names them.
        Said::List { decoded, etag } => (Answer::List(decoded), etag.as_deref().filter(|_| decoded.skipped.is_empty())),
        Said::AsBefore => (Answer::AsBefore, target.etag),
        Said::Unusable(detail) => {
            let detail = Some(detail.clone());
            return Ok((RunResult { outcome: Outcome::EndpointFailed, detail, report: json!({}) }, None));
        }
    };
    let known = deps.store.read().await?.known_orders(target.org, target.account).await?;
    let now = deps.now();
    let steps = presence::decide(&known, answer, &deps.poll.presence, now);
    let ingested = ingest_orders::apply(deps, job, run, &steps, now).await?;
    let (report, detail) = report(answer, &steps, ingested);
    deps.metrics.orders_polled(&report);
    let report = serde_json::to_value(report).expect("a report is plain data");
    Ok((RunResult { outcome: Outcome::Ok, detail, report }, etag.map(str::to_owned)))
}

/// Calls the endpoint and reads its answer.
async fn ask(vault: &Vault, outbound: &Outbound, rules: &PollRules, target: &Target<'_>) -> Result<Said, JobError> {
    let config = target.config;
    let token = polling_token(vault, target.org, target.account, config)?;
    let call = PollCall {
        url: target.endpoint,
        method: config.polling_method,
        body: config.polling_body.as_deref(),
        auth: token.as_ref().map(|token| (config.auth_type, token)),
        etag: target.etag,
        timeout: rules.timeout,
    };
    Ok(match client::fetch(outbound, call).await {
        Ok(Fetched::List { body, etag }) => match decode::decode(&body) {
            Ok(decoded) => Said::List { decoded, etag },
            Err(error) => Said::Unusable(error.to_string()),
        },
        Ok(Fetched::NotModified) => Said::AsBefore,
        Err(error) => Said::Unusable(error.to_string()),
    })
}

/// The figures, and the sentence on what a person should look at.
fn report(answer: Answer<'_>, steps: &[Step<'_>], ingested: Ingested) -> (PollReport, Option<String>) {
    let mut report = PollReport {
        new: ingested.new,
        seen: steps.iter().filter(|step| matches!(step, Step::Seen(_) | Step::Stays(_))).count(),
        cancelled: ingested.cancelled,
        reopened: ingested.reopened,
        changed: ingested.changed,
        ..PollReport::default()
    };
    let mut remarks = Vec::new();
    match answer {
        Answer::List(decoded) => {
            let skipped = decoded.skipped.len();
            report.listed = Some(decoded.orders.len() + skipped);
            report.skipped_count = skipped;
            report.skipped = decoded.skipped.iter().take(SKIPPED_SHOWN).cloned().collect();
            if skipped > 0 {
                remarks.push(format!("{skipped} item(s) were left out; see skipped"));
            }
        }
        Answer::AsBefore => remarks.push("the endpoint says that its list is as before".to_owned()),
    }
    let changed = steps.iter().filter_map(|step| {
        let Step::Changed(known, fields) = step else { return None };
        Some(format!("{:?} ({})", known.external_id, fields.join(" and ")))
    });
    if ingested.changed > 0 {
        let shown: Vec<_> = changed.take(CHANGED_SHOWN).collect();
        let count = ingested.changed;
        remarks.push(format!("{count} order(s) changed at the source, the first stands: {}", shown.join(", ")));
    }
    (report, (!remarks.is_empty()).then(|| remarks.join("; ")))
}

/// Ends the run that `began`. `config` is what was polled with, `etag` of the answer that was applied.
async fn finish(
    deps: &Deps,
    job: &Job,
    run: &Run,
    began: Instant,
    result: &RunResult,
    config: Option<&AccountConfig>,
    etag: Option<&str>,
) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    tx.hold_job(job).await?;
    // Also so that a save of the settings is seen below or comes after.
    tx.hold_account(run.org_id, run.account_id).await?;
    let ended = tx.finish_run(run.org_id, run.id, result, now).await?;
    if ended {
        set_next_poll(&mut tx, run, now, deps.timing.poll_every).await?;
        // After a bad poll the orders are still those of the last good one, and its `ETag` stays.
        if result.outcome == Outcome::Ok && tx.account_config(run.org_id, run.account_id).await?.as_ref() == config {
            tx.set_poll_etag(run.org_id, run.account_id, etag).await?;
        }
        let event = deps.event(EventKind::RunFinished, now).account(run.account_id).run(Some(run.id));
        tx.record(run.org_id, event.payload(json!({ "kind": "poll", "outcome": result.outcome.word() })));
    }
    tx.commit().await?;
    if ended {
        deps.metrics.run_finished(RunKind::Poll, result.outcome, Some(now - began));
    }
    tracing::info!(account_id = %run.account_id, outcome = result.outcome.word(), detail = result.detail.as_deref(), "poll finished");
    Ok(())
}

pub(super) async fn set_next_poll(tx: &mut Tx, run: &Run, now: Instant, every: Duration) -> Result<(), StoreError> {
    let next = now + TimeDelta::from_std(every).unwrap_or(TimeDelta::hours(1));
    tx.set_next_run(run.org_id, run.account_id, RunKind::Poll, Some(next), now).await
}

/// What a poll would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsal {
    /// One line for each known order, each new one, and each item that would be left out.
    Steps(Vec<String>),
    /// Nothing is polled, and why.
    NotPolled(&'static str),
    /// The endpoint's answer cannot be used, and why.
    Unusable(String),
}

/// Asks the endpoint as a poll would and says what would follow. Nothing is written.
pub async fn rehearse(
    store: &Store,
    vault: &Vault,
    outbound: &Outbound,
    rules: &PollRules,
    (org, account): (OrgId, AccountId),
    now: Instant,
) -> Result<Rehearsal, JobError> {
    let mut tx = store.read().await?;
    let mode = tx.operation_mode(org).await?;
    let config = tx.account_config(org, account).await?;
    drop(tx);
    let (config, endpoint) = match endpoint(mode, config.as_ref()) {
        Ok(found) => found,
        Err(reason) => return Ok(Rehearsal::NotPolled(reason)),
    };
    // Without an `ETag`: whoever rehearses wants to see the list.
    let said = ask(vault, outbound, rules, &Target { org, account, config, endpoint, etag: None }).await?;
    let decoded = match said {
        Said::List { decoded, .. } => decoded,
        Said::AsBefore => return Ok(Rehearsal::Unusable("the endpoint answered 304 to no condition".to_owned())),
        Said::Unusable(detail) => return Ok(Rehearsal::Unusable(detail)),
    };
    let known = store.read().await?.known_orders(org, account).await?;
    let steps = presence::decide(&known, Answer::List(&decoded), &rules.presence, now);
    let skipped = decoded.skipped.iter().map(|skipped| format!("skip {}", skipped.reason));
    Ok(Rehearsal::Steps(steps.iter().map(ToString::to_string).chain(skipped).collect()))
}
