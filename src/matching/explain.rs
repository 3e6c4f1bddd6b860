//! Why one movement does or does not fit one order: every test of the pair, in the order they are made.

use crate::domain::money;

use super::candidates::days_early;
use super::{FreeMovement, OpenOrder, Policy, name};

/// One test of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    pub name: &'static str,
    pub passed: bool,
    /// What was compared, and when it failed by how much. Has amounts and days, no names.
    pub detail: String,
}

/// Runs all tests of a pair, also those behind a failed one.
///
/// A pair that passes them all is plausible; whether it is accepted depends on its rivals.
pub fn pair(policy: &Policy, order: &OpenOrder, movement: &FreeMovement) -> Vec<Test> {
    vec![
        currency(order, movement),
        amount(order, movement),
        window(policy, order, movement),
        names(policy, order, movement),
    ]
}

fn currency(order: &OpenOrder, movement: &FreeMovement) -> Test {
    let passed = order.currency == movement.currency;
    let detail = if passed {
        format!("both in {}", order.currency)
    } else {
        format!("the order is in {}, the movement in {}", order.currency, movement.currency)
    };
    Test { name: "currency", passed, detail }
}

fn amount(order: &OpenOrder, movement: &FreeMovement) -> Test {
    let expected = money::print(order.amount, &order.currency);
    let received = money::print(movement.amount, &movement.currency);
    let by = |difference| money::print(difference, &movement.currency);
    let detail = match (movement.amount.checked_sub(order.amount), order.amount.checked_sub(movement.amount)) {
        (Some(over), _) if !over.is_zero() => {
            format!("expected {expected}, received {received}: {} too much", by(over))
        }
        (None, Some(under)) => format!("expected {expected}, received {received}: {} too little", by(under)),
        (Some(_), _) | (None, None) => format!("both {expected}"),
    };
    Test { name: "amount", passed: order.amount == movement.amount, detail }
}

fn window(policy: &Policy, order: &OpenOrder, movement: &FreeMovement) -> Test {
    let (early, allowed) = (days_early(order, movement), policy.window_days);
    let detail = if early > allowed {
        format!("booked {early} days before the order, {allowed} are allowed: {} too many", early - allowed)
    } else if early > 0 {
        format!("booked {early} days before the order, {allowed} are allowed")
    } else {
        format!("booked {} days after the order, any number is allowed", -early)
    };
    Test { name: "window", passed: early <= allowed, detail }
}

fn names(policy: &Policy, order: &OpenOrder, movement: &FreeMovement) -> Test {
    let order_key = name::normalise(&order.name);
    let Some(bank_name) = &movement.name else {
        let hint = name::similarity(&order_key, &name::normalise(&movement.description)).score;
        let detail =
            format!("the bank names no payer; the free text would score {hint}, but anybody can write anything there");
        return Test { name: "name", passed: false, detail };
    };
    let similarity = name::similarity(&order_key, &name::normalise(bank_name));
    let (score, least) = (similarity.score, policy.name_min);
    let passed = score >= least;
    let verdict = if passed { format!("{least} needed") } else { format!("{least} needed: {} too few", least - score) };
    Test { name: "name", passed, detail: format!("score {score}, {verdict}; {}", similarity.why) }
}
