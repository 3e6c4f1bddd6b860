//! Why a flow stopped.

use super::Refusal;
use super::browser::BrowserError;
use super::challenge::NoCode;
use super::extract::ExtractError;
use super::recipe::State;
use super::snapshot::Snapshot;
use crate::domain::run::Outcome;

/// How much of a page's text a report quotes: enough to recognise the page.
const SCREEN_CHARS_MAX: usize = 80;

/// The end of a flow before its last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub outcome: Outcome,
    /// Where, what, and what was on screen. Never a secret.
    pub detail: String,
    effect: Effect,
}

/// What else the failure means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Something that was waited for did not come; an optional step may do without it.
    NotThere,
    Ends,
    /// The browser takes no more commands.
    LosesSession,
}

impl Failure {
    #[must_use]
    pub fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), effect: Effect::Ends }
    }

    /// Something that was waited for did not come.
    #[must_use]
    pub fn not_there(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), effect: Effect::NotThere }
    }

    /// A state was reached that the recipe declares to be a failure.
    #[must_use]
    pub fn state(state: &State, snapshot: &Snapshot) -> Self {
        // Only states that name an outcome are raced as failures.
        let outcome = state.fails.unwrap_or(Outcome::Internal);
        let what = match &state.detail {
            Some(detail) => format!("state `{}` ({detail})", state.name),
            None => format!("state `{}`", state.name),
        };
        Self::new(outcome, format!("{what}; on screen: {}", on_screen(snapshot)))
    }

    /// Names the step in which it happened.
    #[must_use]
    pub fn at(self, step: &str) -> Self {
        Self { detail: format!("{step}: {}", self.detail), ..self }
    }

    #[must_use]
    pub fn is_not_there(&self) -> bool {
        self.effect == Effect::NotThere
    }

    #[must_use]
    pub fn loses_session(&self) -> bool {
        self.effect == Effect::LosesSession
    }
}

impl From<BrowserError> for Failure {
    fn from(error: BrowserError) -> Self {
        let effect = if error.leaves_session_usable() { Effect::Ends } else { Effect::LosesSession };
        Self { outcome: error.outcome(), detail: error.to_string(), effect }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.outcome, refusal.detail)
    }
}

impl From<NoCode> for Failure {
    fn from(no_code: NoCode) -> Self {
        Self::new(no_code.outcome, no_code.detail)
    }
}

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        Self::new(error.outcome(), error.to_string())
    }
}

/// Names the page for a person: title, path and how its text begins.
#[must_use]
pub fn on_screen(snapshot: &Snapshot) -> String {
    let text = snapshot.visible_text();
    let beginning: String = text.chars().take(SCREEN_CHARS_MAX).collect();
    let ellipsis = if beginning.len() < text.len() { "…" } else { "" };
    format!("\"{}\" at {}: \"{beginning}{ellipsis}\"", snapshot.title, snapshot.url.path())
}
