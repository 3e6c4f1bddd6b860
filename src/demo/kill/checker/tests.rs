use chrono::NaiveDate;

use super::*;

const DAY: (i32, u32, u32) = (2026, 5, 13);
/// Midnight of that day in Montevideo.
const RECEIVED_AT: &str = "2026-05-13T03:00:00Z";
const TOLD: &str =
    r#"{"external_id":"ORDER-1","status":"matched","amount":1500.00,"currency":"UYU","name":"Ana Benítez"}"#;

fn asked(external_id: &str, name: &str, amount: &str, end: End) -> Asked {
    let order = Order {
        external_id: external_id.to_owned(),
        amount: amount.parse().expect("an amount"),
        currency: "UYU".parse().expect("a currency"),
        name: name.to_owned(),
    };
    Asked { order, end }
}

fn movement(concept: &str, credit: &str, debit: &str) -> NewBankMovement {
    let amount = |text: &str| (!text.is_empty()).then(|| text.parse().expect("an amount"));
    NewBankMovement {
        bank_account: PESOS.to_owned(),
        booked_on: NaiveDate::from_ymd_opt(DAY.0, DAY.1, DAY.2).expect("a day"),
        concept: concept.to_owned(),
        credit: amount(credit),
        debit: amount(debit),
        status: BookingStatus::Booked,
        reference: None,
    }
}

fn entry(id: &str, kind: RowKind, amount: &str, name: Option<&str>) -> Entry {
    let row = Row {
        kind,
        amount: amount.parse().expect("an amount"),
        currency: "UYU".to_owned(),
        name: name.map(str::to_owned),
        received_at: RECEIVED_AT.parse().expect("an instant"),
    };
    Entry { id: id.to_owned(), row, is_taken: false }
}

fn request(external_id: &str, status: CaseStatus) -> Request {
    Request { external_id: external_id.to_owned(), status, paid_by: None }
}

fn paid_by(movement: &str, amount: &str, name: &str) -> PaidBy {
    let amount = amount.parse().expect("an amount");
    PaidBy { movement: movement.to_owned(), amount, name: Some(name.to_owned()) }
}

fn webhook(id: &str, raw: &str) -> Received {
    Received {
        webhook_id: id.to_owned(),
        at: RECEIVED_AT.parse().expect("an instant"),
        verified: Ok(()),
        authorization: None,
        body: serde_json::from_str(raw).expect("JSON"),
        raw: raw.to_owned(),
    }
}

/// One order is paid and told twice under one id, one waits, one was given up, one transfer nobody asked for.
fn good() -> Facts {
    let mut paying = entry("m-1", RowKind::Payment, "1500", Some("ANA BENÍTEZ"));
    paying.is_taken = true;
    let mut matched = request("ORDER-1", CaseStatus::Matched);
    matched.paid_by = Some(paid_by("m-1", "1500", "ANA BENÍTEZ"));
    Facts {
        asked: vec![
            asked("ORDER-1", "Ana Benítez", "1500", End::Paid),
            asked("ORDER-2", "Hugo Torres", "1500", End::Open),
            asked("ORDER-3", "Olga Romero", "99.90", End::Withdrawn),
        ],
        books: vec![
            movement("TRANSFERENCIA DE ANA BENÍTEZ", "1500", ""),
            movement("TRANSFERENCIA DE ROSA GODOY", "45.25", ""),
            movement("COMISION TRANSFERENCIA", "", "45"),
            movement("COMISION TRANSFERENCIA", "", "45"),
        ],
        ledger: vec![
            paying,
            entry("m-2", RowKind::Payment, "45.25", Some("ROSA GODOY")),
            entry("m-3", RowKind::Other, "45", None),
            entry("m-4", RowKind::Other, "45", None),
        ],
        requests: vec![matched, request("ORDER-2", CaseStatus::NotFound), request("ORDER-3", CaseStatus::Cancelled)],
        webhooks: vec![webhook("event-1", TOLD), webhook("event-1", TOLD)],
        periods: vec![
            Period { permitted: 3, accepted: 1, submitted: 6 },
            Period { permitted: 1, accepted: 0, submitted: 1 },
        ],
        complaints: Vec::new(),
    }
}

#[track_caller]
fn passes(change: impl FnOnce(&mut Facts)) {
    let mut facts = good();
    change(&mut facts);
    assert_eq!(violations(&facts), Vec::<String>::new());
}

/// The change is found out, by a sentence with these words.
#[track_caller]
fn check(change: impl FnOnce(&mut Facts), expected: &str) {
    let mut facts = good();
    change(&mut facts);
    let found = violations(&facts);
    assert!(found.iter().any(|sentence| sentence.contains(expected)), "no \"{expected}\" in {found:#?}");
}

#[test]
fn a_world_that_agrees_passes() {
    passes(|_| {});
    // Given up before a poll saw it, or not missed for long enough yet.
    passes(|facts| drop(facts.requests.pop()));
    passes(|facts| facts.requests[2].status = CaseStatus::NotFound);
    passes(|facts| facts.requests[1].status = CaseStatus::Pending);
    assert_eq!(repeats(&good().webhooks), 1);
}

#[test]
fn movements_that_are_lost_doubled_or_made_up_are_found() {
    check(|facts| drop(facts.ledger.remove(1)), "lost: the bank has 1, the ledger 0 of: payment of 45.25 UYU by ROSA");
    check(|facts| drop(facts.ledger.pop()), "lost: the bank has 2, the ledger 1 of: debit");
    check(
        |facts| facts.ledger.push(entry("m-5", RowKind::Payment, "45.25", Some("ROSA GODOY"))),
        "made up: the bank has 1, the ledger 2 of: payment of 45.25",
    );
    check(|facts| facts.ledger[2].row.kind = RowKind::Payment, "the bank has 0, the ledger 1 of: payment of 45.00");
    check(|facts| facts.ledger[1].row.received_at += chrono::TimeDelta::days(1), "lost: the bank has 1, the ledger 0");
}

#[test]
fn orders_that_do_not_end_as_they_should_are_found() {
    check(|facts| drop(facts.requests.remove(1)), "ORDER-2 was never registered");
    check(|facts| facts.requests.push(request("ORDER-2", CaseStatus::NotFound)), "ORDER-2 was registered 2 times");
    check(|facts| facts.requests.push(request("ORDER-9", CaseStatus::NotFound)), "ORDER-9 was registered, but");
    check(|facts| facts.requests[0].status = CaseStatus::NotFound, "ORDER-1 should be matched, but is not_found");
    check(|facts| facts.requests[1].status = CaseStatus::Cancelled, "ORDER-2 should be open, but is cancelled");
    check(|facts| facts.requests[1].status = CaseStatus::Ambiguous, "ORDER-2 should be open, but is ambiguous");
    check(|facts| facts.requests[2].status = CaseStatus::Matched, "ORDER-3 should be cancelled, or open still, but is");
}

#[test]
fn payments_that_are_doubled_or_wrong_are_found() {
    check(
        |facts| {
            facts.requests[1].status = CaseStatus::Matched;
            facts.requests[1].paid_by = Some(paid_by("m-1", "1500", "ANA BENÍTEZ"));
        },
        "movement m-1 pays several orders: ORDER-1, ORDER-2",
    );
    check(|facts| facts.requests[0].paid_by = Some(paid_by("m-2", "45.25", "ROSA GODOY")), "not its payer's");
    check(|facts| facts.requests[0].paid_by = Some(paid_by("m-1", "1500", "HUGO TORRES")), "not its payer's");
    check(|facts| facts.requests[0].paid_by = None, "ORDER-1 is matched, but no movement pays it");
    check(|facts| facts.requests[0].paid_by = None, "movement m-1 is set aside and pays nothing");
    check(|facts| facts.ledger[0].is_taken = false, "movement m-1 pays ORDER-1, but could pay another one");
    check(|facts| facts.ledger[1].is_taken = true, "movement m-2 is set aside and pays nothing");
}

#[test]
fn webhooks_that_are_missing_doubled_or_altered_are_found() {
    let other = TOLD.replace("1500.00", "1500.0");
    check(|facts| facts.webhooks.clear(), "the shop was never told that ORDER-1 is paid");
    check(|facts| facts.webhooks[1].webhook_id = "event-2".to_owned(), "under several ids: event-1, event-2");
    check(|facts| facts.webhooks[1] = webhook("event-1", &other), "webhook event-1 came with two bodies");
    check(|facts| facts.webhooks[1] = webhook("event-2", &other), "webhook event-2 says what did not happen");
    check(
        |facts| facts.webhooks.push(webhook("event-3", &TOLD.replace("ORDER-1", "ORDER-2"))),
        "webhook event-3 says what did not happen",
    );
    check(
        |facts| facts.webhooks.push(webhook("event-3", &TOLD.replace("matched", "ambiguous"))),
        "webhook event-3 says what did not happen",
    );
    check(|facts| facts.webhooks[0].verified = Err("signature invalid".to_owned()), "could not be verified: signature");
    // What cannot be verified tells nothing.
    let all_bad = |facts: &mut Facts| {
        for webhook in &mut facts.webhooks {
            webhook.verified = Err("signature invalid".to_owned());
        }
    };
    check(all_bad, "the shop was never told that ORDER-1 is paid");
}

#[test]
fn credentials_that_are_submitted_too_often_are_found() {
    // Three from the start and three after the accepted one.
    check(|facts| facts.periods[0].submitted = 7, "after 0 restart(s) credentials were submitted 7 times, 6 were");
    check(|facts| facts.periods[1].submitted = 2, "after 1 restart(s) credentials were submitted 2 times, 1 were");
    check(|facts| facts.complaints.push("GET /accounts answered 500".to_owned()), "answered 500");
}
