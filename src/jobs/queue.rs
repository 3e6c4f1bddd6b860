//! The only file that knows apalis: its worker executes, our table remembers.
//!
//! A queue is a stream of claimed jobs. The worker pulls from it only while it has a free slot, so
//! a job is claimed when it can begin. Nothing waits inside a slot: a failed job goes back into the
//! table with the time of its next try.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use apalis::prelude::{Data, WorkerBuilder, WorkerBuilderExt, WorkerError};
use chrono::TimeDelta;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::outage::{Outage, PAUSE_MAX};
use super::{Deps, JobError, abandon_run, in_time, perform};
use crate::domain::run::Outcome;
use crate::domain::time::{CLOCKS_APART_MAX, Instant};
use crate::store::StoreError;
use crate::store::jobs::{Job, Queue};

/// A worker that has not renewed for this long is taken for dead.
pub(super) const LEASE: TimeDelta = TimeDelta::seconds(60);
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Another node may look at a lease that is about to be renewed, with a clock that is ahead.
const _: () = assert!(
    LEASE.num_seconds() > RENEW_EVERY.as_secs().cast_signed() + 2 * CLOCKS_APART_MAX.num_seconds(),
    "a lease that is renewed in time must not look as if it had run out"
);
/// The longest sleep between two looks at the table, should an announcement be lost.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for the database to hand out a job, to say when the next one is due, and to prolong a lease.
const CLAIM_LIMIT: Duration = Duration::from_secs(15);
const NEXT_LIMIT: Duration = Duration::from_secs(5);
const RENEW_LIMIT: Duration = Duration::from_secs(15);
/// A queue that has not beaten for this long is stuck: neither is its table looked at, nor does one of its jobs live.
pub const PATIENCE: Duration = Duration::from_mins(1);
const _: () = {
    let looks = CLAIM_LIMIT.as_secs() + NEXT_LIMIT.as_secs() + LOOK_EVERY.as_secs() + PAUSE_MAX.as_secs();
    let renewals = RENEW_EVERY.as_secs() + RENEW_LIMIT.as_secs();
    assert!(looks < PATIENCE.as_secs() && renewals < PATIENCE.as_secs(), "the slowest loop still beats in time");
};
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
    let claims = Claims { deps, queue, stop, ended, ready, outage: Outage::default() };
    stream::unfold(claims, |mut claims| async move {
        let job = claims.claim_next().await?;
        Some((Ok(job), claims))
    })
    .boxed()
}

/// What claims one queue's jobs, one after the other.
struct Claims {
    deps: Arc<Deps>,
    queue: Queue,
    stop: CancellationToken,
    ended: CancellationToken,
    ready: watch::Receiver<u64>,
    outage: Outage,
}

impl Claims {
    /// The next job; `None` once `stop` has fired.
    async fn claim_next(&mut self) -> Option<Job> {
        while !self.stop.is_cancelled() {
            self.deps.pulse.beat(self.queue.word(), Stopwatch::now());
            self.ready.mark_unchanged();
            match in_time(CLAIM_LIMIT, Box::pin(claim(&self.deps, self.queue))).await {
                Ok(found) => {
                    if let Some(lasted) = self.outage.worked(Stopwatch::now()) {
                        let lasted_s = lasted.as_secs();
                        tracing::info!(queue = self.queue.word(), lasted_s, "jobs are claimed again");
                    }
                    match found {
                        Some(job) => return Some(job),
                        None => self.wait().await,
                    }
                }
                Err(error) => self.rest(&error).await,
            }
        }
        self.ended.cancel();
        None
    }

    /// Sleeps until a job becomes ready, is due, or it is time to look anyhow.
    async fn wait(&mut self) {
        let due = in_time(NEXT_LIMIT, Box::pin(next_due(&self.deps, self.queue))).await;
        let until_due = match due {
            Ok(Some(at)) => (at - self.deps.now()).to_std().unwrap_or(Duration::ZERO).max(Duration::from_millis(1)),
            Ok(None) | Err(_) => LOOK_EVERY,
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            // The sender lives in the store, which `deps` holds: it cannot be gone.
            _ = self.ready.changed() => {}
            () = tokio::time::sleep(until_due.min(LOOK_EVERY)) => {}
        }
    }

    /// Pauses after the database failed.
    async fn rest(&mut self, error: &StoreError) {
        self.deps.store.note_failed_write(error);
        if let Some(times) = self.outage.failed(Stopwatch::now()) {
            tracing::error!(
                queue = self.queue.word(),
                error = error as &dyn std::error::Error,
                times,
                "could not claim a job; it is tried again"
            );
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(self.outage.pause()) => {}
        }
    }
}

async fn claim(deps: &Deps, queue: Queue) -> Result<Option<Job>, StoreError> {
    let now = deps.now();
    let mut tx = deps.store.write().await?;
    // Without one there is nothing to commit: an empty commit would pass for a sign that the disk takes something.
    let Some(job) = tx.claim_job(queue, deps.boot, now, now + LEASE).await? else { return Ok(None) };
    tx.commit().await?;
    Ok(Some(job))
}

async fn next_due(deps: &Deps, queue: Queue) -> Result<Option<Instant>, StoreError> {
    deps.store.read().await?.next_job_at(queue).await
}

/// Runs one claimed job and writes what became of it. Never fails: what cannot be written now is found
/// again when the lease runs out.
pub async fn execute(deps: &Deps, queue: Queue, job: Job) {
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
            () = lease_lost(deps, queue, &job) => return say_lost(),
            () = deps.stopping.cut() => {
                tracing::warn!("cut off by the stop; the next start takes it up");
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

/// Prolongs the lease while the job runs, and beats for its queue, which claims nothing while all slots are taken;
/// returns when the lease is lost.
async fn lease_lost(deps: &Deps, queue: Queue, job: &Job) {
    let mut outage = Outage::default();
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        deps.pulse.beat(queue.word(), Stopwatch::now());
        match in_time(RENEW_LIMIT, Box::pin(renew(deps, job))).await {
            Ok(true) => {
                outage.worked(Stopwatch::now());
            }
            Ok(false) => return,
            Err(error) => {
                if let Some(times) = outage.failed(Stopwatch::now()) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        times,
                        "could not renew the lease of a job; it is tried again"
                    );
                }
            }
        }
    }
}

/// `false` when the lease was lost.
async fn renew(deps: &Deps, job: &Job) -> Result<bool, StoreError> {
    let mut tx = deps.store.write().await?;
    if !tx.renew_job(job, deps.now() + LEASE).await? {
        return Ok(false);
    }
    tx.commit().await?;
    Ok(true)
}

fn say_lost() {
    tracing::warn!("the lease was lost; another worker has the job now");
}

async fn settle(deps: &Deps, queue: Queue, job: &Job, result: Result<(), JobError>) -> Result<(), StoreError> {
    let mut tx = deps.store.write().await?;
    // First, and for everything below: the job's end is its present holder's to write, and its run's end too.
    match tx.hold_job(job).await {
        Ok(()) => {}
        Err(StoreError::Fenced) => {
            say_lost();
            return Ok(());
        }
        Err(error) => return Err(error),
    }
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
