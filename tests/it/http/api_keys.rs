//! Keys for machines, and the paths that take them.

use chrono::TimeDelta;
use reconbanker::domain::assistance::{Charset, CodeShape};
use reconbanker::domain::ids::{AccountId, AssistanceId, OrgId};
use reconbanker::domain::time::Clock;
use reconbanker::session::assistance::{Ending, Request};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Api, Backend, GOOD_USER, TestApp, each_backend, id};

each_backend! {
    async fn a_key_is_shown_once_listed_without_its_secret_and_revoked(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        let empty = json!({ "keys": [], "available_scopes": ["otp:write", "status:read"] });
        assert_eq!(test.api.get("/me/api-keys").await.expect(200), empty);

        let wanted = json!({ "name": " relay ", "scopes": ["otp:write", "otp:write"], "account_ids": [account] });
        let mut made = test.api.post("/me/api-keys", wanted).await.expect(201);
        let key = made["key"].take().as_str().expect("a key").to_owned();
        let parts: Vec<&str> = key.split('_').collect();
        let [mark, prefix, secret] = parts.as_slice() else { panic!("{key}") };
        assert_eq!((*mark, prefix.len(), secret.len()), ("rbk", 8, 64));
        let expected = json!({
            "id": made["id"], "name": "relay", "prefix": prefix, "scopes": ["otp:write"], "account_ids": [account],
            "created_at": "2026-11-20T13:00:00Z", "last_used_at": null, "revoked_at": null, "key": null,
        });
        assert_eq!(made, expected);
        assert!(!test.rows().await.iter().any(|row| row.contains(secret)), "the secret is in no table");

        test.clock.advance(TimeDelta::seconds(1));
        let second = json!({ "name": "dashboard", "scopes": ["status:read"] });
        test.api.post("/me/api-keys", second).await.expect(201);
        let listed = test.api.get("/me/api-keys").await.expect(200);
        let names: Vec<_> = listed["keys"].as_array().expect("a list").iter().map(|key| &key["name"]).collect();
        assert_eq!(names, ["dashboard", "relay"]);
        assert_eq!(listed["keys"][0]["account_ids"], json!(null));
        assert!(!listed.to_string().contains(secret));

        let path = format!("/v1/accounts/{account}/otp");
        let answer = with_key(&test, &key, Method::POST, &path, Some(json!({ "code": "123456" }))).await;
        assert_eq!(problem(&answer, 404), ("NOT_FOUND", "No code is pending for this account"));
        let revoke = format!("/me/api-keys/{}", made["id"].as_str().expect("an id"));
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        assert_eq!(delete(&other, &revoke).await.error(404), "API key not found");
        assert_eq!(delete(&test.api, &revoke).await.status, 204);
        assert_eq!(delete(&test.api, &revoke).await.error(404), "API key not found");
        assert_eq!(delete(&test.api, "/me/api-keys/nonsense").await.error(404), "API key not found");
        let answer = with_key(&test, &key, Method::POST, &path, Some(json!({ "code": "123456" }))).await;
        assert_eq!(problem(&answer, 401), ("INVALID_API_KEY", "Invalid API key"));

        let listed = test.api.get("/me/api-keys").await.expect(200);
        assert_eq!(listed["keys"][1]["last_used_at"], "2026-11-20T13:00:01Z");
        assert_eq!(listed["keys"][1]["revoked_at"], "2026-11-20T13:00:01Z");
        test.settle().await;
        test.finish().await;
    }

    async fn a_key_that_cannot_be_made_is_refused_with_the_reason(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let account = test.api.create_account("Operating account").await;
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        let foreign = other.create_account("Theirs").await;
        let scopes = json!(["otp:write"]);
        for (wanted, expected) in [
            (json!({ "scopes": scopes }), "name must have 1 to 100 characters"),
            (json!({ "name": " ", "scopes": scopes }), "name must have 1 to 100 characters"),
            (json!({ "name": "x".repeat(101), "scopes": scopes }), "name must have 1 to 100 characters"),
            (json!({ "name": "k" }), "scopes must hold at least one of otp:write and status:read"),
            (json!({ "name": "k", "scopes": [] }), "scopes must hold at least one of otp:write and status:read"),
            (json!({ "name": "k", "scopes": ["otp"] }), "scopes may hold otp:write and status:read only"),
            (
                json!({ "name": "k", "scopes": scopes, "account_ids": [] }),
                "account_ids must name an account; null permits every account",
            ),
            (
                json!({ "name": "k", "scopes": scopes, "account_ids": ["nonsense"] }),
                "account_ids may hold ids of GET /accounts only",
            ),
            (
                json!({ "name": "k", "scopes": scopes, "account_ids": [account, foreign] }),
                "account_ids may hold ids of GET /accounts only",
            ),
        ] {
            assert_eq!(test.api.post("/me/api-keys", wanted.clone()).await.error(400), expected, "{wanted}");
        }
        assert_eq!(test.api.get("/me/api-keys").await.expect(200)["keys"], json!([]));
        assert_eq!(test.api.stranger().get("/me/api-keys").await.error(401), "Unauthorized");
        test.finish().await;
    }

    async fn the_paths_for_machines_take_keys_only_and_say_what_is_wrong(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let account = test.api.create_account("Operating account").await;
        let second = test.api.create_account("Second account").await;
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        let foreign = other.create_account("Theirs").await;
        let all = make_key(&test, json!({ "name": "all", "scopes": ["otp:write", "status:read"] })).await;
        let reader = json!({ "name": "reader", "scopes": ["status:read"], "account_ids": [account] });
        let reader = make_key(&test, reader).await;
        let status = |account: &str| format!("/v1/accounts/{account}/status");
        let otp = |account: &str| format!("/v1/accounts/{account}/otp");
        let (own, second, foreign) = (account.to_string(), second.to_string(), foreign.to_string());
        let missing = Uuid::nil().to_string();

        let (forbidden, not_found) = (("FORBIDDEN", "Forbidden"), ("NOT_FOUND", "Account not found"));
        for (key, method, path, status, expected) in [
            (&reader, Method::POST, otp(&own), 403, forbidden),
            (&reader, Method::GET, status(&second), 403, forbidden),
            (&reader, Method::GET, status(&foreign), 403, forbidden),
            (&reader, Method::GET, status("nonsense"), 403, forbidden),
            (&all, Method::GET, status(&foreign), 404, not_found),
            (&all, Method::GET, status(&missing), 404, not_found),
            (&all, Method::GET, status("nonsense"), 404, not_found),
            (&all, Method::POST, otp(&foreign), 404, not_found),
            (&all, Method::POST, otp(&own), 404, ("NOT_FOUND", "No code is pending for this account")),
        ] {
            let body = (method == Method::POST).then(|| json!({ "code": "123456" }));
            assert_eq!(problem(&with_key(&test, key, method, &path, body).await, status), expected, "{path}");
        }
        for body in [json!({}), json!({ "code": "" }), json!({ "code": "1".repeat(33) }), json!({ "code": 123_456 })] {
            let answer = with_key(&test, &all, Method::POST, &otp(&own), Some(body)).await;
            assert_eq!(problem(&answer, 400).0, "VALIDATION_ERROR");
        }

        let (none, invalid) = (("UNAUTHORIZED", "Unauthorized"), ("INVALID_API_KEY", "Invalid API key"));
        let path = status(&own);
        assert_eq!(problem(&test.api.stranger().get(&path).await, 401), none);
        assert_eq!(problem(&test.api.get(&path).await, 401), none, "a sign-in token is no key");
        let altered = format!("{}{}", &all[..all.len() - 1], if all.ends_with('0') { '1' } else { '0' });
        for key in ["", "rbk_", "nonsense", altered.as_str()] {
            assert_eq!(problem(&with_key(&test, key, Method::GET, &path, None).await, 401), invalid, "{key}");
        }
        let as_token = test.api.stranger().with_token(&all);
        assert_eq!(as_token.get("/accounts").await.error(401), "Invalid token");
        let answer = with_key(&test, &all, Method::GET, "/accounts", None).await;
        assert_eq!(answer.error(401), "Unauthorized");

        let nowhere = with_key(&test, &all, Method::GET, "/v1/nowhere", None).await;
        assert_eq!(problem(&nowhere, 404).0, "NOT_FOUND");
        let wrong_method = with_key(&test, &all, Method::GET, &otp(&own), None).await;
        assert_eq!(problem(&wrong_method, 405).0, "METHOD_NOT_ALLOWED");
        let idle = json!({ "account_id": account, "session_running": false, "pending_assistance": null });
        assert_eq!(with_key(&test, &reader, Method::GET, &path, None).await.expect(200), idle);
        test.finish().await;
    }

    /// Five codes for an account, whoever gives them. What nobody waits for, a mistyped shape and another tenant's
    /// tries cost nothing.
    async fn codes_are_limited_per_account_on_both_ways_together(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let account = test.api.create_account("Operating account").await;
        let key = make_key(&test, json!({ "name": "relay", "scopes": ["otp:write"] })).await;
        let (path, for_machines) = (format!("/accounts/{account}/otp"), format!("/v1/accounts/{account}/otp"));
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        let code = json!({ "code": "AB1234" });
        let by_machine = async || with_key(&test, &key, Method::POST, &for_machines, Some(code.clone())).await;

        for _ in 0..7 {
            assert_eq!(test.api.post(&path, code.clone()).await.error(404), "No code is pending for this account");
            by_machine().await.expect(404);
        }
        let desk = &test.app.deps.assistance;
        let org = org_of(&test, account).await;
        let ask = || desk.ask(org, account, request(&test, Charset::Alphanumeric));
        let waiting = ask();
        for _ in 0..7 {
            let misshapen = json!({ "code": "AB-123" });
            assert_eq!(test.api.post(&path, misshapen).await.error(400), "code must be 6 letters or digits");
            assert_eq!(other.post(&path, code.clone()).await.error(404), "Account not found");
        }
        let pending = test.api.get(&path).await.expect(200);
        assert_eq!(pending["descriptor"], json!({ "length": 6, "type": "alphanumeric", "purpose": "login" }));
        test.api.post(&path, json!({ "code": " AB1234 " })).await.expect(202);
        let Ending::Answered(answer) = waiting.ending().await else { panic!("the code was taken") };
        assert_eq!(answer.code.expose_secret(), "AB1234");

        for _ in 0..2 {
            let waiting = ask();
            test.api.post(&path, code.clone()).await.expect(202);
            drop(waiting);
            let waiting = ask();
            by_machine().await.expect(202);
            drop(waiting);
        }
        // The sixth, for a login that waits for it.
        let waiting = ask();
        let refused = [test.api.post(&path, code.clone()).await, by_machine().await];
        for refused in &refused {
            let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
            assert!((1..=121).contains(&seconds), "{seconds}");
            assert_eq!(refused.header("ratelimit-policy"), "\"codes\";q=5;w=600");
            assert_eq!(refused.header("ratelimit"), "\"codes\";r=0;t=600");
        }
        let [as_a_person, as_a_machine] = refused;
        assert_eq!(as_a_person.error(429), "Too many requests");
        assert_eq!(problem(&as_a_machine, 429), ("RATE_LIMITED", "Too many requests"));
        drop(waiting);

        let second = test.api.create_account("Second account").await;
        let waiting = desk.ask(org, second, request(&test, Charset::Alphanumeric));
        test.api.post(&format!("/accounts/{second}/otp"), code.clone()).await.expect(202);
        drop(waiting);
        test.finish().await;
    }
}

fn request(test: &TestApp, charset: Charset) -> Request {
    Request {
        id: AssistanceId(id()),
        shape: CodeShape { length: 6, charset },
        attempts: 0,
        expires_at: test.clock.now() + TimeDelta::seconds(180),
    }
}

/// The organisation that has an account, of the several there are.
async fn org_of(test: &TestApp, account: AccountId) -> OrgId {
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    for org in tx.org_ids().await.expect("organisations") {
        if tx.account(org, account).await.expect("a query").is_some() {
            return org;
        }
    }
    panic!("no organisation has this account");
}

async fn make_key(test: &TestApp, wanted: Value) -> String {
    let made = test.api.post("/me/api-keys", wanted).await.expect(201);
    made["key"].as_str().expect("a key").to_owned()
}

async fn with_key(test: &TestApp, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let build = |request: reqwest::RequestBuilder| match &body {
        Some(body) => request.header("x-api-key", key).json(body),
        None => request.header("x-api-key", key),
    };
    test.api.stranger().send(method, path, build).await
}

async fn delete(api: &Api, path: &str) -> Answer {
    api.send(Method::DELETE, path, |request| request).await
}

/// Code and sentence of an answer in the form of the paths for machines, which has nothing else.
#[track_caller]
fn problem(answer: &Answer, status: u16) -> (&str, &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let text = |field: &str| answer.body["error"][field].as_str().expect("a text");
    let (code, message) = (text("code"), text("message"));
    assert_eq!(answer.body, json!({ "error": { "code": code, "message": message } }));
    (code, message)
}
