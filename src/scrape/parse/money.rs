//! Printed amounts.

use std::fmt;
use std::str::FromStr;

use super::{Language, ParseError};
use crate::domain::account::words;
use crate::domain::money::{Amount, AmountError};
use crate::scrape::text::is_invisible;

words! {
    /// How a bank marks a negative amount.
    Negative {
        /// `-1.234,50`
        Leading = "-",
        /// `1.234,50-`
        Trailing = "trailing-",
        /// `(1.234,50)`
        Parentheses = "()",
        /// `1.234,50 DR`
        Debit = "DR",
    }
}

/// How a bank prints money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyFormat {
    pub decimal: char,
    /// Mark between thousands; a space stands for every kind of space. `None` when the bank prints none.
    pub group: Option<char>,
    pub negative: Vec<Negative>,
    /// Symbols around the number that carry no meaning, longest first.
    pub strip: Vec<String>,
    /// Digits allowed after the decimal mark.
    pub digits: usize,
}

impl MoneyFormat {
    /// The usual print where a locale is spoken; `None` for a language whose print is not known here.
    #[must_use]
    pub fn of_locale(locale: &str) -> Option<Self> {
        let (decimal, group) = match Language::of_locale(locale)? {
            Language::Spanish | Language::Portuguese => (',', '.'),
            Language::English => ('.', ','),
        };
        let strip = ["U$S", "US$", "R$", "$"].map(String::from).to_vec();
        Some(Self { decimal, group: Some(group), negative: vec![Negative::Leading], strip, digits: 2 })
    }
}

/// An amount with its sign; zero is never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedAmount {
    pub negative: bool,
    pub amount: Amount,
}

impl SignedAmount {
    /// Adds; `None` beyond the range of [`Amount`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.negative == other.negative {
            return Some(Self { negative: self.negative, amount: self.amount.checked_add(other.amount)? });
        }
        Some(match self.amount.checked_sub(other.amount) {
            Some(amount) => Self { negative: self.negative && !amount.is_zero(), amount },
            None => Self { negative: other.negative, amount: other.amount.checked_sub(self.amount)? },
        })
    }

    #[must_use]
    pub fn negated(self) -> Self {
        Self { negative: !self.negative && !self.amount.is_zero(), amount: self.amount }
    }
}

impl fmt::Display for SignedAmount {
    /// Canonical decimal text: point as decimal mark, no groups, at least two digits behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.amount)
    }
}

impl FromStr for SignedAmount {
    type Err = AmountError;

    /// Reads the canonical text back.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let amount = text.strip_prefix('-').unwrap_or(text).parse::<Amount>()?;
        Ok(Self { negative: text.starts_with('-') && !amount.is_zero(), amount })
    }
}

/// Reads a printed amount.
pub fn money(text: &str, format: &MoneyFormat) -> Result<SignedAmount, ParseError> {
    let plain: String = text.chars().filter(|c| !is_invisible(*c)).map(plain_character).collect();
    let (negative, digits) = unwrap_sign(&plain, format)?;
    let amount: Amount = plain_decimal(digits, format)?.parse()?;
    Ok(SignedAmount { negative: negative && !amount.is_zero(), amount })
}

/// Banks print thin and unbreakable spaces, and dashes of several lengths where they mean a minus.
fn plain_character(c: char) -> char {
    match c {
        '\u{2212}' | '\u{2010}'..='\u{2013}' | '\u{fe63}' | '\u{ff0d}' => '-',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

/// Peels symbols and signs from both ends, in whatever order the bank prints them.
fn unwrap_sign<'a>(text: &'a str, format: &MoneyFormat) -> Result<(bool, &'a str), ParseError> {
    let mut rest = text.trim();
    let mut negative = false;
    loop {
        let symbol = |symbol: &String| {
            rest.strip_prefix(symbol.as_str()).or_else(|| rest.strip_suffix(symbol.as_str())).map(str::trim)
        };
        if let Some(inner) = format.strip.iter().find_map(symbol) {
            rest = inner;
            continue;
        }
        let Some((style, inner)) = sign(rest) else {
            return Ok((negative, rest));
        };
        if negative {
            return Err(ParseError::TwoSigns);
        }
        if !format.negative.contains(&style) {
            return Err(ParseError::UndeclaredNegative(style));
        }
        negative = true;
        rest = inner.trim();
    }
}

fn sign(text: &str) -> Option<(Negative, &str)> {
    let parentheses = || text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')'));
    text.strip_prefix('-')
        .map(|inner| (Negative::Leading, inner))
        .or_else(|| text.strip_suffix('-').map(|inner| (Negative::Trailing, inner)))
        .or_else(|| text.strip_suffix("DR").map(|inner| (Negative::Debit, inner)))
        .or_else(|| parentheses().map(|inner| (Negative::Parentheses, inner)))
}

/// Brings `1.234,50` into the form `1234.50`.
fn plain_decimal(text: &str, format: &MoneyFormat) -> Result<String, ParseError> {
    let (whole, fraction) = match text.split_once(format.decimal) {
        Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
        Some(_) => return Err(ParseError::NotMoney),
        None => (text, ""),
    };
    if fraction.len() > format.digits {
        return Err(ParseError::TooManyDigits(format.digits));
    }
    let whole = match format.group {
        Some(group) if whole.contains(group) => ungroup(whole, group)?,
        Some(_) | None => whole.to_owned(),
    };
    match (is_digits(&whole), fraction) {
        (false, _) => Err(ParseError::NotMoney),
        (true, "") => Ok(whole),
        (true, fraction) => Ok(format!("{whole}.{fraction}")),
    }
}

/// A group mark in the wrong place means that the page is not in the declared format: `1.50` is not 150.
fn ungroup(text: &str, group: char) -> Result<String, ParseError> {
    let parts: Vec<&str> = text.split(group).collect();
    if !parts.iter().all(|part| is_digits(part)) {
        return Err(ParseError::NotMoney);
    }
    let (first, others) = parts.split_first().expect("splitting yields at least one part");
    if first.len() > 3 || first.starts_with('0') || others.iter().any(|part| part.len() != 3) {
        return Err(ParseError::Grouping(group));
    }
    Ok(parts.concat())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spanish() -> MoneyFormat {
        MoneyFormat::of_locale("es-UY").expect("Spanish is known")
    }

    #[test]
    fn amounts_are_read_in_the_declared_format_only() {
        let format = MoneyFormat { negative: Negative::ALL.to_vec(), ..spanish() };
        let check = |text: &str, expected: Result<&str, ParseError>| {
            let read = money(text, &format).map(|amount| amount.to_string());
            assert_eq!(read, expected.map(String::from), "{text:?}");
        };
        check("12.345,67", Ok("12345.67"));
        check("12345,67", Ok("12345.67"));
        check("1.234.567", Ok("1234567.00"));
        check("0,5", Ok("0.50"));
        check("\u{a0}$\u{2009}1.500,00\u{200f} ", Ok("1500.00"));
        check("U$S 20", Ok("20.00"));
        check("20 US$", Ok("20.00"));
        check("\u{2212}1.500,00", Ok("-1500.00"));
        check("$ -3,00", Ok("-3.00"));
        check("-$ 3,00", Ok("-3.00"));
        check("3,00-", Ok("-3.00"));
        check("(3,00)", Ok("-3.00"));
        check("3,00 DR", Ok("-3.00"));
        check("-0,00", Ok("0.00"));
        check("1.50", Err(ParseError::Grouping('.')));
        check("12.34.567", Err(ParseError::Grouping('.')));
        check("0.123", Err(ParseError::Grouping('.')));
        check("1234.567", Err(ParseError::Grouping('.')));
        check("1,234", Err(ParseError::TooManyDigits(2)));
        check("1,234.56", Err(ParseError::NotMoney));
        check("1.500,", Err(ParseError::NotMoney));
        check(",50", Err(ParseError::NotMoney));
        check("1 500,00", Err(ParseError::NotMoney));
        check("(-3,00)", Err(ParseError::TwoSigns));
        check("EUR 3,00", Err(ParseError::NotMoney));
        check("", Err(ParseError::NotMoney));
    }

    #[test]
    fn a_negative_style_must_be_declared() {
        assert_eq!(money("(3,00)", &spanish()), Err(ParseError::UndeclaredNegative(Negative::Parentheses)));
        assert_eq!(money("3,00-", &spanish()), Err(ParseError::UndeclaredNegative(Negative::Trailing)));
    }

    #[test]
    fn a_space_may_stand_between_thousands_when_declared() {
        let format = MoneyFormat { group: Some(' '), ..spanish() };
        assert_eq!(money("1\u{202f}234,50", &format).map(|amount| amount.to_string()), Ok("1234.50".into()));
        assert_eq!(money("12 34,50", &format), Err(ParseError::Grouping(' ')));
    }

    #[test]
    fn signed_amounts_add_across_zero() {
        let check = |a: &str, b: &str, expected: &str| {
            let read = |text: &str| text.parse::<SignedAmount>().expect(text);
            assert_eq!(read(a).checked_add(read(b)).expect("in range").to_string(), expected, "{a} + {b}");
        };
        check("10.00", "-3.50", "6.50");
        check("3.50", "-10.00", "-6.50");
        check("-10.00", "3.50", "-6.50");
        check("-3.50", "10.00", "6.50");
        check("-3.50", "3.50", "0.00");
        check("-3.50", "-1.00", "-4.50");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+0-9.,$() \u{a0}DR]{0,30}") {
            let _ = money(&text, &spanish());
        }
    }
}
