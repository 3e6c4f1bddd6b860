//! Expected payments, each with its case.

use super::{StoreError, Tx, on_backend};
use crate::domain::case::CaseStatus;
use crate::domain::expected_payment::{ExpectedPayment, ExpectedPaymentKind, PolledOrder};
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
        const ORDER: &str = "INSERT INTO expected_payments
            (org_id, id, account_id, run_id, kind, external_id, amount, currency, name, registered_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (org_id, account_id, external_id) DO NOTHING";
        const CASE: &str = "INSERT INTO cases (org_id, id, account_id, status, updated_at) VALUES ($1, $2, $3, $4, $5)";
        let rows = on_backend!(self, conn => sqlx::query(ORDER)
            .bind(org).bind(id).bind(account).bind(run).bind(ExpectedPaymentKind::Order.word())
            .bind(&order.external_id).bind(order.amount).bind(&order.currency).bind(&order.name).bind(now)
            .execute(conn).await?.rows_affected());
        if rows == 0 {
            return Ok(false);
        }
        on_backend!(self, conn => sqlx::query(CASE)
            .bind(org).bind(id).bind(account).bind(CaseStatus::Pending).bind(now)
            .execute(conn).await.map(|_| ())?);
        Ok(true)
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

    /// Expected payments of an account whose case is open, oldest first.
    pub async fn open_orders(&mut self, org: OrgId, account: AccountId) -> Result<Vec<ExpectedPayment>, StoreError> {
        const SQL: &str = select_expected_payment!(
            "JOIN cases c ON c.org_id = e.org_id AND c.id = e.id
             WHERE e.org_id = $1 AND e.account_id = $2 AND c.status IN ('pending', 'not_found', 'ambiguous')
             ORDER BY e.registered_at, e.id"
        );
        let rows: Vec<ExpectedPaymentRow> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).fetch_all(conn).await?);
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
