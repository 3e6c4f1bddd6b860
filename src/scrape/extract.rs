//! Rows of a page → accounts and movements. Pure: the same for a live page and for a saved one.
//!
//! What cannot be read is an error, never a missing row: a page is read completely or not at all.

mod cells;
mod ledger;
mod table;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use self::cells::{Cell, Reader};
use self::table::{Tables, outermost_rows, rows_left_out};
use super::recipe::{FingerprintPart, Recipe, Skip, StatusRule};
use super::snapshot::Snapshot;
use super::state::holding;
use super::text::fold;
use crate::domain::money::{Amount, Currency};
use crate::domain::movement::{BookingStatus, CreditDebit};
use crate::domain::run::Outcome;

pub use ledger::{check_running_balance, to_movements};

/// One account of the bank's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// By the names of the recipe, without `account.` in front; what a row lacks is absent.
    pub fields: BTreeMap<String, String>,
}

impl AccountRow {
    /// The bank's number of the account.
    #[must_use]
    pub fn number(&self) -> &str {
        self.fields.get("number").map_or("", String::as_str)
    }

    /// `None` where the list does not say, or says something that is no currency code.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.fields.get("currency")?.parse().ok()
    }
}

/// The movements of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovementRows {
    /// In the order of the page.
    pub rows: Vec<Row>,
    /// Body rows of the page's tables, whether the recipe's selector finds them or not.
    pub seen: usize,
    /// Rows that `skip_when` named.
    pub skipped: usize,
}

/// One movement as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `None` only while pending.
    pub booked_on: Option<NaiveDate>,
    pub value_on: Option<NaiveDate>,
    pub amount: Amount,
    pub direction: CreditDebit,
    pub currency: Currency,
    pub description: String,
    pub counterparty_name: Option<String>,
    pub bank_reference: Option<String>,
    /// Canonical decimal text; may be negative.
    pub balance_after: Option<String>,
    pub status: BookingStatus,
    /// JSON object of header → text.
    pub raw: String,
}

/// Why a page could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    #[error("the page has changed: {element}: {detail}")]
    LayoutChanged { element: String, detail: String },
    /// Rows are counted from 1.
    #[error("row {row}: could not read {field} from \"{text}\": {detail}")]
    ParseFailed { row: usize, field: String, text: String, detail: String },
    #[error("the page has {seen} rows, but {kept} were kept or skipped by name")]
    CoverageGap { seen: usize, kept: usize },
    /// No rows, and no word of the bank that there are none.
    #[error("no movement was found ({skipped} rows were skipped), and the page is not in the state `{state}`")]
    NoEmptyMarker { state: String, skipped: usize },
}

impl ExtractError {
    /// How a run ends that meets this error.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::LayoutChanged { .. } | Self::NoEmptyMarker { .. } => Outcome::LayoutChanged,
            Self::ParseFailed { .. } => Outcome::ParseFailed,
            Self::CoverageGap { .. } => Outcome::CoverageGap,
        }
    }
}

/// Reads the list of accounts; fewer than the recipe's `min` mean that the page was not understood.
pub fn accounts(recipe: &Recipe, snapshot: &Snapshot) -> Result<Vec<AccountRow>, ExtractError> {
    let section = &recipe.accounts;
    let tree = snapshot.tree();
    let tables = Tables::default();
    let mut accounts = Vec::new();
    for (number, row) in outermost_rows(&tree, &section.rows.selector).into_iter().enumerate() {
        let reader = Reader::new(recipe, snapshot, &tables, row, number + 1, None);
        if is_skipped(&reader, "accounts.skip_when", &section.skip_when)? {
            continue;
        }
        let mut fields = BTreeMap::new();
        for (name, field) in &section.fields {
            if let Some(cell) = reader.read(&format!("accounts.fields.{name}"), field)? {
                fields.insert(name.clone(), cell.to_string());
            }
        }
        accounts.push(AccountRow { fields });
    }
    let is_empty = || section.empty_when.as_deref().is_some_and(|state| is_in_state(recipe, snapshot, state));
    if accounts.len() < section.min && !(accounts.is_empty() && is_empty()) {
        let detail = format!("{} accounts were found, {} are expected at least", accounts.len(), section.min);
        return Err(ExtractError::LayoutChanged { element: section.rows.source.clone(), detail });
    }
    Ok(accounts)
}

/// Reads one page of movements. No rows are believed only where the bank says that there are none.
pub fn movements(recipe: &Recipe, snapshot: &Snapshot, account: &AccountRow) -> Result<MovementRows, ExtractError> {
    let section = &recipe.movements;
    let tree = snapshot.tree();
    let tables = Tables::default();
    let found = outermost_rows(&tree, &section.rows.selector);
    let seen = found.len() + rows_left_out(&found);
    let (mut kept, mut skipped) = (Vec::new(), 0);
    for (number, row) in found.into_iter().enumerate() {
        let reader = Reader::new(recipe, snapshot, &tables, row, number + 1, Some(account));
        if is_skipped(&reader, "movements.skip_when", &section.skip_when)? {
            skipped += 1;
        } else {
            kept.push(movement(recipe, &reader)?);
        }
    }
    if section.checks.coverage && seen != kept.len() + skipped {
        return Err(ExtractError::CoverageGap { seen, kept: kept.len() + skipped });
    }
    let marker = section.empty_when.as_deref().unwrap_or_default();
    if kept.is_empty() && !is_in_state(recipe, snapshot, marker) {
        return Err(ExtractError::NoEmptyMarker { state: marker.to_owned(), skipped });
    }
    Ok(MovementRows { rows: kept, seen, skipped })
}

fn is_in_state(recipe: &Recipe, snapshot: &Snapshot, state: &str) -> bool {
    holding(recipe, snapshot).iter().any(|held| held.name == state)
}

fn is_skipped(reader: &Reader<'_>, rule: &str, rules: &[Skip]) -> Result<bool, ExtractError> {
    for skip in rules {
        let applies = match skip {
            Skip::Css(css) => reader.has(css),
            Skip::Cell { column, texts } => {
                reader.column(rule, column)?.is_some_and(|text| texts.contains(&fold(&text)))
            }
        };
        if applies {
            return Ok(true);
        }
    }
    Ok(false)
}

fn movement(recipe: &Recipe, reader: &Reader<'_>) -> Result<Row, ExtractError> {
    let fields = &recipe.movements.fields;
    let status = status(reader, &recipe.movements.status)?;
    let booked_on = reader.day("movements.fields.booked_on", Some(&fields.booked_on))?;
    if booked_on.is_none() && status == BookingStatus::Booked {
        return Err(reader.failed("movements.fields.booked_on", "", "only a pending movement may lack the day"));
    }
    let (direction, amount) = amount(recipe, reader)?;
    let description = reader.print("movements.fields.description", Some(&fields.description))?.unwrap_or_default();
    Ok(Row {
        booked_on,
        value_on: reader.day("movements.fields.value_on", fields.value_on.as_ref())?,
        amount,
        direction,
        currency: currency(recipe, reader)?,
        description,
        counterparty_name: reader.print("movements.fields.counterparty_name", fields.counterparty_name.as_ref())?,
        bank_reference: reader.print("movements.fields.bank_reference", fields.bank_reference.as_ref())?,
        balance_after: reader.print("movements.fields.balance_after", fields.balance_after.as_ref())?,
        status,
        raw: reader.raw(),
    })
}

fn status(reader: &Reader<'_>, rule: &StatusRule) -> Result<BookingStatus, ExtractError> {
    let (field, map) = match rule {
        StatusRule::Always(status) => return Ok(*status),
        StatusRule::From { field, map } => (field, map),
    };
    let text = reader.text("movements.status", field)?.unwrap_or_default();
    map.get(&fold(&text))
        .copied()
        .ok_or_else(|| reader.failed("movements.status", &text, "the recipe's `map` does not know this status"))
}

/// Exactly one of the two columns is filled. Zero counts as empty, because some banks print it in the other column.
fn amount(recipe: &Recipe, reader: &Reader<'_>) -> Result<(CreditDebit, Amount), ExtractError> {
    let rule = &recipe.movements.fields.amount;
    let side = |name: &str, field| match reader.filled(name, field)? {
        Some(Cell::Money(money)) if money.negative => Err(reader.failed(
            name,
            &money.to_string(),
            "it is negative; strip the sign in `pipe` if the bank means it so",
        )),
        Some(Cell::Money(money)) if !money.amount.is_zero() => Ok(Some(money.amount)),
        Some(_) | None => Ok(None),
    };
    let credit = side("movements.fields.amount.credit", &rule.credit)?;
    let debit = side("movements.fields.amount.debit", &rule.debit)?;
    match (credit, debit) {
        (Some(amount), None) => Ok((CreditDebit::Credit, amount)),
        (None, Some(amount)) => Ok((CreditDebit::Debit, amount)),
        (Some(_), Some(_)) => Err(reader.failed("movements.fields.amount", "", "credit and debit are both filled")),
        (None, None) => Err(reader.failed("movements.fields.amount", "", "neither credit nor debit is filled")),
    }
}

fn currency(recipe: &Recipe, reader: &Reader<'_>) -> Result<Currency, ExtractError> {
    let name = "movements.fields.currency";
    let text = reader.text(name, &recipe.movements.fields.currency)?.unwrap_or_default();
    match text.parse::<Currency>() {
        Ok(currency) if recipe.meta.currencies.contains(&currency) => Ok(currency),
        Ok(_) => Err(reader.failed(name, &text, "`meta.currencies` does not list it")),
        Err(error) => Err(reader.failed(name, &text, &error.to_string())),
    }
}

/// What a part of the identity is, in a form that does not depend on how the bank prints it.
fn part(row: &Row, part: FingerprintPart) -> String {
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    match part {
        FingerprintPart::BookedOn => day(row.booked_on),
        FingerprintPart::ValueOn => day(row.value_on),
        FingerprintPart::Amount => {
            let sign = if row.direction == CreditDebit::Debit { "-" } else { "" };
            format!("{sign}{}", row.amount.to_decimal(0))
        }
        FingerprintPart::Currency => row.currency.code().to_owned(),
        FingerprintPart::Description => fold(&row.description),
        FingerprintPart::CounterpartyName => row.counterparty_name.as_deref().map(fold).unwrap_or_default(),
        FingerprintPart::BankReference => row.bank_reference.clone().unwrap_or_default(),
        FingerprintPart::BalanceAfter => row.balance_after.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
