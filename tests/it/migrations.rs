//! Two folders, one schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use reconbanker::domain::ids::{AccountId, OrgId};
use reconbanker::store::Location;
use reconbanker::store::touched::Span;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use uuid::Uuid;

use crate::support::{Backend, Database, each_backend};

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let sqlite = Database::create(Backend::Sqlite).await;
    let postgres = Database::create(Backend::Postgres).await;
    let (one, other) = (sqlite.store().await, postgres.store().await);
    // Migrating again changes nothing.
    one.migrate().await.expect("a second run");
    other.migrate().await.expect("a second run");
    assert_eq!(sqlite.schema().await, postgres.schema().await);
    one.close().await;
    other.close().await;
    postgres.remove().await;
}

#[test]
fn both_folders_have_the_same_files() {
    let names = |folder: &str| -> BTreeSet<String> {
        let dir = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = fs::read_dir(dir).expect("the folder is there");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

each_backend! {
    /// What was open before the matcher noted what it has looked at is looked at once.
    async fn open_rows_of_the_first_schema_are_looked_at_after_the_upgrade(backend: Backend) {
        let database = Database::create(backend).await;
        prepare(&database, backend).await;
        let store = database.store().await;
        let (org, account) = (OrgId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let mut tx = store.read().await.expect("a transaction");
        let revision = tx.account(org, account).await.expect("a query").expect("the account").revision;
        assert_eq!(revision, 8, "one more than before");
        let unseen = Span { after: 0, upto: revision };
        assert_eq!(tx.first_touched(org, account, unseen, 10).await.expect("an answer"), Some(unseen));
        let open = tx.open_cases(org, account, unseen).await.expect("a list");
        let names: Vec<_> = open.iter().map(|case| case.order.external_id.as_str()).collect();
        assert_eq!(names, ["OPEN-1", "OPEN-2"]);
        let free = tx.free_movements(org, account, unseen).await.expect("a list");
        assert_eq!(free.iter().map(|row| row.id.0.as_u128()).collect::<Vec<_>>(), [31]);
        // In passthrough, what was not forwarded yet will be.
        let unforwarded = tx.unforwarded_movements(org, account, unseen, 10).await.expect("a list");
        assert_eq!(unforwarded.iter().map(|row| row.id.0.as_u128()).collect::<Vec<_>>(), [31, 32]);
        drop(tx);
        store.close().await;
        database.remove().await;
    }
}

/// Makes the first schema, with open and closed orders and movements of an account at revision 7.
async fn prepare(database: &Database, backend: Backend) {
    let folder = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
    };
    let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
    let migrator = Migrator::new(Path::new(&folder)).await.expect("a folder of migrations");
    let rows = AssertSqlSafe(rows_of_the_first_schema(backend));
    match database.location() {
        Location::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let pool = SqlitePool::connect_with(options).await.expect("the file opens");
            migrator.run_to(1, &pool).await.expect("the first schema");
            sqlx::raw_sql(rows).execute(&pool).await.expect("rows");
            pool.close().await;
        }
        Location::Postgres(url) => {
            let pool = PgPool::connect(&url).await.expect("the server answers");
            migrator.run_to(1, &pool).await.expect("the first schema");
            sqlx::raw_sql(rows).execute(&pool).await.expect("rows");
            pool.close().await;
        }
    }
}

fn rows_of_the_first_schema(backend: Backend) -> String {
    let id = |number: u128| match backend {
        Backend::Sqlite => format!("x'{number:032x}'"),
        Backend::Postgres => format!("'{}'", Uuid::from_u128(number)),
    };
    let secret = match backend {
        Backend::Sqlite => "x'00'",
        Backend::Postgres => "'\\x00'",
    };
    let (org, account, run, bank, at) = (id(1), id(2), id(3), id(4), "'2026-11-20T13:00:00+00:00'");
    let amount = |number: u32| format!("'{number:020}.000000000000000000'");
    let mut rows = format!(
        "INSERT INTO orgs (id, name, created_at) VALUES ({org}, 'Shop', {at});
         INSERT INTO banks (id, code, name, status, time_zone) VALUES ({bank}, 'demo', 'Demo', 'active', 'UTC');
         INSERT INTO accounts
         (org_id, id, bank_id, name, status, revision, enrolled_on, signing_secret_sealed, created_at)
         VALUES ({org}, {account}, {bank}, 'Operating account', 'active', 7, '2026-11-01', {secret}, {at});
         INSERT INTO runs (org_id, id, account_id, kind, state, trigger_word, requested_at)
         VALUES ({org}, {run}, {account}, 'poll', 'finished', 'manual', {at});"
    );
    let orders = [
        (21, "OPEN-1", 10, "not_found"),
        (22, "OPEN-2", 20, "ambiguous"),
        (23, "PAID", 30, "matched"),
        (24, "GONE", 40, "cancelled"),
    ];
    for (number, name, units, status) in orders {
        let (order, amount) = (id(number), amount(units));
        write!(
            rows,
            "INSERT INTO expected_payments
             (org_id, id, account_id, run_id, kind, external_id, amount, currency, name, registered_at)
             VALUES ({org}, {order}, {account}, {run}, 'order', '{name}', {amount}, 'UYU', 'Ana', {at});
             INSERT INTO cases (org_id, id, account_id, status, updated_at)
             VALUES ({org}, {order}, {account}, '{status}', {at});"
        )
        .expect("writing to a string cannot fail");
    }
    // One that an open order asks for, one that nobody asks for, one that was taken, one that is not booked.
    let movements =
        [(31, 10, "NULL", "booked"), (32, 50, "NULL", "booked"), (33, 20, at, "booked"), (34, 20, "NULL", "pending")];
    for (number, units, excluded_at, status) in movements {
        let (movement, amount) = (id(number), amount(units));
        write!(
            rows,
            "INSERT INTO movements
             (org_id, id, account_id, run_id, bank_account, fingerprint, fingerprint_version, ordinal, external_id,
              received_at, first_seen_at, amount, direction, currency, status, description, raw, is_baseline,
              excluded_at)
             VALUES ({org}, {movement}, {account}, {run}, '1', '{number}', 1, 0, '{number}-0', {at}, {at}, {amount},
                     'credit', 'UYU', '{status}', 'TRANSFERENCIA', '{{}}', FALSE, {excluded_at});"
        )
        .expect("writing to a string cannot fail");
    }
    rows
}
