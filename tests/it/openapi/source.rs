//! What the source says of errors and routes, read as text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

use crate::architecture::collect;

/// Letters that a text with placeholders must have besides them; less would fit any sentence.
const LETTERS_MIN: usize = 8;

/// The source of the program, without comments and test modules.
pub struct Source {
    /// By path.
    files: BTreeMap<String, String>,
    /// The statuses that each code of an error is given with.
    codes: BTreeMap<String, BTreeSet<u16>>,
    /// Every text of the source, cut at its placeholders.
    texts: Vec<Vec<String>>,
}

impl Source {
    pub fn read() -> Self {
        let mut files = BTreeMap::new();
        collect(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut files);
        for text in files.values_mut() {
            *text = code_of(text);
        }
        let codes = codes_in(files.iter().filter(|(path, _)| path.starts_with("src/http/")).map(|(_, text)| text));
        let texts = files.values().flat_map(|text| texts_in(text)).collect();
        Self { files, codes, texts }
    }

    /// Every code of an error.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.keys().map(String::as_str)
    }

    pub fn gives(&self, code: &str, status: u16) -> bool {
        self.codes.get(code).is_some_and(|statuses| statuses.contains(&status))
    }

    /// Whether a text of the source can become this sentence, or what follows the name of a field in it.
    pub fn says(&self, sentence: &str) -> bool {
        let after = |separator: &str| sentence.split_once(separator).map(|(_, rest)| rest);
        let candidates = [Some(sentence), after(": "), after(" "), after(" must be ")];
        self.texts.iter().any(|parts| candidates.iter().flatten().any(|candidate| fits(parts, candidate)))
    }

    /// Handlers that are routed together with their description.
    pub fn handlers(&self) -> usize {
        let routes = Regex::new(r"routes!\(([^)]*)\)").expect("a pattern");
        routes.captures_iter(&self.files["src/http/mod.rs"]).map(|group| group[1].split(',').count()).sum()
    }

    /// Paths that are routed without one.
    pub fn plain_routes(&self) -> Vec<&str> {
        let route = Regex::new(r#"\.route\(\s*"([^"]+)""#).expect("a pattern");
        let http = self.files.iter().filter(|(path, _)| path.starts_with("src/http/"));
        http.flat_map(|(_, text)| route.captures_iter(text).map(|found| found.extract::<1>().1[0]).collect::<Vec<_>>())
            .collect()
    }

    /// Fields of answers that are not always written.
    pub fn fields_left_out(&self) -> usize {
        let http = self.files.iter().filter(|(path, _)| path.starts_with("src/http/"));
        http.map(|(_, text)| text.matches("skip_serializing").count()).sum()
    }
}

/// Without comments, without the tests at the end, and without the one character that would look like a text's begin.
fn code_of(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    let lines: Vec<&str> = lines.filter(|line| !line.trim_start().starts_with("//")).collect();
    lines.join("\n").replace("'\"'", "' '")
}

fn codes_in<'t>(texts: impl Iterator<Item = &'t String>) -> BTreeMap<String, BTreeSet<u16>> {
    let by_name = Regex::new(r#"\b(bad_request|forbidden|conflict)\(\s*"([a-z_]+)""#).expect("a pattern");
    let by_status = Regex::new(r#"StatusCode::([A-Z_]+),\s*"([a-z_]+)""#).expect("a pattern");
    let mut codes: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for text in texts {
        for found in by_name.captures_iter(text).chain(by_status.captures_iter(text)) {
            codes.entry(found[2].to_owned()).or_default().insert(status_of(&found[1]));
        }
    }
    codes
}

/// The status of a constructor of errors, or of a name of the standard.
fn status_of(name: &str) -> u16 {
    match name {
        "bad_request" | "BAD_REQUEST" => 400,
        "UNAUTHORIZED" => 401,
        "forbidden" | "FORBIDDEN" => 403,
        "NOT_FOUND" => 404,
        "METHOD_NOT_ALLOWED" => 405,
        "conflict" | "CONFLICT" => 409,
        "PAYLOAD_TOO_LARGE" => 413,
        "TOO_MANY_REQUESTS" => 429,
        "INTERNAL_SERVER_ERROR" => 500,
        "SERVICE_UNAVAILABLE" => 503,
        other => panic!("{other} has no status here yet"),
    }
}

/// The texts of a file, each cut at its placeholders.
fn texts_in(code: &str) -> Vec<Vec<String>> {
    let text = Regex::new(r#"(?s)"((?:[^"\\]|\\.)*)""#).expect("a pattern");
    let continued = Regex::new(r"\\\n\s*").expect("a pattern");
    let placeholder = Regex::new(r"\{[^{}]*\}").expect("a pattern");
    let mut texts = Vec::new();
    for found in text.captures_iter(code) {
        let plain = continued.replace_all(&found[1], "").replace("\\\"", "\"");
        let parts: Vec<String> = placeholder.split(&plain).map(str::to_owned).collect();
        let letters = parts.iter().flat_map(|part| part.chars()).filter(|sign| sign.is_alphabetic()).count();
        if parts.len() == 1 || letters >= LETTERS_MIN {
            texts.push(parts);
        }
    }
    texts
}

/// Whether a sentence is the text with something in the place of each placeholder.
fn fits(parts: &[String], sentence: &str) -> bool {
    match parts {
        [] => false,
        [whole] => whole == sentence,
        [first, middle @ .., last] => {
            let rest = sentence.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
            let Some(mut rest) = rest else { return false };
            middle.iter().all(|part| match rest.find(part.as_str()) {
                Some(at) => {
                    rest = &rest[at + part.len()..];
                    true
                }
                None => false,
            })
        }
    }
}

#[test]
fn codes_are_found_with_their_status() {
    let text = r#"
        ApiError::bad_request("no_endpoint", message); Self::conflict(
            "email_taken", "x"); Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests")
        Self::new(StatusCode::BAD_REQUEST, code, message)"#;
    let found = codes_in([text.to_owned()].iter());
    let expected = [("email_taken", 409), ("no_endpoint", 400), ("rate_limited", 429)];
    let expected = expected.map(|(code, status)| (code.to_owned(), BTreeSet::from([status])));
    assert_eq!(found, BTreeMap::from(expected));
}

#[test]
fn a_sentence_is_found_however_it_is_put_together() {
    let source = code_of(
        r#"
        let quote = text.split('"');
        // "a comment says nothing of use"
        let message = "there is nothing at this path; \
                       the API is at /docs";
        format!("there are {KEYS_MAX} keys already; revoke {one} that is not used");
        format!("it starts with \"{0}:\"; only https:// is called");
        format!("{field}: {problem}");
#[cfg(test)]
        "a test says this sentence"
        "#,
    );
    let texts = texts_in(&source);
    let check = |sentence: &str, expected: bool| {
        assert_eq!(texts.iter().any(|parts| fits(parts, sentence)), expected, "{sentence}");
    };
    check("there is nothing at this path; the API is at /docs", true);
    check("there are 100 keys already; revoke one that is not used", true);
    check("it starts with \"ftp:\"; only https:// is called", true);
    check("there are 100 keys already; revoke one", false);
    check("keys already; revoke one that is not used", false);
    check("a comment says nothing of use", false);
    check("a test says this sentence", false);
    check("anything: at all", false);
}
