//! Wake-ups. A job carries an id, may be lost (the sweeper finds its row) and may run twice.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Inner, StoreError, Tx, on_backend, rows};
use crate::domain::account::words;
use crate::domain::ids::{BankLoginId, JobId, OrgId, RunId};
use crate::domain::time::Instant;

words! {
    /// Names are stored: constant, never derived from a Rust type.
    Queue {
        /// Subject: a run of kind scrape.
        Scrape = "scrape",
        /// Subject: a run of kind poll.
        Poll = "poll",
        /// Subject: an account.
        Match = "match",
        /// Subject: a delivery.
        Deliver = "deliver",
    }
}

/// A job that was claimed. `lease` fences: whoever finishes must still hold it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Job {
    pub id: JobId,
    pub org_id: OrgId,
    pub queue: String,
    pub subject: Uuid,
    pub run_id: Option<RunId>,
    pub lease: i64,
    /// Including this one.
    pub attempts: i64,
}

#[derive(Debug, Clone, Copy)]
pub struct NewJob {
    pub id: JobId,
    pub org_id: OrgId,
    pub queue: Queue,
    pub subject: Uuid,
    pub run_id: Option<RunId>,
    pub run_at: Instant,
}

impl Tx {
    /// Makes a job ready at `run_at`; where one for the same subject waits already, it keeps the
    /// earlier of the two times.
    pub async fn enqueue(&mut self, job: &NewJob, now: Instant) -> Result<(), StoreError> {
        self.enqueue_all(std::slice::from_ref(job), now).await
    }

    /// The same for several jobs, each for a subject of its own.
    pub async fn enqueue_all(&mut self, jobs: &[NewJob], now: Instant) -> Result<(), StoreError> {
        for piece in rows::pieces(jobs) {
            let sql = format!(
                "INSERT INTO jobs (state, created_at, id, org_id, queue, subject, run_id, run_at) VALUES {}
                ON CONFLICT (queue, org_id, subject) WHERE state = 'ready' DO UPDATE
                SET run_at = CASE WHEN excluded.run_at < jobs.run_at THEN excluded.run_at ELSE jobs.run_at END,
                    run_id = COALESCE(excluded.run_id, jobs.run_id)",
                rows::tuples("'ready', $1, ", 2, 6, piece.len())
            );
            on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now);
                for job in piece {
                    query = query
                        .bind(job.id).bind(job.org_id).bind(job.queue.word()).bind(job.subject).bind(job.run_id)
                        .bind(job.run_at);
                }
                query.execute(conn).await.map(|_| ())?;
            });
            self.made_jobs_ready = true;
        }
        Ok(())
    }

    /// Takes the longest overdue job of a queue; where none is ready, one whose worker let its lease
    /// run out.
    ///
    /// The one place with a text per database: PostgreSQL lets several nodes claim at once, each
    /// skipping the rows that another is looking at; SQLite has one writer anyhow.
    pub async fn claim_job(
        &mut self,
        queue: Queue,
        boot: Uuid,
        now: Instant,
        lease_until: Instant,
    ) -> Result<Option<Job>, StoreError> {
        macro_rules! claim {
            ($which:literal, $skip:literal) => {
                concat!(
                    "UPDATE jobs SET state = 'running', lease = lease + 1, lease_boot = $3, lease_until = $4,
                            attempts = attempts + 1
                     WHERE id = (SELECT id FROM jobs WHERE queue = $1 AND ",
                    $which,
                    " LIMIT 1 ",
                    $skip,
                    ") RETURNING id, org_id, queue, subject, run_id, lease, attempts"
                )
            };
        }
        // Two questions instead of one with OR: each walks an index and stops at the first row.
        let [ready, lapsed] = match self.inner {
            Inner::Sqlite(_) => [
                claim!("state = 'ready' AND run_at <= $2 ORDER BY run_at, id", ""),
                claim!("state = 'running' AND lease_until <= $2 ORDER BY lease_until", ""),
            ],
            Inner::Postgres(_) => [
                claim!("state = 'ready' AND run_at <= $2 ORDER BY run_at, id", "FOR UPDATE SKIP LOCKED"),
                claim!("state = 'running' AND lease_until <= $2 ORDER BY lease_until", "FOR UPDATE SKIP LOCKED"),
            ],
        };
        for sql in [ready, lapsed] {
            let job: Option<Job> = on_backend!(self, conn => sqlx::query_as(sql)
                .bind(queue.word()).bind(now).bind(boot).bind(lease_until).fetch_optional(conn).await?);
            if job.is_some() {
                return Ok(job);
            }
        }
        Ok(None)
    }

    /// Makes the scrapes that wait for a bank login due now, because it is free.
    pub async fn wake_scrapes_of(&mut self, org: OrgId, login: BankLoginId, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE jobs SET run_at = $4
            WHERE org_id = $1 AND queue = $2 AND state = 'ready' AND run_at > $4
              AND EXISTS (SELECT 1 FROM runs r JOIN accounts a ON a.org_id = r.org_id AND a.id = r.account_id
                          WHERE r.org_id = jobs.org_id AND r.id = jobs.subject AND a.bank_login_id = $3)";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(Queue::Scrape.word()).bind(login).bind(now).execute(conn).await?.rows_affected());
        self.made_jobs_ready |= rows > 0;
        Ok(())
    }

    /// Prolongs a lease; `false` when it was lost.
    pub async fn renew_job(&mut self, job: &Job, until: Instant) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND lease = $2 AND state = 'running'";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(job.id).bind(job.lease).bind(until).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Keeps the job with who claimed it until this transaction ends; [`StoreError::Fenced`] when somebody else has
    /// claimed it since. Comes before every other row, see [`Tx::bump_revision`].
    pub async fn hold_job(&mut self, job: &Job) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE jobs SET lease = lease WHERE id = $1 AND lease = $2 AND state = 'running'";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(job.id).bind(job.lease).execute(conn).await?.rows_affected());
        if rows == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Whether another job of the same subject is being worked.
    pub async fn has_live_twin(&mut self, job: &Job, now: Instant) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs
            WHERE org_id = $1 AND subject = $2 AND queue = $3 AND id <> $4 AND state = 'running' AND lease_until > $5";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(job.org_id).bind(job.subject).bind(&job.queue).bind(job.id).bind(now).fetch_one(conn).await?);
        Ok(count > 0)
    }

    /// Removes a job that is done; rows elsewhere keep what it did.
    pub async fn finish_job(&mut self, job: &Job) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM jobs WHERE id = $1 AND lease = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(job.id).bind(job.lease).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Puts a job back for later. Where another one for the same subject is ready by now, that one
    /// does the work and this one goes.
    pub async fn retry_job(&mut self, job: &Job, run_at: Instant, error: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE jobs SET state = 'ready', run_at = $3, last_error = $4, lease_until = NULL
            WHERE id = $1 AND lease = $2
              AND NOT EXISTS (SELECT 1 FROM jobs r WHERE r.queue = jobs.queue AND r.org_id = jobs.org_id
                              AND r.subject = jobs.subject AND r.state = 'ready')";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(job.id).bind(job.lease).bind(run_at).bind(error).execute(conn).await?.rows_affected());
        self.made_jobs_ready = true;
        if rows == 0 {
            // The other one may wait for longer.
            const SOONER: &str = "UPDATE jobs SET run_at = $4
                WHERE queue = $1 AND org_id = $2 AND subject = $3 AND state = 'ready' AND run_at > $4";
            on_backend!(self, conn => sqlx::query(SOONER)
                .bind(&job.queue).bind(job.org_id).bind(job.subject).bind(run_at).execute(conn).await.map(|_| ())?);
            self.finish_job(job).await?;
        }
        Ok(())
    }

    /// Gives a job up; it stays for an operator to see.
    pub async fn bury_job(&mut self, job: &Job, error: &str) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE jobs SET state = 'dead', last_error = $3 WHERE id = $1 AND lease = $2";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(job.id).bind(job.lease).bind(error).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Forgets jobs that were given up before an instant.
    pub async fn remove_dead_jobs(&mut self, made_before: Instant) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM jobs WHERE state = 'dead' AND created_at < $1";
        Ok(on_backend!(self, conn => sqlx::query(SQL).bind(made_before).execute(conn).await?.rows_affected()))
    }

    /// Lets go of what an earlier boot of this node was running when it died.
    pub async fn release_jobs_of(&mut self, boot: Uuid, now: Instant) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE jobs SET lease_until = $2 WHERE lease_boot = $1 AND state = 'running'";
        let rows =
            on_backend!(self, conn => sqlx::query(SQL).bind(boot).bind(now).execute(conn).await?.rows_affected());
        self.made_jobs_ready = true;
        Ok(rows)
    }

    /// When the next job of a queue is due: `None` when nothing waits.
    pub async fn next_job_at(&mut self, queue: Queue) -> Result<Option<Instant>, StoreError> {
        const SQL: &str = "SELECT run_at FROM jobs WHERE queue = $1 AND state = 'ready' ORDER BY run_at LIMIT 1";
        let row: Option<(Instant,)> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(queue.word()).fetch_optional(conn).await?);
        Ok(row.map(|(at,)| at))
    }

    /// How many jobs are claimed right now: for tests.
    pub async fn running_jobs(&mut self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs WHERE state = 'running'";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL).fetch_one(conn).await?);
        Ok(count)
    }

    /// How many jobs of a queue are ready or running: for tests.
    pub async fn unfinished_jobs(&mut self, queue: Queue) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM jobs WHERE queue = $1 AND state <> 'dead'";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL).bind(queue.word()).fetch_one(conn).await?);
        Ok(count)
    }
}
