//! Puts what a scrape read into the ledger.

use serde_json::json;

use super::hold::Hold;
use super::{Deps, wake_matcher};
use crate::domain::event::EventKind;
use crate::domain::ids::MovementId;
use crate::scrape::AccountRead;
use crate::store::StoreError;
use crate::store::movements::Ingest;

/// Rows per transaction, so that a long statement never stalls other writers.
const CHUNK: usize = 1_000;

/// What became of the rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Ingested {
    pub read: usize,
    pub new: usize,
}

/// Writes one bank account's rows, then asks for a match.
///
/// The last chunk carries the *complete* mark: before it, coverage rules must not conclude anything
/// from the absence of a row.
pub async fn write(deps: &Deps, ingest: &Ingest, hold: &Hold, read: &AccountRead) -> Result<Ingested, StoreError> {
    let mut total = Ingested { read: read.movements.len(), new: 0 };
    let chunks: Vec<_> = if read.movements.is_empty() { vec![&[][..]] } else { read.movements.chunks(CHUNK).collect() };
    let last = chunks.len() - 1;
    for (index, chunk) in chunks.into_iter().enumerate() {
        let now = deps.now();
        let mut tx = deps.store.write().await?;
        hold.renew(&mut tx, now).await?;
        tx.bump_revision(ingest.org, ingest.account).await?;
        let mut new = 0;
        for movement in chunk {
            if tx.insert_movement(ingest, MovementId(deps.ids.next()), movement).await? {
                new += 1;
            }
        }
        total.new += new;
        let complete = index == last && read.complete;
        let event = deps.event(EventKind::MovementsIngested, now).account(ingest.account).run(Some(ingest.run));
        tx.record(ingest.org, event.payload(json!({ "read": chunk.len(), "new": new, "complete": complete })));
        // With each chunk: should the process die before the last one, what is stored is still matched.
        if new > 0 || index == last {
            wake_matcher(&mut tx, deps, (ingest.org, ingest.account), Some(ingest.run), now).await?;
        }
        tx.commit().await?;
    }
    Ok(total)
}
