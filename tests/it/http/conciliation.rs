//! Results, literally: what is listed, what one request says, and asking for a match or a poll.

use chrono::TimeDelta;
use reconbanker::domain::case::CaseStatus;
use reconbanker::domain::ids::{AccountId, MovementId, RunId};
use reconbanker::store::movements::Ingest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Backend, GOOD_USER, Statement, TestApp, credit, each_backend, id};

const UNKNOWN: [&str; 2] = ["nonsense", "00000000-0000-0000-0000-000000000000"];

each_backend! {
    async fn requests_are_listed_newest_first(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500");
        test.settle().await;
        test.clock.advance(TimeDelta::seconds(1));
        test.order("ORDER-2", "Ana López", "500.50");
        let queued = test.api.post(&format!("/conciliation/poll/{account}"), json!({})).await.expect(202);
        assert_eq!(queued, json!({ "queued": true }));
        test.settle().await;

        let list = test.api.get("/conciliation").await.expect(200);
        let item = |row: &Value, external_id: &str, amount: &str, name: &str, created_at: &str| {
            let expected = json!({
                "id": row["id"], "account_id": account, "external_id": external_id, "status": "not_found",
                "amount": amount, "currency": "UYU", "sender_name": name, "created_at": created_at,
                "bank": "demo-tabla", "account_name": "Operating account"
            });
            assert_eq!(*row, expected);
        };
        assert_eq!(list.as_array().map(Vec::len), Some(2));
        item(&list[0], "ORDER-2", "500.50", "Ana López", "2026-11-20T13:00:01Z");
        item(&list[1], "ORDER-1", "1500.00", "Juan Pérez", "2026-11-20T13:00:00Z");

        let ids = async |query: &str| -> Vec<Value> {
            let list = test.api.get(&format!("/conciliation?{query}")).await.expect(200);
            list.as_array().expect("a list").iter().map(|row| row["external_id"].clone()).collect()
        };
        assert_eq!(ids("limit=1").await, ["ORDER-2"]);
        assert_eq!(ids("limit=1&offset=1").await, ["ORDER-1"]);
        assert_eq!(ids("limit=9999&offset=2").await, Vec::<Value>::new());
        assert_eq!(ids("status=not_found").await, ["ORDER-2", "ORDER-1"]);
        assert_eq!(ids("status=").await, ["ORDER-2", "ORDER-1"]);
        assert_eq!(ids("status=matched").await, Vec::<Value>::new());
        for (query, expected) in [
            ("limit=0", "limit must be a whole number from 1 to 500"),
            ("offset=x", "offset must be a whole number, 0 or more"),
            (
                "status=open",
                "status must be one of pending, matched, not_found, ambiguous, expired, cancelled, failed",
            ),
        ] {
            assert_eq!(test.api.get(&format!("/conciliation?{query}")).await.error(400), expected);
        }
        test.finish().await;
    }

    async fn one_request_tells_its_attempts_its_match_and_what_was_weighed(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let listed = test.api.get("/conciliation").await.expect(200)[0].clone();
        let path = format!("/conciliation/{}", listed["id"].as_str().expect("an id"));
        let open = test.api.get(&path).await.expect(200);
        let mut expected = listed.clone();
        expected["attempts"] = json!([{
            "id": open["attempts"][0]["id"], "request_id": listed["id"], "attempt_number": 1,
            "result": "not_found", "reason": "no_amount_match", "created_at": "2026-11-20T13:00:00Z"
        }]);
        expected["match"] = Value::Null;
        expected["candidates"] = json!([]);
        assert_eq!(open, expected);

        test.clock.advance(TimeDelta::seconds(1));
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.scrape(account).await;
        let movement = test.api.get(&format!("/accounts/{account}/movements")).await.expect(200)[0].clone();
        let matched = test.api.get(&path).await.expect(200);
        assert_eq!(matched["status"], "matched");
        assert_eq!(matched["attempts"][0], open["attempts"][0]);
        assert_eq!(
            matched["attempts"][1],
            json!({
                "id": matched["attempts"][1]["id"], "request_id": listed["id"], "attempt_number": 2,
                "result": "matched", "reason": null, "created_at": "2026-11-20T13:00:01Z"
            })
        );
        assert_eq!(
            matched["match"],
            json!({
                "id": matched["match"]["id"], "request_id": listed["id"], "bank_transaction_id": movement["id"],
                "is_primary": true, "amount": "1500.00", "currency": "UYU", "sender_name": "JUAN PEREZ",
                "received_at": "2026-11-20T03:00:00Z"
            })
        );
        // The names are equal but for case and accents.
        let candidate = json!({
            "bank_transaction_id": movement["id"], "amount": "1500.00", "currency": "UYU",
            "sender_name": "JUAN PEREZ", "received_at": "2026-11-20T03:00:00Z", "score": 1000
        });
        assert_eq!(matched["candidates"], json!([candidate]));
        assert_eq!(test.api.get("/conciliation?status=matched").await.expect(200)[0]["id"], listed["id"]);
        test.finish().await;
    }

    async fn a_match_on_demand_sees_what_nobody_announced(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        put_into_ledger(&test, account).await;
        let request = test.api.get("/conciliation").await.expect(200)[0]["id"].clone();
        let path = format!("/conciliation/{}", request.as_str().expect("an id"));
        let queued = test.api.post(&format!("{path}/run"), json!({})).await.expect(202);
        assert_eq!(queued, json!({ "queued": true }));
        test.settle().await;
        assert_eq!(test.api.get(&path).await.expect(200)["status"], "matched");
        assert_eq!(test.world.received().len(), 1);

        // Decided is decided: accepted, without effect.
        test.api.post(&format!("{path}/run"), json!({})).await.expect(202);
        test.settle().await;
        let attempts = test.api.get(&path).await.expect(200)["attempts"].as_array().map(Vec::len);
        assert_eq!((attempts, test.world.received().len()), (Some(2), 1));
        test.finish().await;
    }

    async fn unknown_and_foreign_requests_are_not_found(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let request = test.api.get("/conciliation").await.expect(200)[0]["id"].clone();
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        assert_eq!(other.get("/conciliation").await.expect(200), json!([]));
        let theirs = request.as_str().expect("an id");
        for (api, id) in [(&test.api, UNKNOWN[0]), (&test.api, UNKNOWN[1]), (&other, theirs)] {
            assert_eq!(api.get(&format!("/conciliation/{id}")).await.error(404), "Not found");
            for action in ["run", "notify"] {
                assert_eq!(api.post(&format!("/conciliation/{id}/{action}"), json!({})).await.error(404), "Not found");
            }
        }
        let account = account.to_string();
        for (api, id) in [(&test.api, UNKNOWN[0]), (&test.api, UNKNOWN[1]), (&other, account.as_str())] {
            assert_eq!(api.post(&format!("/conciliation/poll/{id}"), json!({})).await.error(404), "Account not found");
        }
        test.api.stranger().get("/conciliation").await.error(401);
        test.finish().await;
    }

    async fn a_poll_needs_an_endpoint_and_the_reconcile_mode(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        test.api.sign_up("owner@shop.example").await;
        let account = test.api.create_account("Operating account").await;
        let poll = format!("/conciliation/poll/{account}");
        let error = test.api.post(&poll, json!({})).await.error(400);
        assert_eq!(error, "the account has no pending_orders_endpoint; save one in its settings first");
        let webhook_only = json!({ "webhook_url": test.config(GOOD_USER)["webhook_url"] });
        test.api.put(&format!("/accounts/{account}/config"), webhook_only).await.expect(200);
        test.api.post(&poll, json!({})).await.error(400);

        test.api.put(&format!("/accounts/{account}/config"), test.config(GOOD_USER)).await.expect(200);
        test.settle().await;
        let before = test.world.polls().len();
        test.api.post(&poll, json!({})).await.expect(202);
        test.api.post(&poll, json!({})).await.expect(202);
        test.settle().await;
        assert_eq!(test.world.polls().len(), before + 1, "a poll that waits already is the one that is meant");

        test.api.put("/me/operation-mode", json!({ "mode": "passthrough" })).await.expect(200);
        let error = test.api.post(&poll, json!({})).await.error(400);
        assert_eq!(error, "the operation mode is passthrough: nothing is polled");
        test.finish().await;
    }

    async fn only_what_was_decided_can_be_told(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let request = test.api.get("/conciliation").await.expect(200)[0]["id"].clone();
        let path = format!("/conciliation/{}/notify", request.as_str().expect("an id"));
        let error = test.api.post(&path, json!({})).await.error(400);
        assert_eq!(error, "the request is not_found; only matched, ambiguous and expired requests have a webhook");

        // Expired without a word, because the account does not ask for it: a person may ask.
        decide(&test, &request, CaseStatus::Expired).await;
        test.api.post(&path, json!({})).await.expect(202);
        test.settle().await;
        test.api.post(&path, json!({})).await.expect(202);
        test.settle().await;
        let received = test.world.received();
        assert_eq!(received.len(), 2);
        assert_eq!(received[0].verified, Ok(()));
        assert_eq!(
            received[0].raw,
            r#"{"external_id":"ORDER-1","status":"expired","amount":1500.00,"currency":"UYU","name":"Juan Pérez"}"#
        );
        assert_eq!((&received[1].webhook_id, &received[1].raw), (&received[0].webhook_id, &received[0].raw));
        test.finish().await;
    }
}

/// Adds a movement that pays ORDER-1, without the wake-up that a scrape would write beside it.
async fn put_into_ledger(test: &TestApp, account: AccountId) {
    let runs = test.api.get(&format!("/accounts/{account}/runs")).await.expect(200);
    let run: Uuid = runs[0]["id"].as_str().expect("an id").parse().expect("a UUID");
    let ingest = Ingest {
        org: test.org().await,
        account,
        run: RunId(run),
        enrolled_on: test.world.today(),
        now: test.app.deps.now(),
    };
    let mut tx = test.app.deps.store.write().await.expect("a transaction");
    tx.insert_movement(&ingest, MovementId(id()), &credit("f1", "1500.00", "2026-11-20")).await.expect("a movement");
    tx.commit().await.expect("a commit");
}

async fn decide(test: &TestApp, request: &Value, status: CaseStatus) {
    let org = test.org().await;
    let id = request.as_str().expect("an id").parse().expect("a UUID");
    let mut tx = test.app.deps.store.write().await.expect("a transaction");
    assert!(tx.decide_case(org, id, status, test.app.deps.now()).await.expect("an answer"));
    tx.commit().await.expect("a commit");
}
