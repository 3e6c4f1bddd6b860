//! Which of the plausible pairs are certain enough: each other's best, by a margin.

use super::Policy;
use super::candidates::Component;

/// What was decided in one component.
pub(super) struct Assignment {
    /// Per order of the component its accepted movement.
    pub of_order: Vec<Option<Accepted>>,
    /// Per movement of the component whether it pays an order.
    pub is_taken: Vec<bool>,
}

/// An accepted pair, from the order's side.
pub(super) struct Accepted {
    pub movement: usize,
    pub score: i64,
    pub reason: String,
}

/// Accepts pairs in rounds until a round accepts nothing.
///
/// All pairs of a round are accepted at once, from what was open when it began, so that no pair depends on another
/// being looked at first. A round may free others from a rival: who found an exact partner competes no more.
pub(super) fn assign(policy: &Policy, component: &Component<'_>) -> Assignment {
    let mut assignment = Assignment {
        of_order: component.orders.iter().map(|_| None).collect(),
        is_taken: vec![false; component.movements.len()],
    };
    loop {
        let accepted = round(policy, component, &assignment);
        if accepted.is_empty() {
            return assignment;
        }
        for (order, pair) in accepted {
            assignment.is_taken[pair.movement] = true;
            assignment.of_order[order] = Some(pair);
        }
    }
}

/// The pairs that are certain among what is still open, as (order, its pair).
///
/// Items with equal names are rivals only as a group: among themselves age decides.
fn round(policy: &Policy, component: &Component<'_>, assignment: &Assignment) -> Vec<(usize, Accepted)> {
    let open_orders = open(&component.order_groups.members, |order| assignment.of_order[order].is_none());
    let open_movements = open(&component.movement_groups.members, |movement| !assignment.is_taken[movement]);
    let in_window = |order: usize, movement: usize| component.is_in_window(policy, order, movement);
    let meet = |orders: &[usize], movements: &[usize]| {
        orders.iter().any(|order| movements.iter().any(|movement| in_window(*order, *movement)))
    };
    let scores: Vec<Vec<Option<i64>>> = open_orders
        .iter()
        .enumerate()
        .map(|(row, orders)| {
            let columns = open_movements.iter().enumerate();
            columns.map(|(column, movements)| meet(orders, movements).then(|| component.score(row, column))).collect()
        })
        .collect();
    let best_order_of: Vec<Option<Best>> = (0..open_movements.len())
        .map(|column| best(scores.iter().enumerate().filter_map(|(row, scores)| Some((row, scores[column]?)))))
        .collect();

    let mut accepted = Vec::new();
    for (row, scores) in scores.iter().enumerate() {
        let best_movement = best(scores.iter().enumerate().filter_map(|(column, score)| Some((column, (*score)?))));
        let Some(movement) = best_movement.filter(|best| best.score >= policy.name_min) else { continue };
        let Some(order) = best_order_of[movement.at].filter(|order| order.at == row) else { continue };
        let rival = order.runner_up.max(movement.runner_up).filter(|score| *score > 0);
        // Equal scores are a tie whatever the policy says.
        if rival.is_some_and(|rival| movement.score - rival < policy.margin.max(1)) {
            continue;
        }
        let (orders, movements) = (&open_orders[row], &open_movements[movement.at]);
        let nearest = rival.map_or_else(|| "no rival".to_owned(), |rival| format!("nearest rival {rival}"));
        let by_age =
            if orders.len() > 1 { "; of orders with equal names and amounts the oldest is paid first" } else { "" };
        for (order, movement_at) in oldest_with_oldest(orders, movements, in_window) {
            let why = component.similarity(order, movement_at).why;
            let reason = format!("{why}; score {}, {nearest}{by_age}", movement.score);
            accepted.push((order, Accepted { movement: movement_at, score: movement.score, reason }));
        }
    }
    accepted
}

/// The members of each group that are still open, oldest first.
fn open(groups: &[Vec<usize>], is_open: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    groups.iter().map(|members| members.iter().copied().filter(|member| is_open(*member)).collect()).collect()
}

/// The best of several scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Best {
    at: usize,
    score: i64,
    /// `None` without a second one. Equal to `score` in a tie; `at` then means nothing.
    runner_up: Option<i64>,
}

fn best(scores: impl Iterator<Item = (usize, i64)>) -> Option<Best> {
    scores.fold(None, |best: Option<Best>, (at, score)| match best {
        None => Some(Best { at, score, runner_up: None }),
        Some(best) if score > best.score => Some(Best { at, score, runner_up: Some(best.score) }),
        Some(best) => Some(Best { runner_up: best.runner_up.max(Some(score)), ..best }),
    })
}

/// Pairs orders of one name with movements of one name by age.
///
/// Empty when more movements fit than there are orders: which of several equal transfers was meant is not for the
/// system to say.
fn oldest_with_oldest(
    orders: &[usize],
    movements: &[usize],
    in_window: impl Fn(usize, usize) -> bool,
) -> Vec<(usize, usize)> {
    let mut waiting = orders.to_vec();
    let mut pairs = Vec::new();
    for &movement in movements {
        if !orders.iter().any(|order| in_window(*order, movement)) {
            continue;
        }
        let Some(at) = waiting.iter().position(|order| in_window(*order, movement)) else { return Vec::new() };
        pairs.push((waiting.remove(at), movement));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_up_is_the_second_best_wherever_it_stands() {
        let check = |scores: &[i64], expected: Option<(usize, i64, Option<i64>)>| {
            let found = best(scores.iter().copied().enumerate());
            assert_eq!(found, expected.map(|(at, score, runner_up)| Best { at, score, runner_up }), "{scores:?}");
        };
        check(&[], None);
        check(&[5], Some((0, 5, None)));
        check(&[5, 9, 7], Some((1, 9, Some(7))));
        check(&[9, 7, 5], Some((0, 9, Some(7))));
        check(&[5, 7, 9], Some((2, 9, Some(7))));
        check(&[9, 9], Some((0, 9, Some(9))));
    }

    #[test]
    fn equal_items_are_paired_by_age_unless_transfers_are_left_over() {
        // Order n accepts the movements from n on, as a later registration moves the window.
        let check = |orders: &[usize], movements: &[usize], expected: &[(usize, usize)]| {
            let pairs = oldest_with_oldest(orders, movements, |order, movement| movement >= order);
            assert_eq!(pairs, expected, "{orders:?} {movements:?}");
        };
        check(&[1], &[1], &[(1, 1)]);
        check(&[1, 2], &[5], &[(1, 5)]);
        check(&[1, 2], &[5, 6], &[(1, 5), (2, 6)]);
        check(&[1], &[5, 6], &[]);
        check(&[3], &[1, 5], &[(3, 5)]);
        check(&[1, 9], &[5, 6], &[]);
        check(&[1, 9], &[5, 9], &[(1, 5), (9, 9)]);
    }
}
