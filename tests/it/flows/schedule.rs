//! When banks are read: by each account's own schedule, whatever happens to the daemon and to its clock.

use std::sync::Arc;

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::Outcome;
use reconbanker::scrape::Engine;
use reconbanker::store::banks::Bank;
use serde_json::{Value, json};

use crate::support::{Backend, FakeBank, GOOD_USER, TestApp, each_backend};

async fn start(backend: Backend) -> TestApp {
    TestApp::start_with(backend, Some(FakeBank::new() as Arc<dyn Engine>)).await
}

/// Moves the clock to where it stands when a test begins.
fn set_clock(test: &TestApp, to: &str) {
    test.clock.set(to.parse().expect("an instant"));
}

/// Saves a schedule; as it is in force.
async fn save(test: &TestApp, account: AccountId, schedule: Value) -> Value {
    let answer = test.api.put(&format!("/accounts/{account}/options"), json!({ "schedule": schedule })).await;
    answer.expect(200)["schedule"].clone()
}

/// From 07:00 to 22:00 on every day.
fn by_day(scrape: &Value) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    json!({ "scrape": scrape, "hours": { "days": days, "from": "07:00", "to": "22:00" } })
}

/// Another account of the same person, behind a bank login of its own.
async fn second(test: &TestApp, document: &str) -> AccountId {
    let account = test.api.create_account("Another account").await;
    test.api.put(&format!("/accounts/{account}/config"), test.config(document)).await.expect(200);
    account
}

async fn next_scrape_at(test: &TestApp, account: AccountId) -> Value {
    let options = test.api.get(&format!("/accounts/{account}/options")).await.expect(200);
    options["schedule"]["next_scrape_at"].clone()
}

/// When the account's scrapes began, in the order of their requests.
async fn scrapes(test: &TestApp, account: AccountId) -> Vec<String> {
    let runs = test.api.get(&format!("/accounts/{account}/runs?limit=500")).await.expect(200);
    let scrapes = runs.as_array().expect("a list").iter().rev().filter(|run| run["kind"] == "scrape");
    scrapes.filter_map(|run| run["started_at"].as_str().map(str::to_owned)).collect()
}

/// Lets time pass, and the schedule look at it every few minutes.
async fn pass(test: &TestApp, minutes: i64, step: i64) {
    for _ in 0..minutes / step {
        test.advance(TimeDelta::minutes(step)).await;
    }
}

/// The schedule looks, and what is due runs.
async fn look(test: &TestApp) {
    test.advance(TimeDelta::zero()).await;
}

/// Puts the demo bank into Santiago, where the clocks are moved at midnight.
async fn move_bank_to_santiago(test: &TestApp) {
    let mut tx = test.app.deps.store.write().await.expect("a transaction");
    let banks = tx.banks().await.expect("banks");
    let bank = banks.into_iter().find(|bank| bank.code == "demo-tabla").expect("the demo bank");
    tx.upsert_bank(&Bank { time_zone: "America/Santiago".to_owned(), ..bank }).await.expect("a write");
    tx.commit().await.expect("a commit");
}

each_backend! {
    async fn an_interval_counts_from_the_end_of_the_last_scrape(backend: Backend) {
        let mut test = start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let saved = save(&test, account, json!({ "scrape": { "every": "30m", "jitter": "0s" } })).await;
        assert_eq!(saved["next_scrape_at"], "2026-11-20T13:30:00Z");
        pass(&test, 120, 10).await;
        let expected =
            ["2026-11-20T13:30:00Z", "2026-11-20T14:00:00Z", "2026-11-20T14:30:00Z", "2026-11-20T15:00:00Z"];
        assert_eq!(scrapes(&test, account).await, expected);
        // One that someone asked for counts as well.
        pass(&test, 10, 10).await;
        test.scrape(account).await;
        assert_eq!(next_scrape_at(&test, account).await, "2026-11-20T15:40:00Z");
        test.finish().await;
    }

    async fn an_expression_is_meant_in_the_banks_zone(backend: Backend) {
        let mut test = start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        save(&test, account, json!({ "scrape": { "cron": "15 9-11 * * fri", "jitter": "0s" } })).await;
        pass(&test, 300, 15).await;
        assert_eq!(scrapes(&test, account).await, ["2026-11-20T13:15:00Z", "2026-11-20T14:15:00Z"]);
        assert_eq!(next_scrape_at(&test, account).await, "2026-11-27T12:15:00Z");
        test.finish().await;
    }

    /// Due at 23:00, it waits for 07:00.
    async fn a_scrape_waits_until_the_bank_opens(backend: Backend) {
        let mut test = start(backend).await;
        set_clock(&test, "2026-11-21T00:30:00Z");
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let saved = save(&test, account, by_day(&json!({ "every": "90m", "jitter": "0s" }))).await;
        assert_eq!(saved["next_scrape_at"], "2026-11-21T10:00:00Z");
        pass(&test, 570, 30).await;
        assert_eq!(scrapes(&test, account).await, ["2026-11-21T10:00:00Z"]);
        test.finish().await;
    }

    async fn a_person_can_read_outside_the_hours(backend: Backend) {
        let mut test = start(backend).await;
        set_clock(&test, "2026-11-21T00:30:00Z");
        let account = test.enrol(GOOD_USER, "passthrough").await;
        save(&test, account, by_day(&json!({ "every": "90m", "jitter": "0s" }))).await;
        set_clock(&test, "2026-11-21T04:00:00Z");
        let run = test.scrape(account).await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        test.api.post(&format!("/accounts/{account}/restart"), json!({})).await.expect(202);
        test.settle().await;
        assert_eq!(scrapes(&test, account).await, ["2026-11-21T04:00:00Z"; 2]);
        assert_eq!(next_scrape_at(&test, account).await, "2026-11-21T10:00:00Z");
        test.finish().await;
    }

    /// At once by day, and after credentials that are saved at night when the bank opens.
    async fn the_first_scrape_keeps_the_hours_too(backend: Backend) {
        let mut test = start(backend).await;
        set_clock(&test, "2026-11-20T05:00:00Z");
        test.api.sign_up("owner@shop.example").await;
        test.api.put("/me/operation-mode", json!({ "mode": "passthrough" })).await.expect(200);
        let account = test.api.create_account("Operating account").await;
        let schedule = by_day(&json!({ "every": "20m", "jitter": "0s" }));
        let saved = save(&test, account, schedule.clone()).await;
        assert_eq!(saved["next_scrape_at"], Value::Null, "there are no credentials");
        test.api.put(&format!("/accounts/{account}/config"), test.config(GOOD_USER)).await.expect(200);
        assert_eq!(next_scrape_at(&test, account).await, "2026-11-20T10:00:00Z");
        pass(&test, 300, 30).await;
        assert_eq!(scrapes(&test, account).await, ["2026-11-20T10:00:00Z"]);

        let other = test.api.create_account("Another account").await;
        save(&test, other, schedule).await;
        test.api.put(&format!("/accounts/{other}/config"), test.config("20000000")).await.expect(200);
        assert_eq!(next_scrape_at(&test, other).await, "2026-11-20T10:00:00Z");
        test.finish().await;
    }

    /// Down for three days: two hundred slots are one scrape, some time within the jitter.
    async fn what_was_missed_is_made_up_for_once(backend: Backend) {
        let mut test = start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        save(&test, account, json!({ "scrape": { "every": "20m", "jitter": "2m" } })).await;
        pass(&test, 22, 22).await;
        assert_eq!(scrapes(&test, account).await.len(), 1);
        test.clock.advance(TimeDelta::days(3));
        look(&test).await;
        pass(&test, 2, 2).await;
        assert_eq!(scrapes(&test, account).await.len(), 2);
        // From there on as ever.
        pass(&test, 15, 5).await;
        assert_eq!(scrapes(&test, account).await.len(), 2);
        pass(&test, 7, 7).await;
        assert_eq!(scrapes(&test, account).await.len(), 3);
        test.finish().await;
    }

    /// Down since before the bank closed, up again at three in the morning.
    async fn what_was_missed_keeps_the_hours(backend: Backend) {
        let mut test = start(backend).await;
        set_clock(&test, "2026-11-21T00:00:00Z");
        let account = test.enrol(GOOD_USER, "passthrough").await;
        let saved = save(&test, account, by_day(&json!({ "every": "40m", "jitter": "0s" }))).await;
        assert_eq!(saved["next_scrape_at"], "2026-11-21T00:40:00Z");
        set_clock(&test, "2026-11-21T06:00:00Z");
        look(&test).await;
        assert_eq!(scrapes(&test, account).await.len(), 0);
        assert_eq!(next_scrape_at(&test, account).await, "2026-11-21T10:00:00Z");
        set_clock(&test, "2026-11-21T10:00:00Z");
        look(&test).await;
        assert_eq!(scrapes(&test, account).await, ["2026-11-21T10:00:00Z"]);
        test.finish().await;
    }

    /// What was planned while the clock was a day ahead does not wait for that day.
    async fn a_clock_that_is_set_back_keeps_nobody_waiting(backend: Backend) {
        let mut test = start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.settle().await;
        save(&test, account, json!({ "scrape": { "every": "30m", "jitter": "0s" } })).await;
        pass(&test, 30, 10).await;
        assert_eq!(scrapes(&test, account).await.len(), 1);
        let polls = test.world.polls().len();
        set_clock(&test, "2026-11-19T13:30:00Z");
        look(&test).await;
        assert_eq!(next_scrape_at(&test, account).await, "2026-11-19T14:00:00Z");
        assert_eq!((scrapes(&test, account).await.len(), test.world.polls().len()), (1, polls));
        pass(&test, 10, 10).await;
        assert_eq!(test.world.polls().len(), polls + 1);
        pass(&test, 20, 10).await;
        assert_eq!(scrapes(&test, account).await.len(), 2);
        test.finish().await;
    }

    /// A step of seconds, as time servers make it, repeats no slot.
    async fn a_clock_that_is_corrected_by_seconds_repeats_nothing(backend: Backend) {
        let mut test = start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        save(&test, account, json!({ "scrape": { "cron": "30 * * * *", "jitter": "0s" } })).await;
        pass(&test, 30, 30).await;
        set_clock(&test, "2026-11-20T13:29:50Z");
        look(&test).await;
        pass(&test, 20, 1).await;
        assert_eq!(scrapes(&test, account).await, ["2026-11-20T13:30:00Z"]);
        test.finish().await;
    }

    /// Everything is due at once, and once.
    async fn a_clock_that_is_set_forward_causes_no_storm(backend: Backend) {
        let mut test = start(backend).await;
        let mut accounts = vec![test.enrol("10000000", "passthrough").await];
        for document in ["20000000", "30000000", "40000000", "50000000"] {
            accounts.push(second(&test, document).await);
        }
        look(&test).await;
        test.clock.advance(TimeDelta::days(1));
        look(&test).await;
        // All of the jitter.
        pass(&test, 2, 2).await;
        pass(&test, 15, 5).await;
        for account in accounts {
            let scrapes = scrapes(&test, account).await;
            assert_eq!(scrapes.len(), 2, "the first one, and one for the whole day: {scrapes:?}");
        }
        test.finish().await;
    }

    /// 23:00 to 24:00 comes twice in Santiago.
    async fn the_night_of_the_repeated_hour_has_no_scrape_too_many(backend: Backend) {
        let mut test = start(backend).await;
        move_bank_to_santiago(&test).await;
        set_clock(&test, "2027-04-04T01:00:00Z");
        let fixed = test.enrol("10000000", "passthrough").await;
        save(&test, fixed, json!({ "scrape": { "cron": "30 23 * * *", "jitter": "0s" } })).await;
        let steady = second(&test, "20000000").await;
        save(&test, steady, json!({ "scrape": { "cron": "*/20 * * * *", "jitter": "0s" } })).await;
        pass(&test, 240, 10).await;
        assert_eq!(scrapes(&test, fixed).await, ["2027-04-04T02:30:00Z"]);
        assert_eq!(next_scrape_at(&test, fixed).await, "2027-04-05T03:30:00Z");
        assert_eq!(scrapes(&test, steady).await.len(), 12, "three an hour, for four hours");
        test.finish().await;
    }

    /// 00:00 to 01:00 is skipped in Santiago.
    async fn the_night_of_the_skipped_hour_has_no_scrape_too_few(backend: Backend) {
        let mut test = start(backend).await;
        move_bank_to_santiago(&test).await;
        set_clock(&test, "2026-09-06T02:00:00Z");
        let fixed = test.enrol("10000000", "passthrough").await;
        save(&test, fixed, json!({ "scrape": { "cron": "30 0 * * *", "jitter": "0s" } })).await;
        let steady = second(&test, "20000000").await;
        save(&test, steady, json!({ "scrape": { "cron": "*/20 * * * *", "jitter": "0s" } })).await;
        pass(&test, 180, 10).await;
        assert_eq!(scrapes(&test, fixed).await, ["2026-09-06T04:00:00Z"]);
        assert_eq!(next_scrape_at(&test, fixed).await, "2026-09-07T03:30:00Z");
        assert_eq!(scrapes(&test, steady).await.len(), 9, "three an hour, for three hours");
        test.finish().await;
    }
}
