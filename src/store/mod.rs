//! The only module with SQL. One text per question, run on SQLite and PostgreSQL alike.
//!
//! A unit of work is a [`Tx`] value: [`Store::write`] begins one, [`Tx::commit`] is the only way to
//! keep anything, dropping it rolls back. While a `Tx` is alive its owner awaits nothing but the
//! store. Methods are named for the question they answer and take the tenant, `now` and new ids as
//! arguments: there is no clock, no randomness and no configuration in here.
//!
//! To add a question: write the method in the file of its aggregate, the SQL as a `const` inside
//! it (over many rows, made by `rows`), in the portable subset that `migrations/README.md` lists,
//! and a test in `tests/it/store`, where every test runs on both databases.

mod error;
mod health;
mod migrate;
mod rows;
mod types;

pub mod api_keys;
pub mod orgs;

pub mod accounts;
pub mod bank_logins;
pub mod banks;
pub mod configs;
pub mod deletion;
pub mod options;

pub mod run_history;
pub mod runs;

mod assistance;

pub mod expected_payments;
pub mod movements;
pub mod polls;

pub mod touched;

pub mod cases;
pub mod conciliation;
pub mod deliveries;
pub mod events;
pub mod notices;

pub mod clock;
pub mod jobs;

pub mod backup;
pub mod floor;
pub mod gauges;
pub mod inspect;
pub mod scratch;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use tokio::sync::watch;

pub use error::StoreError;
pub use health::Writes;

use self::deliveries::NewDelivery;
use self::health::Health;
use crate::domain::checkpoint::{Checkpoints, Crossing, Side};
use crate::domain::event::NewEvent;
use crate::domain::ids::OrgId;
use crate::domain::time::Instant;

/// How long a writer waits for SQLite's one write lock before the caller is told that the store is busy.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that read SQLite at the same time; WAL lets them read while one writes.
const SQLITE_READERS: u32 = 4;
/// Prepared statements that a connection to SQLite keeps: all of ours, those over several rows in every length.
const SQLITE_STATEMENTS: usize = 300;
/// The PostgreSQL channel on which nodes tell each other that a job is ready.
const JOBS_CHANNEL: &str = "reconbanker_jobs";

/// Runs `$body` against the connection of whichever database this unit of work is on.
///
/// The body must end in a type that names no database, hence `.rows_affected()` inside.
macro_rules! on_backend {
    ($tx:expr, $conn:ident => $body:expr) => {
        match &mut $tx.inner {
            $crate::store::Inner::Sqlite(tx) => {
                let $conn = &mut **tx;
                $body
            }
            $crate::store::Inner::Postgres(tx) => {
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
pub(crate) use on_backend;

/// The database, whichever it is. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pools: Pools,
    /// Counts commits that made jobs ready; the queue watches it. A `watch` rather than a `Notify`,
    /// because a worker that is busy when the count changes must still see that it changed.
    ready: Arc<watch::Sender<u64>>,
    checkpoints: Option<Arc<dyn Checkpoints>>,
    health: Arc<Health>,
}

#[derive(Clone)]
enum Pools {
    /// One writer connection, so that writers queue in process instead of failing inside SQLite.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, made if it does not exist.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

impl fmt::Display for Location {
    /// The file, or the engine's name: a URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => file.display().fmt(f),
            Self::Postgres(_) => f.write_str("PostgreSQL"),
        }
    }
}

/// A unit of work. Rolls back on drop.
pub struct Tx {
    inner: Inner,
    /// Written by `commit`, as the last statements, so that the counter row is locked briefly.
    events: Vec<(OrgId, NewEvent)>,
    /// Written by `commit` after the events that they tell of.
    deliveries: Vec<(NewDelivery, Instant)>,
    made_jobs_ready: bool,
    ready: Arc<watch::Sender<u64>>,
    checkpoints: Option<Arc<dyn Checkpoints>>,
    health: Arc<Health>,
}

enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Store {
    /// Connects, without touching the schema.
    pub async fn connect(location: &Location, connections_max: u32) -> Result<Self, StoreError> {
        let pools = match location {
            Location::Sqlite(file) => {
                let (writer, readers) = Self::open_sqlite(file).await?;
                Pools::Sqlite { writer, readers }
            }
            Location::Postgres(url) => {
                let options = PgConnectOptions::from_str(url).map_err(StoreError::from_connect)?;
                let pool = PgPoolOptions::new()
                    .max_connections(connections_max)
                    .acquire_timeout(Duration::from_secs(10))
                    .connect_with(options)
                    .await
                    .map_err(StoreError::from_connect)?;
                Pools::Postgres(pool)
            }
        };
        Ok(Self::over(pools))
    }

    fn over(pools: Pools) -> Self {
        Self { pools, ready: Arc::new(watch::Sender::new(0)), checkpoints: None, health: Arc::default() }
    }

    /// The connection that writes, and those that read.
    async fn open_sqlite(file: &Path) -> Result<(SqlitePool, SqlitePool), StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A payment record must survive a power cut; NORMAL may lose the last commits.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(SQLITE_STATEMENTS);
        let writer = sqlite_pool()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(30))
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(StoreError::from_connect)?;
        let readers = sqlite_pool()
            .max_connections(SQLITE_READERS)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(StoreError::from_connect)?;
        Ok((writer, readers))
    }

    /// Begins a unit of work that only reads. It sees one state of the database throughout on
    /// SQLite; on PostgreSQL each statement sees what is committed when it starts.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let inner = match &self.pools {
            Pools::Sqlite { readers, .. } => Inner::Sqlite(readers.begin().await?),
            Pools::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        };
        Ok(self.tx(inner))
    }

    /// Begins a unit of work that writes.
    ///
    /// On SQLite the write lock is taken at once: a transaction that reads first and upgrades later
    /// fails immediately when someone else wrote in between.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        match self.begin_write().await {
            Ok(inner) => Ok(self.tx(inner)),
            Err(error) => {
                self.health.failed(&error);
                Err(error)
            }
        }
    }

    async fn begin_write(&self) -> Result<Inner, StoreError> {
        Ok(match &self.pools {
            Pools::Sqlite { writer, .. } => Inner::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Inner::Postgres(pool.begin().await?),
        })
    }

    fn tx(&self, inner: Inner) -> Tx {
        Tx {
            inner,
            events: Vec::new(),
            deliveries: Vec::new(),
            made_jobs_ready: false,
            ready: Arc::clone(&self.ready),
            checkpoints: self.checkpoints.clone(),
            health: Arc::clone(&self.health),
        }
    }

    /// Has every commit announced.
    #[must_use]
    pub fn watched_by(self, checkpoints: Option<Arc<dyn Checkpoints>>) -> Self {
        Self { checkpoints, ..self }
    }

    /// Tells that jobs became ready: in this process at commit, from other nodes through
    /// [`Store::listen`].
    #[must_use]
    pub fn watch_jobs(&self) -> watch::Receiver<u64> {
        self.ready.subscribe()
    }

    /// Passes other nodes' announcements of ready jobs on; returns only on an error.
    ///
    /// On SQLite there are no other nodes, so it waits for ever.
    pub async fn listen(&self) -> Result<(), StoreError> {
        let Pools::Postgres(pool) = &self.pools else {
            return std::future::pending().await;
        };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(JOBS_CHANNEL).await?;
        loop {
            listener.recv().await?;
            self.ready.send_modify(|count| *count += 1);
        }
    }

    /// Brings the schema up to this binary's version. Safe to run again.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => migrate::sqlite().run(writer).await?,
            Pools::Postgres(pool) => migrate::postgres().run(pool).await?,
        }
        Ok(())
    }

    /// Answers when the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut tx = self.read().await?;
        on_backend!(tx, conn => sqlx::query("SELECT 1").execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The database's name for people.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self.pools {
            Pools::Sqlite { .. } => "SQLite",
            Pools::Postgres(_) => "PostgreSQL",
        }
    }

    /// Closes every connection; waits for units of work that are under way.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// A pool that drops connections which the driver takes for one inside a transaction.
///
/// On a full or failing disk SQLite ends the transaction by itself. The rollback that follows then has nothing to roll
/// back and fails, and the driver would refuse to begin another one on that connection for ever.
fn sqlite_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new().before_acquire(|connection, _| {
        let can_begin = !connection.is_in_transaction();
        Box::pin(std::future::ready(Ok::<bool, sqlx::Error>(can_begin)))
    })
}

impl Tx {
    /// Keeps everything, events and webhooks included, and wakes the queue if jobs became ready.
    ///
    /// What comes of it says whether the database can be written, so a unit of work that changed nothing is dropped
    /// instead.
    pub async fn commit(self) -> Result<(), StoreError> {
        let health = Arc::clone(&self.health);
        let kept = self.keep().await;
        match &kept {
            Ok(took) => health.committed(*took),
            Err(error) => health.failed(error),
        }
        kept.map(|_| ())
    }

    /// How long the database took for the commit itself.
    async fn keep(mut self) -> Result<Duration, StoreError> {
        self.write_events().await?;
        self.write_deliveries().await?;
        if self.made_jobs_ready
            && let Inner::Postgres(tx) = &mut self.inner
        {
            // Delivered to the other nodes when this transaction commits.
            sqlx::query("SELECT pg_notify($1, '')").bind(JOBS_CHANNEL).execute(&mut **tx).await?;
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.pass(Crossing::Commit, Side::Before);
        }
        let started = Stopwatch::now();
        match self.inner {
            Inner::Sqlite(tx) => tx.commit().await?,
            Inner::Postgres(tx) => tx.commit().await?,
        }
        let took = started.elapsed();
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.pass(Crossing::Commit, Side::After);
        }
        if self.made_jobs_ready {
            self.ready.send_modify(|count| *count += 1);
        }
        Ok(took)
    }
}
