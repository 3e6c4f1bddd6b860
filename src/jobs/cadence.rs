//! When an account is read: every so often or at the slots of a cron expression, within the hours of its bank.
//!
//! Pure: from an instant, the bank's zone and an id's random bits to the next instant. Nothing here remembers what was
//! missed; whoever asks says from when on.

mod expression;
mod text;

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{Datelike, NaiveDate, NaiveTime, SubsecRound, TimeDelta, WeekdaySet};
use uuid::Uuid;

pub(crate) use self::text::{Problem, ScheduleText};

use self::expression::Expression;
use crate::domain::time::{BankZone, Instant};

/// When an account is read, as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub cadence: Cadence,
    /// Most that a reading is moved at random, so that banks do not see a clock. It never leaves the hours.
    pub jitter: Duration,
    /// `None`: the bank is open day and night.
    pub hours: Option<BankHours>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cadence {
    /// So long after a reading has ended.
    Every(Duration),
    /// At the slots of an expression, in the bank's zone.
    Cron(Box<Expression>),
}

/// When a bank may be read, in its zone: on each of these days from one time of day until before the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BankHours {
    /// The days on which the hours begin; at least one.
    days: WeekdaySet,
    from: NaiveTime,
    /// Of the next day where it is not later than `from`.
    to: NaiveTime,
}

/// Days that are searched for opening hours: a fortnight has two of each weekday, and yesterday's may still go on.
const DAYS_SEARCHED: usize = 15;
/// The shortest time between two readings, whatever an interval says.
const EVERY_MIN: TimeDelta = TimeDelta::seconds(1);
/// Stands for the next slot where an expression has none any more.
const WITHOUT_SLOT: TimeDelta = TimeDelta::days(1);

impl Schedule {
    /// When the account is read next after an instant: always later than that. `draw` is an id whose random bits
    /// choose the jitter.
    pub fn next_after(&self, after: Instant, zone: BankZone, draw: Uuid) -> Instant {
        self.drawn(self.slot_after(after, zone), zone, draw)
    }

    /// When a reading that was missed is made up for: soon, but not in the same second as all the others.
    pub fn made_up_at(&self, now: Instant, zone: BankZone, draw: Uuid) -> Instant {
        self.drawn(now, zone, draw)
    }

    /// When a reading that someone waits for can be made: now, or when the bank opens.
    pub fn soonest(&self, now: Instant, zone: BankZone, draw: Uuid) -> Instant {
        if self.is_open(now, zone) { now } else { self.drawn(now, zone, draw) }
    }

    pub fn is_open(&self, at: Instant, zone: BankZone) -> bool {
        self.placed(at, zone).0 == at
    }

    /// The next readings after an instant, one after the other, with no jitter and as if they took no time.
    pub fn upcoming(&self, after: Instant, zone: BankZone, count: usize) -> Vec<Instant> {
        let next = |at: &Instant| Some(self.placed(self.slot_after(*at, zone), zone).0);
        std::iter::successors(next(&after), next).take(count).collect()
    }

    fn slot_after(&self, after: Instant, zone: BankZone) -> Instant {
        match &self.cadence {
            Cadence::Every(period) => after + delta(*period).max(EVERY_MIN),
            Cadence::Cron(expression) => expression.next_after(after, zone).unwrap_or(after + WITHOUT_SLOT),
        }
    }

    fn drawn(&self, slot: Instant, zone: BankZone, draw: Uuid) -> Instant {
        let (at, room) = self.placed(slot, zone);
        (at + delta(spread(draw, self.jitter.min(room)))).trunc_subsecs(6)
    }

    /// Where a slot comes to lie when it must be within the hours, and how much of them is left then.
    fn placed(&self, slot: Instant, zone: BankZone) -> (Instant, Duration) {
        let Some(hours) = self.hours else { return (slot, Duration::MAX) };
        let (opens, closes) = hours.at_or_after(slot, zone);
        let at = slot.max(opens);
        (at, (closes - at).to_std().unwrap_or(Duration::ZERO))
    }
}

impl BankHours {
    /// `None` where they name no day.
    pub fn new(days: WeekdaySet, from: NaiveTime, to: NaiveTime) -> Option<Self> {
        (!days.is_empty()).then_some(Self { days, from, to })
    }

    /// The hours that an instant lies in, else the next ones: when they begin, and when they are over.
    fn at_or_after(self, at: Instant, zone: BankZone) -> (Instant, Instant) {
        let today = zone.day_of(at);
        let days = today.pred_opt().unwrap_or(today).iter_days().take(DAYS_SEARCHED);
        days.filter(|day| self.days.contains(day.weekday()))
            .map(|day| self.on(day, zone))
            // Short ones may lie whole in an hour that daylight saving skips.
            .find(|(opens, closes)| opens < closes && at < *closes)
            .unwrap_or((at, at + WITHOUT_SLOT))
    }

    fn on(self, day: NaiveDate, zone: BankZone) -> (Instant, Instant) {
        let last = if self.from < self.to { Some(day) } else { day.succ_opt() };
        (zone.first_at(day.and_time(self.from)), zone.first_at(last.unwrap_or(day).and_time(self.to)))
    }
}

/// A duration between zero and `max`, drawn from an id's random bits, so that replays agree.
fn spread(id: Uuid, max: Duration) -> Duration {
    let random = u32::try_from(id.as_u128() & 0xffff).expect("sixteen bits");
    max * random / 0x1_0000
}

/// Schedules hold hours and days; what does not fit is a mistake elsewhere, and a day is long enough to notice it.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(WITHOUT_SLOT)
}
