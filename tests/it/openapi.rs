//! The description of the API: current, complete, and true to its own schemas and to the code.

mod checker;
mod document;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use reconbanker::deliver::notice::{self, CodeWanted, Notice};
use reconbanker::deliver::payload::{self, Forwarded, ReconcileStatus, Reconciled};
use reconbanker::domain::account::NotificationEvent;
use reconbanker::domain::assistance::{Charset, CodeShape};
use reconbanker::domain::json::LiteralObject;
use reconbanker::domain::run::Outcome;
use serde_json::Value;

use self::document::{Document, Form};
use self::source::Source;

/// Codes that no operation shows: one of what is no operation.
const NOT_SHOWN: [&str; 1] = ["method_not_allowed"];

#[test]
fn the_committed_description_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    let committed = fs::read_to_string(path).unwrap_or_default();
    let current = reconbanker::http::openapi_document().to_pretty_json().expect("plain data");
    assert!(
        committed.trim() == current.trim(),
        "docs/openapi.json is not current; run: cargo run -- openapi > docs/openapi.json"
    );
}

#[test]
fn every_body_has_an_example_and_every_example_fits() {
    let document = Document::current();
    let bodies = document.bodies();
    assert!(bodies.len() >= 150, "only {} bodies were found", bodies.len());
    let mut problems = Vec::new();
    for body in &bodies {
        if body.examples.is_empty() {
            problems.push(format!("{}: has no example", body.place));
        }
        for (name, value) in &body.examples {
            let found = checker::problems(&document.0, body.schema, value);
            problems.extend(found.into_iter().map(|problem| format!("{}, `{name}`: {problem}", body.place)));
        }
    }
    assert!(problems.is_empty(), "{} problems:\n  {}", problems.len(), problems.join("\n  "));
}

#[test]
fn examples_in_schemas_parameters_and_headers_fit_too() {
    let document = Document::current();
    let (mut problems, mut count) = (Vec::new(), 0);
    let mut check = |place: String, schema: &Value, example: &Value| {
        count += 1;
        let found = checker::problems(&document.0, schema, example);
        problems.extend(found.into_iter().map(|problem| format!("{place}: {problem}")));
    };
    for (name, schema) in document.0["components"]["schemas"].as_object().expect("schemas") {
        for (field, schema) in document.fields(schema) {
            if let Some(example) = schema.get("example") {
                check(format!("{name}.{field}"), schema, example);
            }
        }
    }
    let headers = document.0["components"]["headers"].as_object().expect("headers");
    let parameters = document.operations().into_iter().flat_map(|operation| document.parameters(&operation));
    let named = headers.iter().map(|(name, header)| (name.clone(), header)).chain(parameters);
    for (name, described) in named {
        if let Some(example) = described.get("example") {
            check(name, &described["schema"], example);
        }
    }
    assert!(problems.is_empty(), "{} problems:\n  {}", problems.len(), problems.join("\n  "));
    assert!(count >= 20, "only {count} examples were found");
}

#[test]
fn everything_is_named_once_and_described() {
    let document = Document::current();
    let (mut ids, mut problems) = (BTreeSet::new(), Vec::new());
    let mut require = |place: &str, what: &str, text: &Value| {
        if text.as_str().is_none_or(|text| text.trim().is_empty()) {
            problems.push(format!("{place}: {what} is missing"));
        }
    };
    let tags: BTreeMap<&str, &Value> = document.0["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| (tag["name"].as_str().expect("a name"), &tag["description"]))
        .collect();
    for operation in document.operations() {
        let (place, value) = (&operation.place, operation.value);
        require(place, "the summary", &value["summary"]);
        require(place, "the operation's id", &value["operationId"]);
        let id = value["operationId"].as_str().unwrap_or_default();
        assert!(ids.insert(id), "{place}: the id {id} stands twice");
        let tag = value["tags"][0].as_str().unwrap_or_default();
        require(place, "the tag's description", tags.get(tag).copied().unwrap_or(&Value::Null));
        for (name, parameter) in document.parameters(&operation) {
            require(&name, "the description", &parameter["description"]);
        }
        for (status, response) in document.responses(&operation) {
            require(&format!("{place}, {status}"), "the description", &response["description"]);
        }
    }
    let info = &document.0["info"];
    require("info", "the contact", &info["contact"]["name"]);
    assert_eq!(info["license"]["identifier"], "MIT");
    assert_eq!(document.0["servers"][0]["url"], "/");
    assert!(problems.is_empty(), "{} problems:\n  {}", problems.len(), problems.join("\n  "));
}

#[test]
fn every_error_is_one_that_the_code_knows() {
    let (document, source) = (Document::current(), Source::read());
    let (mut shown, mut problems) = (BTreeSet::new(), Vec::new());
    for error in document.errors() {
        let (status, code, sentence) = match error.parts() {
            Ok(parts) => parts,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let is_given = match error.form {
            Form::Root => source.gives(code, status),
            // Several codes of the root are this one under /v1.
            Form::Machine if code == "VALIDATION_ERROR" => matches!(status, 400 | 413),
            Form::Machine => code.to_uppercase() == code && source.gives(&code.to_lowercase(), status),
        };
        if !is_given {
            problems.push(format!("{}: the code gives no `{code}` with {status}", error.place));
        }
        if !source.says(sentence) {
            problems.push(format!("{}: nothing in the code says \"{sentence}\"", error.place));
        }
        shown.insert(code.to_lowercase());
    }
    assert!(problems.is_empty(), "{} problems:\n  {}", problems.len(), problems.join("\n  "));
    let missing: Vec<&str> =
        source.codes().filter(|code| !shown.contains(*code) && !NOT_SHOWN.contains(code)).collect();
    assert!(missing.is_empty(), "no example shows {missing:?}");
}

#[test]
fn every_route_is_described() {
    let (document, source) = (Document::current(), Source::read());
    let described = document.operations().into_iter().filter(|operation| operation.is_route).count();
    assert_eq!(source.handlers(), described, "handlers in `routes!`, and operations that are described");
    // A route that is added in another way describes nothing; these two are the description itself.
    assert_eq!(source.plain_routes(), ["/openapi.json", "/openapi.yaml"]);
}

/// The description says of answers that all of their fields are always there, but for these.
#[test]
fn only_errors_and_schedules_leave_a_field_out() {
    assert_eq!(Source::read().fields_left_out(), 3, "`issues` of an error; `every` or `cron` of a schedule");
}

#[test]
fn webhooks_are_shown_as_they_are_sent() {
    let document = Document::current();
    let shown = |webhook: &str, name: &str| {
        let body = &document.0["webhooks"][webhook]["post"]["requestBody"]["content"]["application/json"];
        body["examples"][name]["value"].clone()
    };
    let sent = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let none = LiteralObject::default();

    let order = |amount: &str, name: &'static str, external_id: &'static str, status, extra: &LiteralObject| {
        let (amount, currency) = (amount.parse().expect("an amount"), "UYU".parse().expect("a currency"));
        sent(payload::reconcile(Reconciled { external_id, status, amount, currency: &currency, name }, extra))
    };
    let matched = order("1500", "Juan Perez", "ORDER-1", ReconcileStatus::Matched, &none);
    assert_eq!(matched, shown("result", "matched"));
    let extra = LiteralObject::parse(r#"{"tenant":"acme"}"#).expect("an object");
    let expired = order("500.50", "Ana Lopez", "ORDER-2", ReconcileStatus::Expired, &extra);
    assert_eq!(expired, shown("result", "expired"));

    for (example, amount) in [("passthrough", "1500"), ("passthrough_nameless", "500.50")] {
        let expected = shown("result", example);
        let movement = Forwarded {
            id: text(&expected["id"]).parse().expect("an id"),
            amount: amount.parse().expect("an amount"),
            currency: &"UYU".parse().expect("a currency"),
            name: expected["name"].as_str(),
            received_at: text(&expected["received_at"]).parse().expect("an instant"),
        };
        assert_eq!(sent(payload::passthrough(movement, &none)), expected);
    }

    let failures = [
        ("login_failed", NotificationEvent::LoginFailed, Outcome::InvalidCredentials),
        ("scrape_failed", NotificationEvent::ScrapeFailed, Outcome::LayoutChanged),
    ];
    for (example, event, outcome) in failures {
        let expected = shown("notification", example);
        let account_id = text(&expected["account_id"]).parse().expect("an id");
        let occurred_at = text(&expected["occurred_at"]).parse().expect("an instant");
        assert_eq!(sent(notice::body(Notice { account_id, event, outcome, occurred_at })), expected);
    }
    let expected = shown("notification", "assistance_required");
    let wanted = CodeWanted {
        account_id: text(&expected["account_id"]).parse().expect("an id"),
        request: text(&expected["data"]["request_id"]).parse().expect("an id"),
        shape: CodeShape { length: 6, charset: Charset::Digits },
        attempts: 2,
        expires_at: text(&expected["data"]["expires_at"]).parse().expect("an instant"),
        occurred_at: text(&expected["occurred_at"]).parse().expect("an instant"),
    };
    assert_eq!(sent(notice::code_wanted(wanted)), expected);
}
