//! The lock-out budget of a bank login: charged before each click that submits credentials, settled when the run ends.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::Deps;
use super::hold::{CLICK_WITHIN, Hold};
use super::second_factor::{self, SecondFactor};
use crate::deliver::notice::reason;
use crate::domain::account::{Block, LoginBudget};
use crate::domain::event::EventKind;
use crate::domain::ids::AnswerId;
use crate::domain::run::{Outcome, RetryClass};
use crate::domain::time::Instant;
use crate::scrape::challenge::{Challenge, Code, NoCode, Verdict};
use crate::scrape::recipe::Recipe;
use crate::scrape::{Refusal, ScrapeReport, Watcher};
use crate::store::bank_logins::Lease;
use crate::store::runs::Run;
use crate::store::{StoreError, Tx};

/// Writes the lock-out budget before each click that submits credentials, and gets codes from people.
pub(super) struct BudgetKeeper<'a> {
    pub hold: Hold,
    pub began: Instant,
    pub second_factor: SecondFactor<'a>,
    deps: &'a Deps,
    recipe: &'a Recipe,
    submitted: AtomicBool,
    credentials_taken: AtomicBool,
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

    fn credentials_taken(&self) {
        self.credentials_taken.store(true, Ordering::Relaxed);
    }

    fn ask_code(&self, challenge: Challenge) -> BoxFuture<'_, Result<Code, NoCode>> {
        self.second_factor.ask(challenge).boxed()
    }

    fn code_judged(&self, answer: AnswerId, verdict: Verdict) -> BoxFuture<'_, ()> {
        self.second_factor.judged(answer, verdict).boxed()
    }
}

impl<'a> BudgetKeeper<'a> {
    pub fn new(
        deps: &'a Deps,
        recipe: &'a Recipe,
        hold: Hold,
        second_factor: SecondFactor<'a>,
        began: Instant,
    ) -> Self {
        Self {
            hold,
            began,
            second_factor,
            deps,
            recipe,
            submitted: AtomicBool::new(false),
            credentials_taken: AtomicBool::new(false),
        }
    }

    /// The report of a scrape that was broken off from outside, and so made none itself.
    pub fn broken_off(&self, detail: &str) -> ScrapeReport {
        ScrapeReport {
            submitted: self.submitted.load(Ordering::Relaxed),
            logged_in: self.credentials_taken.load(Ordering::Relaxed),
            ..ScrapeReport::ended(Outcome::Interrupted, detail)
        }
    }

    async fn note_submission(&self) -> Result<Result<(), Refusal>, StoreError> {
        let (deps, Hold { lease, account, run }) = (self.deps, self.hold);
        let now = deps.now();
        let mut tx = deps.store.write().await?;
        self.hold.renew(&mut tx, now).await?;
        let Some(login) = tx.bank_login(lease.org, lease.login).await? else {
            return Ok(Err(refusal(Outcome::Interrupted, "the bank login was deleted")));
        };
        if let Some(block) = login.block() {
            return Ok(Err(refusal(Outcome::Interrupted, &format!("scraping is blocked, {block}"))));
        }
        let budget = login.budget();
        if budget.is_exhausted() {
            // The process died after the last permitted click: nobody knows what the bank answered.
            let reason = format!("{}; look at the bank's site before restarting", budget.what_exhausts_it());
            tx.set_login_budget(lease, budget, Some(&Block { at: now, reason: reason.clone() })).await?;
            tx.record(lease.org, deps.event(EventKind::AccountBlocked, now).account(account).run(Some(run)));
            tx.commit().await?;
            return Ok(Err(refusal(Outcome::Interrupted, &reason)));
        }
        if let Some(limit) = self.recipe.limits.logins_per_day {
            let since = now - TimeDelta::hours(24);
            if tx.submissions_since(lease, since).await? >= i64::from(limit) {
                let why = format!("the bank's limit of {limit} logins in 24 hours is reached");
                return Ok(Err(refusal(Outcome::RateLimited, &why)));
            }
        }
        tx.set_login_budget(lease, budget.before_submission(), None).await?;
        let event = deps.event(EventKind::CredentialsSubmitted, now).account(account).run(Some(run));
        tx.record(lease.org, event.subject(lease.login.0));
        tx.commit().await?;
        deps.metrics.credentials_submitted();
        // A machine that slept here would click while another node drives the login, or is about to. It stays counted.
        if deps.now() - now >= CLICK_WITHIN {
            return Ok(Err(refusal(Outcome::Interrupted, "this machine slept before the click; the next run logs in")));
        }
        self.submitted.store(true, Ordering::Relaxed);
        Ok(Ok(()))
    }
}

fn refusal(outcome: Outcome, why: &str) -> Refusal {
    Refusal { outcome, detail: format!("nothing was submitted: {why}") }
}

/// The budget was charged before the click; now the outcome is known, or known to be unknown.
pub(super) async fn settle(
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
    let block =
        (blocked || parks || is_hopeless).then(|| Block { at: now, reason: block_reason(report.outcome, budget) });
    tx.set_login_budget(lease, budget, block.as_ref()).await?;
    // A block is told once, also when the first try to write it seemed to fail and did not.
    if block.is_some() && login.block().is_none() {
        let event = deps.event(EventKind::AccountBlocked, now).account(run.account_id).run(Some(run.id));
        tx.record(run.org_id, event.payload(json!({ "outcome": report.outcome.word() })));
    }
    Ok(())
}

fn block_reason(outcome: Outcome, budget: LoginBudget) -> String {
    match outcome.retry_class() {
        RetryClass::Park => reason(outcome).into(),
        RetryClass::Person if outcome.is_code_failure() => {
            format!("three logins in a row ended without a code that the bank took (last: {outcome})")
        }
        RetryClass::None | RetryClass::Person | RetryClass::Later | RetryClass::Maintainer => {
            let last = if budget.probation { "" } else { "last: " };
            format!("{} ({last}{outcome})", budget.what_exhausts_it())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_says_how_it_came_about() {
        let usual = LoginBudget { unknown_in_a_row: 3, probation: false };
        let restarted = LoginBudget { unknown_in_a_row: 1, probation: true };
        let check = |outcome: Outcome, budget: LoginBudget, expected: &str| {
            assert_eq!(block_reason(outcome, budget), expected);
        };
        for budget in [usual, restarted] {
            check(Outcome::InvalidCredentials, budget, "the bank refused the user name or the password");
            let codes = "three logins in a row ended without a code that the bank took (last: human_timeout)";
            check(Outcome::HumanTimeout, budget, codes);
        }
        check(Outcome::Timeout, usual, "three logins in a row ended without a known outcome (last: timeout)");
        let restart = "the login after a restart ended without a known outcome (bank_unavailable)";
        check(Outcome::BankUnavailable, restarted, restart);
    }
}
