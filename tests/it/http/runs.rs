//! What became of a `jobId`, and how an account is run.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Backend, GOOD_USER, Statement, TestApp, credit, each_backend};

each_backend! {
    async fn runs_are_listed_newest_first_with_what_became_of_them(backend: Backend) {
        let bank = Statement::new();
        let mut test = TestApp::start_with(backend, Some(bank.engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.clock.advance(TimeDelta::seconds(1));
        bank.add(credit("f1", "1500.00", "2026-11-20"));
        let path = format!("/accounts/{account}/runs");
        let job = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202)["jobId"].clone();
        let waiting = json!({
            "id": job, "kind": "scrape", "state": "queued", "trigger": "manual", "outcome": null, "detail": null,
            "report": null, "requested_at": "2026-11-20T13:00:01Z", "started_at": null, "finished_at": null
        });
        assert_eq!(test.api.get(&path).await.expect(200)[0], waiting);
        test.clock.advance(TimeDelta::seconds(1));
        test.settle().await;

        let runs = test.api.get(&path).await.expect(200);
        assert_eq!(runs.as_array().map(Vec::len), Some(2));
        let (scrape, poll) = (&runs[0], &runs[1]);
        let mut finished = waiting;
        finished["state"] = json!("finished");
        finished["outcome"] = json!("ok");
        finished["report"] = scrape["report"].clone();
        finished["started_at"] = json!("2026-11-20T13:00:02Z");
        finished["finished_at"] = json!("2026-11-20T13:00:02Z");
        assert_eq!(*scrape, finished);
        assert_eq!((&scrape["report"]["rows_read"], &scrape["report"]["rows_new"]), (&json!(1), &json!(1)));
        assert_eq!((&poll["kind"], &poll["trigger"]), (&json!("poll"), &json!("saved")));
        assert_eq!(poll["outcome"], "ok");
        assert_eq!((&poll["report"]["listed"], &poll["report"]["new"]), (&json!(1), &json!(1)));

        assert_eq!(test.api.get(&format!("{path}?limit=1")).await.expect(200), json!([scrape]));
        let id = job.as_str().expect("an id");
        assert_eq!(test.api.get(&format!("{path}/{id}")).await.expect(200), *scrape);
        let error = test.api.get(&format!("{path}?limit=0")).await.error(400);
        assert_eq!(error, "limit must be a whole number from 1 to 500");
        let second = test.api.create_account("Second account").await;
        let elsewhere = format!("/accounts/{second}/runs/{id}");
        for missing in [elsewhere, format!("{path}/nonsense"), format!("{path}/{account}")] {
            assert_eq!(test.api.get(&missing).await.error(404), "Run not found for this account");
        }
        let mut other = test.api.stranger();
        other.sign_up("other@shop.example").await;
        for foreign in [path.clone(), format!("{path}/{id}"), format!("/accounts/{account}/options")] {
            assert_eq!(other.get(&foreign).await.error(404), "Account not found");
        }
        test.finish().await;
    }

    async fn a_persistent_session_is_stored_and_runs_as_one_shot(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        let path = format!("/accounts/{account}/options");
        assert_eq!(
            test.api.get(&path).await.expect(200),
            json!({
                "session_type": "one-shot", "effective_session_type": "one-shot",
                "session_types_supported": ["one-shot"], "note": null,
                "schedule": {
                    "scrape": { "every": "20m", "jitter": "2m" }, "hours": null, "source": "default",
                    "time_zone": "America/Montevideo", "next_scrape_at": "2026-11-20T13:00:00Z",
                    "upcoming": ["2026-11-20T13:20:00Z", "2026-11-20T13:40:00Z", "2026-11-20T14:00:00Z"]
                }
            })
        );
        let mut config = test.config(GOOD_USER);
        config["session_type"] = json!("persistent");
        let saved = test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
        assert_eq!(saved["session_type"], "persistent");
        let options = test.api.get(&path).await.expect(200);
        assert_eq!(
            (&options["session_type"], &options["effective_session_type"]),
            (&json!("persistent"), &json!("one-shot"))
        );
        assert_ne!(options["note"], Value::Null);
        test.settle().await;
        test.finish().await;
    }
}
