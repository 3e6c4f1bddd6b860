use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::ids::ExpectedPaymentId;
use crate::poll::decode::decode;

const POLICY: PresencePolicy = PresencePolicy {
    usual: Patience { polls: 2, time: TimeDelta::minutes(10) },
    doubtful: Patience { polls: 6, time: TimeDelta::minutes(60) },
};

fn at(minute: i64) -> Instant {
    "2026-11-20T13:00:00Z".parse::<Instant>().expect("an instant") + TimeDelta::minutes(minute)
}

/// An order of 5 pesos that is listed.
fn known(external_id: &str, status: CaseStatus) -> KnownOrder {
    KnownOrder {
        id: ExpectedPaymentId(Uuid::nil()),
        external_id: external_id.to_owned(),
        status,
        amount: "5".parse().expect("an amount"),
        currency: "UYU".parse().expect("a currency"),
        absent_polls: 0,
        absent_since: None,
        change_reported: false,
    }
}

/// Missing from so many good polls, the first of them at this minute.
fn absent(order: KnownOrder, polls: i64, since: i64) -> KnownOrder {
    KnownOrder { absent_polls: polls, absent_since: Some(at(since)), ..order }
}

fn open(external_id: &str) -> KnownOrder {
    known(external_id, CaseStatus::Pending)
}

/// An answer that lists these ids at 5 pesos each.
fn list<I: AsRef<str>>(ids: &[I]) -> Decoded {
    let item = |id: &I| format!(r#"{{"external_id":"{}","amount":5,"currency":"UYU","name":"A"}}"#, id.as_ref());
    let items: Vec<_> = ids.iter().map(item).collect();
    decode(format!("[{}]", items.join(",")).as_bytes()).expect("a good answer")
}

fn printed(known: &[KnownOrder], answer: Answer<'_>, minute: i64) -> Vec<String> {
    decide(known, answer, &POLICY, at(minute)).iter().map(ToString::to_string).collect()
}

fn check(known: &[KnownOrder], body: &str, minute: i64, expected: &[&str]) {
    let decoded = decode(body.as_bytes()).expect("a good answer");
    assert_eq!(printed(known, Answer::List(&decoded), minute), expected, "{body}");
}

const A: &str = r#"[{"external_id":"A","amount":5,"currency":"UYU","name":"A"}]"#;

#[test]
fn ids_are_registered_once_in_the_order_of_the_answer() {
    let answer = list(&["Z", "A", "M"]);
    let steps = printed(&[open("A")], Answer::List(&answer), 0);
    assert_eq!(steps, [r#"seen "A""#, r#"register "Z""#, r#"register "M""#]);
}

#[test]
fn an_order_is_cancelled_when_two_good_polls_ten_minutes_apart_lack_it() {
    let lacking = |order: KnownOrder, minute: i64, expected: &str| {
        check(&[open("A"), order], A, minute, &[r#"seen "A""#, expected]);
    };
    lacking(open("B"), 0, r#"absent "B": 1 good poll(s) in a row without it"#);
    lacking(absent(open("B"), 1, 0), 9, r#"absent "B": 2 good poll(s) in a row without it"#);
    lacking(absent(open("B"), 1, 0), 10, r#"cancel "B": 2 good poll(s) in a row without it"#);
    lacking(absent(open("B"), 5, 3), 13, r#"cancel "B": 6 good poll(s) in a row without it"#);
    for status in [CaseStatus::NotFound, CaseStatus::Ambiguous] {
        lacking(absent(known("B", status), 1, 0), 10, r#"cancel "B": 2 good poll(s) in a row without it"#);
    }
}

#[test]
fn an_empty_answer_needs_six_good_polls_over_an_hour() {
    let empty = |polls: i64, minute: i64, expected: &str| {
        check(&[absent(open("A"), polls, 0)], "[]", minute, &[expected]);
    };
    empty(1, 10, r#"absent "A": 2 good poll(s) in a row without it"#);
    empty(4, 60, r#"absent "A": 5 good poll(s) in a row without it"#);
    empty(5, 59, r#"absent "A": 6 good poll(s) in a row without it"#);
    empty(5, 60, r#"cancel "A": 6 good poll(s) in a row without it"#);
}

#[test]
fn an_answer_that_lacks_most_of_many_orders_is_doubtful() {
    let cancelled = |open_orders: usize, lacking: usize| {
        let ids: Vec<_> = (0..open_orders).map(|index| format!("O-{index:02}")).collect();
        let orders: Vec<_> = ids.iter().map(|id| absent(open(id), 1, 0)).collect();
        let answer = list(&ids[lacking..]);
        let steps = decide(&orders, Answer::List(&answer), &POLICY, at(10));
        steps.iter().filter(|step| matches!(step, Step::Cancel(..))).count()
    };
    // More than half, but no more than ten.
    assert_eq!(cancelled(12, 10), 10);
    // More than ten, but no more than half.
    assert_eq!(cancelled(24, 12), 12);
    // Both.
    assert_eq!(cancelled(23, 12), 0);
    assert_eq!(cancelled(12, 11), 0);
}

#[test]
fn orders_that_are_closed_do_not_make_an_answer_doubtful() {
    let mut orders: Vec<_> = (0..30).map(|index| known(&format!("M-{index}"), CaseStatus::Matched)).collect();
    orders.extend([open("A"), absent(open("B"), 1, 0)]);
    let steps = printed(&orders, Answer::List(&list(&["A"])), 10);
    assert_eq!(steps, [r#"seen "A""#, r#"cancel "B": 2 good poll(s) in a row without it"#]);
}

#[test]
fn an_answer_with_an_id_that_cannot_be_read_proves_no_absence() {
    let orders = [open("A"), absent(open("B"), 5, 0), known("C", CaseStatus::Expired)];
    let body = r#"[{"external_id":"A","amount":5,"currency":"UYU","name":"A"}, {"amount":5},
                   {"external_id":"N","amount":5,"currency":"UYU","name":"A"}]"#;
    check(&orders, body, 90, &[r#"seen "A""#, r#"register "N""#]);
}

#[test]
fn a_skipped_item_is_present_all_the_same() {
    let body = r#"[{"external_id":"A","amount":-1,"currency":"UYU","name":"A"}]"#;
    check(&[absent(open("A"), 1, 0)], body, 10, &[r#"seen "A""#]);
    // Not enough to begin anew with.
    check(&[absent(known("A", CaseStatus::Cancelled), 2, 0)], body, 10, &[r#"stays "A": it is cancelled"#]);
}

#[test]
fn what_was_closed_and_gone_is_reopened_when_it_is_listed_again() {
    for status in [CaseStatus::Cancelled, CaseStatus::Expired, CaseStatus::Failed] {
        let expected = format!(r#"reopen "A": it was {status}"#);
        check(&[absent(known("A", status), 1, 0)], A, 10, &[&expected]);
    }
    // Listed all along: the order expired and stays so.
    check(&[known("A", CaseStatus::Expired)], A, 10, &[r#"stays "A": it is expired"#]);
    // One good poll without it is noted, and no second one.
    let orders = [open("A"), known("B", CaseStatus::Expired), absent(known("C", CaseStatus::Expired), 1, 0)];
    check(&orders, A, 10, &[r#"seen "A""#, r#"absent "B": 1 good poll(s) in a row without it"#]);
}

#[test]
fn a_matched_order_stays_matched_whatever_is_listed() {
    let matched = known("M", CaseStatus::Matched);
    check(&[open("A"), matched.clone()], A, 10, &[r#"seen "A""#]);
    check(&[absent(matched.clone(), 9, -600)], "[]", 10, &[]);
    let body = r#"[{"external_id":"M","amount":6,"currency":"UYU","name":"A"}]"#;
    check(&[matched], body, 10, &[r#"stays "M": it is matched"#, r#"changed "M": the first amount stands"#]);
}

#[test]
fn a_change_at_the_source_is_told_once_and_a_new_name_is_none() {
    let told = |amount: &str, currency: &str, expected: &[&str]| {
        let body = format!(r#"[{{"external_id":"A","amount":{amount},"currency":"{currency}","name":"B"}}]"#);
        check(&[open("A")], &body, 10, expected);
        check(&[KnownOrder { change_reported: true, ..open("A") }], &body, 10, &[r#"seen "A""#]);
    };
    told("5.00", "uyu", &[r#"seen "A""#]);
    told("6", "UYU", &[r#"seen "A""#, r#"changed "A": the first amount stands"#]);
    told("5", "USD", &[r#"seen "A""#, r#"changed "A": the first currency stands"#]);
    told("6", "USD", &[r#"seen "A""#, r#"changed "A": the first amount and currency stands"#]);
}

#[test]
fn as_before_lists_what_was_listed_and_lacks_what_was_lacking() {
    let orders = [
        open("A"),
        absent(open("B"), 1, 0),
        absent(known("C", CaseStatus::Cancelled), 2, 0),
        known("D", CaseStatus::Expired),
        known("M", CaseStatus::Matched),
    ];
    let expected = [
        r#"seen "A""#,
        r#"cancel "B": 2 good poll(s) in a row without it"#,
        r#"stays "D": it is expired"#,
        r#"stays "M": it is matched"#,
    ];
    assert_eq!(printed(&orders, Answer::AsBefore, 10), expected);
    // An empty list is doubtful also when it stays empty.
    let one = [absent(open("B"), 1, 0)];
    assert_eq!(printed(&one, Answer::AsBefore, 10), [r#"absent "B": 2 good poll(s) in a row without it"#]);
}

/// What one poll brought, `gap` minutes after the one before.
#[derive(Debug, Clone)]
struct Poll {
    gap: i64,
    listed: Vec<bool>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    /// Some item has no id.
    Unreadable,
    /// No answer to read.
    Failed,
}

const ORDERS: usize = 14;

fn polls(kinds: &'static [Kind]) -> impl Strategy<Value = Vec<Poll>> {
    let poll = (0..30_i64, prop::collection::vec(any::<bool>(), ORDERS), prop::sample::select(kinds));
    prop::collection::vec(poll.prop_map(|(gap, listed, kind)| Poll { gap, listed, kind }), 1..40)
}

/// The order as the step leaves it.
fn after(order: &KnownOrder, step: &Step<'_>) -> KnownOrder {
    let order = order.clone();
    match step {
        Step::Seen(_) => KnownOrder { absent_polls: 0, absent_since: None, ..order },
        Step::Absent(_, Absence { polls, since }) => {
            KnownOrder { absent_polls: *polls, absent_since: Some(*since), ..order }
        }
        Step::Cancel(_, Absence { polls, since }) => {
            KnownOrder { status: CaseStatus::Cancelled, absent_polls: *polls, absent_since: Some(*since), ..order }
        }
        Step::Reopen(_) => KnownOrder { status: CaseStatus::Pending, absent_polls: 0, absent_since: None, ..order },
        Step::Register(_) | Step::Changed(..) | Step::Stays(_) => order,
    }
}

fn concerns(step: &Step<'_>, order: &KnownOrder) -> bool {
    match step {
        Step::Seen(known)
        | Step::Absent(known, _)
        | Step::Cancel(known, _)
        | Step::Reopen(known)
        | Step::Changed(known, _)
        | Step::Stays(known) => known.external_id == order.external_id,
        Step::Register(_) => false,
    }
}

/// Plays the polls; `watch` sees every poll with the orders before it and the steps it caused.
fn play(polls: &[Poll], mut watch: impl FnMut(&Poll, i64, &[KnownOrder], &[Step<'_>])) -> Vec<KnownOrder> {
    let mut orders: Vec<_> = (0..ORDERS).map(|index| open(&format!("O-{index:02}"))).collect();
    let mut minute = 0;
    for poll in polls {
        minute += poll.gap;
        if poll.kind == Kind::Failed {
            continue;
        }
        let ids: Vec<_> = orders
            .iter()
            .zip(&poll.listed)
            .filter(|(_, listed)| **listed)
            .map(|(order, _)| &order.external_id)
            .collect();
        let mut decoded = list(&ids);
        decoded.unreadable_ids = poll.kind == Kind::Unreadable;
        let steps = decide(&orders, Answer::List(&decoded), &POLICY, at(minute));
        watch(poll, minute, &orders, &steps);
        let next = orders.iter().map(|order| {
            steps.iter().find(|step| concerns(step, order)).map_or_else(|| order.clone(), |step| after(order, step))
        });
        let next = next.collect();
        drop(steps);
        orders = next;
    }
    orders
}

proptest! {
    #[test]
    fn no_sequence_of_bad_polls_cancels_anything(polls in polls(&[Kind::Unreadable, Kind::Failed])) {
        let orders = play(&polls, |_, _, _, _| {});
        prop_assert!(orders.iter().all(|order| order.status == CaseStatus::Pending && order.absent_polls == 0));
    }

    #[test]
    fn an_order_that_is_in_every_good_poll_is_never_cancelled(
        mut polls in polls(&[Kind::Good, Kind::Good, Kind::Unreadable, Kind::Failed]),
    ) {
        for poll in polls.iter_mut().filter(|poll| poll.kind == Kind::Good) {
            poll.listed[0] = true;
        }
        let orders = play(&polls, |_, _, _, _| {});
        prop_assert_eq!(orders[0].status, CaseStatus::Pending);
    }

    #[test]
    fn whatever_is_cancelled_was_missing_from_two_good_polls_ten_minutes_apart(
        polls in polls(&[Kind::Good, Kind::Good, Kind::Unreadable, Kind::Failed]),
    ) {
        // Minutes of the good polls that lacked the order since it was last listed; kept apart from the counters.
        let mut lacked: Vec<Vec<i64>> = vec![Vec::new(); ORDERS];
        play(&polls, |poll, minute, orders, steps| {
            for (index, order) in orders.iter().enumerate() {
                if poll.listed[index] {
                    lacked[index].clear();
                } else if poll.kind == Kind::Good {
                    lacked[index].push(minute);
                }
                let is_cancelled =
                    steps.iter().any(|step| matches!(step, Step::Cancel(..)) && concerns(step, order));
                if is_cancelled {
                    assert!(lacked[index].len() >= 2, "{lacked:?}");
                    assert!(lacked[index][lacked[index].len() - 1] - lacked[index][0] >= 10, "{lacked:?}");
                }
            }
        });
    }
}
