//! A schedule as JSON: what people send, what is stored, and what answers show.
//!
//! Read by hand, so that every mistake is told at once, by its field and with the remedy.

use std::time::Duration;

use chrono::{NaiveDateTime, NaiveTime, Weekday, WeekdaySet};
use serde::Serialize;
use serde_json::{Map, Value};

use super::expression::Expression;
use super::{BankHours, Cadence, Schedule};

/// Bounds of `every`, in force for the deployment's `scrape_every` too.
const EVERY: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(7 * 24));
/// Bounds of `jitter`.
const JITTER: (Duration, Duration) = (Duration::ZERO, Duration::from_hours(1));
const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Something that is wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Path of the field, as it was sent.
    pub field: String,
    /// For a person; names the field.
    pub message: String,
}

/// A schedule, written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ScheduleText {
    pub scrape: ScrapeText,
    pub hours: Option<HoursText>,
}

/// Either `every` or `cron`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ScrapeText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
    #[serde(rename = "cron", skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    pub jitter: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HoursText {
    pub days: Vec<&'static str>,
    pub from: String,
    pub to: String,
}

impl Schedule {
    /// Reads what a person sent and checks it as a whole.
    ///
    /// `usual_jitter` is what an omitted jitter means, cut to half of the shortest time between two readings. `now` is
    /// what the bank's clocks show: the slots of an expression are looked at from then on.
    pub fn accept(value: &Value, usual_jitter: Duration, now: NaiveDateTime) -> Result<Self, Vec<Problem>> {
        let mut schedule = Self::read(value, usual_jitter)?;
        let shortest = match &schedule.cadence {
            Cadence::Every(period) => *period,
            Cadence::Cron(expression) => {
                expression.shortest_distance(now).map_err(|error| vec![problem("schedule.scrape.cron", error)])?
            }
        };
        if schedule.jitter >= shortest {
            if !value["scrape"]["jitter"].is_null() {
                let shortest = humantime::format_duration(shortest);
                let message = format!("must be less than {shortest}, the shortest time between two readings");
                return Err(vec![problem("schedule.scrape.jitter", message)]);
            }
            schedule.jitter = shortest / 2;
        }
        Ok(schedule)
    }

    /// Reads what was accepted before, or is about to be.
    pub fn read(value: &Value, usual_jitter: Duration) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { problems: Vec::new() };
        let schedule = reader.schedule(value, usual_jitter);
        schedule.filter(|_| reader.problems.is_empty()).ok_or(reader.problems)
    }

    pub fn to_text(&self) -> ScheduleText {
        let print = |duration| humantime::format_duration(duration).to_string();
        let (every, expression) = match &self.cadence {
            Cadence::Every(period) => (Some(print(*period)), None),
            Cadence::Cron(expression) => (None, Some(expression.text().to_owned())),
        };
        ScheduleText {
            scrape: ScrapeText { every, expression, jitter: print(self.jitter) },
            hours: self.hours.map(BankHours::to_text),
        }
    }
}

impl BankHours {
    fn to_text(self) -> HoursText {
        let days = DAYS.iter().filter(|(_, day)| self.days.contains(*day)).map(|(name, _)| *name).collect();
        let print = |time: NaiveTime| time.format("%H:%M").to_string();
        HoursText { days, from: print(self.from), to: print(self.to) }
    }
}

fn problem(field: &str, message: impl std::fmt::Display) -> Problem {
    Problem { field: field.to_owned(), message: format!("{field} {message}") }
}

/// Collects problems while fields are read one by one; what is missing or wrong reads as `None`.
struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn complain(&mut self, field: &str, message: impl std::fmt::Display) {
        self.problems.push(problem(field, message));
    }

    fn wrong_type(&mut self, field: &str, value: &Value, expected: &str) {
        let given = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "floating point",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "sequence",
            Value::Object(_) => "map",
        };
        let message = format!("{field}: invalid type: {given}, expected {expected}");
        self.problems.push(Problem { field: field.to_owned(), message });
    }

    fn schedule(&mut self, value: &Value, usual_jitter: Duration) -> Option<Schedule> {
        let fields = self.object("schedule", value, &["scrape", "hours"])?;
        let (cadence, jitter) = match fields.get("scrape") {
            None | Some(Value::Null) => {
                self.complain("schedule.scrape", "is required, such as {\"every\": \"20m\"}");
                (None, None)
            }
            Some(scrape) => self.scrape(scrape, usual_jitter),
        };
        let hours = match fields.get("hours") {
            None | Some(Value::Null) => None,
            Some(hours) => self.hours(hours),
        };
        Some(Schedule { cadence: cadence?, jitter: jitter?, hours })
    }

    fn scrape(&mut self, value: &Value, usual_jitter: Duration) -> (Option<Cadence>, Option<Duration>) {
        let (name, before) = ("schedule.scrape", self.problems.len());
        let Some(fields) = self.object(name, value, &["every", "cron", "jitter"]) else { return (None, None) };
        let given = self.text("schedule.scrape.jitter", fields.get("jitter"));
        let jitter = given.map_or(Some(usual_jitter), |text| self.period("schedule.scrape.jitter", text, JITTER));
        let every = self.text("schedule.scrape.every", fields.get("every"));
        let expression = self.text("schedule.scrape.cron", fields.get("cron"));
        let cadence = match (every, expression) {
            (Some(every), None) => self.period("schedule.scrape.every", every, EVERY).map(Cadence::Every),
            (None, Some(expression)) => match Expression::parse(expression) {
                Ok(expression) => Some(Cadence::Cron(Box::new(expression))),
                Err(error) => {
                    self.complain("schedule.scrape.cron", error);
                    None
                }
            },
            (None, None) if self.problems.len() > before => None,
            (None, None) | (Some(_), Some(_)) => {
                self.complain(name, "must hold either every, such as \"20m\", or cron, such as \"*/30 8-18 * * 1-5\"");
                None
            }
        };
        (cadence, jitter)
    }

    fn hours(&mut self, value: &Value) -> Option<BankHours> {
        let fields = self.object("schedule.hours", value, &["days", "from", "to"])?;
        let days = self.days("schedule.hours.days", fields.get("days"));
        let from = self.time("schedule.hours.from", fields.get("from"));
        let to = self.time("schedule.hours.to", fields.get("to"));
        BankHours::new(days?, from?, to?)
    }

    fn days(&mut self, field: &str, value: Option<&Value>) -> Option<WeekdaySet> {
        let names: &[Value] = match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(names)) => names,
            Some(other) => {
                self.wrong_type(field, other, "a list of days");
                return None;
            }
        };
        let mut days = WeekdaySet::EMPTY;
        for (index, value) in names.iter().enumerate() {
            let field = format!("{field}[{index}]");
            let Some(name) = value.as_str() else {
                self.wrong_type(&field, value, "a string");
                continue;
            };
            match DAYS.iter().find(|(day, _)| *day == name) {
                Some((_, day)) => {
                    days.insert(*day);
                }
                None => self.complain(&field, "must be one of mon, tue, wed, thu, fri, sat, sun"),
            }
        }
        if names.is_empty() {
            self.complain(field, "must name at least one of mon, tue, wed, thu, fri, sat, sun");
        }
        Some(days)
    }

    fn time(&mut self, field: &str, value: Option<&Value>) -> Option<NaiveTime> {
        let before = self.problems.len();
        let text = self.text(field, value);
        let time = text.and_then(time);
        if time.is_none() && self.problems.len() == before {
            self.complain(field, "must be a time of day between 00:00 and 23:59, such as 07:00");
        }
        time
    }

    fn period(&mut self, field: &str, text: &str, (min, max): (Duration, Duration)) -> Option<Duration> {
        let period = humantime::parse_duration(text).ok();
        match period {
            Some(period) if (min..=max).contains(&period) => return Some(period),
            Some(_) => {
                let [min, max] = [min, max].map(humantime::format_duration);
                self.complain(field, format_args!("must be between {min} and {max}"));
            }
            None => self.complain(field, "must be a duration such as \"90s\", \"20m\" or \"2h\""),
        }
        None
    }

    /// A text; `null` counts as left out.
    fn text<'v>(&mut self, field: &str, value: Option<&'v Value>) -> Option<&'v str> {
        match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.wrong_type(field, other, "a string");
                None
            }
        }
    }

    /// An object with no other fields than these.
    fn object<'v>(&mut self, field: &str, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Value::Object(fields) = value else {
            self.wrong_type(field, value, "an object");
            return None;
        };
        for unknown in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.complain(&format!("{field}.{unknown}"), format_args!("is unknown: {field} has {}", known.join(", ")));
        }
        Some(fields)
    }
}

/// `07:30`, always of four digits.
fn time(text: &str) -> Option<NaiveTime> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let has_two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        has_two.then(|| digits.parse::<u32>().ok()).flatten()
    };
    NaiveTime::from_hms_opt(number(hour)?, number(minute)?, 0)
}
