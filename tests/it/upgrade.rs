//! A database of each earlier release is brought up to date, and the work in it goes on. `schemas/` says how they were
//! made.

mod every;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Backend, Database, FakeBank, GOOD_USER, TestApp, each_backend};

/// When the saved databases were left, a little later: six days after the tests' usual morning.
const LATER: TimeDelta = TimeDelta::hours(6 * 24 + 2);

fn by<'a>(list: &'a Value, key: &str, value: &str) -> BTreeMap<&'a str, &'a str> {
    let rows = list.as_array().expect("a list").iter();
    rows.map(|row| (row[key].as_str().expect("a text"), row[value].as_str().expect("a text"))).collect()
}

each_backend! {
    async fn the_first_schema_is_brought_up_to_date_and_its_work_goes_on(backend: Backend) {
        let mut test = TestApp::start_from(backend, "0001", FakeBank::new()).await;
        test.clock.advance(LATER);
        test.api.sign_in("owner@shop.example").await;

        let requests = test.api.get("/conciliation").await.expect(200);
        let expected = [
            ("ORDER-1", "matched"),
            ("ORDER-2", "ambiguous"),
            ("ORDER-3", "matched"),
            ("ORDER-4", "cancelled"),
            ("ORDER-OLD", "expired"),
        ];
        assert_eq!(by(&requests, "external_id", "status"), BTreeMap::from(expected));
        let accounts = test.api.get("/accounts").await.expect(200);
        let names: Vec<_> = accounts.as_array().expect("a list").iter().map(|account| &account["name"]).collect();
        assert_eq!(names, ["Operating account", "Second account"]);
        assert_eq!(accounts[0]["scrapeBlockedAt"], json!(null));
        assert!(accounts[1]["scrapeBlockedAt"].is_string(), "a block survives");
        let account = accounts[0]["id"].as_str().expect("an id");
        let movements = test.api.get(&format!("/accounts/{account}/movements")).await.expect(200);
        assert_eq!(movements.as_array().expect("a list").len(), 5);

        // Secrets still open: what was told to nobody yet is signed and told, under the id that it had.
        let secret = test.api.get(&format!("/accounts/{account}/webhook-secret")).await.expect(200);
        test.world.set_webhook_secret(secret["secret"].as_str().map(str::to_owned));
        let mut config = test.config(GOOD_USER);
        config["webhook_extra_fields"] = json!({ "tenant": "acme" });
        test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        let id = account.parse().expect("a UUID");
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let deliveries = tx.deliveries(org, id, 20).await.expect("the outbox");
        drop(tx);
        let waiting: Vec<_> = deliveries.iter().filter(|delivery| delivery.state == "pending").collect();
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        test.advance(TimeDelta::hours(1)).await;
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!((received[0].webhook_id.clone(), &received[0].verified), (waiting[0].event_id.to_string(), &Ok(())));
        assert_eq!(received[0].body["external_id"], "ORDER-3");
        test.finish().await;
    }

    /// What was added since is there as in a database that was made today.
    async fn an_upgraded_schema_is_the_same_as_a_new_one(backend: Backend) {
        let fresh = Database::create(backend).await;
        fresh.store().await.close().await;
        let test = TestApp::start_from(backend, "0001", FakeBank::new()).await;
        assert_eq!(test.schema().await, fresh.schema().await);
        test.finish().await;
        fresh.remove().await;
    }
}
