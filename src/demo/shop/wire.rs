//! The shop's JSON. Amounts are numbers whose text is exact, never binary floats.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Order, Received};
use crate::domain::money;
use crate::domain::time::Instant;

/// An order as `/pending-orders` lists it.
#[derive(Serialize)]
pub(in crate::demo) struct OrderJson<'a> {
    external_id: &'a str,
    amount: Box<RawValue>,
    currency: &'a str,
    name: &'a str,
}

impl<'a> From<&'a Order> for OrderJson<'a> {
    fn from(order: &'a Order) -> Self {
        let amount = money::print(order.amount, &order.currency);
        Self {
            external_id: &order.external_id,
            amount: RawValue::from_string(amount).expect("a decimal number is JSON"),
            currency: order.currency.code(),
            name: &order.name,
        }
    }
}

/// A webhook as the control page's API lists it.
#[derive(Serialize)]
pub(in crate::demo) struct ReceivedJson<'a> {
    webhook_id: &'a str,
    at: Instant,
    verified: bool,
    /// Why it could not be verified.
    problem: Option<&'a str>,
    /// As it arrived, digit for digit; null when it was not JSON.
    body: Option<Box<RawValue>>,
}

impl<'a> From<&'a Received> for ReceivedJson<'a> {
    fn from(received: &'a Received) -> Self {
        Self {
            webhook_id: &received.webhook_id,
            at: received.at,
            verified: received.verified.is_ok(),
            problem: received.verified.as_ref().err().map(String::as_str),
            body: serde_json::from_str(&received.raw).ok(),
        }
    }
}

/// An object with one member.
pub(super) fn object<'a, T: Serialize>(name: &'a str, value: &'a T) -> BTreeMap<&'a str, &'a T> {
    BTreeMap::from([(name, value)])
}
