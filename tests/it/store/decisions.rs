//! Orders, cases, allocations, the outbox: one decision, one transaction.

use chrono::TimeDelta;
use reconbanker::domain::case::{AttemptReason, AttemptResult, CaseStatus};
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::expected_payment::PolledOrder;
use reconbanker::domain::ids::{AllocationId, AttemptId, DeliveryId, EventId, ExpectedPaymentId};
use reconbanker::store::StoreError;
use reconbanker::store::cases::{Allocation, NewAttempt};
use reconbanker::store::deliveries::{AttemptRecord, DeliveryState, NewDelivery, Subject};
use reconbanker::store::touched::Span;

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
        let open = tx.open_cases(seed.org, seed.account, Span::EVERYTHING).await.expect("a list");
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].order.id, open[0].order.amount.to_string()), (first, "1500.00".to_owned()));
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
        tx.insert_allocations(seed.org, &[allocation(one, first)], seed.now).await.expect("an allocation");
        tx.commit().await.expect("a commit");
        for (case, movement) in [(two, first), (one, second)] {
            let mut tx = seed.store.write().await.expect("a transaction");
            let refused = tx.insert_allocations(seed.org, &[allocation(case, movement)], seed.now).await;
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
        assert_eq!(tx.conclude(seed.org, &[case], CaseStatus::Ambiguous, seed.now).await.expect("a count"), 0);
        assert!(tx.open_cases(seed.org, seed.account, Span::EVERYTHING).await.expect("a list").is_empty());
        drop(tx);
        seed.finish().await;
    }

    async fn attempts_are_numbered_and_the_newest_is_the_standing(backend: Backend) {
        let seed = Seed::new(backend).await;
        let case = seed.order("ORDER-1", "1500.00").await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let open = tx.open_cases(seed.org, seed.account, Span::EVERYTHING).await.expect("a list");
        assert_eq!((open[0].order.id, open[0].attempt_count, open[0].result), (case, 0, None));
        for (number, reason) in (1..).zip([AttemptReason::NoAmountMatch, AttemptReason::NameTooDifferent]) {
            let attempt = NewAttempt {
                id: AttemptId(id()),
                case,
                number,
                result: AttemptResult::NotFound,
                reason: Some(reason),
                candidates: "[]".to_owned(),
                run: Some(seed.run),
            };
            let concluded = tx.conclude(seed.org, &[case], CaseStatus::NotFound, seed.now).await.expect("a count");
            assert_eq!(concluded, 1);
            tx.insert_attempts(seed.org, &[attempt], seed.now).await.expect("an attempt");
        }
        let attempts = tx.attempts(seed.org, case).await.expect("a list");
        assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
        let open = tx.open_cases(seed.org, seed.account, Span::EVERYTHING).await.expect("a list");
        assert_eq!(open.len(), 1);
        assert_eq!((open[0].attempt_count, open[0].status), (2, CaseStatus::NotFound));
        assert_eq!(open[0].reason, Some(AttemptReason::NameTooDifferent));
        drop(tx);
        seed.finish().await;
    }

    /// More rows than one statement takes.
    async fn many_rows_are_written_with_few_statements_and_none_is_lost(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut cases = Vec::new();
        for number in 0..37 {
            cases.push(seed.order(&format!("ORDER-{number}"), "1500.00").await);
        }
        let attempts: Vec<_> = cases
            .iter()
            .map(|case| NewAttempt {
                id: AttemptId(id()),
                case: *case,
                number: 1,
                result: AttemptResult::NotFound,
                reason: Some(AttemptReason::NoAmountMatch),
                candidates: format!("[\"{case}\"]"),
                run: None,
            })
            .collect();
        let mut tx = seed.store.write().await.expect("a transaction");
        assert_eq!(tx.conclude(seed.org, &cases, CaseStatus::NotFound, seed.now).await.expect("a count"), 37);
        tx.insert_attempts(seed.org, &attempts, seed.now).await.expect("attempts");
        for case in &cases {
            let event = NewEvent::engine(EventId(id()), seed.now, EventKind::CaseNotFound);
            tx.record(seed.org, event.subject(case.0));
        }
        tx.commit().await.expect("a commit");

        let mut tx = seed.store.read().await.expect("a transaction");
        let open = tx.open_cases(seed.org, seed.account, Span::EVERYTHING).await.expect("a list");
        assert_eq!(open.len(), 37);
        for case in &open {
            assert_eq!((case.status, case.attempt_count), (CaseStatus::NotFound, 1));
            assert_eq!(case.candidates.as_deref(), Some(format!("[\"{}\"]", case.order.id).as_str()));
        }
        let events = tx.events_after(seed.org, 0, 100).await.expect("the log");
        let logged: Vec<_> = events.iter().map(|event| (event.seq, event.subject_id)).collect();
        let expected: Vec<_> = (1_i64..).zip(&cases).map(|(seq, case)| (seq, Some(case.0))).collect();
        assert_eq!(logged, expected, "in the order in which they were recorded");
        drop(tx);
        seed.finish().await;
    }

    async fn a_decision_made_on_old_news_is_refused(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let revision = tx.bump_revision(seed.org, seed.account).await.expect("a revision");
        tx.commit().await.expect("a commit");
        let mut tx = seed.store.write().await.expect("a transaction");
        let mut consume = async |read: i64| -> bool {
            tx.consume_revision(seed.org, seed.account, read, read).await.expect("an answer")
        };
        assert!(!consume(revision - 1).await);
        assert!(consume(revision).await);
        assert!(!consume(revision).await, "two matchers that read the same state do not both decide");
        drop(tx);
        seed.finish().await;
    }

    async fn a_delivery_needs_its_event_and_counts_each_attempt_once(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (event, delivery) = (EventId(id()), DeliveryId(id()));
        let new = || NewDelivery {
            org_id: seed.org,
            id: delivery,
            account_id: seed.account,
            event_id: event,
            run_id: Some(seed.run),
            subject: Subject::Case(id()),
            body: b"{\"a\":1}".to_vec(),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.put_into_outbox(new(), seed.now);
        let refused = tx.commit().await;
        assert!(matches!(refused, Err(StoreError::Database(_))), "no webhook without its event: {refused:?}");

        let mut tx = seed.store.write().await.expect("a transaction");
        tx.put_into_outbox(new(), seed.now);
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
