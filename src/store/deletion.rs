//! Taking an account out of use: nothing acts for it any more, no secret of it is left, its history stays.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AccountId, BankLoginId, OrgId, RunId};
use crate::domain::run::RunKind;
use crate::domain::time::Instant;

/// What stands where a secret was erased.
const ERASED: &[u8] = &[];

impl Tx {
    /// Deletes an account; `false` when it was deleted before. `why` becomes the last error of the
    /// webhooks that are not sent any more.
    ///
    /// The account's row comes first and its bank login's second, see [`Tx::hold_account`].
    pub async fn delete_account(
        &mut self,
        org: OrgId,
        id: AccountId,
        why: &str,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const ACCOUNT: &str = "UPDATE accounts
            SET status = 'deleted', signing_secret_sealed = $3, next_scrape_at = NULL, next_poll_at = NULL
            WHERE org_id = $1 AND id = $2 AND status = 'active' RETURNING bank_login_id";
        const CONFIG: &str = "DELETE FROM account_configs WHERE org_id = $1 AND account_id = $2";
        const OPTIONS: &str = "DELETE FROM account_options WHERE org_id = $1 AND account_id = $2";
        let row: Option<(Option<BankLoginId>,)> = on_backend!(self, conn => sqlx::query_as(ACCOUNT)
            .bind(org).bind(id).bind(ERASED).fetch_optional(conn).await?);
        let Some((login,)) = row else { return Ok(false) };
        for sql in [CONFIG, OPTIONS] {
            on_backend!(self, conn => sqlx::query(sql).bind(org).bind(id).execute(conn).await.map(|_| ())?);
        }
        if let Some(login) = login {
            self.leave_login(org, id, login).await?;
        }
        // In this order, as a sender takes them: the webhook, then its job.
        self.bury_deliveries(org, id, why, now).await?;
        self.remove_ready_jobs(org, id).await?;
        Ok(true)
    }

    /// Cuts the link to the bank login. Where no other account has one, its credentials are erased and
    /// whoever drives it is fenced off. The row stays with its lock-out budget: enrolling the same user
    /// name again must not make wrong passwords free.
    async fn leave_login(&mut self, org: OrgId, account: AccountId, login: BankLoginId) -> Result<(), StoreError> {
        // Two accounts of one login that are deleted at once must see each other: the second one waits here.
        const HOLD: &str = "UPDATE bank_logins SET fence = fence WHERE org_id = $1 AND id = $2";
        const UNLINK: &str = "UPDATE accounts SET bank_login_id = NULL WHERE org_id = $1 AND id = $2";
        const ERASE: &str = "UPDATE bank_logins SET username_sealed = $3, password_sealed = $3, fence = fence + 1
            WHERE org_id = $1 AND id = $2
              AND NOT EXISTS (SELECT 1 FROM accounts a
                              WHERE a.org_id = bank_logins.org_id AND a.bank_login_id = bank_logins.id)";
        on_backend!(self, conn => sqlx::query(HOLD).bind(org).bind(login).execute(conn).await.map(|_| ())?);
        on_backend!(self, conn => sqlx::query(UNLINK).bind(org).bind(account).execute(conn).await.map(|_| ())?);
        on_backend!(self, conn => sqlx::query(ERASE)
            .bind(org).bind(login).bind(ERASED).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The wake-ups of the account, of its runs and of its webhooks. One that is being worked finds the
    /// account gone.
    async fn remove_ready_jobs(&mut self, org: OrgId, account: AccountId) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM jobs WHERE org_id = $1 AND state = 'ready'
            AND (subject = $2
                 OR EXISTS (SELECT 1 FROM runs r
                            WHERE r.org_id = jobs.org_id AND r.id = jobs.subject AND r.account_id = $2)
                 OR EXISTS (SELECT 1 FROM deliveries d
                            WHERE d.org_id = jobs.org_id AND d.id = jobs.subject AND d.account_id = $2))";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(account).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    async fn bury_deliveries(
        &mut self,
        org: OrgId,
        account: AccountId,
        why: &str,
        now: Instant,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE deliveries SET state = 'dead', next_at = NULL, last_error = $3, finished_at = $4
            WHERE org_id = $1 AND account_id = $2 AND state = 'pending'";
        on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(account).bind(why).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The runs of an account that have not begun: at most one of each kind.
    pub async fn queued_runs(&mut self, org: OrgId, account: AccountId) -> Result<Vec<(RunId, RunKind)>, StoreError> {
        const SQL: &str = "SELECT id, kind FROM runs
            WHERE org_id = $1 AND account_id = $2 AND state = 'queued' ORDER BY kind";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_all(conn).await?))
    }
}
