//! Whether the work in the background is alive: each loop beats when it comes round.
//!
//! It says nothing of the database. A loop that waits for a database which is away goes on beating, because every wait
//! has a limit; one that hangs, or has ended, does not.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant as Stopwatch};

/// The loops that are expected to beat, by name.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<BTreeMap<&'static str, Part>>);

#[derive(Debug, Clone, Copy)]
struct Part {
    last: Stopwatch,
    patience: Duration,
}

/// A loop that has not been heard of for longer than it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent {
    pub name: &'static str,
    pub since: Duration,
}

impl Pulse {
    /// Expects a loop to beat from now on, each time within its patience.
    pub fn expect(&self, name: &'static str, patience: Duration, now: Stopwatch) {
        self.parts().insert(name, Part { last: now, patience });
    }

    /// Notes that a loop has come round; one that nobody expects is passed over.
    pub fn beat(&self, name: &str, now: Stopwatch) {
        if let Some(part) = self.parts().get_mut(name) {
            part.last = now;
        }
    }

    /// How many loops are expected to beat; none where work is done by hand.
    #[must_use]
    pub fn count(&self) -> usize {
        self.parts().len()
    }

    #[must_use]
    pub fn silent(&self, now: Stopwatch) -> Vec<Silent> {
        let parts = self.parts();
        let silences = parts.iter().filter_map(|(name, part)| {
            let since = now.saturating_duration_since(part.last);
            (since > part.patience).then_some(Silent { name, since })
        });
        silences.collect()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Part>> {
        self.0.lock().expect("no holder of this lock can panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_silent_when_it_is_late_and_not_before() {
        let (pulse, start) = (Pulse::default(), Stopwatch::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!((pulse.count(), pulse.silent(at(1_000))), (0, vec![]));

        pulse.expect("poll", Duration::from_secs(10), start);
        pulse.expect("schedule", Duration::from_secs(30), start);
        pulse.beat("unknown", at(5));
        assert_eq!((pulse.count(), pulse.silent(at(10))), (2, vec![]));
        let poll = |since: u64| Silent { name: "poll", since: Duration::from_secs(since) };
        assert_eq!(pulse.silent(at(11)), [poll(11)]);

        pulse.beat("poll", at(20));
        assert!(pulse.silent(at(30)).is_empty());
        let schedule = Silent { name: "schedule", since: Duration::from_secs(31) };
        assert_eq!(pulse.silent(at(31)), [poll(11), schedule]);
    }
}
