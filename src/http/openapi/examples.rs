//! Examples of every request and answer, from the files beside this one.
//!
//! In each file a key names an operation, by method and path, or a webhook. Under it stand named examples: of what is
//! sent, and of what comes back with which status.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, RefOr};

const FILES: [&str; 6] = [
    include_str!("examples/users.json"),
    include_str!("examples/accounts.json"),
    include_str!("examples/readings.json"),
    include_str!("examples/conciliation.json"),
    include_str!("examples/machines.json"),
    include_str!("examples/webhooks.json"),
];

/// The examples of one operation or webhook.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Examples {
    #[serde(default)]
    requests: Named,
    /// By status.
    #[serde(default)]
    responses: BTreeMap<String, Named>,
}

/// Examples by their names.
pub(super) type Named = BTreeMap<String, Shown>;

/// One example.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    /// Left out where the value says it itself, as an error does.
    #[serde(default)]
    summary: String,
    value: Value,
}

impl Shown {
    pub(super) fn to_example(&self) -> Example {
        ExampleBuilder::new().summary(self.summary.clone()).value(Some(self.value.clone())).build()
    }
}

/// Every example, by operation or webhook.
pub(super) fn read() -> BTreeMap<String, Examples> {
    let mut all = BTreeMap::new();
    for file in FILES {
        let examples: BTreeMap<String, Examples> =
            serde_json::from_str(file).expect("the files are part of the program, and every test reads them");
        all.extend(examples);
    }
    all
}

/// Shows what there is for one operation.
pub(super) fn add(all: &BTreeMap<String, Examples>, name: &str, operation: &mut Operation) {
    let Some(examples) = all.get(name) else { return };
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for content in body.content.values_mut() {
            show(content, &examples.requests);
        }
    }
    for (status, named) in &examples.responses {
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) {
            for content in response.content.values_mut() {
                show(content, named);
            }
        }
    }
}

fn show(content: &mut RefOr<Content>, named: &Named) {
    if let RefOr::T(content) = content {
        let shown = named.iter().map(|(name, example)| (name.clone(), RefOr::T(example.to_example())));
        content.examples.extend(shown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_of_something_that_is_described() {
        let document = serde_json::to_value(crate::http::openapi_document()).expect("plain data");
        let in_files: usize = FILES
            .iter()
            .map(|file| serde_json::from_str::<BTreeMap<String, Value>>(file).expect("an object").len())
            .sum();
        let all = read();
        assert_eq!(all.len(), in_files, "an operation stands in two files");
        for (name, examples) in &all {
            let operation = match name.split_once(' ') {
                Some((method, path)) => &document["paths"][path][method.to_lowercase()],
                None => &document["webhooks"][name]["post"],
            };
            let check = |body: &Value, named: &Named| {
                for example in named.keys() {
                    let shown = &body["content"]["application/json"]["examples"][example];
                    assert!(shown.is_object(), "{name}: `{example}` is nowhere to be shown");
                }
            };
            check(&operation["requestBody"], &examples.requests);
            for (status, named) in &examples.responses {
                check(&operation["responses"][status], named);
            }
        }
    }
}
