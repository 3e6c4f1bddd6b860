//! The bodies that customers receive. Pure.
//!
//! The bytes are frozen when the decision falls and sent as they are ever after.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::account::{RESERVED_WEBHOOK_KEYS, words};
use crate::domain::case::CaseStatus;
use crate::domain::ids::MovementId;
use crate::domain::json::LiteralObject;
use crate::domain::money::{self, Amount, Currency};
use crate::domain::time::Instant;

words! {
    /// The states of a case that a customer is told of.
    ReconcileStatus {
        /// A movement was identified.
        Matched = "matched",
        /// Several movements are equally plausible; a person decides.
        Ambiguous = "ambiguous",
        /// Not matched in time; told only where the account asks for it.
        Expired = "expired",
    }
}

impl ReconcileStatus {
    /// What is told of a case in this state; `None` for states that are never sent.
    #[must_use]
    pub fn of(status: CaseStatus) -> Option<Self> {
        match status {
            CaseStatus::Matched => Some(Self::Matched),
            CaseStatus::Ambiguous => Some(Self::Ambiguous),
            CaseStatus::Expired => Some(Self::Expired),
            CaseStatus::Pending | CaseStatus::NotFound | CaseStatus::Cancelled | CaseStatus::Failed => None,
        }
    }
}

/// What became of an order. Amount, currency and name are the order's, as the customer sent them.
#[derive(Debug, Clone, Copy)]
pub struct Reconciled<'a> {
    pub external_id: &'a str,
    pub status: ReconcileStatus,
    pub amount: Amount,
    pub currency: &'a Currency,
    pub name: &'a str,
}

/// A movement that is forwarded.
#[derive(Debug, Clone, Copy)]
pub struct Forwarded<'a> {
    pub id: MovementId,
    pub amount: Amount,
    pub currency: &'a Currency,
    /// The sender; `None`, sent as `null`, where the bank gives none.
    pub name: Option<&'a str>,
    /// The bank's time, not ours.
    pub received_at: Instant,
}

/// The body of a reconcile webhook.
///
/// `extra` are the account's own fields; they stand last, as they were typed. Those with a reserved name are left out.
#[must_use]
pub fn reconcile(result: Reconciled<'_>, extra: &LiteralObject) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        external_id: &'a str,
        status: ReconcileStatus,
        amount: Box<RawValue>,
        currency: &'a str,
        name: &'a str,
        #[serde(flatten)]
        extra: Added<'a>,
    }
    to_bytes(&Body {
        external_id: result.external_id,
        status: result.status,
        amount: number(result.amount, result.currency),
        currency: result.currency.code(),
        name: result.name,
        extra: Added(extra),
    })
}

/// The body of a passthrough webhook; `extra` as in [`reconcile`].
#[must_use]
pub fn passthrough(movement: Forwarded<'_>, extra: &LiteralObject) -> Vec<u8> {
    #[derive(Serialize)]
    struct Body<'a> {
        id: MovementId,
        amount: Box<RawValue>,
        currency: &'a str,
        name: Option<&'a str>,
        received_at: String,
        #[serde(flatten)]
        extra: Added<'a>,
    }
    to_bytes(&Body {
        id: movement.id,
        amount: number(movement.amount, movement.currency),
        currency: movement.currency.code(),
        name: movement.name,
        received_at: milliseconds(movement.received_at),
        extra: Added(extra),
    })
}

/// The extra fields that may stand beside ours: none of the reserved names, not even those that this body lacks.
struct Added<'a>(&'a LiteralObject);

impl Serialize for Added<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.fields().filter(|(key, _)| !RESERVED_WEBHOOK_KEYS.contains(key)))
    }
}

/// A JSON number with the minor digits of its currency, digit by digit as it is stored.
fn number(amount: Amount, currency: &Currency) -> Box<RawValue> {
    RawValue::from_string(money::print(amount, currency)).expect("a printed amount is a JSON number")
}

/// An instant as every body has it: three digits and Z.
pub(super) fn milliseconds(at: Instant) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(super) fn to_bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("keys are texts and values are JSON already")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> LiteralObject {
        LiteralObject::parse(text).expect(text)
    }

    #[test]
    fn a_reconcile_body_has_the_orders_words_and_an_exact_number() {
        let check = |amount: &str, currency: &str, extra: &str, expected: &str| {
            let result = Reconciled {
                external_id: "ORDER-1",
                status: ReconcileStatus::Matched,
                amount: amount.parse().expect("amount"),
                currency: &currency.parse().expect("currency"),
                name: "Juan \"J\" Pérez",
            };
            let body = String::from_utf8(reconcile(result, &fields(extra))).expect("text");
            assert_eq!(body, expected);
        };
        check(
            "1500",
            "UYU",
            "{}",
            r#"{"external_id":"ORDER-1","status":"matched","amount":1500.00,"currency":"UYU","name":"Juan \"J\" Pérez"}"#,
        );
        check(
            "9007199254740993.1",
            "CLP",
            "{}",
            r#"{"external_id":"ORDER-1","status":"matched","amount":9007199254740993.1,"currency":"CLP","name":"Juan \"J\" Pérez"}"#,
        );
        check(
            "0.5",
            "KWD",
            r#"{"branch": {"n": 3.00}, "a": [null], "amount": 1, "id": "x", "received_at": 0, "status": "paid", "n": 1e400}"#,
            r#"{"external_id":"ORDER-1","status":"matched","amount":0.500,"currency":"KWD","name":"Juan \"J\" Pérez","branch":{"n": 3.00},"a":[null],"n":1e400}"#,
        );
    }

    #[test]
    fn a_passthrough_body_has_the_movement_and_says_null_where_the_bank_names_nobody() {
        let check = |name: Option<&str>, received_at: &str, extra: &str, expected: &str| {
            let movement = Forwarded {
                id: "018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10".parse().expect("id"),
                amount: "500.5".parse().expect("amount"),
                currency: &"USD".parse().expect("currency"),
                name,
                received_at: received_at.parse().expect("instant"),
            };
            let body = String::from_utf8(passthrough(movement, &fields(extra))).expect("text");
            assert_eq!(body, expected);
        };
        check(
            Some("Ana Lopez"),
            "2026-05-13T15:30:00Z",
            r#"{"shop": "centro", "external_id": "no", "limit": 99999999999999999999}"#,
            r#"{"id":"018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10","amount":500.50,"currency":"USD","name":"Ana Lopez","received_at":"2026-05-13T15:30:00.000Z","shop":"centro","limit":99999999999999999999}"#,
        );
        check(
            None,
            "2026-05-13T12:30:00.123456-03:00",
            "{}",
            r#"{"id":"018f7b3c-4f3a-7c21-9a55-3f2a5c7e9d10","amount":500.50,"currency":"USD","name":null,"received_at":"2026-05-13T15:30:00.123Z"}"#,
        );
    }

    #[test]
    fn only_three_states_are_told() {
        let states = CaseStatus::ALL.iter().copied();
        let told: Vec<&str> = states.filter_map(ReconcileStatus::of).map(ReconcileStatus::word).collect();
        assert_eq!(told, ["matched", "ambiguous", "expired"]);
    }
}
