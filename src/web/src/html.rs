//! HTML that is already safe to show.
//!
//! It does not clean HTML from elsewhere: such text is escaped, always.

use std::fmt::{self, Display};

use askama::filters::HtmlSafe;

/// A piece of HTML made by a template, so a template shows it without escaping it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Takes HTML that our own code made, such as a chart. Never pass anything a person or a file said.
    pub fn trusted(html: impl Into<String>) -> Self {
        Self(html.into())
    }

    /// A plain text with `<`, `>`, `&` and quotes escaped.
    pub fn text(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '<' => escaped.push_str("&#60;"),
                '>' => escaped.push_str("&#62;"),
                '&' => escaped.push_str("&#38;"),
                '"' => escaped.push_str("&#34;"),
                '\'' => escaped.push_str("&#39;"),
                other => escaped.push(other),
            }
        }
        Self(escaped)
    }

    /// A link to `href` (of this site) with a plain text.
    pub fn link(href: &str, text: &str) -> Self {
        Self(format!("<a href=\"{}\">{}</a>", Self::text(href), Self::text(text)))
    }

    /// The HTML as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Html {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

impl From<&str> for Html {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Html {
    fn from(text: String) -> Self {
        Self::text(&text)
    }
}
