//! What systemd hears, played by a socket of the test's own, and what it sees of a stop.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{Api, Endpoint, Reply, Serve};

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon with one poll under way, whose endpoint does not answer.
struct Busy {
    serve: Serve,
    socket: UnixDatagram,
    api: Api,
    _endpoint: Endpoint,
    _dir: TempDir,
}

impl Busy {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (data, path) = (dir.path().join("data"), dir.path().join("notify"));
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut command = Serve::command(&data);
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "2000000").env_remove("WATCHDOG_PID");
        // The time limit is how long the daemon is busy when it is told to stop.
        let settings =
            ["--set", "outbound.allow=127.0.0.0/8", "--set", "demo.bank_port=9", "--set", "poll.timeout=10s"];
        let serve = Serve::start(command, &data, &settings);
        hear(&socket, "READY=1");
        let endpoint = Endpoint::start().await;
        endpoint.answer(Reply::Hold(Vec::new()));
        let mut api = Api::new(serve.url());
        api.sign_up("owner@shop.example").await;
        api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        let account = api.create_account("Operating account").await;
        let config = json!({
            "pending_orders_endpoint": endpoint.url(),
            "webhook_url": endpoint.url(),
            "auth_type": "bearer",
            "auth_token": "shop-token",
        });
        api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        let deadline = Instant::now() + PATIENCE;
        while endpoint.requests().is_empty() {
            assert!(Instant::now() < deadline, "no poll came: {}", serve.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { serve, socket, api, _endpoint: endpoint, _dir: dir }
    }
}

/// Waits for a message with this line.
#[track_caller]
fn hear(socket: &UnixDatagram, line: &str) {
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).expect("a message in time");
        let text = String::from_utf8_lossy(&buffer[..length]);
        if text.lines().any(|heard| heard == line) {
            return;
        }
        assert!(Instant::now() < deadline, "no {line}; the last message was {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_of_start_life_and_stop() {
    let busy = Busy::start().await;
    // Also while a slot is taken by work that does not end.
    hear(&busy.socket, "WATCHDOG=1");
    hear(&busy.socket, "WATCHDOG=1");
    assert_eq!(busy.api.until_ready().await.status, 200);

    busy.serve.terminate();
    hear(&busy.socket, "STOPPING=1");
    let stopping = busy.api.readiness().await;
    assert_eq!(stopping.status, 503);
    assert!(stopping.detail("jobs").starts_with("stopping"), "{stopping:?}");
    let status = busy.serve.end_within(Duration::from_secs(35));
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let busy = Busy::start().await;
    busy.serve.terminate();
    hear(&busy.socket, "STOPPING=1");
    busy.serve.terminate();
    // 0 would say that it waited for the end of the poll.
    assert_eq!(busy.serve.end_within(PATIENCE).code(), Some(1));
}
