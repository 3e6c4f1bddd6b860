//! Saved pages with what is expected of them: how a recipe is tested without its bank.
//!
//! A case is a folder `fixtures/<case>/` with `input.html`, `meta.toml` and `expect.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use url::Url;

use super::extract::{self, AccountRow, MovementRows};
use super::recipe::{Recipe, RecipeError};
use super::snapshot::Snapshot;
use super::state::holding;
use crate::domain::account::words;
use crate::domain::movement::ScrapedMovement;
use crate::domain::time::Instant;
use crate::tomlx;

/// What to do with what a case gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Compare it with `expect.json`.
    Check,
    /// Write `expect.json`; a person then reads the difference.
    Update,
}

/// How one case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    pub name: String,
    /// Empty when the case is as expected.
    pub problems: Vec<String>,
    /// Whether `expect.json` was written.
    pub updated: bool,
}

/// Why no case could be run.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    #[error("could not read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("could not write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error("{0} has no cases; add fixtures/<case>/input.html and meta.toml")]
    NoCases(PathBuf),
}

words! {
    /// What is read from the page.
    CaseKind {
        Accounts = "accounts",
        Movements = "movements",
        /// Nothing; only the states are looked at.
        State = "state",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseMeta {
    kind: CaseKind,
    /// Where the page was.
    #[serde(deserialize_with = "address")]
    url: Url,
    /// The state that the page must be in. Failing states must not hold unless one is named here.
    state: Option<String>,
    /// Fields of the account whose movements they are.
    #[serde(default)]
    account: BTreeMap<String, String>,
    /// Stands in for the bank's time of pending rows.
    read_at: Option<Instant>,
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    Url::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Runs all cases of the recipe in `folder`; its includes are looked for beside that folder.
pub fn run(folder: &Path, mode: Mode) -> Result<Vec<CaseResult>, FixtureError> {
    let file = folder.join("recipe.toml");
    let lib = |name: &str| fs::read_to_string(folder.parent()?.join(format!("{name}.toml"))).ok();
    let recipe = Recipe::parse(&file.display().to_string(), &read(&file)?, &lib)?;

    let fixtures = folder.join("fixtures");
    let mut cases = Vec::new();
    for entry in fs::read_dir(&fixtures).map_err(|source| FixtureError::Read { path: fixtures.clone(), source })? {
        let path = entry.map_err(|source| FixtureError::Read { path: fixtures.clone(), source })?.path();
        if path.join("input.html").is_file() {
            cases.push(path);
        }
    }
    cases.sort();
    if cases.is_empty() {
        return Err(FixtureError::NoCases(fixtures));
    }
    cases.iter().map(|case| run_case(&recipe, case, mode)).collect()
}

fn run_case(recipe: &Recipe, folder: &Path, mode: Mode) -> Result<CaseResult, FixtureError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (meta_file, expect_file) = (folder.join("meta.toml"), folder.join("expect.json"));
    let meta_text = read(&meta_file)?;
    let html = read(&folder.join("input.html"))?;
    let meta: CaseMeta = match toml::from_str(&meta_text) {
        Ok(meta) => meta,
        Err(error) => {
            let problem = tomlx::describe(&meta_file.display().to_string(), &meta_text, &error);
            return Ok(CaseResult { name, problems: vec![problem], updated: false });
        }
    };
    let (found, mut problems) = evaluate(recipe, &meta, &html);
    let mut updated = false;
    if let Some(found) = found {
        match mode {
            Mode::Check => problems.extend(difference(&read(&expect_file)?, &found)),
            Mode::Update => {
                let text = format!("{found:#}\n");
                fs::write(&expect_file, text).map_err(|source| FixtureError::Write { path: expect_file, source })?;
                updated = true;
            }
        }
    }
    Ok(CaseResult { name, problems, updated })
}

/// What the page gives, as JSON, and what is wrong with it whatever was expected.
fn evaluate(recipe: &Recipe, meta: &CaseMeta, html: &str) -> (Option<Value>, Vec<String>) {
    let snapshot = Snapshot::from_html(html, &meta.url);
    let held = holding(recipe, &snapshot);
    let mut problems = Vec::new();
    let wanted = meta.state.as_deref();
    if let Some(wanted) = wanted.filter(|wanted| !held.iter().any(|state| state.name == *wanted)) {
        problems.push(format!("the page is not in the state `{wanted}`"));
    }
    for state in held.iter().filter(|state| state.fails.is_some() && Some(state.name.as_str()) != wanted) {
        problems.push(format!("the page is also in the failing state `{}`", state.name));
    }
    let states: Vec<&str> = held.iter().map(|state| state.name.as_str()).collect();
    let read = match meta.kind {
        CaseKind::State => Ok(serde_json::json!({ "states": states })),
        CaseKind::Accounts => extract::accounts(recipe, &snapshot).map(|accounts| {
            let fields: Vec<_> = accounts.into_iter().map(|account| account.fields).collect();
            serde_json::json!({ "states": states, "accounts": fields })
        }),
        CaseKind::Movements => {
            let account = AccountRow { fields: meta.account.clone() };
            extract::movements(recipe, &snapshot, &account).map(|MovementRows { rows, seen, skipped }| {
                problems.extend(extract::check_running_balance(recipe, &rows).err());
                let read_at = meta.read_at.unwrap_or_default();
                let movements = extract::to_movements(recipe, account.number(), rows, read_at);
                as_json(&MovementsFound { states: &states, seen, skipped, movements: &movements })
            })
        }
    };
    match read {
        Ok(found) => (Some(found), problems),
        Err(error) => {
            problems.push(error.to_string());
            (None, problems)
        }
    }
}

#[derive(Serialize)]
struct MovementsFound<'a> {
    states: &'a [&'a str],
    seen: usize,
    skipped: usize,
    movements: &'a [ScrapedMovement],
}

fn as_json(found: &MovementsFound<'_>) -> Value {
    serde_json::to_value(found).expect("its keys are texts and its numbers small")
}

/// The first place where two JSON texts differ; `None` when they say the same.
fn difference(expected: &str, found: &Value) -> Option<String> {
    match serde_json::from_str::<Value>(expected) {
        Ok(expected) => first_difference("", &expected, found),
        Err(error) => Some(format!("expect.json is not JSON: {error}")),
    }
}

fn first_difference(path: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let missing = found.keys().find(|key| !expected.contains_key(*key));
            let deeper = expected.iter().find_map(|(key, value)| match found.get(key) {
                Some(found) => first_difference(&format!("{path}/{key}"), value, found),
                None => Some(format!("{path}/{key}: expected {value}, found nothing")),
            });
            deeper.or_else(|| missing.map(|key| format!("{path}/{key}: found {}, expected nothing", found[key])))
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.find_map(|(place, (expected, found))| first_difference(&format!("{path}/{place}"), expected, found))
        }
        (Value::Array(expected), Value::Array(found)) => {
            Some(format!("{path}: expected {} items, found {}", expected.len(), found.len()))
        }
        _ => (expected != found).then(|| format!("{path}: expected {expected}, found {found}")),
    }
}

fn read(path: &Path) -> Result<String, FixtureError> {
    fs::read_to_string(path).map_err(|source| FixtureError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_recipes_of_this_repository_read_their_saved_pages() {
        let scrapers = Path::new(env!("CARGO_MANIFEST_DIR")).join("scrapers");
        for entry in fs::read_dir(&scrapers).expect("the folder is part of the repository") {
            let folder = entry.expect("a folder entry").path();
            if !folder.join("recipe.toml").is_file() {
                continue;
            }
            for case in run(&folder, Mode::Check).expect("the cases can be run") {
                assert_eq!(case.problems, Vec::<String>::new(), "{}, case {}", folder.display(), case.name);
            }
        }
    }

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let check = |expected: Value, found: Value, message: Option<&str>| {
            assert_eq!(first_difference("", &expected, &found).as_deref(), message);
        };
        check(json!({ "a": [1, { "b": "x" }] }), json!({ "a": [1, { "b": "x" }] }), None);
        check(
            json!({ "a": [1, { "b": "x" }] }),
            json!({ "a": [1, { "b": "y" }] }),
            Some("/a/1/b: expected \"x\", found \"y\""),
        );
        check(json!({ "a": 1 }), json!({}), Some("/a: expected 1, found nothing"));
        check(json!({}), json!({ "a": 1 }), Some("/a: found 1, expected nothing"));
        check(json!([1]), json!([]), Some(": expected 1 items, found 0"));
    }
}
