//! Movements: identity, baseline, order, exactness.

use chrono::TimeDelta;
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{DeliveryId, EventId, MovementId};
use reconbanker::domain::movement::{BookingStatus, CreditDebit};
use reconbanker::store::deliveries::{NewDelivery, Subject};
use reconbanker::store::movements::Include;
use reconbanker::store::touched::Span;

use crate::support::{Backend, Seed, credit, each_backend, id};

each_backend! {
    async fn the_same_row_is_stored_once_and_twins_both(backend: Backend) {
        let seed = Seed::new(backend).await;
        let row = credit("f1", "1500.00", "2026-11-20");
        let mut twin = row.clone();
        twin.identity.ordinal = 1;
        seed.movement(&row).await;
        seed.movement(&twin).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        for again in [&row, &twin] {
            let is_new = tx.insert_movement(&seed.ingest(), MovementId(id()), again).await.expect("an answer");
            assert!(!is_new);
        }
        let all = tx.movements(seed.org, seed.account, Include::default(), 10, 0).await.expect("a list");
        assert_eq!(all.len(), 2);
        drop(tx);
        seed.finish().await;
    }

    async fn what_is_written_reads_back_exactly(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut row = credit("f1", "12345678901234567890.123456789012345678", "2026-11-19");
        row.counterparty_name = Some("Ñandú & Cía".to_owned());
        let id = seed.movement(&row).await;
        let stored = seed.store.read().await.expect("a transaction").movement(seed.org, id).await.expect("a query");
        let stored = stored.expect("the movement");
        assert_eq!(stored.amount, row.amount);
        assert_eq!(stored.currency, row.currency);
        assert_eq!(stored.booked_on, row.booked_on);
        assert_eq!(stored.received_at, row.received_at);
        assert_eq!(stored.first_seen_at, seed.now);
        assert_eq!(stored.counterparty_name, row.counterparty_name);
        assert_eq!(stored.external_id, "f1-0");
        assert!(stored.is_baseline, "booked the day before enrolment");
        seed.finish().await;
    }

    async fn lists_are_newest_first_and_show_the_rest_on_request(backend: Backend) {
        let seed = Seed::new(backend).await;
        let old = seed.movement(&credit("f1", "1.00", "2026-11-18")).await;
        let new = seed.movement(&credit("f2", "1.00", "2026-11-20")).await;
        let mut debit = credit("f3", "1.00", "2026-11-19");
        debit.direction = CreditDebit::Debit;
        let debit = seed.movement(&debit).await;
        let mut pending = credit("f4", "1.00", "2026-11-20");
        pending.status = BookingStatus::Pending;
        pending.booked_on = None;
        let pending = seed.movement(&pending).await;
        let mut tx = seed.store.read().await.expect("a transaction");
        let mut list = async |include: Include| -> Vec<MovementId> {
            let rows = tx.movements(seed.org, seed.account, include, 10, 0).await.expect("a list");
            rows.into_iter().map(|row| row.id).collect()
        };
        assert_eq!(list(Include::default()).await, [new, old]);
        assert_eq!(list(Include { pending: false, debits: true }).await, [new, debit, old]);
        assert_eq!(list(Include { pending: true, debits: false }).await, [pending, new, old]);
        drop(tx);
        seed.finish().await;
    }

    async fn only_movements_that_an_open_order_asks_for_are_weighed(backend: Backend) {
        let seed = Seed::new(backend).await;
        seed.order("ORDER-1", "1500").await;
        let asked = seed.movement(&credit("f1", "1500.00", "2026-11-20")).await;
        seed.movement(&credit("f2", "1500.01", "2026-11-20")).await;
        let mut debit = credit("f3", "1500.00", "2026-11-20");
        debit.direction = CreditDebit::Debit;
        seed.movement(&debit).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let free = tx.free_movements(seed.org, seed.account, Span::EVERYTHING).await.expect("a list");
        assert_eq!(free.iter().map(|row| row.id).collect::<Vec<_>>(), [asked]);
        assert_eq!(tx.exclude_movements(seed.org, &[asked], seed.now).await.expect("a count"), 1);
        assert_eq!(tx.exclude_movements(seed.org, &[asked], seed.now).await.expect("a count"), 0, "taken once");
        let free = tx.free_movements(seed.org, seed.account, Span::EVERYTHING).await.expect("a list");
        assert!(free.is_empty());
        drop(tx);
        seed.finish().await;
    }

    async fn baseline_is_never_forwarded(backend: Backend) {
        let seed = Seed::new(backend).await;
        seed.movement(&credit("f1", "1.00", "2026-11-19")).await;
        let new = seed.movement(&credit("f2", "1.00", "2026-11-20")).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let rows = tx.unforwarded_movements(seed.org, seed.account, Span::EVERYTHING, 10).await.expect("a list");
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [new]);
        assert!(tx.mark_forwarded(seed.org, new, seed.now).await.expect("an answer"));
        assert!(!tx.mark_forwarded(seed.org, new, seed.now).await.expect("an answer"), "taken once");
        assert!(tx.unforwarded_movements(seed.org, seed.account, Span::EVERYTHING, 10).await.expect("a list").is_empty());
        drop(tx);
        seed.finish().await;
    }

    /// Taken is not told: that is noted when a webhook arrives, once, or at once where nobody is called.
    async fn a_movement_is_told_when_its_webhook_arrives(backend: Backend) {
        let seed = Seed::new(backend).await;
        let sent = seed.movement(&credit("f1", "1.00", "2026-11-20")).await;
        let silent = seed.movement(&credit("f2", "1.00", "2026-11-20")).await;
        let (event, delivery, about_a_case) = (EventId(id()), DeliveryId(id()), DeliveryId(id()));
        let new = |id: DeliveryId, subject: Subject| NewDelivery {
            org_id: seed.org,
            id,
            account_id: seed.account,
            event_id: event,
            run_id: None,
            subject,
            body: b"{}".to_vec(),
        };
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.record(seed.org, NewEvent::engine(event, seed.now, EventKind::MovementForwarded));
        tx.put_into_outbox(new(delivery, Subject::Movement(sent.0)), seed.now);
        tx.put_into_outbox(new(about_a_case, Subject::Case(sent.0)), seed.now);
        assert!(tx.mark_forwarded(seed.org, sent, seed.now).await.expect("an answer"));
        assert!(tx.mark_told_in_silence(seed.org, silent, seed.now).await.expect("an answer"));
        assert!(!tx.mark_told_in_silence(seed.org, silent, seed.now).await.expect("an answer"), "taken once");
        tx.commit().await.expect("a commit");
        let mut tx = seed.store.write().await.expect("a transaction");
        tx.mark_notified(seed.org, about_a_case, seed.now).await.expect("a write");
        tx.commit().await.expect("a commit");
        let notified_at = async |movement: MovementId| {
            let mut tx = seed.store.read().await.expect("a transaction");
            tx.movement(seed.org, movement).await.expect("a query").expect("the movement").notified_at
        };
        assert_eq!((notified_at(sent).await, notified_at(silent).await), (None, Some(seed.now)));

        let later = seed.now + TimeDelta::hours(2);
        for at in [later, later + TimeDelta::hours(1)] {
            let mut tx = seed.store.write().await.expect("a transaction");
            tx.mark_notified(seed.org, delivery, at).await.expect("a write");
            tx.commit().await.expect("a commit");
        }
        assert_eq!((notified_at(sent).await, notified_at(silent).await), (Some(later), Some(seed.now)));
        seed.finish().await;
    }
}
