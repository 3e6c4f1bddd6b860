//! The movement ledger.

use chrono::NaiveDate;
use sqlx::AssertSqlSafe;

use super::touched::{Span, touched_amounts};
use super::{StoreError, Tx, on_backend, rows};
use crate::domain::ids::{AccountId, DeliveryId, MovementId, OrgId, RunId};
use crate::domain::money::{Amount, Currency};
use crate::domain::movement::{BookingStatus, CreditDebit, FINGERPRINT_VERSION, Movement, ScrapedMovement};
use crate::domain::time::Instant;

#[derive(sqlx::FromRow)]
struct MovementRow {
    id: MovementId,
    account_id: AccountId,
    bank_account: String,
    external_id: String,
    booked_on: Option<NaiveDate>,
    received_at: Instant,
    first_seen_at: Instant,
    amount: Amount,
    direction: CreditDebit,
    currency: Currency,
    status: BookingStatus,
    description: String,
    counterparty_name: Option<String>,
    is_baseline: bool,
    notified_at: Option<Instant>,
    excluded_at: Option<Instant>,
}

impl From<MovementRow> for Movement {
    fn from(row: MovementRow) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            bank_account: row.bank_account,
            external_id: row.external_id,
            booked_on: row.booked_on,
            received_at: row.received_at,
            first_seen_at: row.first_seen_at,
            amount: row.amount,
            direction: row.direction,
            currency: row.currency,
            status: row.status,
            description: row.description,
            counterparty_name: row.counterparty_name,
            is_baseline: row.is_baseline,
            notified_at: row.notified_at,
            excluded_at: row.excluded_at,
        }
    }
}

macro_rules! movement_columns {
    () => {
        "m.id, m.account_id, m.bank_account, m.external_id, m.booked_on, m.received_at, m.first_seen_at, m.amount,
         m.direction, m.currency, m.status, m.description, m.counterparty_name, m.is_baseline, m.notified_at,
         m.excluded_at"
    };
}

macro_rules! select_movement {
    ($rest:literal) => {
        concat!("SELECT ", movement_columns!(), " FROM movements m ", $rest)
    };
}

/// Which movements a list shows besides booked credits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Include {
    pub pending: bool,
    pub debits: bool,
}

/// Where a scraped row goes.
#[derive(Debug, Clone, Copy)]
pub struct Ingest {
    pub org: OrgId,
    pub account: AccountId,
    pub run: RunId,
    /// What was booked before this bank day is baseline.
    pub enrolled_on: NaiveDate,
    pub now: Instant,
}

impl Tx {
    /// Adds a row of a statement, touched at the account's revision; `false` when the ledger has it already.
    ///
    /// The unique identity decides, so reading the same page twice adds nothing and real twins,
    /// which carry different ordinals, both stay.
    pub async fn insert_movement(
        &mut self,
        ingest: &Ingest,
        id: MovementId,
        movement: &ScrapedMovement,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "INSERT INTO movements
            (org_id, id, account_id, run_id, bank_account, fingerprint, fingerprint_version, ordinal, external_id,
             booked_on, value_on, received_at, first_seen_at, amount, direction, currency, status, description,
             counterparty_name, bank_reference, balance_after, raw, is_baseline, touched)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                    $22, $23, (SELECT revision FROM accounts WHERE org_id = $1 AND id = $3))
            ON CONFLICT (org_id, account_id, bank_account, fingerprint, ordinal) DO NOTHING";
        let is_baseline = movement.booked_on.is_some_and(|day| day < ingest.enrolled_on);
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(ingest.org).bind(id).bind(ingest.account).bind(ingest.run).bind(&movement.bank_account)
            .bind(&movement.identity.fingerprint).bind(FINGERPRINT_VERSION).bind(movement.identity.ordinal)
            .bind(movement.identity.external_id())
            .bind(movement.booked_on).bind(movement.value_on).bind(movement.received_at).bind(ingest.now)
            .bind(movement.amount).bind(movement.direction).bind(&movement.currency).bind(movement.status)
            .bind(&movement.description).bind(&movement.counterparty_name).bind(&movement.bank_reference)
            .bind(&movement.balance_after).bind(&movement.raw).bind(is_baseline)
            .execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Newest first: by the bank's time, then by when we saw it, then by id.
    pub async fn movements(
        &mut self,
        org: OrgId,
        account: AccountId,
        include: Include,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<Movement>, StoreError> {
        const SQL: &str = select_movement!(
            "WHERE org_id = $1 AND account_id = $2 AND (status = 'booked' OR $3) AND (direction = 'credit' OR $4)
             ORDER BY received_at DESC, first_seen_at DESC, id DESC LIMIT $5 OFFSET $6"
        );
        let rows: Vec<MovementRow> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(include.pending).bind(include.debits).bind(limit).bind(offset)
            .fetch_all(conn).await?);
        Ok(rows.into_iter().map(Movement::from).collect())
    }

    pub async fn movement(&mut self, org: OrgId, id: MovementId) -> Result<Option<Movement>, StoreError> {
        const SQL: &str = select_movement!("WHERE org_id = $1 AND id = $2");
        let row: Option<MovementRow> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?);
        Ok(row.map(Movement::from))
    }

    /// Booked credits that pay nothing yet, of every amount that was touched in a span and that some open order of the
    /// account asks for.
    ///
    /// Currency is not compared here: "right amount, wrong currency" is a reason the matcher gives.
    pub async fn free_movements(
        &mut self,
        org: OrgId,
        account: AccountId,
        span: Span,
    ) -> Result<Vec<Movement>, StoreError> {
        const SQL: &str = concat!(
            "SELECT ",
            movement_columns!(),
            " FROM ",
            touched_amounts!(),
            " CROSS JOIN movements m
             WHERE m.org_id = t.org_id AND m.account_id = t.account_id AND m.amount = t.amount
               AND m.excluded_at IS NULL AND m.status = 'booked' AND m.direction = 'credit'
             ORDER BY m.received_at, m.id"
        );
        let rows: Vec<MovementRow> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(span.after).bind(span.upto).fetch_all(conn).await?);
        Ok(rows.into_iter().map(Movement::from).collect())
    }

    /// Every movement of an account with an amount, newest first: what `match explain` weighs.
    pub async fn movements_of_amount(
        &mut self,
        org: OrgId,
        account: AccountId,
        amount: Amount,
    ) -> Result<Vec<Movement>, StoreError> {
        const SQL: &str = select_movement!(
            "WHERE org_id = $1 AND account_id = $2 AND amount = $3 ORDER BY received_at DESC, id DESC LIMIT 100"
        );
        let rows: Vec<MovementRow> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(amount).fetch_all(conn).await?);
        Ok(rows.into_iter().map(Movement::from).collect())
    }

    /// Marks movements as consumed by a match; how many of them no other match had taken.
    pub async fn exclude_movements(
        &mut self,
        org: OrgId,
        movements: &[MovementId],
        now: Instant,
    ) -> Result<u64, StoreError> {
        let mut excluded = 0;
        for piece in rows::pieces(movements) {
            let sql = format!(
                "UPDATE movements SET excluded_at = $2 WHERE (org_id, id) IN (VALUES {}) AND excluded_at IS NULL",
                rows::tuples("$1, ", 3, 1, piece.len())
            );
            excluded += on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(org).bind(now);
                for movement in piece {
                    query = query.bind(*movement);
                }
                query.execute(conn).await?.rows_affected()
            });
        }
        Ok(excluded)
    }

    /// Booked credits that were touched in a span and that passthrough has not taken yet, oldest first. Baseline never
    /// counts.
    pub async fn unforwarded_movements(
        &mut self,
        org: OrgId,
        account: AccountId,
        span: Span,
        limit: i64,
    ) -> Result<Vec<Movement>, StoreError> {
        // What was told was taken: an earlier release noted nothing else.
        const SQL: &str = select_movement!(
            "WHERE org_id = $1 AND account_id = $2 AND touched > $3 AND touched <= $4
               AND status = 'booked' AND direction = 'credit'
               AND forwarded_at IS NULL AND notified_at IS NULL AND excluded_at IS NULL AND NOT is_baseline
             ORDER BY received_at, id LIMIT $5"
        );
        let rows: Vec<MovementRow> = on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(account).bind(span.after).bind(span.upto).bind(limit).fetch_all(conn).await?);
        Ok(rows.into_iter().map(Movement::from).collect())
    }

    /// Takes a movement for the webhook that will tell of it; `false` when it had been taken.
    pub async fn mark_forwarded(&mut self, org: OrgId, id: MovementId, now: Instant) -> Result<bool, StoreError> {
        const SQL: &str =
            "UPDATE movements SET forwarded_at = $3 WHERE org_id = $1 AND id = $2 AND forwarded_at IS NULL";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Takes a movement and counts it as told, although nobody is; `false` when it had been taken.
    pub async fn mark_told_in_silence(&mut self, org: OrgId, id: MovementId, now: Instant) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE movements SET forwarded_at = $3, notified_at = COALESCE(notified_at, $3)
            WHERE org_id = $1 AND id = $2 AND forwarded_at IS NULL";
        let rows = on_backend!(self, conn => sqlx::query(SQL)
            .bind(org).bind(id).bind(now).execute(conn).await?.rows_affected());
        Ok(rows == 1)
    }

    /// Notes that the webhook of a movement arrived; the first time stands. Webhooks about anything else note nothing.
    pub async fn mark_notified(&mut self, org: OrgId, delivery: DeliveryId, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE movements SET notified_at = $3
            WHERE org_id = $1 AND notified_at IS NULL
              AND id = (SELECT d.subject_id FROM deliveries d
                        WHERE d.org_id = $1 AND d.id = $2 AND d.subject_kind = 'movement')";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(delivery).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Takes everything that an organisation's accounts hold and counts it as told: what switching to passthrough
    /// does, so that no backlog is sent. What is on its way already is told when it arrives.
    pub async fn mark_all_notified(&mut self, org: OrgId, now: Instant) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE movements SET forwarded_at = $2, notified_at = COALESCE(notified_at, $2)
            WHERE org_id = $1 AND forwarded_at IS NULL";
        Ok(on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(now).execute(conn).await?.rows_affected()))
    }
}
