//! Bad input gets a clear error that names the thing; none is a 500.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
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
        check(answer.error(400), "bankId: invalid type: integer, expected a string");
        let answer = raw(Method::POST, "/accounts", "text/plain", "hello".to_owned()).await;
        check(answer.error(400), "Content-Type: application/json");
        let answer = raw(Method::POST, "/accounts", json_kind, String::new()).await;
        check(answer.error(400), "not valid JSON");
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
            ("limit=x", "limit must be a whole number, 1 or more"),
            ("limit=0", "limit must be a whole number, 1 or more"),
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
