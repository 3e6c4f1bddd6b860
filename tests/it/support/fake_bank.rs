//! A bank without pages: each scrape ends as the test says.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reconbanker::domain::movement::ScrapedMovement;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::{AccountRead, Engine, ScrapeReport, ScrapeRequest, Watcher};

/// An engine that asks before it submits, as the real one does, and then reports what it was told to.
pub struct FakeBank(Mutex<ScrapeReport>);

impl FakeBank {
    /// A bank that lets everybody in and has booked nothing.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(logged_in(Vec::new()))))
    }

    /// For [`super::TestApp::start_with`].
    pub fn engine(self: &Arc<Self>) -> Arc<dyn Engine> {
        Arc::clone(self) as Arc<dyn Engine>
    }

    /// From now on scrapes read these movements.
    pub fn show(&self, movements: Vec<ScrapedMovement>) {
        self.set(logged_in(movements));
    }

    /// From now on scrapes end with this outcome, after the credentials were typed.
    pub fn refuse(&self, outcome: Outcome) {
        self.set(ScrapeReport { submitted: true, ..ScrapeReport::ended(outcome, "as the test says") });
    }

    /// From now on scrapes end with this outcome before anything is typed.
    pub fn fail(&self, outcome: Outcome) {
        self.set(ScrapeReport::ended(outcome, "as the test says"));
    }

    fn set(&self, report: ScrapeReport) {
        *self.0.lock().expect("no holder of this lock can panic") = report;
    }
}

fn logged_in(movements: Vec<ScrapedMovement>) -> ScrapeReport {
    let bank_account = "0011234567".to_owned();
    let read = AccountRead { bank_account, currency: None, movements, pages: 1, complete: true };
    ScrapeReport {
        detail: None,
        submitted: true,
        logged_in: true,
        accounts: vec![read],
        ..ScrapeReport::ended(Outcome::Ok, "")
    }
}

impl Engine for FakeBank {
    fn scrape<'a>(&'a self, _request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport> {
        async move {
            let report = self.0.lock().expect("no holder of this lock can panic").clone();
            if report.submitted
                && let Err(refusal) = watcher.before_submission().await
            {
                return ScrapeReport::ended(refusal.outcome, refusal.detail);
            }
            report
        }
        .boxed()
    }
}
