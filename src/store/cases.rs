//! Cases, their attempts, and the allocations that settle them.

use super::{StoreError, Tx, on_backend};
use crate::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use crate::domain::ids::{AccountId, AllocationId, AttemptId, ExpectedPaymentId, MovementId, OrgId, RunId};
use crate::domain::money::Amount;
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

/// Where an open case stands; the last three are `None` before the matcher looked.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    pub id: ExpectedPaymentId,
    pub status: CaseStatus,
    pub result: Option<AttemptResult>,
    pub reason: Option<AttemptReason>,
    pub candidates: Option<String>,
}

/// What one run of the matcher concluded about a case.
#[derive(Debug)]
pub struct NewAttempt<'a> {
    pub id: AttemptId,
    pub case: ExpectedPaymentId,
    pub result: AttemptResult,
    pub reason: Option<AttemptReason>,
    pub candidates: &'a str,
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

    /// Appends an attempt to a case, numbered from 1.
    pub async fn insert_attempt(
        &mut self,
        org: OrgId,
        attempt: &NewAttempt<'_>,
        now: Instant,
    ) -> Result<(), StoreError> {
        const NUMBER: &str = "UPDATE cases SET attempt_count = attempt_count + 1
            WHERE org_id = $1 AND id = $2 RETURNING attempt_count";
        const SQL: &str = "INSERT INTO attempts
            (org_id, id, case_id, number, result, reason, candidates, run_id, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (number,): (i64,) =
            on_backend!(self, conn => sqlx::query_as(NUMBER).bind(org).bind(attempt.case).fetch_one(conn).await?);
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(attempt.id).bind(attempt.case).bind(number).bind(attempt.result).bind(attempt.reason)
            .bind(attempt.candidates).bind(attempt.run).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The attempts of a case, first to last.
    pub async fn attempts(&mut self, org: OrgId, case: ExpectedPaymentId) -> Result<Vec<Attempt>, StoreError> {
        const SQL: &str = "SELECT id, number, result, reason, candidates, run_id, created_at
            FROM attempts WHERE org_id = $1 AND case_id = $2 ORDER BY number";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(case).fetch_all(conn).await?))
    }

    /// What stands of every open case of an account: its status and its newest attempt.
    pub async fn open_case_standings(&mut self, org: OrgId, account: AccountId) -> Result<Vec<Standing>, StoreError> {
        const SQL: &str = "SELECT c.id, c.status, a.result, a.reason, a.candidates
            FROM cases c
            LEFT JOIN attempts a ON a.org_id = c.org_id AND a.case_id = c.id AND a.number = c.attempt_count
            WHERE c.org_id = $1 AND c.account_id = $2 AND c.status IN ('pending', 'not_found', 'ambiguous')";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_all(conn).await?))
    }

    /// Links a movement to the case it pays. Unique indexes refuse a second link of either.
    pub async fn insert_allocation(
        &mut self,
        org: OrgId,
        allocation: &Allocation,
        now: Instant,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "INSERT INTO allocations (org_id, id, case_id, movement_id, amount, score, reason, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(allocation.id).bind(allocation.case_id).bind(allocation.movement_id)
            .bind(allocation.amount).bind(allocation.score).bind(&allocation.reason).bind(now)
            .execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The allocation that settles a case, if any.
    pub async fn allocation(&mut self, org: OrgId, case: ExpectedPaymentId) -> Result<Option<Allocation>, StoreError> {
        const SQL: &str = "SELECT id, case_id, movement_id, amount, score, reason
            FROM allocations WHERE org_id = $1 AND case_id = $2 AND voided_at IS NULL";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(case).fetch_optional(conn).await?))
    }
}
