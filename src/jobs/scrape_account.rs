//! One scrape: take the login's lease, drive the browser, write what was read, settle the budget.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use secrecy::SecretString;
use serde_json::json;

use super::hold::{Hold, LEASE};
use super::ingest::{self, Ingested};
use super::login_budget::{self, BudgetKeeper};
use super::second_factor::{self, SecondFactor};
use super::{Deps, JobError, notice, plan, wake_later};
use crate::domain::account::LoginMode;
use crate::domain::event::EventKind;
use crate::domain::ids::RunId;
use crate::domain::run::{Outcome, RunKind, RunResult, RunState};
use crate::domain::time::{BankZone, Instant};
use crate::scrape::recipe::Recipe;
use crate::scrape::{ScrapeReport, ScrapeRequest};
use crate::store::accounts::Account;
use crate::store::bank_logins::{BankLogin, Lease};
use crate::store::jobs::Job;
use crate::store::movements::Ingest;
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// Tries to write what a scrape read before the run is left to be found as interrupted.
const WRITE_TRIES: u32 = 5;
/// Between two looks whether another node has deleted the account.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const DELETED: &str = "the account was deleted while this run was under way";

pub async fn run(deps: &Deps, job: &Job) -> Result<(), JobError> {
    let Some(run) = deps.store.read().await?.run(job.org_id, RunId(job.subject)).await? else {
        return Err(JobError::discard("the run does not exist any more"));
    };
    match run.state {
        RunState::Finished => Ok(()),
        RunState::Running => take_up(deps, job, &run).await,
        RunState::Queued => begin(deps, &run).await,
    }
}

/// A run that has begun already: its process died, or a second wake-up came while it goes on. The leases
/// of its first job and of the login tell the two apart. Whether credentials went out is in the budget already.
async fn take_up(deps: &Deps, job: &Job, run: &Run) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    if tx.has_live_twin(job, now).await? {
        return Ok(wake_later(tx, deps, run, now).await?);
    }
    tx.hold_account(run.org_id, run.account_id).await?;
    let account = tx.account(run.org_id, run.account_id).await?;
    let lease = match account.and_then(|account| account.bank_login_id) {
        None => None,
        Some(login) => match tx.take_lease(run.org_id, login, deps.boot, now, now + LEASE).await? {
            Some(lease) => Some(lease),
            None => return Ok(wake_later(tx, deps, run, now).await?),
        },
    };
    if let Some(lease) = lease {
        release_login(&mut tx, lease, now).await?;
    }
    let detail = "the daemon stopped while this run was under way".to_owned();
    let result = RunResult { outcome: Outcome::Interrupted, detail: Some(detail), report: json!({}) };
    second_factor::cancel_open_request(&mut tx, deps, run, now).await?;
    let ended = write_end(&mut tx, deps, run, &result, now).await?;
    tx.commit().await?;
    if ended {
        deps.metrics.run_finished(RunKind::Scrape, result.outcome, None);
    }
    Ok(())
}

/// Gives the login free, and wakes who waits for it. Does nothing when somebody else has it by now.
async fn release_login(tx: &mut Tx, lease: Lease, now: Instant) -> Result<(), StoreError> {
    if tx.release_lease(lease).await? {
        tx.wake_scrapes_of(lease.org, lease.login, now).await?;
    }
    Ok(())
}

/// What a scrape needs, loaded and opened.
struct Prepared {
    account: Account,
    recipe: Arc<Recipe>,
    inputs: BTreeMap<String, SecretString>,
    login_mode: LoginMode,
    from: NaiveDate,
    to: NaiveDate,
}

/// Why a scrape cannot begin; becomes the run's result.
struct NotReady {
    outcome: Outcome,
    detail: String,
}

async fn begin(deps: &Deps, run: &Run) -> Result<(), JobError> {
    let now = deps.now();
    let prepared = match prepare(deps, run, now).await? {
        Ok(prepared) => prepared,
        Err(NotReady { outcome, detail }) => {
            let result = RunResult { outcome, detail: Some(detail), report: json!({}) };
            return finish_without_lease(deps, run, result).await;
        }
    };
    let login = prepared.account.bank_login_id.expect("prepare answers `NotReady` without a login");
    // Before the run begins: a deletion finds it waiting, and ends it, or finds it here.
    let under_way = deps.running.enter(run.org_id, run.account_id);
    let mut tx = deps.store.write().await?;
    let Some(lease) = tx.take_lease(run.org_id, login, deps.boot, now, now + LEASE).await? else {
        return Ok(wake_later(tx, deps, run, now).await?);
    };
    if !tx.start_run(run.org_id, run.id, now).await? {
        return Ok(());
    }
    tx.record(run.org_id, deps.event(EventKind::RunStarted, now).account(run.account_id).run(Some(run.id)));
    tx.commit().await?;

    let hold = Hold { lease, account: run.account_id, run: run.id };
    let second_factor = SecondFactor::new(deps, hold, run, prepared.login_mode);
    let watcher = BudgetKeeper::new(deps, &prepared.recipe, hold, second_factor, now);
    let request = ScrapeRequest {
        recipe: Arc::clone(&prepared.recipe),
        inputs: prepared.inputs,
        portal_port: deps.portal_port,
        from: prepared.from,
        to: prepared.to,
        read_at: now,
    };
    // A scrape that loses is dropped, and its browser is killed with it.
    let report = tokio::select! {
        report = deps.engine.scrape(request, &watcher) => report,
        () = under_way.called_off() => watcher.broken_off(DELETED),
        () = deleted_elsewhere(deps, run) => watcher.broken_off(DELETED),
    };

    let ingest = Ingest {
        org: run.org_id,
        account: run.account_id,
        run: run.id,
        enrolled_on: prepared.account.enrolled_on,
        now: deps.now(),
    };
    keep(deps, run, &watcher, &ingest, &report).await
}

/// Returns once the account's row says that it was deleted: another node tells nobody.
async fn deleted_elsewhere(deps: &Deps, run: &Run) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // A database that does not answer says nothing about the account.
        if is_deleted(deps, run).await.unwrap_or(false) {
            return;
        }
    }
}

async fn is_deleted(deps: &Deps, run: &Run) -> Result<bool, StoreError> {
    let account = deps.store.read().await?.account(run.org_id, run.account_id).await?;
    Ok(account.is_none())
}

/// Writes what was read and how the run ended. A login was spent on it and it lies in memory only, so
/// a database that fails for a moment is tried again here; writing a row twice adds nothing.
async fn keep(
    deps: &Deps,
    run: &Run,
    watcher: &BudgetKeeper<'_>,
    ingest: &Ingest,
    report: &ScrapeReport,
) -> Result<(), JobError> {
    let mut pause = Duration::from_millis(500);
    for attempt in 1.. {
        let written = write_all(deps, ingest, &watcher.hold, report).await;
        match finish(deps, run, watcher, report, written).await {
            Ok(()) => return Ok(()),
            Err(error) if attempt == WRITE_TRIES => return Err(error.into()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, attempt, "could not store what was read yet");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
    unreachable!("the loop ends by a return")
}

/// Writes what was read, bank account by bank account.
async fn write_all(deps: &Deps, ingest: &Ingest, hold: &Hold, report: &ScrapeReport) -> Result<Ingested, StoreError> {
    let mut total = Ingested::default();
    for read in &report.accounts {
        let written = ingest::write(deps, ingest, hold, read).await?;
        total.read += written.read;
        total.new += written.new;
    }
    Ok(total)
}

/// Loads account, login and recipe, opens the secrets and chooses the days to read.
async fn prepare(deps: &Deps, run: &Run, now: Instant) -> Result<Result<Prepared, NotReady>, JobError> {
    let not_ready = |outcome, detail: String| Ok(Err(NotReady { outcome, detail }));
    let mut tx = deps.store.read().await?;
    let Some(account) = tx.account(run.org_id, run.account_id).await? else {
        return not_ready(Outcome::Interrupted, "the account was deleted".into());
    };
    let Some(login_id) = account.bank_login_id else {
        return not_ready(
            Outcome::RecipeInvalid,
            "the account has no bank credentials; save them in its settings".into(),
        );
    };
    let Some(login) = tx.bank_login(run.org_id, login_id).await? else {
        return not_ready(Outcome::Internal, "the account's bank login is gone; save its credentials again".into());
    };
    if let Some(block) = login.block() {
        return not_ready(Outcome::Interrupted, format!("not started: scraping is blocked, {block}"));
    }
    let last_ok = tx.last_ok_run_at(run.org_id, run.account_id, RunKind::Scrape).await?;
    let config = tx.account_config(run.org_id, run.account_id).await?;
    let login_mode = config.map_or(LoginMode::Simple, |config| config.login_mode);
    let was_asked = second_factor::was_asked_before(&mut tx, run).await?;
    drop(tx);
    let Some(recipe) = deps.catalogue.recipe(&account.bank_code) else {
        let detail = format!("there is no recipe \"{}\"; put it into the scrapers folder", account.bank_code);
        return not_ready(Outcome::RecipeInvalid, detail);
    };
    if login_mode == LoginMode::Simple && (was_asked || second_factor::is_certain(&recipe)) {
        return not_ready(Outcome::SecondFactorRequired, second_factor::NOT_BEGUN.into());
    }
    let inputs = open_inputs(deps, &recipe, &login)?;
    let (from, to) = days_to_read(recipe.zone(), now, last_ok, deps);
    Ok(Ok(Prepared { account, recipe, inputs, login_mode, from, to }))
}

/// The recipe says which of its inputs the two documented settings feed.
fn open_inputs(deps: &Deps, recipe: &Recipe, login: &BankLogin) -> Result<BTreeMap<String, SecretString>, JobError> {
    let mut inputs = BTreeMap::new();
    for (name, input) in &recipe.inputs {
        let (column, sealed) = match input.config.as_deref() {
            Some("bank_username") => ("username_sealed", &login.username_sealed),
            Some("bank_password") => ("password_sealed", &login.password_sealed),
            _ => continue,
        };
        if let Some(value) = deps.open("bank_logins", column, login.id.0, login.org_id, Some(sealed))? {
            inputs.insert(name.clone(), value);
        }
    }
    Ok(inputs)
}

/// From the last good scrape's day less the overlap (never only "today": banks post late), or the
/// first-read window; until the bank's today.
fn days_to_read(zone: BankZone, now: Instant, last_ok: Option<Instant>, deps: &Deps) -> (NaiveDate, NaiveDate) {
    let today = zone.day_of(now);
    let (anchor, days) = match last_ok {
        Some(at) => (zone.day_of(at).min(today), deps.timing.overlap_days),
        None => (today, deps.timing.first_read_days),
    };
    (anchor.checked_sub_days(Days::new(u64::from(days))).unwrap_or(anchor), today)
}

/// Settles the budget and ends the run. One that was overtaken ends quietly, as interrupted: there is
/// nothing to repeat.
async fn finish(
    deps: &Deps,
    run: &Run,
    watcher: &BudgetKeeper<'_>,
    report: &ScrapeReport,
    written: Result<Ingested, StoreError>,
) -> Result<(), StoreError> {
    let lease = watcher.hold.lease;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let is_deleted = !tx.hold_account(run.org_id, run.account_id).await?;
    // Also for a deleted account: others may share the login, and with it what was submitted.
    let settled =
        if report.submitted { login_budget::settle(&mut tx, deps, run, lease, report, now).await } else { Ok(()) };
    let interrupted =
        |detail: &str| RunResult { outcome: Outcome::Interrupted, detail: Some(detail.to_owned()), report: json!({}) };
    let result = match settled.and(written) {
        Ok(_) | Err(StoreError::Fenced) if is_deleted => interrupted(DELETED),
        Ok(ingested) => result_of(report, ingested),
        Err(StoreError::Fenced) => interrupted("another run took the bank login over while this one was under way"),
        Err(error) => return Err(error),
    };
    watcher.second_factor.end(&mut tx, now).await?;
    let ended = write_end(&mut tx, deps, run, &result, now).await?;
    release_login(&mut tx, lease, now).await?;
    tx.commit().await?;
    if ended {
        deps.metrics.run_finished(RunKind::Scrape, result.outcome, Some(now - watcher.began));
    }
    Ok(())
}

fn result_of(report: &ScrapeReport, ingested: Ingested) -> RunResult {
    RunResult {
        outcome: report.outcome,
        detail: report.detail.clone(),
        report: json!({
            "rows_read": ingested.read,
            "rows_new": ingested.new,
            "bank_accounts": report.accounts.len(),
            "submitted": report.submitted,
            "stages": report.stages,
            "drift": report.drift,
        }),
    }
}

/// The end of a run that never got as far as a lease.
async fn finish_without_lease(deps: &Deps, run: &Run, result: RunResult) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    // The account's row first, as everywhere; the run of a deleted account ends all the same.
    tx.hold_account(run.org_id, run.account_id).await?;
    // Unless it began meanwhile: whoever drives it writes its end.
    if !tx.hold_run(run.org_id, run.id, RunState::Queued).await? {
        return Ok(());
    }
    let ended = write_end(&mut tx, deps, run, &result, now).await?;
    tx.commit().await?;
    if ended {
        deps.metrics.run_finished(RunKind::Scrape, result.outcome, None);
    }
    Ok(())
}

/// `false` when the run had ended before.
async fn write_end(tx: &mut Tx, deps: &Deps, run: &Run, result: &RunResult, now: Instant) -> Result<bool, StoreError> {
    if !tx.finish_run(run.org_id, run.id, result, now).await? {
        return Ok(false);
    }
    plan::plan_next(tx, deps, (run.org_id, run.account_id), run.id.0, now).await?;
    let event = deps.event(EventKind::RunFinished, now).account(run.account_id).run(Some(run.id));
    notice::of_end(tx, deps, run, result.outcome, event.id, now).await?;
    tx.record(run.org_id, event.payload(json!({ "kind": "scrape", "outcome": result.outcome.word() })));
    // Without the detail, which may quote the bank's page.
    tracing::info!(account_id = %run.account_id, outcome = result.outcome.word(), "scrape finished");
    Ok(true)
}
