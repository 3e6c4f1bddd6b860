//! The shop's endpoint, well-behaved and not.

use chrono::TimeDelta;
use reconbanker::demo::world::Behaviour;
use reconbanker::domain::ids::AccountId;
use reconbanker::store::touched::Span;
use serde_json::json;

use crate::support::{Backend, GOOD_USER, TestApp, each_backend};

each_backend! {
    /// GET with a Bearer token, POST with an Api-Key and a body; both answer shapes.
    async fn both_methods_both_schemes_both_shapes(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let polls = test.world.polls();
        assert_eq!(polls.len(), 1, "the first poll follows the save");
        assert_eq!(polls[0].method, "GET");
        assert_eq!(polls[0].accept.as_deref(), Some("application/json"));
        assert_eq!(polls[0].authorization.as_deref(), Some("Bearer shop-token"));
        assert_eq!(orders(&test, account).await, ["ORDER-1"]);

        let mut config = test.config(GOOD_USER);
        config["polling_method"] = json!("POST");
        config["polling_body"] = json!({ "account": "main-uyu" });
        config["auth_type"] = json!("api_key");
        test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        test.world.set_shop_behaviour(Behaviour::DataObject);
        test.order("ORDER-2", "Ana López", "500.50");
        test.settle().await;
        let polls = test.world.polls();
        assert_eq!(polls.len(), 2);
        assert_eq!(polls[1].method, "POST");
        assert_eq!(polls[1].authorization.as_deref(), Some("Api-Key shop-token"));
        assert_eq!(polls[1].body, r#"{"account":"main-uyu"}"#);
        assert_eq!(orders(&test, account).await, ["ORDER-1", "ORDER-2"]);
        test.finish().await;
    }

    /// Whatever the endpoint does wrong is a named outcome; nothing known is lost, and it recovers.
    async fn a_misbehaving_shop_costs_nothing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let wrongs = [
            (Behaviour::Status(500), "status 500"),
            (Behaviour::Status(401), "status 401"),
            (Behaviour::Status(302), "status 302"),
            (Behaviour::NotJson, "not JSON"),
            (Behaviour::HugeBody, "8 MiB"),
            (Behaviour::RawBody("{\"orders\": []}".to_owned()), "array"),
        ];
        for (behaviour, expected) in wrongs {
            test.world.set_shop_behaviour(behaviour);
            test.advance(TimeDelta::minutes(11)).await;
            let detail = last_poll(&test, account).await;
            assert!(detail.contains(expected), "expected \"{expected}\" in: {detail}");
            assert_eq!(orders(&test, account).await, ["ORDER-1"]);
        }
        test.world.set_shop_behaviour(Behaviour::Normal);
        test.order("ORDER-2", "Ana López", "500.50");
        test.advance(TimeDelta::minutes(11)).await;
        assert_eq!(orders(&test, account).await, ["ORDER-1", "ORDER-2"]);
        test.finish().await;
    }

    /// One bad item is left out by name, and by its position as people count; its neighbours are registered.
    async fn a_bad_item_does_not_hide_the_others(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let answer = r#"[
            {"external_id": "GOOD-1", "amount": 10.50, "currency": "UYU", "name": "Ana"},
            {"external_id": "BAD-1", "amount": -3, "currency": "UYU", "name": "Ana"},
            {"external_id": "BAD-2", "amount": 3, "currency": "U", "name": "Ana"},
            {"external_id": "BAD-3", "currency": "UYU", "name": "Ana"},
            {"external_id": "BAD-4", "amount": 3, "currency": "PESOS", "name": "Ana"},
            {"external_id": "GOOD-2", "amount": "20.00", "currency": "uyu", "name": "Ana", "extra": [1]}
        ]"#;
        test.world.set_shop_behaviour(Behaviour::RawBody(answer.to_owned()));
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        assert_eq!(orders(&test, account).await, ["GOOD-1", "GOOD-2"]);
        let poll = test.last_poll(account).await;
        assert_eq!(poll["detail"], "4 item(s) were left out; see skipped");
        let reasons: Vec<_> =
            poll["skipped"].as_array().expect("a list").iter().map(|skipped| skipped["reason"].clone()).collect();
        assert_eq!(
            reasons,
            [
                "item 2 (\"BAD-1\"): amount \"-3\" is negative; give a positive amount",
                "item 3 (\"BAD-2\"): currency \"U\" is not a currency code such as UYU or USD",
                "item 4 (\"BAD-3\"): amount is missing",
                "item 5 (\"BAD-4\"): currency \"PESOS\" is not a code of three letters such as UYU or USD",
            ]
        );
        test.finish().await;
    }
}

/// The open orders' ids, in the order of registration.
async fn orders(test: &TestApp, account: AccountId) -> Vec<String> {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let cases = tx.open_cases(org, account, Span::EVERYTHING).await.expect("a query");
    let mut ids: Vec<_> = cases.into_iter().map(|case| case.order.external_id).collect();
    ids.sort();
    ids
}

/// The detail of the account's newest finished poll.
async fn last_poll(test: &TestApp, account: AccountId) -> String {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let run = tx.last_run(org, account, reconbanker::domain::run::RunKind::Poll).await.expect("a query");
    run.and_then(|run| run.detail).unwrap_or_default()
}
