//! Requests for one-time codes: which run has one open, and whose notices came too late.

use reconbanker::domain::event::{EventKind, NewEvent};
use reconbanker::domain::ids::{AssistanceId, EventId};
use reconbanker::domain::run::{Outcome, RunResult};
use serde_json::json;

use crate::support::{Backend, Seed, each_backend, id};

/// Writes an event of the seed's run about a request.
async fn note(seed: &Seed, kind: EventKind, request: AssistanceId) -> EventId {
    let event = EventId(id());
    let mut tx = seed.store.write().await.expect("a transaction");
    tx.record(seed.org, NewEvent::engine(event, seed.now, kind).run(Some(seed.run)).subject(request.0));
    tx.commit().await.expect("a commit");
    event
}

async fn is_past(seed: &Seed, event: EventId) -> bool {
    let mut tx = seed.store.read().await.expect("a transaction");
    tx.is_past_request(seed.org, event).await.expect("an answer")
}

each_backend! {
    async fn a_run_has_one_open_request_until_it_is_closed(backend: Backend) {
        let seed = Seed::new(backend).await;
        let request = AssistanceId(id());
        for wanted in [None, Some(request), None] {
            let mut tx = seed.store.write().await.expect("a transaction");
            tx.set_open_request(seed.org, seed.run, wanted).await.expect("an update");
            tx.commit().await.expect("a commit");
            let mut tx = seed.store.read().await.expect("a transaction");
            assert_eq!(tx.open_request(seed.org, seed.run).await.expect("an answer"), wanted);
        }
        seed.finish().await;
    }

    async fn a_request_is_past_once_something_came_after_it(backend: Backend) {
        let seed = Seed::new(backend).await;
        let request = AssistanceId(id());
        let first = note(&seed, EventKind::AssistanceRequested, request).await;
        assert!(!is_past(&seed, first).await);
        let other = note(&seed, EventKind::AssistanceRequested, AssistanceId(id())).await;
        assert!(!is_past(&seed, first).await, "another request says nothing about this one");
        let answered = note(&seed, EventKind::AssistanceAnswered, request).await;
        assert!(is_past(&seed, first).await);
        let (other_org, _) = seed.other_tenant().await;
        let mut tx = seed.store.read().await.expect("a transaction");
        assert!(!tx.is_past_request(other_org, first).await.expect("an answer"), "another organisation sees nothing");
        drop(tx);
        let second = note(&seed, EventKind::AssistanceRequested, request).await;
        assert!(!is_past(&seed, second).await, "asked again after a wrong code");

        let mut tx = seed.store.write().await.expect("a transaction");
        let result = RunResult { outcome: Outcome::Interrupted, detail: None, report: json!({}) };
        assert!(tx.finish_run(seed.org, seed.run, &result, seed.now).await.expect("an update"));
        tx.commit().await.expect("a commit");
        assert!(is_past(&seed, second).await && is_past(&seed, other).await, "the run is over");
        assert!(!is_past(&seed, answered).await, "only requests are past");
        seed.finish().await;
    }
}
