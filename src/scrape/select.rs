//! Which element a recipe means. The only place that evaluates selectors, for live pages and saved ones alike.

use ego_tree::iter::Edge;
use scraper::{ElementRef, Html, Selector};
use serde::Deserialize;

use super::snapshot::{Node, Snapshot, is_visible};
use super::text::{fold, squash};

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

    /// The selector at this place as the recipe has it; empty where there is none.
    #[must_use]
    pub fn candidate_text(&self, place: usize) -> String {
        self.candidates.get(place).map(|candidate| candidate.source.clone()).unwrap_or_default()
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
            tag == "button"
                || matches!(input_type(element).as_deref(), Some("submit" | "button" | "reset" | "image"))
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

/// The `type` of an `input`, lower case.
fn input_type(element: ElementRef<'_>) -> Option<String> {
    element.attr("type").filter(|_| element.value().name() == "input").map(str::to_ascii_lowercase)
}

/// What a person can read in an element, spaces squashed.
pub(super) fn visible_text(element: ElementRef<'_>) -> String {
    collect_text(element, |_| false)
}

/// Like [`visible_text`], without the text of tables that stand inside.
pub(super) fn text_outside_tables(element: ElementRef<'_>) -> String {
    collect_text(element, |inner| inner.value().name() == "table")
}

/// Texts of neighbouring blocks are words of their own; texts of inline elements run on.
fn collect_text(element: ElementRef<'_>, is_left_out: impl Fn(ElementRef<'_>) -> bool) -> String {
    let mut text = String::new();
    let mut left_out_depth = 0_usize;
    for edge in element.traverse() {
        let (node, is_open) = match edge {
            Edge::Open(node) => (node, true),
            Edge::Close(node) => (node, false),
        };
        let Some(inner) = ElementRef::wrap(node) else {
            let is_shown = node.parent().and_then(ElementRef::wrap).is_some_and(is_visible);
            if let (true, true, 0, Some(words)) = (is_open, is_shown, left_out_depth, node.value().as_text()) {
                text.push_str(words);
            }
            continue;
        };
        if inner.id() != element.id() && is_left_out(inner) {
            left_out_depth = if is_open { left_out_depth + 1 } else { left_out_depth - 1 };
        }
        if !is_inline(inner.value().name()) {
            text.push(' ');
        }
        let is_button = matches!(input_type(inner).as_deref(), Some("submit" | "button" | "reset"));
        if is_open && is_button && is_visible(inner) && left_out_depth == 0 {
            text.push_str(inner.attr("value").unwrap_or_default());
        }
    }
    squash(&text)
}

fn is_inline(tag: &str) -> bool {
    matches!(
        tag,
        "a" | "abbr" | "b" | "bdi" | "bdo" | "cite" | "code" | "data" | "em" | "font" | "i" | "kbd" | "label" | "mark"
            | "q" | "s" | "samp" | "slot" | "small" | "span" | "strong" | "sub" | "sup" | "time" | "tt" | "u" | "var"
            | "wbr"
    )
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
mod tests {
    use url::Url;

    use super::*;

    const PAGE: &str = r#"<body>
        <form>
          <label for="doc">Documento: *</label><input id="doc" placeholder="Cédula">
          <label>Contraseña <input type="password" name="clave"></label>
          <button type="submit" hidden>Ingresar</button>
          <button type="submit"><span>Ingresar</span> ahora</button>
          <input type="button" value="Cancelar"><a>Ingresar sin enlace</a>
          <div role="button" aria-label="Cerrar aviso" aria-disabled="true">×</div>
        </form>
        <p>Ver <a href="/m/1">movimientos</a></p><p>Ver <a href="/m/2">movimientos</a></p>
        <input data-testid="otp" autocomplete="one-time-code">
      </body>"#;

    fn page(html: &str) -> Snapshot {
        Snapshot::from_html(html, &Url::parse("https://bank.example/").expect("an address"))
    }

    fn element(toml: &str) -> Element {
        let table: toml::Table = toml::from_str(&format!("e = {toml}")).expect(toml);
        table["e"].clone().try_into().expect(toml)
    }

    #[test]
    fn every_kind_of_selector_finds_what_a_person_would() {
        let page = page(PAGE);
        let check = |selector: &str, expected: &[&str]| {
            let found: Vec<String> = find_all(&page, &element(&format!("'{selector}'")))
                .into_iter()
                .map(|node| format!("{} {}", node.tag, node.text).trim().to_owned())
                .collect();
            assert_eq!(found, expected, "{selector}");
        };
        check("css=form > button", &["button Ingresar ahora"]);
        check("form > label", &["label Documento: *", "label Contraseña"]);
        check("text=INGRESAR", &["span Ingresar", "a Ingresar sin enlace"]);
        check("text=movimientos", &["a movimientos", "a movimientos"]);
        check("label=documento", &["input"]);
        check("label=contrasena", &["input"]);
        check("label=Docu", &[]);
        check("role=button", &["button Ingresar ahora", "input Cancelar", "div ×"]);
        check("role=button[name~=ingresar]", &["button Ingresar ahora"]);
        check("role=button[name=ingresar]", &[]);
        check("role=button[name=Cerrar aviso]", &["div ×"]);
        check("role=button[name~=cancelar]", &["input Cancelar"]);
        check("role=link", &["a movimientos", "a movimientos"]);
        check("placeholder=cedula", &["input"]);
        check("testid=otp", &["input"]);
    }

    #[test]
    fn one_node_is_the_first_candidate_with_exactly_one_visible_match() {
        let page = page(PAGE);
        let check = |toml: &str, expected: Result<(usize, &[u32]), &str>| {
            let found = find_one(&page, "it", &element(toml));
            match (&found, expected) {
                (Ok(found), Ok((candidate, path))) => {
                    assert_eq!((found.candidate, found.node.path.as_slice()), (candidate, path), "{toml}");
                }
                (Err(error), Err(message)) => assert_eq!(error.to_string(), message, "{toml}"),
                _ => panic!("{toml}: {found:?}"),
            }
        };
        // html > body (after head) > form > the second button, fourth child of the form
        check("['css=form > button']", Ok((0, &[1, 0, 4])));
        check("['css=#gone', 'css=button']", Ok((1, &[1, 0, 4])));
        check("['css=p a', 'label=Documento']", Ok((1, &[1, 0, 1])));
        check("{ any = ['css=p a'], nth = 1 }", Ok((0, &[1, 2, 0])));
        check("{ any = ['css=p a'], many = true }", Ok((0, &[1, 1, 0])));
        check("{ any = ['css=form > button'], visible = false, nth = 0 }", Ok((0, &[1, 0, 3])));
        check("['css=p a']", Err("element `it` is ambiguous: css=p a matches 2; name it more precisely, or set `nth`"));
        check("['css=#a', 'text=b zz']", Err("element `it` is not on the page; tried css=#a, text=b zz"));
    }

    #[test]
    fn fields_for_secrets_and_disabled_elements_are_known() {
        let page = page(PAGE);
        let check = |selector: &str, secret: bool, disabled: bool| {
            let found = find_one(&page, "it", &element(&format!("'{selector}'"))).expect(selector);
            assert_eq!((found.node.secret, found.node.disabled), (secret, disabled), "{selector}");
        };
        check("label=Contraseña", true, false);
        check("testid=otp", true, false);
        check("label=Documento", false, false);
        check("role=button[name~=cerrar]", false, true);
    }

    #[test]
    fn a_faulty_selector_is_refused_when_the_recipe_loads() {
        let check = |source: &str, expected: &str| {
            let error = Candidate::try_from(source.to_owned()).expect_err(source);
            assert_eq!(error, expected);
        };
        check("css=a[", "\"a[\" is not a CSS selector");
        check("text= ", "\"text= \" looks for an empty text");
        check("role=tab", "the role \"tab\" is not known; known are button and link");
        check("role=link[text=x]", "\"link[text=x]\" is not a role; write button[name~=Text] or button[name=Text]");
    }
}
