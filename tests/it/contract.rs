//! The client's two pages, requirement by requirement: each names a test that exists, or says that it is not met yet.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use serde::Deserialize;

use crate::architecture::collect;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contract {
    /// Rows that may be pending.
    pending_max: usize,
    row: Vec<Row>,
}

/// One requirement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    page: Page,
    sentence: String,
    #[serde(default)]
    test: Vec<String>,
    /// Why no test can prove it yet.
    pending: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Page {
    Accounts,
    Ingest,
}

#[test]
fn every_requirement_names_a_test_that_exists() {
    let contract: Contract = toml::from_str(include_str!("contract.toml")).expect("the table is TOML of this form");
    let tests = tests();
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    for row in &contract.row {
        let mut complain = |what: String| problems.push(format!("{}: {what}", row.id));
        if !ids.insert(&row.id) {
            complain("the id stands twice".to_owned());
        }
        if row.sentence.trim().is_empty() {
            complain("nothing is required".to_owned());
        }
        match (&row.pending, row.test.is_empty()) {
            (None, true) => complain("no test proves it".to_owned()),
            (Some(_), false) => complain("it is pending and proven".to_owned()),
            (Some(reason), true) if reason.trim().is_empty() => complain("nothing says why it is pending".to_owned()),
            (Some(_), true) | (None, false) => {}
        }
        for test in row.test.iter().filter(|test| !tests.contains(*test)) {
            complain(format!("there is no test `{test}`"));
        }
    }
    for page in [Page::Accounts, Page::Ingest] {
        assert!(contract.row.iter().any(|row| row.page == page), "a page has no row");
    }
    assert!(problems.is_empty(), "contract.toml:\n  {}", problems.join("\n  "));

    let pending: Vec<&str> =
        contract.row.iter().filter(|row| row.pending.is_some()).map(|row| row.id.as_str()).collect();
    let count = contract.row.len();
    // For whoever looks at the output; a pipe that nobody reads is no failure.
    let _ =
        writeln!(std::io::stdout(), "{} of {count} requirements are pending: {}", pending.len(), pending.join(", "));
    let max = contract.pending_max;
    assert!(pending.len() <= max, "{} requirements are pending, more than {max}", pending.len());
}

/// Every test by its name in the table.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = BTreeMap::new();
    for folder in ["src", "tests/it"] {
        collect(root, folder, &mut texts);
    }
    let named = texts.iter().flat_map(|(path, text)| {
        let module = module(path);
        test_names(text).into_iter().map(move |name| format!("{module}::{name}"))
    });
    named.collect()
}

/// `tests/it/flows/happy.rs` is `flows::happy`, `src/poll/decode.rs` is `src::poll::decode`.
fn module(path: &str) -> String {
    let path = path.strip_prefix("tests/it/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.strip_suffix("/mod").unwrap_or(path).replace('/', "::")
}

/// The functions that are marked as tests, or made so by `each_backend!`, which asks for this one argument.
fn test_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        } else if let Some(function) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") {
            let (name, arguments) = function.split_once('(').unwrap_or((function, ""));
            let on_both_databases = arguments.split_once(')').is_some_and(|(only, _)| only == "backend: Backend");
            if is_marked || on_both_databases {
                names.push(name);
            }
            is_marked = false;
        }
    }
    names
}

#[test]
fn only_tests_count_as_tests() {
    let text = "
        fn helper() {}
        #[test]
        fn plain() {}
        #[tokio::test(flavor = \"multi_thread\")]
        #[expect(clippy::unused_async, reason = \"an example\")]
        async fn with_attributes() {}
        each_backend! {
            /// Said of it.
            async fn on_both(backend: Backend) {}
        }
        async fn start(backend: Backend, fields: Value) {}
        async fn pages(test: &TestApp) {}
    ";
    assert_eq!(test_names(text), ["plain", "with_attributes", "on_both"]);
    assert_eq!(module("tests/it/http/requests.rs"), "http::requests");
    assert_eq!(module("tests/it/support/mod.rs"), "support");
    assert_eq!(module("src/matching/name/tests.rs"), "src::matching::name::tests");
}
