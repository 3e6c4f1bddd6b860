//! What passes between a run whose bank asks for a one-time code and whoever can get one.

use std::time::Duration;

use secrecy::SecretString;

use crate::domain::assistance::{CodeShape, Medium};
use crate::domain::ids::AnswerId;
use crate::domain::run::Outcome;

/// A bank's page asks for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub shape: CodeShape,
    pub medium: Medium,
    /// Where the bank sends it, as the page shows it (`*** *** 123`); `None` where the page does not say.
    pub masked_destination: Option<String>,
    /// How long the bank takes a code; `None` where nothing is known.
    pub ttl: Option<Duration>,
    /// Counts the codes that this login asks for, from 1.
    pub attempt: u32,
}

/// An answer to one challenge. It is typed once, and never kept.
#[derive(Debug)]
pub struct Code {
    /// Under which name the caller hears what the bank said to it.
    pub answer: AnswerId,
    pub text: SecretString,
}

/// What the bank said to a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Rejected,
    /// Right or wrong, it came too late.
    Expired,
}

/// Why there is no code; it becomes the outcome of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCode {
    /// [`SecondFactorRequired`](Outcome::SecondFactorRequired) where nobody may be asked,
    /// [`HumanTimeout`](Outcome::HumanTimeout) where nobody answered, [`Interrupted`](Outcome::Interrupted) where the
    /// run is not to go on.
    pub outcome: Outcome,
    pub detail: String,
}
