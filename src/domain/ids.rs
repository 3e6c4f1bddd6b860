//! Typed identifiers. All are UUIDv7, minted by an injected generator, so that a test can replay them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A tenant. Every row carries one; every store function takes one.
    OrgId,
    /// A person who signs in.
    UserId,
    /// A bank of the catalogue. Banks belong to no organisation.
    BankId,
    /// An enrolled account: one bank, one schedule, one customer endpoint.
    AccountId,
    /// One user name at one bank, with its secrets and its lock-out budget. Several accounts may share it.
    BankLoginId,
    /// One line of a bank statement.
    MovementId,
    /// Something a customer told us to await. Its case has the same id.
    ExpectedPaymentId,
    /// The link that says "this movement pays that case".
    AllocationId,
    /// One run of the matcher over one case.
    AttemptId,
    /// One scrape or one poll. `jobId` in API answers is this id.
    RunId,
    /// A login's request for one-time codes; the same while wrong codes are followed by others.
    AssistanceId,
    /// One code that someone gave.
    AnswerId,
    /// A key of a machine.
    ApiKeyId,
    /// One line of the audit log; also the `webhook-id` of the deliveries it causes.
    EventId,
    /// One webhook to one endpoint.
    DeliveryId,
    /// A wake-up in the queue.
    JobId,
}

/// Where new ids come from. Injected, never ambient.
pub trait IdSource: Send + Sync {
    /// Returns an id that was never returned before, greater than those returned before it.
    fn next(&self) -> Uuid;
}

/// UUIDv7 from the operating system's clock and randomness.
#[derive(Debug, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place where ids are minted")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
