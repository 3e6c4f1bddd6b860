//! What a person can read in an element.

use ego_tree::iter::Edge;
use scraper::ElementRef;

use crate::scrape::snapshot::is_visible;
use crate::scrape::text::squash;

/// The `type` of an `input`, lower case.
pub(super) fn input_type(element: ElementRef<'_>) -> Option<String> {
    element.attr("type").filter(|_| element.value().name() == "input").map(str::to_ascii_lowercase)
}

/// What a person can read in an element, spaces squashed.
pub(in crate::scrape) fn visible_text(element: ElementRef<'_>) -> String {
    collect_text(element, |_| false)
}

/// Like [`visible_text`], without the text of tables that stand inside.
pub(in crate::scrape) fn text_outside_tables(element: ElementRef<'_>) -> String {
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
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "data"
            | "em"
            | "font"
            | "i"
            | "kbd"
            | "label"
            | "mark"
            | "q"
            | "s"
            | "samp"
            | "slot"
            | "small"
            | "span"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "tt"
            | "u"
            | "var"
            | "wbr"
    )
}
