//! The demo bank's books: exact balances, statements by period, pages of ten rows.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use serde::Serialize;

use super::history;
use crate::domain::money::{Amount, Currency};
use crate::domain::movement::{BookingStatus, CreditDebit};

/// The account in Uruguayan pesos.
pub const PESOS: &str = "001-123456/7";
/// The account in US dollars.
pub const DOLLARS: &str = "001-123456/8";

/// Rows on one page of a statement.
pub const PAGE_ROWS: usize = 10;
/// Amounts stay below this, so that no sum of movements that fit in memory leaves [`Amount`].
const AMOUNT_LIMIT: &str = "1e12";
/// Characters of a concept.
const CONCEPT_MAX: usize = 140;

/// A movement as someone hands it to the bank: exactly one of `credit` and `debit`.
#[derive(Debug, Clone, Serialize)]
pub struct NewBankMovement {
    /// The account's number, with or without its punctuation: [`PESOS`] or [`DOLLARS`].
    pub bank_account: String,
    /// Day in the bank's zone; for a pending movement the day it was made.
    pub booked_on: NaiveDate,
    /// What stands in the row as free text.
    pub concept: String,
    pub credit: Option<Amount>,
    pub debit: Option<Amount>,
    pub status: BookingStatus,
    /// The bank's number of the operation; `None` leaves the cell empty.
    pub reference: Option<String>,
}

/// Why the bank refuses a movement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MovementError {
    #[error("\"{0}\" is not an account of the demo bank; use 001-123456/7 or 001-123456/8")]
    UnknownAccount(String),
    #[error("the concept must have 1 to 140 characters")]
    Concept,
    #[error("give exactly one of credit and debit")]
    Direction,
    #[error("{0} is not an amount of the demo bank; use more than 0, less than 1000000000000, at most two decimals")]
    Amount(Amount),
}

/// A movement in the books.
#[derive(Debug, Clone)]
pub(crate) struct BankMovement {
    pub booked_on: NaiveDate,
    pub concept: String,
    pub direction: CreditDebit,
    pub amount: Amount,
    pub status: BookingStatus,
    pub reference: Option<String>,
}

/// What is in an account; overdrawn is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Balance {
    pub amount: Amount,
    pub overdrawn: bool,
}

impl Balance {
    fn after(self, movement: &BankMovement) -> Self {
        let amount = movement.amount;
        let away_from_zero = (movement.direction == CreditDebit::Debit) == self.overdrawn;
        if away_from_zero {
            let amount = self.amount.checked_add(amount).expect("every movement is below the bank's limit");
            return Self { amount, ..self };
        }
        match self.amount.checked_sub(amount) {
            Some(rest) => Self { amount: rest, overdrawn: self.overdrawn && !rest.is_zero() },
            None => Self {
                amount: amount.checked_sub(self.amount).expect("the larger minus the smaller"),
                overdrawn: !self.overdrawn,
            },
        }
    }
}

/// One account and its movements.
#[derive(Debug)]
pub(crate) struct BankAccount {
    pub number: &'static str,
    pub currency: Currency,
    opening: Amount,
    /// By day, oldest first; one that arrives late stands last of its day.
    movements: Vec<BankMovement>,
}

impl BankAccount {
    fn open(number: &'static str, currency: &str, opening: &str) -> Self {
        Self {
            number,
            currency: currency.parse().expect("a literal code"),
            opening: opening.parse().expect("a literal amount"),
            movements: Vec::new(),
        }
    }

    /// The number without punctuation, as it stands in addresses.
    pub fn digits(&self) -> String {
        digits(self.number)
    }

    fn insert(&mut self, movement: BankMovement) {
        let place = self.movements.partition_point(|earlier| earlier.booked_on <= movement.booked_on);
        self.movements.insert(place, movement);
    }

    /// The form in which someone handed this movement in.
    fn handed_in(&self, movement: &BankMovement) -> NewBankMovement {
        let (credit, debit) = match movement.direction {
            CreditDebit::Credit => (Some(movement.amount), None),
            CreditDebit::Debit => (None, Some(movement.amount)),
        };
        NewBankMovement {
            bank_account: self.number.to_owned(),
            booked_on: movement.booked_on,
            concept: movement.concept.clone(),
            credit,
            debit,
            status: movement.status,
            reference: movement.reference.clone(),
        }
    }

    fn before_all(&self) -> Balance {
        Balance { amount: self.opening, overdrawn: false }
    }

    /// The sum of everything booked.
    pub fn balance(&self) -> Balance {
        let booked = self.movements.iter().filter(|movement| movement.status == BookingStatus::Booked);
        booked.fold(self.before_all(), Balance::after)
    }

    /// The movements of a period with the balance after each.
    pub fn statement(&self, period: &RangeInclusive<NaiveDate>) -> Statement {
        let mut balance = self.before_all();
        let mut before = balance;
        let (mut pending, mut booked) = (Vec::new(), Vec::new());
        for movement in &self.movements {
            let listed = period.contains(&movement.booked_on);
            match movement.status {
                BookingStatus::Pending if listed => pending.push(Line { movement: movement.clone(), balance: None }),
                BookingStatus::Pending => {}
                BookingStatus::Booked => {
                    balance = balance.after(movement);
                    if listed {
                        booked.push(Line { movement: movement.clone(), balance: Some(balance) });
                    } else if movement.booked_on < *period.start() {
                        before = balance;
                    }
                }
            }
        }
        let lines = pending.into_iter().rev().chain(booked.into_iter().rev()).collect();
        Statement { lines, before }
    }
}

/// One row of a statement.
#[derive(Debug)]
pub(crate) struct Line {
    pub movement: BankMovement,
    /// `None` while pending: the balance does not know the movement yet.
    pub balance: Option<Balance>,
}

/// What one account shows for one period.
#[derive(Debug)]
pub(crate) struct Statement {
    /// Newest first, pending in front.
    pub lines: Vec<Line>,
    /// The balance before the period.
    pub before: Balance,
}

/// A part of a statement.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub lines: &'a [Line],
    /// Counted from 1.
    pub number: usize,
    pub is_last: bool,
}

impl Statement {
    /// Returns the wanted page, or the nearest that exists.
    pub fn page(&self, wanted: usize) -> Page<'_> {
        let count = self.lines.len().div_ceil(PAGE_ROWS).max(1);
        let number = wanted.clamp(1, count);
        let lines = self.lines.chunks(PAGE_ROWS).nth(number - 1).unwrap_or_default();
        Page { lines, number, is_last: number == count }
    }
}

/// All accounts of the bank; every customer sees the same ones.
#[derive(Debug)]
pub(crate) struct Ledger {
    accounts: Vec<BankAccount>,
}

impl Ledger {
    /// Opens both accounts with their history up to today.
    pub fn seeded(today: NaiveDate) -> Self {
        let accounts = vec![BankAccount::open(PESOS, "UYU", "25310.40"), BankAccount::open(DOLLARS, "USD", "1204.00")];
        let mut ledger = Self { accounts };
        for movement in history::before(today) {
            ledger.add(movement).expect("the history keeps the bank's rules");
        }
        ledger
    }

    pub fn accounts(&self) -> &[BankAccount] {
        &self.accounts
    }

    /// Finds an account by its number, with or without punctuation.
    pub fn account(&self, number: &str) -> Option<&BankAccount> {
        let wanted = digits(number);
        self.accounts.iter().find(|account| account.digits() == wanted)
    }

    /// Enters a movement into the books.
    pub fn add(&mut self, new: NewBankMovement) -> Result<(), MovementError> {
        let limit: Amount = AMOUNT_LIMIT.parse().expect("a literal amount");
        let (direction, amount) = match (new.credit, new.debit) {
            (Some(amount), None) => (CreditDebit::Credit, amount),
            (None, Some(amount)) => (CreditDebit::Debit, amount),
            (Some(_), Some(_)) | (None, None) => return Err(MovementError::Direction),
        };
        let has_cents_only = amount.to_decimal(2).split_once('.').is_some_and(|(_, cents)| cents.len() == 2);
        if amount.is_zero() || amount >= limit || !has_cents_only {
            return Err(MovementError::Amount(amount));
        }
        let concept = new.concept.trim();
        if concept.is_empty() || concept.chars().count() > CONCEPT_MAX {
            return Err(MovementError::Concept);
        }
        let wanted = digits(&new.bank_account);
        let Some(account) = self.accounts.iter_mut().find(|account| account.digits() == wanted) else {
            return Err(MovementError::UnknownAccount(new.bank_account));
        };
        account.insert(BankMovement {
            booked_on: new.booked_on,
            concept: concept.to_owned(),
            direction,
            amount,
            status: new.status,
            reference: new.reference,
        });
        Ok(())
    }

    /// Books the oldest pending movement with this concept on a day; false when there is none.
    pub fn book(&mut self, concept: &str, on: NaiveDate) -> bool {
        for account in &mut self.accounts {
            let waiting =
                |movement: &BankMovement| movement.status == BookingStatus::Pending && movement.concept == concept;
            if let Some(place) = account.movements.iter().position(waiting) {
                let movement = account.movements.remove(place);
                account.insert(BankMovement { booked_on: on, status: BookingStatus::Booked, ..movement });
                return true;
            }
        }
        false
    }

    /// Everything in the books, newest day first within each account, in the form it can be handed in again.
    pub fn movements(&self) -> Vec<NewBankMovement> {
        self.accounts
            .iter()
            .flat_map(|account| account.movements.iter().rev().map(move |movement| account.handed_in(movement)))
            .collect()
    }
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::html::money;

    fn may(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 5, day).expect("day")
    }

    fn movement(day: u32, credit: &str, debit: &str) -> NewBankMovement {
        let amount = |text: &str| (!text.is_empty()).then(|| text.parse().expect("amount"));
        NewBankMovement {
            bank_account: PESOS.to_owned(),
            booked_on: may(day),
            concept: "PRUEBA".to_owned(),
            credit: amount(credit),
            debit: amount(debit),
            status: BookingStatus::Booked,
            reference: None,
        }
    }

    fn balances(statement: &Statement) -> Vec<String> {
        let sign = |balance: Balance| if balance.overdrawn { "-" } else { "" };
        let print = |balance: Balance| format!("{}{}", sign(balance), money(balance.amount));
        statement.lines.iter().map(|line| line.balance.map(print).unwrap_or_default()).collect()
    }

    #[test]
    fn the_history_makes_two_pages_and_the_balance_is_the_sum_of_what_is_booked() {
        let ledger = Ledger::seeded(may(13));
        let account = ledger.account("0011234567").expect("account");
        // 25310.40 + 7340.00 - 3125.50 + 2415.90 - 45.00 - 45.00 + 11008.00 + 963.25 - 4871.36 + 19002.00 - 12.71 + 5555.55
        assert_eq!(money(account.balance().amount), "63.495,53");
        assert_eq!(money(ledger.account(DOLLARS).expect("account").balance().amount), "1.844,00");

        let statement = account.statement(&(may(5)..=may(13)));
        assert_eq!(statement.lines.len(), 12);
        assert_eq!(money(statement.before.amount), "25.310,40");
        let first = statement.page(1);
        assert_eq!((first.lines.len(), first.is_last), (10, false));
        assert_eq!(first.lines[0].movement.status, BookingStatus::Pending);
        assert_eq!(first.lines[0].balance, None);
        let second = statement.page(2);
        assert_eq!((second.lines.len(), second.is_last), (2, true));
        assert_eq!(second.lines[1].movement.concept, "TRANSFERENCIA DE LUCIA FERNANDEZ");
    }

    #[test]
    fn a_page_that_does_not_exist_is_the_nearest_one() {
        let ledger = Ledger::seeded(may(13));
        let statement = ledger.account(PESOS).expect("account").statement(&(may(5)..=may(13)));
        assert_eq!((statement.page(0).number, statement.page(99).number), (1, 2));
        let nothing = ledger.account(PESOS).expect("account").statement(&(may(20)..=may(21)));
        assert_eq!((nothing.page(1).lines.len(), nothing.page(1).is_last), (0, true));
        assert_eq!(money(nothing.before.amount), "63.495,53");
    }

    #[test]
    fn a_late_arrival_stands_last_of_its_day_and_moves_the_balances_after_it() {
        let mut ledger = Ledger::seeded(may(1));
        for new in [movement(10, "100.00", ""), movement(12, "", "30.00"), movement(10, "5.00", "")] {
            ledger.add(new).expect("movement");
        }
        // Before the 10th: 63495.53 - 0; then +100.00, +5.00, -30.00.
        let statement = ledger.account(PESOS).expect("account").statement(&(may(10)..=may(12)));
        assert_eq!(balances(&statement), ["63.570,53", "63.600,53", "63.595,53"]);
        assert_eq!(money(statement.before.amount), "63.495,53");
    }

    #[test]
    fn an_account_may_be_overdrawn_and_come_back() {
        let mut ledger = Ledger::seeded(may(1));
        for new in
            [movement(10, "", "63500.00"), movement(11, "", "0.53"), movement(12, "5.00", ""), movement(13, "1.00", "")]
        {
            ledger.add(new).expect("movement");
        }
        let statement = ledger.account(PESOS).expect("account").statement(&(may(10)..=may(13)));
        assert_eq!(balances(&statement), ["1,00", "0,00", "-5,00", "-4,47"]);
    }

    #[test]
    fn a_pending_movement_counts_once_it_is_booked() {
        let mut ledger = Ledger::seeded(may(13));
        assert!(ledger.book("TRANSFERENCIA DE GRACIELA TECHERA", may(14)));
        assert!(!ledger.book("TRANSFERENCIA DE GRACIELA TECHERA", may(14)));
        assert_eq!(money(ledger.account(PESOS).expect("account").balance().amount), "65.313,53");
    }

    #[test]
    fn the_bank_refuses_what_it_could_not_print() {
        let check = |new: NewBankMovement, expected: &str| {
            let refused = Ledger::seeded(may(13)).add(new).expect_err(expected);
            assert!(refused.to_string().contains(expected), "{refused}");
        };
        check(movement(1, "", ""), "exactly one of credit and debit");
        check(movement(1, "1.00", "1.00"), "exactly one of credit and debit");
        check(movement(1, "0", ""), "0.00 is not an amount");
        check(movement(1, "0.001", ""), "at most two decimals");
        check(movement(1, "1000000000000", ""), "less than");
        check(NewBankMovement { concept: " ".to_owned(), ..movement(1, "1", "") }, "concept");
        check(NewBankMovement { bank_account: "7".to_owned(), ..movement(1, "1", "") }, "\"7\" is not an account");
    }
}
