//! `{{…}}` in recipes: a closed set of names and filters, and one place where values enter addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::parse::DatePattern;

/// A text with holes, checked when the recipe is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable { name: Name, date: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Input(String),
    /// Never becomes text: only [`Template::secret_input`] tells of it.
    Secret(String),
    /// `window.from`, `account.link`, `portal.port`
    Value(String),
}

/// Why a template cannot be used. No message contains the value of an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{{{{` without `}}}}`")]
    Unclosed,
    #[error("`{0}` is not known here; use input.<name>, account.<field>, window.from, window.to or portal.port")]
    UnknownName(String),
    #[error("the filter `{0}` is not known; use date:<pattern>, such as date:%d/%m/%Y")]
    UnknownFilter(String),
    #[error("the secret input `{0}` may only stand alone, in the `with` of a `fill`")]
    SecretInText(String),
    #[error("`{0}` has no value here")]
    Missing(String),
    #[error("`{0}` is not a day, so that it has no date format")]
    NotADay(String),
    #[error("`{0}` stands where a path begins, and its value does not begin with a single `/`")]
    NotAPath(String),
    #[error("`{0}` stands where a port belongs, and its value is not a number")]
    NotAPort(String),
    #[error("the filled-in text is not an address")]
    NotAnAddress(#[from] url::ParseError),
}

impl Template {
    /// Reads a template; `secrets` are the names of the secret inputs.
    pub fn parse(text: &str, secrets: &BTreeSet<String>) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            parts.push(variable(inside, secrets)?);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        let template = Self { parts };
        match template.parts.iter().find_map(Part::secret) {
            Some(secret) if template.parts.len() > 1 => Err(TemplateError::SecretInText(secret.to_owned())),
            Some(_) | None => Ok(template),
        }
    }

    /// The name of the secret input when the template is exactly that; such a template is typed, never rendered.
    #[must_use]
    pub fn secret_input(&self) -> Option<&str> {
        self.parts.first().and_then(Part::secret)
    }

    /// Dotted names of everything it refers to, in order.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Variable { name, .. } => Some(name.dotted()),
        })
    }

    /// Fills the holes with plain values.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        self.parts.iter().map(|part| part.value(scope)).collect()
    }

    /// Fills the holes of an address so that no value can change where it leads.
    ///
    /// Right behind the host a value is taken as it is, but must be a path of that host; behind `:` it must be a port;
    /// everywhere else it is percent-encoded.
    pub fn render_url(&self, scope: &Scope) -> Result<Url, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            let value = part.value(scope)?;
            let Part::Variable { name, .. } = part else {
                text.push_str(&value);
                continue;
            };
            let authority = text.split_once("://").map_or("", |(_, authority)| authority);
            let is_in_path = authority.contains(['/', '?', '#']);
            if is_in_path {
                push_encoded(&mut text, &value);
            } else if authority.ends_with(':') {
                let port: u16 = value.parse().map_err(|_| TemplateError::NotAPort(name.dotted()))?;
                text.push_str(&port.to_string());
            } else if !authority.is_empty() && value.starts_with('/') && !value.starts_with("//") {
                text.push_str(&value);
            } else {
                return Err(TemplateError::NotAPath(name.dotted()));
            }
        }
        Ok(Url::parse(&text)?)
    }
}

impl Part {
    fn secret(&self) -> Option<&str> {
        match self {
            Self::Variable { name: Name::Secret(secret), .. } => Some(secret),
            Self::Variable { .. } | Self::Literal(_) => None,
        }
    }

    fn value(&self, scope: &Scope) -> Result<String, TemplateError> {
        let (name, date) = match self {
            Self::Literal(text) => return Ok(text.clone()),
            Self::Variable { name, date } => (name, date),
        };
        let missing = || TemplateError::Missing(name.dotted());
        match (name, date) {
            (Name::Secret(secret), _) => Err(TemplateError::SecretInText(secret.clone())),
            (Name::Input(_), Some(_)) => Err(TemplateError::NotADay(name.dotted())),
            (Name::Input(input), None) => {
                scope.input(input).map(|value| value.expose_secret().to_owned()).ok_or_else(missing)
            }
            (Name::Value(value), date) => match (scope.values.get(value).ok_or_else(missing)?, date) {
                (Value::Day(day), Some(pattern)) => Ok(day.format(pattern).to_string()),
                (Value::Day(day), None) => Ok(day.to_string()),
                (Value::Text(text), None) => Ok(text.clone()),
                (Value::Text(_), Some(_)) => Err(TemplateError::NotADay(name.dotted())),
            },
        }
    }
}

impl Name {
    fn dotted(&self) -> String {
        match self {
            Self::Input(name) | Self::Secret(name) => format!("input.{name}"),
            Self::Value(name) => name.clone(),
        }
    }
}

fn variable(inside: &str, secrets: &BTreeSet<String>) -> Result<Part, TemplateError> {
    let (dotted, filter) = match inside.split_once('|') {
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
        None => (inside.trim(), None),
    };
    let name = match dotted.split_once('.') {
        Some(("input", input)) if secrets.contains(input) => Name::Secret(input.to_owned()),
        Some(("input", input)) if is_word(input) => Name::Input(input.to_owned()),
        Some(("account", field)) if is_word(field) => Name::Value(dotted.to_owned()),
        Some(("window", "from" | "to") | ("portal", "port")) => Name::Value(dotted.to_owned()),
        Some(_) | None => return Err(TemplateError::UnknownName(dotted.to_owned())),
    };
    let date = filter.map(date_filter).transpose()?;
    Ok(Part::Variable { name, date })
}

/// Only the parts that need no language are allowed, and they mean the same to chrono, which prints them.
fn date_filter(filter: &str) -> Result<String, TemplateError> {
    let unknown = || TemplateError::UnknownFilter(filter.to_owned());
    let source = filter.strip_prefix("date:").ok_or_else(unknown)?;
    match DatePattern::try_from(source.to_owned()) {
        Ok(pattern) if !pattern.has_month_names() => Ok(source.to_owned()),
        Ok(_) | Err(_) => Err(unknown()),
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Everything but the unreserved characters of RFC 3986 is encoded, in path and query alike.
fn push_encoded(text: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
}

/// What templates can refer to at one moment of a run.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Secret or not, all inputs are kept alike, so that no debug print can show one.
    inputs: BTreeMap<String, SecretString>,
    /// By dotted name.
    values: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Day(NaiveDate),
}

impl Scope {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value by its dotted name, such as `account.link`.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Sets the input of this name (without the `input.` in front).
    pub fn set_input(&mut self, name: &str, value: SecretString) {
        self.inputs.insert(name.to_owned(), value);
    }

    #[must_use]
    pub fn input(&self, name: &str) -> Option<&SecretString> {
        self.inputs.get(name)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Text(number.to_string())
    }
}

impl From<NaiveDate> for Value {
    fn from(day: NaiveDate) -> Self {
        Self::Day(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, TemplateError> {
        Template::parse(text, &BTreeSet::from(["password".to_owned()]))
    }

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set("portal.port", 7001_u16);
        scope.set("window.from", NaiveDate::from_ymd_opt(2026, 5, 3).expect("a day"));
        scope.set("account.link", "/cuentas/001/movimientos?a=1");
        scope.set("account.evil", "//evil.example/");
        scope.set("account.number", "1/2 á");
        scope.set_input("document", "12345678".into());
        scope.set_input("password", "hunter2".into());
        scope
    }

    #[test]
    fn values_are_filled_in() {
        let check = |text: &str, expected: &str| {
            assert_eq!(template(text).and_then(|t| t.render(&scope())).as_deref(), Ok(expected), "{text}");
        };
        check("plain", "plain");
        check("{{input.document}}", "12345678");
        check("{{ window.from | date:%d/%m/%Y }}", "03/05/2026");
        check("{{window.from}}!", "2026-05-03!");
        check("a {{account.number}} b", "a 1/2 á b");
    }

    #[test]
    fn unknown_names_and_filters_are_refused_when_the_recipe_loads() {
        let check = |text: &str, expected: TemplateError| assert_eq!(template(text), Err(expected), "{text}");
        check("{{env.HOME}}", TemplateError::UnknownName("env.HOME".into()));
        check("{{window.today}}", TemplateError::UnknownName("window.today".into()));
        check("{{account.}}", TemplateError::UnknownName("account.".into()));
        check("{{window.from | upper}}", TemplateError::UnknownFilter("upper".into()));
        check("{{window.from | date:%d %B %Y}}", TemplateError::UnknownFilter("date:%d %B %Y".into()));
        check("{{window.from", TemplateError::Unclosed);
    }

    #[test]
    fn a_secret_stands_alone_and_never_becomes_text() {
        let alone = template("{{input.password}}").expect("alone is fine");
        assert_eq!(alone.secret_input(), Some("password"));
        assert_eq!(alone.render(&scope()), Err(TemplateError::SecretInText("password".into())));
        assert_eq!(template("x{{input.password}}"), Err(TemplateError::SecretInText("password".into())));
        assert_eq!(template("{{input.document}}").expect("known").secret_input(), None);
        assert!(!format!("{:?}", scope()).contains("hunter2"));
    }

    #[test]
    fn no_value_changes_where_an_address_leads() {
        let check = |text: &str, expected: Result<&str, TemplateError>| {
            let rendered = template(text).and_then(|t| t.render_url(&scope())).map(String::from);
            assert_eq!(rendered, expected.map(String::from), "{text}");
        };
        let base = "http://127.0.0.1:{{portal.port}}";
        check(&format!("{base}/login"), Ok("http://127.0.0.1:7001/login"));
        check(&format!("{base}{{{{account.link}}}}"), Ok("http://127.0.0.1:7001/cuentas/001/movimientos?a=1"));
        check(&format!("{base}{{{{account.evil}}}}"), Err(TemplateError::NotAPath("account.evil".into())));
        check(&format!("{base}{{{{account.number}}}}"), Err(TemplateError::NotAPath("account.number".into())));
        check(&format!("{base}/a/{{{{account.number}}}}"), Ok("http://127.0.0.1:7001/a/1%2F2%20%C3%A1"));
        check(
            &format!("{base}?q={{{{account.link}}}}"),
            Ok(concat!("http://127.0.0.1:7001/?q=", "%2Fcuentas%2F001%2Fmovimientos%3Fa%3D1")),
        );
        check("https://bank.example:{{account.number}}/", Err(TemplateError::NotAPort("account.number".into())));
        check("{{account.link}}", Err(TemplateError::NotAPath("account.link".into())));
        check("https://{{account.number}}/", Err(TemplateError::NotAPath("account.number".into())));
    }
}
