//! The decision: which free movement pays which open order, and why.
//!
//! ```text
//! orders, movements ─▶ candidates (same currency and amount, window, name) ─▶ assign ─▶ one decision per order
//! ```
//!
//! A pair is accepted when each is the other's best by a margin. Everything here is pure: it sees one account at
//! one moment, nothing of it is stored, and the order in which rows are given never matters.

mod lexicon;
pub mod name;
mod pairing;

mod assign;
mod candidates;
pub mod explain;

use std::collections::HashSet;

use chrono::NaiveDate;

use crate::domain::case::{AttemptReason, Candidate};
use crate::domain::ids::{ExpectedPaymentId, MovementId};
use crate::domain::money::{Amount, Currency};
use crate::domain::time::Instant;

use assign::Assignment;
use candidates::Component;

/// What counts as a match. The same for every order of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How many bank days before the order's registration a movement may have been booked; inclusive.
    pub window_days: i64,
    /// Least similarity of the names, per mille.
    pub name_min: i64,
    /// How far behind, per mille, every rival of an accepted pair must be. At least 1 is applied.
    pub margin: i64,
}

impl Default for Policy {
    /// Five days as documented. Two names that agree in two words and contradict each other in a third, or in the
    /// legal form, stay at or below 750. A word left out costs less than the margin, so that "Ana Paz" and
    /// "Ana Paz Gil" are rivals for either's transfer.
    fn default() -> Self {
        Self { window_days: 5, name_min: 760, margin: 100 }
    }
}

/// An order that awaits its payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    pub id: ExpectedPaymentId,
    pub amount: Amount,
    pub currency: Currency,
    /// The payer's name as the customer knows it; without one, the order matches nothing.
    pub name: String,
    pub registered_at: Instant,
    /// The bank day of `registered_at`.
    pub registered_on: NaiveDate,
}

/// A booked credit that pays nothing yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeMovement {
    pub id: MovementId,
    pub amount: Amount,
    pub currency: Currency,
    /// The payer as the bank names it. `None` when it names nobody: the movement then matches nothing.
    pub name: Option<String>,
    /// The row's free text. Shown to people, never weighed: anybody can write anything there.
    pub description: String,
    pub bank_day: NaiveDate,
    pub received_at: Instant,
}

/// Everything open of one account at one revision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    pub orders: Vec<OpenOrder>,
    pub movements: Vec<FreeMovement>,
}

/// What the engine concludes about one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Matched {
        movement: MovementId,
        /// Similarity of the names, 0 to 1000.
        score: i64,
        /// Why this pair and no other, without names or amounts.
        reason: String,
    },
    NotFound {
        reason: AttemptReason,
    },
    /// A movement fits, but so does another one, or it fits another order about as well. A person decides.
    Ambiguous,
}

/// One order's outcome with what was weighed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub order: ExpectedPaymentId,
    pub verdict: Verdict,
    /// The movements of equal amount and currency, the most plausible first; at most [`CANDIDATES_MAX`].
    pub candidates: Vec<Candidate>,
}

/// Candidates kept per order. A shop with one price has thousands of equal amounts; nobody reads them all.
pub const CANDIDATES_MAX: usize = 50;

/// Decides every open order of one account: one decision per order, sorted by order id.
pub fn decide(policy: &Policy, input: &Input) -> Vec<Decision> {
    let decided: Vec<(Component<'_>, Assignment)> = candidates::components(input)
        .into_iter()
        .map(|component| {
            let assignment = assign::assign(policy, &component);
            (component, assignment)
        })
        .collect();
    let free_amounts = free_amounts(input, &decided);
    let mut decisions = Vec::with_capacity(input.orders.len());
    for (component, assignment) in &decided {
        for (at, order) in component.orders.iter().enumerate() {
            let verdict = match &assignment.of_order[at] {
                Some(accepted) => Verdict::Matched {
                    movement: component.movements[accepted.movement].id,
                    score: accepted.score,
                    reason: accepted.reason.clone(),
                },
                None => unmatched(policy, component, assignment, at, &free_amounts),
            };
            let candidates = component.candidates(policy, assignment, at);
            decisions.push(Decision { order: order.id, verdict, candidates });
        }
    }
    decisions.sort_unstable_by_key(|decision| decision.order);
    decisions
}

/// Says why an order stays open, looking only at movements that are still free after the assignment.
fn unmatched(
    policy: &Policy,
    component: &Component<'_>,
    assignment: &Assignment,
    order: usize,
    free_amounts: &HashSet<Amount>,
) -> Verdict {
    let obstacles: Vec<Option<AttemptReason>> = (0..component.movements.len())
        .filter(|movement| !assignment.is_taken[*movement])
        .map(|movement| component.obstacle(policy, order, movement))
        .collect();
    if obstacles.contains(&None) {
        return Verdict::Ambiguous;
    }
    // The test that the most promising movement failed, the last test first.
    let furthest = [AttemptReason::NameTooDifferent, AttemptReason::NoName, AttemptReason::OutsideWindow]
        .into_iter()
        .find(|reason| obstacles.contains(&Some(*reason)));
    let reason = furthest.unwrap_or_else(|| {
        // Nothing free in this component: the same amount can only be there in another currency.
        let is_elsewhere = free_amounts.contains(&component.orders[order].amount);
        if is_elsewhere { AttemptReason::CurrencyMismatch } else { AttemptReason::NoAmountMatch }
    });
    Verdict::NotFound { reason }
}

/// Amounts, of any currency, of the movements that pay nothing after the assignment.
fn free_amounts(input: &Input, decided: &[(Component<'_>, Assignment)]) -> HashSet<Amount> {
    let taken: HashSet<MovementId> = decided
        .iter()
        .flat_map(|(component, assignment)| {
            assignment.of_order.iter().flatten().map(|accepted| component.movements[accepted.movement].id)
        })
        .collect();
    input.movements.iter().filter(|movement| !taken.contains(&movement.id)).map(|movement| movement.amount).collect()
}

#[cfg(test)]
mod tests;
