//! The append-only log.

use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{StoreError, Tx, on_backend, rows};
use crate::domain::event::{Actor, NewEvent};
use crate::domain::ids::{AccountId, EventId, OrgId, RunId, UserId};
use crate::domain::time::Instant;

/// One line of the log.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Event {
    pub seq: i64,
    pub id: EventId,
    pub at: Instant,
    pub kind: String,
    pub actor: String,
    pub account_id: Option<AccountId>,
    pub subject_id: Option<Uuid>,
    pub run_id: Option<RunId>,
    pub payload: String,
}

impl Tx {
    /// Notes an event; `commit` gives it its place in the log.
    pub fn record(&mut self, org: OrgId, event: NewEvent) {
        self.events.push((org, event));
    }

    /// Events after `seq`, oldest first.
    pub async fn events_after(&mut self, org: OrgId, seq: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
        const SQL: &str = "SELECT seq, id, at, kind, actor, account_id, subject_id, run_id, payload
            FROM events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let events =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(seq).bind(limit).fetch_all(conn).await?);
        Ok(events)
    }

    /// Numbers and writes what was recorded. Called by `commit` alone: taking the counter last keeps
    /// the organisation's row locked for as short as possible, and makes `seq` follow commit order.
    pub(super) async fn write_events(&mut self) -> Result<(), StoreError> {
        let mut events = std::mem::take(&mut self.events);
        // Organisations in one order everywhere, so that two commits cannot wait for each other.
        events.sort_by_key(|(org, _)| *org);
        for group in events.chunk_by(|(a, _), (b, _)| a == b) {
            let org = group[0].0;
            let count = i64::try_from(group.len()).expect("a count of events in memory");
            let first = self.reserve_seq(org, count).await? - count + 1;
            let numbered: Vec<_> = (first..).zip(group).map(|(seq, (_, event))| (seq, event)).collect();
            self.insert_events(org, &numbered).await?;
        }
        Ok(())
    }

    async fn reserve_seq(&mut self, org: OrgId, count: i64) -> Result<i64, StoreError> {
        const SQL: &str = "UPDATE orgs SET event_seq = event_seq + $2 WHERE id = $1 RETURNING event_seq";
        let (last,): (i64,) =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(count).fetch_one(conn).await?);
        Ok(last)
    }

    async fn insert_events(&mut self, org: OrgId, events: &[(i64, &NewEvent)]) -> Result<(), StoreError> {
        for piece in rows::pieces(events) {
            let sql = format!(
                "INSERT INTO events
                (org_id, seq, id, at, kind, actor, user_id, ip, account_id, subject_id, run_id, payload, payload_hash)
                VALUES {}",
                rows::tuples("$1, ", 2, 12, piece.len())
            );
            on_backend!(self, conn => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(org);
                for (seq, event) in piece {
                    let payload = event.payload.to_string();
                    let hash = Sha256::digest(payload.as_bytes()).to_vec();
                    query = query
                        .bind(*seq).bind(event.id).bind(event.at).bind(event.kind.word()).bind(event.actor.word())
                        .bind(user(event.actor)).bind(&event.ip).bind(event.account_id).bind(event.subject_id)
                        .bind(event.run_id).bind(payload).bind(hash);
                }
                query.execute(conn).await.map(|_| ())?;
            });
        }
        Ok(())
    }
}

/// The person who caused an event, if one did.
fn user(actor: Actor) -> Option<UserId> {
    match actor {
        Actor::User(user) => Some(user),
        Actor::Engine | Actor::Operator => None,
    }
}
