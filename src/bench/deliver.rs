//! How long an idle daemon takes from a payment's commit to the shop's receiver.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::TimeDelta;
use serde_json::json;

use super::stats::quantiles;
use crate::config::Settings;
use crate::demo::stage::Stage;
use crate::demo::world::Received;
use crate::domain::expected_payment::PolledOrder;
use crate::domain::ids::{AccountId, ExpectedPaymentId, JobId, MovementId, OrgId, RunId};
use crate::domain::movement::{BookingStatus, CreditDebit, Identity, ScrapedMovement};
use crate::domain::run::{RunKind, Trigger};
use crate::domain::time::Instant;
use crate::jobs::Deps;
use crate::store::jobs::{NewJob, Queue};
use crate::store::movements::Ingest;

/// Pause between two payments, so that each finds the daemon idle.
const IDLE: Duration = Duration::from_millis(30);
/// A webhook that takes longer than this is taken for lost.
const LOST_AFTER: Duration = Duration::from_secs(30);

/// One payment's way, in microseconds.
struct Sample {
    /// From before the commit of the movement to the receiver: matcher and sender included.
    commit_to_webhook_us: i64,
    /// From the decision to the receiver: the sender alone.
    decision_to_webhook_us: i64,
}

pub async fn run(settings: &Settings, count: u32, as_json: bool) -> anyhow::Result<()> {
    let mut stage = Stage::set_up(settings).await?;
    let result = measure(&mut stage, count).await;
    stage.tear_down().await;
    let samples = result?;
    let commit = quantiles(samples.iter().map(|sample| sample.commit_to_webhook_us).collect());
    let decision = quantiles(samples.iter().map(|sample| sample.decision_to_webhook_us).collect());
    let mut out = io::stdout();
    if as_json {
        let summary = json!({
            "bench": "deliver", "count": count, "unit": "us",
            "commit_to_webhook": commit.json(), "decision_to_webhook": decision.json(),
        });
        writeln!(out, "{summary}")?;
    } else {
        writeln!(out, "{count} payments, one at a time, SQLite, real HTTP on loopback; times in µs")?;
        writeln!(out, "commit of the movement → webhook received   {commit}   (goal: p99 of 100000)")?;
        writeln!(out, "decision → webhook received                 {decision}")?;
    }
    Ok(())
}

async fn measure(stage: &mut Stage, count: u32) -> anyhow::Result<Vec<Sample>> {
    // A bank user that the scrape of the schedule may try is of no interest here; the movements are
    // put straight into the ledger, as a scrape would.
    let account: AccountId = stage.enrol("48765432").await?.parse()?;
    let deps = &stage.app.deps;
    let org = only_org(deps).await?;
    let mut samples = Vec::new();
    for number in 0..count {
        tokio::time::sleep(IDLE).await;
        let (amount, name) = (format!("{}.{:02}", 1_000_000 + number, number % 100), "Juan Pérez");
        let order = PolledOrder {
            external_id: format!("BENCH-{number}"),
            amount: amount.parse()?,
            currency: "UYU".parse()?,
            name: name.to_owned(),
        };
        let run = register(deps, org, account, &order).await?;
        tokio::time::sleep(IDLE).await;
        let committed = ingest(deps, org, account, run, &order).await?;
        let webhook = arrival(stage, &order.external_id).await?;
        let decided = decision_time(deps, org, account).await?;
        samples.push(Sample {
            commit_to_webhook_us: micros(webhook.at - committed),
            decision_to_webhook_us: micros(webhook.at - decided),
        });
    }
    Ok(samples)
}

fn micros(delta: TimeDelta) -> i64 {
    delta.num_microseconds().unwrap_or(i64::MAX)
}

async fn only_org(deps: &Deps) -> anyhow::Result<OrgId> {
    let orgs = deps.store.read().await?.org_ids().await?;
    orgs.first().copied().context("the bench's organisation is missing")
}

async fn register(deps: &Deps, org: OrgId, account: AccountId, order: &PolledOrder) -> anyhow::Result<RunId> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let run = tx.request_run(org, account, RunKind::Scrape, Trigger::Manual, RunId(deps.ids.next()), now).await?;
    tx.bump_revision(org, account).await?;
    tx.insert_order(org, account, run, ExpectedPaymentId(deps.ids.next()), order, now).await?;
    tx.commit().await?;
    Ok(run)
}

/// Writes the movement and the matcher's wake-up; returns the instant before the commit.
async fn ingest(
    deps: &Deps,
    org: OrgId,
    account: AccountId,
    run: RunId,
    order: &PolledOrder,
) -> anyhow::Result<Instant> {
    let now = deps.now();
    let ingest = Ingest { org, account, run, enrolled_on: now.date_naive(), now };
    let movement = ScrapedMovement {
        bank_account: "0011234567".to_owned(),
        booked_on: Some(now.date_naive()),
        value_on: None,
        received_at: now,
        amount: order.amount,
        direction: CreditDebit::Credit,
        currency: order.currency.clone(),
        status: BookingStatus::Booked,
        description: "TRANSFERENCIA DE JUAN PEREZ".to_owned(),
        counterparty_name: Some("JUAN PEREZ".to_owned()),
        bank_reference: None,
        balance_after: None,
        identity: Identity { fingerprint: order.external_id.clone(), ordinal: 0 },
        raw: "{}".to_owned(),
    };
    let mut tx = deps.store.write().await?;
    tx.bump_revision(org, account).await?;
    let is_new = tx.insert_movement(&ingest, MovementId(deps.ids.next()), &movement).await?;
    ensure!(is_new, "the bench's movement is in the ledger already");
    let wake = NewJob {
        id: JobId(deps.ids.next()),
        org_id: org,
        queue: Queue::Match,
        subject: account.0,
        run_id: Some(run),
        run_at: now,
    };
    tx.enqueue(&wake, now).await?;
    let before = deps.now();
    tx.commit().await?;
    Ok(before)
}

async fn arrival(stage: &Stage, external_id: &str) -> anyhow::Result<Received> {
    let wanted = stage.world.received().len() + 1;
    let find = || stage.world.received().into_iter().find(|webhook| webhook.body["external_id"] == external_id);
    if let Some(webhook) = find() {
        return Ok(webhook);
    }
    stage.world.wait_for_webhooks(wanted, LOST_AFTER).await;
    let webhook = find().with_context(|| format!("no webhook for {external_id} within {} s", LOST_AFTER.as_secs()))?;
    webhook.verified.clone().map_err(anyhow::Error::msg)?;
    Ok(webhook)
}

async fn decision_time(deps: &Deps, org: OrgId, account: AccountId) -> anyhow::Result<Instant> {
    let newest = deps.store.read().await?.deliveries(org, account, 1).await?;
    newest.first().map(|delivery| delivery.created_at).context("the outbox is empty")
}
