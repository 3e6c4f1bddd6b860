//! A daemon on SQLite with the demo world beside it: set up from nothing, torn down whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Client, text};
use super::world::{Ports, SHOP_TOKEN, World};
use crate::app::{self, App, Parts};
use crate::config::Settings;
use crate::domain::account::LoginMode;

/// The account that every scenario enrols.
pub const BANK: &str = "demo-tabla";
pub const EMAIL: &str = "owner@demo.example";
/// Not a secret: the demo listens on loopback and is thrown away.
pub const PASSWORD: &str = "correct horse battery";

/// A running demo.
pub struct Stage {
    pub world: World,
    pub app: App,
    pub client: Client,
    pub data_dir: PathBuf,
    pub since: Instant,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Stage {
    /// Starts bank, shop and daemon. Everything is kept in `<data_dir>/demo`, which starts empty each time.
    pub async fn set_up(settings: &Settings) -> anyhow::Result<Self> {
        let since = Instant::now();
        let mut parts = Parts::real()?;
        // Said at once: a scenario would only find out after a minute of patience.
        app::find_browser(settings, &parts)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let ports =
            Ports { bank: settings.demo.bank_port, shop: settings.demo.shop_port, control: settings.demo.control_port };
        let world = World::start(Arc::clone(&parts.clock), ports, &tasks, stop.clone()).await?;
        parts.portal_port = Some(world.bank_port);
        let settings = demo_settings(settings)?;
        let app = app::start(&settings, parts).await?;
        let client = Client::new(app.url())?;
        Ok(Self { world, app, client, data_dir: settings.data_dir, since, stop, tasks })
    }

    /// Registers, enrols an account with a bank user, and saves its settings; returns the account's id.
    pub async fn enrol(&mut self, document: &str) -> anyhow::Result<String> {
        self.enrol_as(document, LoginMode::Simple).await
    }

    /// The same, for a bank user who may be asked for codes where the mode says so.
    pub async fn enrol_as(&mut self, document: &str, mode: LoginMode) -> anyhow::Result<String> {
        enrol(&mut self.client, &self.world, document, mode).await
    }

    /// Stops the daemon first, then the world it talks to.
    pub async fn tear_down(self) {
        self.app.stop().await;
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(3), self.tasks.wait()).await;
    }
}

/// Registers at a fresh daemon, enrols an account and saves its settings; returns the account's id.
pub(super) async fn enrol(
    client: &mut Client,
    world: &World,
    document: &str,
    mode: LoginMode,
) -> anyhow::Result<String> {
    client.sign_up(EMAIL, PASSWORD).await?;
    client.put("/me/operation-mode", json!({ "mode": "reconcile" })).await?;
    let account = client.enrol(BANK, "Operating account").await?;
    let secret = client.get(&format!("/accounts/{account}/webhook-secret")).await?;
    world.set_webhook_secret(Some(text(&secret, "secret")?));
    world.set_shop_token(Some(SHOP_TOKEN.to_owned()));
    let shop = world.shop.as_str().trim_end_matches('/');
    let config = json!({
        "pending_orders_endpoint": format!("{shop}/pending-orders"),
        "webhook_url": format!("{shop}/webhook"),
        "auth_type": "bearer",
        "auth_token": SHOP_TOKEN,
        "bank_username": document,
        "bank_password": super::bank::PASSWORD,
        "login_mode": mode.word(),
    });
    client.put(&format!("/accounts/{account}/config"), config).await?;
    Ok(account)
}

/// The given settings, turned towards the demo: an empty directory of its own, any free port, the
/// loopback network permitted, and a quick pace.
fn demo_settings(settings: &Settings) -> anyhow::Result<Settings> {
    let mut settings = settings.clone();
    app::make_data_dir(&settings.data_dir)?;
    settings.data_dir = settings.data_dir.join("demo");
    empty(&settings.data_dir)?;
    settings.database.url = None;
    settings.server.listen = ([127, 0, 0, 1], 0).into();
    settings.outbound.allow.push("127.0.0.0/8".parse().expect("a network"));
    // What a person adds on the demo world's page is seen within seconds.
    settings.schedule.scrape_every = Duration::from_secs(15);
    settings.schedule.scrape_jitter = Duration::ZERO;
    settings.schedule.poll_every = Duration::from_secs(2);
    settings.poll.cancel_after = Duration::from_secs(3);
    settings.jobs.sweep_every = Duration::from_secs(1);
    Ok(settings)
}

/// Removes what an earlier demo left. Only a directory that a daemon made, and none uses, is removed.
pub(super) fn empty(dir: &Path) -> anyhow::Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    let lock = dir.join("lock");
    let file = fs::File::open(&lock)
        .with_context(|| format!("{} was not made by a demo; move it away, or pass --data-dir", dir.display()))?;
    if file.try_lock().is_err() {
        bail!("another demo is running in {}; stop it, or pass another --data-dir", dir.display());
    }
    fs::remove_dir_all(dir).with_context(|| format!("could not empty {}", dir.display()))
}
