//! One-time codes: what a bank asks for, and what an answer must look like.

use std::fmt;

use super::account::words;

words! {
    /// The signs that a code is made of.
    Charset {
        Digits = "digits",
        /// Latin letters and digits.
        Alphanumeric = "alphanumeric",
    }
}

words! {
    /// How a code comes to the person.
    Medium {
        Sms = "sms",
        Email = "email",
        /// An authenticator app.
        Totp = "totp",
        /// A device of the bank.
        Token = "token",
    }
}

/// Longest code that is taken at all, in characters.
pub const CODE_CHARS_MAX: usize = 32;

/// What a code looks like. Prints as `6 digits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeShape {
    /// In characters, 1 to [`CODE_CHARS_MAX`].
    pub length: usize,
    pub charset: Charset,
}

impl CodeShape {
    /// Whether a text can be such a code; one that cannot is not worth one of the bank's few tries.
    #[must_use]
    pub fn fits(self, code: &str) -> bool {
        let is_allowed = |c: char| match self.charset {
            Charset::Digits => c.is_ascii_digit(),
            Charset::Alphanumeric => c.is_ascii_alphanumeric(),
        };
        code.chars().count() == self.length && code.chars().all(is_allowed)
    }
}

impl fmt::Display for CodeShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signs = match (self.charset, self.length) {
            (Charset::Digits, 1) => "digit",
            (Charset::Digits, _) => "digits",
            (Charset::Alphanumeric, 1) => "letter or digit",
            (Charset::Alphanumeric, _) => "letters or digits",
        };
        write!(f, "{} {signs}", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_length_and_the_signs_that_were_asked_for() {
        let check = |length: usize, charset: Charset, code: &str, expected: bool| {
            assert_eq!(CodeShape { length, charset }.fits(code), expected, "{code:?}");
        };
        check(6, Charset::Digits, "012345", true);
        check(6, Charset::Digits, "12345", false);
        check(6, Charset::Digits, "1234567", false);
        check(6, Charset::Digits, "12 345", false);
        check(6, Charset::Digits, "12345\n", false);
        check(6, Charset::Digits, "1234a6", false);
        // Arabic digits, which a bank's form would not know.
        check(2, Charset::Digits, "٣٤", false);
        check(4, Charset::Alphanumeric, "aZ09", true);
        check(4, Charset::Alphanumeric, "año9", false);
        check(4, Charset::Alphanumeric, "", false);
    }

    #[test]
    fn a_shape_reads_like_a_sentence() {
        let check = |length: usize, charset: Charset, expected: &str| {
            assert_eq!(CodeShape { length, charset }.to_string(), expected);
        };
        check(6, Charset::Digits, "6 digits");
        check(8, Charset::Alphanumeric, "8 letters or digits");
    }
}
