//! Requests for one-time codes, as far as rows know them: who waits, never what was answered.

use super::{StoreError, Tx, on_backend};
use crate::domain::ids::{AssistanceId, EventId, OrgId, RunId};

impl Tx {
    /// Notes which request a run's login has open; `None` when it has none any more.
    pub async fn set_open_request(
        &mut self,
        org: OrgId,
        run: RunId,
        request: Option<AssistanceId>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE runs SET assistance_id = $3 WHERE org_id = $1 AND id = $2";
        on_backend!(self, conn => sqlx::query(SQL).bind(org).bind(run).bind(request).execute(conn).await.map(|_| ())?);
        Ok(())
    }

    /// The request that a run's login has open, or had when its process died.
    pub async fn open_request(&mut self, org: OrgId, run: RunId) -> Result<Option<AssistanceId>, StoreError> {
        const SQL: &str = "SELECT assistance_id FROM runs WHERE org_id = $1 AND id = $2";
        let row: Option<(Option<AssistanceId>,)> =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(run).fetch_optional(conn).await?);
        Ok(row.and_then(|(request,)| request))
    }

    /// Whether an event asked for a code that nobody waits for any more: it was answered, or its run is over.
    /// `false` for every other kind of event.
    pub async fn is_past_request(&mut self, org: OrgId, event: EventId) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM events e
            JOIN runs r ON r.org_id = e.org_id AND r.id = e.run_id
            WHERE e.org_id = $1 AND e.id = $2 AND e.kind = 'assistance.requested'
              AND (r.state = 'finished'
                   OR EXISTS (SELECT 1 FROM events later WHERE later.org_id = e.org_id
                              AND later.subject_id = e.subject_id AND later.seq > e.seq))";
        let (count,): (i64,) =
            on_backend!(self, conn => sqlx::query_as(SQL).bind(org).bind(event).fetch_one(conn).await?);
        Ok(count > 0)
    }
}
