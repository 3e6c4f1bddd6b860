//! Cell texts → money and days. Strict: what does not fit the declared format is an error, never a guess.

pub mod date;
pub mod money;

use crate::domain::money::AmountError;

pub use date::{DatePattern, date};
pub use money::{MoneyFormat, Negative, SignedAmount, money};

/// Why a cell's text could not be read. The text itself is named by whoever reports it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("it is not a number in the declared money format")]
    NotMoney,
    #[error("its thousands are not grouped in threes by '{0}'")]
    Grouping(char),
    #[error("it has more than {0} digits after the decimal mark; raise formats.money.digits if the bank prints that")]
    TooManyDigits(usize),
    #[error("it is negative in a style that formats.money.negative does not list ({0})")]
    UndeclaredNegative(Negative),
    #[error("it has two minus signs")]
    TwoSigns,
    #[error(transparent)]
    Amount(#[from] AmountError),
    #[error("it fits none of the date patterns {0}")]
    NotADate(String),
    #[error("there is no such day in the calendar")]
    NoSuchDay,
}

/// Languages whose month names and number marks are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Spanish,
    Portuguese,
    English,
}

impl Language {
    /// The language of a locale such as `es-UY`.
    #[must_use]
    pub fn of_locale(locale: &str) -> Option<Self> {
        match locale.split(['-', '_']).next()? {
            "es" => Some(Self::Spanish),
            "pt" => Some(Self::Portuguese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// Month names, folded; the abbreviation is the first three letters everywhere but in September.
    fn months(self) -> [&'static str; 12] {
        match self {
            Self::Spanish => [
                "enero",
                "febrero",
                "marzo",
                "abril",
                "mayo",
                "junio",
                "julio",
                "agosto",
                "septiembre",
                "octubre",
                "noviembre",
                "diciembre",
            ],
            Self::Portuguese => [
                "janeiro",
                "fevereiro",
                "marco",
                "abril",
                "maio",
                "junho",
                "julho",
                "agosto",
                "setembro",
                "outubro",
                "novembro",
                "dezembro",
            ],
            Self::English => [
                "january",
                "february",
                "march",
                "april",
                "may",
                "june",
                "july",
                "august",
                "september",
                "october",
                "november",
                "december",
            ],
        }
    }
}
