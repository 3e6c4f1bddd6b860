//! What became of an account's scrapes and polls, for people to read.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, OrgId, RunId};
use crate::domain::run::{Outcome, RunKind, RunState, Trigger};
use crate::domain::time::Instant;

/// A run from its request to its end.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PastRun {
    pub id: RunId,
    pub kind: RunKind,
    pub state: RunState,
    #[sqlx(rename = "trigger_word")]
    pub trigger: Trigger,
    /// `None` until finished; so are detail, report and `finished_at`.
    pub outcome: Option<Outcome>,
    /// One sentence for a person; `None` too when all went well.
    pub detail: Option<String>,
    /// A JSON object: counts, stages, drift, skipped items.
    pub report: Option<String>,
    pub requested_at: Instant,
    /// `None` while it waits, and for a run that never began.
    pub started_at: Option<Instant>,
    pub finished_at: Option<Instant>,
}

macro_rules! select_past_run {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, state, trigger_word, outcome, detail, report, requested_at, started_at, finished_at
             FROM runs WHERE org_id = $1 AND account_id = $2 ",
            $rest
        )
    };
}

impl Tx {
    /// Runs of an account, those that wait included, newest request first.
    pub async fn past_runs(&mut self, org: OrgId, account: AccountId, limit: i64) -> Result<Vec<PastRun>, StoreError> {
        const SQL: &str = select_past_run!("ORDER BY requested_at DESC, id DESC LIMIT $3");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).bind(limit).fetch_all(conn).await?))
    }

    /// `None` when the account has no such run.
    pub async fn past_run(&mut self, org: OrgId, account: AccountId, id: RunId) -> Result<Option<PastRun>, StoreError> {
        const SQL: &str = select_past_run!("AND id = $3");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).bind(id).fetch_optional(conn).await?))
    }
}
