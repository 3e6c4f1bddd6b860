//! The harness: a daemon with the demo world beside it, on whichever database.

mod api;
mod backend;
mod dump;
mod endpoint;
mod fake_bank;
mod ledger;
mod log;
mod nodes;
mod proxy;
mod readiness;
mod schema;
mod seed;
mod serve;
mod sleepy_clock;
mod statement;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use reconbanker::app::{self, App, Background, Parts};
use reconbanker::config::{Settings, Sources};
use reconbanker::demo::bank;
use reconbanker::demo::world::{NewBankMovement, Order, PESOS, Ports, SHOP_TOKEN, World};
use reconbanker::domain::ids::{AccountId, MovementId, OrgId, RunId, SystemIds};
use reconbanker::domain::movement::BookingStatus;
use reconbanker::domain::run::{RunKind, Trigger};
use reconbanker::domain::time::{Clock, ManualClock};
use reconbanker::jobs::Matcher;
use reconbanker::jobs::queue::run_due;
use reconbanker::jobs::schedule;
use reconbanker::matching;
use reconbanker::scrape::Engine;
use reconbanker::store::jobs::Queue;
use reconbanker::store::movements::Ingest;
use reconbanker::store::runs::Run;
use reconbanker::store::{Location, Store};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::api::{Answer, Api, PASSWORD};
pub(crate) use self::backend::each_backend;
pub use self::backend::{Backend, Database, postgres_server};
pub use self::dump::rows;
pub use self::endpoint::{Endpoint, Reply, http};
pub use self::fake_bank::FakeBank;
pub use self::log::captured_log;
pub use self::nodes::{Node, claim, copy, differences, eventually};
pub use self::seed::{Seed, credit, id};
pub use self::serve::Serve;
pub use self::statement::Statement;

/// Morning of a Friday in Montevideo; far from midnight there and in UTC.
pub const MORNING: &str = "2026-11-20T13:00:00Z";

/// A bank user that logs in.
pub const GOOD_USER: &str = "48765432";

/// A daemon, a world, and a clock that stands still until a test moves it.
///
/// Jobs run when a test says so ([`TestApp::settle`]): nothing sleeps, nothing races.
pub struct TestApp {
    pub app: App,
    pub world: World,
    pub clock: Arc<ManualClock>,
    pub api: Api,
    stop: CancellationToken,
    tasks: TaskTracker,
    database: Database,
    location: Location,
    data_dir: TempDir,
}

impl TestApp {
    /// With a real browser.
    pub async fn start(backend: Backend) -> Self {
        Self::launch(backend, None, Background::None, &[]).await
    }

    /// With an engine of the test's own, such as scripted pages.
    pub async fn start_with(backend: Backend, engine: Option<Arc<dyn Engine>>) -> Self {
        Self::launch(backend, engine, Background::None, &[]).await
    }

    /// With workers that take jobs by themselves, as in production.
    pub async fn start_with_workers(backend: Backend) -> Self {
        Self::launch(backend, None, Background::Workers, &[]).await
    }

    /// On a database of the test's own, with workers that take jobs by themselves.
    pub async fn start_on(database: Database, engine: Arc<dyn Engine>, overrides: &[(&str, &str)]) -> Self {
        Self::launch_on(database, data_dir(), Some(engine), Background::Workers, overrides, matching::decide).await
    }

    /// With settings of the test's own besides, each as `section.key` and value.
    pub async fn start_set(backend: Backend, engine: Option<Arc<dyn Engine>>, overrides: &[(&str, &str)]) -> Self {
        Self::launch(backend, engine, Background::None, overrides).await
    }

    /// With a matcher of the test's own, such as one that fails.
    pub async fn start_with_matcher(backend: Backend, matcher: Matcher) -> Self {
        Self::launch_on(Database::create(backend).await, data_dir(), None, Background::None, &[], matcher).await
    }

    /// On what an earlier release left in `tests/it/schemas/<version>`: its database and its keys.
    pub async fn start_from(backend: Backend, version: &str, engine: Arc<dyn Engine>) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/schemas").join(version);
        let (database, data_dir) = (Database::create(backend).await, data_dir());
        let keys = data_dir.path().join("data/keys");
        make_private(&data_dir.path().join("data"));
        make_private(&keys);
        for key in fs::read_dir(folder.join(format!("{}-keys", backend.word()))).expect("saved keys") {
            let key = key.expect("a key");
            let copy = keys.join(key.file_name());
            fs::copy(key.path(), &copy).expect("a copy");
            fs::set_permissions(copy, Permissions::from_mode(0o600)).expect("permissions");
        }
        database.load(&app::location(&settings(&data_dir.path().join("data"), database.url(), &[])), &folder).await;
        Self::launch_on(database, data_dir, Some(engine), Background::None, &[], matching::decide).await
    }

    async fn launch(
        backend: Backend,
        engine: Option<Arc<dyn Engine>>,
        background: Background,
        overrides: &[(&str, &str)],
    ) -> Self {
        let database = Database::create(backend).await;
        Self::launch_on(database, data_dir(), engine, background, overrides, matching::decide).await
    }

    async fn launch_on(
        database: Database,
        data_dir: TempDir,
        engine: Option<Arc<dyn Engine>>,
        background: Background,
        overrides: &[(&str, &str)],
        matcher: Matcher,
    ) -> Self {
        let start = DateTime::parse_from_rfc3339(MORNING).expect("an instant").to_utc();
        let clock = Arc::new(ManualClock::at(start));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let world = World::start(Arc::clone(&clock) as Arc<dyn Clock>, Ports::default(), &tasks, stop.clone())
            .await
            .expect("the demo world starts");
        world.set_shop_token(Some(SHOP_TOKEN.to_owned()));
        let parts = Parts {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ids: Arc::new(SystemIds),
            engine,
            portal_port: Some(world.bank_port),
            guard_program: PathBuf::from(env!("CARGO_BIN_EXE_reconbanker")),
            background,
            checkpoints: None,
            matcher,
        };
        let settings = settings(&data_dir.path().join("data"), database.url(), overrides);
        let app = app::start(&settings, parts).await.expect("the daemon starts");
        let api = Api::new(app.url());
        let location = app::location(&settings);
        Self { app, world, clock, api, stop, tasks, database, location, data_dir }
    }

    /// Registers the organisation, chooses a mode, enrols an account and saves its settings.
    pub async fn enrol(&mut self, document: &str, mode: &str) -> AccountId {
        self.api.sign_up("owner@shop.example").await;
        self.api.put("/me/operation-mode", json!({ "mode": mode })).await.expect(200);
        let account = self.api.create_account("Operating account").await;
        let secret = self.api.get(&format!("/accounts/{account}/webhook-secret")).await.expect(200);
        self.world.set_webhook_secret(secret["secret"].as_str().map(str::to_owned));
        let config = self.config(document);
        self.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        account
    }

    /// Enrols an account in reconcile mode that no bank is read for. `changes` are laid over its settings.
    pub async fn enrol_without_bank(&mut self, changes: &Value) -> AccountId {
        self.api.sign_up("owner@shop.example").await;
        self.api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        let account = self.api.create_account("Operating account").await;
        let secret = self.api.get(&format!("/accounts/{account}/webhook-secret")).await.expect(200);
        self.world.set_webhook_secret(secret["secret"].as_str().map(str::to_owned));
        self.save_without_bank(account, changes).await;
        account
    }

    /// Saves the settings of such an account.
    pub async fn save_without_bank(&self, account: AccountId, changes: &Value) {
        let mut config = self.config(GOOD_USER);
        let fields = config.as_object_mut().expect("an object");
        fields.retain(|name, _| !name.starts_with("bank_"));
        fields.extend(changes.as_object().expect("an object").clone());
        self.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
    }

    /// The command line on this daemon's data, as an operator uses it beside the daemon.
    pub fn command(&self) -> Command {
        command(&self.data_dir(), self.database.url())
    }

    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.path().join("data")
    }

    pub fn database_url(&self) -> Option<String> {
        self.database.url()
    }

    /// An empty database of the same kind, for this one's backup.
    pub async fn empty_database(&self) -> Database {
        self.database.empty_beside().await
    }

    /// Another daemon in the same world and at the same time, on data that a test put there. It runs no job by itself
    /// and reads no bank.
    pub async fn start_beside(&self, data_dir: &Path, url: Option<String>) -> anyhow::Result<App> {
        let parts = Parts {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ids: Arc::new(SystemIds),
            engine: Some(FakeBank::new() as Arc<dyn Engine>),
            portal_port: Some(self.world.bank_port),
            guard_program: PathBuf::from(env!("CARGO_BIN_EXE_reconbanker")),
            background: Background::None,
            checkpoints: None,
            matcher: matching::decide,
        };
        app::start(&settings(data_dir, url, &[]), parts).await
    }

    /// Settings that point to the shop of the world.
    pub fn config(&self, document: &str) -> Value {
        let shop = self.world.shop.as_str().trim_end_matches('/');
        json!({
            "pending_orders_endpoint": format!("{shop}/pending-orders"),
            "webhook_url": format!("{shop}/webhook"),
            "auth_type": "bearer",
            "auth_token": SHOP_TOKEN,
            "bank_username": document,
            "bank_password": bank::PASSWORD,
        })
    }

    pub fn order(&self, external_id: &str, name: &str, amount: &str) {
        self.world.add_order(Order {
            external_id: external_id.to_owned(),
            amount: amount.parse().expect("an amount"),
            currency: "UYU".parse().expect("a currency"),
            name: name.to_owned(),
        });
    }

    /// A credit that the bank books today.
    pub fn transfer(&self, concept: &str, amount: &str) {
        self.world.add_movement(NewBankMovement {
            bank_account: PESOS.to_owned(),
            booked_on: self.world.today(),
            concept: concept.to_owned(),
            credit: Some(amount.parse().expect("an amount")),
            debit: None,
            status: BookingStatus::Booked,
            reference: None,
        });
    }

    /// A credit that the bank books with yesterday's date, after the fact.
    pub fn book_late(&self, concept: &str, amount: &str) {
        self.world.add_movement(NewBankMovement {
            bank_account: PESOS.to_owned(),
            booked_on: self.world.today().pred_opt().expect("a day before"),
            concept: concept.to_owned(),
            credit: Some(amount.parse().expect("an amount")),
            debit: None,
            status: BookingStatus::Booked,
            reference: None,
        });
    }

    /// Puts booked credits of today into the ledger, as a scrape would, and wakes nobody.
    pub async fn ingest(&self, account: AccountId, fingerprints: &[&str], name: &str, amount: &str) {
        let (org, now) = (self.org().await, self.clock.now());
        let mut tx = self.app.deps.store.write().await.expect("a transaction");
        let run = RunId(id());
        tx.request_run(org, account, RunKind::Scrape, Trigger::Manual, run, now).await.expect("a run");
        tx.bump_revision(org, account).await.expect("a revision");
        let ingest = Ingest { org, account, run, enrolled_on: self.world.today(), now };
        for fingerprint in fingerprints {
            let mut movement = credit(fingerprint, amount, &self.world.today().to_string());
            movement.counterparty_name = Some(name.to_owned());
            tx.insert_movement(&ingest, MovementId(id()), &movement).await.expect("a movement");
        }
        tx.commit().await.expect("a commit");
    }

    /// Asks for a scrape over the API and runs everything that is due.
    pub async fn scrape(&self, account: AccountId) -> Run {
        let answer = self.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        self.settle().await;
        self.run(answer["jobId"].as_str().expect("a job id")).await
    }

    /// Runs jobs until none is due.
    pub async fn settle(&self) {
        run_due(&self.app.deps).await.expect("jobs run");
    }

    /// Moves the clock, lets the schedule see it, and runs what became due.
    pub async fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        schedule::tick(&self.app.deps).await.expect("the schedule ticks");
        self.settle().await;
    }

    pub async fn run(&self, id: &str) -> Run {
        let id = RunId(id.parse().expect("a run id"));
        let mut tx = self.app.deps.store.read().await.expect("a transaction");
        let org = tx.org_ids().await.expect("organisations")[0];
        tx.run(org, id).await.expect("a query").expect("the run exists")
    }

    /// Every row of every table, as text.
    pub async fn rows(&self) -> Vec<String> {
        dump::rows(&self.location).await
    }

    pub async fn schema(&self) -> BTreeSet<schema::Part> {
        schema::parts(&self.location).await
    }

    pub async fn org(&self) -> OrgId {
        self.app.deps.store.read().await.expect("a transaction").org_ids().await.expect("organisations")[0]
    }

    /// Stops everything; fails when a job is left that nobody runs.
    pub async fn finish(self) {
        let mut tx = self.app.deps.store.read().await.expect("a transaction");
        let now = self.clock.now();
        for queue in Queue::ALL {
            let next = tx.next_job_at(*queue).await.expect("a query");
            assert!(next.is_none_or(|at| at > now), "a {queue} job is due and was not run");
        }
        drop(tx);
        self.stop_all().await;
    }

    /// Stops the daemon alone, as SIGTERM does, and opens its database again to look what it left.
    pub async fn stop_daemon(self) -> Store {
        let location = match self.database.url() {
            Some(url) => Location::Postgres(url),
            None => Location::Sqlite(self.data_dir.path().join("data/reconbanker.db")),
        };
        self.app.stop().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        Store::connect(&location, 2).await.expect("the database is still there")
    }

    /// Stops the daemon with so little time for its work that this is cut off, and starts another one on its data, in
    /// another world, that works nothing by itself.
    pub async fn restart_within(self, limit: Duration, engine: Arc<dyn Engine>) -> Self {
        self.app.stop_within(limit).await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        Self::launch_on(self.database, self.data_dir, Some(engine), Background::None, &[], matching::decide).await
    }

    async fn stop_all(self) {
        self.app.stop().await;
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.database.remove().await;
    }
}

fn data_dir() -> TempDir {
    tempfile::Builder::new().prefix("reconbanker-test-").tempdir().expect("a temporary directory")
}

/// A directory that only we can enter, as a data directory must be.
pub fn make_private(dir: &Path) {
    fs::create_dir(dir).expect("a directory");
    fs::set_permissions(dir, Permissions::from_mode(0o700)).expect("permissions");
}

/// The command line on some data directory and database.
pub fn command(data_dir: &Path, url: Option<String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reconbanker"));
    command.arg("--data-dir").arg(data_dir).args(["--set", "outbound.allow=127.0.0.0/8"]);
    command.env_remove("RECONBANKER_CONFIG");
    if let Some(url) = url {
        command.env("RECONBANKER_DATABASE__URL", url);
    }
    command
}

/// For tests: an ephemeral port, open registration, limits that no test meets by chance, loopback permitted.
fn settings(data_dir: &Path, url: Option<String>, overrides: &[(&str, &str)]) -> Settings {
    let data_dir = data_dir.display().to_string();
    let usual = [
        ("data_dir", data_dir.as_str()),
        ("server.listen", "127.0.0.1:0"),
        ("server.registration", "open"),
        ("server.login_attempts_per_minute", "1000"),
        ("server.requests_per_minute", "100000"),
        ("outbound.allow", "[\"127.0.0.0/8\"]"),
    ];
    let all = usual.iter().chain(overrides);
    let overrides = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let sources = Sources { file: None, env: Vec::new(), overrides, is_root: false };
    let mut settings = Settings::load(sources).expect("the settings are right");
    settings.database.url = url.map(SecretString::from);
    settings
}
