//! A match that ends in a technical error: nobody else suffers from it, and it is tried again, but not for ever.

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::matching::{self, Decision, Input, Policy};
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, each_backend};

/// The real matcher, with a fault that one name brings out.
fn faulty(policy: &Policy, input: &Input) -> Vec<Decision> {
    assert!(input.orders.iter().all(|order| order.name != "Nadie Puede"), "this name cannot be read");
    matching::decide(policy, input)
}

async fn start(backend: Backend, retry_limit: i64) -> (TestApp, AccountId) {
    let mut test = TestApp::start_with_matcher(backend, faulty).await;
    let account = test.enrol_without_bank(&json!({ "retry_limit": retry_limit })).await;
    test.order("ORDER-1", "Juan Pérez", "1500.00");
    test.order("ORDER-2", "Nadie Puede", "77.00");
    test.settle().await;
    (test, account)
}

async fn request(test: &TestApp, external_id: &str) -> Value {
    let list = test.api.get("/conciliation").await.expect(200);
    let found = list.as_array().expect("a list").iter().find(|request| request["external_id"] == external_id);
    let id = found.expect("the request")["id"].as_str().expect("an id").to_owned();
    test.api.get(&format!("/conciliation/{id}")).await.expect(200)
}

/// Status, and how each attempt ended.
async fn standing(test: &TestApp, external_id: &str) -> (String, Vec<String>) {
    let request = request(test, external_id).await;
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let attempts = request["attempts"].as_array().expect("a list").iter();
    (word(&request["status"]), attempts.map(|attempt| word(&attempt["result"])).collect())
}

each_backend! {
    async fn a_technical_error_is_tried_again_retry_limit_times(backend: Backend) {
        let (test, account) = start(backend, 3).await;
        assert_eq!(standing(&test, "ORDER-2").await, ("pending".to_owned(), vec!["failed".to_owned()]));
        let request = request(&test, "ORDER-2").await;
        assert_eq!(request["attempts"][0]["reason"], "technical_error");

        // The other order is matched meanwhile, as if nothing were wrong.
        test.book(account, "f1", "1500.00", "2026-11-20").await;
        assert_eq!(standing(&test, "ORDER-1").await.0, "matched");

        // Which was no repetition. Those come one, two and four minutes after each other, then it is given up.
        let mut attempts = Vec::new();
        for _ in 0..10 {
            attempts.push(standing(&test, "ORDER-2").await.1.len());
            test.clock.advance(TimeDelta::minutes(1));
            test.settle().await;
        }
        assert_eq!(attempts, [1, 2, 2, 3, 3, 3, 3, 4, 4, 4]);
        let failed = vec!["failed".to_owned(); 4];
        assert_eq!(standing(&test, "ORDER-2").await, ("failed".to_owned(), failed));
        let told: Vec<_> = test.world.received().iter().map(|webhook| webhook.body["external_id"].clone()).collect();
        assert_eq!(told, [json!("ORDER-1")]);
        assert_eq!(test.events("case.failed").await, 1);
        test.finish().await;
    }

    async fn without_repetitions_the_first_error_is_the_last(backend: Backend) {
        let (test, _) = start(backend, 0).await;
        assert_eq!(standing(&test, "ORDER-2").await, ("failed".to_owned(), vec!["failed".to_owned()]));
        test.finish().await;
    }

    /// Only errors count: an order for which nothing came stays open for its five days.
    async fn finding_nothing_uses_no_repetition_up(backend: Backend) {
        let (test, account) = start(backend, 0).await;
        let id = request(&test, "ORDER-1").await["id"].as_str().expect("an id").to_owned();
        for number in 0..5 {
            test.api.post(&format!("/conciliation/{id}/run"), json!({})).await.expect(202);
            test.settle().await;
            assert_eq!(standing(&test, "ORDER-1").await.0, "not_found", "look {number}");
        }
        test.book(account, "f1", "1500.00", "2026-11-20").await;
        assert_eq!(standing(&test, "ORDER-1").await.0, "matched");
        test.finish().await;
    }
}
