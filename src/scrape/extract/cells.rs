//! One field of one row: located, filtered, parsed.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;
use scraper::ElementRef;

use super::table::{Tables, cell_text, cells_of};
use super::{AccountRow, ExtractError};
use crate::scrape::parse::{self, SignedAmount};
use crate::scrape::recipe::{CellType, Css, Field, Locator, Pipe, Recipe};
use crate::scrape::select::visible_text;
use crate::scrape::snapshot::{Snapshot, is_visible};
use crate::scrape::text::{fold, squash};

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Money(SignedAmount),
    Day(NaiveDate),
}

impl fmt::Display for Cell {
    /// Texts as they are, money and days in canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Money(money) => money.fmt(f),
            Self::Day(day) => day.fmt(f),
        }
    }
}

/// Reads the fields of one row.
pub struct Reader<'a> {
    recipe: &'a Recipe,
    snapshot: &'a Snapshot,
    tables: &'a Tables,
    row: ElementRef<'a>,
    /// From 1, for messages.
    number: usize,
    account: Option<&'a AccountRow>,
}

/// What a locator found.
enum Located<'a> {
    Element(ElementRef<'a>),
    Text(String),
    Nothing,
}

impl<'a> Reader<'a> {
    pub fn new(
        recipe: &'a Recipe,
        snapshot: &'a Snapshot,
        tables: &'a Tables,
        row: ElementRef<'a>,
        number: usize,
        account: Option<&'a AccountRow>,
    ) -> Self {
        Self { recipe, snapshot, tables, row, number, account }
    }

    /// The error that a text of this row cannot be read.
    pub fn failed(&self, field: &str, text: &str, detail: &str) -> ExtractError {
        ExtractError::ParseFailed {
            row: self.number,
            field: field.to_owned(),
            text: text.to_owned(),
            detail: detail.to_owned(),
        }
    }

    /// Whether a selector finds something visible in the row.
    pub fn has(&self, css: &Css) -> bool {
        self.row.select(&css.selector).any(is_visible)
    }

    /// The text below one of the headers; `None` when the row is too short.
    pub fn column(&self, name: &str, headers: &[String]) -> Result<Option<String>, ExtractError> {
        let place = self.place_of(name, headers)?;
        Ok(cells_of(self.row).get(place).map(|cell| cell_text(*cell)))
    }

    /// Reads a field; `None` only when it is optional and the row lacks it.
    pub fn read(&self, name: &str, field: &Field) -> Result<Option<Cell>, ExtractError> {
        match self.filled(name, field)? {
            None if !field.optional => Err(self.failed(name, "", "it is empty")),
            cell => Ok(cell),
        }
    }

    /// Reads a field that may be empty whatever the recipe says.
    pub fn filled(&self, name: &str, field: &Field) -> Result<Option<Cell>, ExtractError> {
        let Some(text) = self.text(name, field)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let formats = &self.recipe.formats;
        let cell = match field.parse {
            CellType::Text => Ok(Cell::Text(text.clone())),
            CellType::Money => parse::money(&text, &formats.money).map(Cell::Money),
            CellType::Date => parse::date(&text, &formats.date, formats.language).map(Cell::Day),
        };
        cell.map(Some).map_err(|error| self.failed(name, &text, &error.to_string()))
    }

    /// Like [`Reader::read`], in canonical text; `None` also when there is no such field.
    pub fn print(&self, name: &str, field: Option<&Field>) -> Result<Option<String>, ExtractError> {
        let cell = field.map(|field| self.read(name, field)).transpose()?.flatten();
        Ok(cell.map(|cell| cell.to_string()))
    }

    /// Like [`Reader::read`] for a field that is a day; `None` also when there is no such field.
    pub fn day(&self, name: &str, field: Option<&Field>) -> Result<Option<NaiveDate>, ExtractError> {
        match field.map(|field| self.read(name, field)).transpose()?.flatten() {
            Some(Cell::Day(day)) => Ok(Some(day)),
            Some(Cell::Text(_) | Cell::Money(_)) | None => Ok(None),
        }
    }

    /// The text of a field after its filters; `None` when the row lacks it.
    ///
    /// A missing column is an error even for an optional field: without a balance, for one, every movement would get
    /// a new identity.
    pub fn text(&self, name: &str, field: &Field) -> Result<Option<String>, ExtractError> {
        let mut text = match (self.locate(name, field)?, &field.attribute) {
            (Located::Nothing, _) => return Ok(None),
            (Located::Text(text), _) => text,
            (Located::Element(element), None) => cell_text(element),
            (Located::Element(element), Some(attribute)) => match element.attr(attribute) {
                Some(value) => self.attribute(attribute, value),
                None => return Ok(None),
            },
        };
        for pipe in &field.pipe {
            text = match apply(pipe, &text) {
                Ok(Some(text)) => text,
                Ok(None) => return Ok(None),
                Err(detail) => return Err(self.failed(name, &text, &detail)),
            };
        }
        Ok(Some(text))
    }

    /// All cells of the row as a JSON object: header → text, `#n` where a column has no header of its own.
    pub fn raw(&self) -> String {
        let headers = self.tables.headers_of(self.row);
        let cells = cells_of(self.row);
        let mut texts = BTreeMap::new();
        if cells.is_empty() {
            texts.insert("#1".to_owned(), visible_text(self.row));
        }
        for (place, cell) in cells.into_iter().enumerate() {
            let header = headers.as_ref().and_then(|headers| headers.get(place)).filter(|header| !header.is_empty());
            let name = match header {
                Some(header) if !texts.contains_key(header) => header.clone(),
                Some(_) | None => format!("#{}", place + 1),
            };
            texts.insert(name, cell_text(cell));
        }
        serde_json::to_string(&texts).expect("a map of texts is always JSON")
    }

    fn locate(&self, name: &str, field: &Field) -> Result<Located<'a>, ExtractError> {
        match &field.locator {
            Locator::Const(text) => Ok(Located::Text(text.clone())),
            Locator::Variable(dotted) => {
                let field = dotted.strip_prefix("account.").unwrap_or(dotted);
                let value = self.account.and_then(|account| account.fields.get(field)).cloned();
                Ok(value.map_or(Located::Nothing, Located::Text))
            }
            Locator::Column(headers) => Ok(self.cell(self.place_of(name, headers)?)),
            Locator::Cell(place) => Ok(self.cell(*place)),
            Locator::Css(css) => {
                let mut found = self.row.select(&css.selector).filter(|element| is_visible(*element));
                match (found.next(), found.next()) {
                    (Some(only), None) => Ok(Located::Element(only)),
                    (Some(_), Some(_)) => {
                        Err(self.failed(name, &css.source, "the selector finds more than one element"))
                    }
                    (None, _) => Ok(Located::Nothing),
                }
            }
        }
    }

    fn cell(&self, place: usize) -> Located<'a> {
        cells_of(self.row).get(place).copied().map_or(Located::Nothing, Located::Element)
    }

    /// The place of the only column that has one of the headers, the first alternative first.
    fn place_of(&self, name: &str, wanted: &[String]) -> Result<usize, ExtractError> {
        let changed = |detail: String| ExtractError::LayoutChanged { element: name.to_owned(), detail };
        let headers = self.tables.headers_of(self.row).ok_or_else(|| changed("the table has no headers".to_owned()))?;
        for header in wanted {
            let mut places = headers.iter().enumerate().filter(|(_, text)| fold(text) == *header);
            match (places.next(), places.next()) {
                (Some((place, _)), None) => return Ok(place),
                (Some(_), Some(_)) => return Err(changed(format!("two columns are named \"{header}\""))),
                (None, _) => {}
            }
        }
        Err(changed(format!("no column is named {}; there are {}", wanted.join(" or "), headers.join(", "))))
    }

    /// Links become paths of the page's own origin, so that a template can put them behind it.
    fn attribute(&self, attribute: &str, value: &str) -> String {
        let page = &self.snapshot.url;
        match (attribute, page.join(value.trim())) {
            ("href" | "src", Ok(target)) if target.origin() == page.origin() => {
                target[url::Position::BeforePath..].to_owned()
            }
            _ => value.to_owned(),
        }
    }
}

/// `Ok(None)` when the filter finds nothing; `Err` when a closed list does not know the text.
fn apply(pipe: &Pipe, text: &str) -> Result<Option<String>, String> {
    Ok(match pipe {
        Pipe::Trim => Some(text.trim().to_owned()),
        Pipe::Squash => Some(squash(text)),
        Pipe::Lower => Some(text.to_lowercase()),
        Pipe::Digits => Some(text.chars().filter(char::is_ascii_digit).collect()),
        Pipe::After(mark) => text.split_once(mark.as_str()).map(|(_, after)| after.to_owned()),
        Pipe::Before(mark) => text.split_once(mark.as_str()).map(|(before, _)| before.to_owned()),
        Pipe::Replace(wanted, with) => Some(text.replace(wanted.as_str(), with)),
        Pipe::Regex(regex, group) => {
            regex.captures(text).and_then(|found| found.get(*group)).map(|found| found.as_str().to_owned())
        }
        Pipe::Map { known, otherwise } => match known.get(&fold(text)).or(otherwise.as_ref()) {
            Some(value) => Some(value.clone()),
            None => return Err("the recipe's `map` does not know it, and has no `else`".to_owned()),
        },
    })
}
