//! Parts to act with: pagination, filters, the upload zone.
//!
//! All are links and plain forms; the script only saves clicks.

use askama::Template;

use super::safe_html;
use crate::{QueryString, format};

/// Links between the pages of a list; nothing if there is only one.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"{% if previous.is_some() || next.is_some() %}<nav class="pages" aria-label="Pages">{% if let Some(href) = previous %}<a rel="prev" href="{{ href }}">← Previous</a>{% endif %}<span>{{ label }}</span>{% if let Some(href) = next %}<a rel="next" href="{{ href }}">Next →</a>{% endif %}</nav>{% endif %}"#,
    ext = "html"
)]
pub struct Pagination {
    /// The page before.
    pub previous: Option<String>,
    /// Where one is, in words.
    pub label: String,
    /// The page after.
    pub next: Option<String>,
}

impl Pagination {
    /// For numbered pages, the first being 1; the number goes into the parameter `page`.
    pub fn numbered(query: &QueryString, page: u64, pages: u64) -> Self {
        let link = |number: u64| query.clone().with("page", number).to_string();
        let previous = match page {
            0 | 1 => None,
            2 => Some(query.clone().without("page").to_string()),
            _ => Some(link((page - 1).min(pages.max(1)))),
        };
        let label = format!("Page {} of {}", format::number(page), format::number(pages.max(1)));
        Self { previous, label, next: (page < pages).then(|| link(page + 1)) }
    }

    /// For lists that continue at a cursor; the cursor goes into the parameter `cursor`.
    pub fn cursor(query: &QueryString, next: Option<&str>, label: impl Into<String>) -> Self {
        let first = query.clone().without("cursor");
        let previous = (first != *query).then(|| first.to_string());
        Self { previous, label: label.into(), next: next.map(|next| query.clone().with("cursor", next).to_string()) }
    }
}

/// One choice of a filter.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What is sent; empty for no filter.
    pub value: String,
    /// What is read.
    pub label: String,
}

/// One filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// One of several choices.
    Select {
        /// The parameter.
        name: String,
        /// What is read.
        label: String,
        /// The choices, in order.
        choices: Vec<Choice>,
        /// The value that is chosen.
        chosen: String,
    },
    /// On or off; sends `1` when on.
    Checkbox {
        /// The parameter.
        name: String,
        /// What is read.
        label: String,
        /// Whether it is on.
        on: bool,
    },
    /// A text to look for.
    Search {
        /// The parameter.
        name: String,
        /// What is read.
        label: String,
        /// The text so far.
        text: String,
    },
}

/// A form of filters that loads the page again.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<form class="filters" method="get" action="{{ query.path() }}" data-autosubmit>{% for (name, value) in query.parameters() %}{% if !self.owns(name) %}<input type="hidden" name="{{ name }}" value="{{ value }}">{% endif %}{% endfor %}{% for filter in filters %}{% match filter %}{% when Filter::Select { name, label, choices, chosen } %}<label>{{ label }}<select name="{{ name }}">{% for choice in choices %}<option value="{{ choice.value }}"{% if choice.value == *chosen %} selected{% endif %}>{{ choice.label }}</option>{% endfor %}</select></label>{% when Filter::Checkbox { name, label, on } %}<label class="check"><input type="checkbox" name="{{ name }}" value="1"{% if *on %} checked{% endif %}>{{ label }}</label>{% when Filter::Search { name, label, text } %}<label>{{ label }}<input type="search" name="{{ name }}" value="{{ text }}"></label>{% endmatch %}{% endfor %}<button>Show</button></form>"#,
    ext = "html"
)]
pub struct FilterBar {
    /// This page with its parameters: those that no filter owns are kept, `page` and `cursor` dropped.
    pub query: QueryString,
    /// The filters, in order.
    pub filters: Vec<Filter>,
}

impl FilterBar {
    fn owns(&self, parameter: &str) -> bool {
        let named = |filter: &Filter| match filter {
            Filter::Select { name, .. } | Filter::Checkbox { name, .. } | Filter::Search { name, .. } => {
                name == parameter
            }
        };
        matches!(parameter, "page" | "cursor") || self.filters.iter().any(named)
    }
}

/// Where exports are dropped or chosen: a multipart form with files named `export`.
///
/// The script sends it with `Prefer: respond-async`, takes the import's `id` from the answer, asks
/// `status_path` + id until the import ends, and goes to `page_path` + id.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<form class="upload" method="post" enctype="multipart/form-data" action="{{ action }}?csrf={{ csrf }}" data-upload data-action="{{ action }}" data-status="{{ status_path }}" data-page="{{ page_path }}"><label for="export"><strong>{{ label }}</strong><span>{{ hint }}</span></label><input id="export" type="file" name="export" multiple required><button class="primary">Import</button><div class="progress" role="status" hidden><span></span><progress aria-label="Import"></progress></div></form>"#,
    ext = "html"
)]
pub struct UploadZone {
    /// Where the files go.
    pub action: String,
    /// The API path, up to and with the last `/`, below which an import answers.
    pub status_path: String,
    /// The page path, up to and with the last `/`, below which an import is shown.
    pub page_path: String,
    /// [`crate::Session::csrf`]; it travels as a query parameter, because the body is streamed.
    pub csrf: String,
    /// What to do.
    pub label: String,
    /// What is taken.
    pub hint: String,
}

/// A button that does one thing: a form of its own, which works without a script.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<form method="post" action="{{ action }}"><input type="hidden" name="csrf" value="{{ csrf }}"><button class="small">{{ label }}</button></form>"#,
    ext = "html"
)]
pub struct ActionButton {
    /// Where the form goes.
    pub action: String,
    /// [`crate::Session::csrf`].
    pub csrf: String,
    /// What it does, in two words or three.
    pub label: &'static str,
}

safe_html!(Pagination, FilterBar, UploadZone, ActionButton);
