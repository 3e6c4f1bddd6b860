//! What each setting does, seen from the customer's side.

use std::sync::Arc;

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::Engine;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, credit, each_backend};

async fn start(backend: Backend, mode: &str) -> (TestApp, Arc<FakeBank>, AccountId) {
    let bank = FakeBank::new();
    let mut test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    let account = test.enrol(GOOD_USER, mode).await;
    (test, bank, account)
}

/// Saves the usual settings with these fields besides.
async fn save(test: &TestApp, account: AccountId, fields: Value) -> Value {
    let mut config = test.config(GOOD_USER);
    for (name, value) in fields.as_object().expect("an object") {
        config[name] = value.clone();
    }
    test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200)
}

each_backend! {
    /// Type and token of the webhook fall back to those of the polls, each by itself.
    async fn webhook_credentials_fall_back_one_by_one(backend: Backend) {
        let (test, bank, account) = start(backend, "passthrough").await;
        let cases = [
            (json!({}), "Bearer shop-token"),
            (json!({ "auth_type": "api_key" }), "Api-Key shop-token"),
            (json!({ "webhook_auth_type": "api_key" }), "Api-Key shop-token"),
            (json!({ "webhook_auth_token": "hook-token" }), "Bearer hook-token"),
            (json!({ "auth_type": "api_key", "webhook_auth_token": "hook-token" }), "Api-Key hook-token"),
            (json!({ "webhook_auth_type": "api_key", "webhook_auth_token": "hook-token" }), "Api-Key hook-token"),
        ];
        let mut credits = Vec::new();
        for (number, (fields, expected)) in cases.into_iter().enumerate() {
            save(&test, account, fields).await;
            credits.push(credit(&format!("f{number}"), "1500.00", "2026-11-20"));
            bank.show(credits.clone());
            test.scrape(account).await;
            let received = test.world.received();
            assert_eq!(received.len(), number + 1, "each credit is told once");
            assert_eq!(received[number].authorization.as_deref(), Some(expected));
        }
        save(&test, account, json!({ "auth_token": null })).await;
        credits.push(credit("last", "1500.00", "2026-11-20"));
        bank.show(credits);
        test.scrape(account).await;
        let last = test.world.received().pop().expect("a webhook");
        assert_eq!(last.authorization, None, "no token, no header");
        test.finish().await;
    }

    async fn extra_fields_stand_in_every_webhook(backend: Backend) {
        let (test, bank, account) = start(backend, "reconcile").await;
        save(&test, account, json!({ "webhook_extra_fields": { "tenant": "acme", "branch": { "id": 7 } } })).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        let order = concat!(
            r#"{"external_id":"ORDER-1","status":"matched","amount":1500.00,"currency":"UYU","name":"Juan Pérez","#,
            r#""branch":{"id":7},"tenant":"acme"}"#,
        );
        assert_eq!(test.world.received()[0].raw, order);

        test.api.put("/me/operation-mode", json!({ "mode": "passthrough" })).await.expect(200);
        bank.show(vec![credit("f2", "20.00", "2026-11-20")]);
        test.scrape(account).await;
        let received = test.world.received();
        let id = received[1].body["id"].as_str().expect("the movement's id");
        let movement = [
            format!(r#"{{"id":"{id}","amount":20.00,"currency":"UYU","name":"JUAN PEREZ","#),
            r#""received_at":"2026-11-20T03:00:00.000Z","branch":{"id":7},"tenant":"acme"}"#.to_owned(),
        ];
        assert_eq!(received[1].raw, movement.concat());
        test.finish().await;
    }

    /// Number for number and key for key: as it was typed, so it is read, polled with and told.
    async fn what_is_passed_on_is_never_converted(backend: Backend) {
        let (test, bank, account) = start(backend, "reconcile").await;
        let path = format!("/accounts/{account}/config");
        let extra = r#"{"z":1500.00,"limit":99999999999999999999,"a":{"rate":0.10,"Z":1,"b":[1E2]}}"#;
        let body = r#"{"z": 1500.00, "account": "main-uyu", "big": 99999999999999999999}"#;
        let usual = test.config(GOOD_USER).to_string();
        let usual = usual.strip_suffix('}').expect("an object");
        let settings = format!(
            r#"{usual}, "polling_method": "POST", "polling_body": {body}, "webhook_extra_fields": {extra}}}"#
        );
        let put = async |settings: String| {
            let kind = "application/json";
            test.api.send(Method::PUT, &path, |request| request.header(CONTENT_TYPE, kind).body(settings)).await
        };
        for answer in [put(settings).await, test.api.get(&path).await] {
            assert!(answer.text.contains(&format!(r#""polling_body":{body}"#)), "{}", answer.text);
            assert!(answer.text.contains(&format!(r#""webhook_extra_fields":{extra}"#)), "{}", answer.text);
            answer.expect(200);
        }
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        assert_eq!(test.world.polls().pop().expect("a poll").body, body);
        let order = concat!(
            r#"{"external_id":"ORDER-1","status":"matched","amount":1500.00,"currency":"UYU","name":"Juan Pérez","#,
            r#""z":1500.00,"limit":99999999999999999999,"a":{"rate":0.10,"Z":1,"b":[1E2]}}"#,
        );
        assert_eq!(test.world.received()[0].raw, order);

        // The text of an object stands for the object, as forms send it.
        let settings = format!(r#"{usual}, "webhook_extra_fields": "{{\"z\": 0.10, \"a\": 1}}"}}"#);
        let answer = put(settings).await;
        assert!(answer.text.contains(r#""webhook_extra_fields":{"z": 0.10, "a": 1}"#), "{}", answer.text);
        test.settle().await;
        test.finish().await;
    }

    /// With GET no body is sent, so none is judged; it comes back as it was typed.
    async fn a_polling_body_is_ignored_for_get(backend: Backend) {
        let (test, _bank, account) = start(backend, "reconcile").await;
        for typed in [json!("tenant=acme"), json!("{\"a\": 1}"), json!(5), json!(false), json!([1, "two"])] {
            let saved = save(&test, account, json!({ "polling_body": typed })).await;
            assert_eq!(saved["polling_body"], typed);
        }
        test.settle().await;
        let poll = test.world.polls().pop().expect("a poll");
        assert_eq!(poll.method, "GET");
        assert_eq!(poll.body, "");
        test.finish().await;
    }

    /// In passthrough nobody calls the endpoint, so nobody judges it; should the mode change, the poll does.
    async fn an_endpoint_typed_in_passthrough_is_judged_by_the_poll(backend: Backend) {
        let (test, _bank, account) = start(backend, "passthrough").await;
        for typed in ["nonsense", "http://10.0.0.1/orders", " ftp://shop.example/orders#x "] {
            let saved = save(&test, account, json!({ "pending_orders_endpoint": typed })).await;
            assert_eq!(saved["pending_orders_endpoint"], typed);
        }
        test.api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        test.advance(TimeDelta::zero()).await;
        let poll = test.last_poll(account).await;
        assert_eq!(poll["outcome"], "endpoint_failed");
        let why = "the saved pending_orders_endpoint cannot be called: it starts with \"ftp:\"; only https:// and \
                   http:// are called";
        assert_eq!(poll["detail"], why);
        test.finish().await;
    }

    /// An order and a movement that came when nobody compared them are compared once somebody does, without waiting
    /// for more to arrive.
    async fn switching_back_to_reconcile_matches_what_came_in_meanwhile(backend: Backend) {
        let (test, bank, account) = start(backend, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.api.put("/me/operation-mode", json!({ "mode": "passthrough" })).await.expect(200);
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        assert_eq!(test.world.received().len(), 1, "forwarded");
        test.api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        test.settle().await;
        let received = test.world.received();
        assert_eq!(received.len(), 2, "{received:?}");
        assert_eq!(received[1].body["external_id"], "ORDER-1");
        assert_eq!(received[1].body["status"], "matched");
        assert_eq!(test.world.polls().len(), 1, "nothing was asked for anew");
        test.finish().await;
    }

    async fn silent_ingestion_marks_and_tells_nobody(backend: Backend) {
        let (test, bank, account) = start(backend, "passthrough").await;
        save(&test, account, json!({ "silent_ingestion": true })).await;
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        let path = format!("/accounts/{account}/movements");
        assert_eq!(test.api.get(&path).await.expect(200)[0]["notified_at"], "2026-11-20T13:00:00Z");
        // Telling again starts with what is new.
        save(&test, account, json!({ "silent_ingestion": false })).await;
        bank.show(vec![credit("f1", "1500.00", "2026-11-20"), credit("f2", "20.00", "2026-11-20")]);
        test.scrape(account).await;
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].body["amount"], json!(20.0));
        test.finish().await;
    }

    /// The endpoint is neither required nor called; a mode says so for every account.
    async fn passthrough_asks_for_no_orders(backend: Backend) {
        let (test, _bank, account) = start(backend, "passthrough").await;
        let saved = save(&test, account, json!({ "pending_orders_endpoint": null })).await;
        assert_eq!(saved["pending_orders_endpoint"], Value::Null);
        save(&test, account, json!({})).await;
        test.settle().await;
        test.advance(TimeDelta::minutes(30)).await;
        assert_eq!(test.world.polls().len(), 0);
        test.finish().await;
    }

    /// One call after the save, then one every ten minutes.
    async fn orders_are_asked_for_every_ten_minutes(backend: Backend) {
        let (test, _bank, _account) = start(backend, "reconcile").await;
        test.settle().await;
        assert_eq!(test.world.polls().len(), 1);
        test.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1)).await;
        assert_eq!(test.world.polls().len(), 1);
        test.advance(TimeDelta::seconds(1)).await;
        assert_eq!(test.world.polls().len(), 2);
        test.finish().await;
    }

    /// What is decided stays decided, whatever the endpoint lists afterwards.
    async fn a_matched_order_listed_again_is_told_once(backend: Backend) {
        let (test, bank, account) = start(backend, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        bank.show(vec![credit("f1", "1500.00", "2026-11-20")]);
        test.scrape(account).await;
        test.order("ORDER-1", "Juan Pérez", "20.00");
        bank.show(vec![credit("f1", "1500.00", "2026-11-20"), credit("f2", "20.00", "2026-11-20")]);
        test.advance(TimeDelta::minutes(30)).await;
        test.scrape(account).await;
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].body["external_id"], "ORDER-1");
        test.finish().await;
    }

    async fn a_restart_serves_both_session_types(backend: Backend) {
        let (test, bank, account) = start(backend, "reconcile").await;
        for session_type in ["one-shot", "persistent"] {
            let saved = save(&test, account, json!({ "session_type": session_type })).await;
            assert_eq!(saved["session_type"], session_type);
            bank.refuse(Outcome::InvalidCredentials);
            test.scrape(account).await;
            assert_ne!(test.api.get("/accounts").await.expect(200)[0]["scrapeBlockedAt"], Value::Null);
            bank.show(Vec::new());
            let answer = test.api.post(&format!("/accounts/{account}/restart"), json!({})).await.expect(202);
            test.settle().await;
            let run = test.run(answer["jobId"].as_str().expect("a job id")).await;
            assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
            let accounts = test.api.get("/accounts").await.expect(200);
            assert_eq!(accounts[0]["scrapeBlockedAt"], Value::Null);
            assert_eq!(accounts[0]["scrapeBlockedReason"], Value::Null);
        }
        test.finish().await;
    }
}
