//! Deleting an account. No job of its own: it happens at once, in the caller's transaction.

use serde_json::json;

use super::Deps;
use crate::domain::event::{Actor, EventKind};
use crate::domain::ids::{AccountId, OrgId};
use crate::domain::run::{Outcome, RunResult};
use crate::domain::time::Instant;
use crate::store::{StoreError, Tx};

const WHY: &str = "the account was deleted";

/// Takes an account out of use for good; `false` when it was deleted before.
///
/// Its secrets are erased, what waits for it is ended, and the log says who did it. What is under way can write
/// nothing more; once this is committed, the caller ends it with [`Running::call_off`](super::Running::call_off).
pub async fn delete_account(
    tx: &mut Tx,
    deps: &Deps,
    (org, account): (OrgId, AccountId),
    (actor, ip): (Actor, Option<String>),
    now: Instant,
) -> Result<bool, StoreError> {
    if !tx.delete_account(org, account, WHY, now).await? {
        return Ok(false);
    }
    let result = RunResult { outcome: Outcome::Interrupted, detail: Some(WHY.to_owned()), report: json!({}) };
    for (id, kind) in tx.queued_runs(org, account).await? {
        if tx.finish_run(org, id, &result, now).await? {
            let event = deps.event(EventKind::RunFinished, now).account(account).run(Some(id));
            tx.record(org, event.payload(json!({ "kind": kind.word(), "outcome": result.outcome.word() })));
        }
    }
    tx.record(org, deps.event(EventKind::AccountDeleted, now).by(actor, ip).account(account));
    Ok(true)
}
