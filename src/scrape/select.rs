//! Which element a recipe means. The only place that evaluates selectors, for live pages and saved ones alike.

mod visible;

use scraper::{ElementRef, Html, Selector};
use serde::Deserialize;

use self::visible::input_type;
use super::snapshot::{Node, Snapshot, is_visible};
use super::text::fold;

pub(super) use visible::{text_outside_tables, visible_text};

/// How to find one thing on a page: several candidates, the best first.
///
/// In a recipe: a selector, a list of selectors, or `{ any = […], many = true, nth = 0, visible = false }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Element {
    pub candidates: Vec<Candidate>,
    /// Several matches are expected; what acts on one takes the first.
    pub many: bool,
    /// Takes the match at this place, from 0, where several are expected.
    pub nth: Option<usize>,
    /// Whether only what a person can see counts; true unless the recipe says otherwise.
    pub visible: bool,
}

/// One way to find it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Candidate {
    /// As the recipe has it, for reports.
    pub source: String,
    by: By,
}

/// All texts are folded.
#[derive(Debug, Clone)]
enum By {
    Css(Selector),
    /// The smallest elements that contain the text.
    Text(String),
    /// The field whose label is the text.
    Label(String),
    Role(Role, Option<Name>),
    Placeholder(String),
    TestId(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Button,
    Link,
}

#[derive(Debug, Clone)]
enum Name {
    Is(String),
    Contains(String),
}

/// A CSS selector, with or without `css=` in front.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Css {
    pub source: String,
    pub selector: Selector,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub node: Node,
    /// Which candidate found it; anything but 0 means that the page has drifted.
    pub candidate: usize,
}

/// Why nothing can be acted upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("element `{element}` is not on the page; tried {}", .tried.join(", "))]
    Missing { element: String, tried: Vec<String> },
    #[error("element `{element}` is ambiguous: {candidate} matches {count}; name it more precisely, or set `nth`")]
    Ambiguous { element: String, candidate: String, count: usize },
}

/// Finds the one node that a step acts on: the first candidate with exactly one match.
pub fn find_one(snapshot: &Snapshot, name: &str, element: &Element) -> Result<Found, SelectError> {
    let tree = snapshot.tree();
    let mut ambiguous = None;
    for (place, candidate) in element.candidates.iter().enumerate() {
        let matches = candidate.matches(&tree, element.visible);
        let chosen = match (element.nth, matches.as_slice()) {
            (Some(nth), all) => all.get(nth),
            (None, [only]) => Some(only),
            (None, [first, ..]) if element.many => Some(first),
            (None, []) => None,
            (None, several) => {
                ambiguous.get_or_insert_with(|| SelectError::Ambiguous {
                    element: name.to_owned(),
                    candidate: candidate.source.clone(),
                    count: several.len(),
                });
                None
            }
        };
        if let Some(chosen) = chosen {
            return Ok(Found { node: node(*chosen), candidate: place });
        }
    }
    Err(ambiguous.unwrap_or_else(|| SelectError::Missing {
        element: name.to_owned(),
        tried: element.candidates.iter().map(|candidate| candidate.source.clone()).collect(),
    }))
}

/// Finds all matches of the first candidate that has any.
#[must_use]
pub fn find_all(snapshot: &Snapshot, element: &Element) -> Vec<Node> {
    matches(&snapshot.tree(), element).into_iter().map(node).collect()
}

/// Like [`find_all`], on a tree that is already built.
pub(super) fn matches<'t>(tree: &'t Html, element: &Element) -> Vec<ElementRef<'t>> {
    for candidate in &element.candidates {
        let mut matches = candidate.matches(tree, element.visible);
        if let Some(nth) = element.nth {
            matches = matches.get(nth).copied().into_iter().collect();
        }
        if !matches.is_empty() {
            return matches;
        }
    }
    Vec::new()
}

impl Element {
    /// The element that one selector describes.
    #[must_use]
    pub fn of(candidate: Candidate) -> Self {
        Self { candidates: vec![candidate], many: true, nth: None, visible: true }
    }
}

impl Candidate {
    fn matches<'t>(&self, tree: &'t Html, only_visible: bool) -> Vec<ElementRef<'t>> {
        let root = tree.root_element();
        let all = root.descendent_elements();
        let mut found: Vec<ElementRef<'t>> = match &self.by {
            By::Css(selector) => tree.select(selector).collect(),
            By::Text(wanted) => {
                let mut smallest = Vec::new();
                collect_smallest(root, wanted, &mut smallest);
                smallest
            }
            By::Label(wanted) => all.filter(|element| is_labelled(tree, *element, wanted)).collect(),
            By::Role(role, name) => all.filter(|element| has_role(*element, *role, name.as_ref())).collect(),
            By::Placeholder(wanted) => {
                all.filter(|element| element.attr("placeholder").is_some_and(|text| fold(text) == *wanted)).collect()
            }
            By::TestId(wanted) => all.filter(|element| element.attr("data-testid") == Some(wanted.as_str())).collect(),
        };
        if only_visible {
            found.retain(|element| is_visible(*element));
        }
        found
    }
}

/// Whether the element's text contains `wanted`; if so, the smallest such elements below it, or itself, are collected.
fn collect_smallest<'t>(element: ElementRef<'t>, wanted: &str, found: &mut Vec<ElementRef<'t>>) -> bool {
    if !fold(&visible_text(element)).contains(wanted) {
        return false;
    }
    let mut is_in_child = false;
    for child in element.child_elements() {
        is_in_child |= collect_smallest(child, wanted, found);
    }
    if !is_in_child {
        found.push(element);
    }
    true
}

/// Labels are compared as a whole; the punctuation and the asterisk that forms put behind them do not count.
fn is_labelled(tree: &Html, element: ElementRef<'_>, wanted: &str) -> bool {
    if !matches!(element.value().name(), "input" | "select" | "textarea") {
        return false;
    }
    let is_wanted = |text: &str| fold(text).trim_matches([':', '*', ' ']) == wanted;
    if element.attr("aria-label").is_some_and(is_wanted) {
        return true;
    }
    let id = element.attr("id");
    let names_it = |label: ElementRef<'_>| match label.attr("for") {
        Some(target) => Some(target) == id,
        None => element.ancestors().any(|ancestor| ancestor.id() == label.id()),
    };
    tree.root_element()
        .descendent_elements()
        .any(|label| label.value().name() == "label" && names_it(label) && is_wanted(&visible_text(label)))
}

fn has_role(element: ElementRef<'_>, role: Role, name: Option<&Name>) -> bool {
    let tag = element.value().name();
    let declared = element.attr("role");
    let fits = match (role, declared) {
        (Role::Button, Some(declared)) => declared == "button",
        (Role::Button, None) => {
            tag == "button" || matches!(input_type(element).as_deref(), Some("submit" | "button" | "reset" | "image"))
        }
        (Role::Link, Some(declared)) => declared == "link",
        (Role::Link, None) => tag == "a" && element.attr("href").is_some(),
    };
    fits && match name {
        None => true,
        Some(Name::Is(wanted)) => fold(&accessible_name(element)) == *wanted,
        Some(Name::Contains(wanted)) => fold(&accessible_name(element)).contains(wanted),
    }
}

fn accessible_name(element: ElementRef<'_>) -> String {
    let text = || Some(visible_text(element)).filter(|text| !text.is_empty());
    let attribute = |name| element.attr(name).map(String::from);
    attribute("aria-label")
        .or_else(text)
        .or_else(|| attribute("alt"))
        .or_else(|| attribute("title"))
        .unwrap_or_default()
}

/// Describes an element so that the page can find it again.
fn node(element: ElementRef<'_>) -> Node {
    let mut path: Vec<u32> = element
        .ancestors()
        .filter_map(ElementRef::wrap)
        .scan(element, |child, parent| {
            let place = child.prev_siblings().filter(|sibling| sibling.value().is_element()).count();
            *child = parent;
            Some(u32::try_from(place).expect("a page has far fewer nodes than that"))
        })
        .collect();
    path.reverse();
    let input_type = input_type(element);
    let completes = element.attr("autocomplete").unwrap_or_default();
    Node {
        path,
        tag: element.value().name().to_owned(),
        text: visible_text(element),
        disabled: element.attr("disabled").is_some() || element.attr("aria-disabled") == Some("true"),
        secret: input_type.as_deref() == Some("password")
            || completes.split_whitespace().any(|token| token.ends_with("-password") || token == "one-time-code"),
        input_type,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ElementTable {
    any: Vec<Candidate>,
    #[serde(default)]
    many: bool,
    nth: Option<usize>,
    #[serde(default = "visible_by_default")]
    visible: bool,
}

fn visible_by_default() -> bool {
    true
}

impl TryFrom<toml::Value> for Element {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let message = |error: toml::de::Error| error.message().to_owned();
        let table = match value {
            toml::Value::String(source) => {
                ElementTable { any: vec![source.try_into()?], many: false, nth: None, visible: true }
            }
            toml::Value::Array(_) => {
                ElementTable { any: value.try_into().map_err(message)?, many: false, nth: None, visible: true }
            }
            other => other.try_into().map_err(message)?,
        };
        if table.any.is_empty() {
            return Err("an element needs at least one selector".to_owned());
        }
        Ok(Self { candidates: table.any, many: table.many, nth: table.nth, visible: table.visible })
    }
}

impl TryFrom<String> for Candidate {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        let folded = |text: &str| match fold(text) {
            text if text.is_empty() => Err(format!("\"{source}\" looks for an empty text")),
            text => Ok(text),
        };
        let by = match source.split_once('=') {
            Some(("text", text)) => By::Text(folded(text)?),
            Some(("label", text)) => By::Label(folded(text.trim_end_matches([':', '*', ' ']))?),
            Some(("placeholder", text)) => By::Placeholder(folded(text)?),
            Some(("testid", id)) => By::TestId(id.trim().to_owned()),
            Some(("role", role)) => role_selector(role, folded)?,
            Some(_) | None => By::Css(Css::try_from(source.clone())?.selector),
        };
        Ok(Self { source, by })
    }
}

/// `button`, `button[name~=contained]`, `link[name=exact]`
fn role_selector(text: &str, folded: impl Fn(&str) -> Result<String, String>) -> Result<By, String> {
    let (role, condition) = match text.strip_suffix(']').and_then(|inside| inside.split_once('[')) {
        Some((role, condition)) => (role, Some(condition)),
        None => (text, None),
    };
    let role = match role {
        "button" => Role::Button,
        "link" => Role::Link,
        other => return Err(format!("the role \"{other}\" is not known; known are button and link")),
    };
    let name = match condition.map(|condition| condition.split_once('=')) {
        None => None,
        Some(Some(("name~", wanted))) => Some(Name::Contains(folded(wanted)?)),
        Some(Some(("name", wanted))) => Some(Name::Is(folded(wanted)?)),
        Some(_) => return Err(format!("\"{text}\" is not a role; write button[name~=Text] or button[name=Text]")),
    };
    Ok(By::Role(role, name))
}

impl TryFrom<String> for Css {
    type Error = String;

    fn try_from(source: String) -> Result<Self, String> {
        let text = source.strip_prefix("css=").unwrap_or(&source);
        let selector = Selector::parse(text).map_err(|_| format!("\"{text}\" is not a CSS selector"))?;
        Ok(Self { source, selector })
    }
}

#[cfg(test)]
mod tests;
