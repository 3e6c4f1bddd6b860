//! A clock that puts whoever looks at it to sleep, as a machine that is suspended does with its programs.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use reconbanker::domain::time::{Clock, Instant, ManualClock};

use super::eventually;

/// Shows the time of another clock.
pub struct SleepyClock {
    time: Arc<ManualClock>,
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    falls_asleep: Option<Box<dyn Fn() -> bool + Send>>,
    is_asleep: bool,
}

impl SleepyClock {
    pub fn new(time: Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self { time, state: Mutex::default(), woken: Condvar::new() })
    }

    /// The first who looks at the clock while the condition holds sees the time, and falls asleep. Only the thread
    /// does: it must be one that can be spared.
    pub fn sleep_once(&self, condition: impl Fn() -> bool + Send + 'static) {
        self.state().falls_asleep = Some(Box::new(condition));
    }

    /// Returns when somebody sleeps.
    pub async fn asleep(&self) {
        eventually("sleep", async || self.state().is_asleep).await;
    }

    /// Wakes who sleeps, and lets nobody else fall asleep.
    pub fn wake(&self) {
        *self.state() = State::default();
        self.woken.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

impl Clock for SleepyClock {
    fn now(&self) -> Instant {
        let now = self.time.now();
        let mut state = self.state();
        if state.falls_asleep.as_ref().is_some_and(|condition| condition()) {
            state.falls_asleep = None;
            state.is_asleep = true;
            while state.is_asleep {
                state = self.woken.wait(state).expect("no holder of this lock can panic");
            }
        }
        now
    }
}
