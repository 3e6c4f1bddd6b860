//! A bank as data: what its pages are, how to walk them, how to read them. Checked completely when it is loaded.

mod build;
mod check;
mod fields;
mod otp;
mod raw;
mod settings;
mod tables;

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::parse::{DatePattern, Language, MoneyFormat};
use super::template::Template;
use crate::domain::hex;
use crate::domain::run::Outcome;
use crate::domain::time::BankZone;

pub use super::select::{Candidate, Css, Element};
pub use fields::{AmountRule, CellType, Field, Locator, Pipe, Skip, StatusRule};
pub use otp::{Masked, Otp};
pub use settings::{
    Caps, Diagnostics, Input, InputKind, KeepAlive, Label, Limits, Meta, OnExpired, Pace, Pattern, Poll, RUN_MAX,
    RecipeStatus, Safety, Screenshots, SecondFactor, Segment, Session, SessionMode, StoredState,
};
pub use tables::{
    Checks, FingerprintPart, IdentityRule, MovementFields, Movements, MustChange, OnCap, Order, Pages, PagesKind,
    Section, Source, Stop, Window, WindowKind,
};

/// The only version of the format so far.
pub const SCHEMA: u32 = 1;
/// Calls within calls that a flow may make; also what bounds the interpreter's recursion.
pub const CALL_DEPTH_MAX: usize = 8;

/// A checked recipe.
#[derive(Debug)]
pub struct Recipe {
    pub meta: Meta,
    pub origins: Origins,
    pub inputs: BTreeMap<String, Input>,
    pub caps: Caps,
    pub limits: Limits,
    pub formats: Formats,
    pub elements: BTreeMap<String, Element>,
    /// The recipe's own first, then those of its includes.
    pub states: Vec<State>,
    pub flows: BTreeMap<String, Vec<Step>>,
    pub accounts: Section,
    pub movements: Movements,
    pub session: Session,
    pub safety: Safety,
    pub diagnostics: Diagnostics,
    hash: String,
}

/// Addresses a run may meet. Each is `scheme://host[:port]`; a simulated bank has `{{portal.port}}` as port.
#[derive(Debug, Clone)]
pub struct Origins {
    /// The only documents into which secrets are typed.
    pub login: Vec<Template>,
    /// The other documents that are read.
    pub data: Vec<Template>,
    /// What those pages load; a host may begin with `*.`
    pub assets: Vec<Template>,
    pub third_party: Vec<Template>,
}

/// How the bank prints days and money.
#[derive(Debug, Clone)]
pub struct Formats {
    pub date: Vec<DatePattern>,
    pub money: MoneyFormat,
    /// For month names; `None` where the locale's language is not known.
    pub language: Option<Language>,
}

/// A situation that a page can be in.
#[derive(Debug, Clone)]
pub struct State {
    pub name: String,
    pub test: Condition,
    /// The outcome with which a run ends here.
    pub fails: Option<Outcome>,
    /// What exactly, in a word of the recipe.
    pub detail: Option<String>,
    pub watch: Watch,
    /// The flow that makes it go away.
    pub handle: Option<String>,
    /// How often it may be made to go away in one run.
    pub max_handles: u32,
}

/// In which waits a state is tested that the wait does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Watch {
    #[default]
    No,
    Always,
    AfterLogin,
}

/// A test of a page. Texts are folded.
#[derive(Debug, Clone)]
pub enum Condition {
    /// The test of the state of this name.
    State(String),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// One of the patterns fits the address.
    Url(Vec<String>),
    Host(Vec<String>),
    Visible(Element),
    Missing(Element),
    /// One of the texts can be read on the page, or within an element.
    Text {
        wanted: Vec<String>,
        within: Option<Element>,
    },
    Title(Vec<String>),
}

/// One step of a flow.
#[derive(Debug, Clone)]
pub struct Step {
    pub action: Action,
    /// The step is taken only where this holds …
    pub when: Option<Condition>,
    /// … and this does not.
    pub unless: Option<Condition>,
    /// `None` means [`Limits::step`].
    pub timeout: Option<Duration>,
    /// The flow goes on where the step finds nothing to act upon.
    pub optional: bool,
}

#[derive(Debug, Clone)]
pub enum Action {
    Goto(Template),
    /// Waits for any of the states.
    Expect(Vec<String>),
    Fill {
        element: String,
        with: Template,
    },
    Click {
        element: String,
        /// The click sends what was typed to the bank as a try to log in.
        submits_credentials: bool,
    },
    /// Asks a person for a one-time code.
    Otp(Box<Otp>),
    /// Keeps the page under a name for extraction.
    Snapshot(String),
    Call(String),
}

/// Everything that is wrong with a recipe, each with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.join("\n"))]
pub struct RecipeError {
    /// `file:line: where: what`, at least one.
    pub problems: Vec<String>,
}

impl Recipe {
    /// Reads and checks a recipe; `file` is only for messages, `lib` gives the text of an include by its name.
    pub fn parse(file: &str, text: &str, lib: &dyn Fn(&str) -> Option<String>) -> Result<Self, RecipeError> {
        build::recipe(file, text, lib)
    }

    /// The zone in which the bank counts its days.
    #[must_use]
    pub fn zone(&self) -> BankZone {
        self.meta.timezone
    }

    /// SHA-256 in hex of everything the recipe was made of, includes too.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    #[must_use]
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|state| state.name == name)
    }

    #[must_use]
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.get(name)
    }
}

impl RecipeError {
    fn of(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()] }
    }
}

/// Lengths go in front, so that moving a line from one file to the other changes the hash.
fn hash_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hex(&hash.finalize())
}

#[cfg(test)]
pub(in crate::scrape) mod tests;
