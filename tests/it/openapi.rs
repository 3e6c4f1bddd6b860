//! The committed description of the API is the one the code gives.

use std::fs;

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
