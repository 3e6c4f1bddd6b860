//! What was touched since a revision, and everything open of those amounts.

use std::collections::BTreeSet;

use reconbanker::domain::account::{AuthType, LoginMode, OperationMode, PollingMethod, SessionType};
use reconbanker::domain::case::CaseStatus;
use reconbanker::domain::expected_payment::PolledOrder;
use reconbanker::domain::ids::{ExpectedPaymentId, MovementId};
use reconbanker::domain::money::Amount;
use reconbanker::domain::movement::{CreditDebit, Movement};
use reconbanker::store::cases::OpenCase;
use reconbanker::store::configs::AccountConfig;
use reconbanker::store::touched::Span;

use crate::support::{Backend, Seed, credit, each_backend, id};

/// Adds orders and booked credits, each given by its amount, under one new revision, which is returned.
async fn add(seed: &Seed, orders: &[&str], movements: &[&str]) -> i64 {
    let mut tx = seed.store.write().await.expect("a transaction");
    let revision = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
    for (number, amount) in orders.iter().enumerate() {
        let order = PolledOrder {
            external_id: format!("{revision}-{number}"),
            amount: amount.parse().expect("an amount"),
            currency: "UYU".parse().expect("a currency"),
            name: "Juan Pérez".to_owned(),
        };
        let id = ExpectedPaymentId(id());
        assert!(tx.insert_order(seed.org, seed.account, seed.run, id, &order, seed.now).await.expect("an order"));
    }
    for (number, amount) in movements.iter().enumerate() {
        let movement = credit(&format!("{revision}-{number}"), amount, "2026-11-20");
        assert!(tx.insert_movement(&seed.ingest(), MovementId(id()), &movement).await.expect("a movement"));
    }
    tx.commit().await.expect("a commit");
    revision
}

async fn read(seed: &Seed, span: Span) -> (Vec<OpenCase>, Vec<Movement>) {
    let mut tx = seed.store.read().await.expect("a transaction");
    let cases = tx.open_cases(seed.org, seed.account, span).await.expect("a list");
    let movements = tx.free_movements(seed.org, seed.account, span).await.expect("a list");
    (cases, movements)
}

/// The amounts of the open cases and of the free movements that a span has the matcher look at, sorted.
async fn amounts(seed: &Seed, after: i64, upto: i64) -> (Vec<String>, Vec<String>) {
    let (cases, movements) = read(seed, Span { after, upto }).await;
    let sorted = |mut amounts: Vec<Amount>| -> Vec<String> {
        amounts.sort_unstable();
        amounts.iter().map(ToString::to_string).collect()
    };
    (
        sorted(cases.iter().map(|case| case.order.amount).collect()),
        sorted(movements.iter().map(|movement| movement.amount).collect()),
    )
}

fn config() -> AccountConfig {
    AccountConfig {
        id: id(),
        pending_orders_endpoint: None,
        polling_method: PollingMethod::Get,
        polling_body: None,
        auth_type: AuthType::Bearer,
        auth_token_sealed: None,
        webhook_url: "https://shop.example/webhook".to_owned(),
        webhook_auth_type: None,
        webhook_auth_token_sealed: None,
        webhook_extra_fields: Some(r#"{"tenant":"acme"}"#.to_owned()),
        notification_endpoint_url: None,
        notification_auth_type: None,
        notification_token_sealed: None,
        notification_events: None,
        retry_limit: 3,
        notify_on_expired: false,
        silent_ingestion: true,
        session_type: SessionType::OneShot,
        login_mode: LoginMode::Simple,
    }
}

each_backend! {
    async fn only_the_amounts_that_a_span_touched_are_read_but_those_whole(backend: Backend) {
        let seed = Seed::new(backend).await;
        let first = add(&seed, &["10", "20"], &["20", "30"]).await;
        let second = add(&seed, &[], &["10"]).await;
        let third = add(&seed, &["30", "10"], &[]).await;
        let check = async |after: i64, upto: i64, cases: &[&str], movements: &[&str]| {
            assert_eq!(amounts(&seed, after, upto).await, (strings(cases), strings(movements)), "{after} to {upto}");
        };
        // Nobody asked for 30 before the third revision, which touched it again.
        check(0, first, &["10.00", "10.00", "20.00", "30.00"], &["10.00", "20.00", "30.00"]).await;
        check(first, second, &["10.00", "10.00"], &["10.00"]).await;
        check(second, third, &["10.00", "10.00", "30.00"], &["10.00", "30.00"]).await;
        check(third, third, &[], &[]).await;
        check(third, i64::MAX, &[], &[]).await;
        seed.finish().await;
    }

    /// The reads of a span are those of everything, kept to the amounts that the span touched.
    async fn a_span_leaves_nothing_out_of_an_amount(backend: Backend) {
        let seed = Seed::new(backend).await;
        let rounds: [(&[&str], &[&str]); 4] = [
            (&["1", "2", "3", "1"], &["4", "1"]),
            (&["4", "5", "5", "5"], &["5", "2", "9"]),
            (&["1", "6"], &["1", "1"]),
            (&[], &["6", "3", "8"]),
        ];
        let mut revisions = Vec::new();
        for (orders, movements) in rounds {
            revisions.push(add(&seed, orders, movements).await);
        }
        let everything = read(&seed, Span::EVERYTHING).await;
        assert_eq!((everything.0.len(), everything.1.len()), (10, 8), "8 and 9 are asked for by nobody");
        for from in 0..rounds.len() {
            for to in from..rounds.len() {
                let touched: BTreeSet<Amount> = rounds[from..=to]
                    .iter()
                    .flat_map(|(orders, movements)| orders.iter().chain(*movements))
                    .map(|amount| amount.parse().expect("an amount"))
                    .collect();
                let mut expected = everything.clone();
                expected.0.retain(|case| touched.contains(&case.order.amount));
                expected.1.retain(|movement| touched.contains(&movement.amount));
                let span = Span { after: revisions[from] - 1, upto: revisions[to] };
                assert_eq!(read(&seed, span).await, expected, "{span:?}");
            }
        }
        seed.finish().await;
    }

    /// "Right amount, wrong currency" is for the matcher to say; debits and paid orders are nobody's business.
    async fn currency_is_not_compared_and_what_is_settled_is_not_read(backend: Backend) {
        let seed = Seed::new(backend).await;
        let revision = add(&seed, &["10"], &["20"]).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let mut dollars = credit("usd", "10", "2026-11-20");
        dollars.currency = "USD".parse().expect("a currency");
        let mut debit = credit("debit", "10", "2026-11-20");
        debit.direction = CreditDebit::Debit;
        for movement in [&dollars, &debit] {
            assert!(tx.insert_movement(&seed.ingest(), MovementId(id()), movement).await.expect("a movement"));
        }
        tx.commit().await.expect("a commit");
        let (cases, movements) = read(&seed, Span { after: revision - 1, upto: revision }).await;
        assert_eq!((cases.len(), movements.len()), (1, 1));
        assert_eq!(movements[0].currency, dollars.currency);

        let mut tx = seed.store.write().await.expect("a transaction");
        let order = cases[0].order.id;
        assert!(tx.decide_case(seed.org, order, CaseStatus::Matched, seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        let (cases, movements) = read(&seed, Span::EVERYTHING).await;
        assert!(cases.is_empty() && movements.is_empty());
        seed.finish().await;
    }

    /// What closes, comes back or is asked about has its amount looked at again; a decision has not.
    async fn closing_reopening_and_asking_touch_an_order(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut seen = add(&seed, &["10", "10"], &[]).await;
        let orders: Vec<_> = read(&seed, Span::EVERYTHING).await.0.iter().map(|case| case.order.id).collect();
        let mut tx = seed.store.write().await.expect("a transaction");
        let revision = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        assert!(tx.decide_case(seed.org, orders[0], CaseStatus::NotFound, seed.now).await.expect("an answer"));
        tx.commit().await.expect("a commit");
        assert_eq!(amounts(&seed, seen, revision).await.0, strings(&[]));
        seen = revision;

        let still_open = [1, 2, 2];
        for (step, open) in still_open.into_iter().enumerate() {
            let mut tx = seed.store.write().await.expect("a transaction");
            let revision = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
            match step {
                0 => {
                    let closed = tx.close_order(seed.org, orders[0], CaseStatus::Cancelled, seed.now).await;
                    assert!(closed.expect("an answer"));
                    let again = tx.close_order(seed.org, orders[0], CaseStatus::Expired, seed.now).await;
                    assert!(!again.expect("an answer"), "closed once");
                }
                1 => assert!(tx.reopen_order(seed.org, orders[0], seed.now).await.expect("an answer")),
                _ => tx.touch_order(seed.org, orders[1]).await.expect("an update"),
            }
            tx.commit().await.expect("a commit");
            assert_eq!(amounts(&seed, seen, revision).await.0.len(), open, "step {step}");
            seen = revision;
        }
        seed.finish().await;
    }

    async fn a_backlog_is_cut_between_revisions(backend: Backend) {
        let seed = Seed::new(backend).await;
        let first = add(&seed, &["1", "2"], &[]).await;
        let second = add(&seed, &["3"], &["4"]).await;
        let third = add(&seed, &["5", "6"], &["7"]).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let fourth = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        let mut debit = credit("debit", "8", "2026-11-20");
        debit.direction = CreditDebit::Debit;
        assert!(tx.insert_movement(&seed.ingest(), MovementId(id()), &debit).await.expect("a movement"));
        tx.commit().await.expect("a commit");

        let all = Span { after: first - 1, upto: fourth };
        let mut tx = seed.store.read().await.expect("a transaction");
        let mut cut = async |span: Span, rows_max: i64| -> Option<Span> {
            tx.first_touched(seed.org, seed.account, span, rows_max).await.expect("an answer")
        };
        assert_eq!(cut(all, 7).await, Some(all), "seven rows were touched");
        assert_eq!(cut(all, 6).await, Some(Span { upto: second, ..all }));
        assert_eq!(cut(all, 4).await, Some(Span { upto: second, ..all }));
        assert_eq!(cut(all, 3).await, Some(Span { upto: first, ..all }));
        assert_eq!(cut(all, 1).await, Some(Span { upto: first, ..all }), "a revision is never cut");
        let rest = Span { after: second, ..all };
        assert_eq!(cut(rest, 3).await, Some(rest));
        assert_eq!(cut(rest, 2).await, Some(Span { upto: third, ..rest }));
        assert_eq!(cut(Span { after: third, ..all }, 100).await, None, "debits touch nothing");
        assert_eq!(cut(Span { after: fourth, ..all }, 100).await, None);
        drop(tx);
        seed.finish().await;
    }

    async fn a_decision_notes_how_far_was_looked_and_a_change_of_mode_forgets_it(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.account_to_match(seed.org, seed.account).await.expect("a query").is_none(), "no settings yet");
        tx.save_account_config(seed.org, seed.account, &config(), seed.now).await.expect("settings");
        tx.set_operation_mode(seed.org, OperationMode::Reconcile).await.expect("a mode");
        for _ in 0..3 {
            tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        }
        let found = tx.account_to_match(seed.org, seed.account).await.expect("a query").expect("the account");
        assert_eq!((found.revision, found.matched_revision), (3, 0));
        assert_eq!(found.time_zone, "America/Montevideo");
        assert_eq!(found.operation_mode, Some(OperationMode::Reconcile));
        assert_eq!(found.webhook_extra_fields.as_deref(), Some(r#"{"tenant":"acme"}"#));
        assert!(found.silent_ingestion);

        for (read, looked_at, expected) in [(3, 2, (4, 2)), (4, 4, (5, 5))] {
            assert!(tx.consume_revision(seed.org, seed.account, read, looked_at).await.expect("an answer"));
            let found = tx.account_to_match(seed.org, seed.account).await.expect("a query").expect("the account");
            assert_eq!((found.revision, found.matched_revision), expected);
        }
        tx.bump_all_revisions(seed.org).await.expect("an update");
        let found = tx.account_to_match(seed.org, seed.account).await.expect("a query").expect("the account");
        assert_eq!((found.revision, found.matched_revision), (6, 0));
        drop(tx);
        seed.finish().await;
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
