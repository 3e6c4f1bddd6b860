//! Tenancy, leases, blocks, the gapless log.

use chrono::TimeDelta;
use reconbanker::domain::account::{Block, LoginBudget, OperationMode};
use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{EventId, OrgId, RunId};
use reconbanker::domain::run::{Outcome, RunKind, RunResult, RunState, Trigger};
use reconbanker::store::StoreError;
use reconbanker::store::touched::Span;

use crate::support::{Backend, Seed, each_backend, id};

each_backend! {
    async fn another_tenants_account_looks_absent(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, other_account) = seed.other_tenant().await;
        let mut tx = seed.store.read().await.expect("a transaction");
        assert!(tx.account(seed.org, seed.account).await.expect("a query").is_some());
        assert!(tx.account(seed.org, other_account).await.expect("a query").is_none());
        assert!(tx.account(other_org, seed.account).await.expect("a query").is_none());
        assert!(tx.run(other_org, seed.run).await.expect("a query").is_none());
        drop(tx);
        seed.finish().await;
    }

    async fn a_row_cannot_point_into_another_tenant(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, _) = seed.other_tenant().await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let crossed =
            tx.request_run(other_org, seed.account, RunKind::Poll, Trigger::Manual, RunId(id()), seed.now).await;
        assert!(matches!(crossed, Err(StoreError::Database(_))), "{crossed:?}");
        drop(tx);
        seed.finish().await;
    }

    async fn one_driver_per_login_and_an_old_lease_writes_nothing(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (boot, until) = (id(), seed.now + TimeDelta::minutes(10));
        let mut tx = seed.store.write().await.expect("a transaction");
        let first = tx.take_lease(seed.org, seed.login, boot, seed.now, until).await.expect("a query").expect("free");
        assert_eq!(tx.take_lease(seed.org, seed.login, boot, seed.now, until).await.expect("a query"), None);
        // The first driver falls asleep; its lease runs out; a second one takes over.
        let later = until + TimeDelta::seconds(1);
        let second = tx
            .take_lease(seed.org, seed.login, id(), later, later + TimeDelta::minutes(10))
            .await
            .expect("a query")
            .expect("free again");
        assert!(second.fence > first.fence);
        assert!(matches!(tx.renew_lease(first, later).await, Err(StoreError::Fenced)));
        let budget = LoginBudget::default();
        assert!(matches!(tx.set_login_budget(first, budget, None).await, Err(StoreError::Fenced)));
        tx.renew_lease(second, later).await.expect("the holder may");
        assert!(!tx.release_lease(first).await.expect("an answer"));
        assert_eq!(tx.take_lease(seed.org, seed.login, boot, seed.now, until).await.expect("a query"), None);
        drop(tx);
        seed.finish().await;
    }

    async fn what_a_dead_boot_held_is_let_go_and_its_late_writes_are_refused(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (dead, until) = (id(), seed.now + TimeDelta::minutes(10));
        let mut tx = seed.store.write().await.expect("a transaction");
        let old = tx.take_lease(seed.org, seed.login, dead, seed.now, until).await.expect("a query").expect("free");
        assert_eq!(tx.release_leases_of(id()).await.expect("a query"), 0, "another boot's leases stay");
        assert_eq!(tx.release_leases_of(dead).await.expect("a query"), 1);
        assert!(matches!(tx.renew_lease(old, until).await, Err(StoreError::Fenced)));
        assert!(tx.take_lease(seed.org, seed.login, id(), seed.now, until).await.expect("a query").is_some());
        drop(tx);
        seed.finish().await;
    }

    async fn the_first_block_and_its_reason_stay_until_a_restart(backend: Backend) {
        let seed = Seed::new(backend).await;
        let until = seed.now + TimeDelta::minutes(10);
        let mut tx = seed.store.write().await.expect("a transaction");
        let lease = tx.take_lease(seed.org, seed.login, id(), seed.now, until).await.expect("a query").expect("free");
        for reason in ["first", "second"] {
            let block = Block { at: seed.now, reason: reason.to_owned() };
            tx.set_login_budget(lease, LoginBudget { unknown_in_a_row: 1, probation: false }, Some(&block))
                .await
                .expect("a write");
        }
        let login = tx.bank_login(seed.org, seed.login).await.expect("a query").expect("the login");
        assert_eq!(login.block(), Some(Block { at: seed.now, reason: "first".to_owned() }));
        let account = tx.account(seed.org, seed.account).await.expect("a query").expect("the account");
        assert_eq!(account.blocked_reason.as_deref(), Some("first"));
        tx.set_next_run(seed.org, seed.account, RunKind::Scrape, Some(seed.now), seed.now).await.expect("a write");
        assert!(tx.due_accounts(RunKind::Scrape, seed.now, 10).await.expect("a query").is_empty());
        tx.unblock_login(seed.org, seed.login, LoginBudget::after_restart()).await.expect("a write");
        let login = tx.bank_login(seed.org, seed.login).await.expect("a query").expect("the login");
        let one_submission = LoginBudget { unknown_in_a_row: 0, probation: true };
        assert_eq!((login.block(), login.budget()), (None, one_submission));
        tx.unblock_login(seed.org, seed.login, LoginBudget::default()).await.expect("a write");
        let login = tx.bank_login(seed.org, seed.login).await.expect("a query").expect("the login");
        assert_eq!(login.budget(), one_submission, "without a block there is nothing to permit");
        assert_eq!(
            tx.due_accounts(RunKind::Scrape, seed.now, 10).await.expect("a query"),
            [(seed.org, seed.account)]
        );
        drop(tx);
        seed.finish().await;
    }

    async fn a_second_request_gets_the_waiting_runs_id(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        let ask = (seed.org, seed.account, RunKind::Scrape, Trigger::Manual);
        let again = tx.request_run(ask.0, ask.1, ask.2, ask.3, RunId(id()), seed.now).await.expect("a run");
        assert_eq!(again, seed.run);
        let (waits, goes_on) = (RunState::Queued, RunState::Running);
        assert!(tx.hold_run(seed.org, seed.run, waits).await.expect("an answer"));
        assert!(tx.start_run(seed.org, seed.run, seed.now).await.expect("an answer"));
        assert!(!tx.start_run(seed.org, seed.run, seed.now).await.expect("an answer"), "begun once");
        assert!(tx.hold_run(seed.org, seed.run, goes_on).await.expect("an answer"));
        assert!(!tx.hold_run(seed.org, seed.run, waits).await.expect("an answer"), "whoever found it waiting is late");
        let next = tx.request_run(ask.0, ask.1, ask.2, ask.3, RunId(id()), seed.now).await.expect("a run");
        assert_ne!(next, seed.run, "work that arrives during a run queues one more");
        let result = RunResult { outcome: Outcome::Ok, detail: None, report: serde_json::json!({ "rows": 3 }) };
        assert!(tx.finish_run(seed.org, seed.run, &result, seed.now).await.expect("an answer"));
        assert!(!tx.finish_run(seed.org, seed.run, &result, seed.now).await.expect("an answer"), "ended once");
        assert!(!tx.hold_run(seed.org, seed.run, goes_on).await.expect("an answer"), "nobody goes on with it");
        let last = tx.last_ok_run_at(seed.org, seed.account, RunKind::Scrape).await.expect("a query");
        assert_eq!(last, Some(seed.now));
        drop(tx);
        seed.finish().await;
    }

    async fn events_are_numbered_without_gaps_per_organisation(backend: Backend) {
        let seed = Seed::new(backend).await;
        let (other_org, _) = seed.other_tenant().await;
        let event = || NewEvent::engine(EventId(id()), seed.now, EventKind::AccountConfigured);
        let record = async |orgs: &[OrgId]| {
            let mut tx = seed.store.write().await.expect("a transaction");
            for org in orgs {
                tx.record(*org, event());
            }
            tx.commit().await.expect("a commit");
        };
        record(&[seed.org, other_org, seed.org]).await;
        let mut rolled_back = seed.store.write().await.expect("a transaction");
        rolled_back.record(seed.org, event());
        drop(rolled_back);
        record(&[seed.org]).await;
        let mut tx = seed.store.read().await.expect("a transaction");
        let mut seqs = async |org: OrgId| -> Vec<i64> {
            let events = tx.events_after(org, 0, 100).await.expect("the log");
            events.iter().map(|event| event.seq).collect()
        };
        assert_eq!(seqs(seed.org).await, [1, 2, 3]);
        assert_eq!(seqs(other_org).await, [1]);
        drop(tx);
        seed.finish().await;
    }

    async fn concurrent_commits_leave_no_gap_either(backend: Backend) {
        let seed = Seed::new(backend).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (store, org, now) = (seed.store.clone(), seed.org, seed.now);
            tasks.spawn(async move {
                let mut tx = store.write().await.expect("a transaction");
                tx.record(org, NewEvent::engine(EventId(id()), now, EventKind::AccountConfigured));
                tx.commit().await.expect("a commit");
            });
        }
        tasks.join_all().await;
        let events = seed.store.read().await.expect("a transaction").events_after(seed.org, 0, 100).await;
        let seqs: Vec<_> = events.expect("the log").iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
        seed.finish().await;
    }

    async fn switching_the_mode_deletes_nothing(backend: Backend) {
        let seed = Seed::new(backend).await;
        let row = crate::support::credit("f1", "1.00", "2026-11-20");
        let movement = seed.movement(&row).await;
        let mut tx = seed.store.write().await.expect("a transaction");
        assert_eq!(tx.operation_mode(seed.org).await.expect("a query"), None);
        tx.set_operation_mode(seed.org, OperationMode::Passthrough).await.expect("a write");
        assert_eq!(tx.mark_all_notified(seed.org, seed.now).await.expect("a write"), 1);
        assert!(tx.unforwarded_movements(seed.org, seed.account, Span::EVERYTHING, 10).await.expect("a list").is_empty());
        assert_eq!(tx.operation_mode(seed.org).await.expect("a query"), Some(OperationMode::Passthrough));
        let kept = tx.movement(seed.org, movement).await.expect("a query").expect("the movement");
        assert_eq!(kept.notified_at, Some(seed.now));
        drop(tx);
        seed.finish().await;
    }
}
