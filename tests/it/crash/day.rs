//! What happens in the day, step by step, and how it must end.

use chrono::TimeDelta;
use reconbanker::demo::world::{Order, ReceiverBehaviour, World};

use super::bank::Row;

/// One step: when it is, and what the bank and the shop do before the daemon looks.
pub struct Step {
    /// Since the start of the day.
    pub at: TimeDelta,
    /// Everything the bank has booked by then, newest first.
    pub booked: &'static [Row],
    pub shop: fn(&World),
}

/// How each order must end.
pub const CASES: [(&str, &str); 5] = [
    ("ORDER-1", "matched"),
    ("ORDER-2", "matched"),
    ("ORDER-3", "ambiguous"),
    ("ORDER-4", "cancelled"),
    ("ORDER-5", "expired"),
];

/// What the shop must have heard, each under one id.
pub const TOLD: [(&str, &str); 4] =
    [("ORDER-1", "matched"), ("ORDER-2", "matched"), ("ORDER-3", "ambiguous"), ("ORDER-5", "expired")];

/// A user whose password the bank refuses; the account is blocked then.
pub const REFUSED_USER: &str = "clave-mala";

const ONE: Row = ("20/11/2026", "TRANSFERENCIA DE JUAN PEREZ", 1_500);
const TWO: Row = ("20/11/2026", "TRANSFERENCIA DE ANA LOPEZ", 500);
const TWIN: Row = ("20/11/2026", "TRANSFERENCIA DE LUIS VERA", 320);
/// All that the bank ever books.
pub const BOOKED: &[Row] = &[TWIN, TWIN, TWO, ONE];

pub fn steps() -> Vec<Step> {
    let quiet: fn(&World) = |_| {};
    let step = |at, booked, shop| Step { at, booked, shop };
    vec![
        step(TimeDelta::minutes(1), &BOOKED[3..], |world| {
            order(world, "ORDER-1", "Juan Pérez", "1500.00");
            order(world, "ORDER-2", "Ana López", "500.00");
            order(world, "ORDER-3", "Luis Vera", "320.00");
            order(world, "ORDER-4", "Rosa Gil", "45.00");
        }),
        // The receiver is down when the second order is paid, and soon works again.
        step(TimeDelta::minutes(30), &BOOKED[2..], |world| {
            world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        }),
        step(TimeDelta::minutes(32), &BOOKED[2..], |world| world.set_receiver_behaviour(ReceiverBehaviour::Ok)),
        // Two equal payments for one order; another order leaves the list.
        step(TimeDelta::minutes(60), BOOKED, |world| {
            world.remove_order("ORDER-4");
        }),
        step(TimeDelta::minutes(90), BOOKED, |world| order(world, "ORDER-5", "Nadie Nunca", "77.00")),
        step(TimeDelta::minutes(120), BOOKED, quiet),
        // Five days later the fifth order is given up.
        step(TimeDelta::hours(5 * 24 + 6), BOOKED, quiet),
        step(TimeDelta::hours(5 * 24 + 7), BOOKED, quiet),
        step(TimeDelta::hours(5 * 24 + 8), BOOKED, quiet),
    ]
}

fn order(world: &World, external_id: &str, name: &str, amount: &str) {
    world.add_order(Order {
        external_id: external_id.to_owned(),
        amount: amount.parse().expect("an amount"),
        currency: "UYU".parse().expect("a currency"),
        name: name.to_owned(),
    });
}
