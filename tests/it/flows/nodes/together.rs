//! Two daemons at work on one PostgreSQL: no login has two drivers, nothing is done twice, and what one of them leaves
//! when it crashes the other one finishes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reconbanker::app::Background;
use reconbanker::demo::world::ReceiverBehaviour;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::movement::ScrapedMovement;
use reconbanker::domain::run::{Outcome, RunKind, RunState};
use reconbanker::domain::time::Clock;
use reconbanker::scrape::{AccountRead, Engine, ScrapeReport, ScrapeRequest, Watcher};
use reconbanker::store::run_history::PastRun;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{ALL_LEASES, told};
use crate::support::{Backend, Endpoint, FakeBank, Node, TestApp, credit, eventually, id};

/// Each has an account; the first one has two.
const LOGINS: usize = 6;
const ROUNDS: usize = 3;
/// Fewer browsers for each node than there are logins, so that it cannot take all the work.
const SETTINGS: [(&str, &str); 2] = [("browser.max_sessions", "3"), ("schedule.scrape_jitter", "0s")];
/// Longer than the pace of scrapes and polls.
const NEXT_ROUND: TimeDelta = TimeDelta::minutes(31);
/// How long a node waits for the other one to begin as well.
const MEETING: Duration = Duration::from_secs(30);
/// A run whose login is taken comes back after so long.
const BUSY: TimeDelta = TimeDelta::seconds(15);

/// A bank as several nodes see it. It remembers who was in.
struct Town {
    state: Mutex<State>,
    /// Which nodes have begun to read in this round.
    begun: watch::Sender<[bool; 2]>,
}

#[derive(Default)]
struct State {
    statements: BTreeMap<String, Vec<ScrapedMovement>>,
    /// Which node is in, by user name.
    inside: BTreeMap<String, usize>,
    /// User names that were in twice at the same time.
    overlaps: Vec<String>,
    drives: [usize; 2],
    /// The node whose browsers hang.
    stuck: Option<usize>,
}

impl Town {
    fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), begun: watch::Sender::new([false; 2]) })
    }

    fn branch(self: &Arc<Self>, node: usize) -> Arc<dyn Engine> {
        Arc::new(Branch { town: Arc::clone(self), node })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }

    fn book(&self, user: String, row: ScrapedMovement) {
        self.state().statements.entry(user).or_default().push(row);
    }

    fn open_round(&self) {
        self.begun.send_modify(|begun| *begun = [false; 2]);
    }

    fn enter(self: &Arc<Self>, user: &str, node: usize) -> Visit {
        let mut state = self.state();
        state.drives[node] += 1;
        if state.inside.insert(user.to_owned(), node).is_some() {
            state.overlaps.push(user.to_owned());
        }
        Visit { town: Arc::clone(self), user: user.to_owned() }
    }

    /// How many logins each node is in.
    fn inside(&self) -> [usize; 2] {
        let state = self.state();
        [0, 1].map(|node| state.inside.values().filter(|inside| **inside == node).count())
    }

    /// Returns when both nodes have begun; `false` when the other one does not.
    async fn meet(&self, node: usize) -> bool {
        self.begun.send_modify(|begun| begun[node] = true);
        let mut begun = self.begun.subscribe();
        let both = begun.wait_for(|begun| begun[0] && begun[1]);
        timeout(MEETING, both).await.is_ok_and(|begun| begun.is_ok())
    }
}

/// A login that is in use. It ends with its driver, however that ends.
struct Visit {
    town: Arc<Town>,
    user: String,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.town.state().inside.remove(&self.user);
    }
}

/// What a node reads banks with.
struct Branch {
    town: Arc<Town>,
    node: usize,
}

impl Branch {
    async fn read(&self, user: &str, watcher: &dyn Watcher) -> ScrapeReport {
        let _visit = self.town.enter(user, self.node);
        if let Err(refusal) = watcher.before_submission().await {
            return ScrapeReport::ended(refusal.outcome, refusal.detail);
        }
        if !self.town.meet(self.node).await {
            return ScrapeReport::ended(Outcome::Timeout, "the other node has begun nothing");
        }
        if self.town.state().stuck == Some(self.node) {
            std::future::pending::<()>().await;
        }
        let movements = self.town.state().statements.get(user).cloned().unwrap_or_default();
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
}

impl Engine for Branch {
    fn scrape<'a>(&'a self, request: ScrapeRequest, watcher: &'a dyn Watcher) -> BoxFuture<'a, ScrapeReport> {
        async move { self.read(request.inputs["document"].expose_secret(), watcher).await }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_share_the_work_and_one_finishes_what_the_other_left() {
    let mut test = TestApp::start_with(Backend::Postgres, Some(FakeBank::new().engine())).await;
    let nobody = Endpoint::start().await;
    let accounts = enrol(&mut test, &nobody).await;
    let town = Town::new();
    expect_and_pay(&test, &town, 1);
    let one = test.node(test.node_dir(), town.branch(0), Background::Workers, &SETTINGS).await;
    let other = test.node(test.node_dir(), town.branch(1), Background::Workers, &SETTINGS).await;
    tick(&[&one, &other]).await;
    play_out(&test, &accounts).await;
    assert_eq!(sorted(told(&test)), expected(1));
    for round in 2..=ROUNDS {
        begin_round(&test, &town, round, &[&one, &other]).await;
        play_out(&test, &accounts).await;
        assert_eq!(sorted(told(&test)), expected(round), "round {round}");
    }

    // The last round's work of the first node hangs, and then that node is gone.
    town.state().stuck = Some(0);
    begin_round(&test, &town, ROUNDS + 1, &[&one, &other]).await;
    let only_one_hangs = async || {
        let (running, is_due) = load(&test).await;
        let inside = town.inside();
        !is_due && inside[0] > 0 && inside[1] == 0 && usize::try_from(running) == Ok(inside[0])
    };
    eventually("everything but the hanging work", only_one_hangs).await;
    let lost = town.inside()[0];
    drop(one.crash());
    eventually("the end of its browsers", async || town.inside()[0] == 0).await;
    test.clock.advance(ALL_LEASES);
    other.tick().await.expect("a tick");
    play_out(&test, &accounts).await;
    test.clock.advance(NEXT_ROUND);
    other.tick().await.expect("a tick");
    play_out(&test, &accounts).await;

    assert_eq!(sorted(told(&test)), expected(ROUNDS + 1));
    let (drives, overlaps) = {
        let state = town.state();
        (state.drives, state.overlaps.clone())
    };
    assert!(overlaps.is_empty(), "two drivers at a time: {overlaps:?}");
    assert!(drives.iter().all(|drives| *drives >= ROUNDS), "each has done a share: {drives:?}");
    let polls = test.world.polls().len() + nobody.requests().len();
    check_runs(&test, &accounts, (drives.iter().sum(), polls), lost).await;
    other.finish().await;
    test.finish().await;
}

/// Seven accounts behind six logins. Nobody expects anything of the last one, which shares the first one's.
async fn enrol(test: &mut TestApp, nobody: &Endpoint) -> Vec<AccountId> {
    let mut accounts = vec![test.enrol(&user(0), "reconcile").await];
    for number in 1..=LOGINS {
        let account = test.api.create_account(&format!("Account {number}")).await;
        let mut config = test.config(&user(number % LOGINS));
        if number == LOGINS {
            config["pending_orders_endpoint"] = json!(nobody.url());
        }
        test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        accounts.push(account);
    }
    // Each account signs with its own secret, and the shop knows one.
    test.world.set_receiver_behaviour(ReceiverBehaviour::Status(200));
    accounts
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

fn order(round: usize, number: usize) -> String {
    format!("ROUND-{round}-ORDER-{number}")
}

/// The orders that have been paid by the end of a round, sorted.
fn expected(rounds: usize) -> Vec<String> {
    sorted((1..=rounds).flat_map(|round| (0..LOGINS).map(move |number| order(round, number))).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// One order for each login, with an amount that no other has, and its payment at the bank. The shop shows all orders
/// to all accounts; each finds the payment of its own.
fn expect_and_pay(test: &TestApp, town: &Town, round: usize) {
    for number in 0..LOGINS {
        let (order, amount) = (order(round, number), format!("{round}00{number}.50"));
        test.order(&order, "Juan Pérez", &amount);
        town.book(user(number), credit(&order, &amount, "2026-11-20"));
    }
}

/// Half an hour later everything is due, and both nodes see it at once.
async fn begin_round(test: &TestApp, town: &Town, round: usize, nodes: &[&Node; 2]) {
    town.open_round();
    expect_and_pay(test, town, round);
    test.clock.advance(NEXT_ROUND);
    tick(nodes).await;
}

async fn tick(nodes: &[&Node; 2]) {
    let (one, other) = tokio::join!(nodes[0].tick(), nodes[1].tick());
    one.and(other).expect("both look at the clock");
}

/// Lets the nodes work until nothing is left, those runs included that come back because their login was taken.
async fn play_out(test: &TestApp, accounts: &[AccountId]) {
    for _ in 0..10 {
        eventually("the end of the work", async || load(test).await == (0, false)).await;
        if runs(test, accounts).await.iter().all(|run| run.state == RunState::Finished) {
            return;
        }
        test.clock.advance(BUSY);
        // Changes nothing; the nodes are told that something may be ready.
        let mut tx = test.app.deps.store.write().await.expect("a transaction");
        tx.release_jobs_of(id(), test.clock.now()).await.expect("a query");
        tx.commit().await.expect("a commit");
    }
    panic!("runs are left that nobody ends");
}

/// How many jobs are being worked, and whether one waits that is due: at one moment.
async fn load(test: &TestApp) -> (i64, bool) {
    let now = test.clock.now();
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let queues = tx.queue_gauges().await.expect("the queues");
    let is_due = queues.iter().any(|queue| queue.due_at.is_some_and(|at| at <= now));
    (queues.iter().map(|queue| queue.running).sum(), is_due)
}

async fn runs(test: &TestApp, accounts: &[AccountId]) -> Vec<PastRun> {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let mut runs = Vec::new();
    for account in accounts {
        runs.extend(tx.past_runs(org, *account, 500).await.expect("the runs"));
    }
    runs
}

/// Each run began once and ended once; each scrape was driven once, each poll asked once; all went well but those that
/// were `lost` with their node.
async fn check_runs(test: &TestApp, accounts: &[AccountId], (drives, polls): (usize, usize), lost: usize) {
    let (runs, log) = (runs(test, accounts).await, test.log().await);
    for run in &runs {
        for kind in ["run.started", "run.finished"] {
            let times = log.iter().filter(|event| event.run_id == Some(run.id) && event.kind == kind).count();
            assert_eq!(times, 1, "{kind} of {run:?}");
        }
    }
    let count = |kind: RunKind| runs.iter().filter(|run| run.kind == kind).count();
    assert_eq!((count(RunKind::Scrape), count(RunKind::Poll)), (drives, polls));
    let bad: Vec<_> = runs.iter().filter(|run| run.outcome != Some(Outcome::Ok)).collect();
    assert!(bad.iter().all(|run| run.outcome == Some(Outcome::Interrupted)), "{bad:#?}");
    assert_eq!(bad.len(), lost, "{bad:#?}");
}
