//! A failure that repeats: told once, then once a minute, and once more when it is over.

use std::time::{Duration, Instant as Stopwatch};

/// Between two lines about one outage.
const TELL_EVERY: Duration = Duration::from_mins(1);
/// The first pause after a failure; each further failure doubles it.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest one: how late it may be noticed that all is well again.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What one loop remembers of its failures.
#[derive(Debug, Default)]
pub struct Outage(Option<Current>);

#[derive(Debug)]
struct Current {
    since: Stopwatch,
    told_at: Stopwatch,
    /// Failures since then.
    untold: u64,
    failures: u32,
}

impl Outage {
    /// Notes a failure. Where a line about it is due: how many failures that line stands for.
    pub fn failed(&mut self, now: Stopwatch) -> Option<u64> {
        match &mut self.0 {
            None => {
                self.0 = Some(Current { since: now, told_at: now, untold: 0, failures: 1 });
                Some(1)
            }
            Some(current) => {
                current.failures = current.failures.saturating_add(1);
                current.untold += 1;
                if now.saturating_duration_since(current.told_at) < TELL_EVERY {
                    return None;
                }
                current.told_at = now;
                Some(std::mem::take(&mut current.untold))
            }
        }
    }

    /// Notes a success. Where it ends an outage: how long that lasted.
    pub fn worked(&mut self, now: Stopwatch) -> Option<Duration> {
        self.0.take().map(|current| now.saturating_duration_since(current.since))
    }

    /// How long to wait before the next try.
    #[must_use]
    pub fn pause(&self) -> Duration {
        // Four doublings are more than the longest pause.
        let doublings = self.0.as_ref().map_or(0, |current| current.failures - 1).min(4);
        PAUSE_MAX.min(PAUSE_MIN * 2_u32.pow(doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_at_once_then_by_the_minute_and_at_its_end() {
        let (mut outage, start) = (Outage::default(), Stopwatch::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert_eq!(outage.worked(at(0)), None);
        assert_eq!(outage.failed(at(0)), Some(1));
        assert_eq!([1, 30, 59].map(|seconds| outage.failed(at(seconds))), [None; 3]);
        assert_eq!(outage.failed(at(60)), Some(4), "those that were not told, and this one");
        assert_eq!(outage.failed(at(119)), None);
        assert_eq!(outage.failed(at(121)), Some(2));
        assert_eq!(outage.worked(at(130)), Some(Duration::from_secs(130)));
        assert_eq!(outage.worked(at(131)), None, "told once");
        assert_eq!(outage.failed(at(132)), Some(1), "another one");
    }

    #[test]
    fn pauses_grow_to_their_limit_and_begin_anew() {
        let (mut outage, now) = (Outage::default(), Stopwatch::now());
        let mut pauses = Vec::new();
        for _ in 0..6 {
            outage.failed(now);
            pauses.push(outage.pause().as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 5, 5, 5]);
        outage.worked(now);
        outage.failed(now);
        assert_eq!(outage.pause(), Duration::from_secs(1));
    }
}
