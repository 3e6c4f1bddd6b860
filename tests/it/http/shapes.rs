//! Answers, literally.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Backend, GOOD_USER, PASSWORD, TestApp, each_backend};

/// The object's keys, sorted.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

each_backend! {
    async fn registering_and_signing_in(backend: Backend) {
        let test = TestApp::start(backend).await;
        let who = json!({ "email": "Ana@Shop.example", "password": PASSWORD, "name": "Ana" });
        let registered = test.api.post("/auth/register", who.clone()).await.expect(201);
        assert_eq!(keys(&registered), ["email", "id"]);
        assert_eq!(registered["email"], "ana@shop.example");
        assert_eq!(test.api.post("/auth/register", who).await.error(409), "Email already exists");

        let login = json!({ "email": "ANA@shop.example ", "password": PASSWORD });
        let answer = test.api.post("/auth/login", login).await.expect(200);
        assert_eq!(keys(&answer), ["token", "user"]);
        assert_eq!(answer["user"], json!({ "id": registered["id"], "email": "ana@shop.example", "name": "Ana" }));

        let api = test.api.stranger().with_token(answer["token"].as_str().expect("a token"));
        let me = json!({
            "id": registered["id"], "email": "ana@shop.example", "name": "Ana", "operation_mode": null
        });
        assert_eq!(api.get("/me").await.expect(200), me);
        let mode = api.put("/me/operation-mode", json!({ "mode": "passthrough" })).await.expect(200);
        assert_eq!(mode, json!({ "operation_mode": "passthrough" }));
        assert_eq!(api.get("/me").await.expect(200)["operation_mode"], "passthrough");

        test.clock.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
        api.get("/me").await.expect(200);
        test.clock.advance(TimeDelta::seconds(1));
        assert_eq!(api.get("/me").await.error(401), "Invalid token");
        test.finish().await;
    }

    async fn accounts_and_banks(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let banks = test.api.get("/banks").await.expect(200);
        let bank = &banks[0];
        assert_eq!(keys(bank), ["code", "id", "loginUrl", "name", "status"]);
        assert_eq!(bank["code"], "demo-tabla");
        assert_eq!(bank["name"], "Banco Demo");
        assert_eq!(bank["status"], "active", "the demo bank runs beside this test");

        let new = json!({ "bankId": bank["id"], "name": "Operating account" });
        let created = test.api.post("/accounts", new).await.expect(201);
        let id = created["id"].as_str().expect("an id");
        let item = json!({
            "id": id, "bank": "demo-tabla", "name": "Operating account", "status": "active",
            "scrapeBlockedAt": null, "scrapeBlockedReason": null
        });
        assert_eq!(created, item);
        assert_eq!(test.api.get("/accounts").await.expect(200), json!([item]));
        let one = json!({ "id": id, "bank": "demo-tabla", "name": "Operating account", "status": "active" });
        assert_eq!(test.api.get(&format!("/accounts/{id}")).await.expect(200), one);
        assert_eq!(test.api.get(&format!("/accounts/{id}/config")).await.expect(200), Value::Null);
        assert_eq!(test.api.get(&format!("/accounts/{id}/movements")).await.expect(200), json!([]));
        let secret = test.api.get(&format!("/accounts/{id}/webhook-secret")).await.expect(200);
        assert!(secret["secret"].as_str().expect("a text").starts_with("whsec_"));
        let error = test.api.post(&format!("/accounts/{id}/scrape"), json!({})).await.error(400);
        assert!(error.contains("no bank credentials"), "{error}");
        test.finish().await;
    }

    async fn settings_are_replaced_whole_and_secrets_never_come_back(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        let path = format!("/accounts/{account}/config");
        let saved = test.api.get(&path).await.expect(200);
        assert_eq!(
            keys(&saved),
            [
                "account_id", "auth_token", "auth_type", "bank_username", "id", "login_mode",
                "notification_auth_token", "notification_auth_type", "notification_endpoint_url",
                "notification_events", "notify_on_expired", "pending_orders_endpoint", "polling_body",
                "polling_method", "retry_limit", "session_type", "silent_ingestion", "webhook_auth_token",
                "webhook_auth_type", "webhook_extra_fields", "webhook_url",
            ]
        );
        assert_eq!(saved["auth_token"], "__secret_present__");
        assert_eq!(saved["bank_username"], GOOD_USER);
        assert_eq!(saved["retry_limit"], 3);
        assert_eq!(saved["session_type"], "one-shot");
        assert_eq!(saved["login_mode"], "simple");

        // What is read can be sent back: the sentinel keeps the token, no credentials keep the credentials.
        let mut again = saved.clone();
        again["webhook_extra_fields"] = json!({ "tenant": "acme" });
        let replaced = test.api.put(&path, again).await.expect(200);
        assert_eq!(replaced["auth_token"], "__secret_present__");
        assert_eq!(replaced["bank_username"], GOOD_USER);
        assert_eq!(replaced["id"], saved["id"]);
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let polls = test.world.polls();
        assert_eq!(polls.last().expect("a poll").authorization.as_deref(), Some("Bearer shop-token"));

        // What is left out falls to its default.
        let bare = json!({
            "webhook_url": saved["webhook_url"], "pending_orders_endpoint": saved["pending_orders_endpoint"]
        });
        let replaced = test.api.put(&path, bare.clone()).await.expect(200);
        assert_eq!(replaced["auth_token"], Value::Null);
        assert_eq!(replaced["webhook_extra_fields"], Value::Null);
        assert_eq!(replaced["bank_username"], GOOD_USER, "both credentials left off: kept");

        let mut other = bare;
        other["bank_username"] = json!("another");
        let error = test.api.put(&path, other).await.error(400);
        assert_eq!(error, "bank_password is required with a new bank_username");
        test.settle().await;
        test.finish().await;
    }

    async fn nothing_secret_is_stored_in_clear(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let row = tx.account(org, account).await.expect("a query").expect("the account");
        let login = tx.bank_login(org, row.bank_login_id.expect("a login")).await.expect("a query").expect("the login");
        let config = tx.account_config(org, account).await.expect("a query").expect("settings");
        drop(tx);
        let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(&login.username_sealed, GOOD_USER));
        assert!(!holds(&login.password_sealed, reconbanker::demo::bank::PASSWORD));
        assert!(!holds(&config.auth_token_sealed.expect("a token"), "shop-token"));
        assert!(!holds(&row.signing_secret_sealed, "whsec_"));
        test.settle().await;
        test.finish().await;
    }

    async fn health_and_the_description(backend: Backend) {
        let test = TestApp::start(backend).await;
        assert_eq!(test.api.get("/health").await.expect(200), json!({ "ok": true }));
        assert_eq!(test.api.get("/livez").await.expect(200), json!({ "ok": true }));
        let ready = test.api.get("/readyz").await.expect(200);
        assert_eq!(ready["checks"][0]["name"], "database");
        assert_eq!(test.api.get("/openapi.json").await.expect(200)["openapi"], "3.1.0");
        let explorer = test.api.get("/docs").await.expect(200);
        let page = explorer.as_str().expect("a page");
        assert!(!page.contains("https://"), "the explorer asks nothing from outside");
        test.finish().await;
    }
}
