//! Orders, cases, allocations, the outbox: one decision, one transaction.

use chrono::TimeDelta;
use reconbanker::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::expected_payment::PolledOrder;
use reconbanker::domain::ids::{AllocationId, AttemptId, DeliveryId, EventId, ExpectedPaymentId};
use reconbanker::store::StoreError;
use reconbanker::store::cases::{Allocation, NewAttempt};
use reconbanker::store::deliveries::{AttemptRecord, DeliveryState, NewDelivery, Subject};

use crate::support::{Backend, Seed, credit, each_backend, id};

each_backend! {
    async fn a_known_order_stays_as_it_was_first_listed(backend: Backend) {
        let seed = Seed::new(backend).await;
        let first = seed.order("ORDER-1", "1500.00").await;
        let changed = PolledOrder {
            external_id: "ORDER-1".to_owned(),
            amount: "9.99".parse().expect("an amount"),
            currency: "USD".parse().expect("a currency"),
            name: "Someone else".to_owned(),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        let is_new = tx
            .insert_order(seed.org, seed.account, seed.run, ExpectedPaymentId(id()), &changed, seed.now)
            .await
            .expect("an answer");
        assert!(!is_new);
        let open = tx.open_orders(seed.org, seed.account).await.expect("a list");
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].id, open[0].amount.to_string()), (first, "1500.00".to_owned()));
        assert_eq!(tx.case(seed.org, first).await.expect("a query").expect("a case").status, CaseStatus::Pending);
        drop(tx);
        seed.finish().await;
    }

    async fn a_movement_pays_one_case_and_a_case_is_paid_once(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (one, two) = (seed.order("ORDER-1", "1500.00").await, seed.order("ORDER-2", "1500.00").await);
        let first = seed.movement(&credit("f1", "1500.00", "2026-11-20")).await;
        let second = seed.movement(&credit("f2", "1500.00", "2026-11-20")).await;
        let allocation = |case_id, movement_id| Allocation {
            id: AllocationId(id()),
            case_id,
            movement_id,
            amount: "1500.00".parse().expect("an amount"),
            score: 1000,
            reason: "same name".to_owned(),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.insert_allocation(seed.org, &allocation(one, first), seed.now).await.expect("an allocation");
        tx.commit().await.expect("a commit");
        for (case, movement) in [(two, first), (one, second)] {
            let mut tx = seed.store.write().await.expect("a transaction");
            let refused = tx.insert_allocation(seed.org, &allocation(case, movement), seed.now).await;
            assert!(matches!(refused, Err(StoreError::Duplicate { .. })), "{refused:?}");
        }
        let mut tx = seed.store.read().await.expect("a transaction");
        let settled = tx.allocation(seed.org, one).await.expect("a query").expect("the allocation");
        assert_eq!((settled.movement_id, settled.score), (first, 1000));
        drop(tx);
        seed.finish().await;
    }

    async fn a_decided_case_is_not_decided_again(backend: Backend) {
        let seed = Seed::new(backend).await;
        let case = seed.order("ORDER-1", "1500.00").await;
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.decide_case(seed.org, case, CaseStatus::NotFound, seed.now).await.expect("an answer"));
        assert!(tx.decide_case(seed.org, case, CaseStatus::Matched, seed.now).await.expect("an answer"));
        assert!(!tx.decide_case(seed.org, case, CaseStatus::Ambiguous, seed.now).await.expect("an answer"));
        assert!(tx.open_orders(seed.org, seed.account).await.expect("a list").is_empty());
        drop(tx);
        seed.finish().await;
    }

    async fn attempts_are_numbered_and_the_newest_is_the_standing(backend: Backend) {
        let seed = Seed::new(backend).await;
        let case = seed.order("ORDER-1", "1500.00").await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let standing = tx.open_case_standings(seed.org, seed.account).await.expect("a list");
        assert_eq!((standing[0].id, standing[0].result), (case, None));
        for reason in [AttemptReason::NoAmountMatch, AttemptReason::NameTooDifferent] {
            let attempt = NewAttempt {
                id: AttemptId(id()),
                case,
                result: AttemptResult::NotFound,
                reason: Some(reason),
                candidates: "[]",
                run: Some(seed.run),
            };
            tx.insert_attempt(seed.org, &attempt, seed.now).await.expect("an attempt");
        }
        let attempts = tx.attempts(seed.org, case).await.expect("a list");
        assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
        let standing = tx.open_case_standings(seed.org, seed.account).await.expect("a list");
        assert_eq!(standing.len(), 1);
        assert_eq!(standing[0].reason, Some(AttemptReason::NameTooDifferent));
        drop(tx);
        seed.finish().await;
    }

    async fn a_decision_made_on_old_news_is_refused(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let revision = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        tx.commit().await.expect("a commit");
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(!tx.consume_revision(seed.org, seed.account, revision - 1).await.expect("an answer"));
        assert!(tx.consume_revision(seed.org, seed.account, revision).await.expect("an answer"));
        let again = tx.consume_revision(seed.org, seed.account, revision).await.expect("an answer");
        assert!(!again, "two matchers that read the same state do not both decide");
        drop(tx);
        seed.finish().await;
    }

    async fn a_delivery_needs_its_event_and_counts_each_attempt_once(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (event, delivery) = (EventId(id()), DeliveryId(id()));
        let new = NewDelivery {
            org_id: seed.org,
            id: delivery,
            account_id: seed.account,
            event_id: event,
            run_id: Some(seed.run),
            subject: Subject::Case(id()),
            body: b"{\"a\":1}",
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.insert_delivery(&new, seed.now).await.expect("checked at the commit only");
        let refused = tx.commit().await;
        assert!(matches!(refused, Err(StoreError::Database(_))), "no webhook without its event: {refused:?}");

        let mut tx = seed.store.write().await.expect("a transaction");
        tx.insert_delivery(&new, seed.now).await.expect("a delivery");
        tx.record(seed.org, NewEvent::engine(event, seed.now, EventKind::CaseMatched));
        tx.commit().await.expect("a commit");

        let next_at = seed.now + TimeDelta::seconds(5);
        let failed = AttemptRecord {
            status: Some(503),
            error: Some("status 503"),
            took_ms: 12,
            state: DeliveryState::Pending,
            next_at: Some(next_at),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.record_attempt(seed.org, delivery, 0, &failed, seed.now).await.expect("an answer"));
        assert!(!tx.record_attempt(seed.org, delivery, 0, &failed, seed.now).await.expect("an answer"), "written once");
        let row = tx.delivery(seed.org, delivery).await.expect("a query").expect("the delivery");
        assert_eq!((row.attempts, row.next_at, row.last_status), (1, Some(next_at), Some(503)));
        assert_eq!(row.body, b"{\"a\":1}");
        let overdue = tx.deliveries_without_job(next_at + TimeDelta::seconds(1), 10).await.expect("a list");
        assert_eq!(overdue.len(), 1, "the sweeper finds a row whose wake-up was lost");
        let done = AttemptRecord { status: Some(200), error: None, state: DeliveryState::Delivered, next_at: None, ..failed };
        assert!(tx.record_attempt(seed.org, delivery, 1, &done, seed.now).await.expect("an answer"));
        assert!(!tx.record_attempt(seed.org, delivery, 2, &done, seed.now).await.expect("an answer"), "delivered is final");
        drop(tx);
        seed.finish().await;
    }
}
