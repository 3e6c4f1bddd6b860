//! What is looked at for `/readyz`, each thing within a time. Writes nothing.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use tokio::sync::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use super::judge::{self, Seen};
use super::{Check, ReadyBody};
use crate::disk::{self, Space};
use crate::domain::run::RunKind;
use crate::http::Place;
use crate::jobs::Deps;
use crate::jobs::outage::Outage;
use crate::scrape::Engine;
use crate::store::{Store, StoreError};

/// The probes of load balancers wait a few seconds at most: all together stay below two.
const PING_LIMIT: Duration = Duration::from_secs(1);
const COUNT_LIMIT: Duration = Duration::from_millis(500);
const MACHINE_LIMIT: Duration = Duration::from_secs(1);
/// Anybody may ask, as often as they like. Between two looks they get what the first one saw.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Most rows of one kind that are counted.
const ROWS_MAX: u16 = 500;

/// The last look; one is taken at a time.
#[derive(Default)]
pub(in crate::http) struct Readiness(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: Option<(Stopwatch, ReadyBody)>,
    /// A look at the machine that goes on. Kept, because each one that hangs in a dead disk holds a thread.
    machine: Option<JoinHandle<Machine>>,
    outage: Outage,
}

/// What the operating system says.
struct Machine {
    space: io::Result<Space>,
    /// What stands in the way of reading banks.
    problem: Option<String>,
}

impl Readiness {
    pub async fn report(&self, deps: &Deps, place: &Place) -> ReadyBody {
        let mut kept = self.0.lock().await;
        if let Some((at, body)) = &kept.last
            && at.elapsed() < LOOK_EVERY
        {
            return body.clone();
        }
        let body = ReadyBody::of(kept.look(deps, place).await);
        kept.last = Some((Stopwatch::now(), body.clone()));
        body
    }
}

impl Kept {
    async fn look(&mut self, deps: &Deps, place: &Place) -> Vec<Check> {
        let engine = deps.store.engine();
        let (rows, machine) =
            tokio::join!(Rows::read(&deps.store), machine(&mut self.machine, &place.data_dir, &deps.engine));
        self.note(&rows.ping);
        let writes = deps.store.writes();
        let space = machine.map(|machine| match &machine.space {
            Ok(space) => Ok(*space),
            Err(error) => Err(error.to_string()),
        });
        vec![
            judge::database(engine, &rows.ping),
            judge::writes(engine, writes.failure.as_deref()),
            judge::disk(&place.data_dir, &space, place.room_min_bytes),
            judge::commits(&writes.commits),
            judge::jobs(deps.pulse.count(), &deps.pulse.silent(Stopwatch::now())),
            judge::deliveries(&rows.failing_deliveries, ROWS_MAX.into()),
            judge::polls(&rows.failed_polls, ROWS_MAX.into()),
            judge::recipes(deps.catalogue.problems().len()),
            judge::browser(&machine.map(|machine| machine.problem.clone())),
        ]
    }

    /// Probes come every few seconds: an outage is not logged with each of them.
    fn note(&mut self, ping: &Seen<()>) {
        let now = Stopwatch::now();
        let error = match ping {
            Seen::Found(()) => {
                if let Some(lasted) = self.outage.worked(now) {
                    tracing::info!(lasted_s = lasted.as_secs(), "the database answers again");
                }
                return;
            }
            Seen::Failed(error) => error.as_str(),
            Seen::Late { .. } => "no answer in time",
        };
        if let Some(times) = self.outage.failed(now) {
            tracing::warn!(error, times, "the database does not answer");
        }
    }
}

/// What the database says.
struct Rows {
    ping: Seen<()>,
    failing_deliveries: Seen<usize>,
    failed_polls: Seen<usize>,
}

impl Rows {
    async fn read(store: &Store) -> Self {
        let ping = within(PING_LIMIT, Box::pin(store.ping())).await;
        if ping != Seen::Found(()) {
            let unknown = || Seen::Failed("the database does not answer".to_owned());
            return Self { ping, failing_deliveries: unknown(), failed_polls: unknown() };
        }
        let counts = within(COUNT_LIMIT, Box::pin(count(store))).await;
        Self { ping, failing_deliveries: counts.map(|counts| counts.0), failed_polls: counts.map(|counts| counts.1) }
    }
}

/// Webhooks that wait after a failed try, and accounts whose last poll failed.
async fn count(store: &Store) -> Result<(usize, usize), StoreError> {
    let mut tx = store.read().await?;
    let deliveries = tx.failing_deliveries(ROWS_MAX.into()).await?;
    let polls = tx.failed_last_runs(RunKind::Poll, ROWS_MAX.into()).await?;
    Ok((deliveries.len(), polls.len()))
}

async fn within<T>(limit: Duration, question: impl Future<Output = Result<T, StoreError>>) -> Seen<T> {
    match timeout(limit, question).await {
        Ok(Ok(found)) => Seen::Found(found),
        Ok(Err(error)) => Seen::Failed(error.to_string()),
        Err(_elapsed) => Seen::Late { limit_ms: limit.as_millis() },
    }
}

/// Looks at disk and browser, or goes on waiting for the look that was begun before.
async fn machine(begun: &mut Option<JoinHandle<Machine>>, data_dir: &Path, engine: &Arc<dyn Engine>) -> Seen<Machine> {
    let look = begun.get_or_insert_with(|| {
        let (data_dir, engine) = (data_dir.to_owned(), Arc::clone(engine));
        spawn_blocking(move || Machine { space: disk::space(&data_dir), problem: engine.problem() })
    });
    let seen = match timeout(MACHINE_LIMIT, look).await {
        Ok(Ok(machine)) => Seen::Found(machine),
        Ok(Err(_panicked)) => Seen::Failed("the look at the disk broke off".to_owned()),
        Err(_elapsed) => return Seen::Late { limit_ms: MACHINE_LIMIT.as_millis() },
    };
    *begun = None;
    seen
}
