//! Parts that show something: tiles, notices, progress, headings, definitions.
//!
//! Nothing here can be clicked but links.

use askama::Template;
use ytorch_core::Problem;

use super::safe_html;
use crate::Html;

/// One number with its name.
#[derive(Clone, Debug, Default)]
pub struct Tile {
    /// What is counted.
    pub label: String,
    /// The number, formatted.
    pub value: String,
    /// A short remark below.
    pub note: Option<String>,
    /// Where the rows behind the number are.
    pub href: Option<String>,
}

/// A row of tiles.
#[derive(Clone, Debug, Default, Template)]
#[template(
    source = r#"<dl class="tiles">{% for tile in tiles %}<div class="tile"><dt>{{ tile.label }}</dt><dd class="value">{% if let Some(href) = tile.href %}<a href="{{ href }}">{{ tile.value }}</a>{% else %}{{ tile.value }}{% endif %}</dd>{% if let Some(note) = tile.note %}<dd class="note">{{ note }}</dd>{% endif %}</div>{% endfor %}</dl>"#,
    ext = "html"
)]
pub struct Tiles {
    /// In order.
    pub tiles: Vec<Tile>,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// It worked.
    Success,
    /// It worked, but look.
    Warning,
    /// It did not work.
    Error,
}

impl Level {
    fn class(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "ok",
            Self::Warning => "warn",
            Self::Error => "error",
        }
    }

    fn role(self) -> &'static str {
        if self == Self::Error { "alert" } else { "status" }
    }
}

/// A message with what happened, the detail, and what to do.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<div class="notice {{ level.class() }}" role="{{ level.role() }}"><p><strong>{{ what }}</strong></p>{% if let Some(detail) = detail %}<p>{{ detail }}</p>{% endif %}{% if let Some(hint) = hint %}<p class="hint">{{ hint }}</p>{% endif %}</div>"#,
    ext = "html"
)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub what: String,
    /// Why.
    pub detail: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl From<&Problem> for Notice {
    fn from(problem: &Problem) -> Self {
        let Problem { what, detail, hint, code: _ } = problem.clone();
        Self { level: Level::Error, what, detail, hint }
    }
}

/// What stands where rows would stand.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<div class="empty"><h2>{{ what }}</h2><p>{{ hint }}</p>{% if let Some((href, label)) = action %}<p><a class="button primary" href="{{ href }}">{{ label }}</a></p>{% endif %}</div>"#,
    ext = "html"
)]
pub struct EmptyState {
    /// That there is nothing.
    pub what: String,
    /// How something comes here.
    pub hint: String,
    /// A link: address and label.
    pub action: Option<(String, String)>,
}

/// How far something is.
#[derive(Clone, Debug, Template)]
#[template(
    source = r#"<div class="progress"><span>{{ label }}</span><progress aria-label="{{ label }}"{% if let Some((value, maximum)) = position %} value="{{ value }}" max="{{ maximum }}"{% endif %}></progress></div>"#,
    ext = "html"
)]
pub struct ProgressBar {
    /// What is going on.
    pub label: String,
    /// How much of how much, or nothing if nobody knows.
    pub position: Option<(u64, u64)>,
}

/// The heading of a page, with the way to it.
#[derive(Clone, Debug, Default, Template)]
#[template(
    source = r#"<div class="heading">{% if !crumbs.is_empty() %}<nav aria-label="Breadcrumb"><ol class="crumbs">{% for (href, label) in crumbs %}<li><a href="{{ href }}">{{ label }}</a></li>{% endfor %}</ol></nav>{% endif %}<h1>{{ title }}</h1>{% if let Some(lead) = lead %}<p class="lead">{{ lead }}</p>{% endif %}</div>"#,
    ext = "html"
)]
pub struct Heading {
    /// The pages above: address and label.
    pub crumbs: Vec<(String, String)>,
    /// The title.
    pub title: String,
    /// One sentence below it.
    pub lead: Option<String>,
}

/// Names and what they stand for.
#[derive(Clone, Debug, Default, Template)]
#[template(
    source = r#"<dl class="definitions">{% for (name, value) in entries %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>{% endfor %}</dl>"#,
    ext = "html"
)]
pub struct Definitions {
    /// Name and value, in order.
    pub entries: Vec<(String, Html)>,
}

safe_html!(Tiles, Notice, EmptyState, ProgressBar, Heading, Definitions);
