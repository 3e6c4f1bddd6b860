//! Several nodes on one database: a second daemon beside the one of a test, which can be put to sleep or lost.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use reconbanker::app::{self, App, Background, Parts};
use reconbanker::domain::time::Clock;
use reconbanker::jobs::pulse::Pulse;
use reconbanker::jobs::queue::run_due;
use reconbanker::jobs::stopping::Stopping;
use reconbanker::jobs::{Deps, Running, schedule};
use reconbanker::metrics::Metrics;
use reconbanker::scrape::Engine;
use reconbanker::scrape::catalogue::Catalogue;
use reconbanker::session::assistance::Assistance;
use reconbanker::store::events::Event;
use reconbanker::store::jobs::{Job, Queue};
use reconbanker::vault::Vault;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::sleepy_clock::SleepyClock;
use super::{Database, TestApp, data_dir, id, make_private, settings};

/// How long something may take that is bound to happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// As long as the queue's.
const JOB_LEASE: TimeDelta = TimeDelta::seconds(60);

/// Another node on a test's database. Its work is done by threads of its own, so that they can be stopped or lost
/// without those of the test.
pub struct Node {
    pub deps: Arc<Deps>,
    pub clock: Arc<SleepyClock>,
    app: Option<App>,
    runtime: Option<Runtime>,
    data_dir: Option<TempDir>,
}

impl TestApp {
    /// A second node that runs jobs when a test says so. On PostgreSQL a whole daemon; on SQLite, where no second
    /// daemon starts, a second driver beside the first one, with a boot of its own.
    pub async fn second_node(&self, engine: Arc<dyn Engine>) -> Node {
        match &self.database {
            Database::Postgres { .. } => self.node(self.node_dir(), engine, Background::None, &[]).await,
            Database::Sqlite(_) => {
                let clock = SleepyClock::new(Arc::clone(&self.clock));
                let (vault, _) = app::open_vault(&self.data_dir()).expect("the keys");
                let deps = self.deps_beside(vault, engine, Arc::clone(&clock) as Arc<dyn Clock>);
                Node { deps: Arc::new(deps), clock, app: None, runtime: Some(threads()), data_dir: None }
            }
        }
    }

    /// A daemon on this one's PostgreSQL, in a data directory made by [`TestApp::node_dir`].
    pub async fn node(
        &self,
        data_dir: TempDir,
        engine: Arc<dyn Engine>,
        background: Background,
        overrides: &[(&str, &str)],
    ) -> Node {
        let clock = SleepyClock::new(Arc::clone(&self.clock));
        let parts = Parts {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            engine: Some(engine),
            portal_port: Some(self.world.bank_port),
            guard_program: PathBuf::from(env!("CARGO_BIN_EXE_reconbanker")),
            background,
            ..Parts::real().expect("the path of this program")
        };
        let settings = settings(&data_dir.path().join("data"), self.database.url(), overrides);
        let runtime = threads();
        let start = move || (runtime.block_on(app::start(&settings, parts)), runtime);
        let (app, runtime) = tokio::task::spawn_blocking(start).await.expect("the start does not panic");
        let app = match app {
            Ok(app) => app,
            Err(error) => {
                runtime.shutdown_background();
                panic!("the node does not start: {error:#}");
            }
        };
        Node { deps: Arc::clone(&app.deps), clock, app: Some(app), runtime: Some(runtime), data_dir: Some(data_dir) }
    }

    /// A data directory for another node: empty but for the same keys.
    pub fn node_dir(&self) -> TempDir {
        let dir = data_dir();
        make_private(&dir.path().join("data"));
        copy(&self.data_dir().join("keys"), &dir.path().join("data/keys"));
        dir
    }

    /// What jobs need, on the store of this daemon.
    pub fn deps_beside(&self, vault: Vault, engine: Arc<dyn Engine>, clock: Arc<dyn Clock>) -> Deps {
        let deps = &self.app.deps;
        let settings = settings(&self.data_dir(), self.database.url(), &[]);
        Deps {
            store: deps.store.clone(),
            ids: Arc::clone(&deps.ids),
            vault,
            // Not the daemon's own: its open connections live and die with the threads of either.
            outbound: app::outbound(&settings).expect("a client"),
            catalogue: Catalogue::load(None).expect("the recipes"),
            engine,
            assistance: Arc::new(Assistance::new(Arc::clone(&clock))),
            running: Running::default(),
            portal_port: deps.portal_port,
            timing: deps.timing.clone(),
            poll: deps.poll,
            policy: deps.policy.clone(),
            matcher: deps.matcher,
            metrics: Metrics::default(),
            pulse: Pulse::default(),
            stopping: Stopping::default(),
            boot: id(),
            clock,
        }
    }

    /// The log of the only organisation.
    pub async fn log(&self) -> Vec<Event> {
        let org = self.org().await;
        let mut tx = self.app.deps.store.read().await.expect("a transaction");
        tx.events_after(org, 0, 10_000).await.expect("the log")
    }

    /// The kinds of the events that a run led to, in their order.
    pub async fn log_of(&self, run: &str) -> Vec<String> {
        let log = self.log().await.into_iter();
        let of_run = log.filter(|event| event.run_id.is_some_and(|id| id.to_string() == run));
        of_run.map(|event| event.kind).collect()
    }
}

impl Node {
    /// Runs on this node's threads what is due, while the test goes on.
    pub fn start_work(&self) -> JoinHandle<()> {
        let deps = Arc::clone(&self.deps);
        self.runtime().spawn(async move {
            run_due(&deps).await.expect("jobs run");
        })
    }

    /// Lets this node's schedule look at the clock.
    pub fn tick(&self) -> JoinHandle<()> {
        let deps = Arc::clone(&self.deps);
        self.runtime().spawn(async move { schedule::tick(&deps).await.expect("the schedule ticks") })
    }

    pub fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until the node is gone")
    }

    /// Ends the node as a crash does: nothing is finished, nothing is given back. Its data directory stays.
    pub fn crash(mut self) -> TempDir {
        self.data_dir.take().expect("a daemon of its own")
    }

    /// Stops the node as SIGTERM does.
    pub async fn finish(mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.clock.wake();
    }
}

/// Claims a job as a node's queue does.
pub async fn claim(deps: &Deps, queue: Queue) -> Option<Job> {
    let now = deps.now();
    let mut tx = deps.store.write().await.expect("a transaction");
    let job = tx.claim_job(queue, deps.boot, now, now + JOB_LEASE).await.expect("a query");
    tx.commit().await.expect("a commit");
    job
}

/// Rows that are there at one time and not at the other.
pub fn differences(before: &[String], after: &[String]) -> Vec<String> {
    let [before, after]: [BTreeSet<_>; 2] = [before, after].map(|rows| rows.iter().collect());
    before.symmetric_difference(&after).map(|row| (*row).clone()).collect()
}

/// Looks again until the condition holds.
pub async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Copies a directory that only its owner can enter.
pub fn copy(from: &Path, to: &Path) {
    make_private(to);
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads")
}
