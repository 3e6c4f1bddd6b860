//! The database: whether it answers, with which schema, and whether it is sound.

use std::time::Duration;

use super::{Finding, first_few, took};
use crate::store::inspect::Schema;

/// A job asks a dozen questions, one after the other.
const FAR: Duration = Duration::from_millis(50);

/// What came of asking the database for a first answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reached {
    /// `engine` is its name for people.
    Answers { engine: &'static str, round_trip: Duration },
    /// There is no file yet.
    NotMade { file: String },
    /// `place` is the file or the server's host.
    Silent { place: String, reason: String, remedy: &'static str },
}

pub(super) fn database(reached: &Reached) -> Finding {
    const NAME: &str = "database";
    match reached {
        Reached::Answers { engine, round_trip } => {
            let detail = format!("{engine} answers in {}", took(*round_trip));
            if *round_trip >= FAR {
                return Finding::warning(NAME, &detail, "keep the database near: every job asks it many questions");
            }
            Finding::fine(NAME, &detail)
        }
        Reached::NotMade { file } => Finding::warning(
            NAME,
            &format!("{file} does not exist yet"),
            "the first `reconbanker serve` makes it; if it should be there, check --data-dir and the mount",
        ),
        Reached::Silent { place, reason, remedy } => {
            Finding::fault(NAME, &format!("{place} does not answer: {reason}"), remedy)
        }
    }
}

/// What a check that needs the database says when nothing could be asked.
pub(super) fn not_asked(name: &'static str, reached: &Reached) -> Finding {
    match reached {
        Reached::NotMade { .. } => Finding::fine(name, "nothing to look at: there is no database yet"),
        Reached::Answers { .. } => Finding::fine(name, "nothing to look at: the database is empty"),
        Reached::Silent { .. } => {
            Finding::warning(name, "not looked at: the database does not answer", "see database, then ask again")
        }
    }
}

/// What a check says whose question the database did not answer.
pub(super) fn failed(name: &'static str, reason: &str) -> Finding {
    Finding::warning(name, &format!("not known: {reason}"), "see database and schema, then ask again")
}

pub(super) fn schema(schema: Schema) -> Finding {
    const NAME: &str = "schema";
    const UPGRADE: &str = "start the daemon or run `reconbanker migrate`; make a backup before";
    match schema {
        Schema::Same { version } => Finding::fine(NAME, &format!("version {version}, as this program wants it")),
        Schema::Missing => Finding::warning(NAME, "there is none yet", "the first `reconbanker serve` makes it"),
        Schema::Older { version, wanted } => {
            Finding::warning(NAME, &format!("version {version}, and this program wants {wanted}"), UPGRADE)
        }
        Schema::Newer { version, known } => Finding::fault(
            NAME,
            &format!("version {version}, and this program knows {known}: it was made by a later release"),
            "run that release or a later one",
        ),
        Schema::Unfinished { version } => Finding::fault(
            NAME,
            &format!("the change to version {version} began and did not end"),
            "restore the backup made before it, and try again",
        ),
        Schema::Altered { version } => Finding::fault(
            NAME,
            &format!("version {version} was made by another build of this program"),
            "run a released build; one of your own keeps its own database",
        ),
    }
}

/// What came of looking for damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Soundness {
    /// Sentences that name tables and pages; empty when sound.
    Looked(Vec<String>),
    /// PostgreSQL looks after its own files.
    NotOurs,
    /// It takes longer than doctor waits.
    Unfinished,
}

pub(super) fn database_integrity(soundness: &Soundness) -> Finding {
    const NAME: &str = "database_integrity";
    match soundness {
        Soundness::Looked(damage) if damage.is_empty() => Finding::fine(NAME, "the file is sound"),
        Soundness::Looked(damage) => Finding::fault(
            NAME,
            &format!("the file is damaged: {}", first_few(damage)),
            "stop the daemon, keep a copy of the file, restore the last backup, and check the disk",
        ),
        Soundness::NotOurs => Finding::fine(NAME, "PostgreSQL looks after its own files"),
        Soundness::Unfinished => Finding::warning(
            NAME,
            "the database is too large to be checked in a moment",
            "check it in a quiet hour: sqlite3 reconbanker.db 'PRAGMA quick_check'",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_database_answers_or_says_why_not() {
        let answers = |ms: u64| Reached::Answers { engine: "SQLite", round_trip: Duration::from_millis(ms) };
        let not_made = Reached::NotMade { file: "/data/reconbanker.db".to_owned() };
        let silent = Reached::Silent {
            place: "PostgreSQL on db.example".to_owned(),
            reason: "connection refused".to_owned(),
            remedy: "start it",
        };
        let check = |reached: &Reached, expected: State, others: State, part: &str| {
            let found = database(reached);
            assert_eq!(found.state, expected, "{found:?}");
            assert!(found.detail.contains(part), "{found:?}");
            let other = not_asked("queue", reached);
            assert_eq!((other.name, other.state), ("queue", others), "{other:?}");
        };
        check(&answers(49), State::Fine, State::Fine, "SQLite answers in 49 ms");
        check(&answers(50), State::Warning, State::Fine, "50 ms");
        check(&not_made, State::Warning, State::Fine, "/data/reconbanker.db");
        check(&silent, State::Fault, State::Warning, "db.example does not answer: connection refused");
        assert_eq!(failed("queue", "no such table").state, State::Warning);
    }

    #[test]
    fn only_a_schema_that_serve_would_mend_is_no_fault() {
        let check = |found: Schema, expected: State| assert_eq!(schema(found).state, expected, "{found:?}");
        check(Schema::Same { version: 3 }, State::Fine);
        check(Schema::Missing, State::Warning);
        check(Schema::Older { version: 2, wanted: 3 }, State::Warning);
        check(Schema::Newer { version: 4, known: 3 }, State::Fault);
        check(Schema::Unfinished { version: 3 }, State::Fault);
        check(Schema::Altered { version: 3 }, State::Fault);
    }

    #[test]
    fn damage_is_named() {
        let check = |soundness: Soundness, expected: State| {
            let found = database_integrity(&soundness);
            assert_eq!(found.state, expected, "{found:?}");
        };
        check(Soundness::Looked(Vec::new()), State::Fine);
        check(Soundness::NotOurs, State::Fine);
        check(Soundness::Unfinished, State::Warning);
        let damage = Soundness::Looked(vec!["row 3 missing from index jobs_claimable".to_owned()]);
        assert!(database_integrity(&damage).detail.ends_with("row 3 missing from index jobs_claimable"));
        check(damage, State::Fault);
    }
}
