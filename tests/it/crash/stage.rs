//! The world of the day, and what is checked at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use chrono::DateTime;
use reconbanker::app::{self, Background, Parts};
use reconbanker::config::{Settings, Sources};
use reconbanker::demo::world::{Ports, SHOP_TOKEN, World};
use reconbanker::domain::ids::{AccountId, SystemIds};
use reconbanker::domain::run::RunKind;
use reconbanker::domain::time::{Clock, Instant, ManualClock};
use reconbanker::scrape::Engine;
use reconbanker::store::jobs::Queue;
use reconbanker::store::movements::Include;
use reconbanker::store::{Location, Store};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::child::{Stop, Task, VARIABLE};
use super::day::{BOOKED, CASES, REFUSED_USER, TOLD, steps};
use crate::support::{Api, Backend, Endpoint, FakeBank, GOOD_USER, MORNING, id, make_private, postgres_server};

pub fn morning() -> Instant {
    DateTime::parse_from_rfc3339(MORNING).expect("an instant").to_utc()
}

/// Of the daemon, whichever process it runs in. No jitter: the day's steps say when things are due.
pub fn settings(data_dir: &Path, url: Option<String>) -> Settings {
    let data_dir = data_dir.display().to_string();
    let overrides = [
        ("data_dir", data_dir.as_str()),
        ("server.listen", "127.0.0.1:0"),
        ("schedule.scrape_jitter", "0s"),
        ("outbound.allow", "[\"127.0.0.0/8\"]"),
    ];
    let overrides = overrides.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let sources = Sources { file: None, env: Vec::new(), overrides, is_root: false };
    let mut settings = Settings::load(sources).expect("the settings are right");
    settings.database.url = url.map(SecretString::from);
    settings
}

/// What became of one day.
pub struct Lived {
    pub was_cut_off: bool,
    /// Of the process that lived to the end.
    pub commits: usize,
    pub calls: usize,
}

/// The outside world, and a daemon that is enrolled and has not worked yet: each day starts from a copy of it.
pub struct Stage {
    backend: Backend,
    dir: TempDir,
    world: World,
    clock: Arc<ManualClock>,
    /// Takes the notices, which each account signs with a secret of its own.
    notices: Endpoint,
    webhook_secret: String,
    /// The newest step that a process has announced.
    announced: Arc<Mutex<Option<usize>>>,
    signal: SocketAddr,
    /// PostgreSQL: the database that each day copies.
    template: String,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Stage {
    pub async fn set_up(backend: Backend) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(ManualClock::at(morning()));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let world = World::start(Arc::clone(&clock) as Arc<dyn Clock>, Ports::default(), &tasks, stop.clone())
            .await
            .expect("the demo world starts");
        let announced = Arc::new(Mutex::new(None));
        let signal = listen(world.clone(), Arc::clone(&clock), Arc::clone(&announced));
        let template = format!("crash_{}", id().simple());
        let notices = Endpoint::start().await;
        let mut stage = Self {
            backend,
            dir,
            world,
            clock,
            notices,
            webhook_secret: String::new(),
            announced,
            signal,
            template,
            stop,
            tasks,
        };
        stage.enrol().await;
        stage
    }

    /// Enrols an account whose user logs in, and one whose password is refused.
    async fn enrol(&mut self) {
        make_private(&self.template_dir());
        if self.backend == Backend::Postgres {
            execute(format!("CREATE DATABASE {}", self.template)).await;
        }
        let parts = Parts {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            ids: Arc::new(SystemIds),
            engine: Some(FakeBank::new() as Arc<dyn Engine>),
            portal_port: Some(self.world.bank_port),
            guard_program: PathBuf::from(env!("CARGO_BIN_EXE_reconbanker")),
            background: Background::None,
            checkpoints: None,
            matcher: reconbanker::matching::decide,
        };
        let settings = settings(&self.template_dir(), self.url(&self.template));
        let app = app::start(&settings, parts).await.expect("the daemon starts");
        let mut api = Api::new(app.url());
        api.sign_up("owner@shop.example").await;
        api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        let account = api.create_account("Operating account").await;
        let secret = api.get(&format!("/accounts/{account}/webhook-secret")).await.expect(200);
        secret["secret"].as_str().expect("a secret").clone_into(&mut self.webhook_secret);
        let path = format!("/accounts/{account}/config");
        api.put(&path, self.config(GOOD_USER, "pending-orders")).await.expect(200);
        let refused = api.create_account("Refused account").await;
        // Its endpoint answers 404, so that each order belongs to one account.
        api.put(&format!("/accounts/{refused}/config"), self.config(REFUSED_USER, "nothing")).await.expect(200);
        app.stop().await;
    }

    fn config(&self, user: &str, orders: &str) -> Value {
        let at = |path: &str| self.world.shop.join(path).expect("a path");
        json!({
            "pending_orders_endpoint": at(orders),
            "webhook_url": at("webhook"),
            "auth_type": "bearer",
            "auth_token": SHOP_TOKEN,
            "notify_on_expired": true,
            "notification_endpoint_url": self.notices.url(),
            "notification_events": ["login_failed"],
            "bank_username": user,
            "bank_password": "demo",
        })
    }

    fn template_dir(&self) -> PathBuf {
        self.dir.path().join("template")
    }

    fn url(&self, database: &str) -> Option<String> {
        match self.backend {
            Backend::Sqlite => None,
            Backend::Postgres => {
                let mut url = url::Url::parse(&postgres_server()).expect("a URL");
                url.set_path(database);
                Some(url.into())
            }
        }
    }

    /// Lives one day, cut off somewhere or not at all, and checks what it left.
    pub async fn live(&mut self, stop: Option<Stop>) -> Lived {
        let database = format!("crash_{}", id().simple());
        let data_dir = self.dir.path().join(&database);
        make_private(&data_dir);
        copy(&self.template_dir(), &data_dir);
        if self.backend == Backend::Postgres {
            execute(format!("CREATE DATABASE {database} TEMPLATE {}", self.template)).await;
        }
        self.world.forget_shop();
        self.world.set_shop_token(Some(SHOP_TOKEN.to_owned()));
        self.world.set_webhook_secret(Some(self.webhook_secret.clone()));
        self.notices.forget();
        *self.announced.lock().expect("no holder of this lock can panic") = None;
        let mut task = Task {
            data_dir: data_dir.clone(),
            database_url: self.url(&database),
            portal_port: self.world.bank_port,
            world: self.signal,
            from: 0,
            stop,
            counts: data_dir.join("counts"),
            submissions: data_dir.join("submissions"),
        };
        let was_cut_off = !self.run(&task);
        if was_cut_off {
            task.from = self.announced.lock().expect("no holder of this lock can panic").unwrap_or(0);
            task.stop = None;
            assert!(self.run(&task), "{stop:?}: the second process did not live to the end");
        }
        let counts: Value =
            serde_json::from_str(&fs::read_to_string(&task.counts).expect("counts")).expect("two numbers");
        let number = |value: &Value| usize::try_from(value.as_u64().expect("a number")).expect("a small number");
        self.check(&task, stop).await;
        fs::remove_dir_all(&data_dir).expect("removed");
        if self.backend == Backend::Postgres {
            execute(format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
        Lived { was_cut_off, commits: number(&counts[0]), calls: number(&counts[1]) }
    }

    /// Whether the process lived to the end of the day; anything but that and its own SIGKILL fails.
    fn run(&self, task: &Task) -> bool {
        let name = format!("crash::a_day_ends_as_it_should::{}", self.backend.word());
        let output = Command::new(std::env::current_exe().expect("this binary"))
            .args([name.as_str(), "--exact", "--nocapture"])
            .env(VARIABLE, task.to_json().to_string())
            .output()
            .expect("the process starts");
        if output.status.signal() == Some(9) && task.stop.is_some() {
            return false;
        }
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{:?} from step {}: {told}", task.stop, task.from);
        true
    }

    async fn check(&self, task: &Task, stop: Option<Stop>) {
        self.check_told(stop);
        let submissions = fs::read_to_string(&task.submissions).expect("a list");
        let refused = submissions.lines().filter(|user| *user == REFUSED_USER).count();
        // A login that was cut off has an unknown end: once more is within the budget, more is not.
        let limit = if stop.is_some() { 2 } else { 1 };
        assert!((1..=limit).contains(&refused), "{stop:?}: the refused password was typed {refused} times");

        let location = match &task.database_url {
            Some(url) => Location::Postgres(url.clone()),
            None => Location::Sqlite(task.data_dir.join("reconbanker.db")),
        };
        let store = Store::connect(&location, 2).await.expect("the database is still there");
        let mut tx = store.read().await.expect("a transaction");
        let org = tx.org_ids().await.expect("organisations")[0];
        let accounts = tx.accounts(org).await.expect("accounts");
        let blocked: Vec<bool> = accounts.iter().map(|account| account.blocked_at.is_some()).collect();
        assert_eq!(blocked, [false, true], "{stop:?}: the refused login is blocked, the other one is not");
        let all = Include { pending: true, debits: true };
        let movements = tx.movements(org, accounts[0].id, all, 100, 0).await.expect("the ledger");
        assert_eq!(movements.len(), BOOKED.len(), "{stop:?}: {movements:?}");
        let taken = movements.iter().filter(|movement| movement.excluded_at.is_some()).count();
        assert_eq!(taken, 2, "{stop:?}: two movements pay an order each");
        let requests = tx.requests(org, None, 100, 0).await.expect("requests");
        let cases: BTreeMap<_, _> =
            requests.iter().map(|request| (request.external_id.as_str(), request.status.word())).collect();
        assert_eq!(cases, BTreeMap::from(CASES), "{stop:?}");
        assert_eq!(requests.len(), CASES.len(), "{stop:?}");

        let events = tx.events_after(org, 0, 10_000).await.expect("the log");
        assert!((1..).zip(&events).all(|(seq, event)| event.seq == seq), "{stop:?}: the log has a gap");
        let matched: Vec<_> = events.iter().filter(|event| event.kind == "case.matched").collect();
        let distinct: BTreeSet<_> = matched.iter().map(|event| event.subject_id).collect();
        assert_eq!((matched.len(), distinct.len()), (2, 2), "{stop:?}: each order is matched once");
        self.check_at_rest(&mut tx, org, &accounts.iter().map(|account| account.id).collect::<Vec<_>>(), stop).await;
        drop(tx);
        store.close().await;
    }

    /// Nothing is under way, nothing waits that should have gone out.
    async fn check_at_rest(
        &self,
        tx: &mut reconbanker::store::Tx,
        org: reconbanker::domain::ids::OrgId,
        accounts: &[AccountId],
        stop: Option<Stop>,
    ) {
        assert_eq!(tx.running_jobs().await.expect("a count"), 0, "{stop:?}");
        for queue in Queue::ALL {
            let next = tx.next_job_at(*queue).await.expect("a query");
            assert!(next.is_none_or(|at| at > self.clock.now()), "{stop:?}: a {queue} job is due");
        }
        for account in accounts {
            for kind in RunKind::ALL {
                assert!(!tx.is_running(org, *account, *kind).await.expect("an answer"), "{stop:?}: a {kind} runs");
            }
            for delivery in tx.deliveries(org, *account, 1_000).await.expect("the outbox") {
                assert_eq!(delivery.state, "delivered", "{stop:?}: {:?}", delivery.last_error);
            }
        }
    }

    /// What the shop heard: everything, signed, and each thing under one id with one body.
    fn check_told(&self, stop: Option<Stop>) {
        let mut bodies: BTreeMap<String, String> = BTreeMap::new();
        for webhook in self.world.received() {
            let first = bodies.entry(webhook.webhook_id.clone()).or_insert_with(|| webhook.raw.clone());
            assert_eq!(*first, webhook.raw, "{stop:?}: one id, two bodies");
        }
        let mut told: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for webhook in self.world.received() {
            assert_eq!(webhook.verified, Ok(()), "{stop:?}: {}", webhook.raw);
            let word = |name: &str| webhook.body[name].as_str().expect("a text").to_owned();
            told.entry((word("external_id"), word("status"))).or_default().insert(webhook.webhook_id);
        }
        let expected: BTreeSet<_> = TOLD.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect();
        assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), expected, "{stop:?}");
        for (what, ids) in &told {
            assert_eq!(ids.len(), 1, "{stop:?}: {what:?} was told under {ids:?}");
        }
        let ids = |head: &str| {
            let mut lines = head.lines();
            lines.find_map(|line| line.to_ascii_lowercase().strip_prefix("webhook-id: ").map(str::to_owned))
        };
        let blocked: BTreeSet<_> = self.notices.requests().iter().map(|head| ids(head)).collect();
        assert_eq!(blocked.len(), 1, "{stop:?}: the refused login is told once");
    }

    pub async fn tear_down(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        if self.backend == Backend::Postgres {
            execute(format!("DROP DATABASE {} WITH (FORCE)", self.template)).await;
        }
    }
}

/// Hears of each step that a process begins, and makes the world ready for it. A step that begins again, because the
/// process before was cut off in it, changes nothing.
fn listen(world: World, clock: Arc<ManualClock>, announced: Arc<Mutex<Option<usize>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let steps = steps();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).expect("a line");
            let number: usize = line.trim().parse().expect("a step");
            let mut announced = announced.lock().expect("no holder of this lock can panic");
            if *announced != Some(number) {
                clock.advance(morning() + steps[number].at - clock.now());
                (steps[number].shop)(&world);
                *announced = Some(number);
            }
            writeln!(stream, "ready").expect("an answer");
        }
    });
    address
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            make_private(&target);
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

async fn execute(sql: String) {
    let mut connection = PgConnection::connect(&postgres_server()).await.expect("the test's PostgreSQL answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
}
