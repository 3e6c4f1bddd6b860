//! An account's options, and what its schedule plans.

use chrono::{NaiveDate, TimeDelta};
use reconbanker::domain::ids::AccountId;
use reconbanker::domain::run::{Outcome, RunResult};
use reconbanker::store::StoreError;
use reconbanker::store::accounts::NewAccount;

use crate::support::{Backend, Seed, each_backend, id};

const SCHEDULE: &str = r#"{"scrape":{"every":"1h","jitter":"0s"},"hours":null}"#;

each_backend! {
    async fn a_schedule_is_replaced_and_another_tenants_looks_absent(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, other_account) = seed.other_tenant().await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let before = tx.scrape_schedule(seed.org, seed.account).await.expect("a query").expect("the account");
        assert_eq!(before.time_zone, "America/Montevideo");
        assert_eq!((before.schedule, before.next_scrape_at), (None, None));
        for schedule in [Some(SCHEDULE), Some("{}"), None] {
            tx.save_account_options(seed.org, seed.account, schedule, seed.now).await.expect("a write");
            let saved = tx.scrape_schedule(seed.org, seed.account).await.expect("a query").expect("the account");
            assert_eq!(saved.schedule.as_deref(), schedule);
        }
        assert!(tx.scrape_schedule(other_org, seed.account).await.expect("a query").is_none());
        assert!(tx.scrape_schedule(seed.org, other_account).await.expect("a query").is_none());
        let crossed = tx.save_account_options(other_org, seed.account, None, seed.now).await;
        assert!(matches!(crossed, Err(StoreError::Database(_))), "{crossed:?}");
        drop(tx);
        seed.finish().await;
    }

    async fn a_run_that_waits_or_is_under_way_plans_the_next_one_itself(backend: Backend) {
        let seed = Seed::new(backend).await;
        let at = seed.now + TimeDelta::hours(1);
        let mut tx = seed.store.write().await.expect("a transaction");
        assert!(!tx.replan_scrape(seed.org, seed.account, at, seed.now).await.expect("an answer"), "it waits");
        assert!(tx.start_run(seed.org, seed.run, seed.now).await.expect("an answer"));
        assert!(!tx.replan_scrape(seed.org, seed.account, at, seed.now).await.expect("an answer"), "it is under way");
        let result = RunResult { outcome: Outcome::Ok, detail: None, report: serde_json::json!({}) };
        assert!(tx.finish_run(seed.org, seed.run, &result, seed.now).await.expect("an answer"));
        assert!(tx.replan_scrape(seed.org, seed.account, at, seed.now).await.expect("an answer"));
        let planned = tx.scrape_schedule(seed.org, seed.account).await.expect("a query").expect("the account");
        assert_eq!(planned.next_scrape_at, Some(at));
        drop(tx);
        seed.finish().await;
    }

    async fn an_account_without_credentials_is_not_planned(backend: Backend) {
        let seed = Seed::new(backend).await;
        let account = AccountId(id());
        let mut tx = seed.store.write().await.expect("a transaction");
        let new = NewAccount {
            org_id: seed.org,
            id: account,
            bank_id: tx.bank_of_account(seed.org, seed.account).await.expect("a bank"),
            name: "No credentials",
            enrolled_on: NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day"),
            signing_secret_sealed: b"secret",
        };
        tx.insert_account(&new, seed.now).await.expect("an account");
        assert!(!tx.replan_scrape(seed.org, account, seed.now, seed.now).await.expect("an answer"));
        drop(tx);
        seed.finish().await;
    }
}
