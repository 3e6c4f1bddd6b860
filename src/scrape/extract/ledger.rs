//! The rows of all pages of one account → what the ledger keeps.

use std::collections::HashMap;

use super::{Row, part};
use crate::domain::movement::{BookingStatus, CreditDebit, Identity, ScrapedMovement};
use crate::domain::time::Instant;
use crate::scrape::parse::SignedAmount;
use crate::scrape::recipe::{FingerprintPart, Order, Recipe};

/// Makes movements of rows that are in the bank's order; the result is oldest first.
///
/// Equal rows are counted from the oldest, so that a later reading that starts with the same day gives every one the
/// same ordinal. `read_at` stands in for the bank's time where a pending row has no day.
#[must_use]
pub fn to_movements(recipe: &Recipe, bank_account: &str, rows: Vec<Row>, read_at: Instant) -> Vec<ScrapedMovement> {
    let mut ordinals: HashMap<String, i64> = HashMap::new();
    let movement = |row: Row| {
        let fingerprint = fingerprint(recipe, bank_account, &row);
        let next = ordinals.entry(fingerprint.clone()).or_default();
        let ordinal = *next;
        *next += 1;
        ScrapedMovement {
            bank_account: bank_account.to_owned(),
            booked_on: row.booked_on,
            value_on: row.value_on,
            received_at: row.booked_on.map_or(read_at, |day| recipe.zone().start_of(day)),
            amount: row.amount,
            direction: row.direction,
            currency: row.currency,
            status: row.status,
            description: row.description,
            counterparty_name: row.counterparty_name,
            bank_reference: row.bank_reference,
            balance_after: row.balance_after,
            identity: Identity { fingerprint, ordinal },
            raw: row.raw,
        }
    };
    match recipe.movements.order {
        Order::OldestFirst => rows.into_iter().map(movement).collect(),
        Order::NewestFirst => rows.into_iter().rev().map(movement).collect(),
    }
}

/// While pending, days and balance are still open, so that they are no part of the identity.
fn fingerprint(recipe: &Recipe, bank_account: &str, row: &Row) -> String {
    let is_open = |part: FingerprintPart| {
        row.status == BookingStatus::Pending
            && matches!(part, FingerprintPart::BookedOn | FingerprintPart::ValueOn | FingerprintPart::BalanceAfter)
    };
    let parts = recipe.movements.identity.fingerprint.iter().copied().filter(|part| !is_open(*part));
    let values: Vec<(&str, String)> = parts.map(|name| (name.word(), part(row, name))).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Identity::fingerprint(bank_account, row.status, &values)
}

/// Checks that each printed balance follows from the one before and the amounts between, where the recipe asks for it.
///
/// `rows` are in the bank's order. Pending rows do not count: banks add them to no balance. The message names a row
/// and a difference, no balance.
pub fn check_running_balance(recipe: &Recipe, rows: &[Row]) -> Result<(), String> {
    if !recipe.movements.checks.running_balance {
        return Ok(());
    }
    let booked = rows.iter().enumerate().filter(|(_, row)| row.status == BookingStatus::Booked);
    match recipe.movements.order {
        Order::OldestFirst => follow(booked),
        Order::NewestFirst => follow(booked.rev()),
    }
}

fn follow<'r>(rows: impl Iterator<Item = (usize, &'r Row)>) -> Result<(), String> {
    let mut balance: Option<SignedAmount> = None;
    for (place, row) in rows {
        let too_large = || format!("the balance after row {} is out of range", place + 1);
        let amount = SignedAmount { negative: row.direction == CreditDebit::Debit, amount: row.amount };
        let expected = balance.map(|before| before.checked_add(amount).ok_or_else(too_large)).transpose()?;
        let printed = row.balance_after.as_deref().map(str::parse::<SignedAmount>);
        let printed = printed.transpose().map_err(|error| error.to_string())?;
        if let (Some(expected), Some(printed)) = (expected, printed)
            && expected != printed
        {
            let difference = printed.checked_add(expected.negated()).ok_or_else(too_large)?;
            let day = row.booked_on.map(|day| day.to_string()).unwrap_or_default();
            return Err(format!(
                "the balance after row {} (booked {day}) does not follow from the rows before it: it is off by \
                 {difference}",
                place + 1
            ));
        }
        balance = printed.or(expected);
    }
    Ok(())
}
