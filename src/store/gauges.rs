//! How everything stands right now, across organisations: for whoever watches over the installation.
//!
//! Asked every few seconds for ever, so each question walks an index over what is open, waiting or given up, and never
//! all that was ever stored.

use super::jobs::Queue;
use super::{StoreError, Tx, on_backend};
use crate::domain::case::CaseStatus;
use crate::domain::ids::AccountId;
use crate::domain::run::RunKind;
use crate::domain::time::Instant;

/// The jobs of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueGauge {
    pub queue: Queue,
    pub ready: i64,
    pub running: i64,
    pub dead: i64,
    /// When the first of the ready jobs is or was due; `None` when none is ready.
    pub due_at: Option<Instant>,
}

/// Enrolled accounts; deleted ones are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountGauge {
    pub enrolled: i64,
    /// Those whose bank login is blocked.
    pub blocked: i64,
    /// The logins behind them; accounts may share one.
    pub blocked_logins: i64,
}

/// Webhooks that were not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryGauge {
    pub pending: i64,
    pub dead: i64,
    /// When the oldest of the pending ones was put into the outbox; `None` when none is pending.
    pub oldest_pending_at: Option<Instant>,
}

/// An account that is to be read or polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct LastGood {
    pub account_id: AccountId,
    /// When its last run that ended well began; the enrolment before the first.
    pub since: Instant,
}

impl Tx {
    /// Every queue, in their order, those without a job too.
    pub async fn queue_gauges(&mut self) -> Result<Vec<QueueGauge>, StoreError> {
        const SQL: &str = "SELECT queue, state, CAST(COUNT(*) AS BIGINT), MIN(run_at) FROM jobs GROUP BY queue, state";
        let rows: Vec<(String, String, i64, Instant)> =
            on_backend!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?);
        let gauge = |queue: Queue| {
            let row = |state: &str| rows.iter().find(|row| row.0 == queue.word() && row.1 == state);
            let count = |state: &str| row(state).map_or(0, |row| row.2);
            QueueGauge {
                queue,
                ready: count("ready"),
                running: count("running"),
                dead: count("dead"),
                due_at: row("ready").map(|row| row.3),
            }
        };
        Ok(Queue::ALL.iter().copied().map(gauge).collect())
    }

    pub async fn account_gauge(&mut self) -> Result<AccountGauge, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) AS enrolled,
                CAST(COUNT(l.blocked_at) AS BIGINT) AS blocked,
                CAST(COUNT(DISTINCT CASE WHEN l.blocked_at IS NOT NULL THEN l.id END) AS BIGINT) AS blocked_logins
            FROM accounts a LEFT JOIN bank_logins l ON l.org_id = a.org_id AND l.id = a.bank_login_id
            WHERE a.status = 'active'";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).fetch_one(conn).await?))
    }

    /// Cases that may still be decided, by each status in which that is so. Those of deleted accounts wait for nothing.
    pub async fn open_case_gauges(&mut self) -> Result<Vec<(CaseStatus, i64)>, StoreError> {
        const SQL: &str = "SELECT c.status, CAST(COUNT(*) AS BIGINT)
            FROM cases c JOIN accounts a ON a.org_id = c.org_id AND a.id = c.account_id
            WHERE c.status IN ('pending', 'not_found', 'ambiguous') AND a.status = 'active' GROUP BY c.status";
        let rows: Vec<(CaseStatus, i64)> = on_backend!(self, conn => sqlx::query_as(SQL).fetch_all(conn).await?);
        let count = |status: CaseStatus| rows.iter().find(|row| row.0 == status).map_or(0, |row| row.1);
        let open = CaseStatus::ALL.iter().copied().filter(|status| status.is_open());
        Ok(open.map(|status| (status, count(status))).collect())
    }

    pub async fn delivery_gauge(&mut self) -> Result<DeliveryGauge, StoreError> {
        // Two questions instead of one with OR: each has its index.
        const PENDING: &str =
            "SELECT CAST(COUNT(*) AS BIGINT), MIN(created_at) FROM deliveries WHERE state = 'pending'";
        const DEAD: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM deliveries WHERE state = 'dead'";
        let (pending, oldest_pending_at): (i64, Option<Instant>) =
            on_backend!(self, conn => sqlx::query_as(PENDING).fetch_one(conn).await?);
        let (dead,): (i64,) = on_backend!(self, conn => sqlx::query_as(DEAD).fetch_one(conn).await?);
        Ok(DeliveryGauge { pending, dead, oldest_pending_at })
    }

    /// Accounts that are to be read (with bank credentials) or polled (with an endpoint, outside passthrough), those
    /// without a good run for longest first.
    pub async fn last_good_runs(&mut self, kind: RunKind, limit: i64) -> Result<Vec<LastGood>, StoreError> {
        const SCRAPE: &str = "SELECT a.id AS account_id,
                COALESCE((SELECT r.started_at FROM runs r
                          WHERE r.org_id = a.org_id AND r.account_id = a.id AND r.kind = 'scrape' AND r.outcome = 'ok'
                            AND r.started_at IS NOT NULL
                          ORDER BY r.started_at DESC LIMIT 1), a.created_at) AS since
            FROM accounts a
            WHERE a.status = 'active' AND a.bank_login_id IS NOT NULL ORDER BY since, a.id LIMIT $1";
        const POLL: &str = "SELECT a.id AS account_id,
                COALESCE((SELECT r.started_at FROM runs r
                          WHERE r.org_id = a.org_id AND r.account_id = a.id AND r.kind = 'poll' AND r.outcome = 'ok'
                            AND r.started_at IS NOT NULL
                          ORDER BY r.started_at DESC LIMIT 1), a.created_at) AS since
            FROM accounts a
            JOIN account_configs c ON c.org_id = a.org_id AND c.account_id = a.id
            JOIN orgs o ON o.id = a.org_id
            WHERE a.status = 'active' AND c.pending_orders_endpoint IS NOT NULL
              AND (o.operation_mode IS NULL OR o.operation_mode <> 'passthrough')
            ORDER BY since, a.id LIMIT $1";
        let sql = match kind {
            RunKind::Scrape => SCRAPE,
            RunKind::Poll => POLL,
        };
        Ok(on_backend!(self, conn => sqlx::query_as(sql).bind(limit).fetch_all(conn).await?))
    }
}
