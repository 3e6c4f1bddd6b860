//! A page at one moment, as plain data: the same whether a browser showed it or a file kept it.

use std::collections::HashMap;

use html5ever::{Attribute, LocalName, QualName, ns};
use scraper::node::{Element, Text};
use scraper::{ElementRef, Html, StrTendril};
use serde::Deserialize;
use url::Url;

use super::select::visible_text;
use super::text::squash;

/// Run in the page without arguments, it gives the text for [`Snapshot::from_json`].
pub const SNAPSHOT_SCRIPT: &str = include_str!("snapshot.js");

/// Run in the page with [`Node::path`], it gives the element there, or null.
///
/// With [`Node::tag`] and [`Node::text`] as second and third argument it gives null also when the element does not
/// look like that any more. It is the same script, so that both walk the page by the same rule.
pub const LOCATE_SCRIPT: &str = SNAPSHOT_SCRIPT;

/// Marks elements that are not visible in the tree that selectors see.
pub(super) const HIDDEN: &str = "rb-hidden";

/// A page at one moment.
///
/// Kept as a plain list, because `scraper`'s tree cannot cross threads and a snapshot is held while a browser is
/// awaited. Queries build the tree when they need it; that costs far less than reading the page did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub url: Url,
    pub title: String,
    /// In document order: the first is the root element, a parent stands before its children.
    nodes: Vec<Piece>,
    visible_text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Place of the parent in the list; `None` for the root element.
    parent: Option<usize>,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    Element { tag: String, attributes: Vec<(String, String)>, hidden: bool },
}

/// What a step acts on: where it is and what it looked like, so that the page can be asked to agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From the root element down, the index among the children that are elements.
    pub path: Vec<u32>,
    pub tag: String,
    /// Visible text, squashed; of a button made by `input`, its label.
    pub text: String,
    /// The `type` of an `input`, lower case.
    pub input_type: Option<String>,
    pub disabled: bool,
    /// Whether it is a field for a password or a code.
    pub secret: bool,
}

/// Why what the browser returned is not a page.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot script returned something else than a page")]
    Json(#[from] serde_json::Error),
    #[error("the page has no usable address")]
    Url(#[from] url::ParseError),
    #[error("node {0} of the page is out of order")]
    Order(usize),
    #[error("the page is empty")]
    Empty,
}

#[derive(Deserialize)]
struct RawPage {
    url: String,
    title: String,
    nodes: Vec<RawNode>,
}

#[derive(Deserialize)]
struct RawNode {
    #[serde(rename = "in")]
    parent: Option<usize>,
    text: Option<String>,
    #[serde(default)]
    tag: String,
    #[serde(default)]
    attributes: Vec<(String, String)>,
    #[serde(default)]
    hidden: bool,
}

impl Snapshot {
    /// Reads what [`SNAPSHOT_SCRIPT`] returned.
    pub fn from_json(text: &str) -> Result<Self, SnapshotError> {
        let page: RawPage = serde_json::from_str(text)?;
        let nodes: Vec<Piece> = page.nodes.into_iter().map(Piece::from).collect();
        if !nodes.first().is_some_and(|root| root.parent.is_none() && root.is_element()) {
            return Err(SnapshotError::Empty);
        }
        let is_in_order = |at: usize| nodes[at].parent.is_some_and(|parent| parent < at && nodes[parent].is_element());
        if let Some(at) = (1..nodes.len()).find(|at| !is_in_order(*at)) {
            return Err(SnapshotError::Order(at));
        }
        Ok(Self::new(Url::parse(&page.url)?, page.title, nodes))
    }

    /// Reads a saved page; what is hidden is known only from the markup itself, not from style sheets.
    #[must_use]
    pub fn from_html(html: &str, url: &Url) -> Self {
        let page = Html::parse_document(html);
        let mut nodes: Vec<Piece> = Vec::new();
        let mut places = HashMap::new();
        for node in page.root_element().descendants() {
            let parent = node.parent().and_then(|parent| places.get(&parent.id()).copied());
            let content = match node.value() {
                scraper::Node::Text(text) => Content::Text(String::from(&**text)),
                scraper::Node::Element(element) => saved_element(element, parent.map(|place: usize| &nodes[place])),
                scraper::Node::Document
                | scraper::Node::Fragment
                | scraper::Node::Doctype(_)
                | scraper::Node::Comment(_)
                | scraper::Node::ProcessingInstruction(_) => continue,
            };
            places.insert(node.id(), nodes.len());
            nodes.push(Piece { parent, content });
        }
        let title = page.root_element().descendent_elements().find(|element| element.value().name() == "title");
        let title = title.map(|element| squash(&element.text().collect::<String>())).unwrap_or_default();
        Self::new(url.clone(), title, nodes)
    }

    fn new(url: Url, title: String, nodes: Vec<Piece>) -> Self {
        let mut snapshot = Self { url, title, nodes, visible_text: String::new() };
        snapshot.visible_text = visible_text(snapshot.tree().root_element());
        snapshot
    }

    /// What a person can read on the page, spaces squashed.
    #[must_use]
    pub fn visible_text(&self) -> &str {
        &self.visible_text
    }

    /// `scheme://host[:port]`, the port only where it is not the usual one.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The tree that selectors work on. Elements that are not visible carry the attribute [`HIDDEN`].
    pub(super) fn tree(&self) -> Html {
        let mut html = Html::new_document();
        let document = html.tree.root().id();
        let mut ids = Vec::with_capacity(self.nodes.len());
        for piece in &self.nodes {
            let parent = piece.parent.map_or(document, |place| ids[place]);
            let mut parent = html.tree.get_mut(parent).expect("the id was given by this tree");
            ids.push(parent.append(piece.to_node()).id());
        }
        html
    }
}

impl Piece {
    fn is_element(&self) -> bool {
        matches!(self.content, Content::Element { .. })
    }

    fn to_node(&self) -> scraper::Node {
        let (tag, attributes, hidden) = match &self.content {
            Content::Text(text) => return scraper::Node::Text(Text { text: StrTendril::from(text.as_str()) }),
            Content::Element { tag, attributes, hidden } => (tag, attributes, *hidden),
        };
        let attribute = |name: &str, value: &str| Attribute {
            name: QualName::new(None, ns!(), LocalName::from(name)),
            value: value.into(),
        };
        let mut all: Vec<Attribute> = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        if hidden {
            all.push(attribute(HIDDEN, ""));
        }
        let name = QualName::new(None, ns!(html), LocalName::from(tag.as_str()));
        scraper::Node::Element(Element::new(name, all))
    }
}

impl From<RawNode> for Piece {
    fn from(raw: RawNode) -> Self {
        let content = match raw.text {
            Some(text) => Content::Text(text),
            None => Content::Element { tag: raw.tag, attributes: raw.attributes, hidden: raw.hidden },
        };
        Self { parent: raw.parent, content }
    }
}

/// Applies to a saved element the rules that the script applies to a live one.
fn saved_element(element: &Element, parent: Option<&Piece>) -> Content {
    let is_parent_hidden = parent.is_some_and(|parent| matches!(parent.content, Content::Element { hidden: true, .. }));
    let is_typed_into = element.name() == "input"
        && !element.attr("type").is_some_and(|kind| {
            ["submit", "button", "reset", "checkbox", "radio"].iter().any(|label| kind.eq_ignore_ascii_case(label))
        });
    let attributes = element
        .attrs()
        .filter(|(name, _)| !(name.starts_with("rb-") || is_typed_into && *name == "value"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Content::Element { tag: element.name().to_owned(), attributes, hidden: is_parent_hidden || hides_itself(element) }
}

fn hides_itself(element: &Element) -> bool {
    let style: String = element.attr("style").unwrap_or_default().split_whitespace().collect();
    let style = style.to_ascii_lowercase();
    matches!(element.name(), "head" | "script" | "style" | "template" | "noscript" | "option" | "optgroup" | "datalist")
        || element.attr("hidden").is_some()
        || element.attr("type").is_some_and(|kind| element.name() == "input" && kind.eq_ignore_ascii_case("hidden"))
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

/// Whether an element is visible in the tree that [`Snapshot::tree`] gave.
pub(super) fn is_visible(element: ElementRef<'_>) -> bool {
    element.attr(HIDDEN).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        Url::parse("https://bank.example/a?b=1").expect("an address")
    }

    #[test]
    fn only_what_a_person_can_read_is_visible_text() {
        let check = |html: &str, expected: &str| {
            assert_eq!(Snapshot::from_html(html, &url()).visible_text(), expected, "{html}");
        };
        check("<title>T</title><p>a  b</p><p>c</p>", "a b c");
        check("<b>U</b>SD <i>1</i>,50", "USD 1,50");
        check("<p hidden>x</p><p style='display: none'>x<b>y</b></p><p style='VISIBILITY:hidden'>z</p>ok", "ok");
        check("<script>x</script><style>y</style><template>z</template>ok", "ok");
        check("<select><option>x</select><input type=hidden value=y><input value=z><input type=submit value=Go>", "Go");
        check("a<br>b", "a b");
    }

    #[test]
    fn a_saved_page_knows_its_title_and_origin() {
        let page = Snapshot::from_html("<title> A \n B</title>", &url());
        assert_eq!((page.title.as_str(), page.origin().as_str()), ("A B", "https://bank.example"));
    }

    #[test]
    fn what_was_typed_is_not_kept() {
        let page = Snapshot::from_html("<input type=password value=hunter2><input value=hunter2>", &url());
        assert!(!format!("{page:?}").contains("hunter2"));
    }

    #[test]
    fn a_live_page_reads_like_the_saved_one() {
        let json = r#"{ "url": "https://bank.example/a?b=1", "title": "A", "nodes": [
            { "in": null, "tag": "html", "attributes": [["lang", "es"]], "hidden": false },
            { "in": 0, "tag": "head", "attributes": [], "hidden": true },
            { "in": 1, "tag": "title", "attributes": [], "hidden": true },
            { "in": 2, "text": "A" },
            { "in": 0, "tag": "body", "attributes": [], "hidden": false },
            { "in": 4, "tag": "p", "attributes": [["class", "x y"]], "hidden": false },
            { "in": 5, "text": "uno" } ] }"#;
        let live = Snapshot::from_json(json).expect("a page");
        let saved =
            Snapshot::from_html("<html lang=es><head><title>A</title></head><body><p class='x y'>uno</p>", &url());
        assert_eq!(live, saved);
    }

    #[test]
    fn a_list_out_of_order_is_refused() {
        let check = |nodes: &str| {
            let json = format!(r#"{{ "url": "https://bank.example/", "title": "", "nodes": {nodes} }}"#);
            assert!(Snapshot::from_json(&json).is_err(), "{nodes}");
        };
        check("[]");
        check(r#"[{ "in": null, "text": "x" }]"#);
        check(r#"[{ "in": null, "tag": "html" }, { "in": 1, "tag": "p" }]"#);
        check(r#"[{ "in": null, "tag": "html" }, { "in": null, "tag": "p" }]"#);
        check(r#"[{ "in": null, "tag": "html" }, { "in": 0, "text": "x" }, { "in": 1, "text": "y" }]"#);
    }
}
