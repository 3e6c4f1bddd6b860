//! Polls: their runs as people read them, and what the next one may ask for.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, OrgId, RunId};
use crate::domain::run::Outcome;
use crate::domain::time::Instant;

/// One poll of an account's endpoint.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PollRun {
    pub id: RunId,
    /// `None` until finished.
    pub outcome: Option<Outcome>,
    /// One sentence for a person.
    pub detail: Option<String>,
    /// A JSON object: [`crate::domain::expected_payment::PollReport`].
    pub report: Option<String>,
    pub started_at: Option<Instant>,
    pub finished_at: Option<Instant>,
}

impl Tx {
    /// Polls of an account, newest request first.
    pub async fn polls(&mut self, org: OrgId, account: AccountId, limit: i64) -> Result<Vec<PollRun>, StoreError> {
        const SQL: &str = "SELECT id, outcome, detail, report, started_at, finished_at FROM runs
            WHERE org_id = $1 AND account_id = $2 AND kind = 'poll' ORDER BY requested_at DESC, id DESC LIMIT $3";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).bind(limit).fetch_all(conn).await?))
    }

    /// The `ETag` of the last answer that was applied whole; `None` when the next poll must see the list.
    pub async fn poll_etag(&mut self, org: OrgId, account: AccountId) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT poll_etag FROM accounts WHERE org_id = $1 AND id = $2";
        let row: Option<(Option<String>,)> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_optional(conn).await?);
        Ok(row.and_then(|(etag,)| etag))
    }

    /// Keeps the `ETag` for the next poll, or forgets it.
    pub async fn set_poll_etag(
        &mut self,
        org: OrgId,
        account: AccountId,
        etag: Option<&str>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE accounts SET poll_etag = $3 WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(account).bind(etag).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The organisation of an account, whichever: for the operator at the command line only.
    pub async fn find_account(&mut self, id: AccountId) -> Result<Option<OrgId>, StoreError> {
        const SQL: &str = "SELECT org_id FROM accounts WHERE id = $1 AND status = 'active'";
        let row: Option<(OrgId,)> = on_backend!(self, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?);
        Ok(row.map(|(org,)| org))
    }
}
