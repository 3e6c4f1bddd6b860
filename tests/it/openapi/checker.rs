//! Whether a value fits a schema: as much of JSON Schema as our description uses.
//!
//! A keyword or a format that is not known here is a problem, so that nothing passes unchecked.

use chrono::DateTime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is wrong with a value; nothing when it fits. `document` is what references refer to.
pub fn problems(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    Checker { document }.check(schema, value, "$")
}

struct Checker<'d> {
    document: &'d Value,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, place: &str) -> Vec<String> {
        match schema {
            Value::Object(keywords) => {
                let rules = keywords.iter().map(|(keyword, rule)| (keyword.as_str(), rule));
                rules.flat_map(|rule| self.keyword(rule, keywords, value, place)).collect()
            }
            Value::Bool(true) => Vec::new(),
            Value::Bool(false) => vec![format!("{place}: nothing may stand here")],
            other => vec![format!("{place}: {other} is no schema")],
        }
    }

    fn keyword(
        &self,
        (keyword, rule): (&str, &Value),
        schema: &Map<String, Value>,
        value: &Value,
        place: &str,
    ) -> Vec<String> {
        let complain = |is_wrong: bool, what: String| -> Vec<String> {
            is_wrong.then(|| format!("{place}: {what}")).into_iter().collect()
        };
        match keyword {
            // Words for people.
            "description" | "title" | "example" => Vec::new(),
            "$ref" => match rule.as_str().and_then(|rule| self.document.pointer(rule.strip_prefix('#')?)) {
                Some(schema) => self.check(schema, value, place),
                None => vec![format!("{place}: {rule} refers to nothing")],
            },
            "type" => complain(!is_of_type(rule, value), format!("{value} is not of type {rule}")),
            "enum" => complain(!list(rule).contains(value), format!("{value} is none of {rule}")),
            "format" => complain(!has_format(rule, value), format!("{value} has not the format {rule}")),
            "minLength" => {
                let is_short = value.as_str().is_some_and(|text| text.chars().count() < size(rule));
                complain(is_short, format!("{value} is shorter than {rule}"))
            }
            "minimum" => {
                let is_small = value.as_f64().is_some_and(|number| rule.as_f64().is_none_or(|min| number < min));
                complain(is_small, format!("{value} is less than {rule}"))
            }
            "required" => {
                let missing = list(rule).iter().filter(|name| is_missing(value, name));
                missing.map(|name| format!("{place}: {name} is missing")).collect()
            }
            "properties" => fields(value)
                .filter_map(|(name, value)| Some((name, rule.get(name)?, value)))
                .flat_map(|(name, schema, value)| self.check(schema, value, &format!("{place}.{name}")))
                .collect(),
            "additionalProperties" => {
                let is_known = |name: &str| schema.get("properties").is_some_and(|known| known.get(name).is_some());
                fields(value)
                    .filter(|field| !is_known(field.0))
                    .flat_map(|(name, value)| self.check(rule, value, &format!("{place}.{name}")))
                    .collect()
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.flat_map(|(index, item)| self.check(rule, item, &format!("{place}[{index}]"))).collect()
            }
            "allOf" => list(rule).iter().flat_map(|schema| self.check(schema, value, place)).collect(),
            "anyOf" => complain(self.fitting(rule, value) == 0, format!("{value} fits none of anyOf")),
            "oneOf" => match self.fitting(rule, value) {
                1 => Vec::new(),
                count => vec![format!("{place}: {value} fits {count} of oneOf instead of 1")],
            },
            unknown => vec![format!("{place}: the keyword `{unknown}` is not known to this test")],
        }
    }

    /// How many of several schemas a value fits.
    fn fitting(&self, schemas: &Value, value: &Value) -> usize {
        list(schemas).iter().filter(|schema| self.check(schema, value, "$").is_empty()).count()
    }
}

/// `rule` is a type's name, or a list of them.
fn is_of_type(rule: &Value, value: &Value) -> bool {
    let is_of = |name: &Value| match name.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    };
    if rule.is_array() { list(rule).iter().any(is_of) } else { is_of(rule) }
}

/// A format says something of texts, or of numbers, and nothing of the rest.
fn has_format(rule: &Value, value: &Value) -> bool {
    match (rule.as_str().unwrap_or_default(), value) {
        ("uuid", Value::String(text)) => text.len() == 36 && Uuid::parse_str(text).is_ok(),
        ("date-time", Value::String(text)) => DateTime::parse_from_rfc3339(text).is_ok(),
        ("int32", Value::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ("int64", Value::Number(number)) => number.is_i64(),
        ("uuid" | "date-time" | "int32" | "int64", _) => true,
        _ => false,
    }
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn size(rule: &Value) -> usize {
    rule.as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX)
}

/// Whether an object lacks a field; other values have none to lack.
fn is_missing(value: &Value, name: &Value) -> bool {
    value.is_object() && name.as_str().is_none_or(|name| value.get(name).is_none())
}

fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

#[test]
fn a_value_of_each_kind_is_accepted_and_another_is_refused() {
    let document = json!({ "components": { "schemas": { "Id": { "type": "string", "format": "uuid" } } } });
    let check = |schema: Value, good: Value, bad: Value, expected: &str| {
        assert_eq!(problems(&document, &schema, &good), [""; 0], "{schema}");
        let found = problems(&document, &schema, &bad);
        assert_eq!(found, [expected], "{schema}");
    };
    let id = "019e20d6-1ea0-7a63-b996-908ea3334907";
    check(json!({ "type": "string" }), json!("a"), json!(1), "$: 1 is not of type \"string\"");
    check(json!({ "type": "boolean" }), json!(true), json!("true"), "$: \"true\" is not of type \"boolean\"");
    check(json!({ "type": "integer" }), json!(1), json!(1.5), "$: 1.5 is not of type \"integer\"");
    check(json!({ "type": "number" }), json!(1.5), json!("1.5"), "$: \"1.5\" is not of type \"number\"");
    check(json!({ "type": "array" }), json!([]), json!({}), "$: {} is not of type \"array\"");
    check(json!({ "type": "object" }), json!({}), json!([]), "$: [] is not of type \"object\"");
    check(json!({ "type": "null" }), Value::Null, json!(0), "$: 0 is not of type \"null\"");
    let nullable = json!({ "type": ["string", "null"] });
    check(nullable.clone(), Value::Null, json!(0), "$: 0 is not of type [\"string\",\"null\"]");
    check(json!({ "type": "string" }), json!(""), Value::Null, "$: null is not of type \"string\"");
    check(json!({ "enum": ["a", "b"] }), json!("b"), json!("c"), "$: \"c\" is none of [\"a\",\"b\"]");
    check(json!({ "minLength": 2 }), json!("ñá"), json!("a"), "$: \"a\" is shorter than 2");
    check(json!({ "minimum": 0 }), json!(0), json!(-1), "$: -1 is less than 0");
    check(json!({ "required": ["a"] }), json!({ "a": null }), json!({}), "$: \"a\" is missing");
    let object = json!({ "properties": { "a": { "type": "string" } }, "additionalProperties": false });
    check(object.clone(), json!({ "a": "x" }), json!({ "a": 1 }), "$.a: 1 is not of type \"string\"");
    check(object, json!({}), json!({ "b": 1 }), "$.b: nothing may stand here");
    let map = json!({ "additionalProperties": { "type": "string" } });
    check(map, json!({ "b": "x" }), json!({ "b": 1 }), "$.b: 1 is not of type \"string\"");
    let items = json!({ "items": { "type": "string" } });
    check(items, json!(["a"]), json!(["a", 1]), "$[1]: 1 is not of type \"string\"");
    let reference = json!({ "$ref": "#/components/schemas/Id" });
    check(reference, json!(id), json!("x"), "$: \"x\" has not the format \"uuid\"");
    let all = json!({ "allOf": [nullable, { "minLength": 2 }] });
    check(all, json!("ab"), json!("a"), "$: \"a\" is shorter than 2");
    let parts = json!([{ "type": "string" }, { "minLength": 2 }]);
    let any = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
    check(any, Value::Null, json!(1), "$: 1 fits none of anyOf");
    check(json!({ "oneOf": parts }), json!("a"), json!("ab"), "$: \"ab\" fits 2 of oneOf instead of 1");
    let either = json!({ "oneOf": [{ "type": "string" }, { "type": "null" }] });
    check(either, json!("a"), json!(1), "$: 1 fits 0 of oneOf instead of 1");
}

#[test]
fn formats_are_checked_and_what_is_not_known_is_no_pass() {
    let refused = |schema: Value, value: Value| problems(&Value::Null, &schema, &value);
    let check = |format: &str, good: Value, bad: Value| {
        assert_eq!(refused(json!({ "format": format }), good), [""; 0]);
        let expected = format!("$: {bad} has not the format \"{format}\"");
        assert_eq!(refused(json!({ "format": format }), bad), [expected]);
    };
    check("uuid", json!("019e20d6-1ea0-7a63-b996-908ea3334907"), json!("019e20d61ea07a63b996908ea3334907"));
    check("date-time", json!("2026-05-13T10:15:00.000Z"), json!("2026-05-13"));
    check("date-time", Value::Null, json!("2026-05-13T10:15:00"));
    check("int32", json!(-7), json!(2_147_483_648_i64));
    check("int64", json!(2_147_483_648_i64), json!(u64::MAX));
    let unknown = "the keyword `pattern` is not known to this test";
    assert_eq!(refused(json!({ "pattern": "a" }), json!("a")), [format!("$: {unknown}")]);
    assert_eq!(refused(json!({ "format": "email" }), json!("a")), ["$: \"a\" has not the format \"email\""]);
    assert_eq!(refused(json!({ "type": "text" }), json!("a")), ["$: \"a\" is not of type \"text\""]);
    assert_eq!(refused(json!({ "$ref": "#/nothing" }), json!("a")), ["$: \"#/nothing\" refers to nothing"]);
    assert_eq!(refused(json!(7), json!("a")), ["$: 7 is no schema"]);
}
