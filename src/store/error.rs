//! What can go wrong below: said once, in words an operator can act on.

use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::sqlite::SqliteError;

/// A failure of the database. "Not found" is no failure: lookups return `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint said no.
    #[error("a row with the same key exists already ({constraint})")]
    Duplicate { constraint: String },
    /// Another writer held the lock for longer than the busy timeout, or the server takes no more work.
    #[error("the database is busy; try again")]
    Busy,
    #[error("the database or its disk is full; free space there")]
    Full,
    #[error("the database is read-only; make its disk or its server writable again")]
    ReadOnly,
    #[error("the disk under the database failed; check it and its mount")]
    Disk(#[source] sqlx::Error),
    /// The database is away.
    #[error("could not connect to the database")]
    Connect(#[source] sqlx::Error),
    /// It may still be there: nobody waited longer.
    #[error("the database did not answer within {limit_s} s")]
    Silent { limit_s: u64 },
    #[error("could not bring the schema up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// Whoever writes has been overtaken: someone else has the job, the run or the bank login now, or the account was
    /// deleted.
    #[error("overtaken: another worker has this work or its bank login now, or the account was deleted")]
    Fenced,
    /// A stored value cannot be read.
    #[error("the stored {what} cannot be read")]
    Corrupt { what: &'static str },
}

impl StoreError {
    pub(super) fn from_connect(error: sqlx::Error) -> Self {
        Self::Connect(error)
    }

    /// Whether the database is to blame and not the question: the same may succeed once the database is mended.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Busy | Self::Full | Self::ReadOnly | Self::Disk(_) | Self::Connect(_) | Self::Silent { .. } => true,
            // A damaged file fails like this; a constraint that said no does not.
            Self::Database(sqlx::Error::Database(error)) => matches!(error.kind(), ErrorKind::Other),
            Self::Database(_) | Self::Duplicate { .. } | Self::Migrate(_) | Self::Fenced | Self::Corrupt { .. } => {
                false
            }
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let cause = match &error {
            sqlx::Error::Database(database) => {
                if database.kind() == ErrorKind::UniqueViolation {
                    let constraint = database.constraint().unwrap_or(database.message()).to_owned();
                    return Self::Duplicate { constraint };
                }
                Cause::of(&**database)
            }
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => {
                Cause::Away
            }
            _ => Cause::Other,
        };
        match cause {
            Cause::Busy => Self::Busy,
            Cause::Full => Self::Full,
            Cause::ReadOnly => Self::ReadOnly,
            Cause::Disk => Self::Disk(error),
            Cause::Away => Self::Connect(error),
            Cause::Other => Self::Database(error),
        }
    }
}

/// What a database's own code says about the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Busy,
    Full,
    ReadOnly,
    Disk,
    Away,
    Other,
}

impl Cause {
    fn of(error: &(dyn DatabaseError + 'static)) -> Self {
        let code = error.code().unwrap_or_default();
        match error.try_downcast_ref::<SqliteError>() {
            Some(_) => Self::of_sqlite(&code),
            None => Self::of_postgres(&code),
        }
    }

    fn of_sqlite(code: &str) -> Self {
        // An extended code has the primary one in its last byte.
        match code.parse::<i64>().map_or(0, |code| code & 0xff) {
            5 => Self::Busy,
            8 => Self::ReadOnly,
            10 | 14 => Self::Disk,
            13 => Self::Full,
            _ => Self::Other,
        }
    }

    fn of_postgres(code: &str) -> Self {
        match code {
            // Serialization failure, deadlock, lock not available; out of memory, too many connections.
            "40001" | "40P01" | "55P03" | "53200" | "53300" => Self::Busy,
            "53100" => Self::Full,
            "25006" => Self::ReadOnly,
            "58030" => Self::Disk,
            // Shut down by its administrator, crashed, or starting.
            "57P01" | "57P02" | "57P03" => Self::Away,
            _ if code.starts_with("08") => Self::Away,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_mean_the_same_few_things() {
        let sqlite = |code: &str, expected: Cause| assert_eq!(Cause::of_sqlite(code), expected, "{code}");
        sqlite("5", Cause::Busy);
        // SQLITE_BUSY_SNAPSHOT, SQLITE_READONLY_DBMOVED, SQLITE_IOERR_FSYNC.
        sqlite("517", Cause::Busy);
        sqlite("1032", Cause::ReadOnly);
        sqlite("1034", Cause::Disk);
        sqlite("14", Cause::Disk);
        sqlite("13", Cause::Full);
        // SQLITE_CORRUPT, SQLITE_CONSTRAINT_CHECK.
        sqlite("11", Cause::Other);
        sqlite("275", Cause::Other);
        sqlite("", Cause::Other);

        let postgres = |code: &str, expected: Cause| assert_eq!(Cause::of_postgres(code), expected, "{code}");
        postgres("40P01", Cause::Busy);
        postgres("53300", Cause::Busy);
        postgres("53100", Cause::Full);
        postgres("25006", Cause::ReadOnly);
        postgres("58030", Cause::Disk);
        postgres("57P01", Cause::Away);
        postgres("57P03", Cause::Away);
        postgres("08006", Cause::Away);
        postgres("23514", Cause::Other);
        postgres("", Cause::Other);
    }

    #[test]
    fn an_outage_is_the_databases_fault() {
        let check = |error: StoreError, expected: bool| assert_eq!(error.is_outage(), expected, "{error:?}");
        check(sqlx::Error::PoolTimedOut.into(), true);
        check(sqlx::Error::WorkerCrashed.into(), true);
        check(sqlx::Error::Io(std::io::Error::other("reset")).into(), true);
        check(StoreError::Full, true);
        check(StoreError::Silent { limit_s: 5 }, true);
        check(sqlx::Error::RowNotFound.into(), false);
        check(StoreError::Fenced, false);
        check(StoreError::Duplicate { constraint: "orgs_pkey".to_owned() }, false);
    }
}
