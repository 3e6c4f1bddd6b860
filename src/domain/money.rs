//! Exact money. Never a float: an amount is parsed from its literal text and printed without rounding.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits after the point that an [`Amount`] keeps: enough for tokens with 18 decimals.
const SCALE: u32 = 18;
/// Digits before the point. 20 + 18 digits fit an `i128` (about 1.7e38).
const INTEGER_DIGITS: u32 = 20;
const UNIT: i128 = 10_i128.pow(SCALE);
const LIMIT: i128 = 10_i128.pow(SCALE + INTEGER_DIGITS);

/// A non-negative quantity of money in units of 10⁻¹⁸; direction and currency are kept beside it.
///
/// As JSON it is a string in decimal notation, never a binary number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(i128);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("\"{0}\" is not a decimal number")]
    NotANumber(String),
    #[error("\"{0}\" is negative; give a positive amount")]
    Negative(String),
    #[error("\"{0}\" has more than 18 digits after the point")]
    TooPrecise(String),
    #[error("\"{0}\" has more than 20 digits before the point")]
    TooLarge(String),
}

impl Amount {
    pub const ZERO: Self = Self(0);

    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Adds two amounts of the same currency; `None` beyond 20 integer digits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum < LIMIT).map(Self)
    }

    /// Subtracts; `None` when the result would be negative.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).filter(|rest| *rest >= 0).map(Self)
    }

    /// The storage form: 20 digits, a point, 18 digits. Its byte order is the numeric order.
    #[must_use]
    pub fn to_fixed_width(self) -> String {
        format!("{:020}.{:018}", self.0 / UNIT, self.0 % UNIT)
    }

    /// Prints with `minor_digits` after the point, or more when the value needs them; never rounds.
    #[must_use]
    pub fn to_decimal(self, minor_digits: u32) -> String {
        let fraction = format!("{:018}", self.0 % UNIT);
        let needed = fraction.trim_end_matches('0').len();
        let shown = needed.max(minor_digits.min(SCALE) as usize);
        if shown == 0 {
            return (self.0 / UNIT).to_string();
        }
        format!("{}.{}", self.0 / UNIT, &fraction[..shown])
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads a JSON number's literal text: digits, optional point, optional exponent.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let not_a_number = || AmountError::NotANumber(excerpt(text));
        if let Some(rest) = text.strip_prefix('-').filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        {
            return match rest.parse::<Self>()? {
                Self::ZERO => Ok(Self::ZERO),
                _ => Err(AmountError::Negative(excerpt(text))),
            };
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| not_a_number())?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(not_a_number());
        }
        if mantissa.ends_with('.') {
            return Err(not_a_number());
        }
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self::ZERO);
        }
        let significant = digits.trim_end_matches('0');
        // value = significant × 10^power
        let dropped = i64::try_from(digits.len() - significant.len()).expect("length of a text in memory");
        let fraction_digits = i64::try_from(fraction.len()).expect("length of a text in memory");
        let power = i64::from(exponent) - fraction_digits + dropped;
        if power < -i64::from(SCALE) {
            return Err(AmountError::TooPrecise(excerpt(text)));
        }
        let integer_digits = i64::try_from(significant.len()).expect("length of a text in memory") + power;
        if integer_digits > i64::from(INTEGER_DIGITS) {
            return Err(AmountError::TooLarge(excerpt(text)));
        }
        let shift = u32::try_from(power + i64::from(SCALE)).expect("bounded by the two checks above");
        let significant: i128 = significant.parse().map_err(|_| not_a_number())?;
        Ok(Self(significant * 10_i128.pow(shift)))
    }
}

/// Error texts quote what was given, but never a megabyte of it.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

impl TryFrom<String> for Amount {
    type Error = AmountError;

    fn try_from(text: String) -> Result<Self, AmountError> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_decimal(2))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}

/// An ISO 4217 code, or a token's code: 3 to 10 upper-case letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a currency code such as UYU or USD")]
pub struct CurrencyError(String);

impl Currency {
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0
    }

    /// Whether it has the form of an ISO 4217 code, three letters. A token's code may be longer.
    #[must_use]
    pub fn is_iso(&self) -> bool {
        self.0.len() == 3 && self.0.bytes().all(|byte| byte.is_ascii_uppercase())
    }

    /// Digits after the point in the currency's usual print (ISO 4217 minor unit).
    ///
    /// Only the exceptions to two are listed; source: ISO 4217 list one.
    #[must_use]
    pub fn minor_digits(&self) -> u32 {
        match self.0.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            "CLF" | "UYW" => 4,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let code = text.trim().to_ascii_uppercase();
        let plausible = (3..=10).contains(&code.len())
            && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && code.as_bytes()[0].is_ascii_uppercase();
        if plausible { Ok(Self(code)) } else { Err(CurrencyError(excerpt(text))) }
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Prints an amount with the minor digits of its currency, as API answers and webhooks do.
#[must_use]
pub fn print(amount: Amount, currency: &Currency) -> String {
    amount.to_decimal(currency.minor_digits())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_from_their_literal_text() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Amount>().expect(text).to_decimal(2), expected, "{text}");
        };
        check("1500", "1500.00");
        check("1500.00", "1500.00");
        check("0.1", "0.10");
        check("500.50", "500.50");
        check("1e3", "1000.00");
        check("1.5E+2", "150.00");
        check("12.345", "12.345");
        check("0.000000000000000001", "0.000000000000000001");
        check("99999999999999999999", "99999999999999999999.00");
        check("100000e-2", "1000.00");
        check("-0", "0.00");
        check("00012", "12.00");
    }

    #[test]
    fn what_is_not_an_amount_says_why() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Amount>().expect_err(text).to_string(), expected);
        };
        check("", "\"\" is not a decimal number");
        check("12,5", "\"12,5\" is not a decimal number");
        check("1.", "\"1.\" is not a decimal number");
        check(".5", "\".5\" is not a decimal number");
        check("NaN", "\"NaN\" is not a decimal number");
        check("-1", "\"-1\" is negative; give a positive amount");
        check("1e-19", "\"1e-19\" has more than 18 digits after the point");
        check("1e20", "\"1e20\" has more than 20 digits before the point");
        check("--1", "\"--1\" is not a decimal number");
        check("-", "\"-\" is not a decimal number");
        check("-x", "\"-x\" is not a decimal number");
        check("1e2147483648", "\"1e2147483648\" is not a decimal number");
    }

    #[test]
    fn the_currency_decides_how_many_digits_are_printed() {
        let check = |amount: &str, currency: &str, expected: &str| {
            let currency: Currency = currency.parse().expect("currency");
            assert_eq!(print(amount.parse().expect("amount"), &currency), expected);
        };
        check("1500", "uyu ", "1500.00");
        check("1500", "CLP", "1500");
        check("1500.5", "CLP", "1500.5");
        check("1500", "KWD", "1500.000");
    }

    proptest! {
        #[test]
        fn fixed_width_text_sorts_like_the_numbers(a in 0..LIMIT, b in 0..LIMIT) {
            let (a, b) = (Amount(a), Amount(b));
            prop_assert_eq!(a.cmp(&b), a.to_fixed_width().cmp(&b.to_fixed_width()));
            prop_assert_eq!(a.to_fixed_width().len(), 39);
        }

        #[test]
        fn what_is_printed_reads_back(units in 0..LIMIT, digits in 0u32..6) {
            let amount = Amount(units);
            prop_assert_eq!(amount.to_decimal(digits).parse::<Amount>(), Ok(amount));
            prop_assert_eq!(amount.to_fixed_width().parse::<Amount>(), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9eE.]{0,60}") {
            let _ = text.parse::<Amount>();
        }
    }
}
