//! Expected payments, each with its case.

use std::collections::HashSet;

use sqlx::AssertSqlSafe;

use super::{StoreError, Tx, on_backend, rows};
use crate::domain::case::CaseStatus;
use crate::domain::expected_payment::{ExpectedPayment, ExpectedPaymentKind, KnownOrder, PolledOrder};
use crate::domain::ids::{AccountId, ExpectedPaymentId, OrgId, RunId};
use crate::domain::money::{Amount, Currency};
use crate::domain::time::Instant;

#[derive(sqlx::FromRow)]
struct ExpectedPaymentRow {
    id: ExpectedPaymentId,
    account_id: AccountId,
    external_id: String,
    amount: Amount,
    currency: Currency,
    name: String,
    registered_at: Instant,
}

impl From<ExpectedPaymentRow> for ExpectedPayment {
    fn from(row: ExpectedPaymentRow) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            external_id: row.external_id,
            amount: row.amount,
            currency: row.currency,
            name: row.name,
            registered_at: row.registered_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct KnownOrderRow {
    id: ExpectedPaymentId,
    external_id: String,
    status: CaseStatus,
    amount: Amount,
    currency: Currency,
    absent_polls: i64,
    absent_since: Option<Instant>,
    change_reported: bool,
}

impl From<KnownOrderRow> for KnownOrder {
    fn from(row: KnownOrderRow) -> Self {
        Self {
            id: row.id,
            external_id: row.external_id,
            status: row.status,
            amount: row.amount,
            currency: row.currency,
            absent_polls: row.absent_polls,
            absent_since: row.absent_since,
            change_reported: row.change_reported,
        }
    }
}

macro_rules! select_expected_payment {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.account_id, e.external_id, e.amount, e.currency, e.name, e.registered_at
             FROM expected_payments e ",
            $rest
        )
    };
}

impl Tx {
    /// Registers an order and opens its case; `false` when its id is known, whatever else changed.
    pub async fn insert_order(
        &mut self,
        org: OrgId,
        account: AccountId,
        run: RunId,
        id: ExpectedPaymentId,
        order: &PolledOrder,
        now: Instant,
    ) -> Result<bool, StoreError> {
        Ok(self.insert_orders(org, account, run, &[(id, order)], now).await? == 1)
    }

    /// Registers orders, touched at the account's revision, and opens their cases; how many were new.
    pub async fn insert_orders(
        &mut self,
        org: OrgId,
        account: AccountId,
        run: RunId,
        orders: &[(ExpectedPaymentId, &PolledOrder)],
        now: Instant,
    ) -> Result<usize, StoreError> {
        const REVISION: &str = "(SELECT revision FROM accounts WHERE org_id = $1 AND id = $2)";
        let mut new = 0;
        for piece in rows::pieces(orders) {
            let sql = format!(
                "INSERT INTO expected_payments
                (org_id, account_id, run_id, registered_at, kind, touched, id, external_id, amount, currency, name)
                VALUES {} ON CONFLICT (org_id, account_id, external_id) DO NOTHING RETURNING id",
                rows::tuples(&format!("$1, $2, $3, $4, $5, {REVISION}, "), 6, 5, piece.len())
            );
            let added: Vec<(ExpectedPaymentId,)> = on_backend!(self, conn => {
                let mut query = sqlx::query_as(AssertSqlSafe(sql))
                    .bind(org).bind(account).bind(run).bind(now).bind(ExpectedPaymentKind::Order.word());
                for (id, order) in piece {
                    query = query
                        .bind(*id).bind(&order.external_id).bind(order.amount).bind(&order.currency)
                        .bind(&order.name);
                }
                query.fetch_all(conn).await?
            });
            let added: HashSet<_> = added.into_iter().map(|(id,)| id).collect();
            let cases: Vec<_> =
                piece.iter().filter(|(id, _)| added.contains(id)).map(|(id, order)| (*id, order.amount)).collect();
            self.open_new_cases(org, account, &cases, now).await?;
            new += cases.len();
        }
        Ok(new)
    }

    async fn open_new_cases(
        &mut self,
        org: OrgId,
        account: AccountId,
        cases: &[(ExpectedPaymentId, Amount)],
        now: Instant,
    ) -> Result<(), StoreError> {
        for piece in rows::pieces(cases) {
            let sql = format!(
                "INSERT INTO cases (org_id, account_id, status, updated_at, id, amount) VALUES {}",
                rows::tuples("$1, $2, $3, $4, ", 5, 2, piece.len())
            );
            on_backend!(self, conn => {
                let mut query =
                    sqlx::query(AssertSqlSafe(sql)).bind(org).bind(account).bind(CaseStatus::Pending).bind(now);
                for (id, amount) in piece {
                    query = query.bind(*id).bind(*amount);
                }
                query.execute(conn).await.map(|_| ())?;
            });
        }
        Ok(())
    }

    pub async fn expected_payment(
        &mut self,
        org: OrgId,
        id: ExpectedPaymentId,
    ) -> Result<Option<ExpectedPayment>, StoreError> {
        const SQL: &str = select_expected_payment!("WHERE e.org_id = $1 AND e.id = $2");
        let row: Option<ExpectedPaymentRow> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?);
        Ok(row.map(ExpectedPayment::from))
    }

    /// Every order of an account as a poll compares it, oldest registration first.
    pub async fn known_orders(&mut self, org: OrgId, account: AccountId) -> Result<Vec<KnownOrder>, StoreError> {
        const SQL: &str = "SELECT e.id, e.external_id, c.status, e.amount, e.currency, e.absent_polls, e.absent_since,
                e.change_reported
            FROM expected_payments e JOIN cases c ON c.org_id = e.org_id AND c.id = e.id
            WHERE e.org_id = $1 AND e.account_id = $2 ORDER BY e.registered_at, e.id";
        let rows: Vec<KnownOrderRow> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_all(conn).await?);
        Ok(rows.into_iter().map(KnownOrder::from).collect())
    }

    /// Counts one more good poll without an order; `false` when another poll counted since `known` was read.
    pub async fn count_absence(
        &mut self,
        org: OrgId,
        known: &KnownOrder,
        polls: i64,
        since: Instant,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE expected_payments SET absent_polls = $4, absent_since = $5
            WHERE org_id = $1 AND id = $2 AND absent_polls = $3";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(known.id).bind(known.absent_polls).bind(polls).bind(since)
            .execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Forgets that an order was absent.
    pub async fn forget_absence(&mut self, org: OrgId, id: ExpectedPaymentId) -> Result<(), StoreError> {
        const SQL: &str =
            "UPDATE expected_payments SET absent_polls = 0, absent_since = NULL WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Opens a case that was closed without a match, as registered now; `false` when it is open or matched.
    pub async fn reopen_order(&mut self, org: OrgId, id: ExpectedPaymentId, now: Instant) -> Result<bool, StoreError> {
        const CASE: &str = "UPDATE cases SET status = 'pending', updated_at = $3
            WHERE org_id = $1 AND id = $2 AND status IN ('cancelled', 'expired', 'failed')";
        const ORDER: &str = "UPDATE expected_payments SET registered_at = $3, absent_polls = 0, absent_since = NULL,
                touched = (SELECT a.revision FROM accounts a
                           WHERE a.org_id = expected_payments.org_id AND a.id = expected_payments.account_id)
            WHERE org_id = $1 AND id = $2";
        let rows = on_backend!(self, conn => sqlx::query(CASE).bind(org).bind(id).bind(now).execute(conn).await?
            .rows_affected());
        if rows == 0 {
            return Ok(false);
        }
        on_backend!(self, conn => sqlx::query(ORDER).bind(org).bind(id).bind(now).execute(conn).await.map(|_| ())?);
        Ok(true)
    }

    /// Closes an open case without a match; `false` when it is not open any more. What was its rival may be certain
    /// now, so its amount is to be looked at again.
    pub async fn close_order(
        &mut self,
        org: OrgId,
        id: ExpectedPaymentId,
        status: CaseStatus,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let was_open = self.decide_case(org, id, status, now).await?;
        if was_open {
            self.touch_order(org, id).await?;
        }
        Ok(was_open)
    }

    /// Has the matcher look at an order's amount again. Its account's revision was raised in this transaction.
    pub async fn touch_order(&mut self, org: OrgId, id: ExpectedPaymentId) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE expected_payments
            SET touched = (SELECT a.revision FROM accounts a
                           WHERE a.org_id = expected_payments.org_id AND a.id = expected_payments.account_id)
            WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Notes that a change at the source was told; `false` when it had been.
    pub async fn mark_change_reported(&mut self, org: OrgId, id: ExpectedPaymentId) -> Result<bool, StoreError> {
        const SQL: &str =
            "UPDATE expected_payments SET change_reported = $3 WHERE org_id = $1 AND id = $2 AND NOT change_reported";
        let rows = on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).bind(true).execute(conn).await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Accounts with an order that was registered before an instant and never matched. Not asked of
    /// organisations in passthrough, where nothing is matched and so nothing expires.
    pub async fn accounts_with_overdue_orders(
        &mut self,
        registered_before: Instant,
        limit: i64,
    ) -> Result<Vec<(OrgId, AccountId)>, StoreError> {
        const SQL: &str = "SELECT DISTINCT e.org_id, e.account_id
            FROM cases c
            JOIN expected_payments e ON e.org_id = c.org_id AND e.id = c.id
            JOIN orgs o ON o.id = c.org_id
            JOIN accounts a ON a.org_id = e.org_id AND a.id = e.account_id AND a.status = 'active'
            WHERE c.status IN ('pending', 'not_found', 'ambiguous') AND c.status <> 'ambiguous'
              AND e.registered_at < $1 AND (o.operation_mode IS NULL OR o.operation_mode <> 'passthrough')
            LIMIT $2";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(registered_before).bind(limit).fetch_all(conn).await?))
    }

    /// Orders of an account that were registered before an instant and never matched, oldest first.
    /// Ambiguous ones wait for a person and are left out.
    pub async fn overdue_orders(
        &mut self,
        org: OrgId,
        account: AccountId,
        registered_before: Instant,
        limit: i64,
    ) -> Result<Vec<ExpectedPayment>, StoreError> {
        const SQL: &str = select_expected_payment!(
            "JOIN cases c ON c.org_id = e.org_id AND c.id = e.id
             WHERE e.org_id = $1 AND e.account_id = $2 AND c.status IN ('pending', 'not_found', 'ambiguous')
               AND c.status <> 'ambiguous' AND e.registered_at < $3
             ORDER BY e.registered_at, e.id LIMIT $4"
        );
        let rows: Vec<ExpectedPaymentRow> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(registered_before).bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(ExpectedPayment::from).collect())
    }

    /// Expected payments with an id, whichever organisation's: for the operator at the command line only.
    pub async fn find_expected_payment(
        &mut self,
        id: ExpectedPaymentId,
    ) -> Result<Option<(OrgId, ExpectedPayment)>, StoreError> {
        const SQL: &str = "SELECT org_id FROM expected_payments WHERE id = $1";
        let row: Option<(OrgId,)> = on_backend!(self, conn => sqlx::query_as(SQL).bind(id).fetch_optional(conn).await?);
        let Some((org,)) = row else { return Ok(None) };
        Ok(self.expected_payment(org, id).await?.map(|payment| (org, payment)))
    }
}
