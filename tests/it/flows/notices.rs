//! What a customer is told about the reading itself, at an endpoint apart from results.

use std::sync::Arc;

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::Engine;
use serde_json::{Value, json};

use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, credit, each_backend};

/// An account whose notices go to the shop, with these fields of its settings besides.
async fn start(backend: Backend, fields: Value) -> (TestApp, Arc<FakeBank>, AccountId) {
    let bank = FakeBank::new();
    let mut test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    let account = test.enrol(GOOD_USER, "reconcile").await;
    save(&test, account, fields).await;
    (test, bank, account)
}

async fn save(test: &TestApp, account: AccountId, fields: Value) {
    let mut config = test.config(GOOD_USER);
    config["notification_endpoint_url"] = json!(test.world.shop.join("notices").expect("a path"));
    for (name, value) in fields.as_object().expect("an object") {
        config[name] = value.clone();
    }
    test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
    test.settle().await;
}

fn both() -> Value {
    json!({ "notification_events": ["login_failed", "scrape_failed"] })
}

each_backend! {
    /// Literally as documented, signed like a result, and sent to its own endpoint only.
    async fn a_refused_login_is_told_once(backend: Backend) {
        let (test, bank, account) = start(backend, both()).await;
        bank.refuse(Outcome::InvalidCredentials);
        let run = test.scrape(account).await;
        let notices = test.world.notices();
        assert_eq!(notices.len(), 1, "{notices:?}");
        let expected = json!({
            "account_id": account,
            "type": "login_failed",
            "status": "login.failed",
            "data": {
                "category": "invalid_credentials",
                "reason": "the bank refused the user name or the password",
            },
            "occurred_at": "2026-11-20T13:00:00.000Z",
        });
        assert_eq!(notices[0].body, expected);
        assert_eq!(notices[0].verified, Ok(()));
        assert_eq!(test.world.received().len(), 0, "results have another endpoint");

        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let events = tx.events_after(org, 0, 1_000).await.expect("the log");
        let told = events.iter().find(|event| event.id.to_string() == notices[0].webhook_id).expect("its event");
        assert_eq!((told.kind.as_str(), told.run_id), ("run.finished", Some(run.id)));
        drop(tx);

        // The account is blocked now, and a day of schedule tells no more.
        for _ in 0..24 {
            test.advance(TimeDelta::hours(1)).await;
        }
        assert_eq!(test.world.notices().len(), 1);
        // A restart meets the same wall, which is news again.
        test.api.post(&format!("/accounts/{account}/restart"), json!({})).await.expect(202);
        test.settle().await;
        assert_eq!(test.world.notices().len(), 2);
        test.finish().await;
    }

    /// A run that was waiting when its login was blocked ends without a word.
    async fn a_run_that_a_block_kept_from_beginning_is_not_told(backend: Backend) {
        let (test, bank, first) = start(backend, both()).await;
        let second = test.api.create_account("Second account").await;
        save(&test, second, both()).await;
        bank.refuse(Outcome::AccountBlocked);
        test.api.post(&format!("/accounts/{second}/scrape"), json!({})).await.expect(202);
        test.scrape(first).await;
        let notices = test.world.notices();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert_eq!(notices[0].body["data"]["category"], "account_blocked");
        test.finish().await;
    }

    /// Trouble that passes by itself is told each time it happens, and success is not.
    async fn every_failed_scrape_is_told(backend: Backend) {
        let (test, bank, account) = start(backend, both()).await;
        test.scrape(account).await;
        assert_eq!(test.world.notices().len(), 0);
        bank.fail(Outcome::BankUnavailable);
        test.scrape(account).await;
        bank.fail(Outcome::LayoutChanged);
        test.scrape(account).await;
        let told: Vec<_> = test
            .world
            .notices()
            .iter()
            .map(|notice| (notice.body["status"].clone(), notice.body["data"]["category"].clone()))
            .collect();
        let expected = [("scrape.failed", "bank_unavailable"), ("scrape.failed", "layout_changed")];
        assert_eq!(told, expected.map(|(status, category)| (json!(status), json!(category))));
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        assert_eq!(test.world.notices().len(), 2);
        test.finish().await;
    }

    /// Only what is subscribed is told, and nothing without an endpoint.
    async fn only_subscribed_events_are_told(backend: Backend) {
        let (test, bank, account) = start(backend, json!({ "notification_events": ["login_failed"] })).await;
        bank.fail(Outcome::Network);
        test.scrape(account).await;
        save(&test, account, json!({})).await;
        test.scrape(account).await;
        let no_endpoint = json!({ "notification_endpoint_url": "", "notification_events": ["scrape_failed"] });
        save(&test, account, no_endpoint).await;
        test.scrape(account).await;
        assert_eq!(test.world.notices().len(), 0);
        save(&test, account, json!({ "notification_events": ["scrape_failed"] })).await;
        test.scrape(account).await;
        assert_eq!(test.world.notices().len(), 1);
        test.finish().await;
    }

    /// The notification's own token or none: that of the webhook is not for this endpoint.
    async fn the_token_of_a_notice_is_its_own_or_none(backend: Backend) {
        let (test, bank, account) = start(backend, both()).await;
        bank.fail(Outcome::Network);
        test.scrape(account).await;
        let mut fields = both();
        fields["notification_auth_type"] = json!("api_key");
        fields["notification_auth_token"] = json!("notice-token");
        save(&test, account, fields.clone()).await;
        test.scrape(account).await;
        fields["notification_auth_type"] = json!(null);
        save(&test, account, fields).await;
        test.scrape(account).await;
        let authorizations: Vec<_> = test.world.notices().into_iter().map(|notice| notice.authorization).collect();
        let expected = [None, Some("Api-Key notice-token"), Some("Bearer notice-token")];
        assert_eq!(authorizations, expected.map(|text| text.map(str::to_owned)));
        test.finish().await;
    }

    /// An endpoint that is down is tried again on its own; one that is gone from the settings is given up.
    async fn a_notice_is_retried_and_never_delays_a_scrape(backend: Backend) {
        let nowhere = json!({
            "notification_endpoint_url": "http://127.0.0.1:9/notices",
            "notification_events": ["scrape_failed"],
        });
        let (test, bank, account) = start(backend, nowhere.clone()).await;
        bank.fail(Outcome::Network);
        assert_eq!(test.scrape(account).await.outcome, Some(Outcome::Network));
        let pending = deliveries(&test, account).await;
        assert_eq!(pending, [("pending".to_owned(), 1)]);
        // The address is looked up at each attempt.
        save(&test, account, both()).await;
        test.clock.advance(TimeDelta::seconds(7));
        test.settle().await;
        assert_eq!(deliveries(&test, account).await, [("delivered".to_owned(), 2)]);
        assert_eq!(test.world.notices().len(), 1);

        save(&test, account, nowhere).await;
        test.scrape(account).await;
        save(&test, account, json!({ "notification_endpoint_url": null })).await;
        test.clock.advance(TimeDelta::seconds(7));
        test.settle().await;
        let newest = deliveries(&test, account).await.remove(0);
        assert_eq!(newest, ("dead".to_owned(), 2));
        test.finish().await;
    }
}

/// State and attempts of the account's deliveries, newest first.
async fn deliveries(test: &TestApp, account: AccountId) -> Vec<(String, i64)> {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let deliveries = tx.deliveries(org, account, 10).await.expect("the outbox");
    deliveries.into_iter().map(|delivery| (delivery.state, delivery.attempts)).collect()
}
