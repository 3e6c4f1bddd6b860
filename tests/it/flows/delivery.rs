//! At least once, under one id, until the receiver says yes or the schedule ends.

use chrono::TimeDelta;
use reconbanker::demo::world::ReceiverBehaviour;

use crate::support::{Backend, GOOD_USER, TestApp, each_backend};

each_backend! {
    /// A receiver that fails gets the same webhook again: same id, same body, new signature.
    async fn browser_a_retry_repeats_id_and_body(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        test.scrape(account).await;
        assert_eq!(test.world.received().len(), 1);
        test.settle().await;
        assert_eq!(test.world.received().len(), 1, "no retry before its time");

        test.advance(TimeDelta::seconds(7)).await;
        assert_eq!(test.world.received().len(), 2, "the first retry is due after 5 s, give or take a fifth");
        test.world.set_receiver_behaviour(ReceiverBehaviour::Redirect);
        test.advance(TimeDelta::seconds(13)).await;
        assert_eq!(test.world.received().len(), 3, "a redirect is a failure and is not followed");
        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        test.advance(TimeDelta::seconds(25)).await;

        let received = test.world.received();
        assert_eq!(received.len(), 4);
        for webhook in &received {
            assert_eq!(webhook.verified, Ok(()));
            assert_eq!(webhook.webhook_id, received[0].webhook_id);
            assert_eq!(webhook.raw, received[0].raw);
        }
        test.advance(TimeDelta::days(4)).await;
        assert_eq!(test.world.received().len(), 4, "delivered is delivered");
        test.finish().await;
    }

    /// A receiver that never answers well ends in the dead letters, where the attempts are counted.
    async fn browser_a_dead_receiver_ends_as_a_dead_letter(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(500));
        test.scrape(account).await;
        // Only deliveries are worked here: the schedule of scrapes is not the matter.
        for _ in 0..110 {
            test.clock.advance(TimeDelta::hours(1));
            test.settle().await;
        }
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let deliveries = tx.deliveries(org, account, 10).await.expect("the outbox");
        drop(tx);
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0].state, "dead");
        assert_eq!(deliveries[0].last_status, Some(500));
        assert_eq!(usize::try_from(deliveries[0].attempts), Ok(test.world.received().len()));
        assert_eq!(deliveries[0].attempts, 12, "the first try and eleven retries");
        test.finish().await;
    }
}
