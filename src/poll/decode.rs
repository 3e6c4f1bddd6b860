//! The answer of a customer's endpoint, item by item. Pure.
//!
//! One bad item never hides the others, and an answer that cannot be read as a whole is no answer:
//! an order that is missing because of a mistake must not look like one that was taken off the list.
//! Numbers keep their literal text until they are exact amounts.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::domain::expected_payment::{PolledOrder, SkippedOrder};
use crate::domain::money::{Amount, Currency};

/// Most items in one answer.
pub const ITEMS_MAX: usize = 50_000;
/// Longest `external_id`, in characters.
pub const EXTERNAL_ID_CHARS_MAX: usize = 200;
/// Longest `name`, in characters.
pub const NAME_CHARS_MAX: usize = 300;
/// Longest literal of an amount. The exact range of amounts needs 39.
const AMOUNT_CHARS_MAX: usize = 100;

/// What a good answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// Complete items in the order of the answer, each id once.
    pub orders: Vec<PolledOrder>,
    /// Items that were left out, in the order of the answer.
    pub skipped: Vec<SkippedOrder>,
    /// Every id that could be read, those of skipped items included: they count as present. Sorted, each once.
    pub listed: Vec<String>,
    /// Whether some item's id could not be read. What is absent from such an answer proves nothing.
    pub unreadable_ids: bool,
}

/// Why an answer is as good as none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotUsable {
    #[error("the answer is empty; send [] when no payment is expected")]
    Empty,
    #[error("the answer is a web page, not JSON; check that the address is the endpoint's and needs no login form")]
    WebPage,
    #[error("the answer is not JSON: it breaks at line {line}, column {column}; check what the endpoint prints")]
    NotJson { line: usize, column: usize },
    #[error("the answer is JSON but no list; send an array of payments, or an object whose \"data\" is one")]
    NotAnArray,
    #[error("the answer lists {0} payments, more than {max}; list only those still expected", max = ITEMS_MAX)]
    TooMany(usize),
}

/// Reads a whole answer: a bare array, or an object with a `data` array.
pub fn decode(body: &[u8]) -> Result<Decoded, NotUsable> {
    // Some servers put a byte order mark in front, which JSON does not know.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let items = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(NotUsable::Empty),
        Some(b'<') => return Err(NotUsable::WebPage),
        Some(b'{') => {
            let envelope: Envelope = serde_json::from_slice(body).map_err(|error| not_usable(&error))?;
            let data = envelope.data.ok_or(NotUsable::NotAnArray)?;
            serde_json::from_str::<Items>(data.get()).map_err(|error| not_usable(&error))?
        }
        Some(_) => serde_json::from_slice::<Items>(body).map_err(|error| not_usable(&error))?,
    };
    if items.count > ITEMS_MAX {
        return Err(NotUsable::TooMany(items.count));
    }
    let items: Vec<Item> = items.first.into_iter().map(read_item).collect();
    Ok(collect(&items))
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// The items of an array, unread. Beyond the limit they are only counted.
struct Items<'a> {
    first: Vec<&'a RawValue>,
    count: usize,
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;

        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of payments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut first = Vec::new();
                while first.len() < ITEMS_MAX {
                    match seq.next_element()? {
                        Some(item) => first.push(item),
                        None => return Ok(Items { count: first.len(), first }),
                    }
                }
                let mut count = first.len();
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Items { first, count })
            }
        }

        deserializer.deserialize_seq(ItemsVisitor)
    }
}

fn not_usable(error: &serde_json::Error) -> NotUsable {
    match error.classify() {
        Category::Data => NotUsable::NotAnArray,
        Category::Syntax | Category::Eof | Category::Io => {
            NotUsable::NotJson { line: error.line(), column: error.column() }
        }
    }
}

/// The fields of an item, unread. Others are ignored, `null` counts as missing.
#[derive(serde::Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    external_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    currency: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
}

/// An item as far as it could be read.
struct Item {
    external_id: Option<String>,
    /// The complete order, or the first thing that is wrong with it.
    order: Result<PolledOrder, String>,
}

fn read_item(item: &RawValue) -> Item {
    let nothing = |reason: String| Item { external_id: None, order: Err(reason) };
    if !item.get().starts_with('{') {
        return nothing("is not an object".to_owned());
    }
    let fields: Fields = match serde_json::from_str(item.get()) {
        Ok(fields) => fields,
        // Given twice, a field has no meaning; so has an object that breaks inside a text.
        Err(error) => return nothing(format!("cannot be read: {}", without_position(&error))),
    };
    match read_external_id(fields.external_id) {
        Ok(external_id) => {
            let order = read_order(&external_id, &fields);
            Item { external_id: Some(external_id), order }
        }
        Err(reason) => nothing(reason),
    }
}

/// An id is passed back as it came, so nothing is trimmed.
fn read_external_id(field: Option<&RawValue>) -> Result<String, String> {
    let literal = field.ok_or("external_id is missing")?.get();
    let is_integer = literal.strip_prefix('-').unwrap_or(literal).bytes().all(|byte| byte.is_ascii_digit());
    let external_id = match literal.as_bytes() {
        [b'"', ..] => text("external_id", field)?,
        _ if is_integer => literal.to_owned(),
        _ => return Err("external_id is neither a text nor a whole number".to_owned()),
    };
    if external_id.trim().is_empty() { Err("external_id is empty".to_owned()) } else { Ok(external_id) }
}

fn read_order(external_id: &str, fields: &Fields<'_>) -> Result<PolledOrder, String> {
    if external_id.chars().count() > EXTERNAL_ID_CHARS_MAX {
        return Err(format!("external_id is longer than {EXTERNAL_ID_CHARS_MAX} characters"));
    }
    if external_id.contains(char::is_control) {
        return Err("external_id contains a control character".to_owned());
    }
    let amount = read_amount(fields.amount)?;
    let currency = text("currency", fields.currency)?;
    let currency = currency.parse::<Currency>().map_err(|error| format!("currency {error}"))?;
    if !currency.is_iso() {
        return Err(format!("currency \"{currency}\" is not a code of three letters such as UYU or USD"));
    }
    // Control characters are no part of a name, and not every database can keep them.
    let name = text("name", fields.name)?.replace(char::is_control, " ").trim().to_owned();
    if name.is_empty() {
        return Err("name is empty".to_owned());
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!("name is longer than {NAME_CHARS_MAX} characters"));
    }
    Ok(PolledOrder { external_id: external_id.to_owned(), amount, currency, name })
}

/// A number, or a text with a number in it; either way the literal digits are what counts.
fn read_amount(field: Option<&RawValue>) -> Result<Amount, String> {
    let literal = field.ok_or("amount is missing")?.get();
    let literal = match literal.as_bytes() {
        [b'"', ..] => text("amount", field)?,
        [b'-' | b'0'..=b'9', ..] => literal.to_owned(),
        _ => return Err("amount is not a number".to_owned()),
    };
    if literal.len() > AMOUNT_CHARS_MAX {
        return Err(format!("amount is longer than {AMOUNT_CHARS_MAX} characters"));
    }
    let amount = literal.trim().parse::<Amount>().map_err(|error| format!("amount {error}"))?;
    if amount.is_zero() { Err("amount is zero; it must be greater than 0".to_owned()) } else { Ok(amount) }
}

fn text(name: &str, field: Option<&RawValue>) -> Result<String, String> {
    let literal = field.ok_or_else(|| format!("{name} is missing"))?.get();
    if !literal.starts_with('"') {
        return Err(format!("{name} is not a text"));
    }
    serde_json::from_str(literal).map_err(|error| format!("{name} cannot be read: {}", without_position(&error)))
}

/// The position is one inside the item, which helps nobody who looks at the whole answer.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    message.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Where an id stands in the answer.
struct Places {
    first: usize,
    /// A later item of the same id that does not say the same as the first.
    differing: Option<usize>,
}

/// Settles ids that are listed more than once, and sorts items into those to keep and those to report.
fn collect(items: &[Item]) -> Decoded {
    let mut places_by_id: BTreeMap<&str, Places> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let Some(id) = item.external_id.as_deref() else { continue };
        let places = places_by_id.entry(id).or_insert(Places { first: index, differing: None });
        if items[places.first].order != item.order {
            places.differing.get_or_insert(index);
        }
    }
    let mut decoded = Decoded {
        listed: places_by_id.keys().map(|id| (*id).to_owned()).collect(),
        unreadable_ids: items.iter().any(|item| item.external_id.is_none()),
        ..Decoded::default()
    };
    for (index, item) in items.iter().enumerate() {
        let places = item.external_id.as_deref().map(|id| &places_by_id[id]);
        match (&item.order, places) {
            (Ok(order), None | Some(Places { differing: None, .. })) => {
                // An identical repetition says nothing new.
                if places.is_none_or(|places| places.first == index) {
                    decoded.orders.push(order.clone());
                }
            }
            (Ok(order), Some(&Places { first, differing: Some(differing) })) => {
                let says_the_same = items[differing].order.as_ref() == Ok(order);
                let other = if says_the_same { first } else { differing };
                let reason = format!("is listed again with different content as item {}", other + 1);
                decoded.skipped.push(skipped(index, item, &reason));
            }
            (Err(reason), _) => decoded.skipped.push(skipped(index, item, reason)),
        }
    }
    decoded
}

/// The report names items as people count them, from 1, and, shortened, by their id.
fn skipped(index: usize, item: &Item, reason: &str) -> SkippedOrder {
    let shorten = |id: &String| id.chars().take(EXTERNAL_ID_CHARS_MAX).collect::<String>();
    let external_id = item.external_id.as_ref().map(shorten);
    let position = index + 1;
    let reason = match &external_id {
        Some(id) => format!("item {position} ({id:?}): {reason}"),
        None => format!("item {position}: {reason}"),
    };
    SkippedOrder { index, external_id, reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(external_id: &str, amount: &str, currency: &str, name: &str) -> PolledOrder {
        PolledOrder {
            external_id: external_id.to_owned(),
            amount: amount.parse().expect("amount"),
            currency: currency.parse().expect("currency"),
            name: name.to_owned(),
        }
    }

    #[test]
    fn both_shapes_are_read_and_extra_fields_are_ignored() {
        let juan = order("ORDER-1", "1500", "UYU", "Juan Perez");
        let ana = order("ORDER-2", "500.5", "UYU", "Ana Lopez");
        let check = |body: &str, expected: &[&PolledOrder]| {
            let decoded = decode(body.as_bytes()).expect("usable");
            assert_eq!(decoded.orders.iter().collect::<Vec<_>>(), expected, "{body}");
            assert_eq!((decoded.skipped, decoded.unreadable_ids), (vec![], false), "{body}");
        };
        let first = r#"{"external_id":"ORDER-1","amount":1500.00,"currency":"UYU","name":"Juan Perez"}"#;
        let second =
            r#"{"name":" Ana Lopez ","currency":" uyu ","amount":"500.50","external_id":"ORDER-2","more":[{}]}"#;
        check("[]", &[]);
        check(" { \"data\" : [ ] } ", &[]);
        check("\u{feff}[]", &[]);
        check(&format!("[{first}, {second}]"), &[&juan, &ana]);
        check(&format!(r#"{{"page": 1, "data": [{second}], "total": 1}}"#), &[&ana]);
        check(&format!("[{second},{first},{second}]"), &[&ana, &juan]);

        let number = order("-42", "0.01", "USD", "Ñandú S.A.");
        check(r#"[{"external_id":-42,"amount":1e-2,"currency":"USD","name":"\u00d1and\u00fa\tS.A."}]"#, &[&number]);
    }

    #[test]
    fn a_number_keeps_every_digit_it_was_written_with() {
        let check = |literal: &str, expected: &str| {
            let body = format!(r#"[{{"external_id":"1","amount":{literal},"currency":"UYU","name":"A"}}]"#);
            let decoded = decode(body.as_bytes()).expect("usable");
            assert_eq!(decoded.orders, [order("1", expected, "UYU", "A")], "{literal}");
        };
        check("1500.10", "1500.1");
        check("0.1", "0.1");
        check("9007199254740993", "9007199254740993");
        check("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678");
        check("\"9007199254740993.01\"", "9007199254740993.01");
        check("15e2", "1500");
    }

    #[test]
    fn a_bad_item_is_left_out_with_its_reason_and_hides_no_other() {
        let check = |item: &str, external_id: Option<&str>, reason: &str| {
            let good = r#"{"external_id":"GOOD","amount":1,"currency":"UYU","name":"A"}"#;
            let decoded = decode(format!("[{good},{item}]").as_bytes()).expect("usable");
            assert_eq!(decoded.orders, [order("GOOD", "1", "UYU", "A")], "{item}");
            let skipped = SkippedOrder { index: 1, external_id: external_id.map(str::to_owned), reason: reason.into() };
            assert_eq!(decoded.skipped, [skipped], "{item}");
            assert_eq!(decoded.unreadable_ids, external_id.is_none(), "{item}");
            let mut listed: Vec<&str> = external_id.into_iter().chain(["GOOD"]).collect();
            listed.sort_unstable();
            assert_eq!(decoded.listed, listed, "{item}");
        };
        let with = |field: &str| format!(r#"{{"external_id":"X",{field}}}"#);
        let id = Some("X");
        check("7", None, "item 2: is not an object");
        check("[\"X\",1,\"UYU\",\"A\"]", None, "item 2: is not an object");
        check("{}", None, "item 2: external_id is missing");
        check(r#"{"external_id":null}"#, None, "item 2: external_id is missing");
        check(r#"{"external_id":" "}"#, None, "item 2: external_id is empty");
        check(r#"{"external_id":1.5}"#, None, "item 2: external_id is neither a text nor a whole number");
        check(r#"{"external_id":["X"]}"#, None, "item 2: external_id is neither a text nor a whole number");
        check(&with(r#""external_id":"Y""#), None, "item 2: cannot be read: duplicate field `external_id`");
        check(
            r#"{"external_id":"A\u0000"}"#,
            Some("A\0"),
            "item 2 (\"A\\0\"): external_id contains a control character",
        );
        check(&with(r#""name":"A""#), id, r#"item 2 ("X"): amount is missing"#);
        check(&with(r#""amount":true"#), id, r#"item 2 ("X"): amount is not a number"#);
        check(&with(r#""amount":0.00"#), id, r#"item 2 ("X"): amount is zero; it must be greater than 0"#);
        check(&with(r#""amount":-5"#), id, r#"item 2 ("X"): amount "-5" is negative; give a positive amount"#);
        check(&with(r#""amount":"1,500""#), id, r#"item 2 ("X"): amount "1,500" is not a decimal number"#);
        let dashes = format!(r#""amount":"{}""#, "-".repeat(200_000));
        check(&with(&dashes), id, r#"item 2 ("X"): amount is longer than 100 characters"#);
        check(&with(r#""amount":5"#), id, r#"item 2 ("X"): currency is missing"#);
        let currency = r#"item 2 ("X"): currency "$" is not a currency code such as UYU or USD"#;
        check(&with(r#""amount":5,"currency":"$""#), id, currency);
        for (token, shown) in [("PESOS", "PESOS"), ("usdt", "USDT"), ("U2S", "U2S")] {
            let said = "is not a code of three letters such as UYU or USD";
            let reason = format!(r#"item 2 ("X"): currency "{shown}" {said}"#);
            check(&with(&format!(r#""amount":5,"currency":"{token}""#)), id, &reason);
        }
        check(&with(r#""amount":5,"currency":"UYU""#), id, r#"item 2 ("X"): name is missing"#);
        check(&with(r#""amount":5,"currency":"UYU","name":7"#), id, r#"item 2 ("X"): name is not a text"#);
        check(&with(r#""amount":5,"currency":"UYU","name":" ""#), id, r#"item 2 ("X"): name is empty"#);
        let long = format!(r#""amount":5,"currency":"UYU","name":"{}""#, "ñ".repeat(301));
        check(&with(&long), id, r#"item 2 ("X"): name is longer than 300 characters"#);
    }

    #[test]
    fn an_id_listed_twice_counts_once_or_not_at_all() {
        let item = |amount: &str| format!(r#"{{"external_id":"X","amount":{amount},"currency":"UYU","name":"A"}}"#);
        let check = |amounts: &[&str], orders: usize, reasons: &[&str]| {
            let items: Vec<String> = amounts.iter().map(|amount| item(amount)).collect();
            let decoded = decode(format!("[{}]", items.join(",")).as_bytes()).expect("usable");
            let found: Vec<&str> = decoded.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
            assert_eq!((decoded.orders.len(), found.as_slice()), (orders, reasons), "{amounts:?}");
            assert_eq!((decoded.listed, decoded.unreadable_ids), (vec!["X".to_owned()], false), "{amounts:?}");
        };
        let again = |position: usize, other: usize| {
            format!("item {position} (\"X\"): is listed again with different content as item {other}")
        };
        check(&["5", "5.00", "\"5\""], 1, &[]);
        check(&["5", "6"], 0, &[&again(1, 2), &again(2, 1)]);
        check(&["5", "5", "6", "5"], 0, &[&again(1, 3), &again(2, 3), &again(3, 1), &again(4, 3)]);
        check(&["5", "null"], 0, &[&again(1, 2), "item 2 (\"X\"): amount is missing"]);
        check(&["null", "5"], 0, &["item 1 (\"X\"): amount is missing", &again(2, 1)]);
    }

    #[test]
    fn what_is_no_list_is_no_answer() {
        let check = |body: &str, expected: NotUsable| assert_eq!(decode(body.as_bytes()), Err(expected), "{body:.60}");
        check("", NotUsable::Empty);
        check(" \r\n", NotUsable::Empty);
        check("<!doctype html><p>Sign in", NotUsable::WebPage);
        check("Not found", NotUsable::NotJson { line: 1, column: 1 });
        check("[{\"external_id\": 1,", NotUsable::NotJson { line: 1, column: 19 });
        check("[] []", NotUsable::NotJson { line: 1, column: 4 });
        check("null", NotUsable::NotAnArray);
        check("\"[]\"", NotUsable::NotAnArray);
        check("{}", NotUsable::NotAnArray);
        check(r#"{"data": null}"#, NotUsable::NotAnArray);
        check(r#"{"data": {"external_id": 1}}"#, NotUsable::NotAnArray);
        check(r#"{"error": "maintenance"}"#, NotUsable::NotAnArray);
        check(&format!("[{}1]", "1,".repeat(ITEMS_MAX)), NotUsable::TooMany(ITEMS_MAX + 1));
        check(&"[".repeat(100_000), NotUsable::NotJson { line: 1, column: 100_000 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&body);
        }

        #[test]
        fn no_json_like_text_panics(body in r#"[\[{]([\[\]{},:"\\eE0-9.+-]|"external_id":|"amount":|"data":|null|true){0,40}"#) {
            if let Ok(decoded) = decode(body.as_bytes()) {
                prop_assert!(decoded.orders.len() <= decoded.listed.len());
            }
        }
    }
}
