//! A bank without pages or browser: it lets us in and hands over the rows that a test wrote down.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reconbanker::domain::movement::ScrapedMovement;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::{AccountRead, Engine, ScrapeReport, ScrapeRequest, Watcher};
use tokio::sync::Notify;

#[derive(Default)]
pub struct Statement {
    rows: Mutex<Vec<ScrapedMovement>>,
    asked: AtomicUsize,
    logged_in: Notify,
    /// While a test holds it, scrapes stay under way: logged in, nothing handed over yet.
    pub gate: tokio::sync::Mutex<()>,
}

impl Statement {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// For [`super::TestApp::start_with`].
    pub fn engine(self: &Arc<Self>) -> Arc<dyn Engine> {
        Arc::clone(self) as Arc<dyn Engine>
    }

    pub fn add(&self, row: ScrapedMovement) {
        self.rows.lock().expect("no holder of this lock can panic").push(row);
    }

    /// Returns when a scrape has logged in.
    pub async fn logged_in(&self) {
        self.logged_in.notified().await;
    }

    /// How many scrapes have come to the form so far, and asked whether they may submit it.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn read(&self, watcher: &dyn Watcher) -> ScrapeReport {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Err(refusal) = watcher.before_submission().await {
            return ScrapeReport::ended(refusal.outcome, refusal.detail);
        }
        watcher.credentials_taken();
        self.logged_in.notify_one();
        let _open = self.gate.lock().await;
        let rows = self.rows.lock().expect("no holder of this lock can panic").clone();
        let read = AccountRead {
            bank_account: "0011234567".to_owned(),
            currency: None,
            movements: rows,
            pages: 1,
            complete: true,
        };
        ScrapeReport {
            outcome: Outcome::Ok,
            detail: None,
            submitted: true,
            challenged: false,
            logged_in: true,
            stages: Vec::new(),
            drift: Vec::new(),
            accounts: vec![read],
        }
    }
}

impl Engine for Statement {
    fn scrape<'a>(&'a self, _request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport> {
        self.read(watcher).boxed()
    }
}
