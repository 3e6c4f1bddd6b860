//! Every test of the store and of a flow runs on both databases.

use reconbanker::store::{Location, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// Where `make test` says that PostgreSQL is.
const POSTGRES_URL: &str = "RECONBANKER_TEST_POSTGRES_URL";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A database of one test's own.
pub enum Database {
    Sqlite(TempDir),
    /// A schema in the server of this run; `url` selects it.
    Postgres {
        server: String,
        schema: String,
        url: String,
    },
}

impl Database {
    pub async fn create(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a temporary directory")),
            Backend::Postgres => {
                let server =
                    std::env::vars().find_map(|(name, value)| (name == POSTGRES_URL).then_some(value)).unwrap_or_else(
                        || panic!("{POSTGRES_URL} is not set: run the tests with `make test`, which starts a server"),
                    );
                let schema = format!("test_{}", super::id().simple());
                execute(&server, format!("CREATE SCHEMA {schema}")).await;
                let separator = if server.contains('?') { '&' } else { '?' };
                let url = format!("{server}{separator}options=-c%20search_path%3D{schema}");
                Self::Postgres { server, schema, url }
            }
        }
    }

    /// The URL for the settings; `None` is the file in the data directory.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres { url, .. } => Some(url.clone()),
        }
    }

    pub fn location(&self) -> Location {
        match self {
            Self::Sqlite(dir) => Location::Sqlite(dir.path().join("test.db")),
            Self::Postgres { url, .. } => Location::Postgres(url.clone()),
        }
    }

    /// A migrated store on this database.
    pub async fn store(&self) -> Store {
        let store = Store::connect(&self.location(), 4).await.expect("the database answers");
        store.migrate().await.expect("the schema can be made");
        store
    }

    pub async fn remove(self) {
        if let Self::Postgres { server, schema, .. } = self {
            execute(&server, format!("DROP SCHEMA {schema} CASCADE")).await;
        }
    }
}

async fn execute(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.expect("the test's PostgreSQL answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
}

/// Makes two tests of one: `name::sqlite` and `name::postgres`.
macro_rules! each_backend {
    ($($(#[$meta:meta])* async fn $name:ident($backend:ident: Backend) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($backend: Backend) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(Backend::Postgres).await;
            }
        }
    )+};
}
pub(crate) use each_backend;
