//! A bank's pages become movements.
//!
//! ```text
//! recipe (TOML) ─┐
//!                ├─▶ run ─▶ flow ─▶ Browser ─▶ page ─▶ snapshot ─┬─▶ state, select  (what to do next)
//! request ───────┘                                             └─▶ extract        (rows)
//! ```
//!
//! The middle is pure: what a page means is decided on a [`snapshot`](snapshot::Snapshot) of it, the same way for a
//! live page and for a saved one. The edges are the interpreter ([`flow`]), the order of a run ([`run`]) and the
//! browser ([`webdriver`], [`driver`], [`guard`]).
//!
//! What holds here, whatever a recipe says:
//!
//! * a secret is typed only into a document of a declared login origin;
//! * before a click that submits credentials, the caller has written down that it happens;
//! * a one-time code is typed once, and nothing is done towards one before the caller permits it;
//! * every wait has an end, and what was on screen then stands in the report;
//! * no page outside the declared origins is acted upon;
//! * driver and browser are gone when a run is over, also when the daemon was killed.

pub mod catalogue;
pub mod recipe;
pub mod template;

pub mod extract;
pub mod parse;
pub mod select;
pub mod snapshot;
pub mod state;
pub mod text;

pub mod browser;
pub mod challenge;
pub mod failure;
pub mod flow;
pub mod forbidden;
pub mod origins;
pub mod run;

pub mod driver;
pub mod guard;
pub mod webdriver;

pub mod fixture;
pub mod scripted;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use self::browser::Browser as _;
use self::challenge::{Challenge, Code, NoCode, Verdict};
use self::driver::{Driver, Installed};
use self::recipe::{Recipe, RecipeStatus};
use self::webdriver::WebDriver;
use crate::domain::ids::AnswerId;
use crate::domain::money::Currency;
use crate::domain::movement::ScrapedMovement;
use crate::domain::run::Outcome;
use crate::domain::time::Instant;

pub use self::run::drive;

/// What to read, and as whom.
#[derive(Debug, Clone)]
pub struct ScrapeRequest {
    pub recipe: Arc<Recipe>,
    /// Values of the recipe's inputs by name.
    pub inputs: BTreeMap<String, SecretString>,
    /// Port of a simulated bank on this machine; `None` for a real one.
    pub portal_port: Option<u16>,
    /// First bank day to read.
    pub from: NaiveDate,
    /// Last bank day to read, inclusive.
    pub to: NaiveDate,
    /// Stands in for the bank's time where a pending row has none.
    pub read_at: Instant,
}

/// What the engine tells its caller while it runs. The caller writes the lock-out budget here.
pub trait Watcher: Send + Sync {
    /// Called right before the click that submits credentials. An error stops the run before the click.
    fn before_submission(&self) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Called when the bank has taken the credentials: it lets us in, or asks for a one-time code. Who breaks the run
    /// off learns it nowhere else.
    fn credentials_taken(&self) {}

    /// Called when the bank asks for a one-time code, before anything is done about it; returns when there is one. The
    /// answer is dropped unread when the page changes for the worse meanwhile.
    fn ask_code(&self, challenge: Challenge) -> BoxFuture<'_, Result<Code, NoCode>>;

    /// Tells what the bank said to a code. Not called where the bank's answer could not be read.
    fn code_judged(&self, answer: AnswerId, verdict: Verdict) -> BoxFuture<'_, ()>;
}

/// Why a submission must not happen; it becomes the outcome of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub outcome: Outcome,
    pub detail: String,
}

/// How a scrape ended and what it read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeReport {
    pub outcome: Outcome,
    /// Step, reason and remedy; `None` when all went well. Never a secret.
    pub detail: Option<String>,
    /// Whether credentials were sent to the bank, or may have been.
    pub submitted: bool,
    /// Whether the bank asked for a one-time code, and so had taken the credentials.
    pub challenged: bool,
    /// Whether the bank let us in.
    pub logged_in: bool,
    pub stages: Vec<Stage>,
    /// Elements that were found, but not where the recipe looks first.
    pub drift: Vec<Drift>,
    pub accounts: Vec<AccountRead>,
}

/// One part of a run and how long it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub took_ms: u64,
}

/// The bank's page has changed a little: the recipe's later choice of selector was the one that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    pub element: String,
    /// The selector that worked.
    pub candidate: String,
}

/// What was read of one bank account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRead {
    /// The bank's number of the account.
    pub bank_account: String,
    /// `None` where the bank's list of accounts does not say.
    pub currency: Option<Currency>,
    /// Empty unless `complete`.
    pub movements: Vec<ScrapedMovement>,
    pub pages: usize,
    /// Whether every page of the whole period was read.
    pub complete: bool,
}

impl ScrapeReport {
    /// The report of a run that ended before it did anything.
    #[must_use]
    pub fn ended(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: Some(detail.into()), ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            outcome: Outcome::Ok,
            detail: None,
            submitted: false,
            challenged: false,
            logged_in: false,
            stages: Vec::new(),
            drift: Vec::new(),
            accounts: Vec::new(),
        }
    }
}

/// Something that can scrape a bank: the real engine, or a scripted one in tests.
pub trait Engine: Send + Sync {
    /// Reads the requested days of every account. Never fails otherwise than by the outcome of its report. Dropped
    /// before its end, it leaves no browser behind.
    fn scrape<'a>(&'a self, request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport>;

    /// What stands in the way of every scrape on this machine, as far as it shows without starting anything; `None`
    /// where nothing does. Looks at files, and so may block.
    fn problem(&self) -> Option<String> {
        None
    }
}

/// How browsers are started on this machine.
#[derive(Debug, Clone)]
pub struct BrowserSettings {
    /// `None` looks for `chromedriver` where distributions put it, then on `PATH`.
    pub driver: Option<PathBuf>,
    /// `None` looks for the headless shell, then for Chromium.
    pub browser: Option<PathBuf>,
    /// This program; it is started again as `<program> guard -- <driver> …`. Absolute.
    pub guard_program: PathBuf,
    /// Where the directories of running browsers are made. Made with mode 0700 when missing.
    pub profiles: PathBuf,
    /// Lets root scrape real banks, with the browser's sandbox off.
    pub allow_root: bool,
    /// How many browsers may run at once; at least 1.
    pub max_sessions: usize,
    /// Longest wait for one browser command.
    pub command_timeout: Duration,
}

/// The real engine: one driver, one browser and one profile per run.
#[derive(Debug)]
pub struct WebDriverEngine {
    settings: BrowserSettings,
    /// A run holds a permit as long as its browser lives.
    slots: Semaphore,
}

impl WebDriverEngine {
    #[must_use]
    pub fn new(settings: BrowserSettings) -> Self {
        let slots = Semaphore::new(settings.max_sessions.max(1));
        Self { settings, slots }
    }

    /// Runs the request in a browser of its own, which is gone afterwards.
    async fn scrape_once(&self, request: &ScrapeRequest, watcher: &dyn Watcher) -> ScrapeReport {
        let hosts = match run::prepare(request) {
            Ok(origins) => origins.hosts().to_vec(),
            Err(failure) => return ScrapeReport::ended(failure.outcome, failure.detail),
        };
        let driver = match Driver::start(&self.settings, &request.recipe.meta.id).await {
            Ok(driver) => driver,
            Err(error) => return ScrapeReport::ended(error.outcome(), describe(&error)),
        };
        let session = WebDriver::open(&driver, &hosts, &request.recipe.meta.locale, self.settings.command_timeout);
        let report = match session.await {
            Ok(mut browser) => {
                let report = drive(&mut browser, request, watcher).await;
                browser.close().await;
                report
            }
            Err(error) => ScrapeReport::ended(error.outcome(), error.to_string()),
        };
        driver.stop().await;
        report
    }

    fn refusal_as_root(&self, recipe: &Recipe) -> Option<ScrapeReport> {
        let is_real = match recipe.meta.status {
            RecipeStatus::Simulated => false,
            RecipeStatus::Unverified | RecipeStatus::Verified => true,
        };
        (is_real && webdriver::runs_as_root() && !self.settings.allow_root).then(|| {
            ScrapeReport::ended(
                Outcome::Internal,
                "real banks are refused as root, because the browser then runs without its sandbox: run the daemon as \
                 a user of its own, or set `browser.allow_root = true`",
            )
        })
    }
}

impl Engine for WebDriverEngine {
    fn problem(&self) -> Option<String> {
        Installed::find(&self.settings).err().map(|error| error.to_string())
    }

    fn scrape<'a>(&'a self, request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport> {
        Box::pin(async move {
            if let Some(refusal) = self.refusal_as_root(&request.recipe) {
                return refusal;
            }
            let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
            let report = self.scrape_once(&request, watcher).await;
            // A second try is free only as long as the bank has seen no credentials.
            let browser_is_gone = matches!(report.outcome, Outcome::BrowserCrashed | Outcome::DriverLost);
            if browser_is_gone && !report.submitted {
                tracing::warn!(outcome = %report.outcome, "the browser was lost before the login; trying a fresh one");
                return self.scrape_once(&request, watcher).await;
            }
            report
        })
    }
}

/// An error with its causes on one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
