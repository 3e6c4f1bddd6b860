//! The case of an expected payment: where its reconciliation stands, and every attempt with its reason.

use serde::{Deserialize, Serialize};

use super::account::words;
use super::ids::MovementId;

words! {
    /// Status of a case, in the documented words.
    CaseStatus {
        /// Registered; the matcher has not looked yet.
        Pending = "pending",
        Matched = "matched",
        /// Looked at; nothing fits so far. Looked at again when movements arrive.
        NotFound = "not_found",
        /// More than one equally plausible movement, or a rival order for the same one.
        Ambiguous = "ambiguous",
        /// Older than five days without a match.
        Expired = "expired",
        /// The customer's list dropped it.
        Cancelled = "cancelled",
        /// Matching ended in a technical error, and so did `retry_limit` repetitions.
        Failed = "failed",
    }
}

impl CaseStatus {
    /// Whether the matcher may still decide this case.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::NotFound | Self::Ambiguous => true,
            Self::Matched | Self::Expired | Self::Cancelled | Self::Failed => false,
        }
    }
}

words! {
    /// What one attempt concluded.
    AttemptResult {
        Matched = "matched",
        NotFound = "not_found",
        Ambiguous = "ambiguous",
        Failed = "failed",
    }
}

words! {
    /// Why an attempt did not match. `matched` attempts have none.
    AttemptReason {
        /// No movement of the account has this amount.
        NoAmountMatch = "no_amount_match",
        CurrencyMismatch = "currency_mismatch",
        /// The amount is right, the day is more than five days before the order was registered.
        OutsideWindow = "outside_window",
        /// The amount is right, the names are not similar enough.
        NameTooDifferent = "name_too_different",
        /// Order or movement has no name to compare.
        NoName = "no_name",
        /// Several movements, or several orders, fit about equally well.
        MultipleCandidates = "multiple_candidates",
        /// The matcher itself failed; the log says how.
        TechnicalError = "technical_error",
    }
}

/// A movement that was weighed for a case, with the test that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub movement_id: MovementId,
    /// Similarity of the names, 0 to 1000.
    pub score: i64,
    /// One sentence a person understands, without names or amounts.
    pub why: String,
}
