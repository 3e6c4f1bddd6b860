//! What an operator asks of a database, across organisations: its schema, its health, what waits and what fails.
//!
//! Questions about the database itself have no portable text; each stands beside the variant that asks it.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::{Inner, Location, Pools, SQLITE_READERS, Store, StoreError, Tx, migrate, on_backend};
use crate::domain::ids::AccountId;
use crate::domain::run::{Outcome, RunKind};
use crate::domain::time::Instant;

/// Who looks beside a running daemon takes few of the server's connections.
const LOOKERS: u32 = 4;
/// How long a look waits for a lock or a connection: less than a person does.
const LOOK_TIMEOUT: Duration = Duration::from_secs(3);

/// How the schema of a database stands to the one that this binary makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Nothing of ours is there yet.
    Missing,
    Same {
        version: i64,
    },
    Older {
        version: i64,
        wanted: i64,
    },
    /// Made by a later release.
    Newer {
        version: i64,
        known: i64,
    },
    /// A migration began and did not end.
    Unfinished {
        version: i64,
    },
    /// A migration had another text when it was applied.
    Altered {
        version: i64,
    },
}

/// A webhook that waits for its next attempt after a failed one.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FailingDelivery {
    /// Where it goes; `None` when the account names no such endpoint any more.
    pub url: Option<String>,
    /// `None` when no answer came.
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
}

/// An account whose last run of a kind did not end well.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FailedRun {
    pub account_id: AccountId,
    pub outcome: Outcome,
    /// One sentence for a person.
    pub detail: Option<String>,
}

/// An account that is scraped by nobody until a person restarts it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BlockedAccount {
    pub account_id: AccountId,
    pub blocked_at: Instant,
    pub blocked_reason: Option<String>,
}

/// A migration as the database remembers it.
#[derive(sqlx::FromRow)]
struct Applied {
    version: i64,
    checksum: Vec<u8>,
    success: bool,
}

impl Store {
    /// Connects to look only, whatever the schema is: makes no file and no table.
    ///
    /// An SQLite file is opened read-only. On PostgreSQL nothing prevents a write but the caller.
    pub async fn connect_to_look(location: &Location) -> Result<Self, StoreError> {
        let pools = match location {
            Location::Sqlite(file) => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .create_if_missing(false)
                    .read_only(true)
                    .busy_timeout(LOOK_TIMEOUT);
                let readers = SqlitePoolOptions::new()
                    .max_connections(SQLITE_READERS)
                    .acquire_timeout(LOOK_TIMEOUT)
                    .connect_with(options)
                    .await
                    .map_err(StoreError::from_connect)?;
                Pools::Sqlite { writer: readers.clone(), readers }
            }
            Location::Postgres(url) => {
                let options = PgConnectOptions::from_str(url).map_err(StoreError::from_connect)?;
                // One by itself first: a pool asks a refusing server again and again, and then does not say why.
                let first = options.connect().await.map_err(StoreError::from_connect)?;
                first.close().await.map_err(StoreError::from_connect)?;
                let pool = PgPoolOptions::new().max_connections(LOOKERS).acquire_timeout(LOOK_TIMEOUT);
                Pools::Postgres(pool.connect_lazy_with(options))
            }
        };
        Ok(Self::over(pools))
    }

    /// Compares the schema with the one that [`Store::migrate`] would make, and changes nothing.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let applied = self.read().await?.applied_migrations().await?;
        let known = match &self.pools {
            Pools::Sqlite { .. } => migrate::sqlite(),
            Pools::Postgres(_) => migrate::postgres(),
        };
        Ok(compare(&applied, &known))
    }
}

impl Tx {
    /// Migrations in the order of their versions; empty where the table that lists them does not exist.
    async fn applied_migrations(&mut self) -> Result<Vec<Applied>, StoreError> {
        const SQLITE: &str =
            "SELECT CAST(COUNT(*) AS BIGINT) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
        const POSTGRES: &str =
            "SELECT CAST(COUNT(*) AS BIGINT) FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')";
        const APPLIED: &str = "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version";
        let table = match &self.inner {
            Inner::Sqlite(_) => SQLITE,
            Inner::Postgres(_) => POSTGRES,
        };
        let (tables,): (i64,) = on_backend!(self, conn => sqlx::query_as(table).fetch_one(conn).await?);
        if tables == 0 {
            return Ok(Vec::new());
        }
        Ok(on_backend!(self, conn => sqlx::query_as(APPLIED).fetch_all(conn).await?))
    }

    /// What is damaged in the file of an SQLite database, a few sentences that name tables and pages; empty when
    /// it is sound. `None` on PostgreSQL, which looks after its own files.
    pub async fn damage(&mut self) -> Result<Option<Vec<String>>, StoreError> {
        let Inner::Sqlite(tx) = &mut self.inner else { return Ok(None) };
        let lines: Vec<(String,)> = sqlx::query_as("PRAGMA quick_check(5)").fetch_all(&mut **tx).await?;
        Ok(Some(lines.into_iter().map(|(line,)| line).filter(|line| line != "ok").collect()))
    }

    /// The time by the database server's own clock; `None` on SQLite, which has none.
    pub async fn server_clock(&mut self) -> Result<Option<Instant>, StoreError> {
        let Inner::Postgres(tx) = &mut self.inner else { return Ok(None) };
        let (now,): (Instant,) = sqlx::query_as("SELECT clock_timestamp()").fetch_one(&mut **tx).await?;
        Ok(Some(now))
    }

    /// By which keys this database was made, see [`Tx::keys_belong`]; `None` before the first start.
    pub async fn key_check(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        const SQL: &str = "SELECT key_check FROM installation WHERE name = 'this'";
        let row: Option<(Vec<u8>,)> = on_backend!(self, conn => sqlx::query_as(SQL).fetch_optional(conn).await?);
        Ok(row.map(|(check,)| check))
    }

    /// When the newest line of any organisation's log was written; `None` while all are empty.
    pub async fn newest_event_at(&mut self) -> Result<Option<Instant>, StoreError> {
        // By each organisation's counter, because no index has the times.
        const SQL: &str = "SELECT e.at FROM orgs o JOIN events e ON e.org_id = o.id AND e.seq = o.event_seq
            ORDER BY e.at DESC LIMIT 1";
        let row: Option<(Instant,)> = on_backend!(self, conn => sqlx::query_as(SQL).fetch_optional(conn).await?);
        Ok(row.map(|(at,)| at))
    }

    /// How many jobs of each queue were given up.
    pub async fn dead_jobs(&mut self) -> Result<Vec<(String, i64)>, StoreError> {
        const SQL: &str = "SELECT queue, CAST(COUNT(*) AS BIGINT) FROM jobs WHERE state = 'dead'
            GROUP BY queue ORDER BY queue";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?))
    }

    /// Webhooks that failed at least once and will be tried again, next due first.
    pub async fn failing_deliveries(&mut self, limit: i64) -> Result<Vec<FailingDelivery>, StoreError> {
        const SQL: &str = "SELECT CASE d.endpoint WHEN 'notification' THEN c.notification_endpoint_url
                    ELSE c.webhook_url END AS url, d.last_status, d.last_error
            FROM deliveries d
            LEFT JOIN account_configs c ON c.org_id = d.org_id AND c.account_id = d.account_id
            WHERE d.state = 'pending' AND d.attempts > 0
            ORDER BY d.next_at, d.id LIMIT $1";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(limit).fetch_all(conn).await?))
    }

    /// How many webhooks of accounts in use were given up since an instant.
    pub async fn dead_deliveries_since(&mut self, since: Instant) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries d
            JOIN accounts a ON a.org_id = d.org_id AND a.id = d.account_id
            WHERE d.state = 'dead' AND d.finished_at > $1 AND a.status = 'active'";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL).bind(since).fetch_one(conn).await?);
        Ok(count)
    }

    /// Accounts in use whose last run of a kind that began and ended was no success.
    pub async fn failed_last_runs(&mut self, kind: RunKind, limit: i64) -> Result<Vec<FailedRun>, StoreError> {
        const SQL: &str = "SELECT r.account_id, r.outcome, r.detail FROM accounts a
            JOIN runs r ON r.org_id = a.org_id AND r.id =
                (SELECT l.id FROM runs l
                 WHERE l.org_id = a.org_id AND l.account_id = a.id AND l.kind = $1 AND l.state = 'finished'
                   AND l.started_at IS NOT NULL
                 ORDER BY l.started_at DESC, l.id DESC LIMIT 1)
            WHERE a.status = 'active' AND r.outcome <> 'ok' ORDER BY a.id LIMIT $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(kind).bind(limit).fetch_all(conn).await?))
    }

    /// Accounts whose bank login is blocked, longest first.
    pub async fn blocked_accounts(&mut self, limit: i64) -> Result<Vec<BlockedAccount>, StoreError> {
        const SQL: &str = "SELECT a.id AS account_id, l.blocked_at, l.blocked_reason FROM accounts a
            JOIN bank_logins l ON l.org_id = a.org_id AND l.id = a.bank_login_id
            WHERE a.status = 'active' AND l.blocked_at IS NOT NULL ORDER BY l.blocked_at, a.id LIMIT $1";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(limit).fetch_all(conn).await?))
    }
}

fn compare(applied: &[Applied], known: &Migrator) -> Schema {
    if let Some(broken) = applied.iter().find(|migration| !migration.success) {
        return Schema::Unfinished { version: broken.version };
    }
    let Some(last) = applied.last() else { return Schema::Missing };
    let wanted = known.iter().map(|migration| migration.version).max().unwrap_or(0);
    for migration in applied {
        match known.iter().find(|same| same.version == migration.version) {
            None => return Schema::Newer { version: last.version, known: wanted },
            Some(same) if *same.checksum != *migration.checksum => {
                return Schema::Altered { version: migration.version };
            }
            Some(_) => {}
        }
    }
    if known.iter().all(|migration| applied.iter().any(|same| same.version == migration.version)) {
        Schema::Same { version: last.version }
    } else {
        Schema::Older { version: last.version, wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This binary's migrations as applied, changed by a test.
    fn compared(change: impl FnOnce(&mut Vec<Applied>)) -> Schema {
        let known = migrate::sqlite();
        let mut applied: Vec<Applied> = known
            .iter()
            .map(|migration| Applied {
                version: migration.version,
                checksum: migration.checksum.to_vec(),
                success: true,
            })
            .collect();
        change(&mut applied);
        compare(&applied, &known)
    }

    #[test]
    fn a_schema_is_compared_by_its_migrations() {
        let wanted = migrate::sqlite().iter().map(|migration| migration.version).max().expect("a first migration");
        assert_eq!(compared(|_| {}), Schema::Same { version: wanted });
        assert_eq!(compared(Vec::clear), Schema::Missing);
        let later = Applied { version: wanted + 1, checksum: vec![1], success: true };
        assert_eq!(compared(|all| all.push(later)), Schema::Newer { version: wanted + 1, known: wanted });
        let broken = Applied { version: wanted + 1, checksum: vec![1], success: false };
        assert_eq!(compared(|all| all.push(broken)), Schema::Unfinished { version: wanted + 1 });
        assert_eq!(compared(|all| all[0].checksum = vec![1]), Schema::Altered { version: 1 });
    }

    #[test]
    fn a_schema_that_lacks_a_migration_is_older() {
        // The same list twice would be one migration: the second is a later one that this database has not seen.
        let mut known = migrate::sqlite();
        let first = known.iter().next().expect("a first migration").clone();
        let applied = [Applied { version: first.version, checksum: first.checksum.to_vec(), success: true }];
        let second = sqlx::migrate::Migration { version: first.version + 1, ..first.clone() };
        known.migrations = vec![first, second].into();
        assert_eq!(compare(&applied, &known), Schema::Older { version: 1, wanted: 2 });
    }
}
