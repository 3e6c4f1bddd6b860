//! Two folders, one schema.

use std::collections::BTreeSet;
use std::fs;

use sqlx::{Row, SqlitePool};

use crate::support::{Backend, Database};

/// Table, column and whether it may be null.
type Column = (String, String, bool);

#[tokio::test]
async fn both_databases_have_the_same_tables_and_columns() {
    let sqlite = Database::create(Backend::Sqlite).await;
    let postgres = Database::create(Backend::Postgres).await;
    let (one, other) = (sqlite.store().await, postgres.store().await);
    // Migrating again changes nothing.
    one.migrate().await.expect("a second run");
    other.migrate().await.expect("a second run");
    assert_eq!(sqlite_columns(&sqlite).await, postgres_columns(&postgres).await);
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

async fn sqlite_columns(database: &Database) -> BTreeSet<Column> {
    let reconbanker::store::Location::Sqlite(file) = database.location() else { panic!("a file was asked for") };
    let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
    let rows = sqlx::query(
        "SELECT m.name AS table_name, c.name AS column_name, c.\"notnull\" AS not_null
         FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&pool)
    .await
    .expect("the schema can be read");
    rows.iter().map(|row| (row.get(0), row.get(1), !row.get::<bool, _>(2))).collect()
}

async fn postgres_columns(database: &Database) -> BTreeSet<Column> {
    let pool = sqlx::PgPool::connect(&database.url().expect("a URL")).await.expect("the server answers");
    let rows = sqlx::query(
        "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_%'",
    )
    .fetch_all(&pool)
    .await
    .expect("the schema can be read");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}
