//! Expected payments as their customer sees them: each with its case, its account and the bank.

use super::{StoreError, Tx, on_backend};
use crate::domain::case::CaseStatus;
use crate::domain::ids::{AccountId, ExpectedPaymentId, OrgId};
use crate::domain::money::{Amount, Currency};
use crate::domain::time::Instant;

/// The documents call it a request: an expected payment and where its reconciliation stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Request {
    pub id: ExpectedPaymentId,
    pub account_id: AccountId,
    pub external_id: String,
    pub status: CaseStatus,
    pub amount: Amount,
    pub currency: Currency,
    /// The payer, as the customer named it.
    pub name: String,
    pub registered_at: Instant,
    pub bank_code: String,
    pub account_name: String,
}

macro_rules! select_request {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.account_id, e.external_id, c.status, e.amount, e.currency, e.name, e.registered_at,
                    b.code AS bank_code, a.name AS account_name
             FROM expected_payments e
             JOIN cases c ON c.org_id = e.org_id AND c.id = e.id
             JOIN accounts a ON a.org_id = e.org_id AND a.id = e.account_id
             JOIN banks b ON b.id = a.bank_id
             WHERE e.org_id = $1 AND a.status = 'active' ",
            $rest
        )
    };
}

impl Tx {
    /// Requests of all the organisation's accounts, newest registration first; `status` narrows them down.
    pub async fn requests(
        &mut self,
        org: OrgId,
        status: Option<CaseStatus>,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Request>, StoreError> {
        const SQL: &str = select_request!(
            "AND ($2 IS NULL OR c.status = $2) ORDER BY e.registered_at DESC, e.id DESC LIMIT $3 OFFSET $4"
        );
        Ok(on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(status).bind(limit).bind(offset).fetch_all(conn).await?))
    }

    /// `None` when absent, of a deleted account, or another organisation's.
    pub async fn request(&mut self, org: OrgId, id: ExpectedPaymentId) -> Result<Option<Request>, StoreError> {
        const SQL: &str = select_request!("AND e.id = $2");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }
}
