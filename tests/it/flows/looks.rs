//! Which amounts the matcher looks at, and when.

use reconbanker::domain::ids::{AccountId, MovementId};
use reconbanker::domain::run::RunKind;
use reconbanker::store::Tx;
use reconbanker::store::movements::Ingest;
use serde_json::json;

use crate::support::{Backend, TestApp, credit, each_backend, id};

/// Adds a credit of `JUAN PEREZ` to the ledger in this transaction. A poll must have been made.
async fn put(test: &TestApp, tx: &mut Tx, account: AccountId, amount: &str) {
    let org = test.org().await;
    let run = tx.last_run(org, account, RunKind::Poll).await.expect("a query").expect("a poll");
    let (enrolled_on, now) = (test.world.today(), test.app.deps.now());
    let ingest = Ingest { org, account, run: run.id, enrolled_on, now };
    let movement = credit(amount, amount, "2026-11-20");
    assert!(tx.insert_movement(&ingest, MovementId(id()), &movement).await.expect("a movement"));
}

/// A credit that arrives without raising the revision, so that nothing tells of it.
async fn put_unannounced(test: &TestApp, account: AccountId, amount: &str) {
    let mut tx = test.app.deps.store.write().await.expect("a transaction");
    put(test, &mut tx, account, amount).await;
    tx.commit().await.expect("a commit");
}

async fn status(test: &TestApp, account: AccountId, external_id: &str) -> &'static str {
    test.orders(account).await[external_id].status.word()
}

each_backend! {
    /// An amount that nothing touched is left alone, until somebody asks for it or the mode changes.
    async fn only_touched_amounts_are_looked_at(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        for (name, amount) in [("ASKED", "10.00"), ("LATER", "20.00"), ("TOUCHED", "30.00")] {
            test.order(name, "Juan Pérez", amount);
        }
        test.settle().await;
        for amount in ["10.00", "20.00"] {
            put_unannounced(&test, account, amount).await;
        }
        test.book(account, "f1", "30.00", "2026-11-20").await;
        assert_eq!(status(&test, account, "TOUCHED").await, "matched");
        assert_eq!(status(&test, account, "ASKED").await, "not_found");
        assert_eq!(status(&test, account, "LATER").await, "not_found");

        let asked = test.orders(account).await["ASKED"].id;
        test.api.post(&format!("/conciliation/{asked}/run"), json!({})).await.expect(202);
        test.settle().await;
        assert_eq!(status(&test, account, "ASKED").await, "matched");
        assert_eq!(status(&test, account, "LATER").await, "not_found");

        // What happened in passthrough was not matched: everything open is looked at anew.
        for mode in ["passthrough", "reconcile"] {
            test.api.put("/me/operation-mode", json!({ "mode": mode })).await.expect(200);
        }
        test.book(account, "f2", "40.00", "2026-11-20").await;
        assert_eq!(status(&test, account, "LATER").await, "matched");
        assert_eq!(test.world.received().len(), 3);
        test.finish().await;
    }

    /// However many transactions brought them, one job decides what is there.
    async fn what_many_transactions_brought_is_decided_by_one_job(backend: Backend) {
        let mut test = TestApp::start(backend).await;
        let account = test.enrol_without_bank(&json!({})).await;
        let amounts: Vec<_> = (10..22).map(|number| format!("{number}.00")).collect();
        for amount in &amounts {
            test.order(amount, "Juan Pérez", amount);
        }
        test.settle().await;
        let org = test.org().await;
        for amount in &amounts {
            let mut tx = test.app.deps.store.write().await.expect("a transaction");
            tx.bump_revision(org, account).await.expect("a revision");
            put(&test, &mut tx, account, amount).await;
            tx.commit().await.expect("a commit");
        }
        reconbanker::jobs::match_account(&test.app.deps, org, account, None).await.expect("decisions");
        for amount in &amounts {
            assert_eq!(status(&test, account, amount).await, "matched", "{amount}");
        }
        test.settle().await;
        assert_eq!(test.world.received().len(), amounts.len());
        assert_eq!(test.events("case.matched").await, amounts.len());

        // There is nothing left to look at, and looking all the same writes nothing.
        let before = test.rows().await;
        reconbanker::jobs::match_account(&test.app.deps, org, account, None).await.expect("no decision");
        assert_eq!(test.rows().await, before);
        test.finish().await;
    }
}
