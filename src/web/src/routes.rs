//! The addresses of the server, each told once: what answers, by which method, and for the API in which words.
//!
//! A plain router cannot say what it holds, so the tests and the API's document could miss an address. It guards
//! nothing; [`crate::protect`] does.

use std::convert::Infallible;

use axum::{Router, extract::Request, handler::Handler, response::IntoResponse, routing};
use serde::Serialize;
use tower::{Layer, Service};
use utoipa::{
    ToSchema,
    openapi::{OpenApi, PathItem, path::Operation},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// One address as it is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Route {
    /// The path, with its parameters in braces.
    pub path: String,
    /// The method, such as `GET`.
    pub method: &'static str,
    /// Who is meant to ask.
    pub kind: RouteKind,
}

/// Who is meant to ask for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// A browser that shows a page.
    Page,
    /// A browser that sends a form.
    Form,
    /// A program: the address is in the API's document.
    Api,
}

/// Addresses with what answers them. `S` is the state that the handlers still need.
pub struct Routes<S = ()> {
    router: OpenApiRouter<S>,
    browser: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No addresses yet.
    pub fn new() -> Self {
        Self { router: OpenApiRouter::new(), browser: Vec::new() }
    }

    /// Adds a page: it answers `GET` and changes nothing.
    pub fn page<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.browser(path, "GET", RouteKind::Page, routing::get(handler))
    }

    /// Adds what takes a form: it answers `POST`, and the guards ask for a CSRF token.
    pub fn form<H, T>(self, path: &str, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        self.browser(path, "POST", RouteKind::Form, routing::post(handler))
    }

    /// Adds an address of the API, given as `routes!(handler)` of a handler with `#[utoipa::path]`.
    pub fn api(mut self, documented: UtoipaMethodRouter<S>) -> Self {
        self.router = self.router.routes(documented);
        self
    }

    fn browser(mut self, path: &str, method: &'static str, kind: RouteKind, answer: routing::MethodRouter<S>) -> Self {
        self.browser.push(Route { path: path.to_owned(), method, kind });
        self.router = self.router.route(path, answer);
        self
    }

    /// Adds the addresses of others.
    pub fn merge(mut self, others: Self) -> Self {
        self.browser.extend(others.browser);
        self.router = self.router.merge(others.router);
        self
    }

    /// Puts a layer round the addresses that are there so far.
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.router = self.router.layer(layer);
        self
    }

    /// Gives the handlers their state.
    pub fn with_state<S2: Clone + Send + Sync + 'static>(self, state: S) -> Routes<S2> {
        Routes { router: self.router.with_state(state), browser: self.browser }
    }

    /// Every address, sorted.
    pub fn list(&self) -> Vec<Route> {
        let mut all = self.browser.clone();
        for (path, item) in &self.router.get_openapi().paths.paths {
            let told = operations(item);
            all.extend(told.map(|(method, _)| Route { path: path.clone(), method, kind: RouteKind::Api }));
        }
        all.sort();
        all
    }

    /// What the handlers of the API say of themselves.
    pub fn document(&self) -> OpenApi {
        self.router.get_openapi().clone()
    }

    /// The router alone.
    pub fn into_router(self) -> Router<S> {
        self.router.into()
    }
}

/// What an address of the API does, by method.
pub(crate) fn operations(item: &PathItem) -> impl Iterator<Item = (&'static str, &Operation)> {
    let methods = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// The same, to add to it.
pub(crate) fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let methods = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}
