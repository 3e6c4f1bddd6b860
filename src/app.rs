//! The composition root: builds everything once, starts it, and stops it in order.

mod background;
mod clocks;
mod data_dir;
pub mod systemd;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Settings;
use crate::disk;
use crate::domain::checkpoint::Checkpoints;
use crate::domain::ids::{BankId, IdSource, SystemIds};
use crate::domain::time::{Clock, SystemClock};
use crate::http;
use crate::jobs::pulse::Pulse;
use crate::jobs::stopping::Stopping;
use crate::jobs::{Deps, Matcher, PollRules, Running, Timing};
use crate::matching::{self, Policy};
use crate::metrics::Metrics;
use crate::outbound::{Guard, Outbound};
use crate::poll::presence::{Patience, PresencePolicy};
use crate::scrape::catalogue::Catalogue;
use crate::scrape::driver::{self, Installed};
use crate::scrape::recipe::{Recipe, RecipeStatus};
use crate::scrape::template::Scope;
use crate::scrape::{BrowserSettings, Engine, WebDriverEngine};
use crate::session::assistance::Assistance;
use crate::store::banks::{Bank, SIMULATED};
use crate::store::{Location, Store};

/// How long a stop waits for work under way. What does not end in time is cut off, and taken up at the next start.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// How long it then waits for what was cut off, for requests that are being answered, and for the database. All four
/// together stay below the `TimeoutStopSec` of `config/reconbanker.service`.
const CUT_LIMIT: Duration = Duration::from_secs(2);
const REQUESTS_LIMIT: Duration = Duration::from_secs(5);
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("reconbanker/", env!("CARGO_PKG_VERSION"));

pub use self::clocks::clock_notice;
use self::data_dir::{check_keys, release_earlier_boot};
pub use self::data_dir::{
    is_in_use, key_check, lock_data_dir, make_data_dir, make_private_dir, open_vault, refuse_missing_keys,
};

/// What a caller may replace: the demo and the tests do.
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    /// `None`: real browsers over WebDriver.
    pub engine: Option<Arc<dyn Engine>>,
    /// Port of the demo bank, where one runs.
    pub portal_port: Option<u16>,
    /// The reconbanker binary, which guards browser drivers.
    pub guard_program: PathBuf,
    /// Whether jobs are worked in the background; tests that move the clock run them by hand.
    pub background: Background,
    /// Who hears of commits and calls; nobody, outside of tests.
    pub checkpoints: Option<Arc<dyn Checkpoints>>,
    pub matcher: Matcher,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    Workers,
    None,
}

impl Parts {
    /// The real clock, real ids, real browsers.
    pub fn real() -> anyhow::Result<Self> {
        Ok(Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            engine: None,
            portal_port: None,
            guard_program: std::env::current_exe().context("could not find the path of this program")?,
            background: Background::Workers,
            checkpoints: None,
            matcher: matching::decide,
        })
    }
}

/// A running daemon.
pub struct App {
    pub deps: Arc<Deps>,
    /// Where the API answers.
    pub address: SocketAddr,
    /// What a person should know about this start: new keys, where they are, what is permitted.
    pub notices: Vec<String>,
    /// Ends the API.
    stop_answering: CancellationToken,
    api: TaskTracker,
    work: TaskTracker,
    /// Held as long as the daemon runs: one daemon per data directory.
    _lock: fs::File,
}

/// Starts the daemon; returns when the API answers.
pub async fn start(settings: &Settings, parts: Parts) -> anyhow::Result<App> {
    let (deps, mut notices, lock) = build(settings, &parts).await?;
    notices.extend(settings.warnings());
    let listener = TcpListener::bind(settings.server.listen).await.with_context(|| {
        format!("could not listen on {}; choose another address with --listen", settings.server.listen)
    })?;
    let address = listener.local_addr()?;
    let token_key = deps.vault.keyed_hash("sign-in tokens", "");
    let place = http::Place { data_dir: settings.data_dir.clone(), room_min_bytes: room_min_bytes(settings) };
    let state = http::Shared::new(Arc::clone(&deps), settings.server.clone(), place, &token_key);
    let service = http::router(state).into_make_service_with_connect_info::<SocketAddr>();

    let (stop_answering, api, work) = (CancellationToken::new(), TaskTracker::new(), TaskTracker::new());
    let stopping = stop_answering.clone();
    api.spawn(async move {
        let server = axum::serve(listener, service).with_graceful_shutdown(stopping.cancelled_owned());
        if let Err(error) = server.await {
            tracing::error!(error = &error as &dyn std::error::Error, "the API server ended");
        }
    });
    if parts.background == Background::Workers {
        background::start(settings, &deps, &work);
    }
    api.close();
    work.close();
    tracing::info!(%address, engine = deps.store.engine(), boot = %deps.boot, "started");
    Ok(App { deps, address, notices, stop_answering, api, work, _lock: lock })
}

impl App {
    /// Stops: work first, then the API, the database last. Meanwhile the API answers, and `/readyz` says that it stops.
    pub async fn stop(self) {
        self.stop_within(STOP_LIMIT).await;
    }

    /// The same with another limit for work under way.
    pub async fn stop_within(self, limit: Duration) {
        tracing::info!(limit_s = limit.as_secs(), "stopping: no new work is begun");
        self.deps.stopping.begin();
        self.deps.assistance.close();
        if !ends_within(limit, &self.work).await {
            self.deps.stopping.cut_off();
            if !ends_within(CUT_LIMIT, &self.work).await {
                tracing::warn!("some work does not end although it was cut off");
            }
        }
        self.stop_answering.cancel();
        if !ends_within(REQUESTS_LIMIT, &self.api).await {
            tracing::warn!(limit_s = REQUESTS_LIMIT.as_secs(), "requests that were still being answered were cut off");
        }
        if tokio::time::timeout(CLOSE_LIMIT, self.deps.store.close()).await.is_err() {
            tracing::warn!(limit_s = CLOSE_LIMIT.as_secs(), "the database did not let go of its connections in time");
        }
        match self.deps.stopping.jobs_cut_off() {
            0 => tracing::info!("stopped; all work was finished"),
            jobs => tracing::warn!(jobs, "stopped; work that was cut off is taken up at the next start"),
        }
    }

    /// Base URL of the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Everything but the listening: what commands that only need the database and the keys use too.
pub async fn build(settings: &Settings, parts: &Parts) -> anyhow::Result<(Arc<Deps>, Vec<String>, fs::File)> {
    crate::outbound::install_tls_provider();
    let mut notices = Vec::new();
    make_data_dir(&settings.data_dir)?;
    let lock = lock_data_dir(&settings.data_dir)?;
    let store = open_store(settings).await?.watched_by(parts.checkpoints.clone());
    refuse_missing_keys(&store, &settings.data_dir).await?;
    let (vault, created) = open_vault(&settings.data_dir)?;
    if let Some(notice) = created {
        notices.push(notice);
    }
    let catalogue = Catalogue::load(Some(&settings.data_dir.join("scrapers")))?;
    for problem in catalogue.problems() {
        tracing::error!("a recipe does not load: {problem}");
        notices.push(format!("a recipe does not load: {problem}"));
    }
    let engine = engine(settings, parts, &mut notices)?;
    check_keys(&store, &vault, settings, parts).await?;
    let boot = parts.ids.next();
    let deps = Arc::new(Deps {
        vault,
        outbound: outbound(settings)?.watched_by(parts.checkpoints.clone()),
        engine,
        assistance: Arc::new(Assistance::new(Arc::clone(&parts.clock))),
        running: Running::default(),
        portal_port: parts.portal_port.or(Some(settings.demo.bank_port).filter(|port| *port != 0)),
        timing: timing(settings),
        poll: poll_rules(settings),
        policy: Policy::default(),
        matcher: parts.matcher,
        metrics: Metrics::default(),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        catalogue,
        store,
        boot,
        pulse: Pulse::default(),
        stopping: Stopping::default(),
    });
    fill_banks(&deps).await?;
    release_earlier_boot(&deps, &settings.data_dir, &lock).await?;
    Ok((deps, notices, lock))
}

fn timing(settings: &Settings) -> Timing {
    let schedule = &settings.schedule;
    Timing {
        scrape_every: schedule.scrape_every,
        scrape_jitter: schedule.scrape_jitter,
        poll_every: schedule.poll_every,
        overlap_days: schedule.overlap_days,
        first_read_days: schedule.first_read_days,
        code_wait: settings.browser.code_wait,
    }
}

/// The client for customers' URLs.
pub fn outbound(settings: &Settings) -> anyhow::Result<Outbound> {
    Outbound::new(Guard::new(settings.outbound.allow.clone()), USER_AGENT).context("could not set up outgoing HTTP")
}

/// How customers' endpoints are polled.
#[must_use]
pub fn poll_rules(settings: &Settings) -> PollRules {
    let poll = &settings.poll;
    let patience = |polls: u32, time: Duration| Patience {
        polls: i64::from(polls),
        time: TimeDelta::from_std(time).expect("a setting of at most a week"),
    };
    PollRules {
        timeout: poll.timeout,
        presence: PresencePolicy {
            usual: patience(poll.cancel_after_polls, poll.cancel_after),
            doubtful: patience(poll.doubt_after_polls, poll.doubt_after),
        },
    }
}

/// A missing browser is a notice: everything but scraping works, and may be wanted, without one.
fn engine(settings: &Settings, parts: &Parts, notices: &mut Vec<String>) -> anyhow::Result<Arc<dyn Engine>> {
    if let Some(engine) = &parts.engine {
        return Ok(Arc::clone(engine));
    }
    let browser = browser_settings(settings, &parts.guard_program);
    make_private_dir(&browser.profiles)?;
    let leftovers = driver::remove_leftovers(&browser.profiles)?;
    if leftovers > 0 {
        tracing::info!(leftovers, "removed what earlier browsers left behind");
    }
    if let Err(missing) = Installed::find(&browser) {
        notices.push(format!("banks cannot be read: {missing}"));
    }
    Ok(Arc::new(WebDriverEngine::new(browser)))
}

/// Whether banks could be read on this machine; the error says what is missing.
pub fn find_browser(settings: &Settings, parts: &Parts) -> anyhow::Result<()> {
    Installed::find(&browser_settings(settings, &parts.guard_program))?;
    Ok(())
}

/// How browsers are started, by the settings.
#[must_use]
pub fn browser_settings(settings: &Settings, guard_program: &Path) -> BrowserSettings {
    BrowserSettings {
        driver: settings.browser.driver.clone(),
        browser: settings.browser.browser.clone(),
        guard_program: guard_program.to_owned(),
        profiles: settings.data_dir.join("profiles"),
        allow_root: settings.browser.allow_root,
        max_sessions: settings.browser.max_sessions,
        command_timeout: settings.browser.command_timeout,
    }
}

/// Where the database is, by the settings.
#[must_use]
pub fn location(settings: &Settings) -> Location {
    match &settings.database.url {
        Some(url) => Location::Postgres(url.expose_secret().to_owned()),
        None => Location::Sqlite(settings.data_dir.join("reconbanker.db")),
    }
}

/// How much room the disk of the data directory must have left, by what is kept there.
fn room_min_bytes(settings: &Settings) -> u64 {
    match &settings.database.url {
        Some(_) => disk::FILES_ROOM_MIN_BYTES,
        None => disk::DATABASE_ROOM_MIN_BYTES,
    }
}

/// What to look at when the database does not answer; names its host, never the password.
fn database_advice(settings: &Settings) -> String {
    match &settings.database.url {
        Some(url) => {
            let url = url::Url::parse(url.expose_secret()).ok();
            let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("the host in database.url").to_owned();
            format!("the PostgreSQL on {host} does not let us in; check database.url, the server and its pg_hba.conf")
        }
        None => format!("the file {} does not open; check who owns it and the disk", location(settings)),
    }
}

/// Whether all tasks ended in time.
async fn ends_within(limit: Duration, tasks: &TaskTracker) -> bool {
    tokio::time::timeout(limit, tasks.wait()).await.is_ok()
}

/// Connects, and leaves the schema as it is.
pub async fn connect_store(settings: &Settings) -> anyhow::Result<Store> {
    Store::connect(&location(settings), settings.database.max_connections)
        .await
        .with_context(|| database_advice(settings))
}

/// Connects and brings the schema up to date.
pub async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let store = connect_store(settings).await?;
    store.migrate().await?;
    Ok(store)
}

/// Writes the catalogue into the database, so that accounts can refer to banks by id.
async fn fill_banks(deps: &Deps) -> anyhow::Result<()> {
    let mut tx = deps.store.write().await?;
    for recipe in deps.catalogue.iter() {
        let status = match recipe.meta.status {
            RecipeStatus::Verified => "active",
            RecipeStatus::Unverified => "unverified",
            RecipeStatus::Simulated if deps.portal_port.is_some() => "active",
            RecipeStatus::Simulated => SIMULATED,
        };
        let bank = Bank {
            id: BankId(deps.ids.next()),
            code: recipe.meta.id.clone(),
            name: recipe.meta.name.clone(),
            login_url: login_url(recipe, deps.portal_port),
            status: status.to_owned(),
            time_zone: recipe.zone().0.name().to_owned(),
        };
        tx.upsert_bank(&bank).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The first login origin; `None` for a simulated bank that does not run.
fn login_url(recipe: &Recipe, portal_port: Option<u16>) -> Option<String> {
    let mut scope = Scope::new();
    if let Some(port) = portal_port {
        scope.set("portal.port", port.to_string());
    }
    recipe.origins.login.first()?.render(&scope).ok()
}
