//! One line of a bank statement, as the daemon keeps it. Names follow ISO 20022 camt.05x.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::account::words;
use super::hex;
use super::ids::{AccountId, MovementId};
use super::money::{Amount, Currency};
use super::time::Instant;

words! {
    /// Direction, seen from the account holder (ISO 20022 `CdtDbtInd`).
    CreditDebit {
        Credit = "credit",
        Debit = "debit",
    }
}

words! {
    /// Whether the bank has posted the movement (ISO 20022 `Sts`).
    BookingStatus {
        Booked = "booked",
        Pending = "pending",
    }
}

/// One row as a scrape read it, before the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrapedMovement {
    /// The bank's number of the account the row stands in. Part of the movement's identity.
    pub bank_account: String,
    /// Day the bank posted it, in the bank's zone. `None` while pending, where the bank prints none.
    pub booked_on: Option<NaiveDate>,
    /// Day funds count for interest and availability.
    pub value_on: Option<NaiveDate>,
    /// The bank's own time; where it prints only a day, the start of that day in its zone.
    pub received_at: Instant,
    pub amount: Amount,
    pub direction: CreditDebit,
    pub currency: Currency,
    pub status: BookingStatus,
    /// Remittance information: what stands in the row as free text.
    pub description: String,
    /// Payer of a credit, payee of a debit; `None` when the bank gives none.
    pub counterparty_name: Option<String>,
    /// The bank's reference of the entry; may be absent or reused.
    pub bank_reference: Option<String>,
    /// Balance after this row, as printed (may be negative, hence text).
    pub balance_after: Option<String>,
    /// Which row this is among those that cannot be told apart, see [`Identity`].
    pub identity: Identity,
    /// Every cell of the row as it was read, JSON object of header → text.
    pub raw: String,
}

/// What makes two readings of a row the same movement.
///
/// The fingerprint covers what the recipe declares to be stable; the ordinal counts equal
/// fingerprints inside one read, so that real twins survive and re-reads never double them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Lower-case hex of the first 16 bytes of a SHA-256.
    pub fingerprint: String,
    /// 0 for the first of equal rows.
    pub ordinal: i64,
}

/// Raised when the inputs of the fingerprint change; stored rows then migrate, they are never announced again.
pub const FINGERPRINT_VERSION: i64 = 1;

impl Identity {
    /// Digests the declared fields; `parts` must come in the recipe's order.
    #[must_use]
    pub fn fingerprint(bank_account: &str, status: BookingStatus, parts: &[(&str, &str)]) -> String {
        let mut hash = Sha256::new();
        // Lengths go in front, so that ("ab","c") and ("a","bc") differ.
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        add(&FINGERPRINT_VERSION.to_string());
        add(bank_account);
        add(status.word());
        for (name, value) in parts {
            add(name);
            add(value);
        }
        hex(&hash.finalize()[..16])
    }

    /// The `external_id` that API answers show.
    #[must_use]
    pub fn external_id(&self) -> String {
        format!("{}-{}", self.fingerprint, self.ordinal)
    }
}

/// A movement of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub id: MovementId,
    pub account_id: AccountId,
    pub bank_account: String,
    pub external_id: String,
    pub booked_on: Option<NaiveDate>,
    pub received_at: Instant,
    pub first_seen_at: Instant,
    pub amount: Amount,
    pub direction: CreditDebit,
    pub currency: Currency,
    pub status: BookingStatus,
    /// Remittance information as printed.
    pub description: String,
    pub counterparty_name: Option<String>,
    /// Booked before the enrolment day: passthrough never forwards it by itself.
    pub is_baseline: bool,
    /// When the customer was first told of it (passthrough), or it was silently marked so.
    pub notified_at: Option<Instant>,
    /// When a match consumed it or a person set it aside.
    pub excluded_at: Option<Instant>,
}

impl Movement {
    /// Only booked credits are payments.
    #[must_use]
    pub fn is_payment(&self) -> bool {
        self.direction == CreditDebit::Credit && self.status == BookingStatus::Booked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_does_not_run_fields_together() {
        let print = |parts: &[(&str, &str)]| Identity::fingerprint("001", BookingStatus::Booked, parts);
        assert_ne!(print(&[("a", "bc")]), print(&[("ab", "c")]));
        assert_ne!(print(&[("a", "b")]), Identity::fingerprint("002", BookingStatus::Booked, &[("a", "b")]));
        assert_eq!(print(&[("a", "b")]).len(), 32);
    }
}
