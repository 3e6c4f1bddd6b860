//! What a schema consists of, to compare one with another.

use std::collections::BTreeSet;

use reconbanker::store::Location;
use sqlx::{Row, SqlitePool};

/// Table and column with whether it may be null; for an index its table and its name.
pub type Part = (String, String, bool);

pub async fn parts(location: &Location) -> BTreeSet<Part> {
    match location {
        Location::Sqlite(file) => {
            let pool = SqlitePool::connect(&format!("sqlite://{}", file.display())).await.expect("the file opens");
            let rows = sqlx::query(
                "SELECT m.name AS table_name, c.name AS column_name, c.\"notnull\" AS not_null
                 FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'
                 UNION ALL
                 SELECT tbl_name, name, 1 FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
            )
            .fetch_all(&pool)
            .await
            .expect("the schema can be read");
            let parts = rows.iter().map(|row| (row.get(0), row.get(1), !row.get::<bool, _>(2))).collect();
            pool.close().await;
            parts
        }
        Location::Postgres(url) => {
            let pool = sqlx::PgPool::connect(url).await.expect("the server answers");
            let rows = sqlx::query(
                "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns
                 WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_%'
                 UNION ALL
                 SELECT i.tablename::text, i.indexname::text, false FROM pg_indexes i
                 WHERE i.schemaname = current_schema() AND i.tablename NOT LIKE '\\_%' AND NOT EXISTS (
                     SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname
                       AND c.connamespace = to_regnamespace(i.schemaname::text))",
            )
            .fetch_all(&pool)
            .await
            .expect("the schema can be read");
            let parts = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
            pool.close().await;
            parts
        }
    }
}
