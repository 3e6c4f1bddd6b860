//! Orders that nobody paid in time.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Backend, TestApp, each_backend};

each_backend! {
    /// Five days are 120 hours, the last instant included; the shop is told where it asked for it.
    async fn an_order_expires_after_five_days_and_the_shop_is_told(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({ "notify_on_expired": true })).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.advance(TimeDelta::hours(120)).await;
        assert_eq!(test.orders(account).await["ORDER-1"].status.word(), "not_found");
        test.advance(TimeDelta::microseconds(1)).await;
        assert_eq!(test.orders(account).await["ORDER-1"].status.word(), "expired");
        assert_eq!(test.events("case.expired").await, 1);
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].verified, Ok(()));
        assert_eq!(
            received[0].raw,
            r#"{"external_id":"ORDER-1","status":"expired","amount":1500.00,"currency":"UYU","name":"Juan Pérez"}"#
        );

        // Listed all along, it stays expired, and nothing is said twice.
        for _ in 0..3 {
            assert_eq!(test.next_poll(account).await["reopened"], 0);
        }
        assert_eq!(test.events("case.expired").await, 1);
        assert_eq!(test.world.received().len(), 1);
        test.finish().await;
    }

    /// Silence is the default.
    async fn the_shop_is_not_told_of_an_expiry_unless_it_asked(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.advance(TimeDelta::hours(121)).await;
        assert_eq!(test.orders(account).await["ORDER-1"].status.word(), "expired");
        assert_eq!(test.world.received().len(), 0);
        test.finish().await;
    }

    /// What a person has to decide does not expire under their hands.
    async fn an_ambiguous_order_does_not_expire(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({ "notify_on_expired": true })).await;
        test.settle().await;
        for fingerprint in ["f1", "f2"] {
            test.book(account, fingerprint, "1500.00", "2026-11-20").await;
        }
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.next_poll(account).await;
        assert_eq!(test.orders(account).await["ORDER-1"].status.word(), "ambiguous");
        test.advance(TimeDelta::days(6)).await;
        assert_eq!(test.orders(account).await["ORDER-1"].status.word(), "ambiguous");
        assert_eq!(test.events("case.expired").await, 0);
        test.finish().await;
    }

    /// In passthrough nothing is matched, so nothing expires either.
    async fn nothing_expires_in_passthrough(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.api.put("/me/operation-mode", json!({ "mode": "passthrough" })).await.expect(200);
        test.advance(TimeDelta::days(6)).await;
        assert_eq!(test.orders(account).await["ORDER-1"].status.word(), "not_found");
        test.finish().await;
    }

    /// Taken off the list and listed again, an expired order is a new one, and what was paid meanwhile is found.
    async fn an_expired_order_can_be_registered_again(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.settle().await;
        test.order("LATE", "Juan Pérez", "1500.00");
        test.next_poll(account).await;
        test.advance(TimeDelta::hours(121)).await;
        test.book(account, "f1", "1500.00", "2026-11-25").await;
        assert_eq!(test.orders(account).await["LATE"].status.word(), "expired");

        test.world.remove_order("LATE");
        test.next_poll(account).await;
        test.order("LATE", "Juan Pérez", "1500.00");
        assert_eq!(test.next_poll(account).await["reopened"], 1);
        assert_eq!(test.orders(account).await["LATE"].status.word(), "matched");
        assert_eq!(test.world.received().len(), 1);
        test.finish().await;
    }
}
