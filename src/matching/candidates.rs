//! Which movements may be weighed for which orders.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::domain::case::{AttemptReason, Candidate};
use crate::domain::money::{Amount, Currency};

use super::assign::Assignment;
use super::name::{self, NameKey, Similarity};
use super::{CANDIDATES_MAX, FreeMovement, Input, OpenOrder, Policy};

/// The orders and movements of one currency and amount. No pair ever crosses components.
pub(super) struct Component<'a> {
    /// Oldest first. The rest of the module speaks of orders and movements by their places in these lists,
    /// which is why nothing depends on the order of the input.
    pub orders: Vec<&'a OpenOrder>,
    pub movements: Vec<&'a FreeMovement>,
    pub order_groups: Groups,
    pub movement_groups: Groups,
    /// Similarity of the names, by order group, then by movement group.
    scores: Vec<Vec<i64>>,
}

/// Items with equal names: nothing but their age tells them apart.
pub(super) struct Groups {
    keys: Vec<NameKey>,
    /// Per key the places of its items, oldest first.
    pub members: Vec<Vec<usize>>,
    /// Per item the place of its key.
    of: Vec<usize>,
}

/// Splits the input; a movement without any order of its currency and amount is left out.
pub(super) fn components(input: &Input) -> Vec<Component<'_>> {
    type Sides<'a> = (Vec<&'a OpenOrder>, Vec<&'a FreeMovement>);
    let mut sides: BTreeMap<(&Currency, Amount), Sides<'_>> = BTreeMap::new();
    for order in &input.orders {
        sides.entry((&order.currency, order.amount)).or_default().0.push(order);
    }
    for movement in &input.movements {
        if let Some((_, movements)) = sides.get_mut(&(&movement.currency, movement.amount)) {
            movements.push(movement);
        }
    }
    sides.into_values().map(|(orders, movements)| Component::of(orders, movements)).collect()
}

/// How many bank days the movement precedes the order's registration; negative when it came later.
pub(super) fn days_early(order: &OpenOrder, movement: &FreeMovement) -> i64 {
    (order.registered_on - movement.bank_day).num_days()
}

impl<'a> Component<'a> {
    fn of(mut orders: Vec<&'a OpenOrder>, mut movements: Vec<&'a FreeMovement>) -> Self {
        orders.sort_unstable_by_key(|order| (order.registered_at, order.id));
        movements.sort_unstable_by_key(|movement| (movement.bank_day, movement.received_at, movement.id));
        let order_groups = Groups::of(orders.iter().map(|order| order.name.as_str()));
        let movement_groups = Groups::of(movements.iter().map(|movement| movement.name.as_deref().unwrap_or_default()));
        let scores = order_groups
            .keys
            .iter()
            .map(|order| movement_groups.keys.iter().map(|movement| name::similarity(order, movement).score).collect())
            .collect();
        Self { orders, movements, order_groups, movement_groups, scores }
    }

    /// Similarity of the names of two groups.
    pub(super) fn score(&self, order_group: usize, movement_group: usize) -> i64 {
        self.scores[order_group][movement_group]
    }

    /// Whether the movement is not too old for the order. A later one never is.
    pub(super) fn is_in_window(&self, policy: &Policy, order: usize, movement: usize) -> bool {
        days_early(self.orders[order], self.movements[movement]) <= policy.window_days
    }

    /// The first test that the pair fails; `None` when it is plausible.
    pub(super) fn obstacle(&self, policy: &Policy, order: usize, movement: usize) -> Option<AttemptReason> {
        let (order_group, movement_group) = (self.order_groups.of[order], self.movement_groups.of[movement]);
        let is_nameless = |groups: &Groups, group: usize| groups.keys[group].is_empty();
        if !self.is_in_window(policy, order, movement) {
            Some(AttemptReason::OutsideWindow)
        } else if is_nameless(&self.order_groups, order_group) || is_nameless(&self.movement_groups, movement_group) {
            Some(AttemptReason::NoName)
        } else if self.score(order_group, movement_group) < policy.name_min {
            Some(AttemptReason::NameTooDifferent)
        } else {
            None
        }
    }

    /// What was weighed for an order, the most plausible first: its match, then what is free, then the rest.
    pub(super) fn candidates(&self, policy: &Policy, assignment: &Assignment, order: usize) -> Vec<Candidate> {
        let accepted = assignment.of_order[order].as_ref();
        let order_group = self.order_groups.of[order];
        let mut ranked: Vec<(Standing, Reverse<i64>, usize)> = (0..self.movements.len())
            .map(|movement| {
                let standing = if accepted.is_some_and(|accepted| accepted.movement == movement) {
                    Standing::Accepted
                } else if assignment.is_taken[movement] {
                    Standing::Taken
                } else if self.is_in_window(policy, order, movement) {
                    Standing::Free
                } else {
                    Standing::TooEarly
                };
                (standing, Reverse(self.score(order_group, self.movement_groups.of[movement])), movement)
            })
            .collect();
        ranked.sort_unstable();
        ranked.truncate(CANDIDATES_MAX);
        let candidate = |(standing, Reverse(score), movement): (Standing, Reverse<i64>, usize)| {
            let why = self.similarity(order, movement).why;
            let why = match (standing, accepted) {
                (Standing::Accepted, Some(accepted)) => accepted.reason.clone(),
                (Standing::Accepted | Standing::Free, _) => why,
                (Standing::TooEarly, _) => {
                    let days = days_early(self.orders[order], self.movements[movement]);
                    format!("booked {days} days before the order, {} are allowed; {why}", policy.window_days)
                }
                (Standing::Taken, _) => format!("it pays another order; {why}"),
            };
            Candidate { movement_id: self.movements[movement].id, score, why }
        };
        ranked.into_iter().map(candidate).collect()
    }

    /// The names of a pair, compared again: sentences are needed for few of the pairs that are scored.
    pub(super) fn similarity(&self, order: usize, movement: usize) -> Similarity {
        let order_key = &self.order_groups.keys[self.order_groups.of[order]];
        let movement_key = &self.movement_groups.keys[self.movement_groups.of[movement]];
        name::similarity(order_key, movement_key)
    }
}

/// Where a movement stands for one order, in the order people should see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Accepted,
    Free,
    TooEarly,
    Taken,
}

impl Groups {
    /// Groups names given oldest first.
    fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut by_key: BTreeMap<NameKey, Vec<usize>> = BTreeMap::new();
        for (at, name) in names.enumerate() {
            by_key.entry(name::normalise(name)).or_default().push(at);
        }
        let mut of = vec![0; by_key.values().map(Vec::len).sum()];
        for (group, members) in by_key.values().enumerate() {
            for member in members {
                of[*member] = group;
            }
        }
        let (keys, members) = by_key.into_iter().unzip();
        Self { keys, members, of }
    }
}
