//! How one row becomes values.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Css;
use super::raw::OneOrMany;
use super::settings::Pattern;
use crate::domain::account::words;
use crate::domain::movement::BookingStatus;
use crate::scrape::text::fold;

/// The amount stands in one of two columns, which also tells its direction.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmountRule {
    pub credit: Field,
    pub debit: Field,
    /// Must be true: a row with both or neither filled is an error.
    pub exactly_one: bool,
}

/// How one value of a row is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawField")]
pub struct Field {
    pub locator: Locator,
    /// The attribute to take instead of the text.
    pub attribute: Option<String>,
    pub pipe: Vec<Pipe>,
    pub parse: CellType,
    /// Whether a row may lack it.
    pub optional: bool,
}

/// Where in the row the value stands.
#[derive(Debug, Clone)]
pub enum Locator {
    /// Below the header that reads like one of these (folded).
    Column(Vec<String>),
    /// The cell at this place, from 0.
    Cell(usize),
    Css(Css),
    Const(String),
    /// A value from outside the row, `account.<field>`.
    Variable(String),
}

words! {
    /// What the text stands for.
    CellType {
        Text = "text",
        Money = "money",
        Date = "date",
    }
}

/// One filter; the output of one is the input of the next.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub enum Pipe {
    Trim,
    Squash,
    Lower,
    /// Drops everything but digits.
    Digits,
    /// What stands behind the first occurrence; no value where there is none.
    After(String),
    Before(String),
    Replace(String, String),
    /// A group of the match; no value where nothing matches.
    Regex(Pattern, usize),
    /// A closed list by folded text: what it does not know is an error unless there is an `else`.
    Map {
        known: BTreeMap<String, String>,
        otherwise: Option<String>,
    },
}

/// Rows that are no movements.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawSkip")]
pub enum Skip {
    /// Rows in which the selector finds something.
    Css(Css),
    /// Rows whose cell reads exactly like one of the texts (folded).
    Cell { column: Vec<String>, texts: Vec<String> },
}

/// How to tell whether a movement is booked.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "RawStatus")]
pub enum StatusRule {
    Always(BookingStatus),
    /// By folded text; a text that is not listed is an error.
    From {
        field: Field,
        map: BTreeMap<String, BookingStatus>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawField {
    col: Option<OneOrMany>,
    cell: Option<usize>,
    css: Option<Css>,
    #[serde(rename = "const")]
    constant: Option<String>,
    var: Option<String>,
    attr: Option<String>,
    #[serde(default)]
    pipe: Vec<Pipe>,
    map: Option<BTreeMap<String, String>>,
    #[serde(rename = "else")]
    otherwise: Option<String>,
    parse: Option<CellType>,
    #[serde(default)]
    optional: bool,
}

impl TryFrom<RawField> for Field {
    type Error = String;

    fn try_from(raw: RawField) -> Result<Self, String> {
        let locators = [
            raw.col.map(|headers| Locator::Column(headers.folded())),
            raw.cell.map(Locator::Cell),
            raw.css.map(Locator::Css),
            raw.constant.map(Locator::Const),
            raw.var.map(Locator::Variable),
        ];
        let mut locators = locators.into_iter().flatten();
        let (Some(locator), None) = (locators.next(), locators.next()) else {
            return Err("a field has exactly one of `col`, `cell`, `css`, `const` and `var`".to_owned());
        };
        let mut pipe = raw.pipe;
        match (raw.map, raw.otherwise) {
            (Some(map), otherwise) => pipe.push(Pipe::map(map, otherwise)),
            (None, Some(_)) => return Err("`else` belongs to a `map`".to_owned()),
            (None, None) => {}
        }
        let parse = raw.parse.unwrap_or(CellType::Text);
        Ok(Self { locator, attribute: raw.attr, pipe, parse, optional: raw.optional })
    }
}

/// Either every key of one filter, or those of another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPipe {
    regex: Option<Pattern>,
    group: Option<usize>,
    after: Option<String>,
    before: Option<String>,
    replace: Option<String>,
    with: Option<String>,
    map: Option<BTreeMap<String, String>>,
    #[serde(rename = "else")]
    otherwise: Option<String>,
}

impl TryFrom<toml::Value> for Pipe {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let message = |error: toml::de::Error| error.message().to_owned();
        match value {
            toml::Value::String(name) => Self::named(&name),
            table => table.try_into::<RawPipe>().map_err(message)?.try_into(),
        }
    }
}

impl TryFrom<RawPipe> for Pipe {
    type Error = String;

    fn try_from(raw: RawPipe) -> Result<Self, String> {
        let is_paired = (raw.group.is_none() || raw.regex.is_some())
            && raw.with.is_some() == raw.replace.is_some()
            && (raw.otherwise.is_none() || raw.map.is_some());
        let group = raw.group.unwrap_or(0);
        let pipes = [
            raw.regex.map(|regex| Self::Regex(regex, group)),
            raw.after.map(Self::After),
            raw.before.map(Self::Before),
            raw.replace.zip(raw.with).map(|(text, with)| Self::Replace(text, with)),
            raw.map.map(|map| Self::map(map, raw.otherwise)),
        ];
        let mut pipes = pipes.into_iter().flatten();
        match (pipes.next(), pipes.next()) {
            (Some(Self::Regex(regex, group)), None) if group >= regex.captures_len() => {
                Err(format!("the regular expression `{}` has no group {group}", regex.as_str()))
            }
            (Some(pipe), None) if is_paired => Ok(pipe),
            _ => Err("a filter has the keys of one of { regex, group }, { after }, { before }, { replace, with }, \
                      { map, else }"
                .to_owned()),
        }
    }
}

impl Pipe {
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "trim" => Ok(Self::Trim),
            "squash" => Ok(Self::Squash),
            "lower" => Ok(Self::Lower),
            "digits" => Ok(Self::Digits),
            _ => Err(format!("unknown filter `{name}`, expected one of `trim`, `squash`, `lower`, `digits`")),
        }
    }

    fn map(map: BTreeMap<String, String>, otherwise: Option<String>) -> Self {
        Self::Map { known: map.into_iter().map(|(text, value)| (fold(&text), value)).collect(), otherwise }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSkip {
    css: Option<Css>,
    col: Option<OneOrMany>,
    text: Option<OneOrMany>,
}

impl TryFrom<RawSkip> for Skip {
    type Error = String;

    fn try_from(raw: RawSkip) -> Result<Self, String> {
        match (raw.css, raw.col, raw.text) {
            (Some(css), None, None) => Ok(Self::Css(css)),
            (None, Some(col), Some(text)) => Ok(Self::Cell { column: col.folded(), texts: text.folded() }),
            _ => Err("a rule of `skip_when` has either `css`, or `col` and `text`".to_owned()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStatus {
    #[serde(rename = "const")]
    constant: Option<BookingStatus>,
    from: Option<Field>,
    map: Option<BTreeMap<String, BookingStatus>>,
}

impl TryFrom<RawStatus> for StatusRule {
    type Error = String;

    fn try_from(raw: RawStatus) -> Result<Self, String> {
        match (raw.constant, raw.from, raw.map) {
            (Some(status), None, None) => Ok(Self::Always(status)),
            (None, Some(field), Some(map)) => {
                let map = map.into_iter().map(|(text, status)| (fold(&text), status)).collect();
                Ok(Self::From { field, map })
            }
            _ => Err("`status` has either `const`, or `from` and `map`".to_owned()),
        }
    }
}
