//! How the last writes went: what says whether the database can be written, without asking it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use uuid::Uuid;

use super::{Store, StoreError, Tx, on_backend};
use crate::domain::time::Instant;

/// Commits whose times are kept.
const COMMITS_KEPT: usize = 32;

/// The last writes of this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writes {
    /// Why a write failed, in words; `None` where none has failed since the last one that succeeded.
    pub failure: Option<String>,
    /// How long the last commits took, oldest first.
    pub commits: VecDeque<Duration>,
}

/// What all clones of a store share.
#[derive(Default)]
pub(super) struct Health(Mutex<Writes>);

impl Health {
    pub fn committed(&self, took: Duration) {
        let mut writes = self.writes();
        writes.failure = None;
        if writes.commits.len() == COMMITS_KEPT {
            writes.commits.pop_front();
        }
        writes.commits.push_back(took);
    }

    /// A question that was wrong, or overtaken, says nothing of the database.
    pub fn failed(&self, error: &StoreError) {
        if error.is_outage() {
            self.writes().failure = Some(error.to_string());
        }
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        self.0.lock().expect("no holder of this lock can panic")
    }
}

impl Store {
    /// How the last writes went.
    #[must_use]
    pub fn writes(&self) -> Writes {
        self.health.writes().clone()
    }

    /// Notes a write that failed before its commit, which the store does not see: a server that has become read-only
    /// refuses the first statement.
    pub fn note_failed_write(&self, error: &StoreError) {
        self.health.failed(error);
    }

    /// Tries a small write where the last one failed, and does nothing otherwise. A daemon with little to do would
    /// else find out late that it can write again.
    pub async fn retry_failed_write(&self, id: Uuid, now: Instant) -> Result<(), StoreError> {
        if self.writes().failure.is_none() {
            return Ok(());
        }
        let tried = async {
            let mut tx = self.write().await?;
            tx.come_and_go(id, now).await?;
            tx.commit().await
        };
        let tried = tried.await;
        if let Err(error) = &tried {
            self.note_failed_write(error);
        }
        tried
    }
}

impl Tx {
    /// Writes a row and removes it: pages change, so that the commit has to reach the disk, and nobody sees it.
    async fn come_and_go(&mut self, id: Uuid, now: Instant) -> Result<(), StoreError> {
        const COME: &str = "INSERT INTO jobs (id, org_id, queue, subject, state, run_at, created_at)
            VALUES ($1, $1, 'probe', $1, 'dead', $2, $2)";
        const GO: &str = "DELETE FROM jobs WHERE id = $1";
        on_backend!(self, conn => sqlx::query(COME).bind(id).bind(now).execute(conn).await.map(|_| ())?);
        on_backend!(self, conn => sqlx::query(GO).bind(id).execute(conn).await.map(|_| ())?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stands_until_a_commit_and_only_outages_count() {
        let health = Health::default();
        health.failed(&StoreError::Fenced);
        assert_eq!(health.writes().failure, None);
        health.failed(&StoreError::Full);
        health.failed(&StoreError::Duplicate { constraint: "orgs_pkey".to_owned() });
        assert_eq!(health.writes().failure.as_deref(), Some("the database or its disk is full; free space there"));
        health.committed(Duration::from_millis(3));
        assert_eq!(*health.writes(), Writes { failure: None, commits: [Duration::from_millis(3)].into() });
    }

    #[test]
    fn only_the_last_times_are_kept() {
        let health = Health::default();
        for ms in 1..=40 {
            health.committed(Duration::from_millis(ms));
        }
        let expected: VecDeque<Duration> = (9..=40).map(Duration::from_millis).collect();
        assert_eq!(health.writes().commits, expected);
    }
}
