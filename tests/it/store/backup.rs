//! What a backup asks: a copy, whether everything is whole, and what there is.

use std::collections::BTreeSet;

use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::EventId;
use reconbanker::store::backup::{Rows, newest_schema};
use reconbanker::store::{Location, Store, StoreError};

use crate::support::{Backend, Seed, credit, each_backend, id};

async fn log_two(seed: &Seed) {
    let mut tx = seed.store.write().await.expect("a transaction");
    for _ in 0..2 {
        tx.record(seed.org, NewEvent::engine(EventId(id()), seed.now, EventKind::CredentialsSubmitted));
    }
    tx.commit().await.expect("a commit");
}

each_backend! {
    async fn a_copy_holds_what_was_committed_and_nothing_later(backend: Backend) {
        let seed = Seed::new(backend).await;
        seed.movement(&credit("f1", "1.00", "2026-11-20")).await;
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("copy.db");
        // Someone writes, and has not committed.
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        let copied = seed.store.copy_to(&file).await;
        drop(tx);
        match backend {
            Backend::Sqlite => {
                copied.expect("a copy");
                let again = seed.store.copy_to(&file).await;
                assert!(again.is_err(), "a file that is there is not overwritten");
                seed.movement(&credit("f2", "1.00", "2026-11-20")).await;
                let copy = Store::connect(&Location::Sqlite(file), 1).await.expect("it opens");
                assert_eq!(copy.check_integrity().await.expect("an answer"), Vec::<String>::new());
                assert_eq!(copy.schema_version().await.expect("an answer"), Some(newest_schema()));
                let mut tx = copy.read().await.expect("a transaction");
                assert_eq!(tx.rows().await.expect("a count").movements, 1);
                let account = tx.account(seed.org, seed.account).await.expect("a query").expect("the account");
                assert_eq!(account.revision, 0);
                drop(tx);
                copy.close().await;
            }
            Backend::Postgres => {
                assert!(matches!(copied, Err(StoreError::Database(_))), "it has a program for that: {copied:?}");
                assert!(!file.exists());
            }
        }
        seed.finish().await;
    }

    async fn the_database_says_which_schema_and_tables_it_has(backend: Backend) {
        let seed = Seed::new(backend).await;
        assert_eq!(seed.store.schema_version().await.expect("an answer"), Some(newest_schema()));
        let tables: BTreeSet<String> = seed.store.tables().await.expect("a list").into_iter().collect();
        for table in ["orgs", "movements", "installation", "_sqlx_migrations"] {
            assert!(tables.contains(table), "{table}");
        }
        let server = seed.store.server().await.expect("an answer");
        assert_eq!(server.is_some(), backend == Backend::Postgres);
        if let Some(server) = server {
            assert!(server.schema.expect("a schema").starts_with("test_"));
            assert!(server.major >= 15, "{}", server.major);
        }
        seed.execute("DROP TABLE _sqlx_migrations").await;
        assert_eq!(seed.store.schema_version().await.expect("an answer"), None);
        seed.finish().await;
    }

    async fn rows_are_counted_over_all_organisations(backend: Backend) {
        let seed = Seed::new(backend).await;
        seed.other_tenant().await;
        seed.movement(&credit("f1", "1.00", "2026-11-20")).await;
        seed.order("A-1", "1.00").await;
        log_two(&seed).await;
        let counted = seed.store.read().await.expect("a transaction").rows().await.expect("a count");
        let expected =
            Rows { accounts: 2, movements: 1, expected_payments: 1, events: 2, deliveries: 0, pending_deliveries: 0 };
        assert_eq!(counted, expected);
        seed.finish().await;
    }

    async fn a_gap_in_the_log_is_found_wherever_it_is(backend: Backend) {
        let seed = Seed::new(backend).await;
        seed.other_tenant().await;
        let gaps = async || {
            let mut tx = seed.store.read().await.expect("a transaction");
            tx.orgs_with_gaps().await.expect("an answer")
        };
        assert!(gaps().await.is_empty());
        log_two(&seed).await;
        log_two(&seed).await;
        assert!(gaps().await.is_empty());
        seed.execute("DELETE FROM events WHERE seq = 2").await;
        assert_eq!(gaps().await, [seed.org], "in the middle");
        seed.execute("UPDATE events SET seq = 2 WHERE seq = 4").await;
        assert_eq!(gaps().await, [seed.org], "at the end");
        seed.execute("UPDATE orgs SET event_seq = 3 WHERE event_seq = 4").await;
        assert!(gaps().await.is_empty());
        seed.execute("UPDATE orgs SET event_seq = 2 WHERE event_seq = 3").await;
        assert_eq!(gaps().await, [seed.org], "more lines than were counted");
        seed.finish().await;
    }

    async fn the_key_check_is_read_and_never_made(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        assert_eq!(tx.key_check().await.expect("an answer"), None);
        assert_eq!(tx.key_check().await.expect("an answer"), None, "asking made none");
        assert!(tx.keys_belong(b"ours", seed.now).await.expect("an answer"));
        assert_eq!(tx.key_check().await.expect("an answer").as_deref(), Some(b"ours".as_slice()));
        tx.commit().await.expect("a commit");
        seed.finish().await;
    }

    async fn sealed_values_come_with_their_place_and_erased_ones_not_at_all(backend: Backend) {
        let seed = Seed::new(backend).await;
        let listed = async || {
            let mut tx = seed.store.read().await.expect("a transaction");
            let values = tx.sealed_values().await.expect("a list");
            let found = values.into_iter().map(|value| (value.table, value.column, value.org, value.row, value.sealed));
            found.collect::<Vec<_>>()
        };
        let (org, login, account) = (seed.org, seed.login.0, seed.account.0);
        let expected = [
            ("bank_logins", "username_sealed", org, login, b"user".to_vec()),
            ("bank_logins", "password_sealed", org, login, b"password".to_vec()),
            ("accounts", "signing_secret_sealed", org, account, b"secret".to_vec()),
        ];
        assert_eq!(listed().await, expected);
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.delete_account(org, seed.account, "deleted", seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        assert!(listed().await.is_empty());
        seed.finish().await;
    }
}
