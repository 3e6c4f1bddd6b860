//! What was written by a clock that has been set back since: times that lie further ahead than they can.
//!
//! Across all organisations, for the schedule. Each question finds nothing while clocks go forward.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::time::Instant;

impl Tx {
    /// Accounts whose next scrape was planned later than an instant.
    pub async fn scrapes_planned_after(
        &mut self,
        instant: Instant,
        limit: i64,
    ) -> Result<Vec<(OrgId, AccountId)>, StoreError> {
        const SQL: &str = "SELECT org_id, id FROM accounts
            WHERE scrape_planned_at > $1 AND next_scrape_at IS NOT NULL AND status = 'active'
            ORDER BY scrape_planned_at LIMIT $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(instant).bind(limit).fetch_all(conn).await?))
    }

    /// Replaces such a plan; `false` when someone else has, or the account is off the schedule.
    pub async fn replan_scrape_planned_after(
        &mut self,
        org: OrgId,
        account: AccountId,
        instant: Instant,
        at: Instant,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE accounts SET next_scrape_at = $4, scrape_planned_at = $5
            WHERE org_id = $1 AND id = $2 AND scrape_planned_at > $3 AND next_scrape_at IS NOT NULL
              AND status = 'active'";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(account).bind(instant).bind(at).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Plans no poll later than this; how many were.
    pub async fn limit_next_polls(&mut self, latest: Instant) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE accounts SET next_poll_at = $1 WHERE next_poll_at > $1";
        Ok(on_backend!(self, conn => sqlx::query(SQL).bind(latest).execute(conn).await?.rows_affected()))
    }

    /// Lets no lease of a job last beyond this; its holder renews it as ever.
    pub async fn limit_job_leases(&mut self, latest: Instant) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE jobs SET lease_until = $1 WHERE state = 'running' AND lease_until > $1";
        Ok(on_backend!(self, conn => sqlx::query(SQL).bind(latest).execute(conn).await?.rows_affected()))
    }

    /// Lets no lease of a bank login last beyond this; its holder renews it as ever.
    pub async fn limit_login_leases(&mut self, latest: Instant) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE bank_logins SET lease_until = $1 WHERE lease_until > $1";
        Ok(on_backend!(self, conn => sqlx::query(SQL).bind(latest).execute(conn).await?.rows_affected()))
    }

    /// Makes due what began to wait later than `instant`, and jobs that wait until after `furthest`, webhooks' aside;
    /// how many rows.
    pub async fn wake_what_began_to_wait_after(
        &mut self,
        instant: Instant,
        furthest: Instant,
        now: Instant,
    ) -> Result<u64, StoreError> {
        const DELIVERIES: &str = "UPDATE deliveries SET next_at = $2
            WHERE state = 'pending' AND next_at > $2
              AND (created_at > $1
                   OR EXISTS (SELECT 1 FROM delivery_attempts a
                              WHERE a.org_id = deliveries.org_id AND a.delivery_id = deliveries.id AND a.at > $1))";
        const JOBS: &str = "UPDATE jobs SET run_at = $2
            WHERE state = 'ready' AND run_at > $2 AND (created_at > $1 OR (queue <> 'deliver' AND run_at > $3))";
        let deliveries = on_backend!(self, conn => sqlx::query(DELIVERIES)
            .bind(instant).bind(now).execute(conn).await?.rows_affected());
        let jobs = on_backend!(self, conn => sqlx::query(JOBS)
            .bind(instant).bind(now).bind(furthest).execute(conn).await?.rows_affected());
        self.made_jobs_ready |= jobs > 0;
        Ok(deliveries + jobs)
    }
}
