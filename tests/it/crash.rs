//! A day of work is cut off at every commit and at every call that goes out, before and after it, and taken up again.
//!
//! The day is lived by a process of its own, which ends itself there with SIGKILL; then the same day goes on in another
//! process on what is left. What the shop heard and what the ledger holds must be as if nothing had happened.

mod bank;
mod child;
mod day;
mod stage;

use reconbanker::domain::checkpoint::{Crossing, Side};

use self::child::Stop;
use self::stage::Stage;
use crate::support::{Backend, each_backend};

/// Lives the day once for each crossing of a kind, cut off there.
async fn cut_off_at_every(crossing: Crossing, side: Side, backend: Backend) {
    let mut stage = Stage::set_up(backend).await;
    let whole = stage.live(None).await;
    let crossings = match crossing {
        Crossing::Commit => whole.commits,
        Crossing::Call => whole.calls,
    };
    assert!(crossings > 20, "the day has only {crossings} crossings of the kind {crossing:?}");
    for number in 1..=crossings {
        let lived = stage.live(Some(Stop { crossing, side, number })).await;
        assert!(lived.was_cut_off, "{side:?} {crossing:?} {number} of {crossings}: the process was not cut off");
    }
    stage.tear_down().await;
}

each_backend! {
    /// The day itself; and, for the other tests, the process in which it is lived.
    async fn a_day_ends_as_it_should(backend: Backend) {
        if let Some(task) = child::Task::given() {
            return task.run().await;
        }
        let mut stage = Stage::set_up(backend).await;
        assert!(!stage.live(None).await.was_cut_off);
        stage.tear_down().await;
    }

    async fn nothing_is_lost_before_a_commit(backend: Backend) {
        cut_off_at_every(Crossing::Commit, Side::Before, backend).await;
    }

    async fn nothing_is_lost_after_a_commit(backend: Backend) {
        cut_off_at_every(Crossing::Commit, Side::After, backend).await;
    }

    async fn nothing_is_lost_before_a_call(backend: Backend) {
        cut_off_at_every(Crossing::Call, Side::Before, backend).await;
    }

    async fn nothing_is_lost_after_a_call(backend: Backend) {
        cut_off_at_every(Crossing::Call, Side::After, backend).await;
    }
}
