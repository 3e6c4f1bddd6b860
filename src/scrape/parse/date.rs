//! Printed days.

use std::fmt;

use chrono::NaiveDate;

use super::{Language, ParseError};
use crate::scrape::text::fold;

/// One declared way to print a day, such as `%d/%m/%Y`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct DatePattern {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// `%d` has two digits, `%-d` one or two.
    Day {
        padded: bool,
    },
    Month {
        padded: bool,
    },
    /// `%b`, `ene` or `ene.`
    MonthShort,
    /// `%B`, `enero`
    MonthName,
    Year,
    /// `%y`, always of this century
    ShortYear,
    Literal(char),
}

/// Why a text is not a date pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("\"{0}\" has an unknown part; known are %d %-d %m %-m %b %B %Y %y")]
    Unknown(String),
    #[error("\"{0}\" must have one day, one month and one year")]
    Incomplete(String),
}

impl TryFrom<String> for DatePattern {
    type Error = PatternError;

    fn try_from(source: String) -> Result<Self, PatternError> {
        let mut pieces = Vec::new();
        // Compared with folded text, hence folded too.
        let folded_literal = |c: char| c.to_lowercase().map(Piece::Literal).collect::<Vec<_>>();
        let mut rest = source.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                pieces.extend(folded_literal(c));
                continue;
            }
            pieces.push(match rest.next() {
                Some('d') => Piece::Day { padded: true },
                Some('m') => Piece::Month { padded: true },
                Some('b') => Piece::MonthShort,
                Some('B') => Piece::MonthName,
                Some('Y') => Piece::Year,
                Some('y') => Piece::ShortYear,
                Some('-') => match rest.next() {
                    Some('d') => Piece::Day { padded: false },
                    Some('m') => Piece::Month { padded: false },
                    Some(_) | None => return Err(PatternError::Unknown(source)),
                },
                Some(_) | None => return Err(PatternError::Unknown(source)),
            });
        }
        let count = |wanted: fn(&Piece) -> bool| pieces.iter().filter(|piece| wanted(piece)).count();
        let complete = count(|p| matches!(p, Piece::Day { .. })) == 1
            && count(|p| matches!(p, Piece::Month { .. } | Piece::MonthShort | Piece::MonthName)) == 1
            && count(|p| matches!(p, Piece::Year | Piece::ShortYear)) == 1;
        if complete { Ok(Self { source, pieces }) } else { Err(PatternError::Incomplete(source)) }
    }
}

impl DatePattern {
    /// Whether reading it needs to know a language.
    #[must_use]
    pub fn has_month_names(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::MonthShort | Piece::MonthName))
    }

    /// `None` when the text does not have this shape; the inner `Err` when the shape fits but no such day exists.
    fn read(&self, folded: &str, language: Option<Language>) -> Option<Result<NaiveDate, ParseError>> {
        let (mut day, mut month, mut year) = (0, 0, 0);
        let mut rest = folded;
        for piece in &self.pieces {
            rest = match piece {
                Piece::Day { padded } => take_number(rest, if *padded { 2 } else { 1 }, 2, &mut day)?,
                Piece::Month { padded } => take_number(rest, if *padded { 2 } else { 1 }, 2, &mut month)?,
                Piece::Year => take_number(rest, 4, 4, &mut year)?,
                Piece::ShortYear => {
                    let rest = take_number(rest, 2, 2, &mut year)?;
                    year += 2000;
                    rest
                }
                Piece::MonthName => take_name(rest, &language?.months(), &mut month)?,
                Piece::MonthShort => take_abbreviation(rest, &language?.months(), &mut month)?,
                Piece::Literal(c) => rest.strip_prefix(*c)?,
            };
        }
        let found = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
        rest.is_empty().then(|| found.ok_or(ParseError::NoSuchDay))
    }
}

impl fmt::Display for DatePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

fn take_number<'a>(text: &'a str, digits_min: usize, digits_max: usize, value: &mut u32) -> Option<&'a str> {
    let length = text.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(length);
    *value = digits.parse().ok().filter(|_| length >= digits_min)?;
    Some(rest)
}

fn take_name<'a>(text: &'a str, names: &[&str; 12], month: &mut u32) -> Option<&'a str> {
    let (number, rest) = (1..).zip(names).find_map(|(number, name)| Some((number, text.strip_prefix(name)?)))?;
    *month = number;
    Some(rest)
}

fn take_abbreviation<'a>(text: &'a str, names: &[&str; 12], month: &mut u32) -> Option<&'a str> {
    let short = names.map(|name| &name[..3]);
    let rest = match text.strip_prefix("sept") {
        Some(rest) => {
            *month = 9;
            rest
        }
        None => take_name(text, &short, month)?,
    };
    Some(rest.strip_prefix('.').unwrap_or(rest))
}

/// Reads a printed day by the first pattern whose shape fits.
pub fn date(text: &str, patterns: &[DatePattern], language: Option<Language>) -> Result<NaiveDate, ParseError> {
    let folded = fold(text);
    patterns.iter().find_map(|pattern| pattern.read(&folded, language)).unwrap_or_else(|| {
        let listed: Vec<&str> = patterns.iter().map(|pattern| pattern.source.as_str()).collect();
        Err(ParseError::NotADate(listed.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(sources: &[&str]) -> Vec<DatePattern> {
        sources.iter().map(|source| DatePattern::try_from(String::from(*source)).expect(source)).collect()
    }

    #[test]
    fn days_are_read_by_the_declared_patterns_only() {
        let check = |pattern: &str, text: &str, expected: Option<(i32, u32, u32)>| {
            let read = date(text, &patterns(&[pattern]), Some(Language::Spanish)).ok();
            assert_eq!(read, expected.and_then(|(y, m, d)| NaiveDate::from_ymd_opt(y, m, d)), "{text:?} by {pattern}");
        };
        check("%d/%m/%Y", "13/05/2026", Some((2026, 5, 13)));
        check("%d/%m/%Y", "\u{a0}13/05/2026\u{200e} ", Some((2026, 5, 13)));
        check("%d/%m/%Y", "3/05/2026", None);
        check("%d/%m/%Y", "13/05/26", None);
        check("%d/%m/%Y", "13/05/2026 10:22", None);
        check("%d/%m/%Y", "05/13/2026", None);
        check("%d/%m/%Y", "31/02/2026", None);
        check("%-d/%-m/%Y", "3/5/2026", Some((2026, 5, 3)));
        check("%d-%m-%y", "13-05-26", Some((2026, 5, 13)));
        check("%d-%m-%y", "13-05-99", Some((2099, 5, 13)));
        check("%d %b %Y", "03 ENE. 2026", Some((2026, 1, 3)));
        check("%d %b %Y", "03 sept 2026", Some((2026, 9, 3)));
        check("%d-%b-%y", "03-Sep-26", Some((2026, 9, 3)));
        check("%-d de %B de %Y", "3 de  Febrero de 2026", Some((2026, 2, 3)));
        check("%d %b %Y", "03 jan 2026", None);
    }

    #[test]
    fn the_first_pattern_that_fits_decides() {
        let both = patterns(&["%d/%m/%Y", "%d-%m-%y"]);
        assert_eq!(date("01-02-26", &both, None), Ok(NaiveDate::from_ymd_opt(2026, 2, 1).expect("a day")));
        assert_eq!(date("x", &both, None), Err(ParseError::NotADate("%d/%m/%Y, %d-%m-%y".into())));
        assert_eq!(date("31/02/2026", &both, None), Err(ParseError::NoSuchDay));
    }

    #[test]
    fn a_pattern_must_name_one_day() {
        let check = |source: &str| assert!(DatePattern::try_from(String::from(source)).is_err(), "{source}");
        check("%d/%m");
        check("%d/%m/%Y %d");
        check("%d/%m/%Q");
        check("%d/%m/%Y%");
    }
}
