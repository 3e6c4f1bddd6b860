//! What can go wrong below: said once, in words an operator can act on.

use sqlx::error::ErrorKind;

/// A failure of the database. "Not found" is no failure: lookups return `Ok(None)`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint said no.
    #[error("a row with the same key exists already ({constraint})")]
    Duplicate { constraint: String },
    /// Another writer held the lock for longer than the busy timeout.
    #[error("the database is busy; try again")]
    Busy,
    /// The database is away.
    #[error("could not connect to the database")]
    Connect(#[source] sqlx::Error),
    #[error("could not bring the schema up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// Whoever writes has been overtaken: someone else drives the bank login now, or the account was deleted.
    #[error("overtaken: another run drives this bank login, or its account was deleted")]
    Fenced,
    /// A stored value cannot be read.
    #[error("the stored {what} cannot be read")]
    Corrupt { what: &'static str },
}

impl StoreError {
    pub(super) fn from_connect(error: sqlx::Error) -> Self {
        Self::Connect(error)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            if database.kind() == ErrorKind::UniqueViolation {
                let constraint = database.constraint().unwrap_or(database.message()).to_owned();
                return Self::Duplicate { constraint };
            }
            let code = database.code().unwrap_or_default();
            let is_busy = if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
                // SQLITE_BUSY and its extended codes end in the byte 5.
                code.parse::<i64>().is_ok_and(|code| code & 0xff == 5)
            } else {
                // PostgreSQL: serialization_failure, deadlock_detected.
                matches!(&*code, "40001" | "40P01")
            };
            if is_busy {
                return Self::Busy;
            }
        }
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => Self::Connect(error),
            error => Self::Database(error),
        }
    }
}
