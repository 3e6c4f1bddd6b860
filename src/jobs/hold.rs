//! A run's hold on its bank login: what makes it the one driver, and what each of its writes proves first.

use chrono::TimeDelta;

use crate::domain::ids::{AccountId, RunId};
use crate::domain::run::RunState;
use crate::domain::time::{CLOCKS_APART_MAX, Instant};
use crate::scrape::recipe::RUN_MAX;
use crate::store::bank_logins::Lease;
use crate::store::{StoreError, Tx};

/// How long a login stays reserved without a word from its driver.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(10);
/// How soon after it was permitted a click that submits credentials must be made.
pub(super) const CLICK_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Longer than the longest silence of a driver, whichever node's clock measures it.
const _: () = assert!(
    LEASE.num_seconds()
        > RUN_MAX.as_secs().cast_signed() + CLICK_WITHIN.num_seconds() + 2 * CLOCKS_APART_MAX.num_seconds(),
    "a run must end while its lease holds"
);

/// A run that drives a bank login for an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub lease: Lease,
    pub account: AccountId,
    pub run: RunId,
}

impl Hold {
    /// Proves that the run is the driver still, keeps it so until `tx` ends, and prolongs the lease. The first
    /// statements of every write of a run that drives a bank.
    ///
    /// [`StoreError::Fenced`] when the account was deleted, when another run took the login over, or when somebody who
    /// took this run for dead wrote its end.
    pub async fn renew(&self, tx: &mut Tx, now: Instant) -> Result<(), StoreError> {
        let org = self.lease.org;
        if !tx.hold_account(org, self.account).await? {
            return Err(StoreError::Fenced);
        }
        tx.renew_lease(self.lease, now + LEASE).await?;
        if tx.hold_run(org, self.run, RunState::Running).await? { Ok(()) } else { Err(StoreError::Fenced) }
    }
}
