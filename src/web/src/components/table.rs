//! A table whose heads sort it.
//!
//! It sorts nothing itself: its heads are links, and the page asks the store.

use askama::Template;

use super::safe_html;
use crate::{Html, QueryString};

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Small first; `order=asc`.
    Ascending,
    /// Large first; `order=desc`.
    Descending,
}

/// How the rows are sorted at the moment, and where the heads lead.
#[derive(Clone, Debug)]
pub struct Sorting {
    /// This page with its parameters; `sort` and `order` are replaced, `page` and `cursor` dropped.
    pub query: QueryString,
    /// The name of the column that sorts.
    pub by: &'static str,
    /// Which way.
    pub order: Order,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    label: String,
    numeric: bool,
    sort_name: Option<&'static str>,
}

impl Column {
    /// A column of texts.
    pub fn text(label: impl Into<String>) -> Self {
        Self { label: label.into(), numeric: false, sort_name: None }
    }

    /// A column of numbers, set to the right.
    pub fn number(label: impl Into<String>) -> Self {
        Self { label: label.into(), numeric: true, sort_name: None }
    }

    /// Lets the head sort by this value of the parameter `sort`.
    pub fn sorted_by(mut self, name: &'static str) -> Self {
        self.sort_name = Some(name);
        self
    }
}

/// What stands in a cell.
pub type Cell = Html;

/// A table that scrolls inside its own box where the screen is too narrow.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<div class="table"><table><caption>{{ caption }}</caption><thead><tr>{% for column in columns %}<th scope="col"{% if column.numeric %} class="number"{% endif %}{% if let Some(order) = self.sorted(column) %} aria-sort="{{ order }}"{% endif %}>{% if let Some(href) = self.sort_link(column) %}<a href="{{ href }}">{{ column.label }}</a>{% else %}{{ column.label }}{% endif %}</th>{% endfor %}</tr></thead><tbody>{% for row in rows %}<tr>{% for (column, cell) in columns.iter().zip(row.iter()) %}<td data-label="{{ column.label }}"{% if column.numeric %} class="number"{% endif %}>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</tbody></table></div>"#,
    ext = "html"
)]
pub struct Table {
    /// What the table shows, for those who cannot see it.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
    /// How it is sorted, if its heads sort.
    pub sorting: Option<Sorting>,
}

impl Table {
    fn sorted(&self, column: &Column) -> Option<&'static str> {
        let sorting = self.sorting.as_ref().filter(|sorting| column.sort_name == Some(sorting.by))?;
        Some(match sorting.order {
            Order::Ascending => "ascending",
            Order::Descending => "descending",
        })
    }

    fn sort_link(&self, column: &Column) -> Option<String> {
        let (sorting, name) = (self.sorting.as_ref()?, column.sort_name?);
        let flipped = match sorting.order {
            Order::Ascending => "desc",
            Order::Descending => "asc",
        };
        // A column not yet sorted starts the way people mean it: most first, or A first.
        let fresh = if column.numeric { "desc" } else { "asc" };
        let order = if sorting.by == name { flipped } else { fresh };
        let query = sorting.query.clone().without("page").without("cursor");
        Some(query.with("sort", name).with("order", order).to_string())
    }
}

safe_html!(Table);
