//! Instants and bank days.
//!
//! An instant is `DateTime<Utc>` cut to microseconds (PostgreSQL keeps six digits; a value must
//! survive a round trip). A bank day is a civil date *and* the bank's zone; the two convert only
//! through [`BankZone`], never silently.

use std::sync::Mutex;

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, SubsecRound, TimeZone, Utc};
use chrono_tz::Tz;

/// An instant, UTC, microseconds.
pub type Instant = DateTime<Utc>;

/// How far a node's clock may be from the database server's, and so half of how far two nodes' may be from each other:
/// one node judges by its own clock whether another's lease has run out.
pub const CLOCKS_APART_MAX: Duration = Duration::seconds(15);

/// How far another clock is from ours, either way, that was read between two readings of ours.
#[must_use]
pub fn apart(before: Instant, theirs: Instant, after: Instant) -> Duration {
    (before - theirs).max(theirs - after).max(Duration::zero())
}

/// Where "now" comes from. Read in `jobs`, `session` and `http`; below them `now` is an argument.
pub trait Clock: Send + Sync {
    /// Returns the present instant, cut to microseconds.
    fn now(&self) -> Instant;
}

/// The operating system's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now(&self) -> Instant {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that stands still until it is moved. For tests and replays.
#[derive(Debug)]
pub struct ManualClock(Mutex<Instant>);

impl ManualClock {
    #[must_use]
    pub fn at(start: Instant) -> Self {
        Self(Mutex::new(start.trunc_subsecs(6)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().expect("no holder of this lock can panic");
        *now += by;
    }

    /// Sets the clock, forward or back, as whoever administers the machine may do.
    pub fn set(&self, to: Instant) {
        *self.0.lock().expect("no holder of this lock can panic") = to.trunc_subsecs(6);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        *self.0.lock().expect("no holder of this lock can panic")
    }
}

/// The zone in which a bank counts its days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BankZone(pub Tz);

impl BankZone {
    /// Reads an IANA name such as `America/Montevideo`.
    pub fn parse(name: &str) -> Option<Self> {
        name.parse().ok().map(Self)
    }

    /// The bank's calendar day at an instant.
    #[must_use]
    pub fn day_of(self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// The first instant of a bank day.
    ///
    /// Where daylight saving skips midnight, the first instant after the gap.
    #[must_use]
    pub fn start_of(self, day: NaiveDate) -> Instant {
        self.first_at(day.and_hms_opt(0, 0, 0).expect("midnight exists in every civil day"))
    }

    /// What the bank's clocks show at an instant.
    #[must_use]
    pub fn civil_of(self, at: Instant) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// When the bank's clocks show a civil time: never where daylight saving skips it, twice where it comes again.
    #[must_use]
    pub fn instants_of(self, civil: NaiveDateTime) -> LocalResult<Instant> {
        self.0.from_local_datetime(&civil).map(|at| at.with_timezone(&Utc))
    }

    /// The first instant at which the bank's clocks show a civil time, to the minute.
    ///
    /// Where they skip it, the first instant after the gap. The longest gap is the day that Samoa left out in 2011.
    #[must_use]
    pub fn first_at(self, civil: NaiveDateTime) -> Instant {
        (0..=GAP_MAX_MINUTES)
            .find_map(|minutes| self.instants_of(civil + Duration::minutes(minutes)).earliest())
            .unwrap_or_else(|| Utc.from_utc_datetime(&civil))
    }
}

/// No zone of the IANA database skips more at once.
const GAP_MAX_MINUTES: i64 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_day_starts_at_local_midnight_also_when_midnight_is_skipped() {
        let check = |zone: &str, day: (i32, u32, u32), expected: &str| {
            let zone = BankZone::parse(zone).expect("zone");
            let day = NaiveDate::from_ymd_opt(day.0, day.1, day.2).expect("day");
            assert_eq!(zone.start_of(day).to_rfc3339(), expected);
            assert_eq!(zone.day_of(zone.start_of(day)), day);
        };
        check("America/Montevideo", (2026, 5, 13), "2026-05-13T03:00:00+00:00");
        check("America/Guayaquil", (2026, 5, 13), "2026-05-13T05:00:00+00:00");
        // Chile springs forward at midnight: the day starts at 01:00 local.
        check("America/Santiago", (2026, 9, 6), "2026-09-06T04:00:00+00:00");
    }

    #[test]
    fn a_civil_time_that_is_skipped_or_comes_twice_has_a_first_instant() {
        let check = |zone: &str, civil: &str, expected: &str| {
            let zone = BankZone::parse(zone).expect("zone");
            let civil: NaiveDateTime = civil.parse().expect("a civil time");
            assert_eq!(zone.first_at(civil).to_rfc3339(), expected, "{civil}");
        };
        check("Europe/Madrid", "2026-03-29T01:59:00", "2026-03-29T00:59:00+00:00");
        check("Europe/Madrid", "2026-03-29T02:00:00", "2026-03-29T01:00:00+00:00");
        check("Europe/Madrid", "2026-03-29T02:59:00", "2026-03-29T01:00:00+00:00");
        check("Europe/Madrid", "2026-03-29T03:00:00", "2026-03-29T01:00:00+00:00");
        check("Europe/Madrid", "2026-10-25T02:30:00", "2026-10-25T00:30:00+00:00");
        check("Europe/Madrid", "2026-10-25T03:00:00", "2026-10-25T02:00:00+00:00");
        check("America/Santiago", "2026-09-06T00:30:00", "2026-09-06T04:00:00+00:00");
        check("America/Santiago", "2027-04-03T23:30:00", "2027-04-04T02:30:00+00:00");
        check("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00+00:00");
    }

    #[test]
    fn a_clock_read_between_two_readings_of_ours_is_not_apart() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("instant").to_utc();
        let check = |theirs: &str, expected_s: i64| {
            let (before, after) = (at("2026-11-20T13:00:00Z"), at("2026-11-20T13:00:04Z"));
            assert_eq!(apart(before, at(theirs), after), Duration::seconds(expected_s), "{theirs}");
        };
        check("2026-11-20T12:59:57Z", 3);
        check("2026-11-20T13:00:00Z", 0);
        check("2026-11-20T13:00:04Z", 0);
        check("2026-11-20T13:01:04Z", 60);
    }

    #[test]
    fn the_evening_in_montevideo_is_still_the_same_bank_day() {
        let zone = BankZone::parse("America/Montevideo").expect("zone");
        let late = DateTime::parse_from_rfc3339("2026-05-14T02:30:00Z").expect("instant").to_utc();
        assert_eq!(zone.day_of(late), NaiveDate::from_ymd_opt(2026, 5, 13).expect("day"));
    }
}
