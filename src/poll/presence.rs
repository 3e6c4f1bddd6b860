//! What a good answer means for the orders of the ledger. Pure.
//!
//! An order that is missing from an answer was either taken off the list or left out by mistake. Only
//! repetition tells the two apart, so an absence is counted before anything is cancelled, and longer
//! where the answer itself looks like a mistake. A poll without a good answer never gets here.

use std::collections::HashMap;
use std::fmt;

use chrono::TimeDelta;

use super::decode::Decoded;
use crate::domain::case::CaseStatus;
use crate::domain::expected_payment::{KnownOrder, PolledOrder};
use crate::domain::time::Instant;

/// An answer is doubtful only when it lacks more open orders than these: half of a short list is soon gone.
const LACKING_WITHOUT_DOUBT_MAX: usize = 10;

/// A good answer to a poll.
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    List(&'a Decoded),
    /// The endpoint says that its list is the one of the last good answer (status 304).
    AsBefore,
}

/// How long an order must be missing before it is cancelled: in so many good polls in a row, the
/// first and the last of them so far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub polls: i64,
    pub time: TimeDelta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresencePolicy {
    pub usual: Patience,
    /// For answers that are empty, or lack more than half of the open orders and more than ten of them.
    pub doubtful: Patience,
}

/// Good polls in a row that did not list an order, this one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    pub polls: i64,
    pub since: Instant,
}

/// One consequence of an answer. Printed, it says what a poll does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// An id that was never listed before.
    Register(&'a PolledOrder),
    /// Open and listed; an absence that was counted is forgotten.
    Seen(&'a KnownOrder),
    /// Not listed. A closed order is counted once, so that its return can be told from its stay.
    Absent(&'a KnownOrder, Absence),
    Cancel(&'a KnownOrder, Absence),
    /// Closed without a match, gone for at least one good poll, and back: a new registration.
    Reopen(&'a KnownOrder),
    /// Listed with another amount or currency than at first, which stands; said once. Comes besides the
    /// step that the listing itself is.
    Changed(&'a KnownOrder, Vec<&'static str>),
    /// Matched, or closed and listed all along: the listing changes nothing.
    Stays(&'a KnownOrder),
}

/// Compares the account's orders with an answer. Known orders come first, as they are given, then new
/// ones in the order of the answer.
///
/// [`Answer::AsBefore`] is a good poll whose list is the one before: what was listed then is listed, what
/// was absent then is absent once more. Since the list itself is not at hand, it is taken for empty when
/// no open order was on it.
#[must_use]
pub fn decide<'a>(known: &'a [KnownOrder], answer: Answer<'a>, policy: &PresencePolicy, now: Instant) -> Vec<Step<'a>> {
    let (orders, proves_absence): (&[PolledOrder], bool) = match answer {
        // The id that cannot be read may be any of those that seem to be missing.
        Answer::List(decoded) => (decoded.orders.as_slice(), !decoded.unreadable_ids),
        Answer::AsBefore => (&[], true),
    };
    let mut offers: HashMap<&str, &PolledOrder> =
        orders.iter().map(|order| (order.external_id.as_str(), order)).collect();
    let patience = if is_doubtful(known, answer) { policy.doubtful } else { policy.usual };
    let mut steps = Vec::new();
    for known in known {
        let offer = offers.remove(known.external_id.as_str());
        if is_listed(known, answer) {
            steps.push(listed(known, offer));
        } else if proves_absence {
            steps.extend(missing(known, patience, now));
        }
        steps.extend(offer.and_then(|order| changed(known, order)));
    }
    steps.extend(orders.iter().filter(|order| offers.contains_key(order.external_id.as_str())).map(Step::Register));
    steps
}

fn is_listed(known: &KnownOrder, answer: Answer<'_>) -> bool {
    match answer {
        Answer::List(decoded) => decoded.listed.binary_search(&known.external_id).is_ok(),
        Answer::AsBefore => known.absent_polls == 0,
    }
}

/// Whether the answer looks more like a mistake of the endpoint than like orders taken off the list.
fn is_doubtful(known: &[KnownOrder], answer: Answer<'_>) -> bool {
    let open: Vec<_> = known.iter().filter(|known| known.status.is_open()).collect();
    let lacking = open.iter().filter(|known| !is_listed(known, answer)).count();
    let is_empty = match answer {
        Answer::List(decoded) => decoded.listed.is_empty(),
        Answer::AsBefore => lacking == open.len(),
    };
    is_empty || (lacking * 2 > open.len() && lacking > LACKING_WITHOUT_DOUBT_MAX)
}

/// `offer` is the item, where it could be read whole.
fn listed<'a>(known: &'a KnownOrder, offer: Option<&PolledOrder>) -> Step<'a> {
    match known.status {
        CaseStatus::Pending | CaseStatus::NotFound | CaseStatus::Ambiguous => Step::Seen(known),
        CaseStatus::Cancelled | CaseStatus::Expired | CaseStatus::Failed
            if known.absent_polls > 0 && offer.is_some() =>
        {
            Step::Reopen(known)
        }
        CaseStatus::Matched | CaseStatus::Cancelled | CaseStatus::Expired | CaseStatus::Failed => Step::Stays(known),
    }
}

fn missing(known: &KnownOrder, patience: Patience, now: Instant) -> Option<Step<'_>> {
    let absence = Absence { polls: known.absent_polls + 1, since: known.absent_since.unwrap_or(now) };
    match known.status {
        CaseStatus::Pending | CaseStatus::NotFound | CaseStatus::Ambiguous => {
            let is_gone = absence.polls >= patience.polls && now - absence.since >= patience.time;
            Some(if is_gone { Step::Cancel(known, absence) } else { Step::Absent(known, absence) })
        }
        CaseStatus::Expired | CaseStatus::Failed if known.absent_polls == 0 => Some(Step::Absent(known, absence)),
        CaseStatus::Matched | CaseStatus::Cancelled | CaseStatus::Expired | CaseStatus::Failed => None,
    }
}

fn changed<'a>(known: &'a KnownOrder, order: &PolledOrder) -> Option<Step<'a>> {
    let differs = [("amount", known.amount != order.amount), ("currency", known.currency != order.currency)];
    let fields: Vec<_> = differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect();
    (!fields.is_empty() && !known.change_reported).then_some(Step::Changed(known, fields))
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(order) => write!(f, "register {:?}", order.external_id),
            Self::Seen(known) => write!(f, "seen {:?}", known.external_id),
            Self::Absent(known, Absence { polls, .. }) => {
                write!(f, "absent {:?}: {polls} good poll(s) in a row without it", known.external_id)
            }
            Self::Cancel(known, Absence { polls, .. }) => {
                write!(f, "cancel {:?}: {polls} good poll(s) in a row without it", known.external_id)
            }
            Self::Reopen(known) => write!(f, "reopen {:?}: it was {}", known.external_id, known.status),
            Self::Changed(known, fields) => {
                write!(f, "changed {:?}: the first {} stands", known.external_id, fields.join(" and "))
            }
            Self::Stays(known) => write!(f, "stays {:?}: it is {}", known.external_id, known.status),
        }
    }
}

#[cfg(test)]
mod tests;
