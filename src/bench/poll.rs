//! What a poll costs: a list seen for the first time, the same list again, and a list that is said to be as before.

use std::io::{self, Write};
use std::time::Instant;

use anyhow::{Context, ensure};
use chrono::TimeDelta;
use serde_json::json;

use super::endpoint::Endpoint;
use super::enrol;
use super::place::{Folder, Place, Scratch};
use super::shop::Shop;
use super::stats::{median, micros};
use crate::config::Settings;
use crate::domain::event::Actor;
use crate::domain::expected_payment::PollReport;
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::run::{Outcome, RunKind, Trigger};
use crate::jobs::{self, Deps};
use crate::poll::decode;
use crate::store::jobs::Queue;

/// Nobody else works the queue.
const LEASE: TimeDelta = TimeDelta::hours(1);

pub struct Request {
    /// Orders that the endpoint lists.
    pub orders: u32,
    /// Rounds that count, after one that does not. Each has an account of its own.
    pub pairs: u32,
    pub place: Place,
    pub json: bool,
}

/// One round; times in microseconds.
struct Round {
    first: i64,
    unchanged: i64,
    not_modified: i64,
    /// Reading the list's JSON, which is a part of the first two.
    decoding: i64,
}

pub async fn run(settings: &Settings, request: &Request) -> anyhow::Result<()> {
    let folder = Folder::make(request.place.dir.as_deref())?;
    let scratch = Scratch::build(settings, folder.join("daemon"), request.place.database_url.as_ref()).await?;
    let measured = measure(&scratch.deps, request).await;
    scratch.remove().await?;
    print(&measured?, request)
}

async fn measure(deps: &Deps, request: &Request) -> anyhow::Result<Vec<Round>> {
    let list = list(request.orders);
    let endpoint = Endpoint::start(list.clone()).await?;
    let org = enrol::organisation(deps).await?;
    let mut rounds = Vec::new();
    for pair in 0..=request.pairs {
        let (account, _) = enrol::account(deps, org, Some(endpoint.url())).await?;
        endpoint.set_tagged(false);
        let (first, report) = poll(deps, org, account).await?;
        ensure!(report.new == request.orders as usize, "{} of {} orders were new", report.new, request.orders);
        let (unchanged, report) = poll(deps, org, account).await?;
        ensure!(report.new == 0 && report.listed == Some(request.orders as usize), "the list was not the same again");
        // Brings the `ETag` that the last one sends.
        endpoint.set_tagged(true);
        poll(deps, org, account).await?;
        let (not_modified, report) = poll(deps, org, account).await?;
        ensure!(report.listed.is_none(), "the endpoint's 304 was not understood");
        let started = Instant::now();
        let decoded = decode::decode(&list)?;
        let decoding = micros(started.elapsed());
        ensure!(decoded.skipped.is_empty(), "the list has bad items");
        // The first one warms up.
        if pair > 0 {
            rounds.push(Round { first, unchanged, not_modified, decoding });
        }
    }
    Ok(rounds)
}

/// One poll as the queue runs it: how long the job took, and what it reports.
async fn poll(deps: &Deps, org: OrgId, account: AccountId) -> anyhow::Result<(i64, PollReport)> {
    let (what, now) = ((RunKind::Poll, Trigger::Schedule), deps.now());
    let mut tx = deps.store.write().await?;
    let id = jobs::request_run(&mut tx, deps, (org, account), what, (Actor::Engine, None), now).await?;
    let job = tx.claim_job(Queue::Poll, deps.boot, now, now + LEASE).await?;
    let job = job.filter(|job| job.subject == id.0).context("the poll's job is missing")?;
    tx.commit().await?;
    let started = Instant::now();
    jobs::poll_customer(deps, &job).await?;
    let took = micros(started.elapsed());
    let mut tx = deps.store.write().await?;
    tx.finish_job(&job).await?;
    tx.commit().await?;
    let run = deps.store.read().await?.run(org, id).await?.context("the poll's run is missing")?;
    ensure!(run.outcome == Some(Outcome::Ok), "the poll failed: {}", run.detail.unwrap_or_default());
    let report = run.report.context("the poll has no report")?;
    Ok((took, serde_json::from_str(&report)?))
}

/// What the endpoint sends.
fn list(orders: u32) -> Vec<u8> {
    let shop = Shop::new(orders);
    let item = |place: u64| {
        let order = shop.order(place, place);
        let (id, amount, name) = (order.external_id, order.amount, order.name);
        format!(r#"{{"external_id":"{id}","amount":{amount},"currency":"UYU","name":"{name}"}}"#)
    };
    let items: Vec<String> = (0..shop.places()).map(item).collect();
    format!("[{}]", items.join(",\n")).into_bytes()
}

fn print(rounds: &[Round], request: &Request) -> anyhow::Result<()> {
    let middle = |figure: fn(&Round) -> i64| median(rounds.iter().map(figure));
    let first = middle(|round| round.first);
    let unchanged = middle(|round| round.unchanged);
    let not_modified = middle(|round| round.not_modified);
    let decoding = middle(|round| round.decoding);
    let (orders, pairs) = (i64::from(request.orders), request.pairs);
    let mut out = io::stdout();
    if request.json {
        let summary = json!({
            "bench": "poll", "unit": "us", "orders": orders, "pairs": pairs, "registered": orders,
            "first": first, "unchanged": unchanged, "not_modified": not_modified, "decoding": decoding,
        });
        writeln!(out, "{summary}")?;
        return Ok(());
    }
    let each = |took: i64| format!("{}.{:02} per order", took / orders, took * 100 / orders % 100);
    writeln!(out, "a list of {orders} orders, medians of {pairs} rounds after a warm-up; times in µs")?;
    writeln!(out, "first poll             {first:>9}   {}", each(first))?;
    writeln!(out, "the same list again    {unchanged:>9}   {}", each(unchanged))?;
    writeln!(out, "304, as before         {not_modified:>9}")?;
    writeln!(out, "of it reading the JSON {decoding:>9}   {}", each(decoding))?;
    Ok(())
}
