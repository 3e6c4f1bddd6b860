//! Every test of the store and of a flow runs on both databases.

use std::collections::BTreeSet;
use std::path::Path;

use reconbanker::store::{Location, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;
use url::Url;

use super::proxy::Proxy;
use super::schema;

/// Where `make test` says that PostgreSQL is.
const POSTGRES_URL: &str = "RECONBANKER_TEST_POSTGRES_URL";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    pub fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A database of one test's own.
pub enum Database {
    Sqlite(TempDir),
    /// A schema in the server of this run; `url` selects it. `owned` is the database that was made for it, if one was.
    Postgres {
        server: String,
        schema: String,
        url: String,
        owned: Option<String>,
    },
}

impl Database {
    pub async fn create(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a temporary directory")),
            Backend::Postgres => {
                let server = postgres_server();
                let schema = format!("test_{}", super::id().simple());
                execute(&server, format!("CREATE SCHEMA {schema}")).await;
                let url = selecting(&server, &schema);
                Self::Postgres { server, schema, url, owned: None }
            }
        }
    }

    /// An empty database elsewhere, where the schema has the same name.
    pub async fn empty_beside(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::Sqlite(tempfile::tempdir().expect("a temporary directory")),
            Self::Postgres { server, schema, .. } => {
                let name = format!("test_{}", super::id().simple());
                // From the template that nobody is ever connected to.
                execute(server, format!("CREATE DATABASE {name} TEMPLATE template0")).await;
                let mut there = url::Url::parse(server).expect("a URL");
                there.set_path(&name);
                execute(there.as_str(), format!("CREATE SCHEMA {schema}")).await;
                let url = selecting(there.as_str(), schema);
                Self::Postgres { server: server.clone(), schema: schema.clone(), url, owned: Some(name) }
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

    /// The same server with a network before it that a test can cut; whoever removes the database goes around it.
    pub async fn behind_proxy(self) -> (Self, Proxy) {
        let Self::Postgres { server, schema, url, owned } = self else { panic!("there is no network before a file") };
        let mut url = Url::parse(&url).expect("a URL");
        let host = url.host_str().expect("a server that is reached over TCP");
        let proxy = Proxy::start(format!("{host}:{}", url.port().unwrap_or(5432))).await;
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(proxy.address().port())).expect("a port");
        (Self::Postgres { server, schema, url: url.to_string(), owned }, proxy)
    }

    pub async fn schema(&self) -> BTreeSet<schema::Part> {
        schema::parts(&self.location()).await
    }

    /// A migrated store on this database.
    pub async fn store(&self) -> Store {
        let store = Store::connect(&self.location(), 4).await.expect("the database answers");
        store.migrate().await.expect("the schema can be made");
        store
    }

    /// Fills an empty database with what an earlier release left: `sqlite.sql` or `postgres.sql` of a folder.
    pub async fn load(&self, location: &Location, folder: &Path) {
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a saved database");
        match (self, location) {
            (Self::Postgres { server, schema, .. }, _) => {
                let text = read("postgres.sql").replace("CREATE SCHEMA reconbanker_0001;", "");
                execute(server, text.replace("reconbanker_0001", schema)).await;
            }
            (Self::Sqlite(_), Location::Sqlite(file)) => {
                let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).foreign_keys(false);
                let mut connection = SqliteConnection::connect_with(&options).await.expect("the file opens");
                let text = read("sqlite.sql");
                sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.expect("the statements are right");
                connection.close().await.expect("the file is written");
            }
            (Self::Sqlite(_), Location::Postgres(_)) => panic!("the database is a file"),
        }
    }

    pub async fn remove(self) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres { server, owned: Some(name), .. } => {
                execute(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
            Self::Postgres { server, schema, .. } => execute(&server, format!("DROP SCHEMA {schema} CASCADE")).await,
        }
    }
}

/// The server's URL with a schema selected.
fn selecting(server: &str, schema: &str) -> String {
    let separator = if server.contains('?') { '&' } else { '?' };
    format!("{server}{separator}options=-c%20search_path%3D{schema}")
}

async fn execute(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.expect("the test's PostgreSQL answers");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the statement is right");
}

/// The PostgreSQL server of this run.
pub fn postgres_server() -> String {
    std::env::vars()
        .find_map(|(name, value)| (name == POSTGRES_URL).then_some(value))
        .unwrap_or_else(|| panic!("{POSTGRES_URL} is not set: run the tests with `make test`, which starts a server"))
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
