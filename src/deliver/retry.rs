//! When a failed delivery is tried again. Pure, in whole milliseconds.

use chrono::Duration;

use crate::domain::time::Instant;

/// Seconds between one attempt and the next.
///
/// Three quick tries for a hiccup, then the example schedule of Standard Webhooks for an outage.
/// Twelve attempts over 75 h 35 min 35 s: a receiver may be down from Friday evening to Monday.
const DELAYS_S: [i64; 11] =
    [5, 10, 20, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Longest wait that a receiver can ask for with `Retry-After`.
const RETRY_AFTER_MAX_S: u64 = 24 * 60 * 60;
/// Jitter never moves an attempt by more than a fifth of its delay.
const JITTER_MAX_PER_MILLE: i64 = 200;

/// The instant of the next attempt; `None` when all are used up and the delivery is a dead letter.
///
/// `jitter_per_mille`, from -200 to 200, spreads deliveries that failed together. `retry_after_s`
/// is what the receiver asked for: it postpones an attempt, by a day at most, and never hastens one.
#[must_use]
pub fn next_attempt(
    attempts_made: u32,
    retry_after_s: Option<u64>,
    jitter_per_mille: i64,
    now: Instant,
) -> Option<Instant> {
    let Some(attempts_failed) = attempts_made.checked_sub(1) else { return Some(now) };
    let delay_s = *DELAYS_S.get(usize::try_from(attempts_failed).ok()?)?;
    let jitter = jitter_per_mille.clamp(-JITTER_MAX_PER_MILLE, JITTER_MAX_PER_MILLE);
    // A thousandth of a second is to a second what a per mille is to the whole.
    let delay_ms = delay_s * 1_000 + delay_s * jitter;
    let asked_s = retry_after_s.unwrap_or(0).min(RETRY_AFTER_MAX_S);
    let asked_ms = i64::try_from(asked_s * 1_000).expect("a day in milliseconds");
    Some(now + Duration::milliseconds(delay_ms.max(asked_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        "2026-05-13T15:30:00Z".parse().expect("instant")
    }

    #[test]
    fn the_schedule_runs_over_three_days_and_ends() {
        let mut now = start();
        let mut at = Vec::new();
        let mut attempts = 1;
        while let Some(next) = next_attempt(attempts, None, 0, now) {
            now = next;
            at.push(now.format("%d %H:%M:%S").to_string());
            attempts += 1;
        }
        let expected = [
            "13 15:30:05",
            "13 15:30:15",
            "13 15:30:35",
            "13 15:35:35",
            "13 16:05:35",
            "13 18:05:35",
            "13 23:05:35",
            "14 09:05:35",
            "14 23:05:35",
            "15 19:05:35",
            "16 19:05:35",
        ];
        assert_eq!(at, expected);
        assert_eq!(attempts, 12, "attempts in all");
    }

    #[test]
    fn jitter_moves_an_attempt_by_a_fifth_at_most_and_retry_after_only_postpones() {
        let check = |attempts_made, retry_after_s, jitter, expected_ms: Option<i64>| {
            let next = next_attempt(attempts_made, retry_after_s, jitter, start());
            assert_eq!(next.map(|at| (at - start()).num_milliseconds()), expected_ms);
        };
        check(0, None, 0, Some(0));
        check(1, None, -200, Some(4_000));
        check(1, None, 200, Some(6_000));
        check(1, None, 1, Some(5_005));
        check(1, None, 5_000, Some(6_000));
        check(4, None, -200, Some(240_000));
        check(11, None, 200, Some(103_680_000));

        check(1, Some(90), 200, Some(90_000));
        check(1, Some(0), 0, Some(5_000));
        check(4, Some(90), -200, Some(240_000));
        check(1, Some(u64::MAX), 0, Some(86_400_000));
        check(12, None, 0, None);
        check(12, Some(5), 0, None);
        check(u32::MAX, None, 0, None);
    }
}
