//! The clocks of a node and of the database server.

use crate::domain::time::{CLOCKS_APART_MAX, apart};
use crate::jobs::Deps;
use crate::store::StoreError;

/// What to say where the database server's clock is not ours: nodes judge each other's leases by their own.
/// `None` on SQLite.
pub async fn clock_notice(deps: &Deps) -> Result<Option<String>, StoreError> {
    let before = deps.now();
    let Some(theirs) = deps.store.read().await?.server_clock().await? else { return Ok(None) };
    let apart = apart(before, theirs, deps.now());
    Ok((apart >= CLOCKS_APART_MAX).then(|| {
        format!(
            "this machine's clock and the database server's are {} s apart; let both follow a time server, or nodes \
             take each other's work as if it had been left",
            apart.num_seconds()
        )
    }))
}
