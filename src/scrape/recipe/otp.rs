//! The step that asks a person for a one-time code.

use std::time::Duration;

use serde::Deserialize;

use super::Css;
use super::raw::optional_duration;
use crate::domain::assistance::{CODE_CHARS_MAX, Charset, CodeShape, Medium};

/// Asks for a code, types it, submits it, and does what the bank's answer calls for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otp {
    /// One field for the whole code, or a box for each of its signs; what is on the page decides.
    pub into: String,
    pub length: usize,
    pub charset: Charset,
    pub medium: Medium,
    /// Where the page tells to whom the code went.
    pub masked: Option<Masked>,
    /// How long the bank takes a code.
    #[serde(default, deserialize_with = "optional_duration")]
    pub ttl: Option<Duration>,
    /// What sends the code; `None` where the page does it by itself after the last sign.
    pub submit: Option<String>,
    pub accepted: Vec<String>,
    pub rejected: Vec<String>,
    #[serde(default)]
    pub expired: Vec<String>,
    /// What makes the bank send another code.
    pub resend: Option<String>,
    /// Codes that the bank may refuse. Fewer than lock the user: the last tries are the person's own.
    #[serde(default = "attempts_by_default")]
    pub max_attempts: u32,
    /// Further codes that the bank may be asked to send.
    #[serde(default)]
    pub max_resends: u32,
}

/// Something to read off the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masked {
    pub css: Css,
}

/// Banks that tell lock after three wrong codes.
fn attempts_by_default() -> u32 {
    2
}

impl Otp {
    #[must_use]
    pub fn shape(&self) -> CodeShape {
        CodeShape { length: self.length, charset: self.charset }
    }

    /// Names of the elements that it needs.
    pub(super) fn elements(&self) -> impl Iterator<Item = &String> {
        [Some(&self.into), self.submit.as_ref(), self.resend.as_ref()].into_iter().flatten()
    }

    /// Names of the states that it waits for.
    #[must_use]
    pub fn states(&self) -> Vec<String> {
        [self.accepted.as_slice(), self.rejected.as_slice(), self.expired.as_slice()].concat()
    }

    /// What does not fit together.
    pub(super) fn problems(&self) -> Vec<&'static str> {
        let rules = [
            ((1..=CODE_CHARS_MAX).contains(&self.length), "otp.length: 1 to 32"),
            (!self.accepted.is_empty(), "otp.accepted: at least one state is needed"),
            (!self.rejected.is_empty(), "otp.rejected: name the state in which the bank says that the code is wrong"),
            (self.max_attempts > 0, "otp.max_attempts: at least 1"),
            ((self.max_resends > 0) == self.resend.is_some(), "otp.resend and otp.max_resends belong together"),
        ];
        rules.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem).collect()
    }
}
