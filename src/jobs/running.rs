//! The scrapes that this process has under way, so that the deletion of an account ends them at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::domain::ids::{AccountId, OrgId};

/// In memory only: what another process has under way, that one calls off when it sees the account's row.
#[derive(Default)]
pub struct Running {
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    /// Tells a scrape from another one of the same account.
    entered: u64,
    scrapes: HashMap<u64, Scrape>,
}

struct Scrape {
    of: (OrgId, AccountId),
    call_off: CancellationToken,
}

impl Running {
    /// Enters a scrape; it can be called off until the [`UnderWay`] is dropped.
    pub(super) fn enter(&self, org: OrgId, account: AccountId) -> UnderWay<'_> {
        let call_off = CancellationToken::new();
        let mut board = self.board();
        board.entered += 1;
        let serial = board.entered;
        board.scrapes.insert(serial, Scrape { of: (org, account), call_off: call_off.clone() });
        UnderWay { running: self, serial, call_off }
    }

    /// Ends the scrapes of an account whose deletion is committed.
    pub fn call_off(&self, org: OrgId, account: AccountId) {
        for scrape in self.board().scrapes.values().filter(|scrape| scrape.of == (org, account)) {
            scrape.call_off.cancel();
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scrape, as the job that does it sees it.
pub(super) struct UnderWay<'a> {
    running: &'a Running,
    serial: u64,
    call_off: CancellationToken,
}

impl UnderWay<'_> {
    /// Returns when the scrape is called off.
    pub async fn called_off(&self) {
        self.call_off.cancelled().await;
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.running.board().scrapes.remove(&self.serial);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_accounts_scrapes_are_called_off_and_no_others() {
        let running = Running::default();
        let org = OrgId(Uuid::from_u128(1));
        let [first, second] = [2, 3].map(|number| AccountId(Uuid::from_u128(number)));
        let scrapes = [running.enter(org, first), running.enter(org, first), running.enter(org, second)];
        let stranger = running.enter(OrgId(Uuid::from_u128(9)), first);
        running.call_off(org, first);
        let are_off = scrapes.each_ref().map(|scrape| scrape.called_off().now_or_never().is_some());
        assert_eq!(are_off, [true, true, false]);
        assert!(stranger.called_off().now_or_never().is_none());
        drop(scrapes);
        assert_eq!(running.board().scrapes.len(), 1);
    }
}
