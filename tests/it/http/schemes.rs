//! How a request says who it is from, and how a refusal says what it lacks.

use reqwest::Method;
use serde_json::json;

use crate::support::{Backend, PASSWORD, TestApp, each_backend};

const AUTHORIZATION: &str = "authorization";

each_backend! {
    async fn schemes_are_compared_without_case(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.api.sign_up("owner@shop.example").await;
        let account = test.api.create_account("Operating account").await;
        let login = json!({ "email": "owner@shop.example", "password": PASSWORD });
        let token = test.api.post("/auth/login", login).await.expect(200)["token"].take();
        let wanted = json!({ "name": "relay", "scopes": ["status:read"] });
        let key = test.api.post("/me/api-keys", wanted).await.expect(201)["key"].take();
        let stranger = test.api.stranger();
        let ask = async |path: &str, authorization: String| {
            stranger.send(Method::GET, path, |request| request.header(AUTHORIZATION, authorization)).await
        };
        let (token, key) = (token.as_str().expect("a token"), key.as_str().expect("a key"));
        for scheme in ["Bearer", "bearer", "BEARER"] {
            ask("/me", format!("{scheme} {token}")).await.expect(200);
        }
        let status = format!("/v1/accounts/{account}/status");
        for scheme in ["Api-Key", "api-key", "API-KEY"] {
            ask(&status, format!("{scheme} {key}")).await.expect(200);
        }
        assert_eq!(ask("/me", format!("bearer{token}")).await.error(401), "Invalid token");
        assert_eq!(ask("/me", format!("Api-Key {key}")).await.error(401), "Invalid token");
        test.finish().await;
    }

    async fn every_401_names_the_scheme_to_come_with(backend: Backend) {
        let test = TestApp::start(backend).await;
        let status = "/v1/accounts/00000000-0000-0000-0000-000000000000/status";
        for (path, expected) in [("/accounts", "Bearer"), (status, "Api-Key")] {
            for authorization in [None, Some("Bearer nonsense"), Some("Api-Key nonsense"), Some("Basic b3duZXI6eA==")] {
                let answer = test
                    .api
                    .send(Method::GET, path, |request| match authorization {
                        Some(text) => request.header(AUTHORIZATION, text),
                        None => request,
                    })
                    .await;
                assert_eq!(answer.header("www-authenticate"), expected, "{path} {authorization:?}");
                answer.expect(401);
            }
        }
        let wrong = json!({ "email": "nobody@shop.example", "password": PASSWORD });
        let answer = test.api.post("/auth/login", wrong).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        answer.expect(401);
        assert_eq!(test.api.get("/nowhere").await.header("www-authenticate"), "", "no other refusal has it");
        test.finish().await;
    }
}
