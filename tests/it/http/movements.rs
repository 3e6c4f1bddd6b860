//! Movements as a client lists them, and asking for a scrape.

use std::sync::Arc;

use reconbanker::domain::ids::AccountId;
use reconbanker::scrape::Engine;
use serde_json::{Value, json};

use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, credit, each_backend};

async fn start(backend: Backend) -> (TestApp, Arc<FakeBank>, AccountId) {
    let bank = FakeBank::new();
    let mut test = TestApp::start_with(backend, Some(Arc::clone(&bank) as Arc<dyn Engine>)).await;
    let account = test.enrol(GOOD_USER, "reconcile").await;
    (test, bank, account)
}

/// The ids that a page lists.
async fn page(test: &TestApp, account: AccountId, query: &str) -> Vec<String> {
    let rows = test.api.get(&format!("/accounts/{account}/movements{query}")).await.expect(200);
    let ids = rows.as_array().expect("a bare array").iter().map(|row| row["id"].as_str().expect("an id").to_owned());
    ids.collect()
}

each_backend! {
    async fn a_movement_has_the_documented_fields(backend: Backend) {
        let (test, bank, account) = start(backend).await;
        bank.show(vec![credit("f1", "1500", "2026-11-20")]);
        test.scrape(account).await;
        let rows = test.api.get(&format!("/accounts/{account}/movements")).await.expect(200);
        assert!(rows[0]["id"].is_string() && rows[0]["external_id"].is_string(), "{rows}");
        let expected = json!([{
            "id": rows[0]["id"],
            "external_id": rows[0]["external_id"],
            "amount": "1500.00",
            "currency": "UYU",
            "sender_name": "JUAN PEREZ",
            "received_at": "2026-11-20T03:00:00Z",
            "notified_at": null,
            "excluded_at": null,
        }]);
        assert_eq!(rows, expected);
        test.finish().await;
    }

    /// A hundred by default, five hundred at most; every row is on one page.
    async fn pages_have_a_default_a_maximum_and_no_gaps(backend: Backend) {
        let (test, bank, account) = start(backend).await;
        let credits = (0..501).map(|number| credit(&format!("f{number}"), "1500.00", "2026-11-20"));
        bank.show(credits.collect());
        test.scrape(account).await;
        let first = page(&test, account, "").await;
        assert_eq!(first.len(), 100);
        let most = page(&test, account, "?limit=500").await;
        assert_eq!(most.len(), 500);
        assert_eq!(most[..100], first);
        assert_eq!(page(&test, account, "?limit=501").await, most);
        assert_eq!(page(&test, account, "?limit=9223372036854775807").await, most);
        assert_eq!(page(&test, account, "?limit=3&offset=98").await, most[98..101]);
        let rest = page(&test, account, "?offset=500").await;
        assert_eq!(rest.len(), 1);
        assert!(!most.contains(&rest[0]));
        assert_eq!(page(&test, account, "?offset=501").await, [""; 0]);
        test.finish().await;
    }

    /// Nothing but the id, and the same one while the run waits.
    async fn a_scrape_is_answered_with_its_job_id(backend: Backend) {
        let (test, _bank, account) = start(backend).await;
        let scrape = async || test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        let first = scrape().await;
        assert!(first["jobId"].is_string());
        assert_eq!(first.as_object().map(serde_json::Map::len), Some(1), "{first}");
        assert_eq!(scrape().await, first);
        test.settle().await;
        let next = scrape().await;
        assert_ne!(next, first);
        // A body is not asked for.
        let path = format!("/accounts/{account}/restart");
        let bare = test.api.send(reqwest::Method::POST, &path, |request| request).await.expect(202);
        assert_ne!(bare["jobId"], Value::Null);
        test.settle().await;
        test.finish().await;
    }
}
