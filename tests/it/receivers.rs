//! The sample receivers of `docs/receivers` take real deliveries, each with the official package of its language.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use reconbanker::domain::time::{Clock, SystemClock};
use reconbanker::scrape::Engine;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, credit, each_backend};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Longest wait for a line of a receiver; starting an interpreter on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

each_backend! {
    async fn the_node_receiver_verifies_real_deliveries(backend: Backend) {
        let dir = tempfile::tempdir().expect("a directory");
        verifies_real_deliveries(backend, node(dir.path())).await;
    }

    async fn the_python_receiver_verifies_real_deliveries(backend: Backend) {
        verifies_real_deliveries(backend, python()).await;
    }
}

/// A real delivery is answered 200 and printed digit for digit; the same bytes under a forged signature, 400.
async fn verifies_real_deliveries(backend: Backend, command: Command) {
    let bank = FakeBank::new();
    let mut test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    // The packages judge the age of a signature by the machine's clock.
    test.clock.advance(SystemClock.now() - test.clock.now());
    let account = test.enrol(GOOD_USER, "reconcile").await;
    let secret = test.api.get(&format!("/accounts/{account}/webhook-secret")).await.expect(200);
    let mut receiver = Receiver::start(command, secret["secret"].as_str().expect("a text")).await;
    let mut config = test.config(GOOD_USER);
    config["webhook_url"] = json!(receiver.url);
    test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);

    test.order("ORDER-1", "Juan Pérez", "1500.00");
    bank.show(vec![credit("f1", "1500.00", &test.world.today().to_string())]);
    test.scrape(account).await;
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let delivery = tx.deliveries(org, account, 1).await.expect("the outbox").pop().expect("a delivery");
    drop(tx);
    assert_eq!((delivery.state.as_str(), delivery.last_status), ("delivered", Some(200)), "{:?}", delivery.last_error);
    let body = r#"{"external_id":"ORDER-1","status":"matched","amount":1500.00,"currency":"UYU","name":"Juan Pérez"}"#;
    assert_eq!(receiver.line().await, format!("{} {body}", delivery.event_id));

    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    for signature in ["v1,AAAA", "nonsense"] {
        let forged = http
            .post(&receiver.url)
            .header("webhook-id", delivery.event_id.to_string())
            .header("webhook-timestamp", SystemClock.now().timestamp())
            .header("webhook-signature", signature)
            .body(body);
        assert_eq!(forged.send().await.expect("an answer").status().as_u16(), 400, "{signature}");
    }
    receiver.stop().await;
    test.finish().await;
}

/// The sample beside its packages: Node looks for them next to the program.
fn node(dir: &Path) -> Command {
    let program = dir.join("receiver.mjs");
    std::fs::copy(Path::new(ROOT).join("docs/receivers/node/receiver.mjs"), &program).expect("the sample is there");
    std::os::unix::fs::symlink(fetched("node/node_modules"), dir.join("node_modules")).expect("a link");
    let mut command = Command::new("node");
    command.arg(program);
    command
}

fn python() -> Command {
    let mut command = Command::new(fetched("python/bin/python"));
    command.arg(Path::new(ROOT).join("docs/receivers/python/receiver.py"));
    command
}

/// Where the set-up put what a sample depends on.
fn fetched(path: &str) -> PathBuf {
    let path = Path::new(ROOT).join("target/receivers").join(path);
    assert!(path.exists(), "{} is missing; run: .ci/setup test", path.display());
    path
}

/// A running sample.
struct Receiver {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Receiver {
    async fn start(mut command: Command, secret: &str) -> Self {
        command.env("WEBHOOK_SECRET", secret).env("PORT", "0").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start ({error}); run: .ci/setup test"));
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let mut receiver = Self { process, lines, url: String::new() };
        let first = receiver.line().await;
        first.strip_prefix("listening on ").expect("the first line says where").clone_into(&mut receiver.url);
        receiver
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("the receiver prints a line");
        line.expect("text").expect("the receiver runs; what it complains of is above")
    }

    async fn stop(mut self) {
        self.process.kill().await.expect("the receiver can be stopped");
    }
}
