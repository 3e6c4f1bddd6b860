//! The outbox: what customers are to be told, with every attempt.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{StoreError, Tx, on_backend, rows};
use crate::domain::account::words;
use crate::domain::event::EventKind;
use crate::domain::ids::{AccountId, DeliveryId, EventId, OrgId, RunId};
use crate::domain::time::Instant;

words! {
    DeliveryState {
        Pending = "pending",
        Delivered = "delivered",
        /// Given up; kept, and sent again only when a person asks.
        Dead = "dead",
    }
}

words! {
    /// Which of an account's URLs a delivery goes to; looked up, with its credentials, at each attempt.
    Endpoint {
        /// Results: `webhook_url`.
        Webhook = "webhook",
        /// Operational notifications: `notification_endpoint_url`.
        Notification = "notification",
    }
}

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Delivery {
    pub org_id: OrgId,
    pub id: DeliveryId,
    pub account_id: AccountId,
    /// The `webhook-id`, on retry and on resend.
    pub event_id: EventId,
    pub run_id: Option<RunId>,
    pub endpoint: Endpoint,
    /// Frozen when the decision was made.
    pub body: Vec<u8>,
    pub state: String,
    pub attempts: i64,
    /// When it is due; `None` once delivered or dead.
    pub next_at: Option<Instant>,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    pub created_at: Instant,
}

/// What a delivery is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Case(Uuid),
    Movement(Uuid),
    /// How a run ended.
    Run(RunId),
}

impl Subject {
    fn kind(self) -> &'static str {
        match self {
            Self::Case(_) => "case",
            Self::Movement(_) => "movement",
            Self::Run(_) => "run",
        }
    }

    fn id(self) -> Uuid {
        match self {
            Self::Case(id) | Self::Movement(id) => id,
            Self::Run(run) => run.0,
        }
    }

    /// What money did goes to the webhook, what the reading did to the notification endpoint.
    fn endpoint(self) -> Endpoint {
        match self {
            Self::Case(_) | Self::Movement(_) => Endpoint::Webhook,
            Self::Run(_) => Endpoint::Notification,
        }
    }
}

#[derive(Debug)]
pub struct NewDelivery {
    pub org_id: OrgId,
    pub id: DeliveryId,
    pub account_id: AccountId,
    pub event_id: EventId,
    pub run_id: Option<RunId>,
    pub subject: Subject,
    pub body: Vec<u8>,
}

/// How one HTTP try ended.
#[derive(Debug)]
pub struct AttemptRecord<'a> {
    /// `None` when no answer came.
    pub status: Option<i64>,
    pub error: Option<&'a str>,
    pub took_ms: i64,
    /// The state that follows, and when the next try is due (pending only).
    pub state: DeliveryState,
    pub next_at: Option<Instant>,
}

macro_rules! select_delivery {
    ($rest:literal) => {
        concat!(
            "SELECT org_id, id, account_id, event_id, run_id, endpoint, body, state, attempts, next_at, last_status,
                    last_error, created_at
             FROM deliveries ",
            $rest
        )
    };
}

impl Tx {
    /// Puts a webhook into the outbox, due at once; `commit` writes it.
    pub fn put_into_outbox(&mut self, delivery: NewDelivery, now: Instant) {
        self.deliveries.push((delivery, now));
    }

    /// Writes what was put into the outbox. Called by `commit` alone, after the events: for a webhook that is there
    /// before its event, SQLite looks through all webhooks when the event comes.
    pub(super) async fn write_deliveries(&mut self) -> Result<(), StoreError> {
        let deliveries = std::mem::take(&mut self.deliveries);
        for piece in rows::pieces(&deliveries) {
            let sql = format!(
                "INSERT INTO deliveries
                (state, org_id, id, account_id, event_id, run_id, endpoint, subject_kind, subject_id, body, next_at,
                 created_at)
                VALUES {}",
                rows::tuples("'pending', ", 1, 11, piece.len())
            );
            on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for (delivery, now) in piece {
                    let subject = delivery.subject;
                    query = query
                        .bind(delivery.org_id).bind(delivery.id).bind(delivery.account_id).bind(delivery.event_id)
                        .bind(delivery.run_id).bind(subject.endpoint()).bind(subject.kind()).bind(subject.id())
                        .bind(delivery.body.as_slice()).bind(*now).bind(*now);
                }
                query.execute(conn).await.map(|_| ())?;
            });
        }
        Ok(())
    }

    pub async fn delivery(&mut self, org: OrgId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        const SQL: &str = select_delivery!("WHERE org_id = $1 AND id = $2");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(id).fetch_optional(conn).await?))
    }

    /// Writes one attempt; `false` when another worker wrote the same one first.
    ///
    /// `attempts_before` is the count the attempt was made under: a second worker that sent the same
    /// delivery (after a lost lease) changes nothing.
    pub async fn record_attempt(
        &mut self,
        org: OrgId,
        id: DeliveryId,
        attempts_before: i64,
        attempt: &AttemptRecord<'_>,
        now: Instant,
    ) -> Result<bool, StoreError> {
        const UPDATE: &str = "UPDATE deliveries
            SET state = $4, attempts = attempts + 1, next_at = $5, last_status = $6, last_error = $7,
                finished_at = CASE WHEN $4 = 'pending' THEN NULL ELSE $8 END
            WHERE org_id = $1 AND id = $2 AND attempts = $3 AND state = 'pending'";
        // Numbered apart from the count, which starts over when a person asks for the webhook again.
        const INSERT: &str = "INSERT INTO delivery_attempts (org_id, delivery_id, number, at, status, error, took_ms)
            SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4, $5, $6
            FROM delivery_attempts WHERE org_id = $1 AND delivery_id = $2";
        let rows = on_backend!(self, conn => sqlx::query(UPDATE)
            .bind(org).bind(id).bind(attempts_before).bind(attempt.state.word()).bind(attempt.next_at)
            .bind(attempt.status).bind(attempt.error).bind(now)
            .execute(conn).await?.rows_affected());
        if rows == 0 {
            return Ok(false);
        }
        on_backend!(self, conn => sqlx::query(INSERT)
            .bind(org).bind(id).bind(now).bind(attempt.status).bind(attempt.error).bind(attempt.took_ms)
            .execute(conn).await.map(|_| ())?);
        Ok(true)
    }

    /// The newest webhook about a subject that tells of a decision of this kind, or that a person asked for.
    pub async fn newest_delivery(
        &mut self,
        org: OrgId,
        subject: Subject,
        decision: EventKind,
    ) -> Result<Option<Delivery>, StoreError> {
        const SQL: &str = select_delivery!(
            "d WHERE d.org_id = $1 AND d.subject_kind = $2 AND d.subject_id = $3
               AND EXISTS (SELECT 1 FROM events e WHERE e.org_id = d.org_id AND e.id = d.event_id
                           AND e.kind IN ($4, 'delivery.requested'))
             ORDER BY d.created_at DESC, d.id DESC LIMIT 1"
        );
        let (kind, subject) = (subject.kind(), subject.id());
        Ok(on_backend!(self, conn => sqlx::query_as(SQL)
            .bind(org).bind(kind).bind(subject).bind(decision.word()).fetch_optional(conn).await?))
    }

    /// Makes a webhook due now, as it is. One that was delivered or given up gets all its attempts again.
    pub async fn redeliver(&mut self, org: OrgId, id: DeliveryId, now: Instant) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE deliveries
            SET attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END,
                state = 'pending', next_at = $3, finished_at = NULL
            WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(id).bind(now).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// Deliveries that were due before an instant and have no job to wake them: the sweeper's question.
    pub async fn deliveries_without_job(
        &mut self,
        due_before: Instant,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        const SQL: &str = select_delivery!(
            "d WHERE d.state = 'pending' AND d.next_at < $1
               AND NOT EXISTS (SELECT 1 FROM jobs j
                               WHERE j.org_id = d.org_id AND j.subject = d.id AND j.state <> 'dead')
             ORDER BY d.next_at LIMIT $2"
        );
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(due_before).bind(limit).fetch_all(conn).await?))
    }

    /// Deliveries of an account, newest first.
    pub async fn deliveries(
        &mut self,
        org: OrgId,
        account: AccountId,
        limit: i64,
    ) -> Result<Vec<Delivery>, StoreError> {
        const SQL: &str =
            select_delivery!("WHERE org_id = $1 AND account_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3");
        Ok(on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(account).bind(limit).fetch_all(conn).await?))
    }
}
