//! The only file that knows apalis: its worker executes, our table remembers.
//!
//! A queue is a stream of claimed jobs. The worker pulls from it only while it has a free slot, so
//! a job is claimed when it can begin. Nothing waits inside a slot: a failed job goes back into the
//! table with the time of its next try.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{Data, WorkerBuilder, WorkerBuilderExt, WorkerError};
use chrono::TimeDelta;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Deps, JobError, abandon_run, perform};
use crate::domain::run::Outcome;
use crate::store::StoreError;
use crate::store::jobs::{Job, Queue};

/// A worker that has not renewed for this long is taken for dead.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(60);
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// The longest sleep between two looks at the table, should an announcement be lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Pause after the database failed.
const PAUSE: Duration = Duration::from_secs(1);
/// A job that failed this often is buried. Webhooks count their own attempts and never get here.
const ATTEMPTS_MAX: i64 = 20;

/// How many jobs of each queue run at once.
#[derive(Debug, Clone, Copy)]
pub struct Slots {
    pub scrape: usize,
    pub poll: usize,
    pub matching: usize,
    pub deliver: usize,
}

impl Slots {
    fn of(self, queue: Queue) -> usize {
        match queue {
            Queue::Scrape => self.scrape,
            Queue::Poll => self.poll,
            Queue::Match => self.matching,
            Queue::Deliver => self.deliver,
        }
    }
}

/// Works one queue until `stop`; jobs under way are finished first.
///
/// The stream ends first, the worker after it. The other way round, the worker would no longer poll
/// a claim that waits for the database's one writer, keep it, and so bar the jobs under way from
/// writing their end.
pub async fn work(deps: Arc<Deps>, queue: Queue, slots: Slots, stop: CancellationToken) -> Result<(), WorkerError> {
    let ended = CancellationToken::new();
    let stream_ended = ended.clone();
    WorkerBuilder::new(queue.word())
        .backend(claimed_jobs(Arc::clone(&deps), queue, stop, ended))
        .data(deps)
        .data(queue)
        .concurrency(slots.of(queue))
        .build(handle)
        .run_until(async move {
            stream_ended.cancelled().await;
            Ok::<(), WorkerError>(())
        })
        .await
}

async fn handle(job: Job, queue: Data<Queue>, deps: Data<Arc<Deps>>) {
    execute(&deps, *queue, job).await;
}

/// An endless stream of jobs; ends when `stop` fires, and says so through `ended`.
fn claimed_jobs(
    deps: Arc<Deps>,
    queue: Queue,
    stop: CancellationToken,
    ended: CancellationToken,
) -> BoxStream<'static, Result<Job, Infallible>> {
    let ready = deps.store.watch_jobs();
    stream::unfold((deps, stop, ended, ready), move |(deps, stop, ended, mut ready)| async move {
        loop {
            if stop.is_cancelled() {
                ended.cancel();
                return None;
            }
            ready.mark_unchanged();
            match claim(&deps, queue).await {
                Ok(Some(job)) => return Some((Ok(job), (deps, stop, ended, ready))),
                Ok(None) => wait(&deps, queue, &stop, &mut ready).await,
                Err(error) => {
                    tracing::error!(
                        queue = queue.word(),
                        error = &error as &dyn std::error::Error,
                        "could not claim a job"
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
    .boxed()
}

async fn claim(deps: &Deps, queue: Queue) -> Result<Option<Job>, StoreError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    let job = tx.claim_job(queue, deps.boot, now, now + LEASE).await?;
    tx.commit().await?;
    Ok(job)
}

/// Sleeps until a job becomes ready, is due, or it is time to look anyhow.
async fn wait(deps: &Deps, queue: Queue, stop: &CancellationToken, ready: &mut watch::Receiver<u64>) {
    let until_due = match next_due(deps, queue).await {
        Ok(Some(at)) => (at - deps.now()).to_std().unwrap_or(Duration::ZERO).max(Duration::from_millis(1)),
        Ok(None) | Err(_) => LOOK_EVERY,
    };
    tokio::select! {
        () = stop.cancelled() => {}
        // The sender lives in the store, which `deps` holds: it cannot be gone.
        _ = ready.changed() => {}
        () = tokio::time::sleep(until_due.min(LOOK_EVERY)) => {}
    }
}

async fn next_due(deps: &Deps, queue: Queue) -> Result<Option<crate::domain::time::Instant>, StoreError> {
    deps.store.read().await?.next_job_at(queue).await
}

/// Runs one job and writes what became of it. Never fails: what cannot be written now is found
/// again when the lease runs out.
async fn execute(deps: &Deps, queue: Queue, job: Job) {
    let span = tracing::info_span!(
        "job",
        queue = queue.word(),
        job_id = %job.id,
        org_id = %job.org_id,
        run_id = job.run_id.map(tracing::field::display),
    );
    async {
        let result = tokio::select! {
            result = AssertUnwindSafe(perform(deps, queue, &job)).catch_unwind() => {
                result.unwrap_or_else(|panic| Err(JobError::discard(panic_message(&*panic))))
            }
            () = lease_lost(deps, &job) => {
                tracing::warn!("the lease was lost; another worker has the job now");
                return;
            }
        };
        if let Err(error) = settle(deps, queue, &job, result).await {
            tracing::error!(error = &error as &dyn std::error::Error, "could not write the end of a job");
        }
    }
    .instrument(span)
    .await;
}

/// Prolongs the lease while the job runs; returns when it is lost.
async fn lease_lost(deps: &Deps, job: &Job) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let renewed = async {
            let mut tx = deps.store.write().await?;
            let held = tx.renew_job(job, deps.now() + LEASE).await?;
            tx.commit().await?;
            Ok::<bool, StoreError>(held)
        };
        match renewed.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not renew the lease of a job");
            }
        }
    }
}

async fn settle(deps: &Deps, queue: Queue, job: &Job, result: Result<(), JobError>) -> Result<(), StoreError> {
    let mut tx = deps.store.write().await?;
    let mut abandoned = None;
    match result {
        Ok(()) => tx.finish_job(job).await?,
        Err(JobError::Retry { after, source }) if job.attempts < ATTEMPTS_MAX => {
            tracing::warn!(error = &*source, after_s = after.as_secs(), "job will be tried again");
            let run_at = deps.now() + TimeDelta::from_std(after).unwrap_or(TimeDelta::days(1));
            tx.retry_job(job, run_at, &source.to_string()).await?;
        }
        Err(JobError::Retry { source, .. } | JobError::Discard { source }) => {
            tracing::error!(error = &*source, attempts = job.attempts, "job given up");
            tx.bury_job(job, &source.to_string()).await?;
            abandoned = abandon_run(&mut tx, deps, queue, job, &source.to_string()).await?;
        }
    }
    tx.commit().await?;
    if let Some(kind) = abandoned {
        deps.metrics.run_finished(kind, Outcome::Internal, None);
    }
    Ok(())
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a job panicked: {}", text.unwrap_or("no message"))
}

/// Runs everything that is due, one after the other, until nothing is. For tests and replays, which
/// move the clock themselves.
pub async fn run_due(deps: &Deps) -> Result<usize, StoreError> {
    let mut done = 0;
    loop {
        let before = done;
        for queue in Queue::ALL {
            while let Some(job) = claim(deps, *queue).await? {
                execute(deps, *queue, job).await;
                done += 1;
            }
        }
        if done == before {
            return Ok(done);
        }
    }
}
