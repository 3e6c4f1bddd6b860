//! Requests as customers list them, and webhooks that are sent again.

use chrono::TimeDelta;
use reconbanker::domain::case::CaseStatus;
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::expected_payment::PolledOrder;
use reconbanker::domain::ids::{DeliveryId, EventId, ExpectedPaymentId};
use reconbanker::store::deliveries::{AttemptRecord, DeliveryState, NewDelivery, Subject};
use uuid::Uuid;

use crate::support::{Backend, Seed, each_backend, id};

/// A webhook about a subject, with its event, in the outbox.
async fn deliver(seed: &Seed, subject: Subject, kind: EventKind, in_seconds: i64) -> DeliveryId {
    let now = seed.now + TimeDelta::seconds(in_seconds);
    let (event, delivery) = (EventId(id()), DeliveryId(id()));
    let new = NewDelivery {
        org_id: seed.org,
        id: delivery,
        account_id: seed.account,
        event_id: event,
        run_id: None,
        subject,
        body: b"{}".to_vec(),
    };
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.put_into_outbox(new, now);
    tx.record(seed.org, NewEvent::engine(event, now, kind));
    tx.commit().await.expect("a commit");
    delivery
}

each_backend! {
    async fn requests_are_newest_first_of_one_tenant_and_of_one_status_on_request(backend: Backend) {
        let seed = Seed::new(backend).await;
        let first = seed.order("ORDER-1", "1500.00").await;
        let second = seed.order("ORDER-2", "20.00").await;
        let (other_org, _) = seed.other_tenant().await;
        let late = ExpectedPaymentId(id());
        let order = PolledOrder {
            external_id: "ORDER-3".to_owned(),
            amount: "0.5".parse().expect("an amount"),
            currency: "USD".parse().expect("a currency"),
            name: "Ana López".to_owned(),
        };
        let later = seed.now + TimeDelta::seconds(1);
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.insert_order(seed.org, seed.account, seed.run, late, &order, later).await.expect("an order"));
        assert!(tx.decide_case(seed.org, first, CaseStatus::Matched, later).await.expect("an answer"));
        let mut ids = async |status: Option<CaseStatus>, limit: i64, offset: i64| -> Vec<ExpectedPaymentId> {
            let requests = tx.requests(seed.org, status, limit, offset).await.expect("a list");
            requests.into_iter().map(|request| request.id).collect()
        };
        // The first two were registered at the same instant: the younger id is first.
        assert_eq!(ids(None, 10, 0).await, [late, second, first]);
        assert_eq!(ids(None, 1, 1).await, [second]);
        assert_eq!(ids(Some(CaseStatus::Pending), 10, 0).await, [late, second]);
        assert!(ids(Some(CaseStatus::Expired), 10, 0).await.is_empty());
        let request = tx.request(seed.org, late).await.expect("a query").expect("the request");
        assert_eq!((request.external_id.as_str(), request.status), ("ORDER-3", CaseStatus::Pending));
        assert_eq!((request.amount, &request.currency), (order.amount, &order.currency));
        assert_eq!((request.name.as_str(), request.registered_at), ("Ana López", later));
        assert_eq!((request.bank_code.as_str(), request.account_name.as_str()), ("demo", "Operating account"));
        assert!(tx.request(other_org, late).await.expect("a query").is_none());
        assert!(tx.requests(other_org, None, 10, 0).await.expect("a list").is_empty());
        drop(tx);
        seed.finish().await;
    }

    async fn the_newest_webhook_is_that_of_the_decision_asked_for(backend: Backend) {
        let seed = Seed::new(backend).await;
        let case = id();
        let (one, two) = (Subject::Case(case), Subject::Case(id()));
        let ambiguous = deliver(&seed, one, EventKind::CaseAmbiguous, 0).await;
        let matched = deliver(&seed, one, EventKind::CaseMatched, 1).await;
        deliver(&seed, two, EventKind::CaseMatched, 2).await;
        let newest = async |subject: Subject, kind: EventKind| -> Option<DeliveryId> {
            let mut tx = seed.store.read().await.expect("a transaction");
            tx.newest_delivery(seed.org, subject, kind).await.expect("a query").map(|delivery| delivery.id)
        };
        assert_eq!(newest(one, EventKind::CaseAmbiguous).await, Some(ambiguous));
        assert_eq!(newest(one, EventKind::CaseMatched).await, Some(matched));
        assert_eq!(newest(one, EventKind::CaseExpired).await, None);
        let asked_for = deliver(&seed, one, EventKind::DeliveryRequested, 3).await;
        assert_eq!(newest(one, EventKind::CaseExpired).await, Some(asked_for));
        assert_eq!(newest(Subject::Movement(case), EventKind::CaseMatched).await, None);
        seed.finish().await;
    }

    async fn a_webhook_sent_again_gets_all_its_attempts_and_keeps_its_history(backend: Backend) {
        let seed = Seed::new(backend).await;
        let delivery = deliver(&seed, Subject::Case(Uuid::nil()), EventKind::CaseMatched, 0).await;
        let later = seed.now + TimeDelta::hours(1);
        let retry = AttemptRecord {
            status: Some(503),
            error: Some("status 503"),
            took_ms: 3,
            state: DeliveryState::Pending,
            next_at: Some(later),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(tx.record_attempt(seed.org, delivery, 0, &retry, seed.now).await.expect("an answer"));
        tx.redeliver(seed.org, delivery, seed.now).await.expect("a write");
        let row = tx.delivery(seed.org, delivery).await.expect("a query").expect("the delivery");
        assert_eq!((row.state.as_str(), row.attempts, row.next_at), ("pending", 1, Some(seed.now)), "only due earlier");

        let dead = AttemptRecord { state: DeliveryState::Dead, next_at: None, ..retry };
        assert!(tx.record_attempt(seed.org, delivery, 1, &dead, seed.now).await.expect("an answer"));
        tx.redeliver(seed.org, delivery, later).await.expect("a write");
        let row = tx.delivery(seed.org, delivery).await.expect("a query").expect("the delivery");
        assert_eq!((row.state.as_str(), row.attempts, row.next_at), ("pending", 0, Some(later)), "from the start");
        let done = AttemptRecord { status: Some(200), error: None, state: DeliveryState::Delivered, ..dead };
        assert!(tx.record_attempt(seed.org, delivery, 0, &done, later).await.expect("the third row of its history"));
        drop(tx);
        seed.finish().await;
    }
}
