//! Orders between polls: counted when they are missing, reopened when they come back, overdue in the end.

use chrono::TimeDelta;
use reconbanker::domain::account::OperationMode;
use reconbanker::domain::case::CaseStatus;
use reconbanker::domain::expected_payment::KnownOrder;
use reconbanker::domain::ids::RunId;
use reconbanker::domain::run::{Outcome, RunKind, RunResult, Trigger};
use serde_json::json;

use crate::support::{Backend, Seed, each_backend, id};

/// The only order of the account.
async fn only(seed: &Seed) -> KnownOrder {
    let mut tx = seed.store.read().await.expect("a transaction");
    let mut orders = tx.known_orders(seed.org, seed.account).await.expect("a query");
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

each_backend! {
    async fn an_absence_is_counted_once_per_poll_and_forgotten_when_the_order_is_seen(backend: Backend) {
        let seed = Seed::new(backend).await;
        let order = seed.order("ORDER-1", "1500.00").await;
        let fresh = only(&seed).await;
        assert_eq!((fresh.id, fresh.status, fresh.absent_polls), (order, CaseStatus::Pending, 0));
        assert_eq!((fresh.absent_since, fresh.change_reported), (None, false));

        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.count_absence(seed.org, &fresh, 1, seed.now).await.expect("an answer"));
        let again = tx.count_absence(seed.org, &fresh, 1, seed.now).await.expect("an answer");
        assert!(!again, "another poll counted meanwhile");
        tx.commit().await.expect("a commit");
        let absent = only(&seed).await;
        assert_eq!((absent.absent_polls, absent.absent_since), (1, Some(seed.now)));

        let mut tx = seed.store.write().await.expect("a transaction");
        tx.forget_absence(seed.org, order).await.expect("an update");
        assert!(tx.mark_change_reported(seed.org, order).await.expect("an answer"));
        assert!(!tx.mark_change_reported(seed.org, order).await.expect("an answer"), "told once");
        tx.commit().await.expect("a commit");
        assert_eq!(only(&seed).await, KnownOrder { change_reported: true, ..fresh });
        seed.finish().await;
    }

    async fn only_what_was_closed_without_a_match_is_reopened(backend: Backend) {
        let seed = Seed::new(backend).await;
        let order = seed.order("ORDER-1", "1500.00").await;
        let later = seed.now + TimeDelta::hours(1);
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(!tx.reopen_order(seed.org, order, later).await.expect("an answer"), "it is open");
        for status in [CaseStatus::Cancelled, CaseStatus::Expired, CaseStatus::Failed] {
            let known = tx.known_orders(seed.org, seed.account).await.expect("a query").remove(0);
            assert!(tx.count_absence(seed.org, &known, 1, seed.now).await.expect("an answer"));
            assert!(tx.decide_case(seed.org, order, status, seed.now).await.expect("an answer"));
            assert!(tx.reopen_order(seed.org, order, later).await.expect("an answer"), "{status}");
            let known = tx.known_orders(seed.org, seed.account).await.expect("a query").remove(0);
            assert_eq!((known.status, known.absent_polls, known.absent_since), (CaseStatus::Pending, 0, None));
            let payment = tx.expected_payment(seed.org, order).await.expect("a query").expect("the order");
            assert_eq!(payment.registered_at, later);
        }
        assert!(tx.decide_case(seed.org, order, CaseStatus::Matched, seed.now).await.expect("an answer"));
        assert!(!tx.reopen_order(seed.org, order, later).await.expect("an answer"), "matched is matched");
        drop(tx);
        seed.finish().await;
    }

    async fn an_order_is_overdue_after_an_instant_unless_it_is_decided_or_ambiguous(backend: Backend) {
        let seed = Seed::new(backend).await;
        let order = seed.order("ORDER-1", "1500.00").await;
        let after = seed.now + TimeDelta::microseconds(1);
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.accounts_with_overdue_orders(seed.now, 10).await.expect("a list").is_empty());
        assert!(tx.overdue_orders(seed.org, seed.account, seed.now, 10).await.expect("a list").is_empty());
        for (status, is_overdue) in [
            (CaseStatus::NotFound, true),
            (CaseStatus::Ambiguous, false),
            (CaseStatus::Pending, true),
            (CaseStatus::Cancelled, false),
        ] {
            assert!(tx.decide_case(seed.org, order, status, seed.now).await.expect("an answer"));
            let accounts = tx.accounts_with_overdue_orders(after, 10).await.expect("a list");
            assert_eq!(accounts == [(seed.org, seed.account)], is_overdue, "{status}");
            let orders = tx.overdue_orders(seed.org, seed.account, after, 10).await.expect("a list");
            assert_eq!(orders.iter().any(|overdue| overdue.id == order), is_overdue, "{status}");
        }
        assert!(tx.reopen_order(seed.org, order, seed.now).await.expect("an answer"));
        tx.set_operation_mode(seed.org, OperationMode::Passthrough).await.expect("an update");
        assert!(tx.accounts_with_overdue_orders(after, 10).await.expect("a list").is_empty());
        drop(tx);
        seed.finish().await;
    }

    async fn polls_are_listed_newest_first_without_scrapes(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let runs = [RunId(id()), RunId(id())];
        for (run, minutes) in runs.into_iter().zip([1, 2]) {
            let now = seed.now + TimeDelta::minutes(minutes);
            tx.request_run(seed.org, seed.account, RunKind::Poll, Trigger::Schedule, run, now).await.expect("a run");
            assert!(tx.start_run(seed.org, run, now).await.expect("an answer"));
        }
        let result = RunResult { outcome: Outcome::Ok, detail: None, report: json!({ "listed": 2 }) };
        let end = seed.now + TimeDelta::minutes(3);
        assert!(tx.finish_run(seed.org, runs[0], &result, end).await.expect("an answer"));
        let polls = tx.polls(seed.org, seed.account, 10).await.expect("a list");
        assert_eq!(polls.iter().map(|poll| poll.id).collect::<Vec<_>>(), [runs[1], runs[0]]);
        assert_eq!((polls[0].outcome, polls[0].finished_at), (None, None));
        assert_eq!((polls[1].outcome, polls[1].finished_at), (Some(Outcome::Ok), Some(end)));
        assert_eq!(polls[1].report.as_deref(), Some(r#"{"listed":2}"#));
        assert_eq!(tx.polls(seed.org, seed.account, 1).await.expect("a list").len(), 1);

        assert_eq!(tx.poll_etag(seed.org, seed.account).await.expect("a query"), None);
        tx.set_poll_etag(seed.org, seed.account, Some("\"v1\"")).await.expect("an update");
        assert_eq!(tx.poll_etag(seed.org, seed.account).await.expect("a query").as_deref(), Some("\"v1\""));
        tx.set_poll_etag(seed.org, seed.account, None).await.expect("an update");
        assert_eq!(tx.poll_etag(seed.org, seed.account).await.expect("a query"), None);
        assert_eq!(tx.find_account(seed.account).await.expect("a query"), Some(seed.org));
        drop(tx);
        seed.finish().await;
    }
}
