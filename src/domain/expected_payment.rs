//! What a customer told us to await.

use serde::{Deserialize, Serialize};

use super::account::words;
use super::case::CaseStatus;
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedOrder {
    /// Position in the answer, from 0; the reason counts from 1.
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
    /// When a poll first listed it, or listed it again after it was closed; windows are counted from here.
    pub registered_at: Instant,
}

/// An order of the ledger as a poll compares it with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrder {
    pub id: ExpectedPaymentId,
    pub external_id: String,
    pub status: CaseStatus,
    pub amount: Amount,
    pub currency: Currency,
    /// Good polls in a row that did not list it; 0 while it is listed. Stands still once the order is matched.
    pub absent_polls: i64,
    /// The first of those polls; `None` while it is listed.
    pub absent_since: Option<Instant>,
    /// Whether it was said that the customer now lists another amount or currency.
    pub change_reported: bool,
}

/// What a poll found and did, as its run keeps it. Zeros and `None` where the answer was not usable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollReport {
    /// Items of the answer, skipped ones included; `None` also when the endpoint said that its list is as before.
    pub listed: Option<usize>,
    pub new: usize,
    /// Listed orders that were known before, reopened ones not included.
    pub seen: usize,
    pub cancelled: usize,
    pub reopened: usize,
    pub changed: usize,
    pub skipped_count: usize,
    /// The first of the skipped items.
    pub skipped: Vec<SkippedOrder>,
}
