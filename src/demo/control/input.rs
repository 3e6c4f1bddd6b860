//! What people and programs hand in, read field by field: every refusal names its field.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::value::RawValue;

use crate::demo::bank::ledger::{MovementError, NewBankMovement, PESOS};
use crate::demo::shop::Order;
use crate::domain::money::{Amount, Currency};
use crate::domain::movement::BookingStatus;

/// The fields of a form or of a JSON object, as text.
pub(super) type Fields = BTreeMap<String, String>;

const MOVEMENT_FIELDS: [&str; 9] =
    ["bank_account", "booked_on", "concept", "name", "amount", "credit", "debit", "status", "reference"];
const ORDER_FIELDS: [&str; 4] = ["external_id", "amount", "currency", "name"];

/// Characters of an order's id and of a name.
const TEXT_MAX: usize = 200;

/// What is wrong with which field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub(super) struct FieldError {
    pub field: String,
    pub problem: String,
}

impl FieldError {
    fn new(field: &str, problem: impl Into<String>) -> Self {
        Self { field: field.to_owned(), problem: problem.into() }
    }
}

impl From<MovementError> for FieldError {
    fn from(error: MovementError) -> Self {
        let field = match error {
            MovementError::UnknownAccount(_) => "bank_account",
            MovementError::Concept => "concept",
            MovementError::Direction | MovementError::Amount(_) => "amount",
        };
        Self::new(field, error.to_string())
    }
}

/// Reads a flat JSON object. Numbers keep their literal text; a null counts as absent.
pub(super) fn from_json(body: &[u8]) -> Result<Fields, FieldError> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body)
        .map_err(|error| FieldError::new("body", format!("must be a JSON object ({error})")))?;
    let mut fields = Fields::new();
    for (name, value) in members {
        let literal = value.get();
        let text = match literal.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(literal).ok(),
            Some(b'-' | b'0'..=b'9') => Some(literal.to_owned()),
            Some(b'n') => continue,
            Some(_) | None => None,
        };
        let text = text.ok_or_else(|| FieldError::new(&name, "must be a text or a number"))?;
        fields.insert(name, text);
    }
    Ok(fields)
}

/// Rewrites the amount of a form, where people type `1.500,00`, to the plain `1500.00`.
pub(super) fn plain_amount(typed: &Fields) -> Result<Fields, FieldError> {
    let mut fields = typed.clone();
    if let Some(amount) = fields.get_mut("amount") {
        *amount = plain(amount.trim()).map_err(|problem| FieldError::new("amount", problem))?;
    }
    Ok(fields)
}

fn plain(typed: &str) -> Result<String, String> {
    if let Some((whole, fraction)) = typed.split_once(',') {
        let mut groups = whole.split('.');
        let first_is_short = groups.next().is_some_and(|first| first.len() <= 3);
        let is_grouped = whole.contains('.');
        if is_grouped && !(first_is_short && groups.all(|group| group.len() == 3)) {
            return Err(format!("\"{typed}\" has points in odd places; write 1500,00 or 1.500,00"));
        }
        return Ok(format!("{}.{fraction}", whole.replace('.', "")));
    }
    match typed.rsplit_once('.') {
        Some((whole, last)) if last.len() == 3 => Err(format!(
            "\"{typed}\" could be {}{last} or {whole},{}; write it so",
            whole.replace('.', ""),
            significant(last)
        )),
        Some(_) | None => Ok(typed.to_owned()),
    }
}

fn significant(fraction: &str) -> &str {
    match fraction.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    }
}

/// A movement for the bank. Without a concept it is a transfer by `name`; without a day it is today's.
pub(super) fn movement(fields: &Fields, today: NaiveDate) -> Result<NewBankMovement, FieldError> {
    known(fields, &MOVEMENT_FIELDS)?;
    let concept = match (given(fields, "concept"), given(fields, "name")) {
        (Some(concept), _) => concept.to_owned(),
        (None, Some(name)) => format!("TRANSFERENCIA DE {}", name.to_uppercase()),
        (None, None) => return Err(FieldError::new("name", "is missing; give the payer's name or a whole concept")),
    };
    let amounts = [amount(fields, "amount")?, amount(fields, "credit")?, amount(fields, "debit")?];
    let (credit, debit) = match amounts {
        [Some(credit), None, None] | [None, Some(credit), None] => (Some(credit), None),
        [None, None, Some(debit)] => (None, Some(debit)),
        [None, None, None] => return Err(FieldError::new("amount", "is missing")),
        _ => return Err(FieldError::new("amount", "give one of amount, credit and debit")),
    };
    let booked_on = match given(fields, "booked_on") {
        Some(day) => day
            .parse::<NaiveDate>()
            .map_err(|_| FieldError::new("booked_on", format!("\"{day}\" is not a day such as 2026-05-13")))?,
        None => today,
    };
    let status = match given(fields, "status") {
        Some(word) => BookingStatus::from_word(word)
            .ok_or_else(|| FieldError::new("status", format!("\"{word}\" is neither booked nor pending")))?,
        None => BookingStatus::Booked,
    };
    Ok(NewBankMovement {
        bank_account: given(fields, "bank_account").unwrap_or(PESOS).to_owned(),
        booked_on,
        concept,
        credit,
        debit,
        status,
        reference: given(fields, "reference").map(str::to_owned),
    })
}

/// An order for the shop; in pesos when it does not say.
pub(super) fn order(fields: &Fields) -> Result<Order, FieldError> {
    known(fields, &ORDER_FIELDS)?;
    let amount = amount(fields, "amount")?.ok_or_else(|| FieldError::new("amount", "is missing"))?;
    if amount.is_zero() {
        return Err(FieldError::new("amount", "must be more than 0"));
    }
    let currency = given(fields, "currency")
        .unwrap_or("UYU")
        .parse::<Currency>()
        .map_err(|error| FieldError::new("currency", error.to_string()))?;
    Ok(Order {
        external_id: required(fields, "external_id")?.to_owned(),
        amount,
        currency,
        name: required(fields, "name")?.to_owned(),
    })
}

fn known(fields: &Fields, names: &[&str]) -> Result<(), FieldError> {
    match fields.keys().find(|field| !names.contains(&field.as_str())) {
        Some(unknown) => Err(FieldError::new(unknown, format!("is not a field; the fields are {}", names.join(", ")))),
        None => Ok(()),
    }
}

/// The field's text; `None` when it is absent or blank.
fn given<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).map(String::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn required<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, FieldError> {
    let text = given(fields, name).ok_or_else(|| FieldError::new(name, "is missing"))?;
    if text.chars().count() > TEXT_MAX {
        return Err(FieldError::new(name, format!("has more than {TEXT_MAX} characters")));
    }
    Ok(text)
}

fn amount(fields: &Fields, name: &str) -> Result<Option<Amount>, FieldError> {
    let amount = given(fields, name).map(str::parse::<Amount>).transpose();
    amount.map_err(|error| FieldError::new(name, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 5, 13).expect("day")
    }

    #[test]
    fn amounts_in_forms_may_be_typed_as_people_write_them() {
        let check = |typed: &str, expected: Result<&str, &str>| match expected {
            Ok(expected) => assert_eq!(plain(typed).as_deref(), Ok(expected)),
            Err(part) => {
                let problem = plain(typed).expect_err(typed);
                assert!(problem.contains(part), "{problem}");
            }
        };
        check("1500", Ok("1500"));
        check("1500.50", Ok("1500.50"));
        check("1500,5", Ok("1500.5"));
        check("1.500,00", Ok("1500.00"));
        check("12.345.678,9", Ok("12345678.9"));
        check("1.500", Err("could be 1500 or 1,5"));
        check("2.000", Err("could be 2000 or 2,0"));
        check("15.00,00", Err("odd places"));
        check("1500.000,00", Err("odd places"));
    }

    #[test]
    fn a_movement_says_which_field_is_wrong() {
        let check = |body: &str, expected: &str| {
            let read = from_json(body.as_bytes()).and_then(|fields| movement(&fields, today()));
            let problem = read.expect_err(body).to_string();
            assert!(problem.starts_with(expected), "{problem}");
        };
        check("[]", "body: must be a JSON object");
        check("{", "body: must be a JSON object");
        check(r#"{"amount": 5}"#, "name: is missing");
        check(r#"{"name": "Ana"}"#, "amount: is missing");
        check(r#"{"name": "Ana", "amount": null}"#, "amount: is missing");
        check(r#"{"name": "Ana", "amount": -5}"#, "amount: \"-5\" is negative");
        check(r#"{"name": "Ana", "amount": [5]}"#, "amount: must be a text or a number");
        check(r#"{"name": "Ana", "amount": 5, "debit": 5}"#, "amount: give one of");
        check(r#"{"name": "Ana", "amount": 5, "booked_on": "13/05/2026"}"#, "booked_on: \"13/05/2026\" is not a day");
        check(r#"{"name": "Ana", "amount": 5, "status": "done"}"#, "status: \"done\" is neither");
        check(r#"{"name": "Ana", "amount": 5, "currency": "USD"}"#, "currency: is not a field");
    }

    #[test]
    fn a_movement_is_read_with_its_literal_amount() {
        let read = |body: &str| from_json(body.as_bytes()).and_then(|fields| movement(&fields, today()));
        let credit =
            read(r#"{"name": " José Ñandú ", "amount": 1500.10, "bank_account": "0011234568"}"#).expect("movement");
        assert_eq!(credit.concept, "TRANSFERENCIA DE JOSÉ ÑANDÚ");
        assert_eq!((credit.credit, credit.debit), ("1500.1".parse().ok(), None));
        assert_eq!((credit.bank_account.as_str(), credit.booked_on), ("0011234568", today()));

        let debit = read(r#"{"concept": "COMISION", "debit": "45", "status": "pending", "booked_on": "2026-05-12"}"#);
        let debit = debit.expect("movement");
        assert_eq!((debit.credit, debit.debit), (None, "45".parse().ok()));
        assert_eq!((debit.status, debit.bank_account.as_str()), (BookingStatus::Pending, PESOS));
    }

    #[test]
    fn an_order_says_which_field_is_wrong() {
        let check = |body: &str, expected: &str| {
            let problem = from_json(body.as_bytes()).and_then(|fields| order(&fields)).expect_err(body).to_string();
            assert!(problem.starts_with(expected), "{problem}");
        };
        check(r#"{"external_id": "1", "name": "Ana"}"#, "amount: is missing");
        check(r#"{"external_id": "1", "name": "Ana", "amount": 0}"#, "amount: must be more than 0");
        check(r#"{"external_id": "1", "amount": 5}"#, "name: is missing");
        check(r#"{"external_id": " ", "name": "Ana", "amount": 5}"#, "external_id: is missing");
        check(r#"{"external_id": "1", "name": "Ana", "amount": 5, "currency": "$"}"#, "currency: \"$\" is not");
    }
}
