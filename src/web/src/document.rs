//! The API's document: what the handlers say of themselves, made whole, as JSON for programs and as a page for people.
//!
//! It does not know what handlers really answer; `deploy/schemathesis` asks a running server and compares.
//!
//! # How to add an address to the API
//!
//! The doc comment of the handler is what people read: its first line is the title, without a full stop;
//! the rest is the description.
//!
//! ```text
//! /// List shelves
//! ///
//! /// Newest first. Empty ones are among them.
//! #[utoipa::path(get, path = "/api/v1/sample/shelves", tag = "Sample", params(Part), responses(
//!     (status = 200, description = "The shelves", body = Counted<Shelf>),
//!     (status = 404, description = "There is no such room", body = ErrorBody)))]
//! async fn list(…) -> Result<Json<Counted<Shelf>>, WebError>
//! ```
//!
//! 1. `tag` is the heading under which the page shows it.
//! 2. Query parameters are a struct that derives `IntoParams` with `#[into_params(parameter_in = Query)]`; a field's doc
//!    comment says what it means, `#[param(minimum = 1, default = 50)]` what is taken, `example` what the page calls it with.
//! 3. Types of bodies derive `ToSchema`; an instant is `#[schema(value_type = Instant)]` or `value_type = Option<Instant>`.
//! 4. Only answers of its own are told. [`Document::new`] adds those of the guards and the frame (400, 401, 403, 413, 421,
//!    429, 500, 504) wherever they can come, and the log-in; an address that needs none says `security(())`.
//! 5. `Routes::api(routes!(list))` makes it answer. `deploy/schemathesis` then tries it.

mod answers;
mod reference;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use askama::Template;
use axum::{
    Extension,
    body::Bytes,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Array, Components, ComponentsBuilder, InfoBuilder, OpenApi, PathItem, Ref, RefOr, Schema,
        path::Operation,
        schema::ArrayItems,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use self::reference::Reference;
use crate::{
    Frame, Page, WebError,
    components::Heading,
    error::ErrorBody,
    routes::{operations, operations_mut},
};

/// Where the document is.
const PATH: &str = "/api/v1/openapi.json";

/// What holds for every address.
const DESCRIPTION: &str = "\
Everything that the pages show is also there as JSON. Whoever asks needs the token of the instance, as `ytorch token NAME` \
prints it; a browser that is logged in may ask, too, and shows its `X-CSRF-Token` where something changes.

Instants are in UTC; years and months are counted in the time zone of the instance. Every field of an answer is always there: \
what is not known is null. A parameter is left out or says something; it is never empty. New fields may come; none goes or changes its meaning below `/api/v1/`.";

/// An instant in UTC, always with six digits after the second, so that the texts sort like the instants.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-11-21T13:05:00.000000Z")]
pub struct Instant(());

/// The document of one server, made once at its start.
#[derive(Debug)]
pub(crate) struct Document {
    json: Bytes,
    reference: Reference,
}

impl Document {
    /// Makes whole what the handlers tell: who may ask, what the guards answer, and names that are used once.
    pub(crate) fn new(mut told: OpenApi, frame: &Frame) -> Self {
        told.info = InfoBuilder::new().title("ytorch").version(frame.version()).description(Some(DESCRIPTION)).build();
        for (path, item) in &mut told.paths.paths {
            complete(path, item);
        }
        let asked = asked_schemas(&told);
        let mut components = told.components.take().unwrap_or_default();
        let named = components.schemas.clone();
        components.schemas.values_mut().for_each(|schema| name_items(schema, &named));
        for (_, schema) in components.schemas.iter_mut().filter(|(name, _)| !asked.contains(*name)) {
            require_all(schema);
        }
        told.components = Some(with_errors(with_log_in(components, frame)));
        let json = serde_json::to_vec(&told).expect("the document is made of texts and numbers only");
        Self { json: json.into(), reference: Reference::new(&told, frame.instance()) }
    }
}

/// Gives the operations of an address what all have in common.
fn complete(path: &str, item: &mut PathItem) {
    for (method, operation) in operations_mut(item) {
        operation.operation_id = Some(words::identifier(method, path));
        let changes = method != "GET";
        if operation.security.is_none() {
            let session = SecurityRequirement::new("session", [""; 0]);
            let session = if changes { session.add("csrf", [""; 0]) } else { session };
            operation.security = Some(vec![SecurityRequirement::new("token", [""; 0]), session]);
        }
        answers::add(operation, changes);
    }
}

/// Whether an operation is for those only who are logged in.
fn is_secured(operation: &Operation) -> bool {
    let all = operation.security.as_deref().unwrap_or_default();
    !all.contains(&SecurityRequirement::default())
}

fn with_log_in(components: Components, frame: &Frame) -> Components {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of the instance, as `ytorch token NAME` prints it."))
        .build();
    let session = "The session of a browser that is logged in.";
    let csrf = "What every page has in `<meta name=\"csrf\">`; a session needs it to change anything.";
    let key = |name: &str, description: &str| ApiKeyValue::with_description(name, description);
    ComponentsBuilder::from(components)
        .security_scheme("token", SecurityScheme::Http(token))
        .security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(key(frame.auth().cookie_name(), session))))
        .security_scheme("csrf", SecurityScheme::ApiKey(ApiKey::Header(key("X-CSRF-Token", csrf))))
        .build()
}

fn with_errors(components: Components) -> Components {
    let mut schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    ErrorBody::schemas(&mut schemas);
    for (_, schema) in &mut schemas {
        require_all(schema);
    }
    let builder = ComponentsBuilder::from(components).schemas_from_iter(schemas);
    answers::COMMON.iter().fold(builder, |builder, common| builder.response(common.name, common.response())).build()
}

/// The names of the schemas that are part of what is asked, whose fields may be missing.
fn asked_schemas(told: &OpenApi) -> BTreeSet<String> {
    let schemas = told.components.as_ref().map(|components| &components.schemas);
    let all = told.paths.paths.values().flat_map(operations);
    let mut waiting: Vec<String> = all.flat_map(|(_, operation)| names_in(&operation.request_body)).collect();
    let mut asked = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if asked.insert(name.clone()) {
            waiting.extend(schemas.and_then(|schemas| schemas.get(&name)).map(names_in).unwrap_or_default());
        }
    }
    asked
}

/// The names of the schemas that a part of the document refers to.
fn names_in(part: &impl Serialize) -> Vec<String> {
    let text = serde_json::to_string(part).unwrap_or_default();
    let names = text.split(words::SCHEMAS).skip(1).filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}

/// A list of a generic type holds a copy of what it is a list of; the name says it shorter.
fn name_items(schema: &mut RefOr<Schema>, named: &BTreeMap<String, RefOr<Schema>>) {
    let RefOr::T(Schema::Object(object)) = schema else { return };
    for field in object.properties.values_mut() {
        let RefOr::T(Schema::Array(Array { items: ArrayItems::RefOrSchema(items), .. })) = field else { continue };
        if let Some((name, _)) = named.iter().find(|(_, known)| *known == &**items) {
            **items = RefOr::Ref(Ref::from_schema_name(name));
        }
    }
}

/// Answers have all their fields, null or not, which an `Option` does not tell.
fn require_all(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter_mut().for_each(require_all),
        _ => {}
    }
}

/// This document
///
/// OpenAPI 3.1, made from the code of the server that answers.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "Server",
    responses((status = 200, description = "The document", body = Object)))]
pub(crate) async fn serve(Extension(document): Extension<Arc<Document>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.json.clone()).into_response()
}

#[derive(Template)]
#[template(path = "api.html")]
struct DocumentView<'document> {
    heading: Heading,
    path: &'static str,
    origin: String,
    reference: &'document Reference,
}

pub(crate) async fn show(headers: HeaderMap, Extension(document): Extension<Arc<Document>>) -> Result<Page, WebError> {
    // The guards have seen to it that the name is one of ours.
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let view = DocumentView {
        heading: Heading {
            crumbs: Vec::new(),
            title: "API".to_owned(),
            lead: Some("Every address at which this instance answers programs.".to_owned()),
        },
        path: PATH,
        origin: format!("http://{host}"),
        reference: &document.reference,
    };
    Page::render("API", &view)
}
