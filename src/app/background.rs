//! What runs by itself: the workers of the queues, the schedule, the ear for other nodes, and the look whether the
//! database can be written again.

use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::config::Settings;
use crate::jobs::outage::Outage;
use crate::jobs::queue::{self, Slots};
use crate::jobs::{Deps, in_time, schedule};
use crate::store::StoreError;
use crate::store::jobs::Queue;

/// Name of the schedule's beat, beside those of the queues.
const SCHEDULE: &str = "schedule";
/// Longest time for one round of the schedule. What it did not get to is due in the next one.
const TICK_LIMIT: Duration = Duration::from_mins(2);
/// How much later than that, and than its pause, the schedule may come round before it counts as stuck.
const TICK_SLACK: Duration = Duration::from_mins(1);
/// Between two tries to write, after one failed.
const RETRY_EVERY: Duration = Duration::from_secs(2);
/// Longest wait for one of them.
const RETRY_LIMIT: Duration = Duration::from_secs(15);
const LISTEN_PAUSE: Duration = Duration::from_secs(1);

/// Starts everything; it ends when the stop begins, jobs under way later.
pub(super) fn start(settings: &Settings, deps: &Arc<Deps>, tasks: &TaskTracker) {
    let slots = Slots {
        scrape: settings.browser.max_sessions,
        poll: settings.jobs.workers,
        matching: settings.jobs.workers,
        deliver: settings.delivery.concurrency,
    };
    for queue in Queue::ALL {
        deps.pulse.expect(queue.word(), queue::PATIENCE, Stopwatch::now());
        tasks.spawn(work(Arc::clone(deps), *queue, slots));
    }
    let every = settings.jobs.sweep_every;
    deps.pulse.expect(SCHEDULE, every + TICK_LIMIT + TICK_SLACK, Stopwatch::now());
    let stop = || deps.stopping.signal();
    let ticking = Arc::clone(deps);
    tasks.spawn(repeat(stop(), SCHEDULE, every, move || {
        let deps = Arc::clone(&ticking);
        async move {
            deps.pulse.beat(SCHEDULE, Stopwatch::now());
            in_time(TICK_LIMIT, Box::pin(schedule::tick(&deps))).await
        }
    }));
    let listening = Arc::clone(deps);
    tasks.spawn(repeat(stop(), "listen", LISTEN_PAUSE, move || {
        let deps = Arc::clone(&listening);
        async move { deps.store.listen().await }
    }));
    let writing = Arc::clone(deps);
    tasks.spawn(repeat(stop(), "write", RETRY_EVERY, move || {
        let deps = Arc::clone(&writing);
        async move { in_time(RETRY_LIMIT, Box::pin(deps.store.retry_failed_write(deps.ids.next(), deps.now()))).await }
    }));
}

/// Works one queue. A worker never ends by itself; should it, it is started again.
async fn work(deps: Arc<Deps>, queue: Queue, slots: Slots) {
    let stop = deps.stopping.signal();
    while !stop.is_cancelled() {
        if let Err(error) = queue::work(Arc::clone(&deps), queue, slots, stop.clone()).await {
            tracing::error!(queue = queue.word(), error = %error, "a worker ended");
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Runs `work` again and again with a pause in between, until `stop`.
async fn repeat<F, Fut>(stop: CancellationToken, name: &'static str, pause: Duration, work: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), StoreError>>,
{
    let endless = async {
        let mut outage = Outage::default();
        loop {
            match work().await {
                Ok(()) => {
                    if let Some(lasted) = outage.worked(Stopwatch::now()) {
                        tracing::info!(lasted_s = lasted.as_secs(), "a background task works again");
                    }
                }
                Err(error) => {
                    if let Some(times) = outage.failed(Stopwatch::now()) {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, times, "a background task failed; it goes on");
                    }
                }
            }
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = endless.instrument(tracing::info_span!("background", name)) => {}
    }
}
