//! What runs when. Each job is load, decide, save; the decision itself is in a stage or in `matching`.
//!
//! A job's body can be called without a queue, is safe to run twice, and holds no transaction while
//! it waits for a bank, a customer or a clock.

pub mod outage;
pub mod pulse;
pub mod queue;
pub mod resend;
pub mod schedule;
pub mod stopping;

pub(crate) mod cadence;
pub(crate) mod plan;

mod clock;
mod delete_account;
mod deliver_webhook;
mod expire;
mod hold;
mod ingest;
mod ingest_orders;
mod login_budget;
mod match_account;
mod notice;
mod outbox;
mod poll_customer;
mod running;
mod scrape_account;
mod second_factor;
mod technical;

pub use delete_account::delete_account;
pub(crate) use hold::Hold;
pub(crate) use ingest::write as ingest_movements;
pub(crate) use ingest_orders::apply as apply_poll;
pub use match_account::{explain as explain_case, run as match_account};
pub(crate) use poll_customer::run as poll_customer;
pub use poll_customer::{Rehearsal, rehearse as rehearse_poll};
pub use running::Running;
pub use technical::Matcher;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;
use uuid::Uuid;

use self::pulse::Pulse;
use self::stopping::Stopping;
use crate::domain::account::AuthType;
use crate::domain::event::{Actor, EventKind, NewEvent};
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::{AccountId, EventId, IdSource, JobId, OrgId, RunId};
use crate::domain::run::{Outcome, RunKind, RunResult, Trigger};
use crate::domain::time::{Clock, Instant};
use crate::matching::Policy;
use crate::metrics::Metrics;
use crate::outbound::Outbound;
use crate::poll::presence::PresencePolicy;
use crate::scrape::Engine;
use crate::scrape::catalogue::Catalogue;
use crate::session::assistance::Assistance;
use crate::store::configs::AccountConfig;
use crate::store::jobs::{Job, NewJob, Queue};
use crate::store::runs::Run;
use crate::store::{Store, StoreError, Tx};
use crate::vault::{Place, Vault, VaultError};

/// Everything a job may need, built once in `app`.
pub struct Deps {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub vault: Vault,
    pub outbound: Outbound,
    pub catalogue: Catalogue,
    pub engine: Arc<dyn Engine>,
    /// Where logins ask for one-time codes.
    pub assistance: Arc<Assistance>,
    /// What the deletion of an account calls off.
    pub running: Running,
    /// Port of the demo bank; `None` where none runs.
    pub portal_port: Option<u16>,
    pub timing: Timing,
    pub poll: PollRules,
    pub policy: Policy,
    pub matcher: Matcher,
    /// What happened is counted once it is committed.
    pub metrics: Metrics,
    /// This start of this process; leases carry it.
    pub boot: Uuid,
    /// Whether the work in the background is alive.
    pub pulse: Pulse,
    /// Whether this process is about to end.
    pub stopping: Stopping,
}

/// How often things happen, from the settings.
#[derive(Debug, Clone)]
pub struct Timing {
    pub scrape_every: Duration,
    /// Spread, so that accounts do not all log in at once.
    pub scrape_jitter: Duration,
    pub poll_every: Duration,
    /// Whole bank days that every scrape reads again.
    pub overlap_days: u32,
    /// Whole bank days that an account's first scrape reads.
    pub first_read_days: u32,
    /// How long a login waits for people, all its codes together.
    pub code_wait: Duration,
}

/// How polls go, from the settings.
#[derive(Debug, Clone, Copy)]
pub struct PollRules {
    /// For the endpoint's whole answer.
    pub timeout: Duration,
    pub presence: PresencePolicy,
}

/// Why a job did not finish; decided where the cause is known.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("will try again: {source}")]
    Retry { after: Duration, source: Box<dyn Error + Send + Sync> },
    /// Trying again cannot help.
    #[error("given up: {source}")]
    Discard { source: Box<dyn Error + Send + Sync> },
}

impl JobError {
    fn discard(message: impl Into<String>) -> Self {
        Self::Discard { source: message.into().into() }
    }

    fn retry(after: Duration, message: impl Into<String>) -> Self {
        Self::Retry { after, source: message.into().into() }
    }
}

/// Wait while somebody else drives the same bank login, or has the same run.
const BUSY: TimeDelta = TimeDelta::seconds(15);

/// Waits so long for the database and no longer. Whoever waits for ever cannot say that it is alive, and does not find
/// out that a connection is dead: a network that swallows everything tells nobody.
pub async fn in_time<T>(
    limit: Duration,
    question: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, question).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(StoreError::Silent { limit_s: limit.as_secs() }),
    }
}

/// How long to wait after the database said no; it is the same machine's disk or the next room.
const STORE_RETRY: Duration = Duration::from_secs(2);

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Retry { after: STORE_RETRY, source: Box::new(error) }
    }
}

impl From<VaultError> for JobError {
    fn from(error: VaultError) -> Self {
        Self::Discard { source: Box::new(error) }
    }
}

impl Deps {
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// An event by the engine, with a fresh id.
    fn event(&self, kind: EventKind, now: Instant) -> NewEvent {
        NewEvent::engine(EventId(self.ids.next()), now, kind)
    }

    fn job(&self, org_id: OrgId, queue: Queue, subject: Uuid, run_id: Option<RunId>, run_at: Instant) -> NewJob {
        NewJob { id: JobId(self.ids.next()), org_id, queue, subject, run_id, run_at }
    }

    /// Opens a sealed value that may be absent.
    fn open(
        &self,
        table: &'static str,
        column: &'static str,
        row: Uuid,
        org: OrgId,
        sealed: Option<&[u8]>,
    ) -> Result<Option<SecretString>, VaultError> {
        sealed.map(|sealed| self.vault.open(&Place { table, column, row, org }, sealed)).transpose()
    }
}

/// Asks for a scrape or a poll in the caller's transaction: the run, its event and its job.
///
/// Where one of this kind waits already, that one is meant; its id comes back. The account is off
/// the schedule until the run ends, which sets the next time.
pub async fn request_run(
    tx: &mut Tx,
    deps: &Deps,
    account: (OrgId, AccountId),
    what: (RunKind, Trigger),
    by: (Actor, Option<String>),
    now: Instant,
) -> Result<RunId, StoreError> {
    request_run_at(tx, deps, account, what, by, now, now).await
}

/// The same, to begin at a time; a run that waits already begins at the earlier one.
async fn request_run_at(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    (kind, trigger): (RunKind, Trigger),
    (actor, ip): (Actor, Option<String>),
    begins: Instant,
    now: Instant,
) -> Result<RunId, StoreError> {
    // First, because it takes the account's row: whoever deletes the account takes that one first too.
    tx.set_next_run(org, account, kind, None, now).await?;
    let wanted = RunId(deps.ids.next());
    let run = tx.request_run(org, account, kind, trigger, wanted, now).await?;
    if run == wanted {
        let event = deps.event(EventKind::RunRequested, now).by(actor, ip).account(account).run(Some(run));
        tx.record(org, event.payload(serde_json::json!({ "kind": kind.word(), "trigger": trigger.word() })));
    }
    tx.enqueue(&deps.job(org, queue_of(kind), run.0, Some(run), begins), now).await?;
    Ok(run)
}

/// The polling credential, opened.
fn polling_token(
    vault: &Vault,
    org: OrgId,
    account: AccountId,
    config: &AccountConfig,
) -> Result<Option<SecretString>, JobError> {
    let Some(sealed) = &config.auth_token_sealed else { return Ok(None) };
    let place = Place { table: "account_configs", column: "auth_token_sealed", row: account.0, org };
    Ok(Some(vault.open(&place, sealed)?))
}

/// The webhook's credentials: its own, or the polling ones, type and token apart.
fn webhook_auth(
    deps: &Deps,
    org: OrgId,
    account: AccountId,
    config: &AccountConfig,
) -> Result<Option<(AuthType, SecretString)>, JobError> {
    let sealed = config.webhook_auth_token_sealed.as_deref();
    let own = deps.open("account_configs", "webhook_auth_token_sealed", account.0, org, sealed)?;
    let token = match own {
        Some(token) => Some(token),
        None => polling_token(&deps.vault, org, account, config)?,
    };
    Ok(token.map(|token| (config.webhook_auth_type.unwrap_or(config.auth_type), token)))
}

/// Asks in the caller's transaction for another look at an order's amount, whether or not anything about it is new.
pub async fn request_match(
    tx: &mut Tx,
    deps: &Deps,
    org: OrgId,
    order: &ExpectedPayment,
    now: Instant,
) -> Result<(), StoreError> {
    tx.bump_revision(org, order.account_id).await?;
    tx.touch_order(org, order.id).await?;
    wake_matcher(tx, deps, (org, order.account_id), None, now).await
}

/// Has the matcher look, in the caller's transaction, at what was touched in an account since it last looked. `run` is
/// what led to it, if a run did.
pub async fn wake_matcher(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    run: Option<RunId>,
    now: Instant,
) -> Result<(), StoreError> {
    tx.enqueue(&deps.job(org, Queue::Match, account.0, run, now), now).await
}

/// Leaves a run to whoever is at it, or at its bank login: it gets a new wake-up. Waiting is no failure, and no slot is
/// held meanwhile.
async fn wake_later(mut tx: Tx, deps: &Deps, run: &Run, now: Instant) -> Result<(), StoreError> {
    tx.enqueue(&deps.job(run.org_id, queue_of(run.kind), run.id.0, Some(run.id), now + BUSY), now).await?;
    tx.commit().await
}

fn queue_of(kind: RunKind) -> Queue {
    match kind {
        RunKind::Scrape => Queue::Scrape,
        RunKind::Poll => Queue::Poll,
    }
}

/// Runs one job's body.
async fn perform(deps: &Deps, queue: Queue, job: &Job) -> Result<(), JobError> {
    match queue {
        Queue::Scrape => scrape_account::run(deps, job).await,
        Queue::Poll => poll_customer::run(deps, job).await,
        Queue::Match => match_account::run(deps, job.org_id, AccountId(job.subject), job.run_id).await,
        Queue::Deliver => deliver_webhook::run(deps, job).await,
    }
}

/// Ends the run whose job was given up, so that its account comes back onto the schedule. `None` where no run ended by
/// it. The caller holds the job.
async fn abandon_run(
    tx: &mut Tx,
    deps: &Deps,
    queue: Queue,
    job: &Job,
    why: &str,
) -> Result<Option<RunKind>, StoreError> {
    let kind = match queue {
        Queue::Scrape => RunKind::Scrape,
        Queue::Poll => RunKind::Poll,
        Queue::Match | Queue::Deliver => return Ok(None),
    };
    let now = deps.now();
    let id = RunId(job.subject);
    let Some(run) = tx.run(job.org_id, id).await? else { return Ok(None) };
    // The account's row first, as everywhere: options that are saved meanwhile are seen below, or come after.
    tx.hold_account(job.org_id, run.account_id).await?;
    let result = RunResult { outcome: Outcome::Internal, detail: Some(why.to_owned()), report: serde_json::json!({}) };
    if !tx.finish_run(job.org_id, id, &result, now).await? {
        return Ok(None);
    }
    match kind {
        RunKind::Scrape => plan::plan_next(tx, deps, (job.org_id, run.account_id), id.0, now).await?,
        RunKind::Poll => poll_customer::set_next_poll(tx, &run, now, deps.timing.poll_every).await?,
    }
    let event = deps.event(EventKind::RunFinished, now).account(run.account_id).run(Some(id));
    notice::of_end(tx, deps, &run, result.outcome, event.id, now).await?;
    tx.record(job.org_id, event.payload(serde_json::json!({ "kind": kind.word(), "outcome": "internal" })));
    Ok(Some(kind))
}
