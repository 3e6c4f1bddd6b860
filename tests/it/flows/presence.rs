//! What leaves the shop's list, comes back to it, or changes on it.

use chrono::TimeDelta;
use reconbanker::demo::world::Behaviour;
use reconbanker::domain::ids::AccountId;
use serde_json::{Value, json};

use crate::support::{Backend, Endpoint, Reply, TestApp, each_backend, http};

async fn status(test: &TestApp, account: AccountId, external_id: &str) -> &'static str {
    test.orders(account).await[external_id].status.word()
}

each_backend! {
    /// Cancelled by the second good poll without it; a bad poll in between counts for nothing.
    async fn a_vanished_order_is_cancelled_by_the_second_good_poll(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("GONE", "Juan Pérez", "1500.00");
        test.settle().await;
        assert_eq!(test.last_poll(account).await["new"], 2);

        test.world.remove_order("GONE");
        let poll = test.next_poll(account).await;
        assert_eq!((&poll["listed"], &poll["cancelled"]), (&json!(1), &json!(0)));
        assert_eq!(status(&test, account, "GONE").await, "not_found");

        for behaviour in [Behaviour::Status(500), Behaviour::NotJson] {
            test.world.set_shop_behaviour(behaviour);
            assert_eq!(test.next_poll(account).await["outcome"], "endpoint_failed");
            assert_eq!(status(&test, account, "GONE").await, "not_found");
        }
        test.world.set_shop_behaviour(Behaviour::Normal);
        let poll = test.next_poll(account).await;
        assert_eq!((&poll["outcome"], &poll["cancelled"]), (&json!("ok"), &json!(1)));
        assert_eq!(status(&test, account, "GONE").await, "cancelled");
        assert_eq!(status(&test, account, "KEEP").await, "not_found");
        assert_eq!(test.events("order.cancelled").await, 1);

        // Once is enough, and nobody is told: the shop took it off the list itself.
        assert_eq!(test.next_poll(account).await["cancelled"], 0);
        assert_eq!(test.world.received().len(), 0);
        test.finish().await;
    }

    /// Two polls within ten minutes are one moment: a list that is being rebuilt.
    async fn two_polls_in_quick_succession_cancel_nothing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("GONE", "Juan Pérez", "1500.00");
        test.settle().await;
        test.world.remove_order("GONE");
        for _ in 0..3 {
            // Each save polls at once.
            test.clock.advance(TimeDelta::minutes(3));
            test.save_without_bank(account, &json!({})).await;
            test.settle().await;
        }
        assert_eq!(test.orders(account).await["GONE"].absent_polls, 3);
        assert_eq!(status(&test, account, "GONE").await, "not_found");
        test.clock.advance(TimeDelta::minutes(4));
        test.save_without_bank(account, &json!({})).await;
        test.settle().await;
        assert_eq!(status(&test, account, "GONE").await, "cancelled");
        test.finish().await;
    }

    /// An empty list once is forgotten; an empty list for an hour is believed.
    async fn an_empty_answer_cancels_nothing_before_an_hour(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.world.set_shop_behaviour(Behaviour::RawBody("[]".to_owned()));
        assert_eq!(test.next_poll(account).await["listed"], 0);
        assert_eq!(test.orders(account).await["ORDER-1"].absent_polls, 1);
        test.world.set_shop_behaviour(Behaviour::Normal);
        test.next_poll(account).await;
        assert_eq!(test.orders(account).await["ORDER-1"].absent_polls, 0);

        test.world.set_shop_behaviour(Behaviour::RawBody(r#"{"data": []}"#.to_owned()));
        for _ in 0..6 {
            assert_eq!(test.next_poll(account).await["cancelled"], 0);
        }
        assert_eq!(status(&test, account, "ORDER-1").await, "not_found");
        assert_eq!(test.next_poll(account).await["cancelled"], 1, "the seventh poll is an hour after the first");
        assert_eq!(status(&test, account, "ORDER-1").await, "cancelled");
        test.finish().await;
    }

    /// An answer that lacks most of many orders looks like a page of a longer list.
    async fn half_a_list_is_doubted(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        let ids: Vec<_> = (0..24).map(|index| format!("O-{index:02}")).collect();
        for id in &ids {
            test.order(id, "Juan Pérez", "10.00");
        }
        test.settle().await;
        for id in &ids[..13] {
            test.world.remove_order(id);
        }
        for _ in 0..3 {
            assert_eq!(test.next_poll(account).await["cancelled"], 0);
        }
        // Twelve of 24 are not more than half: what has been missing for so long is gone.
        test.order("O-12", "Juan Pérez", "10.00");
        assert_eq!(test.next_poll(account).await["cancelled"], 12);
        assert_eq!(status(&test, account, "O-11").await, "cancelled");
        assert_eq!(status(&test, account, "O-12").await, "not_found");
        test.finish().await;
    }

    /// An answer with an item that has no id may well list what seems to be missing.
    async fn an_answer_with_an_unreadable_id_cancels_nothing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("GONE", "Juan Pérez", "1500.00");
        test.settle().await;
        let answer = r#"[{"external_id":"KEEP","amount":500.50,"currency":"UYU","name":"Ana López"}, {"id":"GONE"}]"#;
        test.world.set_shop_behaviour(Behaviour::RawBody(answer.to_owned()));
        for _ in 0..9 {
            let poll = test.next_poll(account).await;
            assert_eq!((&poll["cancelled"], &poll["skipped_count"]), (&json!(0), &json!(1)));
            let skipped = json!({
                "index": 1, "external_id": null, "reason": "item 2: external_id is missing"
            });
            assert_eq!(poll["skipped"], json!([skipped]));
        }
        assert_eq!(test.orders(account).await["GONE"].absent_polls, 0);
        test.finish().await;
    }

    /// Back on the list, an order is registered anew and looked at again.
    async fn a_cancelled_order_that_comes_back_is_reopened_and_matches(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("BACK", "Juan Pérez", "1500.00");
        test.settle().await;
        test.world.remove_order("BACK");
        test.next_poll(account).await;
        test.next_poll(account).await;
        assert_eq!(status(&test, account, "BACK").await, "cancelled");
        // Nobody waits for this one yet.
        test.book(account, "f1", "1500.00", "2026-11-20").await;
        assert_eq!(status(&test, account, "BACK").await, "cancelled");

        test.order("BACK", "Juan Pérez", "1500.00");
        let poll = test.next_poll(account).await;
        assert_eq!((&poll["new"], &poll["reopened"]), (&json!(0), &json!(1)));
        assert_eq!(test.events("order.reopened").await, 1);
        assert_eq!(status(&test, account, "BACK").await, "matched");
        let order = test.orders(account).await["BACK"].clone();
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let registered = tx.expected_payment(org, order.id).await.expect("a query").expect("the order").registered_at;
        drop(tx);
        assert_eq!(registered, test.app.deps.now());
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!((received[0].verified.clone(), &received[0].body["external_id"]), (Ok(()), &json!("BACK")));
        test.finish().await;
    }

    /// The same verdict as before is news for an order that was registered again.
    async fn a_reopened_order_does_not_stay_pending(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("BACK", "Juan Pérez", "1500.00");
        test.settle().await;
        test.world.remove_order("BACK");
        test.next_poll(account).await;
        test.next_poll(account).await;
        test.order("BACK", "Juan Pérez", "1500.00");
        test.next_poll(account).await;
        assert_eq!(status(&test, account, "BACK").await, "not_found");
        let order = test.orders(account).await["BACK"].clone();
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        assert_eq!(tx.attempts(org, order.id).await.expect("a query").len(), 2);
        drop(tx);
        test.finish().await;
    }

    /// The first amount stands; that the shop says another is told once.
    async fn a_changed_amount_is_reported_once_and_the_first_stands(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.order("ORDER-1", "Juan Pérez", "1600.00");
        let poll = test.next_poll(account).await;
        assert_eq!(poll["changed"], 1);
        assert_eq!(poll["detail"], r#"1 order(s) changed at the source, the first stands: "ORDER-1" (amount)"#);
        let poll = test.next_poll(account).await;
        assert_eq!((&poll["changed"], &poll["detail"]), (&json!(0), &Value::Null));
        assert_eq!(test.events("order.changed").await, 1);
        assert_eq!(test.orders(account).await["ORDER-1"].amount.to_string(), "1500.00");
        test.book(account, "f1", "1500.00", "2026-11-20").await;
        assert_eq!(status(&test, account, "ORDER-1").await, "matched");
        test.finish().await;
    }

    /// Once matched, an order may vanish, change or come back: it stays matched.
    async fn a_matched_order_stays_matched_whatever_the_list_says(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("PAID", "Juan Pérez", "1500.00");
        test.settle().await;
        test.book(account, "f1", "1500.00", "2026-11-20").await;
        assert_eq!(status(&test, account, "PAID").await, "matched");
        test.world.remove_order("PAID");
        for _ in 0..8 {
            assert_eq!(test.next_poll(account).await["cancelled"], 0);
        }
        test.order("PAID", "Juan Pérez", "1600.00");
        let poll = test.next_poll(account).await;
        assert_eq!((&poll["reopened"], &poll["changed"]), (&json!(0), &json!(1)));
        assert_eq!(status(&test, account, "PAID").await, "matched");
        assert_eq!(test.world.received().len(), 1);
        test.finish().await;
    }

    /// Status 304 is a good poll with the list of last time: what it lacked is lacking once more.
    async fn an_endpoint_may_answer_that_nothing_changed(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let endpoint = Endpoint::start().await;
        let item = |id: &str| format!(r#"{{"external_id":"{id}","amount":10,"currency":"UYU","name":"Ana"}}"#);
        let list = |etag: &str, ids: &[&str]| {
            let items: Vec<_> = ids.iter().map(|id| item(id)).collect();
            Reply::Close(http("200 OK", &[("ETag", etag)], format!("[{}]", items.join(",")).as_bytes()))
        };
        let as_before = || Reply::Close(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_vec());
        let condition = || {
            let head = endpoint.requests().pop().expect("a request");
            head.lines().find_map(|line| line.strip_prefix("if-none-match: ").map(str::to_owned))
        };
        endpoint.answer(list("\"v1\"", &["KEEP", "GONE"]));
        let account = test.enrol_without_bank(&json!({ "pending_orders_endpoint": endpoint.url() })).await;
        test.settle().await;
        assert_eq!(condition(), None);

        endpoint.answer(as_before());
        let poll = test.next_poll(account).await;
        assert_eq!(condition().as_deref(), Some("\"v1\""));
        assert_eq!((&poll["outcome"], &poll["listed"]), (&json!("ok"), &Value::Null));
        assert_eq!(poll["detail"], "the endpoint says that its list is as before");
        assert_eq!(test.orders(account).await["GONE"].absent_polls, 0);

        endpoint.answer(list("\"v2\"", &["KEEP"]));
        test.next_poll(account).await;
        assert_eq!(test.orders(account).await["GONE"].absent_polls, 1);
        // A bad poll in between forgets nothing.
        endpoint.answer(Reply::Close(http("500 Internal Server Error", &[], b"")));
        test.next_poll(account).await;
        endpoint.answer(as_before());
        assert_eq!(test.next_poll(account).await["cancelled"], 1);
        assert_eq!(condition().as_deref(), Some("\"v2\""));
        assert_eq!(status(&test, account, "GONE").await, "cancelled");
        for _ in 0..8 {
            assert_eq!(test.next_poll(account).await["cancelled"], 0);
            assert_eq!(condition().as_deref(), Some("\"v2\""));
        }
        assert_eq!(status(&test, account, "KEEP").await, "not_found");

        // A list with an item to complain of is asked for whole, so that each poll names it.
        let broken = format!("[{}, {{\"external_id\":\"BAD\"}}]", item("KEEP"));
        endpoint.answer(Reply::Close(http("200 OK", &[("ETag", "\"v3\"")], broken.as_bytes())));
        for _ in 0..2 {
            assert_eq!(test.next_poll(account).await["skipped_count"], 1);
        }
        assert_eq!(condition(), None);

        // Saved settings may mean another endpoint.
        endpoint.answer(list("\"v4\"", &["KEEP"]));
        test.next_poll(account).await;
        test.save_without_bank(account, &json!({ "pending_orders_endpoint": endpoint.url() })).await;
        test.settle().await;
        assert_eq!(condition(), None);
        test.finish().await;
    }

    /// The command line asks what a poll would ask, beside the daemon, and writes nothing.
    async fn a_dry_poll_says_what_would_happen_and_changes_nothing(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        test.order("KEEP", "Ana López", "500.50");
        test.order("GONE", "Juan Pérez", "1500.00");
        test.settle().await;
        let before = test.orders(account).await;
        let answer = r#"[
            {"external_id":"KEEP","amount":600,"currency":"UYU","name":"Ana López"},
            {"external_id":"NEW","amount":5,"currency":"UYU","name":"Ana López"},
            {"external_id":"BAD","amount":0,"currency":"UYU","name":"Ana López"}
        ]"#;
        test.world.set_shop_behaviour(Behaviour::RawBody(answer.to_owned()));
        let run = |arguments: &[&str]| {
            let output = test.command().args(["orders", "poll"]).args(arguments).output().expect("it runs");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        let account_id = account.to_string();
        let (code, said, error) = run(&["--dry", &account_id]);
        assert_eq!(code, Some(0), "{error}");
        let mut lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.pop(), Some("nothing was changed"));
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                r#"absent "GONE": 1 good poll(s) in a row without it"#,
                r#"changed "KEEP": the first amount stands"#,
                r#"register "NEW""#,
                r#"seen "KEEP""#,
                r#"skip item 3 ("BAD"): amount is zero; it must be greater than 0"#,
            ]
        );
        assert_eq!(test.orders(account).await, before);

        let refused = |arguments: &[&str], expected: &str| {
            let (code, _, error) = run(arguments);
            assert_eq!(code, Some(1));
            assert!(error.contains(expected), "{error}");
        };
        refused(&[&account_id], "add --dry");
        refused(&["--dry", "nonsense"], "\"nonsense\" is not the id of an account");
        refused(&["--dry", "00000000-0000-0000-0000-000000000000"], "there is no account");
        test.world.set_shop_behaviour(Behaviour::Status(503));
        refused(&["--dry", &account_id], "a poll would fail and change nothing: the endpoint answered with status 503");
        test.finish().await;
    }

    /// What became of the polls, newest first.
    async fn polls_are_listed_with_what_was_left_out(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        let answer = r#"[{"external_id":"A","amount":5,"currency":"UYU","name":"Ana"}, {"external_id":"B","amount":5}]"#;
        test.world.set_shop_behaviour(Behaviour::RawBody(answer.to_owned()));
        test.settle().await;
        test.world.set_shop_behaviour(Behaviour::Status(401));
        test.next_poll(account).await;
        let polls = test.api.get(&format!("/accounts/{account}/polls")).await.expect(200);
        let polls = polls.as_array().expect("a list");
        assert_eq!(polls.len(), 2);
        let mut newest = polls[0].clone();
        newest["id"].take();
        assert_eq!(
            newest,
            json!({
                "id": null, "outcome": "endpoint_failed",
                "started_at": "2026-11-20T13:10:00Z", "finished_at": "2026-11-20T13:10:00Z",
                "listed": null, "new": 0, "cancelled": 0, "reopened": 0, "changed": 0,
                "skipped_count": 0, "skipped": [],
                "detail": "the endpoint answered with status 401 instead of 200; check the polling token and its type",
            })
        );
        let mut first = polls[1].clone();
        assert_eq!(first["id"].take().as_str().map(str::len), Some(36));
        assert_eq!(
            first,
            json!({
                "id": null, "outcome": "ok",
                "started_at": "2026-11-20T13:00:00Z", "finished_at": "2026-11-20T13:00:00Z",
                "listed": 2, "new": 1, "cancelled": 0, "reopened": 0, "changed": 0, "skipped_count": 1,
                "skipped": [
                    { "index": 1, "external_id": "B", "reason": "item 2 (\"B\"): currency is missing" }
                ],
                "detail": "1 item(s) were left out; see skipped",
            })
        );
        let one = test.api.get(&format!("/accounts/{account}/polls?limit=1")).await.expect(200);
        assert_eq!(one, json!([polls[0]]));
        let error = test.api.get(&format!("/accounts/{account}/polls?limit=0")).await.error(400);
        assert_eq!(error, "limit must be a whole number from 1 to 500");
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        assert_eq!(other.get(&format!("/accounts/{account}/polls")).await.error(404), "Account not found");
        test.finish().await;
    }
}
