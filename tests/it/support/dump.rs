//! A whole database as text, to look for what must not be in it.

use std::collections::BTreeMap;
use std::path::Path;

use reconbanker::store::Location;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

/// Every row of every table; binary values in hexadecimal.
pub async fn rows(location: &Location) -> Vec<String> {
    match location {
        Location::Sqlite(file) => sqlite(file).await,
        Location::Postgres(url) => postgres(url).await,
    }
}

async fn sqlite(file: &Path) -> Vec<String> {
    let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'",
    )
    .fetch_all(&pool)
    .await
    .expect("the schema can be read");
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, column) in columns {
        tables.entry(table).or_default().push(format!("quote(\"{column}\")"));
    }
    let mut rows = Vec::new();
    for (table, columns) in tables {
        let sql = format!("SELECT '{table}: ' || {} FROM \"{table}\"", columns.join(" || ', ' || "));
        let found: Vec<(String,)> =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&pool).await.expect("the table can be read");
        rows.extend(found.into_iter().map(|(row,)| row));
    }
    pool.close().await;
    rows
}

async fn postgres(url: &str) -> Vec<String> {
    let pool = PgPool::connect(url).await.expect("the server answers");
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()")
            .fetch_all(&pool)
            .await
            .expect("the schema can be read");
    let mut rows = Vec::new();
    for (table,) in tables {
        let sql = format!("SELECT '{table}: ' || CAST(t AS TEXT) FROM \"{table}\" t");
        let found: Vec<(String,)> =
            sqlx::query_as(AssertSqlSafe(sql)).fetch_all(&pool).await.expect("the table can be read");
        rows.extend(found.into_iter().map(|(row,)| row));
    }
    pool.close().await;
    rows
}
