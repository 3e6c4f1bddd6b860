//! A shop's open orders, made up: the same ones each time.

use any_ascii::any_ascii;

use crate::domain::expected_payment::PolledOrder;
use crate::domain::movement::{BookingStatus, CreditDebit, Identity, ScrapedMovement};
use crate::domain::time::Instant;
use crate::store::floor::FloorRow;

/// Orders of equal amount, amount after amount: three on average, five at most.
const GROUPS: [u64; 4] = [3, 1, 5, 3];
/// Of a whole round of [`GROUPS`].
const ROUND: u64 = 12;
/// Steps from one order to the next along the amounts, so that orders of one amount stand far apart. The first that
/// does not divide the number of orders visits each of them once, because all are primes.
const STRIDES: [u64; 3] = [7_919, 104_729, 1_299_709];
const BANK_ACCOUNT: &str = "0011234567";

const GIVEN: &str = "Agustín Beatriz Carlos Daniela Esteban Florencia Gonzalo Helena Ignacio Jimena Leandro Mariana \
    Nicolás Olga Patricio Raquel Santiago Teresa Ulises Verónica Walter Ximena Yolanda Zacarías";
const FAMILY: &str = "Acosta Benítez Cabrera Domínguez Echeverría Ferreira Giménez Herrera Ibarra Juárez Ledesma \
    Maldonado Navarro Olivera Peralta Quiroga Rivarola Saravia Toledo Urquiza Villalba Zabala Arismendi Bustamante \
    Cáceres Delgado Escobar Fuentes Hidalgo";

/// Places for orders, each with an amount and a payer that are always its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shop {
    places: u64,
    stride: u64,
}

impl Shop {
    pub fn new(places: u32) -> Self {
        let places = u64::from(places);
        let strides = STRIDES.into_iter().find(|stride| !places.is_multiple_of(*stride));
        Self { places, stride: strides.expect("no number of 32 bits has all three") }
    }

    pub fn places(&self) -> u64 {
        self.places
    }

    /// The order of a place; `number` tells it from the ones that were there before.
    pub fn order(&self, place: u64, number: u64) -> PolledOrder {
        let (group, member) = self.group(place);
        PolledOrder {
            external_id: format!("BENCH-{number:09}"),
            amount: decimal(minor_units(group)).parse().expect("an amount"),
            currency: "UYU".parse().expect("a currency"),
            name: format!("{} {} {}", given(group, member), family(group, 2 * member), family(group, 2 * member + 1)),
        }
    }

    /// The transfer that pays the order of a place, as its bank shows it; `number` tells it from all others.
    pub fn payment(&self, place: u64, number: u64, now: Instant) -> ScrapedMovement {
        let (group, _) = self.group(place);
        let payer = self.payer(place);
        let description = format!("TRANSFERENCIA DE {payer}");
        let number = number.to_string();
        let fingerprint = Identity::fingerprint(BANK_ACCOUNT, BookingStatus::Booked, &[("reference", number.as_str())]);
        ScrapedMovement {
            bank_account: BANK_ACCOUNT.to_owned(),
            booked_on: Some(now.date_naive()),
            value_on: None,
            received_at: now,
            amount: decimal(minor_units(group)).parse().expect("an amount"),
            direction: CreditDebit::Credit,
            currency: "UYU".parse().expect("a currency"),
            status: BookingStatus::Booked,
            raw: format!(r#"{{"Referencia":"{number}","Concepto":"{description}"}}"#),
            description,
            counterparty_name: Some(payer),
            bank_reference: Some(number),
            balance_after: None,
            identity: Identity { fingerprint, ordinal: 0 },
        }
    }

    /// The order of a place, or its payment, for the floor: the same name on both.
    pub fn floor_row(&self, place: u64) -> FloorRow {
        let (group, _) = self.group(place);
        let amount = i64::try_from(minor_units(group)).expect("a small amount");
        FloorRow { amount, name: self.payer(place) }
    }

    /// As banks write: family names first, capitals, no accents.
    fn payer(&self, place: u64) -> String {
        let (group, member) = self.group(place);
        let name = format!("{} {} {}", family(group, 2 * member), family(group, 2 * member + 1), given(group, member));
        any_ascii(&name).to_uppercase()
    }

    /// The amount of a place, as a number, and which of the orders of that amount it is.
    fn group(&self, place: u64) -> (u64, u64) {
        let along = place * self.stride % self.places;
        let (mut group, mut member) = (along / ROUND * 4, along % ROUND);
        for size in GROUPS {
            if member < size {
                break;
            }
            member -= size;
            group += 1;
        }
        (group, member)
    }
}

fn minor_units(group: u64) -> u64 {
    100_000 + 7 * group
}

fn decimal(minor_units: u64) -> String {
    format!("{}.{:02}", minor_units / 100, minor_units % 100)
}

/// Names follow each other in the lists, so that payers of one amount have no word in common.
fn given(group: u64, member: u64) -> &'static str {
    pick(GIVEN, scatter(group) + member)
}

fn family(group: u64, nth: u64) -> &'static str {
    pick(FAMILY, scatter(group) / 100 + nth)
}

fn pick(names: &'static str, number: u64) -> &'static str {
    let count = u64::try_from(names.split(' ').count()).expect("a short list");
    let at = usize::try_from(number % count).expect("less than the list is long");
    names.split(' ').nth(at).expect("less than the list is long")
}

/// Neighbouring numbers far apart: a multiplication by an odd number, of which the upper half counts.
fn scatter(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn about_three_orders_share_an_amount_and_no_two_of_them_a_word() {
        for places in [10, 50, 100, 7_919, 20_000] {
            let shop = Shop::new(places);
            let mut by_amount: BTreeMap<_, Vec<PolledOrder>> = BTreeMap::new();
            for place in 0..shop.places() {
                let order = shop.order(place, place);
                by_amount.entry(order.amount).or_default().push(order);
            }
            let orders: usize = by_amount.values().map(Vec::len).sum();
            assert_eq!(orders, places as usize, "each place once");
            let amounts = by_amount.len();
            assert!((2 * amounts..=3 * amounts).contains(&orders), "{places}: {amounts}");
            for orders in by_amount.values() {
                assert!(orders.len() <= 5, "{orders:?}");
                let words: BTreeSet<&str> = orders.iter().flat_map(|order| order.name.split(' ')).collect();
                assert_eq!(words.len(), 3 * orders.len(), "{orders:?}");
            }
        }
    }

    #[test]
    fn a_payment_has_the_amount_and_the_payer_of_its_order() {
        let shop = Shop::new(100);
        let now = "2026-11-20T13:00:00Z".parse().expect("an instant");
        let (order, payment) = (shop.order(17, 17), shop.payment(17, 3, now));
        assert_eq!((payment.amount, &payment.currency), (order.amount, &order.currency));
        let words =
            |name: &str| -> BTreeSet<String> { any_ascii(name).to_uppercase().split(' ').map(str::to_owned).collect() };
        assert_eq!(words(payment.counterparty_name.as_deref().expect("a payer")), words(&order.name));
        assert_ne!(payment.identity, shop.payment(17, 4, now).identity);
    }
}
