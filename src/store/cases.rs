//! Cases, their attempts, and the allocations that settle them.

use sqlx::AssertSqlSafe;

use super::touched::{Span, touched_amounts};
use super::{StoreError, Tx, on_backend, rows};
use crate::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use crate::domain::expected_payment::ExpectedPayment;
use crate::domain::ids::{AccountId, AllocationId, AttemptId, ExpectedPaymentId, MovementId, OrgId, RunId};
use crate::domain::money::{Amount, Currency};
use crate::domain::time::Instant;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Case {
    pub id: ExpectedPaymentId,
    pub status: CaseStatus,
    pub attempt_count: i64,
    pub updated_at: Instant,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Attempt {
    pub id: AttemptId,
    pub number: i64,
    pub result: AttemptResult,
    /// `None` for `matched`.
    pub reason: Option<AttemptReason>,
    /// A JSON array of [`crate::domain::case::Candidate`].
    pub candidates: String,
    pub run_id: Option<RunId>,
    pub created_at: Instant,
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Allocation {
    pub id: AllocationId,
    pub case_id: ExpectedPaymentId,
    pub movement_id: MovementId,
    pub amount: Amount,
    /// Per mille.
    pub score: i64,
    pub reason: String,
}

/// An open case as the matcher reads it: what is expected, where it stands, and its newest attempt. The last three
/// are `None` before the matcher looked, the reason also where it never has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCase {
    pub order: ExpectedPayment,
    pub status: CaseStatus,
    pub attempt_count: i64,
    pub result: Option<AttemptResult>,
    pub reason: Option<AttemptReason>,
    pub candidates: Option<String>,
}

#[derive(sqlx::FromRow)]
struct OpenCaseRow {
    id: ExpectedPaymentId,
    account_id: AccountId,
    external_id: String,
    amount: Amount,
    currency: Currency,
    name: String,
    registered_at: Instant,
    status: CaseStatus,
    attempt_count: i64,
    result: Option<AttemptResult>,
    reason: Option<AttemptReason>,
    candidates: Option<String>,
}

impl From<OpenCaseRow> for OpenCase {
    fn from(row: OpenCaseRow) -> Self {
        Self {
            order: ExpectedPayment {
                id: row.id,
                account_id: row.account_id,
                external_id: row.external_id,
                amount: row.amount,
                currency: row.currency,
                name: row.name,
                registered_at: row.registered_at,
            },
            status: row.status,
            attempt_count: row.attempt_count,
            result: row.result,
            reason: row.reason,
            candidates: row.candidates,
        }
    }
}

/// What one run of the matcher concluded about a case.
#[derive(Debug)]
pub struct NewAttempt {
    pub id: AttemptId,
    pub case: ExpectedPaymentId,
    /// From 1; one more than the attempts that the case had.
    pub number: i64,
    pub result: AttemptResult,
    pub reason: Option<AttemptReason>,
    /// A JSON array of [`crate::domain::case::Candidate`].
    pub candidates: String,
    pub run: Option<RunId>,
}

impl Tx {
    pub async fn case(&mut self, org: OrgId, id: ExpectedPaymentId) -> Result<Option<Case>, StoreError> {
        const SQL: &str = "SELECT id, status, attempt_count, updated_at FROM cases WHERE org_id = $1 AND id = $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// Moves an open case to a status; `false` when it is not open any more.
    pub async fn decide_case(
        &mut self,
        org: OrgId,
        id: ExpectedPaymentId,
        status: CaseStatus,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE cases SET status = $3, updated_at = $4
            WHERE org_id = $1 AND id = $2 AND status IN ('pending', 'not_found', 'ambiguous')";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(status).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Moves open cases to the status that an attempt found, and counts the attempt; how many of them were open.
    pub async fn conclude(
        &mut self,
        org: OrgId,
        cases: &[ExpectedPaymentId],
        status: CaseStatus,
        now: Instant,
    ) -> Result<u64, StoreError> {
        let mut concluded = 0;
        for piece in rows::pieces(cases) {
            // Pairs, because for `id IN (…)` beside `org_id = …` SQLite may walk through all of the organisation.
            let sql = format!(
                "UPDATE cases SET status = $2, updated_at = $3, attempt_count = attempt_count + 1
                WHERE (org_id, id) IN (VALUES {}) AND status IN ('pending', 'not_found', 'ambiguous')",
                rows::tuples("$1, ", 4, 1, piece.len())
            );
            concluded += on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(org).bind(status).bind(now);
                for case in piece {
                    query = query.bind(*case);
                }
                query.execute(conn).await?.rows_affected()
            });
        }
        Ok(concluded)
    }

    /// Appends attempts to their cases.
    pub async fn insert_attempts(
        &mut self,
        org: OrgId,
        attempts: &[NewAttempt],
        now: Instant,
    ) -> Result<(), StoreError> {
        for piece in rows::pieces(attempts) {
            let sql = format!(
                "INSERT INTO attempts (org_id, created_at, id, case_id, number, result, reason, candidates, run_id)
                VALUES {}",
                rows::tuples("$1, $2, ", 3, 7, piece.len())
            );
            on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(org).bind(now);
                for attempt in piece {
                    query = query
                        .bind(attempt.id).bind(attempt.case).bind(attempt.number).bind(attempt.result)
                        .bind(attempt.reason).bind(&attempt.candidates).bind(attempt.run);
                }
                query.execute(conn).await.map(|_| ())?;
            });
        }
        Ok(())
    }

    /// The attempts of a case, first to last.
    pub async fn attempts(&mut self, org: OrgId, case: ExpectedPaymentId) -> Result<Vec<Attempt>, StoreError> {
        const SQL: &str = "SELECT id, number, result, reason, candidates, run_id, created_at
            FROM attempts WHERE org_id = $1 AND case_id = $2 ORDER BY number";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(case).fetch_all(conn).await?))
    }

    /// When attempts ended in technical errors since one last came to a conclusion, or the order was registered again;
    /// the newest first.
    pub async fn failures_in_a_row(&mut self, org: OrgId, case: ExpectedPaymentId) -> Result<Vec<Instant>, StoreError> {
        const SQL: &str = "SELECT a.created_at FROM attempts a
            JOIN expected_payments e ON e.org_id = a.org_id AND e.id = a.case_id AND e.registered_at <= a.created_at
            WHERE a.org_id = $1 AND a.case_id = $2 AND a.result = 'failed'
              AND NOT EXISTS (SELECT 1 FROM attempts later WHERE later.org_id = a.org_id
                              AND later.case_id = a.case_id AND later.number > a.number AND later.result <> 'failed')
            ORDER BY a.number DESC";
        let rows: Vec<(Instant,)> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(case).fetch_all(conn).await?);
        Ok(rows.into_iter().map(|(at,)| at).collect())
    }

    /// The open cases of every amount that was touched in a span, oldest registration first.
    pub async fn open_cases(
        &mut self,
        org: OrgId,
        account: AccountId,
        span: Span,
    ) -> Result<Vec<OpenCase>, StoreError> {
        const SQL: &str = concat!(
            "SELECT e.id, e.account_id, e.external_id, e.amount, e.currency, e.name, e.registered_at, c.status,
                    c.attempt_count, a.result, a.reason, a.candidates
             FROM ",
            touched_amounts!(),
            " CROSS JOIN cases c
             CROSS JOIN expected_payments e
             LEFT JOIN attempts a ON a.org_id = c.org_id AND a.case_id = c.id AND a.number = c.attempt_count
             WHERE c.org_id = t.org_id AND c.account_id = t.account_id AND c.amount = t.amount
               AND c.status IN ('pending', 'not_found', 'ambiguous') AND e.org_id = c.org_id AND e.id = c.id
             ORDER BY e.registered_at, e.id"
        );
        let rows: Vec<OpenCaseRow> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(span.after).bind(span.upto).fetch_all(conn).await?);
        Ok(rows.into_iter().map(OpenCase::from).collect())
    }

    /// Links movements to the cases that they pay. Unique indexes refuse a second link of either.
    pub async fn insert_allocations(
        &mut self,
        org: OrgId,
        allocations: &[Allocation],
        now: Instant,
    ) -> Result<(), StoreError> {
        for piece in rows::pieces(allocations) {
            let sql = format!(
                "INSERT INTO allocations (org_id, created_at, id, case_id, movement_id, amount, score, reason)
                VALUES {}",
                rows::tuples("$1, $2, ", 3, 6, piece.len())
            );
            on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(org).bind(now);
                for allocation in piece {
                    query = query
                        .bind(allocation.id).bind(allocation.case_id).bind(allocation.movement_id)
                        .bind(allocation.amount).bind(allocation.score).bind(&allocation.reason);
                }
                query.execute(conn).await.map(|_| ())?;
            });
        }
        Ok(())
    }

    /// The allocation that settles a case, if any.
    pub async fn allocation(&mut self, org: OrgId, case: ExpectedPaymentId) -> Result<Option<Allocation>, StoreError> {
        const SQL: &str = "SELECT id, case_id, movement_id, amount, score, reason
            FROM allocations WHERE org_id = $1 AND case_id = $2 AND voided_at IS NULL";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(case).fetch_optional(conn).await?))
    }
}
