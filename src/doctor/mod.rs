//! What is wrong with this installation, and what to do about it.
//!
//! ```text
//! gather (asks disk, machine, database, browser) ─▶ facts ─▶ judgement ─▶ Finding ─▶ Report
//! ```
//!
//! Judgements are functions of plain facts, one file per topic. Gathering works beside a running daemon and without
//! one, changes nothing, and gives every look a time limit, so that one thing that hangs hides no other. Findings
//! name ids, paths and hosts; never people, amounts or credentials.

mod browser;
mod database;
mod machine;
mod settings;
mod storage;
mod work;

mod gather;

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;

use crate::domain::account::words;

pub use self::gather::examine;

words! {
    /// How bad it is.
    State {
        /// As it should be.
        Fine = "fine",
        /// It works, and may not for long or not for everyone.
        Warning = "warning",
        /// Something does not work, or money data is in danger.
        Fault = "fault",
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, for programs.
    pub name: &'static str,
    pub state: State,
    /// One line.
    pub detail: String,
    /// What to do, one line; `None` exactly when all is fine.
    pub remedy: Option<String>,
}

impl Finding {
    fn fine(name: &'static str, detail: &str) -> Self {
        Self { name, state: State::Fine, detail: one_line(detail), remedy: None }
    }

    fn warning(name: &'static str, detail: &str, remedy: &str) -> Self {
        Self { name, state: State::Warning, detail: one_line(detail), remedy: Some(one_line(remedy)) }
    }

    fn fault(name: &'static str, detail: &str, remedy: &str) -> Self {
        Self { state: State::Fault, ..Self::warning(name, detail, remedy) }
    }
}

/// Everything that was found, in the order in which it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// The report where not even the settings could be read.
    #[must_use]
    pub fn without_settings(problem: &str) -> Self {
        let remedy = "mend the settings; without them nothing else can be looked at";
        Self { findings: vec![Finding::fault("settings", problem, remedy)] }
    }

    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.findings.iter().filter(|finding| finding.state == state).count()
    }

    /// For programs: whether there is no fault, and every finding.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "ok": self.count(State::Fault) == 0, "checks": self.findings })
    }
}

impl fmt::Display for Report {
    /// One line per check, its remedy below, and the counts at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
        for Finding { name, state, detail, remedy } in &self.findings {
            let mark = match state {
                State::Fine => "ok",
                State::Warning => "WARN",
                State::Fault => "FAULT",
            };
            writeln!(f, "{mark:<5}  {name:<width$}  {detail}")?;
            if let Some(remedy) = remedy {
                // Below the detail: mark and name with their gaps.
                writeln!(f, "{}→ {remedy}", " ".repeat(width + 9))?;
            }
        }
        let (checks, faults, warnings) = (self.findings.len(), self.count(State::Fault), self.count(State::Warning));
        write!(f, "{checks} check(s): {faults} fault(s), {warnings} warning(s)")
    }
}

/// A text on one line, without what a terminal would obey: parts of it come from elsewhere.
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A size as people read it.
fn size(bytes: u64) -> String {
    if bytes < GIB {
        return format!("{} MiB", bytes / MIB);
    }
    // Split first: the product of a size and ten may not fit.
    format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB)
}

/// A short time as people read it.
fn took(time: Duration) -> String {
    if time < Duration::from_millis(10) {
        format!("{} µs", time.as_micros())
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// A long time as people read it.
fn age(time: TimeDelta) -> String {
    if time < TimeDelta::hours(2) {
        format!("{} min", time.num_minutes())
    } else if time < TimeDelta::days(2) {
        format!("{} h", time.num_hours())
    } else {
        format!("{} days", time.num_days())
    }
}

/// The first few of a list, and how many more there are.
fn first_few(items: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match items.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            findings: vec![
                Finding::fine("clock", "2026-11-20 13:00"),
                Finding::warning("listen", "public", "close it"),
                Finding::fault("disk_space", "nothing\nleft", "make\troom"),
            ],
        }
    }

    #[test]
    fn text_has_a_line_for_each_check_and_its_remedy_below() {
        let expected = "\
ok     clock       2026-11-20 13:00
WARN   listen      public
                   → close it
FAULT  disk_space  nothing left
                   → make room
3 check(s): 1 fault(s), 1 warning(s)";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn json_is_not_ok_with_a_fault_and_ok_with_a_warning() {
        let mut report = report();
        assert_eq!(report.to_json()["ok"], false);
        report.findings.truncate(2);
        let expected = serde_json::json!({ "ok": true, "checks": [
            { "name": "clock", "state": "fine", "detail": "2026-11-20 13:00", "remedy": null },
            { "name": "listen", "state": "warning", "detail": "public", "remedy": "close it" },
        ]});
        assert_eq!(report.to_json(), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        assert_eq!(one_line("a\u{1b}[31m\r\n  b "), "a [31m b");
    }

    #[test]
    fn sizes_and_times_are_rounded_down_to_what_people_read() {
        assert_eq!([size(0), size(MIB * 100), size(GIB - 1)], ["0 MiB", "100 MiB", "1023 MiB"]);
        assert_eq!([size(GIB), size(GIB * 3 / 2), size(u64::MAX)], ["1.0 GiB", "1.5 GiB", "17179869183.9 GiB"]);
        assert_eq!([took(Duration::from_micros(9_999)), took(Duration::from_millis(10))], ["9999 µs", "10 ms"]);
        let ages = [119, 120, 47 * 60 + 59, 48 * 60].map(|minutes| age(TimeDelta::minutes(minutes)));
        assert_eq!(ages, ["119 min", "2 h", "47 h", "2 days"]);
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let items: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!(first_few(&items[..2]), "1; 2");
        assert_eq!(first_few(&items), "1; 2; 3; 4; 5; and 2 more");
    }
}
