//! The parts of a recipe that say who the bank is and how a run behaves.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;

use super::raw::{duration, optional_duration, zone};
use crate::domain::account::words;
use crate::domain::money::Currency;
use crate::domain::time::BankZone;

/// Which bank it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meta {
    /// Also the name of the recipe's folder: lower-case letters, digits and hyphens.
    pub id: String,
    pub name: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    pub segment: Segment,
    pub languages: Vec<String>,
    /// Where the bank counts its days.
    #[serde(deserialize_with = "zone")]
    pub timezone: BankZone,
    /// Language and country, such as `es-UY`: what the browser asks for, how months are named.
    pub locale: String,
    /// A row in any other currency is an error.
    pub currencies: Vec<Currency>,
    pub status: RecipeStatus,
    pub verified_at: Option<String>,
    pub verified_by: Option<String>,
    /// Where the facts come from.
    #[serde(default)]
    pub sources: Vec<String>,
    pub notes: Option<String>,
}

words! {
    Segment {
        Personal = "personal",
        Business = "business",
    }
}

words! {
    /// How much is known about whether the recipe works.
    RecipeStatus {
        /// The bank exists on this machine only.
        Simulated = "simulated",
        /// Written from public facts; nobody has tried it.
        Unverified = "unverified",
        /// An operator has seen it work on the date beside it.
        Verified = "verified",
    }
}

/// Something that the account's owner has to give.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    #[serde(rename = "type")]
    pub kind: InputKind,
    /// Typed only into login origins, and never shown.
    #[serde(default)]
    pub secret: bool,
    pub label: Option<Label>,
    /// What a value must look like as a whole.
    pub pattern: Option<Pattern>,
    #[serde(default)]
    pub choices: Vec<String>,
    #[serde(default)]
    pub optional: bool,
    /// The setting of the account that feeds it: `bank_username` or `bank_password`; `None`: asked for by name.
    pub config: Option<String>,
}

words! {
    InputKind {
        Text = "text",
        Digits = "digits",
        Password = "password",
        Choice = "choice",
        /// National number of Chile.
        Rut = "rut",
        /// National number of Uruguay.
        Ci = "ci",
        /// National number of Ecuador.
        Cedula = "cedula",
    }
}

/// What stands beside a field that asks for an input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub es: String,
    pub en: String,
}

/// A regular expression.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Regex);

impl Deref for Pattern {
    type Target = Regex;

    fn deref(&self) -> &Regex {
        &self.0
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        Regex::new(&source).map(Self).map_err(|error| format!("\"{source}\" is not a regular expression: {error}"))
    }
}

/// What the bank offers. Nothing here is guessed by the engine.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that the file states")]
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    pub modes: Vec<SessionMode>,
    pub second_factor: Vec<SecondFactor>,
    /// Whether a login needs nobody beside the machine.
    pub unattended_login: bool,
    /// Whether movements are shown before they are booked.
    pub pending: bool,
    pub details: bool,
    pub instalments: bool,
    /// How far back the bank shows movements.
    pub history_days: Option<u32>,
    /// Whether a login ends the sessions that the person has elsewhere.
    pub single_session: bool,
}

words! {
    SessionMode {
        OneShot = "one_shot",
        Persistent = "persistent",
    }
}

words! {
    SecondFactor {
        None = "none",
        OtpSms = "otp_sms",
        OtpEmail = "otp_email",
        Totp = "totp",
        OtpToken = "otp_token",
        Push = "push",
        Question = "question",
        CardGrid = "card_grid",
    }
}

/// Bounds of one run.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest wait of one step.
    #[serde(deserialize_with = "duration")]
    pub step: Duration,
    /// Longest duration of a run.
    #[serde(deserialize_with = "duration")]
    pub run: Duration,
    /// Pages of one list of movements; more are an error, never a silent cut.
    pub max_pages: usize,
    /// Rows of one account.
    pub max_rows: usize,
    /// Pause between two actions.
    pub pace: Pace,
    /// Successful logins that the bank tolerates; `None` when nothing is known.
    pub logins_per_day: Option<u32>,
}

/// The longest run that a recipe may ask for: the caller reserves the bank login for a little more.
pub const RUN_MAX: Duration = Duration::from_mins(8);

impl Default for Limits {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(20),
            run: RUN_MAX,
            max_pages: 40,
            max_rows: 20_000,
            pace: Pace::default(),
            logins_per_day: None,
        }
    }
}

/// A range of pauses, `"300ms..1200ms"`; no pause by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Pace {
    pub min: Duration,
    pub max: Duration,
}

impl TryFrom<String> for Pace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a range of pauses such as \"300ms..1200ms\"");
        let (min, max) = text.split_once("..").ok_or_else(wrong)?;
        let read = |part: &str| humantime::parse_duration(part.trim()).map_err(|_| wrong());
        let pace = Self { min: read(min)?, max: read(max)? };
        if pace.min <= pace.max { Ok(pace) } else { Err(wrong()) }
    }
}

/// How a session stays alive. Runs that log in every time use only `logout`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// States that prove that the bank still knows us.
    pub alive: Vec<String>,
    /// Flow that brings the page up to date.
    pub refresh: Option<String>,
    pub keep_alive: Option<KeepAlive>,
    pub poll: Option<Poll>,
    #[serde(deserialize_with = "optional_duration")]
    pub max_age: Option<Duration>,
    pub on_expired: OnExpired,
    /// Flow that logs out.
    pub logout: Option<String>,
    pub state: StoredState,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepAlive {
    #[serde(deserialize_with = "duration")]
    pub every: Duration,
    pub flow: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    #[serde(deserialize_with = "duration")]
    pub every: Duration,
    #[serde(default, deserialize_with = "duration")]
    pub jitter: Duration,
    /// Whole days that are read again each time.
    #[serde(default = "overlap_days_by_default")]
    pub overlap_days: u32,
}

/// Late postings arrive within days.
fn overlap_days_by_default() -> u32 {
    5
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpired {
    #[default]
    Relogin,
    Park,
}

/// What of a session is worth keeping.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoredState {
    pub cookies: bool,
    pub local_storage: bool,
}

/// What a run never clicks. Built-in words about moving money come on top.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Safety {
    /// Further texts that are never clicked.
    pub never_click: Vec<String>,
    /// Elements, by name or by text, that may be clicked although their text looks dangerous.
    pub allow_click: Vec<String>,
}

/// What is kept of a page that a run could not read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diagnostics {
    /// Selectors of what is blackened.
    pub mask: Vec<super::Css>,
    pub screenshots: Screenshots,
    #[serde(deserialize_with = "optional_duration")]
    pub keep: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Screenshots {
    #[default]
    Never,
    OnFailure,
}

/// The inputs that are secret.
pub(super) fn secrets(inputs: &BTreeMap<String, Input>) -> BTreeSet<String> {
    inputs.iter().filter(|(_, input)| input.secret).map(|(name, _)| name.clone()).collect()
}
