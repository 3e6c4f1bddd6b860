//! Who is to be told how a run ended.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{OrgId, RunId};
use crate::domain::time::Instant;

/// A run's account as far as notices are concerned.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct NoticeSettings {
    /// A JSON array of the event names that the account asks for.
    pub notification_events: Option<String>,
    /// `None` for a run that ended before it began.
    started_at: Option<Instant>,
    /// When the account's bank login was blocked; `None` while it is not.
    blocked_at: Option<Instant>,
}

impl NoticeSettings {
    /// Whether the block was there when the run began: then its cause has been told.
    #[must_use]
    pub fn was_blocked_before(&self) -> bool {
        self.blocked_at.is_some_and(|blocked| self.started_at.is_none_or(|started| blocked < started))
    }
}

impl Tx {
    /// What the account of a run asks to be told; `None` when it names no endpoint for it.
    pub async fn notice_settings(&mut self, org: OrgId, run: RunId) -> Result<Option<NoticeSettings>, StoreError> {
        const SQL: &str = "SELECT c.notification_events, r.started_at, l.blocked_at
            FROM runs r
            JOIN accounts a ON a.org_id = r.org_id AND a.id = r.account_id
            JOIN account_configs c ON c.org_id = r.org_id AND c.account_id = r.account_id
            LEFT JOIN bank_logins l ON l.org_id = a.org_id AND l.id = a.bank_login_id
            WHERE r.org_id = $1 AND r.id = $2 AND c.notification_endpoint_url IS NOT NULL";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(run).fetch_optional(conn).await?))
    }
}
