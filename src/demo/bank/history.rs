//! What stands in the demo bank's books before anybody touches them.

use chrono::{Days, NaiveDate};

use super::ledger::{DOLLARS, NewBankMovement, PESOS};
use crate::domain::money::Amount;
use crate::domain::movement::{BookingStatus, CreditDebit};

/// One row of the history.
struct Past {
    account: &'static str,
    days_ago: u64,
    concept: &'static str,
    /// Empty when the bank prints none.
    reference: &'static str,
    direction: CreditDebit,
    amount: &'static str,
    status: BookingStatus,
}

const fn booked(
    account: &'static str,
    days_ago: u64,
    concept: &'static str,
    reference: &'static str,
    direction: CreditDebit,
    amount: &'static str,
) -> Past {
    Past { account, days_ago, concept, reference, direction, amount, status: BookingStatus::Booked }
}

/// Twelve rows in pesos, so that a statement has two pages; among them two that nothing but the balance tells apart.
const HISTORY: [Past; 13] = {
    use CreditDebit::{Credit, Debit};
    [
        booked(PESOS, 8, "TRANSFERENCIA DE LUCIA FERNANDEZ", "884102", Credit, "7340.00"),
        booked(PESOS, 7, "PAGO PROVEEDOR PAPELERIA NORTE", "884377", Debit, "3125.50"),
        booked(PESOS, 7, "TRANSFERENCIA DE OMAR QUINTANA", "884391", Credit, "2415.90"),
        booked(PESOS, 6, "COMISION TRANSFERENCIA", "", Debit, "45.00"),
        booked(PESOS, 6, "COMISION TRANSFERENCIA", "", Debit, "45.00"),
        booked(PESOS, 5, "DEPOSITO BUZON SUCURSAL 14", "885020", Credit, "11008.00"),
        booked(PESOS, 4, "TRANSFERENCIA DE IVONNE BERRUTTI", "885313", Credit, "963.25"),
        booked(PESOS, 3, "FACTURA ENERGIA 2201", "885544", Debit, "4871.36"),
        booked(PESOS, 2, "TRANSFERENCIA DE HORACIO PEÑALVA", "885790", Credit, "19002.00"),
        booked(PESOS, 2, "IMPUESTO A LOS DEBITOS", "", Debit, "12.71"),
        booked(PESOS, 1, "TRANSFERENCIA DE NILDA Y RUBEN SOSA", "886001", Credit, "5555.55"),
        Past {
            status: BookingStatus::Pending,
            ..booked(PESOS, 0, "TRANSFERENCIA DE GRACIELA TECHERA", "886120", Credit, "1818.00")
        },
        booked(DOLLARS, 3, "TRANSFERENCIA DE HARBOUR CONSULTING", "885560", Credit, "640.00"),
    ]
};

/// The history of nine bank days that end with `today`. What is booked ends the day before, so that whoever
/// enrols today starts with nothing new.
pub(super) fn before(today: NaiveDate) -> impl Iterator<Item = NewBankMovement> {
    HISTORY.into_iter().map(move |past| {
        let amount: Amount = past.amount.parse().expect("a literal amount");
        let (credit, debit) = match past.direction {
            CreditDebit::Credit => (Some(amount), None),
            CreditDebit::Debit => (None, Some(amount)),
        };
        NewBankMovement {
            bank_account: past.account.to_owned(),
            booked_on: today.checked_sub_days(Days::new(past.days_ago)).expect("the calendar began long before"),
            concept: past.concept.to_owned(),
            credit,
            debit,
            status: past.status,
            reference: Some(past.reference.to_owned()).filter(|reference| !reference.is_empty()),
        }
    })
}
