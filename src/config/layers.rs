//! The layers, laid one value at a time.
//!
//! The defaults are known to be good. Each assignment of a later layer is therefore tried alone, in a copy of the
//! defaults with that one value replaced: an error can only be its own. So all problems are found in one go, each
//! with its place, and the types in `config.rs` stay the only description of what is valid. With some forty
//! settings, reading the whole once per assignment costs microseconds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

use super::values::Masked;
use super::{DEFAULTS, Settings};
use crate::tomlx;

/// Every variable of ours begins so.
pub(super) const PREFIX: &str = "RECONBANKER_";

/// Beginnings of variables with our prefix that are not settings: the file's name, what the tests hand to themselves,
/// and what Kubernetes sets for a service called `reconbanker`.
const NOT_SETTINGS: &[&str] = &["RECONBANKER_CONFIG", "RECONBANKER_TEST_", "RECONBANKER_SERVICE_", "RECONBANKER_PORT_"];

/// Settings in the making. Settings are named `section.key`, or `key` at the top.
pub(super) struct Layers<'i> {
    defaults: DeTable<'i>,
    merged: DeTable<'i>,
    /// Where a value that is not a default was set.
    origins: BTreeMap<String, String>,
    problems: Vec<String>,
}

/// One `key = value` of a settings file.
struct Assignment<'i> {
    name: String,
    /// Byte offset of the key.
    start: usize,
    value: Spanned<DeValue<'i>>,
}

impl<'i> Layers<'i> {
    /// Lays the sources over the defaults, each over the one before.
    pub(super) fn over(
        file: Option<&'i (PathBuf, String)>,
        env: &'i [(String, String)],
        overrides: &'i [(String, String)],
    ) -> Self {
        let defaults = DeTable::parse(DEFAULTS).expect("default.toml is part of the program").into_inner();
        let mut layers = Self { merged: defaults.clone(), defaults, origins: BTreeMap::new(), problems: Vec::new() };
        if let Some((path, text)) = file {
            layers.file(&path.display().to_string(), text);
        }
        layers.environment(env);
        layers.overrides(overrides);
        layers
    }

    /// Lays a settings file; `file` is its name for messages.
    fn file(&mut self, file: &str, text: &'i str) {
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => return self.problems.push(Masked(tomlx::describe(file, text, &error)).to_string()),
        };
        for Assignment { name, start, value } in self.assignments(table) {
            let (line, column) = tomlx::position(text, start);
            let place = format!("{file}:{line}:{column}");
            if find(&self.defaults, &name).is_none() {
                self.unknown(&place, &name, str::to_owned);
            } else if let Err(error) = self.assign(&name, value, &place) {
                self.problems.push(Masked(tomlx::describe(file, text, &error)).to_string());
            }
        }
    }

    /// Lays the environment: `RECONBANKER_SERVER__LISTEN` is `server.listen`.
    fn environment(&mut self, variables: &'i [(String, String)]) {
        for (variable, text) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let is_kubernetes_port = variable == "RECONBANKER_PORT" && text.starts_with("tcp://");
            if is_kubernetes_port || NOT_SETTINGS.iter().any(|start| variable.starts_with(start)) {
                continue;
            }
            let name = name.to_ascii_lowercase().replacen("__", ".", 1);
            self.text(variable, &name, text, |name| {
                format!("{PREFIX}{}", name.to_ascii_uppercase().replace('.', "__"))
            });
        }
    }

    /// Lays what the command line sets.
    fn overrides(&mut self, overrides: &'i [(String, String)]) {
        for (name, text) in overrides {
            self.text(&format!("--set {name}"), name, text, str::to_owned);
        }
    }

    /// The settings, where their values come from, and what is wrong. Values that are wrong were left out.
    pub(super) fn finish(self) -> (Settings, BTreeMap<String, String>, Vec<String>) {
        let settings = read(self.merged).expect("each value was read alone, and none depends on another");
        (settings, self.origins, self.problems)
    }

    /// The file's assignments in the order of its lines. A section that does not exist is one assignment, so that it
    /// is reported once.
    fn assignments(&self, table: DeTable<'i>) -> Vec<Assignment<'i>> {
        let mut assignments = Vec::new();
        for (key, value) in table {
            let span = value.span();
            match (value.into_inner(), find(&self.defaults, key.get_ref())) {
                (DeValue::Table(section), Some(DeValue::Table(_))) => {
                    assignments.extend(section.into_iter().map(|(inner, value)| Assignment {
                        name: format!("{}.{}", key.get_ref(), inner.get_ref()),
                        start: inner.span().start,
                        value,
                    }));
                }
                (value, _) => assignments.push(Assignment {
                    name: key.get_ref().to_string(),
                    start: key.span().start,
                    value: Spanned::new(span, value),
                }),
            }
        }
        assignments.sort_by_key(|assignment| assignment.start);
        assignments
    }

    /// Lays one value that comes as bare text. What kind of value it is, the default tells; a text that cannot be
    /// that kind stays a text, and reading it says what was expected.
    fn text(&mut self, place: &str, name: &str, text: &'i str, spell: impl Fn(&str) -> String) {
        let string = |text| DeValue::String(Cow::Borrowed(text));
        let value = match find(&self.defaults, name) {
            None => return self.unknown(place, name, spell),
            Some(DeValue::String(_)) => string(text),
            Some(DeValue::Array(_)) if !text.trim_start().starts_with('[') => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                DeValue::Array(items.map(|item| Spanned::new(0..0, string(item))).collect::<DeArray<'i>>())
            }
            Some(_) => DeValue::parse(text).map_or_else(|_| string(text), Spanned::into_inner),
        };
        if let Err(error) = self.assign(name, Spanned::new(0..0, value), place) {
            self.problems.push(Masked(format!("{place}: {}", error.message())).to_string());
        }
    }

    /// Tries the value alone over the defaults, and lays it when it is good.
    fn assign(&mut self, name: &str, value: Spanned<DeValue<'i>>, place: &str) -> Result<(), Error> {
        let mut trial = self.defaults.clone();
        replace(&mut trial, name, value.clone());
        read(trial)?;
        replace(&mut self.merged, name, value);
        self.origins.insert(name.to_owned(), place.to_owned());
        Ok(())
    }

    /// Reports a name that does not exist, with the nearest one that does, as `spell` writes it in that layer.
    fn unknown(&mut self, place: &str, name: &str, spell: impl Fn(&str) -> String) {
        let hint = self.nearest(name).map(|near| format!("; did you mean `{}`?", spell(&near))).unwrap_or_default();
        self.problems.push(format!("{place}: there is no setting `{name}`{hint}"));
    }

    /// The existing name that was probably meant: the same key in another section, else one with few slips.
    fn nearest(&self, wrong: &str) -> Option<String> {
        let names: Vec<String> = self
            .defaults
            .iter()
            .flat_map(|(top, value)| {
                let keys = match value.get_ref() {
                    DeValue::Table(section) => section.keys().map(|key| format!("{top}.{key}")).collect(),
                    _ => Vec::new(),
                };
                std::iter::once(top.get_ref().to_string()).chain(keys)
            })
            .collect();
        let key_of = |name: &str| name.rsplit('.').next().map(str::to_owned);
        let elsewhere = names.iter().find(|name| key_of(name) == key_of(wrong)).map(String::as_str);
        elsewhere.or_else(|| tomlx::nearest(wrong, names.iter().map(String::as_str))).map(str::to_owned)
    }
}

/// Reads settings from a table whose spans may point into several texts.
fn read(table: DeTable<'_>) -> Result<Settings, Error> {
    Settings::deserialize(Deserializer::from(Spanned::new(0..0, table)))
}

fn find<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<&'t DeValue<'i>> {
    match name.split_once('.') {
        Some((section, key)) => match table.get(section)?.get_ref() {
            DeValue::Table(section) => section.get(key).map(Spanned::get_ref),
            _ => None,
        },
        None => table.get(name).map(Spanned::get_ref),
    }
}

/// Puts a value where the defaults have one of that name.
fn replace<'i>(table: &mut DeTable<'i>, name: &str, value: Spanned<DeValue<'i>>) {
    let slot = match name.split_once('.') {
        Some((section, key)) => match table.get_mut(section).map(Spanned::get_mut) {
            Some(DeValue::Table(section)) => section.get_mut(key),
            _ => None,
        },
        None => table.get_mut(name),
    };
    if let Some(slot) = slot {
        *slot = value;
    }
}
