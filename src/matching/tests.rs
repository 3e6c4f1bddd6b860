use chrono::Days;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn may(day: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 4, 30).expect("day") + Days::new(day)
}

fn noon(day: u64) -> Instant {
    may(day).and_hms_opt(12, 0, 0).expect("noon").and_utc()
}

/// An order of 1500 UYU, registered in May.
fn order(id: u128, name: &str, day: u64) -> OpenOrder {
    OpenOrder {
        id: ExpectedPaymentId(Uuid::from_u128(id)),
        amount: "1500".parse().expect("amount"),
        currency: "UYU".parse().expect("currency"),
        name: name.to_owned(),
        registered_at: noon(day),
        registered_on: may(day),
    }
}

/// A credit of 1500 UYU, booked in May; an empty name means that the bank gives none.
fn movement(id: u128, name: &str, day: u64) -> FreeMovement {
    FreeMovement {
        id: MovementId(Uuid::from_u128(id)),
        amount: "1500".parse().expect("amount"),
        currency: "UYU".parse().expect("currency"),
        name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        description: format!("TRANSFERENCIA {name}"),
        bank_day: may(day),
        received_at: noon(day),
    }
}

/// Numbers orders and movements from 1.
fn input(orders: &[(&str, u64)], movements: &[(&str, u64)]) -> Input {
    Input {
        orders: (1..).zip(orders).map(|(id, (name, day))| order(id, name, *day)).collect(),
        movements: (1..).zip(movements).map(|(id, (name, day))| movement(id, name, *day)).collect(),
    }
}

/// "matched 2", "ambiguous" or the reason's word, by order.
fn verdicts(input: &Input) -> Vec<String> {
    let verdict = |decision: Decision| match decision.verdict {
        Verdict::Matched { movement, .. } => format!("matched {}", movement.0.as_u128()),
        Verdict::NotFound { reason } => reason.word().to_owned(),
        Verdict::Ambiguous => "ambiguous".to_owned(),
    };
    decide(&Policy::default(), input).into_iter().map(verdict).collect()
}

#[track_caller]
fn check(orders: &[(&str, u64)], movements: &[(&str, u64)], expected: &[&str]) {
    assert_eq!(verdicts(&input(orders, movements)), expected, "{orders:?} {movements:?}");
}

#[test]
fn a_movement_may_be_five_bank_days_older_than_the_order_and_any_number_younger() {
    let on = |day| ("Juan Pérez", day);
    check(&[on(10)], &[("JUAN PEREZ", 10)], &["matched 1"]);
    check(&[on(10)], &[("JUAN PEREZ", 5)], &["matched 1"]);
    check(&[on(10)], &[("JUAN PEREZ", 4)], &["outside_window"]);
    check(&[on(10)], &[("JUAN PEREZ", 31)], &["matched 1"]);
}

#[test]
fn what_fits_nothing_says_which_test_came_furthest() {
    check(&[("Juan Pérez", 10)], &[], &["no_amount_match"]);
    check(&[("Juan Pérez", 10)], &[("", 10)], &["no_name"]);
    check(&[("", 10)], &[("JUAN PEREZ", 10)], &["no_name"]);
    check(&[("", 10)], &[("", 10)], &["no_name"]);
    check(&[("Juan Pérez", 10)], &[("ANA PAZ", 10)], &["name_too_different"]);
    check(&[("Juan Pérez", 10)], &[("ANA PAZ", 1), ("", 10)], &["no_name"]);
    check(&[("Juan Pérez", 10)], &[("JUAN PEREZ", 1), ("ANA PAZ", 10)], &["name_too_different"]);
}

#[test]
fn amount_and_currency_must_be_equal() {
    let mut input = input(&[("Juan Pérez", 10)], &[("JUAN PEREZ", 10)]);
    input.movements[0].currency = "USD".parse().expect("currency");
    assert_eq!(verdicts(&input), ["currency_mismatch"]);
    input.movements[0].amount = "1500.01".parse().expect("amount");
    assert_eq!(verdicts(&input), ["no_amount_match"]);
    input.movements[0].currency = "UYU".parse().expect("currency");
    assert_eq!(verdicts(&input), ["no_amount_match"]);
}

#[test]
fn one_shared_word_never_wins_even_alone() {
    check(&[("Juan Pérez", 10)], &[("JUAN GOMEZ", 10)], &["name_too_different"]);
    check(&[("Juan Pérez", 10)], &[("PEREZ", 10)], &["name_too_different"]);
    check(&[("Juan", 10)], &[("JUAN GOMEZ RUIZ", 10)], &["name_too_different"]);
}

#[test]
fn an_older_order_never_steals_from_the_one_that_fits() {
    let movement = [("JUAN CARLOS GOMEZ RUIZ", 12)];
    check(&[("Juan Pérez", 1), ("Juan Carlos Gómez", 10)], &movement, &["no_amount_match", "matched 1"]);
    check(&[("Juan Carlos Gómez", 10), ("Juan Pérez", 1)], &movement, &["matched 1", "no_amount_match"]);
}

#[test]
fn rivals_within_the_margin_are_left_to_a_person() {
    // Two movements for one order, equal or about as good.
    check(&[("Ana Paz", 10)], &[("ANA PAZ", 10), ("ANA PAZ", 11)], &["ambiguous"]);
    check(&[("Ana Paz", 10)], &[("ANA PAZ GIL", 10), ("ANA PAZ RUIZ", 10)], &["ambiguous"]);
    // Two orders for one movement.
    check(&[("Jesús Sierra", 9), ("Ángel Sierra", 10)], &[("JESUS ANGEL SIERRA CLIMENT", 10)], &["ambiguous"; 2]);
    check(&[("Ana Paz", 9), ("Ana Paz Gil", 10)], &[("ANA PAZ", 10)], &["ambiguous"; 2]);
    check(&[("El Sol Norte SA", 9), ("El Sol Norte SRL", 10)], &[("EL SOL NORTE", 10)], &["ambiguous"; 2]);
    // A rival too old for the window, or without a name, is none.
    check(&[("Ana Paz", 10)], &[("ANA PAZ", 10), ("ANA PAZ", 4)], &["matched 1"]);
    check(&[("Ana Paz", 10)], &[("ANA PAZ", 10), ("", 10)], &["matched 1"]);
}

#[test]
fn orders_of_equal_name_and_amount_are_paid_oldest_first() {
    check(&[("Ana Paz", 9), ("ANA PAZ", 8)], &[("PAZ ANA", 10)], &["no_amount_match", "matched 1"]);
    check(&[("Ana Paz", 8), ("Ana Paz", 8)], &[("ANA PAZ", 10)], &["matched 1", "no_amount_match"]);
    check(&[("Ana Paz", 8), ("Ana Paz", 9)], &[("ANA PAZ", 12), ("ANA PAZ", 11)], &["matched 2", "matched 1"]);
    // One more transfer than orders: which one is not meant, nobody can tell.
    check(&[("Ana Paz", 8), ("Ana Paz", 9)], &[("ANA PAZ", 10), ("ANA PAZ", 11), ("ANA PAZ", 12)], &["ambiguous"; 2]);
    // The younger order is out of reach of the older transfer.
    check(&[("Ana Paz", 8), ("Ana Paz", 20)], &[("ANA PAZ", 10), ("ANA PAZ", 16)], &["matched 1", "matched 2"]);
}

#[test]
fn a_rival_that_found_its_own_partner_competes_no_more() {
    let orders = [("Ana Paz Gil Muñoz Otero", 10), ("Ana Paz", 10)];
    check(&orders, &[("ANA PAZ GIL MUNOZ OTERO", 10), ("ANA PAZ RUIZ", 10)], &["matched 1", "matched 2"]);
    check(&orders[1..], &[("ANA PAZ GIL MUNOZ OTERO", 10), ("ANA PAZ RUIZ", 10)], &["ambiguous"]);
}

#[test]
fn candidates_are_ranked_and_say_why() {
    let input = input(&[("Juan Pérez", 10)], &[("JUAN GOMEZ", 10), ("JUAN PEREZ", 1), ("JUAN PEREZ RUIZ", 10)]);
    let decisions = decide(&Policy::default(), &input);
    let candidates: Vec<(u128, i64, &str)> = decisions[0]
        .candidates
        .iter()
        .map(|candidate| (candidate.movement_id.0.as_u128(), candidate.score, candidate.why.as_str()))
        .collect();
    let expected = [
        (3, 956, "2 parts in common; 1 word missing in the order; score 956, nearest rival 238"),
        (
            1,
            238,
            "1 part in common; 1 word missing in the bank's text; 1 word missing in the order; that is too little to \
             go by; no surname agrees",
        ),
        (2, 1000, "booked 9 days before the order, 5 are allowed; the names are equal"),
    ];
    assert_eq!(candidates, expected);
}

#[test]
fn explaining_a_pair_runs_every_test_and_measures_the_miss() {
    let check = |change: fn(&mut FreeMovement), expected: [(&str, bool, &str); 4]| {
        let mut movement = movement(1, "PEREZ RUIZ JUAN", 12);
        change(&mut movement);
        let tests = explain::pair(&Policy::default(), &order(1, "Juan Pérez", 10), &movement);
        let tests: Vec<_> = tests.iter().map(|test| (test.name, test.passed, test.detail.as_str())).collect();
        assert_eq!(tests, expected);
    };
    let currency = ("currency", true, "both in UYU");
    let amount = ("amount", true, "both 1500.00");
    let window = ("window", true, "booked 2 days after the order, any number is allowed");
    let name = ("name", true, "score 956, 760 needed; 2 parts in common; 1 word missing in the order");
    check(|_| {}, [currency, amount, window, name]);
    check(
        |movement| movement.amount = "1499.5".parse().expect("amount"),
        [currency, ("amount", false, "expected 1500.00, received 1499.50: 0.50 too little"), window, name],
    );
    check(
        |movement| movement.currency = "USD".parse().expect("currency"),
        [("currency", false, "the order is in UYU, the movement in USD"), amount, window, name],
    );
    let early = "booked 7 days before the order, 5 are allowed: 2 too many";
    check(|movement| movement.bank_day = may(3), [currency, amount, ("window", false, early), name]);
    let nameless = "the bank names no payer; the free text would score 956, but anybody can write anything there";
    check(|movement| movement.name = None, [currency, amount, window, ("name", false, nameless)]);
    let different = "score 0, 760 needed: 760 too few; 0 parts in common; 2 words missing in the bank's text; 2 words \
                     missing in the order; that is too little to go by; no surname agrees";
    let other = |movement: &mut FreeMovement| movement.name = Some("ANA PAZ".to_owned());
    check(other, [currency, amount, window, ("name", false, different)]);
}

/// Names that contain, contradict and equal each other.
const NAMES: [&str; 10] = [
    "Ana Paz",
    "ANA PAZ GIL",
    "Paz Gil, Ana María",
    "Ana Paz Ruiz",
    "Juan Pérez",
    "PEREZ JUAN CARLOS",
    "Juana Pérez",
    "",
    "El Sol Norte S.A.",
    "EL SOL NORTE SRL",
];

fn inputs() -> impl Strategy<Value = Input> {
    let items = || prop::collection::vec((0..NAMES.len(), 1..20u64, prop::bool::weighted(0.8)), 0..8);
    (items(), items()).prop_map(|(orders, movements)| {
        let pairs = |items: &[(usize, u64, bool)]| items.iter().map(|item| (NAMES[item.0], item.1)).collect::<Vec<_>>();
        let mut input = input(&pairs(&orders), &pairs(&movements));
        let other: Amount = "99".parse().expect("amount");
        for (order, _) in input.orders.iter_mut().zip(&orders).filter(|(_, item)| !item.2) {
            order.amount = other;
        }
        for (movement, _) in input.movements.iter_mut().zip(&movements).filter(|(_, item)| !item.2) {
            movement.amount = other;
        }
        input
    })
}

fn shuffled_inputs() -> impl Strategy<Value = (Input, Input)> {
    inputs().prop_flat_map(|input| {
        let orders = Just(input.orders.clone()).prop_shuffle();
        let movements = Just(input.movements.clone()).prop_shuffle();
        (Just(input), (orders, movements).prop_map(|(orders, movements)| Input { orders, movements }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_order_of_rows_never_matters((input, shuffled) in shuffled_inputs()) {
        prop_assert_eq!(decide(&Policy::default(), &input), decide(&Policy::default(), &shuffled));
    }

    #[test]
    fn every_order_is_decided_once_and_every_movement_pays_at_most_one(input in inputs()) {
        let decisions = decide(&Policy::default(), &input);
        let mut orders: Vec<_> = input.orders.iter().map(|order| order.id).collect();
        orders.sort_unstable();
        prop_assert_eq!(decisions.iter().map(|decision| decision.order).collect::<Vec<_>>(), orders);
        let mut paying = HashSet::new();
        for decision in &decisions {
            if let Verdict::Matched { movement, .. } = &decision.verdict {
                prop_assert!(paying.insert(*movement));
                let order = input.orders.iter().find(|order| order.id == decision.order).expect("decided");
                let movement = input.movements.iter().find(|other| other.id == *movement).expect("taken");
                let tests = explain::pair(&Policy::default(), order, movement);
                prop_assert!(tests.iter().all(|test| test.passed), "{tests:?}");
            }
        }
    }

    /// What allows the matcher to look at some amounts and leave the others alone.
    #[test]
    fn deciding_amount_by_amount_decides_the_same(input in inputs()) {
        let amounts: HashSet<Amount> = input.orders.iter().map(|order| order.amount).collect();
        let mut decisions = Vec::new();
        for amount in amounts {
            let mut part = input.clone();
            part.orders.retain(|order| order.amount == amount);
            part.movements.retain(|movement| movement.amount == amount);
            decisions.extend(decide(&Policy::default(), &part));
        }
        decisions.sort_unstable_by_key(|decision| decision.order);
        prop_assert_eq!(decisions, decide(&Policy::default(), &input));
    }

    /// What allows the matcher not to look again after its own decision: the orders that stay open were judged as if
    /// what was matched had gone.
    #[test]
    fn what_a_decision_leaves_is_judged_the_same_again(input in inputs()) {
        let decisions = decide(&Policy::default(), &input);
        let mut left = input.clone();
        let mut open = Vec::new();
        for decision in decisions {
            if let Verdict::Matched { movement, .. } = decision.verdict {
                left.orders.retain(|order| order.id != decision.order);
                left.movements.retain(|other| other.id != movement);
            } else {
                open.push((decision.order, decision.verdict));
            }
        }
        let again: Vec<_> = decide(&Policy::default(), &left)
            .into_iter()
            .map(|decision| (decision.order, decision.verdict))
            .collect();
        prop_assert_eq!(again, open);
    }
}
