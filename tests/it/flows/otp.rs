//! A bank that sends a code by SMS: who is asked for it, what is typed, and what is kept of it.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::Outcome;
use reconbanker::store::runs::Run;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Backend, TestApp, captured_log, each_backend};

/// Is asked for a code in one field …
const FIELD_USER: &str = "pide-codigo";
/// … and in six boxes.
const BOXES_USER: &str = "pide-codigo-cajas";

each_backend! {
    async fn browser_a_person_gives_the_code_and_the_login_goes_on(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_assisted(&mut test, FIELD_USER).await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        let path = format!("/accounts/{account}/otp");
        assert_eq!(test.api.get(&path).await.expect(200), json!(null));

        let run = scrape_while(&test, account, async {
            let mut request = asked(&test, account, 0).await;
            let id = request["id"].take();
            assert!(id.is_string(), "{id}");
            let descriptor = json!({ "length": 6, "type": "numeric", "purpose": "login" });
            assert_eq!(request, json!({ "id": null, "type": "otp", "descriptor": descriptor, "attempts": 0 }));
            for wrong in ["12345", "1234567", "12345a"] {
                assert_eq!(test.api.post(&path, json!({ "code": wrong })).await.error(400), "code must be 6 digits");
            }
            let code = test.world.sms_code(FIELD_USER);
            let answer = test.api.post(&path, json!({ "code": code })).await.expect(202);
            assert_eq!(answer, json!({ "submitted": true }));
        })
        .await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        assert_eq!(test.world.received().len(), 1);
        assert_eq!((test.world.login_submissions(FIELD_USER), test.world.codes_typed(FIELD_USER)), (1, 1));
        assert_eq!(requests_in_log(&test).await, ["requested", "answered", "fulfilled"]);

        // What comes after is for nobody, and is not kept.
        assert_eq!(test.api.get(&path).await.expect(200), json!(null));
        let late = test.api.post(&path, json!({ "code": "234567" })).await.error(404);
        assert_eq!(late, "No code is pending for this account");
        test.finish().await;
    }

    async fn browser_a_machine_gives_the_code_with_its_key(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_assisted(&mut test, BOXES_USER).await;
        let wanted = json!({ "name": "relay", "scopes": ["otp:write", "status:read"], "account_ids": [account] });
        let made = test.api.post("/me/api-keys", wanted).await.expect(201);
        let key = made["key"].as_str().expect("a key");
        let machine = test.api.stranger();
        let status = async || {
            let path = format!("/v1/accounts/{account}/status");
            machine.send(Method::GET, &path, |request| request.header("x-api-key", key)).await.expect(200)
        };
        let idle = json!({ "account_id": account, "session_running": false, "pending_assistance": null });
        assert_eq!(status().await, idle);

        let run = scrape_while(&test, account, async {
            let request = asked(&test, account, 0).await;
            let waiting = json!({ "account_id": account, "session_running": true, "pending_assistance": request });
            assert_eq!(status().await, waiting);
            let code = json!({ "code": test.world.sms_code(BOXES_USER) });
            let path = format!("/v1/accounts/{account}/otp");
            let authorization = format!("Api-Key {key}");
            let answer = machine
                .send(Method::POST, &path, |request| request.header("authorization", authorization).json(&code))
                .await;
            assert_eq!(answer.expect(202), json!({ "submitted": true }));
        })
        .await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        assert_eq!(status().await, idle);
        test.finish().await;
    }

    /// A wrong code, then one that comes too late; the third one is right. None is kept anywhere.
    async fn browser_codes_that_fail_are_followed_by_others_and_none_is_kept(backend: Backend) {
        let log = captured_log();
        let mut test = TestApp::start(backend).await;
        test.world.set_code_lifetime(TimeDelta::seconds(60));
        let account = enrol_assisted(&mut test, FIELD_USER).await;
        let give = async |code: &str| {
            test.api.post(&format!("/accounts/{account}/otp"), json!({ "code": code })).await.expect(202);
        };
        let run = scrape_while(&test, account, async {
            let first = asked(&test, account, 0).await;
            give("918273").await;
            let second = asked(&test, account, 1).await;
            assert_eq!(first["id"], second["id"], "one request for the whole login");
            test.clock.advance(TimeDelta::seconds(61));
            give(&test.world.sms_code(FIELD_USER)).await;
            asked(&test, account, 2).await;
            assert_eq!(test.world.sms_code(FIELD_USER), "234567");
            give("234567").await;
        })
        .await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        assert_eq!((test.world.codes_sent(FIELD_USER), test.world.codes_typed(FIELD_USER)), (2, 3));
        let log_of_requests = requests_in_log(&test).await;
        let each = ["requested", "answered"];
        assert_eq!(log_of_requests, [each, each, each].concat().into_iter().chain(["fulfilled"]).collect::<Vec<_>>());

        let (rows, log) = (test.rows().await, log.text());
        assert!(rows.iter().any(|row| row.contains("assistance.fulfilled")), "the database was read");
        assert!(log.contains("scrape finished"), "the log was read");
        for code in ["918273", "234567"] {
            let hex = code.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
            for row in &rows {
                assert!(!mentions(row, code) && !row.to_lowercase().contains(&hex), "{code} is kept: {row}");
            }
            for line in log.lines() {
                assert!(!mentions(line, code), "{code} is logged: {line}");
            }
        }
        test.finish().await;
    }

    /// The customer's own service hears of it at once, and answers with its key.
    async fn browser_a_wanted_code_is_told_while_the_login_waits(backend: Backend) {
        let mut test = TestApp::start_with_workers(backend).await;
        let account = enrol_told(&mut test).await;
        let answer = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        let request = asked(&test, account, 0).await;
        eventually("the notice", || test.world.notices().len() == 1).await;
        let notice = test.world.notices().remove(0);
        let expected = json!({
            "account_id": account,
            "type": "assistance_required",
            "status": "assistance.requested",
            "data": {
                "request_id": request["id"],
                "descriptor": { "length": 6, "type": "numeric", "purpose": "login" },
                "attempts": 0,
                "expires_at": "2026-11-20T13:03:00.000Z",
            },
            "occurred_at": "2026-11-20T13:00:00.000Z",
        });
        assert_eq!((notice.body, notice.verified), (expected, Ok(())));
        let path = format!("/accounts/{account}/otp");
        test.api.post(&path, json!({ "code": "000000" })).await.expect(202);
        asked(&test, account, 1).await;
        eventually("the second notice", || test.world.notices().len() == 2).await;
        let second = test.world.notices().remove(1);
        assert_eq!((&second.body["data"]["attempts"], second.webhook_id != notice.webhook_id), (&json!(1), true));
        test.api.post(&path, json!({ "code": test.world.sms_code(FIELD_USER) })).await.expect(202);
        let path = format!("/accounts/{account}/runs/{}", answer["jobId"].as_str().expect("a job id"));
        let deadline = Instant::now() + Duration::from_mins(1);
        while test.api.get(&path).await.expect(200)["outcome"] != json!("ok") {
            assert!(Instant::now() < deadline, "the login did not go on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        test.stop_daemon().await.close().await;
    }

    /// A notice that did not get out in time is dropped: nobody is woken for a code that nobody waits for.
    async fn browser_a_code_nobody_waits_for_any_more_is_not_told(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_told(&mut test).await;
        // Jobs run one after the other here: the notice has its turn when the login is over.
        scrape_while(&test, account, async {
            asked(&test, account, 0).await;
            let code = json!({ "code": test.world.sms_code(FIELD_USER) });
            test.api.post(&format!("/accounts/{account}/otp"), code).await.expect(202);
        })
        .await;
        assert!(test.world.notices().is_empty(), "{:?}", test.world.notices());
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let delivery = tx.deliveries(org, account, 10).await.expect("the outbox").remove(0);
        drop(tx);
        let why = delivery.last_error.as_deref();
        assert_eq!((delivery.state.as_str(), why), ("dead", Some("nobody waits for this code any more")));
        test.finish().await;
    }

    /// A process that dies while it waits leaves a request that nobody waits for; the next one says so.
    async fn browser_a_request_whose_process_died_is_cancelled_in_the_log(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_assisted(&mut test, FIELD_USER).await;
        let answer = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
        tokio::select! {
            () = test.settle() => panic!("the login did not wait"),
            () = async {
                asked(&test, account, 0).await;
                while requests_in_log(&test).await != ["requested"] {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            } => {}
        }
        test.clock.advance(TimeDelta::minutes(11));
        test.settle().await;
        let run = test.run(answer["jobId"].as_str().expect("a job id")).await;
        assert_eq!(run.outcome, Some(Outcome::Interrupted));
        assert_eq!(requests_in_log(&test).await, ["requested", "cancelled"]);
        assert_eq!(test.api.get(&format!("/accounts/{account}/otp")).await.expect(200), json!(null));
        test.finish().await;
    }

    /// Two codes at once: one is typed, the other one is refused and gone.
    async fn browser_of_two_answers_one_is_typed(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_assisted(&mut test, FIELD_USER).await;
        let path = format!("/accounts/{account}/otp");
        let run = scrape_while(&test, account, async {
            asked(&test, account, 0).await;
            let code = json!({ "code": test.world.sms_code(FIELD_USER) });
            let (one, other) = tokio::join!(test.api.post(&path, code.clone()), test.api.post(&path, code.clone()));
            let mut statuses = [one.status, other.status];
            statuses.sort_unstable();
            assert_eq!(statuses, [202, 404]);
        })
        .await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);
        assert_eq!(test.world.codes_typed(FIELD_USER), 1);
        test.finish().await;
    }

    /// Nobody answers: nothing is typed, and after three such logins nobody is asked again.
    async fn browser_a_login_nobody_answers_ends_and_the_third_blocks(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_assisted(&mut test, FIELD_USER).await;
        for login in 1..=3 {
            let accounts = test.api.get("/accounts").await.expect(200);
            assert_eq!(accounts[0]["scrapeBlockedAt"], json!(null), "before login {login}");
            let run = scrape_while(&test, account, async {
                asked(&test, account, 0).await;
                test.clock.advance(TimeDelta::seconds(181));
            })
            .await;
            assert_eq!(run.outcome, Some(Outcome::HumanTimeout), "{:?}", run.detail);
        }
        assert_eq!((test.world.codes_sent(FIELD_USER), test.world.codes_typed(FIELD_USER)), (3, 0));
        let each = ["requested", "expired"];
        assert_eq!(requests_in_log(&test).await, [each, each, each].concat());
        let accounts = test.api.get("/accounts").await.expect(200);
        let reason = accounts[0]["scrapeBlockedReason"].as_str().expect("a reason");
        assert!(reason.starts_with("three logins in a row ended without a code"), "{reason}");
        test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.error(409);
        test.finish().await;
    }

    /// Two wrong codes end the login, one before the bank locks the user.
    async fn browser_wrong_codes_end_a_login_before_the_bank_locks(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = enrol_assisted(&mut test, FIELD_USER).await;
        let path = format!("/accounts/{account}/otp");
        let run = scrape_while(&test, account, async {
            for attempts in 0..2 {
                asked(&test, account, attempts).await;
                test.api.post(&path, json!({ "code": "000000" })).await.expect(202);
            }
        })
        .await;
        assert_eq!(run.outcome, Some(Outcome::OtpExhausted), "{:?}", run.detail);
        assert_eq!(requests_in_log(&test).await, ["requested", "answered", "requested", "answered", "cancelled"]);
        assert_eq!(test.api.get(&path).await.expect(200), json!(null));
        // The password was right, so the login may be tried again.
        let accounts = test.api.get("/accounts").await.expect(200);
        assert_eq!(accounts[0]["scrapeBlockedAt"], json!(null));
        test.finish().await;
    }

    /// Without permission nobody is asked, nothing is typed or clicked, and the schedule does not make the bank send
    /// another code to somebody who does not expect one.
    async fn browser_in_simple_mode_nothing_is_sent(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(FIELD_USER, "reconcile").await;
        let run = test.scrape(account).await;
        assert_eq!(run.outcome, Some(Outcome::SecondFactorRequired), "{:?}", run.detail);
        assert!(run.detail.expect("a detail").contains("login_mode"), "the detail says what to do");
        assert_eq!(test.api.get(&format!("/accounts/{account}/otp")).await.expect(200), json!(null));
        for _ in 0..24 {
            test.advance(TimeDelta::hours(1)).await;
        }
        // The one code is the bank's own doing: it sends it when it has taken the password.
        let seen = (test.world.login_submissions(FIELD_USER), test.world.codes_sent(FIELD_USER));
        assert_eq!((seen, test.world.codes_typed(FIELD_USER)), ((1, 1), 0));
        assert!(requests_in_log(&test).await.is_empty());
        let accounts = test.api.get("/accounts").await.expect(200);
        assert_eq!(accounts[0]["scrapeBlockedAt"], json!(null));
        test.finish().await;
    }
}

/// An account whose logins may ask for codes.
async fn enrol_assisted(test: &mut TestApp, document: &str) -> AccountId {
    let account = test.enrol(document, "reconcile").await;
    let mut config = test.config(document);
    config["login_mode"] = json!("assisted");
    test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
    account
}

/// The same, and its notices go to the shop.
async fn enrol_told(test: &mut TestApp) -> AccountId {
    let account = enrol_assisted(test, FIELD_USER).await;
    let mut config = test.config(FIELD_USER);
    config["login_mode"] = json!("assisted");
    config["notification_endpoint_url"] = json!(test.world.shop.join("notices").expect("a path"));
    config["notification_events"] = json!(["assistance_required"]);
    test.api.put(&format!("/accounts/{account}/config"), config).await.expect(200);
    account
}

/// Looks again until the condition holds.
pub(super) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks for a scrape and runs what is due, while people do their part.
async fn scrape_while(test: &TestApp, account: AccountId, people: impl Future<Output = ()>) -> Run {
    let people = Box::pin(people);
    let answer = test.api.post(&format!("/accounts/{account}/scrape"), json!({})).await.expect(202);
    tokio::join!(test.settle(), people);
    test.run(answer["jobId"].as_str().expect("a job id")).await
}

/// The request for a code, once there is one with so many tries behind it: asked for as a page or a relay does.
async fn asked(test: &TestApp, account: AccountId, attempts: u64) -> Value {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let request = test.api.get(&format!("/accounts/{account}/otp")).await.expect(200);
        if request["attempts"].as_u64() == Some(attempts) {
            return request;
        }
        assert!(Instant::now() < deadline, "no code was asked for after {attempts} tries; pending: {request}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the log of events says about requests for codes, without `assistance.` in front.
async fn requests_in_log(test: &TestApp) -> Vec<String> {
    let org = test.org().await;
    let mut tx = test.app.deps.store.read().await.expect("a transaction");
    let events = tx.events_after(org, 0, 1_000).await.expect("the log");
    events.iter().filter_map(|event| event.kind.strip_prefix("assistance.").map(str::to_owned)).collect()
}

/// Whether a text has these digits as a word of their own, and not within some longer number or id.
fn mentions(text: &str, code: &str) -> bool {
    text.match_indices(code).any(|(at, _)| {
        let neighbours = [text[..at].chars().next_back(), text[at + code.len()..].chars().next()];
        !neighbours.into_iter().flatten().any(|c| c.is_ascii_alphanumeric())
    })
}
