//! Two folders, one schema.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{Backend, Database};

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
