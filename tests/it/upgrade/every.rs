//! What an older release wrote is upgraded, and nothing of it is lost.
//!
//! Rows are put in as the first release wrote them, at each schema that there ever was: a later one must still take
//! them, because the release before runs on it. Then the newest schema is made, and everything is read.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use reconbanker::domain::ids::{AccountId, OrgId};
use reconbanker::domain::money::Amount;
use reconbanker::store::backup::{Rows, newest_schema};
use reconbanker::store::movements::Include;
use reconbanker::store::{Location, Store};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};
use uuid::Uuid;

use crate::support::{Backend, Database, MORNING, command, each_backend, id, make_private};

/// A value of a row.
#[derive(Clone, Copy)]
enum Field {
    Id(Uuid),
    At(DateTime<Utc>),
    Day(NaiveDate),
    Bytes(&'static [u8]),
}
use Field::{At, Bytes, Day, Id};

/// One row in every table that something hangs on. All ids but the organisation's are the same one.
fn rows_of_the_first_release(org: Uuid, row: Uuid) -> Vec<(&'static str, Vec<Field>)> {
    let now = DateTime::parse_from_rfc3339(MORNING).expect("an instant").to_utc();
    let (org, row, at) = (Id(org), Id(row), At(now));
    let secret = Bytes(b"sealed");
    vec![
        ("INSERT INTO installation (name, key_check, created_at) VALUES ('this', $1, $2)", vec![secret, at]),
        ("INSERT INTO orgs (id, name, event_seq, created_at) VALUES ($1, 'Shop', 1, $2)", vec![org, at]),
        (
            "INSERT INTO users (org_id, id, email, password_hash, role, created_at)
             VALUES ($1, $2, 'ana@shop.example', 'hash', 'admin', $3)",
            vec![org, row, at],
        ),
        (
            "INSERT INTO banks (id, code, name, status, time_zone)
             VALUES ($1, 'demo', 'Demo', 'active', 'America/Montevideo')",
            vec![row],
        ),
        (
            "INSERT INTO bank_logins
                (org_id, id, bank_id, username_hash, username_sealed, password_sealed, unknown_submissions, created_at)
             VALUES ($1, $2, $2, $3, $3, $3, 2, $4)",
            vec![org, row, secret, at],
        ),
        (
            "INSERT INTO accounts
                (org_id, id, bank_id, bank_login_id, name, status, enrolled_on, signing_secret_sealed, created_at)
             VALUES ($1, $2, $2, $2, 'Till', 'active', $3, $4, $5)",
            vec![org, row, Day(now.date_naive()), secret, at],
        ),
        (
            "INSERT INTO runs (org_id, id, account_id, kind, state, trigger_word, requested_at)
             VALUES ($1, $2, $2, 'scrape', 'finished', 'manual', $3)",
            vec![org, row, at],
        ),
        (
            "INSERT INTO movements
                (org_id, id, account_id, run_id, bank_account, fingerprint, fingerprint_version, ordinal, external_id,
                 received_at, first_seen_at, amount, direction, currency, status, description, raw, is_baseline)
             VALUES ($1, $2, $2, $2, '0011234567', 'f', 1, 0, 'f-0', $3, $3,
                 '00000000000000001500.000000000000000000', 'credit', 'UYU', 'booked', 'TRANSFERENCIA', '{}', FALSE)",
            vec![org, row, at],
        ),
        (
            "INSERT INTO expected_payments
                (org_id, id, account_id, run_id, kind, external_id, amount, currency, name, registered_at)
             VALUES ($1, $2, $2, $2, 'order', 'A-1', '00000000000000001500.000000000000000000', 'UYU', 'Ana', $3)",
            vec![org, row, at],
        ),
        (
            "INSERT INTO cases (org_id, id, account_id, status, updated_at) VALUES ($1, $2, $2, 'pending', $3)",
            vec![org, row, at],
        ),
        (
            "INSERT INTO events (org_id, seq, id, at, kind, actor, payload, payload_hash)
             VALUES ($1, 1, $2, $3, 'case.matched', 'engine', '{}', $4)",
            vec![org, row, at, secret],
        ),
        (
            "INSERT INTO deliveries
                (org_id, id, account_id, event_id, subject_kind, subject_id, body, state, next_at, created_at)
             VALUES ($1, $2, $2, $2, 'case', $2, $3, 'pending', $4, $4)",
            vec![org, row, Bytes(b"{}"), at],
        ),
    ]
}

/// Makes the schema of one version and fills it.
macro_rules! fill {
    ($db:ty, $pool:expr, $folder:literal, $version:expr, $rows:expr) => {{
        migrations($folder).await.run_to($version, &$pool).await.expect("the schema is made");
        for (sql, fields) in $rows {
            let mut query = sqlx::query::<$db>(sql);
            for field in fields {
                query = match field {
                    Id(id) => query.bind(id),
                    At(at) => query.bind(at),
                    Day(day) => query.bind(day),
                    Bytes(bytes) => query.bind(bytes),
                };
            }
            query.execute(&$pool).await.unwrap_or_else(|error| panic!("schema {}: {sql}: {error}", $version));
        }
        $pool.close().await;
    }};
}

async fn migrations(folder: &str) -> Migrator {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "migrations", folder].iter().collect();
    Migrator::new(folder.as_path()).await.expect("the folder is part of the project")
}

async fn fill(location: &Location, version: i64, rows: Vec<(&'static str, Vec<Field>)>) {
    match location {
        Location::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let pool = SqlitePool::connect_with(options).await.expect("the file opens");
            fill!(Sqlite, pool, "sqlite", version, rows);
        }
        Location::Postgres(url) => {
            let pool = PgPool::connect(url).await.expect("the server answers");
            fill!(Postgres, pool, "postgres", version, rows);
        }
    }
}

/// What `reconbanker` with these arguments answers, about this data directory.
fn answer(data_dir: &Path, database: &Database, arguments: &[&str]) -> Value {
    let output = command(data_dir, database.url()).args(arguments).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {error}"))
}

async fn everything_is_there(store: &Store, org: OrgId, account: AccountId) {
    assert_eq!(store.schema_version().await.expect("an answer"), Some(newest_schema()));
    assert_eq!(store.check_integrity().await.expect("an answer"), Vec::<String>::new());
    let mut tx = store.read().await.expect("a transaction");
    let expected =
        Rows { accounts: 1, movements: 1, expected_payments: 1, events: 1, deliveries: 1, pending_deliveries: 1 };
    assert_eq!(tx.rows().await.expect("a count"), expected);
    assert!(tx.orgs_with_gaps().await.expect("an answer").is_empty());
    assert_eq!(tx.key_check().await.expect("an answer").as_deref(), Some(b"sealed".as_slice()));
    assert_eq!(tx.sealed_values().await.expect("a list").len(), 3);
    assert!(tx.user_by_email("ana@shop.example").await.expect("a query").is_some());
    let found = tx.account(org, account).await.expect("a query").expect("the account");
    assert_eq!((found.name.as_str(), found.time_zone.as_str()), ("Till", "America/Montevideo"));
    let login = tx.bank_login(org, found.bank_login_id.expect("a login")).await.expect("a query").expect("the login");
    assert_eq!(login.unknown_submissions, 2, "what the bank may have refused still counts");
    let movements = tx.movements(org, account, Include::default(), 10, 0).await.expect("a list");
    assert_eq!(movements[0].amount, "1500.00".parse::<Amount>().expect("an amount"));
    let deliveries = tx.deliveries(org, account, 10).await.expect("a list");
    assert_eq!((deliveries[0].body.as_slice(), deliveries[0].state.as_str()), (b"{}".as_slice(), "pending"));
    assert_eq!(tx.events_after(org, 0, 10).await.expect("the log")[0].kind, "case.matched");
}

each_backend! {
    async fn every_older_schema_is_backed_up_upgraded_and_loses_nothing(backend: Backend) {
        let folder = if backend == Backend::Sqlite { "sqlite" } else { "postgres" };
        let versions: Vec<i64> = migrations(folder).await.iter().map(|migration| migration.version).collect();
        assert_eq!(versions.last(), Some(&newest_schema()));
        for version in versions {
            let dir = tempfile::tempdir().expect("a directory");
            let data_dir = dir.path().join("data");
            make_private(&data_dir);
            let database = Database::create(backend).await;
            let location = match backend {
                Backend::Sqlite => Location::Sqlite(data_dir.join("reconbanker.db")),
                Backend::Postgres => database.location(),
            };
            let (org, row) = (id(), id());
            fill(&location, version, rows_of_the_first_release(org, row)).await;

            // A backup leaves the schema as it is; its check upgrades a copy.
            let made = answer(&data_dir, &database, &["backup", "--json"]);
            assert_eq!(made["schema_version"], version);
            let file = made["file"].as_str().expect("a path");
            let checked = answer(&data_dir, &database, &["restore", "--check", "--json", file]);
            let upgrades_to = if version < newest_schema() { json!(newest_schema()) } else { Value::Null };
            assert_eq!((&checked["schema_version"], &checked["upgrades_to"]), (&json!(version), &upgrades_to));
            let store = Store::connect(&location, 1).await.expect("it opens");
            assert_eq!(store.schema_version().await.expect("an answer"), Some(version));

            store.migrate().await.expect("an upgrade");
            everything_is_there(&store, OrgId(org), AccountId(row)).await;
            store.close().await;
            database.remove().await;
        }
    }
}
