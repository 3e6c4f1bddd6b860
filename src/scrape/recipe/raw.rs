//! The file as TOML has it, before names are resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::otp::Otp;
use super::settings::{Caps, Diagnostics, Input, Limits, Meta, Safety, Session};
use super::tables::{Movements, Section};
use super::{Element, Watch};
use crate::domain::run::Outcome;
use crate::domain::time::BankZone;
use crate::scrape::parse::{DatePattern, MoneyFormat, Negative};
use crate::scrape::text::fold;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRecipe {
    pub schema: Spanned<u32>,
    #[serde(default)]
    pub include: Vec<Spanned<String>>,
    pub meta: Spanned<Meta>,
    pub origins: Spanned<RawOrigins>,
    #[serde(default)]
    pub inputs: BTreeMap<String, Spanned<Input>>,
    #[serde(default)]
    pub caps: Caps,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub formats: RawFormats,
    #[serde(default)]
    pub el: BTreeMap<String, Element>,
    #[serde(default)]
    pub state: Vec<Spanned<RawState>>,
    pub flow: BTreeMap<String, Vec<Spanned<RawStep>>>,
    pub accounts: Spanned<Section>,
    pub movements: Spanned<Movements>,
    #[serde(default)]
    pub session: Option<Spanned<Session>>,
    #[serde(default)]
    pub safety: Safety,
    #[serde(default)]
    pub diagnostics: Diagnostics,
}

/// What recipes share.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLibrary {
    pub formats: RawFormats,
    pub el: BTreeMap<String, Element>,
    pub state: Vec<Spanned<RawState>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOrigins {
    pub login: Vec<String>,
    #[serde(default)]
    pub data: Vec<String>,
    #[serde(default)]
    pub assets: Vec<String>,
    #[serde(default)]
    pub third_party: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawFormats {
    pub date: Option<RawDates>,
    pub money: Option<RawMoney>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDates {
    pub patterns: Vec<DatePattern>,
}

/// What is not said comes from the locale.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMoney {
    pub decimal: Option<char>,
    /// Empty where the bank prints none.
    pub group: Option<String>,
    pub negative: Option<Vec<Negative>>,
    pub strip: Option<Vec<String>>,
    pub digits: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawState {
    pub name: String,
    pub all: Option<Vec<RawTest>>,
    pub any: Option<Vec<RawTest>>,
    pub not: Option<Box<RawTest>>,
    pub url: Option<OneOrMany>,
    pub host: Option<OneOrMany>,
    pub visible: Option<String>,
    pub missing: Option<String>,
    pub text: Option<OneOrMany>,
    #[serde(rename = "in")]
    pub within: Option<String>,
    pub title: Option<OneOrMany>,
    pub fails: Option<Outcome>,
    pub detail: Option<String>,
    #[serde(default)]
    pub watch: Watch,
    pub handle: Option<String>,
    pub max_handles: Option<u32>,
}

/// The part of a state that is a test; also what stands in `all`, `any`, `not`, `when` and `unless`.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawTest {
    pub all: Option<Vec<RawTest>>,
    pub any: Option<Vec<RawTest>>,
    pub not: Option<Box<RawTest>>,
    pub url: Option<OneOrMany>,
    pub host: Option<OneOrMany>,
    pub visible: Option<String>,
    pub missing: Option<String>,
    pub text: Option<OneOrMany>,
    #[serde(rename = "in")]
    pub within: Option<String>,
    pub title: Option<OneOrMany>,
}

impl RawState {
    pub fn take_test(&mut self) -> RawTest {
        RawTest {
            all: self.all.take(),
            any: self.any.take(),
            not: self.not.take(),
            url: self.url.take(),
            host: self.host.take(),
            visible: self.visible.take(),
            missing: self.missing.take(),
            text: self.text.take(),
            within: self.within.take(),
            title: self.title.take(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawStep {
    pub goto: Option<String>,
    pub expect: Option<Vec<String>>,
    pub fill: Option<String>,
    pub with: Option<String>,
    pub click: Option<String>,
    pub submits_credentials: Option<bool>,
    pub otp: Option<Otp>,
    pub snapshot: Option<String>,
    pub call: Option<String>,
    pub when: Option<RawGuard>,
    pub unless: Option<RawGuard>,
    #[serde(default, deserialize_with = "optional_duration")]
    pub timeout: Option<Duration>,
    #[serde(default)]
    pub optional: bool,
    /// For readers of the recipe only.
    #[serde(rename = "note")]
    _note: Option<String>,
}

/// The name of a state, or a test.
#[derive(Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum RawGuard {
    State(String),
    Test(RawTest),
}

impl TryFrom<toml::Value> for RawGuard {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(name) => Ok(Self::State(name)),
            table => table.try_into().map(Self::Test).map_err(|error: toml::de::Error| error.message().to_owned()),
        }
    }
}

/// A text or a list of texts; any of them will do.
#[derive(Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct OneOrMany(pub Vec<String>);

impl OneOrMany {
    pub fn folded(&self) -> Vec<String> {
        self.0.iter().map(|text| fold(text)).collect()
    }
}

impl TryFrom<toml::Value> for OneOrMany {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::String(text) => Ok(Self(vec![text])),
            list => match list.try_into::<Vec<String>>() {
                Ok(texts) if !texts.is_empty() => Ok(Self(texts)),
                Ok(_) | Err(_) => Err("this must be a text or a list of at least one text".to_owned()),
            },
        }
    }
}

impl<'de> Deserialize<'de> for Watch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::Boolean(false) => Ok(Self::No),
            toml::Value::Boolean(true) => Ok(Self::Always),
            toml::Value::String(word) if word == "after_login" => Ok(Self::AfterLogin),
            other => Err(de::Error::custom(format!("`watch` is true, false or \"after_login\", not {other}"))),
        }
    }
}

/// Reads `"20s"`.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| de::Error::custom(format!("\"{text}\" is not a duration such as \"20s\": {error}")))
}

pub fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Reads `"America/Montevideo"`.
pub fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BankZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    BankZone::parse(&name).ok_or_else(|| {
        de::Error::custom(format!("\"{name}\" is not a time zone; use an IANA name such as \"America/Montevideo\""))
    })
}

pub fn optional_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BankZone>, D::Error> {
    zone(deserializer).map(Some)
}

/// The locale's format with what the recipe says differently.
pub fn money_format(locale: &str, raw: Option<RawMoney>) -> Result<MoneyFormat, String> {
    let usual = MoneyFormat::of_locale(locale);
    let Some(raw) = raw else {
        return usual.ok_or_else(|| format!("the locale `{locale}` has no known format; declare decimal and group"));
    };
    let usual_marks = usual.as_ref().map(|usual| (usual.decimal, usual.group));
    let (decimal, group) = match (raw.decimal, raw.group.as_deref(), usual_marks) {
        (Some(decimal), Some(group), _) | (None, Some(group), Some((decimal, _))) => (decimal, group_mark(group)?),
        (Some(decimal), None, Some((_, group))) => (decimal, group),
        (None, None, Some(marks)) => marks,
        (_, _, None) => return Err("both decimal and group must be declared, the locale's are not known".to_owned()),
    };
    if group == Some(decimal) {
        return Err(format!("decimal and group are both '{decimal}'"));
    }
    let mut strip = raw.strip.or_else(|| usual.as_ref().map(|usual| usual.strip.clone())).unwrap_or_default();
    strip.retain(|symbol| !symbol.is_empty());
    // "US$" before "$": the shorter would leave "US" behind.
    strip.sort_by_key(|symbol| std::cmp::Reverse(symbol.len()));
    let negative = raw.negative.or_else(|| usual.map(|usual| usual.negative)).unwrap_or_default();
    Ok(MoneyFormat { decimal, group, negative, strip, digits: raw.digits.unwrap_or(2) })
}

fn group_mark(text: &str) -> Result<Option<char>, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (None, _) => Ok(None),
        (Some(mark), None) if mark.is_whitespace() => Ok(Some(' ')),
        (Some(mark), None) => Ok(Some(mark)),
        (Some(_), Some(_)) => Err(format!("group is one character, not \"{text}\"")),
    }
}
