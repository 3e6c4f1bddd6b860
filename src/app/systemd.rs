//! What systemd hears of the daemon: ready, alive, stopping. Without a `NOTIFY_SOCKET` nobody listens, and nothing
//! happens.

use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use sd_notify::NotifyState;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::App;
use crate::jobs::Deps;
use crate::jobs::outage::Outage;

/// The daemon has begun to start, and what takes its time there.
pub fn starting() {
    tell(&[NotifyState::Status("starting: opens the database and brings its schema up to date")]);
}

/// The daemon has begun to stop.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping: lets work under way end")]);
}

impl App {
    /// Says that the API answers and work is done, and from now on again and again that this is still so, where the
    /// unit has a watchdog.
    pub fn tell_systemd(&self) {
        let status = format!("ready: the API answers at {}, on {}", self.url(), self.deps.store.engine());
        tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
        if let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) {
            self.work.spawn(keep_watchdog(Arc::clone(&self.deps), limit));
        }
    }
}

/// Beats four times as often as the watchdog wants, so that one look that finds a loop late costs nothing, as long as the
/// daemon's own loops beat: one that is stuck is started anew. The database has no part in it. A start does not bring it
/// back, and every start would fail while it is away.
async fn keep_watchdog(deps: Arc<Deps>, limit: Duration) {
    let stop = deps.stopping.signal();
    let mut ticks = interval(limit / 4);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Some(stuck) = deps.pulse.silent(Stopwatch::now()).first() {
            if outage.failed(Stopwatch::now()).is_some() {
                let (name, since_s) = (stuck.name, stuck.since.as_secs());
                tracing::error!(name, since_s, "a loop is stuck; the watchdog is about to start the daemon anew");
            }
            continue;
        }
        outage.worked(Stopwatch::now());
        // Where systemd does not read, this waits; no thread that does the work may.
        let told = spawn_blocking(|| tell(&[NotifyState::Watchdog]));
        tokio::select! {
            () = stop.cancelled() => return,
            _ = told => {}
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "could not reach systemd at NOTIFY_SOCKET");
    }
}
