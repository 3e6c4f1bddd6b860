//! From the bank's page to the shop's webhook, whichever comes first.

use chrono::TimeDelta;
use reconbanker::domain::run::Outcome;
use serde_json::json;

use crate::support::{Backend, GOOD_USER, TestApp, each_backend};

each_backend! {
    /// The shop expects; the money arrives; the webhook verifies.
    async fn browser_order_first_ends_in_a_verified_webhook(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        let run = test.scrape(account).await;
        assert_eq!(run.outcome, Some(Outcome::Ok), "{:?}", run.detail);

        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].verified, Ok(()));
        assert_eq!(received[0].authorization.as_deref(), Some("Bearer shop-token"));
        assert_eq!(
            received[0].raw,
            r#"{"external_id":"ORDER-1","status":"matched","amount":1500.00,"currency":"UYU","name":"Juan Pérez"}"#
        );
        let movements = test.api.get(&format!("/accounts/{account}/movements?limit=1")).await.expect(200);
        assert_eq!(movements[0]["amount"], "1500.00");
        assert_eq!(movements[0]["sender_name"], "JUAN PEREZ");
        // Midnight of the bank's day in Montevideo.
        assert_eq!(movements[0]["received_at"], "2026-11-20T03:00:00Z");
        assert_eq!(movements[0]["excluded_at"], "2026-11-20T13:00:00Z");
        test.finish().await;
    }

    /// The money is there before anyone asks for it.
    async fn browser_payment_first_ends_in_a_verified_webhook(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.transfer("TRANSFERENCIA DE ANA LOPEZ GARCIA", "500.50");
        test.scrape(account).await;
        assert_eq!(test.world.received().len(), 0);

        test.order("ORDER-2", "Ana López", "500.50");
        test.advance(TimeDelta::minutes(11)).await;
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].verified, Ok(()));
        assert_eq!(received[0].body["external_id"], "ORDER-2");

        // The schedule has read the bank again by now; nothing is said twice.
        test.advance(TimeDelta::minutes(30)).await;
        assert_eq!(test.world.received().len(), 1);
        test.finish().await;
    }

    /// Reading the same pages again adds nothing; real twins stay two.
    async fn browser_a_second_read_adds_no_movement(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.scrape(account).await;
        let path = format!("/accounts/{account}/movements?include=pending,debits&limit=500");
        let first = test.api.get(&path).await.expect(200);
        let count = first.as_array().expect("a list").len();
        assert_eq!(count, 13, "twelve movements in pesos and one in dollars are seeded");
        let run = test.scrape(account).await;
        let report = run.report.expect("a report");
        assert!(report.contains("\"rows_new\":0"), "{report}");
        assert_eq!(test.api.get(&path).await.expect(200), first);

        // The bank's page is newest first, and so is the list.
        let times: Vec<_> =
            first.as_array().expect("a list").iter().map(|row| row["received_at"].as_str().expect("a time")).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
        let credits = test.api.get(&format!("/accounts/{account}/movements")).await.expect(200);
        assert!(credits.as_array().expect("a list").len() < count, "debits and pending rows are listed on request only");
        test.finish().await;
    }

    /// A movement that is posted late moves the balances of the rows after it; they are the same rows.
    async fn browser_a_late_posting_makes_no_known_payment_new(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        test.scrape(account).await;
        assert_eq!(test.world.received().len(), 1);

        test.book_late("TRANSFERENCIA DE LAURA SOSA", "10.00");
        test.order("ORDER-2", "Juan Pérez", "1500.00");
        let run = test.scrape(account).await;
        assert!(run.report.expect("a report").contains("\"rows_new\":1"), "the late one alone");
        test.advance(TimeDelta::minutes(11)).await;
        assert_eq!(test.world.received().len(), 1, "one transfer pays one order");
        test.finish().await;
    }

    /// A poll and a scrape that end together wake the matcher twice; the customer is told once.
    async fn two_matchers_of_one_account_tell_once(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        let org = test.org().await;
        // Two equal transfers for one order: ambiguous, whoever looks.
        test.ingest(account, &["TWIN-1", "TWIN-2"], "JUAN PEREZ", "1500.00").await;
        let deps = &test.app.deps;
        let decide = || reconbanker::jobs::match_account(deps, org, account, None);
        let (one, other) = tokio::join!(decide(), decide());
        one.expect("a decision");
        other.expect("a decision");
        test.settle().await;
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].body["status"], "ambiguous");
        test.finish().await;
    }

    /// Settings saved in passthrough are polled once the organisation reconciles.
    async fn switching_to_reconcile_starts_the_polls(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        test.enrol(GOOD_USER, "passthrough").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        assert!(test.world.polls().is_empty());
        test.api.put("/me/operation-mode", json!({ "mode": "reconcile" })).await.expect(200);
        reconbanker::jobs::schedule::tick(&test.app.deps).await.expect("the schedule ticks");
        test.settle().await;
        assert_eq!(test.world.polls().len(), 1);
        test.finish().await;
    }

    /// Passthrough tells of each new booked credit once; what was booked before enrolment is baseline.
    async fn browser_passthrough_forwards_new_credits_once(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "passthrough").await;
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        test.scrape(account).await;
        test.scrape(account).await;
        let received = test.world.received();
        assert_eq!(received.len(), 1, "{received:?}");
        assert_eq!(received[0].verified, Ok(()));
        let body = &received[0].body;
        assert_eq!(body["name"], "JUAN PEREZ");
        assert_eq!(body["received_at"], "2026-11-20T03:00:00.000Z");
        let movements = test.api.get(&format!("/accounts/{account}/movements?limit=1")).await.expect(200);
        assert_eq!(movements[0]["id"], body["id"]);
        assert_ne!(movements[0]["notified_at"], json!(null));
        test.finish().await;
    }

    /// One run id leads from the scrape to the webhook.
    async fn browser_one_run_id_leads_from_scrape_to_webhook(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol(GOOD_USER, "reconcile").await;
        test.order("ORDER-1", "Juan Pérez", "1500.00");
        test.settle().await;
        test.transfer("TRANSFERENCIA DE JUAN PEREZ", "1500.00");
        let run = test.scrape(account).await;
        let org = test.org().await;
        let mut tx = test.app.deps.store.read().await.expect("a transaction");
        let events = tx.events_after(org, 0, 1_000).await.expect("the log");
        drop(tx);
        let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=i64::try_from(events.len()).expect("a count")).collect::<Vec<_>>(), "no gaps");
        let kinds: Vec<_> =
            events.iter().filter(|event| event.run_id == Some(run.id)).map(|event| event.kind.as_str()).collect();
        assert_eq!(
            kinds,
            [
                "run.requested",
                "run.started",
                "bank_login.submitted",
                "movements.ingested",
                "movements.ingested",
                "run.finished",
                "case.matched",
                "delivery.succeeded",
            ]
        );
        let matched = events.iter().find(|event| event.kind == "case.matched").expect("a match");
        assert_eq!(test.world.received()[0].webhook_id, matched.id.to_string(), "the webhook-id is the event's id");
        test.finish().await;
    }
}
