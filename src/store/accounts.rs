//! Enrolled accounts. A deleted one is found by none of these questions; see `deletion`.

use chrono::NaiveDate;

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, BankId, BankLoginId, OrgId};
use crate::domain::run::RunKind;
use crate::domain::time::Instant;

/// An account with what its bank and its bank login say.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Account {
    pub org_id: OrgId,
    pub id: AccountId,
    pub name: String,
    pub status: String,
    pub bank_code: String,
    pub time_zone: String,
    /// `None` before credentials are saved.
    pub bank_login_id: Option<BankLoginId>,
    /// Grows with every transaction that adds movements or orders, and with every decision.
    pub revision: i64,
    /// The bank day of enrolment; what was booked before it is baseline.
    pub enrolled_on: NaiveDate,
    pub signing_secret_sealed: Vec<u8>,
    /// From the bank login: non-null together.
    pub blocked_at: Option<Instant>,
    pub blocked_reason: Option<String>,
}

#[derive(Debug)]
pub struct NewAccount<'a> {
    pub org_id: OrgId,
    pub id: AccountId,
    pub bank_id: BankId,
    pub name: &'a str,
    pub enrolled_on: NaiveDate,
    pub signing_secret_sealed: &'a [u8],
}

macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT a.org_id, a.id, a.name, a.status, b.code AS bank_code, b.time_zone, a.bank_login_id, a.revision,
                    a.enrolled_on, a.signing_secret_sealed, l.blocked_at, l.blocked_reason
             FROM accounts a
             JOIN banks b ON b.id = a.bank_id
             LEFT JOIN bank_logins l ON l.org_id = a.org_id AND l.id = a.bank_login_id ",
            $rest
        )
    };
}

impl Tx {
    pub async fn insert_account(&mut self, account: &NewAccount<'_>, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO accounts
            (org_id, id, bank_id, name, status, enrolled_on, signing_secret_sealed, created_at)
            VALUES ($1, $2, $3, $4, 'active', $5, $6, $7)";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(account.org_id).bind(account.id).bind(account.bank_id).bind(account.name)
            .bind(account.enrolled_on).bind(account.signing_secret_sealed).bind(now)
            .execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The organisation's accounts, oldest first.
    pub async fn accounts(&mut self, org: OrgId) -> Result<Vec<Account>, StoreError> {
        const SQL: &str = select_account!("WHERE a.org_id = $1 AND a.status = 'active' ORDER BY a.created_at, a.id");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).fetch_all(conn).await?))
    }

    /// `None` when absent, deleted, or another organisation's: the three look alike.
    pub async fn account(&mut self, org: OrgId, id: AccountId) -> Result<Option<Account>, StoreError> {
        const SQL: &str = select_account!("WHERE a.org_id = $1 AND a.id = $2 AND a.status = 'active'");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// Announces that this transaction adds movements or orders to the account; [`StoreError::Fenced`]
    /// when the account was deleted meanwhile.
    ///
    /// On PostgreSQL the row lock makes a poll and a scrape that commit at the same time see each
    /// other, so that whichever matches last sees both. It must come before the movements and orders
    /// it announces, which carry the new revision: at most 1,000 with one. Rows are locked in one
    /// order everywhere, or two transactions could wait for each other: job, account, bank login,
    /// run, movements and cases, organisation.
    pub async fn bump_revision(&mut self, org: OrgId, id: AccountId) -> Result<i64, StoreError> {
        const SQL: &str =
            "UPDATE accounts SET revision = revision + 1 WHERE org_id = $1 AND id = $2 AND status = 'active'
             RETURNING revision";
        let row: Option<(i64,)> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?);
        row.map(|(revision,)| revision).ok_or(StoreError::Fenced)
    }

    /// Announces a change that concerns every account of the organisation: decisions under way start over, and what
    /// has been looked at is looked at anew.
    pub async fn bump_all_revisions(&mut self, org: OrgId) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE accounts SET revision = revision + 1, matched_revision = 0 WHERE org_id = $1";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Makes the accounts that have an endpoint and no poll ahead of them due now.
    pub async fn schedule_polls(&mut self, org: OrgId, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE accounts SET next_poll_at = $2
            WHERE org_id = $1 AND next_poll_at IS NULL AND status = 'active'
              AND EXISTS (SELECT 1 FROM account_configs c WHERE c.org_id = accounts.org_id
                          AND c.account_id = accounts.id AND c.pending_orders_endpoint IS NOT NULL)
              AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.org_id = accounts.org_id AND r.account_id = accounts.id
                              AND r.kind = 'poll' AND r.state <> 'finished')";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Takes the account's row for a decision made at `revision`; `false` when more has arrived, or
    /// another decision was made, since.
    ///
    /// A decision consumes the revision: of two matchers that read the same state, the second one
    /// must look again instead of telling the customer twice. What was touched up to `looked_at` is
    /// done with; where that is `revision` itself, nothing is left.
    pub async fn consume_revision(
        &mut self,
        org: OrgId,
        id: AccountId,
        revision: i64,
        looked_at: i64,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE accounts
            SET revision = revision + 1, matched_revision = CASE WHEN $4 = $3 THEN revision + 1 ELSE $4 END
            WHERE org_id = $1 AND id = $2 AND revision = $3 AND status = 'active'";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(revision).bind(looked_at).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Takes the account's row, so that it cannot be deleted before this transaction ends; `false`
    /// when it has been, or never was.
    ///
    /// Comes before the row of a bank login is touched: with one order everywhere, no two
    /// transactions wait for each other.
    pub async fn hold_account(&mut self, org: OrgId, id: AccountId) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE accounts SET revision = revision WHERE org_id = $1 AND id = $2 AND status = 'active'";
        let rows = on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    pub async fn set_account_login(&mut self, org: OrgId, id: AccountId, login: BankLoginId) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE accounts SET bank_login_id = $3 WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).bind(login).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The bank of an account that exists.
    pub async fn bank_of_account(&mut self, org: OrgId, id: AccountId) -> Result<BankId, StoreError> {
        const SQL: &str = "SELECT bank_id FROM accounts WHERE org_id = $1 AND id = $2";
        let (bank,): (BankId,) =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_one(conn).await?);
        Ok(bank)
    }

    /// Puts an account that has never been scraped onto the schedule; one that has keeps its time.
    pub async fn schedule_first_scrape(
        &mut self,
        org: OrgId,
        id: AccountId,
        at: Instant,
        now: Instant,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE accounts SET next_scrape_at = $3, scrape_planned_at = $4
            WHERE org_id = $1 AND id = $2 AND next_scrape_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.org_id = accounts.org_id AND r.account_id = accounts.id
                              AND r.kind = 'scrape' AND r.state <> 'finished')";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(at).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Sets when the schedule next scrapes or polls the account; `None` takes it off the schedule.
    pub async fn set_next_run(
        &mut self,
        org: OrgId,
        id: AccountId,
        kind: RunKind,
        at: Option<Instant>,
        now: Instant,
    ) -> Result<(), StoreError> {
        const SCRAPE: &str = "UPDATE accounts SET next_scrape_at = $3, scrape_planned_at = $4
            WHERE org_id = $1 AND id = $2 AND status = 'active'";
        const POLL: &str = "UPDATE accounts SET next_poll_at = $3 WHERE org_id = $1 AND id = $2 AND status = 'active'";
        match kind {
            RunKind::Scrape => on_backend!(self, conn => sqlx::query(SCRAPE)
                .bind(org).bind(id).bind(at).bind(now).execute(conn).await.map(|_| ())?),
            RunKind::Poll => on_backend!(self, conn => sqlx::query(POLL)
                .bind(org).bind(id).bind(at).execute(conn).await.map(|_| ())?),
        }
        Ok(())
    }

    /// Takes an account that is due off the schedule; `false` when another node was first.
    pub async fn take_due(
        &mut self,
        org: OrgId,
        id: AccountId,
        kind: RunKind,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const SCRAPE: &str = "UPDATE accounts SET next_scrape_at = NULL
            WHERE org_id = $1 AND id = $2 AND next_scrape_at <= $3";
        const POLL: &str = "UPDATE accounts SET next_poll_at = NULL
            WHERE org_id = $1 AND id = $2 AND next_poll_at <= $3";
        let sql = match kind {
            RunKind::Scrape => SCRAPE,
            RunKind::Poll => POLL,
        };
        let rows = on_backend!(self, conn => sqlx::query(sql).bind(org).bind(id).bind(now).execute(conn).await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Accounts whose next run of a kind is due, longest overdue first. Blocked logins are left out of scrapes.
    pub async fn due_accounts(
        &mut self,
        kind: RunKind,
        now: Instant,
        limit: i64,
    ) -> Result<Vec<(OrgId, AccountId)>, StoreError> {
        const SCRAPE: &str = "SELECT a.org_id, a.id FROM accounts a
            JOIN bank_logins l ON l.org_id = a.org_id AND l.id = a.bank_login_id
            WHERE a.next_scrape_at <= $1 AND a.status = 'active' AND l.blocked_at IS NULL
            ORDER BY a.next_scrape_at LIMIT $2";
        const POLL: &str = "SELECT org_id, id FROM accounts
            WHERE next_poll_at <= $1 AND status = 'active' ORDER BY next_poll_at LIMIT $2";
        let sql = match kind {
            RunKind::Scrape => SCRAPE,
            RunKind::Poll => POLL,
        };
        Ok(on_backend!(self, conn => sqlx::query_as(sql).bind(now).bind(limit).fetch_all(conn).await?))
    }
}
