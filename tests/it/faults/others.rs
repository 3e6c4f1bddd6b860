//! A shop and a receiver that come and go.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use reconbanker::demo::world::{Behaviour, ReceiverBehaviour};
use reconbanker::domain::case::CaseStatus;

use crate::support::{Backend, GOOD_USER, Statement, TestApp, credit, each_backend};

const ROUNDS: usize = 12;

each_backend! {
    /// The shop answers every other poll, the receiver takes webhooks in between.
    async fn a_shop_and_a_receiver_that_come_and_go_cost_nothing(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        test.order("UNPAID", "Ana López", "77.00");
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        for round in 0..ROUNDS {
            let (shop, receiver) = if round % 2 == 0 {
                (Behaviour::Status(503), ReceiverBehaviour::Ok)
            } else {
                (Behaviour::Normal, ReceiverBehaviour::Status(503))
            };
            test.world.set_shop_behaviour(shop);
            test.world.set_receiver_behaviour(receiver);
            let amount = format!("{}.00", 1_000 + round);
            test.order(&format!("ORDER-{round}"), "Juan Pérez", &amount);
            bank.add(credit(&format!("f{round}"), &amount, "2026-11-20"));
            test.advance(TimeDelta::minutes(10)).await;
            test.scrape(account).await;
            assert_eq!(test.api.readiness().await.status, 200, "others cannot take this daemon down");
            if round == ROUNDS - 2 {
                let what = "the last poll failed for 1 accounts";
                test.api.until_readiness(|readiness| readiness.detail("polls").starts_with(what)).await;
            }
        }
        // Both of the last two were decided by the last poll and refused by the receiver.
        let what = "2 webhooks wait for another try";
        let told = test.api.until_readiness(|readiness| readiness.detail("deliveries").starts_with(what)).await;
        assert_eq!(told.status, 200, "{told:?}");

        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        test.advance(TimeDelta::minutes(10)).await;
        assert_eq!(test.events("order.cancelled").await, 0);
        let orders = test.orders(account).await;
        assert_eq!(orders.len(), ROUNDS + 1);
        for (id, order) in &orders {
            let expected = if id == "UNPAID" { CaseStatus::NotFound } else { CaseStatus::Matched };
            assert_eq!(order.status, expected, "{id}");
        }
        // Each webhook was refused once and taken once, under one id and with one body.
        let mut tries: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for webhook in test.world.received() {
            assert_eq!(webhook.verified, Ok(()));
            tries.entry(webhook.webhook_id).or_default().push(webhook.raw);
        }
        assert_eq!(tries.len(), ROUNDS);
        for (id, bodies) in &tries {
            assert!(bodies.len() == 2 && bodies[0] == bodies[1], "{id}: {bodies:?}");
        }
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let deliveries = tx.deliveries(org, account, 100).await.expect("the outbox");
        drop(tx);
        assert!(deliveries.iter().all(|delivery| delivery.state == "delivered"), "{deliveries:?}");
        test.finish().await;
    }
}
