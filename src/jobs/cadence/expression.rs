//! Cron expressions with the five fields of Unix.
//!
//! The crate `cron` walks the calendar, and is trusted with nothing else. Its weekday numbers begin with 1 for Sunday,
//! so the fields are read here and it gets names. In a zone with daylight saving it drops a slot of the hour that is
//! skipped, yields one of the hour that comes twice two times, and may step back; so it gets civil times as if they
//! were UTC, and which instants these are is decided here.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use cron::TimeUnitSpec;

use crate::domain::time::{BankZone, Instant};

/// Longest expression, in characters.
const CHARS_MAX: usize = 200;
/// Slots that are looked at for two that come too close: more than a day of the closest that are permitted.
const SLOTS_CHECKED: usize = 400;
/// Banks take a shorter rhythm for an attack, and a reading takes its time.
const DISTANCE_MIN: TimeDelta = TimeDelta::minutes(5);
/// How far back slots are looked for that daylight saving repeats; no zone turns its clocks back further.
const REPEATED_MAX: TimeDelta = TimeDelta::hours(3);

/// What is wrong with an expression; each sentence goes on behind its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("must have at most {} characters", CHARS_MAX)]
    Long,
    #[error("must have five fields (minute, hour, day of month, month, weekday), but has {0}")]
    Fields(usize),
    #[error("has the {field} `{text}`: write *, a number, a range (8-18), a list (0,30) or a step (*/15)")]
    Unreadable { field: &'static str, text: String },
    #[error("has the {field} {text}, which is not between {min} and {max}")]
    OutOfRange { field: &'static str, text: String, min: u32, max: u32 },
    #[error("has the {field} {text}, which runs backwards: write it as two ranges with a comma")]
    Backwards { field: &'static str, text: String },
    #[error("sets day of month and weekday, and cron programs disagree on what that means: write * for one of them")]
    TwoKindsOfDay,
    #[error("never comes up: no month that it names has such a day")]
    Never,
    #[error("comes up at {first} and again at {second}: leave at least {} minutes between", DISTANCE_MIN.num_minutes())]
    TooClose { first: String, second: String },
}

/// One of the five fields.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// Words for the values from `min` on.
    words: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MINUTE: Field = Field { name: "minute", min: 0, max: 59, words: &[] };
const HOUR: Field = Field { name: "hour", min: 0, max: 23, words: &[] };
const DAY: Field = Field { name: "day of month", min: 1, max: 31, words: &[] };
const MONTH: Field = Field { name: "month", min: 1, max: 12, words: MONTHS };
/// Sunday is 0, and 7 as well.
const WEEKDAY: Field = Field { name: "weekday", min: 0, max: 7, words: WEEKDAYS };

/// An expression whose fields are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// As it was written, with single spaces.
    text: String,
    calendar: cron::Schedule,
    /// Whether it is about the time that passes (it names no hour) or about the clock on the wall.
    names_no_hour: bool,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.chars().count() > CHARS_MAX {
            return Err(ExpressionError::Long);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(ExpressionError::Fields(fields.len()));
        };
        let (minutes, hours) = (MINUTE.values(minute)?, HOUR.values(hour)?);
        let (days, months) = (DAY.values(day)?, MONTH.values(month)?);
        let weekdays: BTreeSet<u32> = WEEKDAY.values(weekday)?.into_iter().map(|number| number % 7).collect();
        if days.len() < 31 && weekdays.len() < 7 {
            return Err(ExpressionError::TwoKindsOfDay);
        }
        let names: Vec<&str> = (0..).zip(WEEKDAYS).filter(|(n, _)| weekdays.contains(n)).map(|(_, day)| *day).collect();
        let [minutes, hours, days, months] = [minutes, hours, days, months].map(|values| list(&values));
        let in_names = format!("0 {minutes} {hours} {days} {months} {}", names.join(","));
        let calendar: cron::Schedule = in_names.parse().expect("lists of values within their range are read");
        let names_no_hour = calendar.hours().is_all();
        Ok(Self { text: fields.join(" "), calendar, names_no_hour })
    }

    /// As it was written, with single spaces.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The shortest time between two of the slots that follow a civil time; an error where they come too close, or
    /// never.
    pub fn shortest_distance(&self, from: NaiveDateTime) -> Result<Duration, ExpressionError> {
        let slots: Vec<NaiveDateTime> = self.slots(from).take(SLOTS_CHECKED).collect();
        if slots.is_empty() {
            return Err(ExpressionError::Never);
        }
        let mut shortest = Duration::MAX;
        for pair in slots.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            if second - first < DISTANCE_MIN {
                let [first, second] = [first, second].map(|slot| slot.format("%H:%M").to_string());
                return Err(ExpressionError::TooClose { first, second });
            }
            shortest = shortest.min((second - first).to_std().unwrap_or(Duration::MAX));
        }
        Ok(shortest)
    }

    /// The first slot after an instant; `None` behind the end of the calendar, in 2100.
    ///
    /// An expression that names hours means the clock on the wall: a slot that the clock skips is made up for at the
    /// first instant after the gap, and one that comes twice counts the first time. An expression for every hour means
    /// time that passes: it goes on at each time that the clock really shows.
    pub fn next_after(&self, after: Instant, zone: BankZone) -> Option<Instant> {
        let slots = || self.slots(zone.civil_of(after) - REPEATED_MAX);
        if !self.names_no_hour {
            return slots().map(|slot| zone.first_at(slot)).find(|at| *at > after);
        }
        let first = slots().filter_map(|slot| zone.instants_of(slot).earliest()).find(|at| *at > after);
        let second = slots().filter_map(|slot| zone.instants_of(slot).latest()).find(|at| *at > after);
        first.into_iter().chain(second).min()
    }

    /// Slots as the clock on the wall shows them, without end but that of the calendar.
    fn slots(&self, after: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        self.calendar.after(&after.and_utc()).map(|slot| slot.naive_utc())
    }
}

impl Field {
    /// The values that a list of ranges and steps means.
    fn values(&self, text: &str) -> Result<BTreeSet<u32>, ExpressionError> {
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                None => (part, 1),
                Some((range, step)) => (range, self.step(range, step, text)?),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.min, self.max),
                None => [self.value(range, text)?; 2].into(),
                Some((first, last)) => (self.value(first, text)?, self.end_of_range(first, last, text)?),
            };
            if first > last {
                return Err(ExpressionError::Backwards { field: self.name, text: part.to_owned() });
            }
            values.extend((first..=last).step_by(step));
        }
        Ok(values)
    }

    /// A step belongs to `*` or to a range: what it means behind a number differs from one cron program to another.
    fn step(&self, range: &str, step: &str, text: &str) -> Result<usize, ExpressionError> {
        let is_permitted = range == "*" || range.contains('-');
        let step = step.parse::<usize>().ok().filter(|step| *step > 0 && is_permitted);
        step.ok_or_else(|| self.unreadable(text))
    }

    /// A range of weekdays may end with the Sunday that ends the week.
    fn end_of_range(&self, first: &str, last: &str, text: &str) -> Result<u32, ExpressionError> {
        let (first, last) = (self.value(first, text)?, self.value(last, text)?);
        Ok(if self.name == WEEKDAY.name && last == 0 && first > 0 { 7 } else { last })
    }

    fn value(&self, value: &str, text: &str) -> Result<u32, ExpressionError> {
        let named = (self.min..).zip(self.words).find(|(_, word)| word.eq_ignore_ascii_case(value));
        if let Some((number, _)) = named {
            return Ok(number);
        }
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.unreadable(text));
        }
        let number = value.parse::<u32>().ok().filter(|number| (self.min..=self.max).contains(number));
        number.ok_or_else(|| ExpressionError::OutOfRange {
            field: self.name,
            text: value.to_owned(),
            min: self.min,
            max: self.max,
        })
    }

    fn unreadable(&self, text: &str) -> ExpressionError {
        ExpressionError::Unreadable { field: self.name, text: text.to_owned() }
    }
}

fn list(values: &BTreeSet<u32>) -> String {
    let texts: Vec<String> = values.iter().map(u32::to_string).collect();
    texts.join(",")
}
