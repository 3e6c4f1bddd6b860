//! Tables as a person reads them: cells belong to headers, nested tables are tables of their own.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use ego_tree::NodeId;
use scraper::{ElementRef, Html, Selector};

use crate::scrape::select::{text_outside_tables, visible_text};
use crate::scrape::snapshot::is_visible;

/// Headers of the tables met so far; each is read once.
#[derive(Default)]
pub struct Tables {
    headers: RefCell<HashMap<NodeId, Rc<Vec<String>>>>,
}

impl Tables {
    /// The headers above a row, one text for each column; `None` when the row is not in a table with headers.
    pub fn headers_of(&self, row: ElementRef<'_>) -> Option<Rc<Vec<String>>> {
        let table = table_of(row)?;
        let mut headers = self.headers.borrow_mut();
        let headers = headers.entry(table.id()).or_insert_with(|| Rc::new(headers_in(table)));
        (!headers.is_empty()).then(|| Rc::clone(headers))
    }
}

/// The visible rows that a selector finds, without rows of headers and without those that stand inside another one.
pub fn outermost_rows<'t>(tree: &'t Html, selector: &Selector) -> Vec<ElementRef<'t>> {
    let mut known = HashSet::new();
    let mut rows = Vec::new();
    for row in tree.select(selector).filter(|row| is_visible(*row) && !is_header_row(*row)) {
        // Document order: an enclosing row came before.
        if !row.ancestors().any(|ancestor| known.contains(&ancestor.id())) {
            known.insert(row.id());
            rows.push(row);
        }
    }
    rows
}

/// How many visible body rows the tables of these rows have besides them: rows that the selector misses.
pub fn rows_left_out(rows: &[ElementRef<'_>]) -> usize {
    let known: HashSet<NodeId> = rows.iter().map(|row| row.id()).collect();
    let mut tables = HashSet::new();
    let new_tables = rows.iter().filter_map(|row| table_of(*row)).filter(|table| tables.insert(table.id()));
    new_tables
        .flat_map(rows_of)
        .filter(|row| is_visible(*row) && is_body_row(*row) && !known.contains(&row.id()))
        .count()
}

/// The cells of a row by column; a cell that spans several columns fills them all.
pub fn cells_of(row: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let is_cell = |cell: &ElementRef<'_>| matches!(cell.value().name(), "td" | "th");
    row.child_elements().filter(is_cell).flat_map(|cell| std::iter::repeat_n(cell, span_of(cell))).collect()
}

/// The text of a cell without the tables inside it.
pub fn cell_text(cell: ElementRef<'_>) -> String {
    text_outside_tables(cell)
}

/// More columns than any statement has; a page cannot make us allocate more.
const SPAN_MAX: usize = 100;

fn span_of(cell: ElementRef<'_>) -> usize {
    cell.attr("colspan").and_then(|span| span.trim().parse().ok()).unwrap_or(1).clamp(1, SPAN_MAX)
}

fn table_of(row: ElementRef<'_>) -> Option<ElementRef<'_>> {
    row.ancestors().filter_map(ElementRef::wrap).find(|ancestor| ancestor.value().name() == "table")
}

/// The rows of a table, not those of tables inside it.
fn rows_of(table: ElementRef<'_>) -> Vec<ElementRef<'_>> {
    let is_own = |row: &ElementRef<'_>| {
        row.value().name() == "tr" && table_of(*row).is_some_and(|nearest| nearest.id() == table.id())
    };
    table.descendent_elements().filter(is_own).collect()
}

fn is_header_row(row: ElementRef<'_>) -> bool {
    row.value().name() == "tr" && !row.child_elements().any(|cell| cell.value().name() == "td")
}

fn is_body_row(row: ElementRef<'_>) -> bool {
    let parent = row.parent().and_then(ElementRef::wrap);
    let is_in_frame = parent.is_some_and(|parent| matches!(parent.value().name(), "thead" | "tfoot"));
    !is_in_frame && !is_header_row(row)
}

/// The last row of the head, else the first row that has only header cells.
fn headers_in(table: ElementRef<'_>) -> Vec<String> {
    let rows = rows_of(table);
    let is_in_head = |row: &ElementRef<'_>| {
        row.parent().and_then(ElementRef::wrap).is_some_and(|parent| parent.value().name() == "thead")
    };
    let is_all_headers =
        |row: &ElementRef<'_>| is_header_row(*row) && row.child_elements().any(|cell| cell.value().name() == "th");
    let head = rows.iter().copied().rev().find(is_in_head).or_else(|| rows.iter().copied().find(is_all_headers));
    head.map(|row| cells_of(row).into_iter().map(visible_text).collect()).unwrap_or_default()
}
