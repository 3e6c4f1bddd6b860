//! Compares what the demo world did with what the daemon's ledger and the shop's inbox say of it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::plan::{Asked, End};
use crate::demo::world::{NewBankMovement, Order, PESOS, Received, ZONE};
use crate::domain::account::UNKNOWN_SUBMISSIONS_MAX;
use crate::domain::case::CaseStatus;
use crate::domain::money::{self, Amount};
use crate::domain::movement::BookingStatus;
use crate::domain::time::Instant;

/// Both sides, after the daemon was left alone for a while.
pub(super) struct Facts {
    /// What the shop asked for, and what must have come of it.
    pub asked: Vec<Asked>,
    /// Everything in the bank's books.
    pub books: Vec<NewBankMovement>,
    /// Everything in the daemon's ledger, by its API.
    pub ledger: Vec<Entry>,
    /// Every order that the daemon knows, by its API.
    pub requests: Vec<Request>,
    /// Every webhook that the shop received, oldest first.
    pub webhooks: Vec<Received>,
    pub periods: Vec<Period>,
    /// Answers of the API that it should not give.
    pub complaints: Vec<String>,
}

/// A movement of the ledger.
pub(super) struct Entry {
    pub id: String,
    pub row: Row,
    /// Whether it is set aside, as by a match.
    pub is_taken: bool,
}

/// What bank and ledger must agree on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub kind: RowKind,
    pub amount: Amount,
    pub currency: String,
    /// As the bank names the other side; `None` where it does not.
    pub name: Option<String>,
    pub received_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowKind {
    /// A booked credit.
    Payment,
    /// Pending, or a debit.
    Other,
}

/// An order as the daemon knows it.
pub(super) struct Request {
    pub external_id: String,
    pub status: CaseStatus,
    pub paid_by: Option<PaidBy>,
}

/// The movement that pays a request.
pub(super) struct PaidBy {
    /// Its id.
    pub movement: String,
    pub amount: Amount,
    pub name: Option<String>,
}

/// From one restart of the login by a person, or from the beginning, to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    /// Submissions without a known outcome that it began with.
    pub permitted: i64,
    /// Logins that the daemon knows to be accepted; each permits [`UNKNOWN_SUBMISSIONS_MAX`] more.
    pub accepted: i64,
    /// What the bank counted.
    pub submitted: i64,
}

impl Row {
    /// What a movement of the bank's books must look like in the ledger.
    fn of(movement: &NewBankMovement) -> Self {
        let is_payment = movement.credit.is_some() && movement.status == BookingStatus::Booked;
        let currency = if movement.bank_account == PESOS { "UYU" } else { "USD" };
        let starts = ["TRANSFERENCIA DE ", "TRANSFERENCIA A "];
        let name = starts.into_iter().find_map(|start| movement.concept.strip_prefix(start));
        Self {
            kind: if is_payment { RowKind::Payment } else { RowKind::Other },
            amount: movement.credit.or(movement.debit).unwrap_or(Amount::ZERO),
            currency: currency.to_owned(),
            name: name.map(str::to_owned),
            received_at: ZONE.start_of(movement.booked_on),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RowKind::Payment => "payment",
            RowKind::Other => "debit or pending movement",
        };
        let name = self.name.as_deref().unwrap_or("nobody");
        write!(f, "{kind} of {} {} by {name}, received {}", self.amount, self.currency, self.received_at)
    }
}

/// The name as the demo bank prints it.
pub(super) fn printed(payer: &str) -> String {
    payer.to_uppercase()
}

/// Everything that is lost, doubled or wrong, one sentence each; empty when all is well.
pub(super) fn violations(facts: &Facts) -> Vec<String> {
    let mut found = facts.complaints.clone();
    compare_books(facts, &mut found);
    judge_requests(facts, &mut found);
    judge_payments(facts, &mut found);
    judge_webhooks(facts, &mut found);
    judge_logins(&facts.periods, &mut found);
    found
}

/// Webhooks that came again.
pub(super) fn repeats(webhooks: &[Received]) -> usize {
    let ids: BTreeSet<&str> = webhooks.iter().map(|webhook| webhook.webhook_id.as_str()).collect();
    webhooks.len() - ids.len()
}

/// Each movement of the bank is in the ledger as often as the bank booked it, and nothing else is.
fn compare_books(facts: &Facts, found: &mut Vec<String>) {
    let mut counts: BTreeMap<Row, (usize, usize)> = BTreeMap::new();
    for movement in &facts.books {
        counts.entry(Row::of(movement)).or_default().0 += 1;
    }
    for entry in &facts.ledger {
        counts.entry(entry.row.clone()).or_default().1 += 1;
    }
    for (row, (booked, kept)) in counts {
        if booked != kept {
            let fault = if booked > kept { "lost" } else { "made up" };
            found.push(format!("{fault}: the bank has {booked}, the ledger {kept} of: {row}"));
        }
    }
}

/// Each order is known once and stands where the plan ends it.
fn judge_requests(facts: &Facts, found: &mut Vec<String>) {
    for asked in &facts.asked {
        let id = &asked.order.external_id;
        let requests: Vec<&Request> = facts.requests.iter().filter(|request| request.external_id == *id).collect();
        match requests.as_slice() {
            // Withdrawn before a poll saw it.
            [] if asked.end == End::Withdrawn => {}
            [] => found.push(format!("{id} was never registered")),
            [request] => judge_request(asked, request, found),
            several => found.push(format!("{id} was registered {} times", several.len())),
        }
    }
    let known: BTreeSet<&str> = facts.asked.iter().map(|asked| asked.order.external_id.as_str()).collect();
    for request in facts.requests.iter().filter(|request| !known.contains(request.external_id.as_str())) {
        found.push(format!("{} was registered, but the shop never listed it", request.external_id));
    }
}

fn judge_request(asked: &Asked, request: &Request, found: &mut Vec<String>) {
    let (id, status) = (&asked.order.external_id, request.status);
    let is_open = matches!(status, CaseStatus::Pending | CaseStatus::NotFound);
    let (expected, is_right) = match asked.end {
        End::Paid => ("matched", status == CaseStatus::Matched),
        End::Open => ("open", is_open),
        End::Withdrawn => ("cancelled, or open still", is_open || status == CaseStatus::Cancelled),
    };
    if !is_right {
        found.push(format!("{id} should be {expected}, but is {status}"));
    }
    match &request.paid_by {
        Some(paid_by) => {
            let name = printed(&asked.order.name);
            if paid_by.amount != asked.order.amount || paid_by.name.as_deref() != Some(name.as_str()) {
                found.push(format!("{id} is paid by movement {}, which is not its payer's", paid_by.movement));
            }
        }
        None if status == CaseStatus::Matched => found.push(format!("{id} is matched, but no movement pays it")),
        None => {}
    }
}

/// Each movement pays one order or none, and only what pays is set aside.
fn judge_payments(facts: &Facts, found: &mut Vec<String>) {
    let mut orders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for request in &facts.requests {
        if let Some(paid_by) = &request.paid_by {
            orders.entry(&paid_by.movement).or_default().push(&request.external_id);
        }
    }
    let taken: BTreeMap<&str, &Row> = facts
        .ledger
        .iter()
        .filter(|entry| entry.is_taken && entry.row.kind == RowKind::Payment)
        .map(|entry| (entry.id.as_str(), &entry.row))
        .collect();
    for (movement, orders) in &orders {
        if orders.len() > 1 {
            found.push(format!("movement {movement} pays several orders: {}", orders.join(", ")));
        }
        if !taken.contains_key(movement) {
            found.push(format!("movement {movement} pays {}, but could pay another one", orders.join(", ")));
        }
    }
    for (movement, row) in taken.iter().filter(|(movement, _)| !orders.contains_key(**movement)) {
        found.push(format!("movement {movement} is set aside and pays nothing: {row}"));
    }
}

/// Each match was told under one id with one body, and nothing else was told.
fn judge_webhooks(facts: &Facts, found: &mut Vec<String>) {
    let paid = facts.asked.iter().filter(|asked| asked.end == End::Paid);
    let expected: BTreeMap<String, &str> =
        paid.map(|asked| (told(&asked.order), asked.order.external_id.as_str())).collect();
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut ids: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let mut heard: BTreeSet<&str> = BTreeSet::new();
    for webhook in &facts.webhooks {
        let (id, raw) = (webhook.webhook_id.as_str(), webhook.raw.as_str());
        match &webhook.verified {
            Ok(()) => {
                heard.insert(raw);
            }
            Err(problem) => found.push(format!("webhook {id} could not be verified: {problem}")),
        }
        if !expected.contains_key(raw) {
            found.push(format!("webhook {id} says what did not happen: {raw}"));
        }
        let first = *bodies.entry(id).or_insert(raw);
        if first != raw {
            found.push(format!("webhook {id} came with two bodies: {first} and {raw}"));
        }
        ids.entry((field(webhook, "external_id"), field(webhook, "status"))).or_default().insert(id);
    }
    for ((order, status), ids) in ids.iter().filter(|(_, ids)| ids.len() > 1) {
        let ids: Vec<&str> = ids.iter().copied().collect();
        found.push(format!("{order} was told to be {status} under several ids: {}", ids.join(", ")));
    }
    for (_, order) in expected.iter().filter(|(body, _)| !heard.contains(body.as_str())) {
        found.push(format!("the shop was never told that {order} is paid"));
    }
}

/// A text of the body; empty where it has none of this name.
fn field<'w>(webhook: &'w Received, name: &str) -> &'w str {
    webhook.body[name].as_str().unwrap_or_default()
}

/// The body of the webhook of a match, byte for byte.
fn told(order: &Order) -> String {
    format!(
        r#"{{"external_id":"{}","status":"matched","amount":{},"currency":"{}","name":"{}"}}"#,
        order.external_id,
        money::print(order.amount, &order.currency),
        order.currency,
        order.name
    )
}

/// The bank saw no more submissions than the lock-out budget permits.
fn judge_logins(periods: &[Period], found: &mut Vec<String>) {
    for (number, period) in periods.iter().enumerate() {
        let limit = period.permitted + period.accepted * UNKNOWN_SUBMISSIONS_MAX;
        if period.submitted > limit {
            found.push(format!(
                "after {number} restart(s) credentials were submitted {} times, {limit} were permitted",
                period.submitted
            ));
        }
    }
}

#[cfg(test)]
mod tests;
