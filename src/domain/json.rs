//! JSON that customers give us to pass on. It is never converted: a number that went through a float, or an object that
//! went through a sorted map, is no longer what was typed.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object that was read no deeper than its keys: in the order and with the values in which it was typed.
#[derive(Debug, Clone, Default)]
pub struct LiteralObject {
    fields: Vec<(String, Box<RawValue>)>,
}

/// What is wrong with a text that should be such an object. The name of the field goes in front.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    #[error("must be valid JSON (or empty)")]
    NotJson,
    #[error("must be a JSON object")]
    NotAnObject,
    #[error("has the key {0:?} twice")]
    KeyTwice(String),
}

impl LiteralObject {
    /// Reads the text of an object. A key that stands twice has no meaning.
    pub fn parse(text: &str) -> Result<Self, LiteralError> {
        if !text.trim_start().starts_with('{') {
            let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
            return Err(if is_json { LiteralError::NotAnObject } else { LiteralError::NotJson });
        }
        let Entries(fields): Entries = serde_json::from_str(text).map_err(|_| LiteralError::NotJson)?;
        if let Some(key) = repeated_key(&fields) {
            return Err(LiteralError::KeyTwice(key.to_owned()));
        }
        Ok(Self { fields })
    }

    /// Keys and values, as they were typed.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.fields.iter().map(|(key, value)| (key.as_str(), &**value))
    }
}

fn repeated_key(fields: &[(String, Box<RawValue>)]) -> Option<&str> {
    let mut seen = BTreeSet::new();
    fields.iter().map(|(key, _)| key.as_str()).find(|key| !seen.insert(*key))
}

struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_values_their_digits() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let object = LiteralObject::parse(text).expect(text);
            let fields: Vec<_> = object.fields().map(|(key, value)| (key, value.get())).collect();
            assert_eq!(fields, expected, "{text}");
        };
        check("{}", &[]);
        check(
            r#" { "z": 1500.00, "a": 99999999999999999999, "m": 1E400 } "#,
            &[("z", "1500.00"), ("a", "99999999999999999999"), ("m", "1E400")],
        );
        check(r#"{"\u006bey": {"b": 1, "a": [ ]}}"#, &[("key", r#"{"b": 1, "a": [ ]}"#)]);
        // What lies deeper is not ours to judge.
        check(r#"{"a": {"x": 1, "x": 2}}"#, &[("a", r#"{"x": 1, "x": 2}"#)]);
    }

    #[test]
    fn what_is_no_object_says_what_it_should_be() {
        let check = |text: &str, expected: LiteralError| {
            assert_eq!(LiteralObject::parse(text).expect_err(text), expected, "{text}");
        };
        for text in ["", "{", "nonsense", "{\"a\": }", "{} {}", "{\"\\ud800\": 1}"] {
            check(text, LiteralError::NotJson);
        }
        for text in ["5", "[]", "null", "\"{}\""] {
            check(text, LiteralError::NotAnObject);
        }
        check(r#"{"a": 1, "b": 2, "a": 1}"#, LiteralError::KeyTwice("a".to_owned()));
        check(r#"{"a": 1, "\u0061": 2}"#, LiteralError::KeyTwice("a".to_owned()));
        assert_eq!(LiteralError::KeyTwice("a".to_owned()).to_string(), "has the key \"a\" twice");
    }
}
