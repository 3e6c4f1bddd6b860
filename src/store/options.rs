//! An account's options, and the plan that follows from its schedule.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::time::Instant;

/// By what an account's next scrape is planned.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ScrapeSchedule {
    /// IANA name; the bank's.
    pub time_zone: String,
    /// A JSON object; `None` is the deployment's schedule.
    pub schedule: Option<String>,
    /// `None` while a scrape waits or is under way, and before there are credentials.
    pub next_scrape_at: Option<Instant>,
}

impl Tx {
    /// `None` for an account that is absent, deleted, or another organisation's.
    pub async fn scrape_schedule(
        &mut self,
        org: OrgId,
        account: AccountId,
    ) -> Result<Option<ScrapeSchedule>, StoreError> {
        const SQL: &str = "SELECT b.time_zone, o.schedule, a.next_scrape_at
            FROM accounts a
            JOIN banks b ON b.id = a.bank_id
            LEFT JOIN account_options o ON o.org_id = a.org_id AND o.account_id = a.id
            WHERE a.org_id = $1 AND a.id = $2 AND a.status = 'active'";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_optional(conn).await?))
    }

    /// Replaces all options. `schedule` is a JSON object, or `None` for the deployment's.
    pub async fn save_account_options(
        &mut self,
        org: OrgId,
        account: AccountId,
        schedule: Option<&str>,
        now: Instant,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO account_options (org_id, account_id, schedule, updated_at)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (org_id, account_id) DO UPDATE
            SET schedule = excluded.schedule, updated_at = excluded.updated_at";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(account).bind(schedule).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Plans the next scrape anew, unless one waits or is under way (its end plans the next) or there are no
    /// credentials; whether it did.
    pub async fn replan_scrape(
        &mut self,
        org: OrgId,
        account: AccountId,
        at: Instant,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE accounts SET next_scrape_at = $3, scrape_planned_at = $4
            WHERE org_id = $1 AND id = $2 AND status = 'active' AND bank_login_id IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.org_id = accounts.org_id AND r.account_id = accounts.id
                              AND r.kind = 'scrape' AND r.state <> 'finished')";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(account).bind(at).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }
}
