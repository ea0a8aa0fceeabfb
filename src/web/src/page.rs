//! A page as a handler returns it: a title and a body. The frame is put round it on the way out.
//!
//! It does not know which one asks, nor which navigation entry is current.

use askama::Template;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{Html, WebError};

/// A page without its frame.
#[derive(Clone, Debug)]
pub struct Page {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) body: Html,
    pub(crate) refresh: Option<Refresh>,
}

/// A page that moves on, or that loads itself again, without a script.
#[derive(Clone, Debug)]
pub(crate) struct Refresh {
    pub(crate) seconds: u32,
    pub(crate) href: String,
    /// Whether a script on the page does better.
    pub(crate) without_script: bool,
}

impl Page {
    /// A page with the body that a template renders. The title is plain text.
    pub fn render(title: impl Into<String>, template: &impl Template) -> Result<Self, WebError> {
        let body = template.render().map_err(|error| WebError::internal(&error))?;
        Ok(Self::new(title, Html::trusted(body)))
    }

    /// A page with a body that is HTML already.
    pub fn new(title: impl Into<String>, body: Html) -> Self {
        Self { status: StatusCode::OK, title: title.into(), body, refresh: None }
    }

    /// Changes the status from 200.
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Goes to a local address after some seconds; for pages that wait for something.
    pub fn refresh(mut self, seconds: u32, href: impl Into<String>) -> Self {
        self.refresh = Some(Refresh { seconds, href: href.into(), without_script: false });
        self
    }

    /// Goes to a local address after some seconds where no script runs; for pages that a script keeps up to date.
    pub fn refresh_without_script(mut self, seconds: u32, href: impl Into<String>) -> Self {
        self.refresh = Some(Refresh { seconds, href: href.into(), without_script: true });
        self
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
