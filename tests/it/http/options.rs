//! Options: a schedule of the account's own, and what follows from saving it.

use chrono::TimeDelta;
use reconbanker::domain::time::{Clock, Instant};
use serde_json::{Value, json};

use crate::support::{Backend, GOOD_USER, Statement, TestApp, each_backend};

each_backend! {
    async fn a_schedule_is_saved_shown_and_dropped(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let path = format!("/accounts/{account}/options");
        let settings = json!({
            "scrape": { "cron": "*/30 8-18 * * 1-5", "jitter": "0s" },
            "hours": { "days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:00", "to": "18:15" },
        });
        let saved = test.api.put(&path, json!({ "schedule": settings })).await.expect(200);
        let mut expected = settings;
        expected["source"] = json!("account");
        expected["time_zone"] = json!("America/Montevideo");
        expected["next_scrape_at"] = json!("2026-11-20T13:30:00Z");
        expected["upcoming"] = json!(["2026-11-20T13:30:00Z", "2026-11-20T14:00:00Z", "2026-11-20T14:30:00Z"]);
        assert_eq!(saved["schedule"], expected);
        assert_eq!(test.api.get(&path).await.expect(200), saved);

        let dropped = test.api.put(&path, json!({ "schedule": null })).await.expect(200);
        assert_eq!(dropped["schedule"]["source"], "default");
        assert_eq!(dropped["schedule"]["scrape"], json!({ "every": "20m", "jitter": "2m" }));
        assert_eq!(dropped["schedule"]["hours"], Value::Null);
        let next = dropped["schedule"]["next_scrape_at"].as_str().expect("a text");
        let next: Instant = next.parse().expect("an instant");
        let minutes = |count| test.clock.now() + TimeDelta::minutes(count);
        assert!((minutes(20)..minutes(22)).contains(&next), "{next}");
        assert_eq!(test.events("account.options_saved").await, 2);
        test.finish().await;
    }

    /// The end of the run plans the next one, by what was saved meanwhile.
    async fn a_scrape_that_waits_is_not_planned_away(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let path = format!("/accounts/{account}/options");
        test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        let schedule = json!({ "schedule": { "scrape": { "every": "3h", "jitter": "0s" } } });
        let saved = test.api.put(&path, schedule).await.expect(200);
        assert_eq!(saved["schedule"]["next_scrape_at"], Value::Null);
        test.settle().await;
        let options = test.api.get(&path).await.expect(200);
        assert_eq!(options["schedule"]["next_scrape_at"], "2026-11-20T16:00:00Z");
        test.finish().await;
    }

    /// The documented settings are replaced without touching what is ours.
    async fn saving_the_settings_keeps_the_options(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let path = format!("/accounts/{account}/options");
        let schedule = json!({ "schedule": { "scrape": { "every": "3h", "jitter": "0s" } } });
        let saved = test.api.put(&path, schedule).await.expect(200);
        test.api.put(&format!("/accounts/{account}/config"), test.config(GOOD_USER)).await.expect(200);
        assert_eq!(test.api.get(&path).await.expect(200), saved);
        test.finish().await;
    }

    /// Saved by a later release, perhaps: the account is read all the same.
    async fn a_schedule_that_cannot_be_read_counts_as_none(backend: Backend) {
        let mut test = TestApp::start_with(backend, Some(Statement::new().engine())).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let (org, now) = (test.org().await, test.clock.now());
        for stored in ["{}", "nonsense", r#"{"scrape": {"lunar": "new"}}"#] {
            let mut tx = test.app.deps.store.write().await.expect("a transaction");
            tx.save_account_options(org, account, Some(stored), now).await.expect("a write");
            tx.commit().await.expect("a commit");
            let options = test.api.get(&format!("/accounts/{account}/options")).await.expect(200);
            assert_eq!(options["schedule"]["source"], "default", "{stored}");
        }
        test.scrape(account).await;
        let options = test.api.get(&format!("/accounts/{account}/options")).await.expect(200);
        assert_ne!(options["schedule"]["next_scrape_at"], Value::Null);
        test.finish().await;
    }
}
