//! How often one may ask, and how an answer says so.

use reqwest::Method;
use serde_json::json;

use crate::support::{Backend, PASSWORD, TestApp, each_backend};

each_backend! {
    async fn every_answer_tells_what_is_left_and_the_last_one_when_to_come_back(backend: Backend) {
        let settings = [("server.requests_per_minute", "6"), ("server.trusted_proxies", "127.0.0.0/8")];
        let mut test = TestApp::start_set(backend, None, &settings).await;
        // These are counted for the address; the user's own six are untouched.
        test.api.sign_up("owner@shop.example").await;
        for remaining in (0..6).rev() {
            let answer = test.api.get("/me").await;
            assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=6;w=60");
            // Ten seconds for each request that was used.
            let expected = format!("\"default\";r={remaining};t={}", 10 * (6 - remaining));
            assert_eq!(answer.header("ratelimit"), expected);
            answer.expect(200);
        }
        let answer = test.api.get("/me").await;
        assert_eq!(answer.header("ratelimit"), "\"default\";r=0;t=60");
        let wait: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=11).contains(&wait), "{wait}");
        assert_eq!(answer.expect(429), json!({ "error": "Too many requests", "code": "rate_limited" }));

        // Whoever is not signed in is counted by address, errors too.
        let stranger = test.api.stranger().with_token("eyJhbGciOiJub25lIn0.e30.");
        let ask = async |path: &str| {
            stranger.send(Method::GET, path, |request| request.header("x-forwarded-for", "203.0.113.9")).await
        };
        let asked = [("/me", 401), ("/nowhere", 404), ("/openapi.json", 200), ("/docs", 200), ("/", 404), ("/me", 401)];
        for (path, status) in asked {
            let answer = ask(path).await;
            assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=6;w=60", "{path}");
            answer.expect(status);
        }
        ask("/me").await.expect(429);
        let for_machines = json!({ "error": { "code": "RATE_LIMITED", "message": "Too many requests" } });
        assert_eq!(ask("/v1/nowhere").await.expect(429), for_machines);
        // Probes are always answered.
        for path in ["/health", "/livez", "/readyz"] {
            ask(path).await.expect(200);
        }
        test.finish().await;
    }

    /// Signing in and registering are counted apart, and a refusal speaks of the limit that it comes from.
    async fn signing_in_and_registering_have_stricter_limits_of_their_own(backend: Backend) {
        let mut test = TestApp::start_set(backend, None, &[("server.login_attempts_per_minute", "2")]).await;
        test.api.sign_up("owner@shop.example").await;
        for (path, limit) in [("/auth/login", "log-in"), ("/auth/register", "registration")] {
            // Signing up was one attempt of each.
            let who = json!({ "email": "other@shop.example", "password": PASSWORD });
            let answer = test.api.post(path, who.clone()).await;
            assert!(answer.header("ratelimit-policy").starts_with("\"default\";"), "{path}");
            assert_ne!(answer.status, 429, "{path}");
            let answer = test.api.post(path, who).await;
            assert_eq!(answer.header("ratelimit-policy"), format!("\"{limit}\";q=2;w=60"));
            assert_eq!(answer.header("ratelimit"), format!("\"{limit}\";r=0;t=60"));
            let wait: u64 = answer.header("retry-after").parse().expect("seconds");
            assert!((1..=31).contains(&wait), "{wait}");
            assert_eq!(answer.error(429), "Too many requests");
        }
        test.api.get("/me").await.expect(200);
        test.finish().await;
    }

    /// Under /v1 the limit of all requests speaks as the rest does.
    async fn machines_are_refused_in_their_own_words(backend: Backend) {
        let settings = [("server.requests_per_minute", "1"), ("server.trusted_proxies", "127.0.0.0/8")];
        let test = TestApp::start_set(backend, None, &settings).await;
        let ask = async || {
            let path = "/v1/accounts/nonsense/status";
            test.api.send(Method::GET, path, |request| request.header("x-forwarded-for", "203.0.113.9")).await
        };
        ask().await.expect(401);
        let answer = ask().await;
        assert_eq!(answer.header("ratelimit"), "\"default\";r=0;t=60");
        let refused = json!({ "error": { "code": "RATE_LIMITED", "message": "Too many requests" } });
        assert_eq!(answer.expect(429), refused);
        test.finish().await;
    }
}
