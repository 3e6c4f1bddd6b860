//! One scrape: take the login's lease, drive the browser, write what was read, settle the budget.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, NaiveDate, TimeDelta};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;

use super::ingest::{self, Ingested};
use super::second_factor::{self, SecondFactor};
use super::{Deps, JobError, notice, plan};
use crate::deliver::notice::reason;
use crate::domain::account::{Block, LoginMode};
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, AnswerId, OrgId, RunId};
use crate::domain::run::{Outcome, RetryClass, RunKind, RunResult, RunState};
use crate::domain::time::{BankZone, Instant};
use crate::scrape::challenge::{Challenge, Code, NoCode, Verdict};
use crate::scrape::recipe::{RUN_MAX, Recipe};
use crate::scrape::{Refusal, ScrapeReport, ScrapeRequest, Watcher};
use crate::store::accounts::Account;
use crate::store::bank_logins::{BankLogin, Lease};
use crate::store::jobs::Queue;
use crate::store::movements::Ingest;
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// How long a login stays reserved without a word from its driver.
pub const LEASE: TimeDelta = TimeDelta::minutes(10);
/// Longer than the longest silence: the engine ends a run before the lease does.
const _: () = assert!(RUN_MAX.as_secs() + 60 < 600, "a run must end while its lease holds");
/// Wait while another run drives the same bank login.
const LOGIN_BUSY: TimeDelta = TimeDelta::seconds(15);
/// Tries to write what a scrape read before the run is left to be found as interrupted.
const WRITE_TRIES: u32 = 5;

pub async fn run(deps: &Deps, org: OrgId, id: RunId) -> Result<(), JobError> {
    let Some(run) = deps.store.read().await?.run(org, id).await? else {
        return Err(JobError::discard("the run does not exist any more"));
    };
    match run.state {
        RunState::Finished => Ok(()),
        RunState::Running => take_up(deps, &run).await,
        RunState::Queued => begin(deps, &run).await,
    }
}

/// A run that has begun already: its process died, or a second wake-up came while it goes on. The
/// login's lease tells the two apart. Whether credentials went out is in the budget already.
async fn take_up(deps: &Deps, run: &Run) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    tx.hold_account(run.org_id, run.account_id).await?;
    let account = tx.account(run.org_id, run.account_id).await?;
    let lease = match account.and_then(|account| account.bank_login_id) {
        None => None,
        Some(login) => match tx.take_lease(run.org_id, login, deps.boot, now, now + LEASE).await? {
            Some(lease) => Some(lease),
            None => return wait_for_login(tx, deps, run, now).await,
        },
    };
    if let Some(lease) = lease {
        tx.release_lease(lease).await?;
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

/// Waiting is no failure: the run gets a new wake-up, and no slot is held meanwhile.
async fn wait_for_login(mut tx: Tx, deps: &Deps, run: &Run, now: Instant) -> Result<(), JobError> {
    tx.enqueue(&deps.job(run.org_id, Queue::Scrape, run.id.0, Some(run.id), now + LOGIN_BUSY), now).await?;
    tx.commit().await?;
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
    let mut tx = deps.store.write().await?;
    let Some(lease) = tx.take_lease(run.org_id, login, deps.boot, now, now + LEASE).await? else {
        return wait_for_login(tx, deps, run, now).await;
    };
    if !tx.start_run(run.org_id, run.id, now).await? {
        return Ok(());
    }
    tx.record(run.org_id, deps.event(EventKind::RunStarted, now).account(run.account_id).run(Some(run.id)));
    tx.commit().await?;

    let second_factor = SecondFactor::new(deps, lease, run, prepared.login_mode);
    let recipe = &prepared.recipe;
    let watcher = BudgetKeeper { deps, recipe, lease, account: run.account_id, run: run.id, began: now, second_factor };
    let request = ScrapeRequest {
        recipe: Arc::clone(&prepared.recipe),
        inputs: prepared.inputs,
        portal_port: deps.portal_port,
        from: prepared.from,
        to: prepared.to,
        read_at: now,
    };
    let report = deps.engine.scrape(request, &watcher).await;

    let ingest = Ingest {
        org: run.org_id,
        account: run.account_id,
        run: run.id,
        enrolled_on: prepared.account.enrolled_on,
        now: deps.now(),
    };
    keep(deps, run, &watcher, &ingest, &report).await
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
        let written = write_all(deps, ingest, watcher.lease, report).await;
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
async fn write_all(deps: &Deps, ingest: &Ingest, lease: Lease, report: &ScrapeReport) -> Result<Ingested, StoreError> {
    let mut total = Ingested::default();
    for read in &report.accounts {
        let written = ingest::write(deps, ingest, lease, read).await?;
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

/// Writes the lock-out budget before each click that submits credentials, and gets codes from people.
struct BudgetKeeper<'a> {
    deps: &'a Deps,
    recipe: &'a Recipe,
    lease: Lease,
    account: AccountId,
    run: RunId,
    began: Instant,
    second_factor: SecondFactor<'a>,
}

impl Watcher for BudgetKeeper<'_> {
    fn before_submission(&self) -> BoxFuture<'_, Result<(), Refusal>> {
        async move {
            self.note_submission().await.unwrap_or_else(|error| {
                let outcome =
                    if matches!(error, StoreError::Fenced) { Outcome::Interrupted } else { Outcome::Internal };
                Err(Refusal { outcome, detail: format!("nothing was submitted: {error}") })
            })
        }
        .boxed()
    }

    fn ask_code(&self, challenge: Challenge) -> BoxFuture<'_, Result<Code, NoCode>> {
        self.second_factor.ask(challenge).boxed()
    }

    fn code_judged(&self, answer: AnswerId, verdict: Verdict) -> BoxFuture<'_, ()> {
        self.second_factor.judged(answer, verdict).boxed()
    }
}

impl BudgetKeeper<'_> {
    async fn note_submission(&self) -> Result<Result<(), Refusal>, StoreError> {
        let now = self.deps.now();
        let mut tx = self.deps.store.write().await?;
        if !tx.hold_account(self.lease.org, self.account).await? {
            return Err(StoreError::Fenced);
        }
        tx.renew_lease(self.lease, now + LEASE).await?;
        let Some(login) = tx.bank_login(self.lease.org, self.lease.login).await? else {
            return Ok(Err(Refusal { outcome: Outcome::Interrupted, detail: "the bank login was deleted".into() }));
        };
        if let Some(block) = login.block() {
            let detail = format!("nothing was submitted: scraping is blocked, {block}");
            return Ok(Err(Refusal { outcome: Outcome::Interrupted, detail }));
        }
        if login.budget().is_exhausted() {
            // The process died after the last permitted click: nobody knows what the bank answered.
            let reason = "earlier logins ended without a known outcome; look at the bank's site before restarting";
            tx.set_login_budget(self.lease, login.budget(), Some(&Block { at: now, reason: reason.into() })).await?;
            let event = self.deps.event(EventKind::AccountBlocked, now).account(self.account).run(Some(self.run));
            tx.record(self.lease.org, event);
            tx.commit().await?;
            return Ok(Err(Refusal {
                outcome: Outcome::Interrupted,
                detail: format!("nothing was submitted: {reason}"),
            }));
        }
        if let Some(limit) = self.recipe.limits.logins_per_day {
            let since = now - TimeDelta::hours(24);
            if tx.submissions_since(self.lease, since).await? >= i64::from(limit) {
                let detail =
                    format!("nothing was submitted: the bank's limit of {limit} logins in 24 hours is reached");
                return Ok(Err(Refusal { outcome: Outcome::RateLimited, detail }));
            }
        }
        tx.set_login_budget(self.lease, login.budget().before_submission(), None).await?;
        let event = self.deps.event(EventKind::CredentialsSubmitted, now).account(self.account).run(Some(self.run));
        tx.record(self.lease.org, event.subject(self.lease.login.0));
        tx.commit().await?;
        self.deps.metrics.credentials_submitted();
        Ok(Ok(()))
    }
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
    let lease = watcher.lease;
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let overtaken = if tx.hold_account(run.org_id, run.account_id).await? {
        "another run took the bank login over while this one was under way"
    } else {
        "the account was deleted while this run was under way"
    };
    // Also for a deleted account: others may share the login, and with it what was submitted.
    let settled = if report.submitted { settle_budget(&mut tx, deps, run, lease, report, now).await } else { Ok(()) };
    let result = match settled.and(written) {
        Ok(ingested) => result_of(report, ingested),
        Err(StoreError::Fenced) => {
            RunResult { outcome: Outcome::Interrupted, detail: Some(overtaken.to_owned()), report: json!({}) }
        }
        Err(error) => return Err(error),
    };
    watcher.second_factor.end(&mut tx, now).await?;
    let ended = write_end(&mut tx, deps, run, &result, now).await?;
    tx.release_lease(lease).await?;
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

/// The budget was charged before the click; now the outcome is known, or known to be unknown.
async fn settle_budget(
    tx: &mut Tx,
    deps: &Deps,
    run: &Run,
    lease: Lease,
    report: &ScrapeReport,
    now: Instant,
) -> Result<(), StoreError> {
    let Some(login) = tx.bank_login(lease.org, lease.login).await? else { return Ok(()) };
    let (budget, blocked) =
        login.budget().after_submission(report.outcome.submission(report.logged_in || report.challenged));
    let parks = report.outcome.retry_class() == RetryClass::Park;
    let is_hopeless = second_factor::is_hopeless(tx, run, report.outcome).await?;
    let block = (blocked || parks || is_hopeless).then(|| Block { at: now, reason: block_reason(report) });
    tx.set_login_budget(lease, budget, block.as_ref()).await?;
    if block.is_some() {
        let event = deps.event(EventKind::AccountBlocked, now).account(run.account_id).run(Some(run.id));
        tx.record(run.org_id, event.payload(json!({ "outcome": report.outcome.word() })));
    }
    Ok(())
}

fn block_reason(report: &ScrapeReport) -> String {
    match report.outcome.retry_class() {
        RetryClass::Park => reason(report.outcome).into(),
        RetryClass::Person if report.outcome.is_code_failure() => {
            format!("three logins in a row ended without a code that the bank took (last: {})", report.outcome)
        }
        RetryClass::None | RetryClass::Person | RetryClass::Later | RetryClass::Maintainer => {
            format!("three logins in a row ended without a known outcome (last: {})", report.outcome)
        }
    }
}

/// The end of a run that never got as far as a lease, or lost it with its process.
async fn finish_without_lease(deps: &Deps, run: &Run, result: RunResult) -> Result<(), JobError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    // The account's row first, as everywhere; the run of a deleted account ends all the same.
    tx.hold_account(run.org_id, run.account_id).await?;
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
    tracing::info!(
        account_id = %run.account_id,
        outcome = result.outcome.word(),
        detail = result.detail.as_deref(),
        "scrape finished"
    );
    Ok(true)
}
