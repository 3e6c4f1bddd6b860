//! Runs: one scrape or one poll each, kept with their outcome.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, OrgId, RunId};
use crate::domain::run::{Outcome, RunKind, RunResult, RunState, Trigger};
use crate::domain::time::Instant;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Run {
    pub org_id: OrgId,
    pub id: RunId,
    pub account_id: AccountId,
    pub kind: RunKind,
    pub state: RunState,
    /// `None` until finished.
    pub outcome: Option<Outcome>,
    /// One sentence for a person.
    pub detail: Option<String>,
    /// A JSON object: counts, stages, drift, skipped items.
    pub report: Option<String>,
}

impl Tx {
    /// Asks for a run; where one of this kind already waits, answers with its id.
    pub async fn request_run(
        &mut self,
        org: OrgId,
        account: AccountId,
        kind: RunKind,
        trigger: Trigger,
        id: RunId,
        now: Instant,
    ) -> Result<RunId, StoreError> {
        // The update changes nothing; it makes the waiting row come back.
        const SQL: &str = "INSERT INTO runs (org_id, id, account_id, kind, state, trigger_word, requested_at)
            VALUES ($1, $2, $3, $4, 'queued', $5, $6)
            ON CONFLICT (org_id, account_id, kind) WHERE state = 'queued' DO UPDATE SET state = 'queued'
            RETURNING id";
        let (id,): (RunId,) = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(id).bind(account).bind(kind).bind(trigger).bind(now).fetch_one(conn).await?);
        Ok(id)
    }

    pub async fn run(&mut self, org: OrgId, id: RunId) -> Result<Option<Run>, StoreError> {
        const SQL: &str = "SELECT org_id, id, account_id, kind, state, outcome, detail, report
            FROM runs WHERE org_id = $1 AND id = $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// What asked for a run; `None` where there is no such run.
    pub async fn run_trigger(&mut self, org: OrgId, id: RunId) -> Result<Option<Trigger>, StoreError> {
        const SQL: &str = "SELECT trigger_word FROM runs WHERE org_id = $1 AND id = $2";
        let row: Option<(Trigger,)> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?);
        Ok(row.map(|(trigger,)| trigger))
    }

    /// Whether a run of a kind is under way.
    pub async fn is_running(&mut self, org: OrgId, account: AccountId, kind: RunKind) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM runs
            WHERE org_id = $1 AND account_id = $2 AND kind = $3 AND state = 'running'";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(kind).fetch_one(conn).await?);
        Ok(count > 0)
    }

    /// How the last runs of a kind ended, newest first.
    pub async fn last_outcomes(
        &mut self,
        org: OrgId,
        account: AccountId,
        kind: RunKind,
        limit: i64,
    ) -> Result<Vec<Outcome>, StoreError> {
        const SQL: &str = "SELECT outcome FROM runs
            WHERE org_id = $1 AND account_id = $2 AND kind = $3 AND state = 'finished' AND outcome IS NOT NULL
            ORDER BY finished_at DESC, id DESC LIMIT $4";
        let rows: Vec<(Outcome,)> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(kind).bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(outcome,)| outcome).collect())
    }

    /// Marks a waiting run as begun; `false` when it had begun before (the job runs twice).
    pub async fn start_run(&mut self, org: OrgId, id: RunId, now: Instant) -> Result<bool, StoreError> {
        const SQL: &str =
            "UPDATE runs SET state = 'running', started_at = $3 WHERE org_id = $1 AND id = $2 AND state = 'queued'";
        let rows = on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).bind(now).execute(conn).await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Takes the run's row, so that it stays in this state until the transaction ends; `false` when it is in another.
    pub async fn hold_run(&mut self, org: OrgId, id: RunId, state: RunState) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE runs SET state = state WHERE org_id = $1 AND id = $2 AND state = $3";
        let rows = on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).bind(state).execute(conn).await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Writes how a run ended; `false` when it had ended before.
    pub async fn finish_run(
        &mut self,
        org: OrgId,
        id: RunId,
        result: &RunResult,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE runs SET state = 'finished', outcome = $3, detail = $4, report = $5, finished_at = $6
            WHERE org_id = $1 AND id = $2 AND state <> 'finished'";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(result.outcome).bind(&result.detail).bind(result.report.to_string()).bind(now)
            .execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Runs that wait without a job that would wake them (the job was lost or gave up).
    pub async fn runs_without_job(&mut self, requested_before: Instant, limit: i64) -> Result<Vec<Run>, StoreError> {
        const SQL: &str = "SELECT r.org_id, r.id, r.account_id, r.kind, r.state, r.outcome, r.detail, r.report
            FROM runs r
            WHERE r.state = 'queued' AND r.requested_at < $1
              AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.org_id = r.org_id AND j.subject = r.id AND j.state <> 'dead')
            ORDER BY r.requested_at LIMIT $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(requested_before).bind(limit).fetch_all(conn).await?))
    }

    /// The newest finished run of a kind; `None` before the first.
    pub async fn last_run(&mut self, org: OrgId, account: AccountId, kind: RunKind) -> Result<Option<Run>, StoreError> {
        const SQL: &str = "SELECT org_id, id, account_id, kind, state, outcome, detail, report
            FROM runs WHERE org_id = $1 AND account_id = $2 AND kind = $3 AND state = 'finished'
            ORDER BY finished_at DESC, id DESC LIMIT 1";
        Ok(
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).bind(kind).fetch_optional(conn).await?),
        )
    }

    /// When the last run of a kind that ended well began; `None` before the first.
    pub async fn last_ok_run_at(
        &mut self,
        org: OrgId,
        account: AccountId,
        kind: RunKind,
    ) -> Result<Option<Instant>, StoreError> {
        const SQL: &str = "SELECT started_at FROM runs
            WHERE org_id = $1 AND account_id = $2 AND kind = $3 AND outcome = 'ok' AND started_at IS NOT NULL
            ORDER BY started_at DESC LIMIT 1";
        let row: Option<(Instant,)> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(kind).fetch_optional(conn).await?);
        Ok(row.map(|(at,)| at))
    }
}
