//! Bank logins: sealed credentials, the lock-out budget, and the lease that makes one driver per login.

use super::{StoreError, Tx, on_backend};
use crate::domain::account::{Block, LoginBudget};
use crate::domain::event::EventKind;
use crate::domain::ids::{BankId, BankLoginId, OrgId};
use crate::domain::time::Instant;

use uuid::Uuid;

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BankLogin {
    pub org_id: OrgId,
    pub id: BankLoginId,
    pub username_sealed: Vec<u8>,
    pub password_sealed: Vec<u8>,
    pub unknown_submissions: i64,
    pub probation: bool,
    pub blocked_at: Option<Instant>,
    pub blocked_reason: Option<String>,
}

impl BankLogin {
    #[must_use]
    pub fn budget(&self) -> LoginBudget {
        LoginBudget { unknown_in_a_row: self.unknown_submissions, probation: self.probation }
    }

    #[must_use]
    pub fn block(&self) -> Option<Block> {
        let at = self.blocked_at?;
        Some(Block { at, reason: self.blocked_reason.clone().unwrap_or_default() })
    }
}

/// What saving credentials writes. The same user name at the same bank is one login.
#[derive(Debug)]
pub struct NewBankLogin<'a> {
    pub org_id: OrgId,
    pub id: BankLoginId,
    pub bank_id: BankId,
    pub username_hash: &'a [u8],
    pub username_sealed: &'a [u8],
    pub password_sealed: &'a [u8],
}

/// Proof of being the one driver of a bank login. Every write of its run renews it, and fails when
/// someone else has taken the login over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub org: OrgId,
    pub login: BankLoginId,
    pub fence: i64,
}

impl Tx {
    /// The login of a user name at a bank, if the organisation has one.
    pub async fn bank_login_by_username(
        &mut self,
        org: OrgId,
        bank: BankId,
        username_hash: &[u8],
    ) -> Result<Option<BankLoginId>, StoreError> {
        const SQL: &str = "SELECT id FROM bank_logins WHERE org_id = $1 AND bank_id = $2 AND username_hash = $3";
        let row: Option<(BankLoginId,)> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(bank).bind(username_hash).fetch_optional(conn).await?);
        Ok(row.map(|(id,)| id))
    }

    pub async fn insert_bank_login(&mut self, login: &NewBankLogin<'_>, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO bank_logins
            (org_id, id, bank_id, username_hash, username_sealed, password_sealed, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(login.org_id).bind(login.id).bind(login.bank_id).bind(login.username_hash)
            .bind(login.username_sealed).bind(login.password_sealed).bind(now)
            .execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Replaces the credentials of a login that is known by its user name: that one too, because deleting
    /// the last account of a login erases both. A block stays: clearing it is a person's decision, by restart.
    pub async fn set_bank_credentials(
        &mut self,
        org: OrgId,
        id: BankLoginId,
        username_sealed: &[u8],
        password_sealed: &[u8],
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE bank_logins SET username_sealed = $3, password_sealed = $4 WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(username_sealed).bind(password_sealed).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    pub async fn bank_login(&mut self, org: OrgId, id: BankLoginId) -> Result<Option<BankLogin>, StoreError> {
        const SQL: &str = "SELECT org_id, id, username_sealed, password_sealed, unknown_submissions, probation,
                blocked_at, blocked_reason
            FROM bank_logins WHERE org_id = $1 AND id = $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// Takes the lease unless another run holds it.
    pub async fn take_lease(
        &mut self,
        org: OrgId,
        login: BankLoginId,
        boot: Uuid,
        now: Instant,
        until: Instant,
    ) -> Result<Option<Lease>, StoreError> {
        const SQL: &str = "UPDATE bank_logins SET lease_boot = $3, lease_until = $4, fence = fence + 1
            WHERE org_id = $1 AND id = $2 AND (lease_until IS NULL OR lease_until < $5) RETURNING fence";
        let row: Option<(i64,)> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(login).bind(boot).bind(until).bind(now).fetch_optional(conn).await?);
        Ok(row.map(|(fence,)| Lease { org, login, fence }))
    }

    /// Prolongs the lease, or fails with [`StoreError::Fenced`]. Part of every write of a run, so that
    /// a node that slept through its lease cannot write any more.
    pub async fn renew_lease(&mut self, lease: Lease, until: Instant) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE bank_logins SET lease_until = $4 WHERE org_id = $1 AND id = $2 AND fence = $3";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(lease.org).bind(lease.login).bind(lease.fence).bind(until).execute(conn).await?.rows_affected());
        if rows == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Gives the login free for the next run; `false` when somebody else has taken it since.
    pub async fn release_lease(&mut self, lease: Lease) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE bank_logins SET lease_boot = NULL, lease_until = NULL
            WHERE org_id = $1 AND id = $2 AND fence = $3";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(lease.org).bind(lease.login).bind(lease.fence).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Gives free what an earlier boot of this node held when it died. Whatever that one sent to the database and is
    /// not written yet comes too late.
    pub async fn release_leases_of(&mut self, boot: Uuid) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE bank_logins SET lease_boot = NULL, lease_until = NULL, fence = fence + 1
            WHERE lease_boot = $1";
        Ok(on_backend!(self, conn => sqlx::query(SQL).bind(boot).execute(conn).await?.rows_affected()))
    }

    /// Writes the lock-out budget, and the block where there is one.
    pub async fn set_login_budget(
        &mut self,
        lease: Lease,
        budget: LoginBudget,
        block: Option<&Block>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE bank_logins
            SET unknown_submissions = $4, probation = $5,
                blocked_at = COALESCE(blocked_at, $6), blocked_reason = COALESCE(blocked_reason, $7)
            WHERE org_id = $1 AND id = $2 AND fence = $3";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(lease.org).bind(lease.login).bind(lease.fence)
            .bind(budget.unknown_in_a_row).bind(budget.probation)
            .bind(block.map(|block| block.at)).bind(block.map(|block| block.reason.as_str()))
            .execute(conn).await?.rows_affected());
        if rows == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// How often credentials were submitted since an instant; the log knows.
    pub async fn submissions_since(&mut self, lease: Lease, since: Instant) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM events
            WHERE org_id = $1 AND subject_id = $2 AND kind = $3 AND at > $4";
        let (count,): (i64,) = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(lease.org).bind(lease.login).bind(EventKind::CredentialsSubmitted.word()).bind(since)
            .fetch_one(conn).await?);
        Ok(count)
    }

    /// Clears a block: a person's decision, which permits what `budget` says. Where there is none, the budget stays.
    pub async fn unblock_login(&mut self, org: OrgId, id: BankLoginId, budget: LoginBudget) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE bank_logins
            SET unknown_submissions = $3, probation = $4, blocked_at = NULL, blocked_reason = NULL
            WHERE org_id = $1 AND id = $2 AND blocked_at IS NOT NULL";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(budget.unknown_in_a_row).bind(budget.probation)
            .execute(conn).await.map(|_| ())?);
        Ok(())
    }
}
