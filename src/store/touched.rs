//! What was touched since the matcher last looked at an account.
//!
//! A movement or an order carries the account's revision in whose transaction it was added, or changed so that its
//! amount must be looked at anew. Pairs never cross amounts, so everything open of the amounts that a span touched is
//! all that the matcher needs, however much else is open.

use super::{StoreError, Tx, on_backend};
use crate::domain::account::OperationMode;
use crate::domain::ids::{AccountId, OrgId};

/// Revisions of an account that are looked at together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The last one before the span.
    pub after: i64,
    /// The last one of the span.
    pub upto: i64,
}

impl Span {
    /// All revisions there are, and rows that none has touched.
    pub const EVERYTHING: Self = Self { after: -1, upto: i64::MAX };
}

/// What must be known of an account before its movements are matched or forwarded.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccountToMatch {
    pub revision: i64,
    /// Everything touched up to this revision has been looked at.
    pub matched_revision: i64,
    /// Of the bank: an IANA name.
    pub time_zone: String,
    /// `None` until someone chose.
    pub operation_mode: Option<OperationMode>,
    /// A JSON object.
    pub webhook_extra_fields: Option<String>,
    pub silent_ingestion: bool,
    pub retry_limit: i64,
}

/// A table `t` of the amounts that a span (`$3`, `$4`) of an account (`$1`, `$2`) touched and some open order asks for.
///
/// Written so that both databases begin with the touched rows and reach everything else through an index, also without
/// statistics: SQLite keeps the order of a `CROSS JOIN`, and PostgreSQL, which sees organisation and account only as
/// columns of `t`, cannot take them for a better start.
macro_rules! touched_amounts {
    () => {
        "(SELECT DISTINCT u.org_id, u.account_id, u.amount FROM (
              SELECT org_id, account_id, amount FROM expected_payments
              WHERE org_id = $1 AND account_id = $2 AND touched > $3 AND touched <= $4
              UNION ALL
              SELECT org_id, account_id, amount FROM movements
              WHERE org_id = $1 AND account_id = $2 AND touched > $3 AND touched <= $4
                AND status = 'booked' AND direction = 'credit'
          ) u
          WHERE EXISTS (SELECT 1 FROM cases o
                        WHERE o.org_id = u.org_id AND o.account_id = u.account_id AND o.amount = u.amount
                          AND o.status IN ('pending', 'not_found', 'ambiguous'))) t"
    };
}
pub(super) use touched_amounts;

impl Tx {
    /// `None` when the account is absent, deleted, another organisation's, or has no settings yet.
    pub async fn account_to_match(&mut self, org: OrgId, id: AccountId) -> Result<Option<AccountToMatch>, StoreError> {
        const SQL: &str = "SELECT a.revision, a.matched_revision, b.time_zone, o.operation_mode,
                c.webhook_extra_fields, c.silent_ingestion, c.retry_limit
            FROM accounts a
            JOIN banks b ON b.id = a.bank_id
            JOIN orgs o ON o.id = a.org_id
            JOIN account_configs c ON c.org_id = a.org_id AND c.account_id = a.id
            WHERE a.org_id = $1 AND a.id = $2 AND a.status = 'active'";
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// The beginning of a span that touched at most so many rows; `None` when the span touched nothing.
    ///
    /// Whole revisions only: one that alone touched more is taken all the same.
    pub async fn first_touched(
        &mut self,
        org: OrgId,
        account: AccountId,
        span: Span,
        rows_max: i64,
    ) -> Result<Option<Span>, StoreError> {
        // Each side stops by itself, so that the work is bounded too.
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT), MIN(touched), MAX(touched) FROM (
                SELECT touched FROM (
                    SELECT touched FROM expected_payments
                    WHERE org_id = $1 AND account_id = $2 AND touched > $3 AND touched <= $4
                    ORDER BY touched LIMIT $5) e
                UNION ALL
                SELECT touched FROM (
                    SELECT touched FROM movements
                    WHERE org_id = $1 AND account_id = $2 AND touched > $3 AND touched <= $4
                      AND status = 'booked' AND direction = 'credit'
                    ORDER BY touched LIMIT $5) m
                ORDER BY touched LIMIT $5
            ) u";
        let (count, first, last): (i64, Option<i64>, Option<i64>) = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(span.after).bind(span.upto).bind(rows_max + 1)
            .fetch_one(conn).await?);
        let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
        if count <= rows_max {
            return Ok(Some(span));
        }
        // The revision of the row that is one too many is left for the next look.
        let upto = if last > first { last - 1 } else { last };
        Ok(Some(Span { upto, ..span }))
    }
}
