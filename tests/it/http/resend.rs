//! A webhook on demand: the same one again, or the first where none was sent.

use chrono::TimeDelta;
use reconbanker::demo::world::{Received, ReceiverBehaviour};
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::movement::CreditDebit;
use serde_json::{Value, json};

use crate::support::{Backend, GOOD_USER, Statement, TestApp, credit, each_backend};

each_backend! {
    async fn a_decided_request_is_told_again_under_the_same_id(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.settle().await;
        test.scrape(account).await;
        assert_eq!(test.world.received().len(), 1);
        let request = test.api.get("/conciliation").await.expect(200)[0]["id"].clone();
        let notify = format!("/conciliation/{}/notify", request.as_str().expect("an id"));

        // New settings do not touch what was frozen.
        let mut config = test.config(GOOD_USER);
        config["webhook_extra_fields"] = json!({ "tenant": "acme" });
        test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        assert_eq!(test.api.post(&notify, json!({})).await.expect(202), json!({ "queued": true }));
        test.settle().await;
        assert_eq!(test.world.received().len(), 2);

        // A retry that waits is made at once; its attempts go on.
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        for _ in 0..2 {
            test.api.post(&notify, json!({})).await.expect(202);
            test.settle().await;
        }
        let (state, attempts) = newest_delivery(&test, account).await;
        assert_eq!((state.as_str(), attempts), ("pending", 2));
        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        test.api.post(&notify, json!({})).await.expect(202);
        test.settle().await;
        let (state, attempts) = newest_delivery(&test, account).await;
        assert_eq!((state.as_str(), attempts), ("delivered", 3));

        let received = test.world.received();
        assert_eq!(received.len(), 5);
        assert!(received.iter().all(|webhook| same(webhook, &received[0])), "{received:?}");
        assert!(received.iter().all(|webhook| webhook.verified == Ok(())));
        test.finish().await;
    }

    async fn a_movement_is_told_again_and_baseline_for_the_first_time(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        bank.add(credit("new", "1500.00", "2026-11-20"));
        bank.add(credit("baseline", "20.00", "2026-11-19"));
        let mut debit = credit("debit", "7.00", "2026-11-18");
        debit.direction = CreditDebit::Debit;
        bank.add(debit);
        test.settle().await;
        test.scrape(account).await;
        assert_eq!(test.world.received().len(), 1);
        let movements = format!("/accounts/{account}/movements");
        let rows = test.api.get(&format!("{movements}?include=debits")).await.expect(200);
        let [new, baseline, debit] = [0_usize, 1, 2].map(|row| rows[row]["id"].as_str().expect("an id").to_owned());
        let notify = async |movement: &str| {
            let answer = test.api.post(&format!("{movements}/{movement}/notify"), json!({})).await;
            test.settle().await;
            answer
        };

        assert_eq!(notify(&new).await.expect(202), json!({ "queued": true }));
        assert_eq!(rows[1]["notified_at"], Value::Null);
        notify(&baseline).await.expect(202);
        notify(&baseline).await.expect(202);
        let received = test.world.received();
        assert_eq!(received.len(), 4);
        assert!(same(&received[1], &received[0]), "{received:?}");
        assert_eq!(received[2].verified, Ok(()));
        assert_eq!(received[2].body["id"], json!(baseline));
        assert!(same(&received[3], &received[2]), "{received:?}");
        let rows = test.api.get(&movements).await.expect(200);
        assert_eq!(rows[1]["notified_at"], "2026-11-20T13:00:00Z");

        let error = notify(&debit).await.error(400);
        assert_eq!(error, "the movement is no booked credit; only booked credits are forwarded");
        test.api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        let error = notify(&new).await.error(400);
        assert!(error.starts_with("movements are forwarded in passthrough mode only"), "{error}");
        assert_eq!(test.world.received().len(), 4);
        test.finish().await;
    }

    /// As long as no receiver said yes, nobody was told; and what is on its way is not taken again.
    async fn a_movement_counts_as_notified_once_its_webhook_arrived(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.world.set_receiver_behaviour(ReceiverBehaviour::Status(503));
        test.scrape(account).await;
        let movements = format!("/accounts/{account}/movements");
        let notified_at = async || test.api.get(&movements).await.expect(200)[0]["notified_at"].take();
        let later = async |seconds: i64| {
            test.clock.advance(TimeDelta::seconds(seconds));
            test.settle().await;
        };
        assert_eq!((test.world.received().len(), notified_at().await), (1, Value::Null));
        test.scrape(account).await;
        assert_eq!((test.world.received().len(), notified_at().await), (1, Value::Null));
        // The retries are due after 5 s and 10 s, give or take a fifth.
        later(7).await;
        assert_eq!((test.world.received().len(), notified_at().await), (2, Value::Null));
        test.world.set_receiver_behaviour(ReceiverBehaviour::Ok);
        later(13).await;
        assert_eq!(notified_at().await, "2026-11-20T13:00:20Z");
        let received = test.world.received();
        assert_eq!(received.len(), 3);
        assert!(received.iter().all(|webhook| same(webhook, &received[0])), "{received:?}");

        // The first time stands.
        later(60).await;
        let id = test.api.get(&movements).await.expect(200)[0]["id"].take();
        let notify = format!("{movements}/{}/notify", id.as_str().expect("an id"));
        test.api.post(&notify, json!({})).await.expect(202);
        test.settle().await;
        assert_eq!((test.world.received().len(), notified_at().await), (4, json!("2026-11-20T13:00:20Z")));
        test.finish().await;
    }

    async fn silence_is_broken_on_request_only(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let mut config = test.config(GOOD_USER);
        config["silent_ingestion"] = json!(true);
        test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.scrape(account).await;
        let movements = format!("/accounts/{account}/movements");
        let row = test.api.get(&movements).await.expect(200)[0].clone();
        assert_eq!((&row["notified_at"], test.world.received().len()), (&json!("2026-11-20T13:00:00Z"), 0));
        let id = row["id"].as_str().expect("an id");
        test.api.post(&format!("{movements}/{id}/notify"), json!({})).await.expect(202);
        test.settle().await;
        assert_eq!(test.world.received().len(), 1);
        test.finish().await;
    }

    async fn a_movement_of_another_account_is_not_found(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        test.scrape(account).await;
        let row = test.api.get(&format!("/accounts/{account}/movements")).await.expect(200)[0]["id"].clone();
        let movement = row.as_str().expect("an id");
        let second = test.api.create_account("Second account").await;
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        let notify = |account: AccountId, movement: &str| format!("/accounts/{account}/movements/{movement}/notify");
        for path in [
            notify(second, movement),
            notify(account, "nonsense"),
            notify(account, "00000000-0000-0000-0000-000000000000"),
        ] {
            let error = test.api.post(&path, json!({})).await.error(404);
            assert_eq!(error, "Movement not found for this account");
        }
        let error = other.post(&notify(account, movement), json!({})).await.error(404);
        assert_eq!(error, "Account not found");
        test.finish().await;
    }
}

/// Whether two webhooks carry the same id and the same bytes.
fn same(one: &Received, other: &Received) -> bool {
    (&one.webhook_id, &one.raw) == (&other.webhook_id, &other.raw)
}

/// State and attempts of the account's newest webhook.
async fn newest_delivery(test: &TestApp, account: AccountId) -> (String, i64) {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let deliveries = tx.deliveries(org, account, 10).await.expect("the outbox");
    assert_eq!(deliveries.len(), 1, "asking again makes no second one");
    (deliveries[0].state.clone(), deliveries[0].attempts)
}
