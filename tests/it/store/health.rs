//! What the store remembers of its writes.

use std::time::Duration;

use reconbanker::domain::ids::{JobId, OrgId};
use reconbanker::store::jobs::{NewJob, Queue};
use reconbanker::store::{Location, Store, StoreError};

use crate::support::{Backend, Database, MORNING, Seed, each_backend, id};

/// The database of a seed, opened so that it takes no write.
async fn read_only(location: &Location) -> Store {
    match location {
        Location::Sqlite(_) => Store::connect_to_look(location).await.expect("the file opens"),
        Location::Postgres(url) => {
            let url = format!("{url}%20-c%20default_transaction_read_only%3Don");
            Store::connect(&Location::Postgres(url), 2).await.expect("the server answers")
        }
    }
}

each_backend! {
    async fn commits_are_timed_and_a_failed_write_is_remembered_until_one_succeeds(backend: Backend) {
        let seed = Seed::new(backend).await;
        let before = seed.store.writes();
        assert_eq!(before.failure, None);
        assert!(!before.commits.is_empty(), "the seed was written");
        seed.store.retry_failed_write(id(), seed.now).await.expect("nothing to do");
        assert_eq!(seed.store.writes(), before, "where nothing has failed nothing is tried");

        seed.store.note_failed_write(&StoreError::Full);
        let full = seed.store.writes().failure.expect("a failure");
        assert!(full.contains("full"), "{full}");
        seed.store.retry_failed_write(id(), seed.now).await.expect("a write");
        let after = seed.store.writes();
        assert_eq!(after.failure, None);
        assert!(after.commits.back().is_some_and(|took| *took > Duration::ZERO), "{after:?}");
        let mut tx = seed.store.read().await.expect("a transaction");
        assert!(tx.dead_jobs().await.expect("a list").is_empty(), "the try leaves nothing behind");
        drop(tx);
        seed.finish().await;
    }

    async fn a_read_only_database_is_told_apart(backend: Backend) {
        let database = Database::create(backend).await;
        let store = database.store().await;
        let looking = read_only(&database.location()).await;
        let now = MORNING.parse().expect("an instant");
        let org_id = OrgId(id());
        let job = NewJob { id: JobId(id()), org_id, queue: Queue::Match, subject: id(), run_id: None, run_at: now };
        let mut tx = looking.write().await.expect("a transaction");
        let refused = tx.enqueue(&job, now).await.expect_err("nothing can be written");
        drop(tx);
        assert!(matches!(refused, StoreError::ReadOnly), "{refused:?}");
        assert!(refused.is_outage());

        // As the workers do: the first statement fails, not the commit.
        looking.note_failed_write(&refused);
        let again = looking.retry_failed_write(id(), now).await.expect_err("still read-only");
        assert!(matches!(again, StoreError::ReadOnly), "{again:?}");
        assert!(looking.writes().failure.is_some_and(|failure| failure.contains("read-only")));
        looking.close().await;
        store.close().await;
        database.remove().await;
    }
}
