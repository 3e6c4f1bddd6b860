//! Bad input gets a clear error that names the thing; none is a 500.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Backend, GOOD_USER, TestApp, each_backend};

each_backend! {
    async fn bodies_that_are_not_what_they_should_be(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let raw = async |method: Method, path: &str, kind: &str, body: String| {
            test.api.send(method, path, |request| request.header(CONTENT_TYPE, kind).body(body)).await
        };
        let json_kind = "application/json";
        let check = |error: String, expected: &str| assert!(error.contains(expected), "{error}");

        let answer = raw(Method::POST, "/accounts", json_kind, "{\"bankId\": ".to_owned()).await;
        check(answer.error(400), "not valid JSON: EOF while parsing a value at line 1 column 11");
        let answer = raw(Method::POST, "/accounts", json_kind, "{\"bankId\": 5, \"name\": \"x\"}".to_owned()).await;
        check(answer.error(400), "bankId must be text");
        let answer = raw(Method::POST, "/accounts", "text/plain", "hello".to_owned()).await;
        check(answer.error(400), "Content-Type: application/json");
        for kind in [json_kind, "text/plain"] {
            let answer = raw(Method::POST, "/accounts", kind, String::new()).await;
            check(answer.error(400), "bankId and name are required");
        }
        let huge = format!("{{\"name\": \"{}\"}}", "x".repeat(1_100_000));
        let answer = raw(Method::POST, "/accounts", json_kind, huge).await;
        check(answer.error(413), "larger than 1048576 bytes");
        let deep = "[".repeat(100_000);
        let answer = raw(Method::POST, "/accounts", json_kind, deep).await;
        answer.error(400);
        let answer = raw(Method::PUT, "/me/operation-mode", json_kind, "{\"mode\": 7}".to_owned()).await;
        check(answer.error(400), "mode must be 'reconcile' or 'passthrough'");
        test.finish().await;
    }

    /// With its type or without: the route says what it needs.
    async fn a_request_without_a_body_is_told_what_is_missing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let account = test.api.create_account("Operating account").await;
        let own = format!("/accounts/{account}");
        let (config, otp) = (format!("{own}/config"), format!("{own}/otp"));
        for (method, path, expected) in [
            (Method::POST, "/auth/register", "email and password required"),
            (Method::POST, "/auth/login", "email and password required"),
            (Method::PUT, "/me/operation-mode", "mode must be 'reconcile' or 'passthrough'"),
            (Method::POST, "/accounts", "bankId and name are required"),
            (Method::DELETE, own.as_str(), "confirmation_name is required"),
            (Method::PUT, config.as_str(), "webhook_url is required"),
            (Method::POST, otp.as_str(), "code is required"),
        ] {
            for kind in [None, Some("application/json"), Some("text/plain")] {
                let with_kind = |request: RequestBuilder| match kind {
                    Some(kind) => request.header(CONTENT_TYPE, kind),
                    None => request,
                };
                let answer = test.api.send(method.clone(), path, with_kind).await;
                assert_eq!(answer.error(400), expected, "{method} {path} {kind:?}");
            }
        }
        test.api.get(&own).await.expect(200);
        test.finish().await;
    }

    async fn documented_messages(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let register = async |body: Value| test.api.post("/auth/register", body).await.error(400);
        assert_eq!(register(json!({})).await, "email and password required");
        assert_eq!(
            register(json!({ "email": "a@b.example", "password": "short" })).await,
            "password must have at least 12 characters"
        );
        assert_eq!(
            register(json!({ "email": "not an address", "password": "long enough for anyone" })).await,
            "email is not an address"
        );
        let login = json!({ "email": "nobody@b.example", "password": "whatever it is" });
        assert_eq!(test.api.post("/auth/login", login).await.error(401), "Invalid credentials");
        assert_eq!(test.api.get("/accounts").await.error(401), "Unauthorized");
        let forged = test.api.stranger().with_token("eyJhbGciOiJub25lIn0.e30.");
        assert_eq!(forged.get("/accounts").await.error(401), "Invalid token");

        test.api.sign_up("owner@shop.example").await;
        let create = async |body: Value| test.api.post("/accounts", body).await;
        assert_eq!(create(json!({ "name": "x" })).await.error(400), "bankId and name are required");
        assert_eq!(create(json!({ "bankId": Uuid::nil(), "name": " " })).await.error(400), "bankId and name are required");
        assert_eq!(create(json!({ "bankId": Uuid::nil(), "name": "x" })).await.error(404), "Bank not found");
        assert_eq!(
            create(json!({ "bankId": "itau", "name": "x" })).await.error(400),
            "bankId must be an id of GET /banks"
        );
        test.finish().await;
    }

    async fn unknown_ids_paths_and_methods(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        for id in ["nonsense", "00000000-0000-0000-0000-000000000000"] {
            for path in ["", "/config", "/movements", "/webhook-secret"] {
                assert_eq!(test.api.get(&format!("/accounts/{id}{path}")).await.error(404), "Account not found");
            }
            assert_eq!(test.api.post(&format!("/accounts/{id}/scrape"), json!({})).await.error(404), "Account not found");
        }
        test.api.get("/nowhere").await.error(404);
        test.api.send(Method::PATCH, "/accounts", |request| request).await.error(405);
        for (query, expected) in [
            ("limit=x", "limit must be a whole number from 1 to 500"),
            ("limit=0", "limit must be a whole number from 1 to 500"),
            ("offset=-1", "offset must be a whole number, 0 or more"),
            ("include=everything", "include may hold pending and debits"),
        ] {
            let error = test.api.get(&format!("/accounts/{account}/movements?{query}")).await.error(400);
            assert_eq!(error, expected);
        }
        test.settle().await;
        test.finish().await;
    }

    async fn another_tenants_id_answers_like_a_missing_one(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        assert_eq!(other.get("/accounts").await.expect(200), json!([]));
        let (mine, missing) = (account.to_string(), Uuid::nil().to_string());
        for path in ["", "/config", "/movements", "/webhook-secret"] {
            let answers = [
                other.get(&format!("/accounts/{mine}{path}")).await,
                other.get(&format!("/accounts/{missing}{path}")).await,
            ];
            let [theirs, none] = answers.map(|answer| answer.expect(404));
            assert_eq!(theirs, none);
        }
        let config = test.config(GOOD_USER);
        other.put(&format!("/accounts/{mine}/config"), config).await.error(404);
        for action in ["scrape", "restart"] {
            other.post(&format!("/accounts/{mine}/{action}"), json!({})).await.error(404);
        }
        test.settle().await;
        test.finish().await;
    }

    async fn urls_that_must_not_be_called(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        for url in [
            "ftp://shop.example/hook",
            "not a url",
            "http://user:secret@shop.example/hook",
            "http://169.254.169.254/latest/meta-data",
            "http://[::ffff:10.0.0.1]/",
            "http://0x0a000001/",
        ] {
            let mut config = test.config(GOOD_USER);
            config["webhook_url"] = json!(url);
            let error = test.api.put(&format!("/accounts/{account}/config"), config).await.error(400);
            assert!(error.starts_with("webhook_url: "), "{url}: {error}");
        }
        test.settle().await;
        test.finish().await;
    }
}
