//! What a customer told us to await.

use super::account::words;
use super::ids::{AccountId, ExpectedPaymentId};
use super::money::{Amount, Currency};
use super::time::Instant;

words! {
    /// Which of the three vocabularies declared it.
    ExpectedPaymentKind {
        Order = "order",
    }
}

/// One item of a customer's answer that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolledOrder {
    pub external_id: String,
    pub amount: Amount,
    pub currency: Currency,
    /// The payer's name as the customer knows it. May be empty: it then never matches by itself.
    pub name: String,
}

/// One item that was left out, and why. The other items are unaffected.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SkippedOrder {
    /// Position in the answer, from 0.
    pub index: usize,
    /// `None` when not even the id could be read; such an answer cancels nothing.
    pub external_id: Option<String>,
    pub reason: String,
}

/// An expected payment of the ledger. Its case has the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPayment {
    pub id: ExpectedPaymentId,
    pub account_id: AccountId,
    pub external_id: String,
    pub amount: Amount,
    pub currency: Currency,
    pub name: String,
    /// When a poll first listed it; windows are counted from here.
    pub registered_at: Instant,
}
