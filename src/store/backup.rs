//! What a backup asks of a database: a copy of it, whether it is whole, and what is in it.

use std::path::Path;

use serde::Serialize;
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::{Inner, Pools, Store, StoreError, Tx, migrate, on_backend};
use crate::domain::ids::OrgId;

/// Most sealed values of one column that are handed out to be opened.
const SEALED_MAX: i64 = 10_000;

/// Where PostgreSQL keeps our tables, which its own programs must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The schema that new tables go to; `None` where the search path names none that exists.
    pub schema: Option<String>,
    /// 15 of PostgreSQL 15.4.
    pub major: i64,
}

/// How much there is, for a person to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Rows {
    pub accounts: i64,
    pub movements: i64,
    pub expected_payments: i64,
    pub events: i64,
    pub deliveries: i64,
    pub pending_deliveries: i64,
}

/// A sealed secret with the place that it opens in.
#[derive(Debug)]
pub struct SealedValue {
    pub table: &'static str,
    pub column: &'static str,
    pub org: OrgId,
    pub row: Uuid,
    pub sealed: Vec<u8>,
}

/// Table, column and the question for its values. An erased secret is empty.
macro_rules! sealed_column {
    ($table:literal, $row:literal, $column:literal) => {
        (
            $table,
            $column,
            concat!(
                "SELECT org_id, ",
                $row,
                ", ",
                $column,
                " FROM ",
                $table,
                " WHERE length(",
                $column,
                ") > 0 ORDER BY org_id, ",
                $row,
                " LIMIT $1"
            ),
        )
    };
}

/// Every column that holds something sealed.
const SEALED: [(&str, &str, &str); 6] = [
    sealed_column!("bank_logins", "id", "username_sealed"),
    sealed_column!("bank_logins", "id", "password_sealed"),
    sealed_column!("accounts", "id", "signing_secret_sealed"),
    sealed_column!("account_configs", "account_id", "auth_token_sealed"),
    sealed_column!("account_configs", "account_id", "webhook_auth_token_sealed"),
    sealed_column!("account_configs", "account_id", "notification_token_sealed"),
];

/// The schema that this program makes: the number of its newest migration.
#[must_use]
pub fn newest_schema() -> i64 {
    migrate::sqlite().iter().map(|migration| migration.version).max().unwrap_or_default()
}

impl Store {
    /// Writes the database as it is now into a new file, while others go on reading and writing. On PostgreSQL an
    /// error: its own program does that.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        const SQL: &str = "VACUUM INTO $1";
        let Pools::Sqlite { readers, .. } = &self.pools else {
            return Err(unusable("PostgreSQL is copied with pg_dump"));
        };
        let name = file.to_str().ok_or_else(|| unusable("the path of the copy is not UTF-8"))?;
        let mut connection = own_connection(readers).await?;
        sqlx::query(SQL).bind(name).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// What is broken in the database, one sentence each. PostgreSQL keeps that by itself, and has no such question.
    pub async fn check_integrity(&self) -> Result<Vec<String>, StoreError> {
        const PAGES: &str = "PRAGMA integrity_check(20)";
        const KEYS: &str = "SELECT \"table\", \"parent\", CAST(COUNT(*) AS BIGINT) FROM pragma_foreign_key_check
            GROUP BY \"table\", \"parent\" ORDER BY \"table\", \"parent\"";
        let Pools::Sqlite { readers, .. } = &self.pools else { return Ok(Vec::new()) };
        let mut connection = own_connection(readers).await?;
        let pages: Vec<(String,)> = sqlx::query_as(PAGES).fetch_all(&mut connection).await?;
        let strays: Vec<(String, String, i64)> = sqlx::query_as(KEYS).fetch_all(&mut connection).await?;
        connection.close().await?;
        let mut problems: Vec<String> = pages.into_iter().map(|(line,)| line).filter(|line| line != "ok").collect();
        problems.extend(
            strays.into_iter().map(|(table, parent, count)| format!("{count} rows of {table} refer to no {parent}")),
        );
        Ok(problems)
    }

    /// The tables, ours or not; on PostgreSQL those of the schema that ours go to.
    pub async fn tables(&self) -> Result<Vec<String>, StoreError> {
        // Each database describes itself in tables of its own.
        const SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
        const POSTGRES: &str = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
            WHERE table_schema = current_schema() ORDER BY 1";
        let mut tx = self.read().await?;
        let rows: Vec<(String,)> = match &mut tx.inner {
            Inner::Sqlite(tx) => sqlx::query_as(SQLITE).fetch_all(&mut **tx).await?,
            Inner::Postgres(tx) => sqlx::query_as(POSTGRES).fetch_all(&mut **tx).await?,
        };
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }

    /// The newest migration that was applied; `None` where there was none.
    pub async fn schema_version(&self) -> Result<Option<i64>, StoreError> {
        const SQL: &str = "SELECT MAX(version) FROM _sqlx_migrations";
        if !self.tables().await?.iter().any(|table| table == "_sqlx_migrations") {
            return Ok(None);
        }
        let mut tx = self.read().await?;
        let (version,): (Option<i64>,) = on_backend!(tx, conn => sqlx::query_as(SQL).fetch_one(conn).await?);
        Ok(version)
    }

    /// `None` on SQLite, which is a file.
    pub async fn server(&self) -> Result<Option<Server>, StoreError> {
        const SQL: &str = "SELECT CAST(current_schema() AS TEXT),
            CAST(current_setting('server_version_num') AS BIGINT) / 10000";
        let Pools::Postgres(pool) = &self.pools else { return Ok(None) };
        let (schema, major): (Option<String>, i64) = sqlx::query_as(SQL).fetch_one(pool).await?;
        Ok(Some(Server { schema, major }))
    }
}

impl Tx {
    pub async fn rows(&mut self) -> Result<Rows, StoreError> {
        const SQL: &str = "SELECT
            (SELECT CAST(COUNT(*) AS BIGINT) FROM accounts) AS accounts,
            (SELECT CAST(COUNT(*) AS BIGINT) FROM movements) AS movements,
            (SELECT CAST(COUNT(*) AS BIGINT) FROM expected_payments) AS expected_payments,
            (SELECT CAST(COUNT(*) AS BIGINT) FROM events) AS events,
            (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries) AS deliveries,
            (SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries WHERE state = 'pending') AS pending_deliveries";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).fetch_one(conn).await?))
    }

    /// The organisations whose log has a gap, or lines beyond its counter.
    pub async fn orgs_with_gaps(&mut self) -> Result<Vec<OrgId>, StoreError> {
        const SQL: &str = "SELECT o.id FROM orgs o
            WHERE o.event_seq <> (SELECT CAST(COUNT(*) AS BIGINT) FROM events e
                                  WHERE e.org_id = o.id AND e.seq BETWEEN 1 AND o.event_seq)
               OR EXISTS (SELECT 1 FROM events e WHERE e.org_id = o.id AND (e.seq < 1 OR e.seq > o.event_seq))
            ORDER BY o.id";
        let rows: Vec<(OrgId,)> = on_backend!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// What is sealed, of every column and organisation: for the operator at the command line only.
    pub async fn sealed_values(&mut self) -> Result<Vec<SealedValue>, StoreError> {
        let mut values = Vec::new();
        for (table, column, sql) in SEALED {
            let rows: Vec<(OrgId, Uuid, Vec<u8>)> =
                on_backend!(self, conn => sqlx::query_as(sql).bind(SEALED_MAX).fetch_all(conn).await?);
            values.extend(rows.into_iter().map(|(org, row, sealed)| SealedValue { table, column, org, row, sealed }));
        }
        Ok(values)
    }
}

/// A connection beside the pool's, which may take its time: nobody is told of slow statements.
async fn own_connection(pool: &SqlitePool) -> Result<SqliteConnection, StoreError> {
    let options = (*pool.connect_options()).clone().disable_statement_logging();
    options.connect().await.map_err(StoreError::from_connect)
}

fn unusable(reason: &'static str) -> StoreError {
    StoreError::Database(sqlx::Error::Configuration(reason.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn no_sealed_column_is_forgotten() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
        let mut columns = BTreeSet::new();
        for entry in fs::read_dir(dir).expect("the folder is part of the project") {
            let text = fs::read_to_string(entry.expect("an entry").path()).expect("a text");
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            columns.extend(words.filter(|word| word.ends_with("_sealed")).map(str::to_owned));
        }
        let known: BTreeSet<String> = SEALED.iter().map(|(_, column, _)| (*column).to_owned()).collect();
        assert_eq!(columns, known);
    }
}
