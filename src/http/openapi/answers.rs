//! What any route may answer, described once; each route refers to it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, Content, Header, HeaderBuilder, Object, Ref, RefOr, Response, Type};

use super::examples::{Named, Shown};
use crate::http::error::is_for_machines;
use crate::http::limit::PROBES;

const JSON: &str = "application/json";
/// Stands before the names of answers and examples in the form of `/v1`.
const MACHINE: &str = "Machine";
const RATE_LIMIT_HEADERS: [&str; 2] = ["RateLimit-Policy", "RateLimit"];
const RETRY_AFTER: &str = "Retry-After";

/// The file of what is shared.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    /// Whole answers.
    responses: BTreeMap<String, Answer>,
    /// Single examples, for answers that a route has others of too.
    examples: BTreeMap<String, Shown>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: String,
    examples: Named,
}

/// Adds the shared answers, examples and headers.
pub(super) fn add_components(components: &mut Components) {
    let shared: Shared = serde_json::from_str(include_str!("examples/shared.json"))
        .expect("the file is part of the program, and every test reads it");
    for (name, answer) in shared.responses {
        let response = response(&name, &answer);
        components.responses.insert(name, RefOr::T(response));
    }
    let examples = shared.examples.into_iter().map(|(name, shown)| (name, RefOr::T(shown.to_example())));
    components.examples.extend(examples);
    for (name, header) in headers() {
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
}

fn response(name: &str, answer: &Answer) -> Response {
    let schema = if name.starts_with(MACHINE) { "MachineErrorBody" } else { "ErrorBody" };
    let mut content = Content::new(Some(Ref::from_schema_name(schema)));
    let examples = answer.examples.iter().map(|(name, shown)| (name.clone(), RefOr::T(shown.to_example())));
    content.examples = examples.collect();
    let mut response = Response::new(meaning(&answer.status));
    response.content.insert(JSON.to_owned(), RefOr::T(content));
    add_rate_limit_headers(&mut response);
    if matches!(answer.status.as_str(), "429" | "503") {
        response.headers.insert(RETRY_AFTER.to_owned(), header_reference(RETRY_AFTER));
    }
    response
}

fn headers() -> [(&'static str, Header); 3] {
    let header = |kind: Type, description: &str, example: Value| {
        HeaderBuilder::new()
            .schema(Some(Object::with_type(kind)))
            .description(Some(description))
            .example(Some(example))
            .build()
    };
    let policy = "How many requests (`q`) are answered in how many seconds (`w`), to each user, or to each address \
                  where nobody is signed in.";
    let left = "How many of them are left (`r`), and after how many seconds (`t`) all will be there again.";
    let wait = "Seconds to wait before the same request is worth another try.";
    [
        ("RateLimit-Policy", header(Type::String, policy, json!("\"default\";q=600;w=60"))),
        ("RateLimit", header(Type::String, left, json!("\"default\";r=599;t=1"))),
        (RETRY_AFTER, header(Type::Integer, wait, json!(12))),
    ]
}

fn header_reference(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn add_rate_limit_headers(response: &mut Response) {
    for name in RATE_LIMIT_HEADERS {
        response.headers.insert(name.to_owned(), header_reference(name));
    }
}

/// Adds to a route what routes of its kind may always answer, and says what each of its statuses means.
pub(super) fn add(path: &str, operation: &mut Operation) {
    let is_probe = PROBES.contains(&path);
    let has_body = operation.request_body.is_some();
    let is_closed = operation.security.is_some();
    let form = if is_for_machines(path) { MACHINE } else { "" };
    let shared = [
        ("401", "Unauthorized", is_closed),
        ("413", "BodyTooLarge", has_body),
        ("429", "TooManyRequests", !is_probe),
        ("500", "Internal", !is_probe),
        ("503", "Unavailable", !is_probe),
    ];
    let responses = &mut operation.responses.responses;
    for (status, name, _) in shared.into_iter().filter(|(_, _, is_possible)| *is_possible) {
        responses.insert(status.to_owned(), RefOr::Ref(Ref::from_response_name(format!("{form}{name}"))));
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            meaning(status).clone_into(&mut response.description);
        }
        if !is_probe {
            add_rate_limit_headers(response);
        }
        let also: &[&str] = match status.as_str() {
            "400" if has_body => &["NotJson", "MalformedJson", "NotAnObject"],
            "404" if path.contains("{accountId}") => &["AccountNotFound"],
            _ => &[],
        };
        for content in response.content.values_mut() {
            let RefOr::T(content) = content else { continue };
            for name in also {
                let reference = Ref::new(format!("#/components/examples/{form}{name}"));
                content.examples.insert((*name).to_owned(), RefOr::Ref(reference));
            }
        }
    }
}

/// What a status says, on every route.
fn meaning(status: &str) -> &'static str {
    match status {
        "200" => "The answer",
        "201" => "Made",
        "202" => "Recorded; the work follows",
        "204" => "Done; there is nothing to say",
        "400" => "The request cannot be understood or breaks a rule; nothing was changed",
        "401" => "Nobody is signed in: the token or key is missing, or not good",
        "403" => "Not permitted",
        "404" => "It does not exist, or is someone else's",
        "409" => "Not possible as things stand",
        "413" => "The body is too large",
        "429" => "Too many requests; `Retry-After` says when to come back",
        "500" => "Something went wrong on our side",
        "503" => "Not possible right now; the same request may succeed later",
        _ => "",
    }
}
