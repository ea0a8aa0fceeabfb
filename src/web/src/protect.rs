//! Puts the frame and the guards round a router: the one function the server calls.
//!
//! It binds no port and knows no route but its own.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use askama::Template;
use axum::{
    Extension, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{Html as HtmlResponse, IntoResponse as _, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};
use utoipa_axum::routes;
use ytorch_core::ExitCode;

use crate::{
    Frame, Html, Page, Routes, Session, WebError, assets,
    correlation::{correlate, correlation, tell},
    document::{self, Document},
    format,
    guard::{self, cookie_session, guard},
    login,
    measure::measure,
    page, patterns,
    rate::limit_rate,
};

/// Reading takes at most so long.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Writing may be an upload of many gigabytes over a slow line.
const WRITE_TIMEOUT: Duration = Duration::from_hours(24);
/// Who sends a body and then nothing for so long has gone.
const SILENCE: Duration = Duration::from_mins(1);

const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers would then send `Origin: null` with forms.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
];

/// Puts guards, limits, error pages and the frame round all routes, which are [`own_routes`] and those of the caller.
///
/// Bodies are limited to 64 KiB unless a route says otherwise by [`body_limit`].
pub fn protect(routes: Routes, frame: &Frame) -> Router {
    let document = Arc::new(Document::new(routes.document(), frame));
    routes
        .layer(Extension(document))
        .into_router()
        .fallback(async || WebError::of_status(StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(async || WebError::of_status(StatusCode::METHOD_NOT_ALLOWED))
        .layer(DefaultBodyLimit::max(guard::FORM_BYTES))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(from_fn(limit_time))
        .layer(from_fn(tell))
        .layer(from_fn_with_state(frame.clone(), guard))
        .layer(from_fn_with_state(frame.rate_limit().clone(), limit_rate))
        .layer(RequestBodyTimeoutLayer::new(SILENCE))
        .layer(from_fn_with_state(frame.clone(), dress))
        .layer(from_fn_with_state(frame.clone(), measure))
        .layer(from_fn(correlate))
}

/// Log-in, assets, the patterns and the API's document.
pub fn own_routes(frame: &Frame) -> Routes {
    Routes::new()
        .page("/login", login::show)
        .form("/login", login::enter)
        .form("/logout", login::leave)
        .page("/assets/{file}", assets::serve)
        .page("/patterns", patterns::show)
        .page("/api", document::show)
        .api(routes!(document::serve))
        .with_state(frame.clone())
}

/// The layer for a route that takes larger bodies, in bytes.
pub fn body_limit(limit_bytes: u64) -> DefaultBodyLimit {
    DefaultBodyLimit::max(usize::try_from(limit_bytes).unwrap_or(usize::MAX))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn answer_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("without a text"), "a request handler panicked");
    WebError::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

async fn limit_time(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // Strangers send nothing that takes long.
    let is_short = reads || guard::is_open(request.uri().path());
    let limit = if is_short { READ_TIMEOUT } else { WRITE_TIMEOUT };
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| WebError::of_status(StatusCode::GATEWAY_TIMEOUT).into_response())
}

/// Turns pages and errors into bodies and adds the headers that every response has.
async fn dress(State(frame): State<Frame>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let session = cookie_session(&frame, request.headers());
    let mut response = next.run(request).await;
    let page = response.extensions_mut().remove::<Page>();
    let error = response.extensions_mut().remove::<WebError>().or_else(|| unspoken_error(&response));
    let error = error.map(|error| with_trace(error, &frame));
    if let Some(error) = error.as_ref().filter(|_| guard::is_for_programs(&path)) {
        response = with_headers_of(&response, error.to_json());
    } else if let Some(page) = page.or_else(|| error.as_ref().map(error_page)) {
        let html = render(&frame, &session, &path, &page, started);
        response = with_headers_of(&response, (page.status, html).into_response());
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let elapsed_ms = started.elapsed().as_secs_f64() * 1_000.0;
    if let Ok(value) = HeaderValue::from_str(&format!("total;dur={elapsed_ms:.1}")) {
        headers.insert(HeaderName::from_static("server-timing"), value);
    }
    response
}

/// What went wrong inside is told to the log only; the person gets what finds it there.
fn with_trace(mut error: WebError, frame: &Frame) -> WebError {
    if error.status == StatusCode::INTERNAL_SERVER_ERROR {
        let (instance, id) = (frame.instance(), correlation());
        error.problem.hint = Some(format!("look it up in the log: ytorch logs --instance={instance} --grep {id}"));
    }
    error
}

/// An error that an extractor or a layer answered in plain text or without a word.
fn unspoken_error(response: &Response) -> Option<WebError> {
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let spoken = content_type.is_some_and(|content_type| !content_type.starts_with("text/plain"));
    let failed = status.is_client_error() || status.is_server_error();
    (failed && !spoken).then(|| WebError::of_status(status))
}

/// Keeps cookies, `Allow` and the like; the body is new, so what describes it is not taken over.
fn with_headers_of(old: &Response, mut new: Response) -> Response {
    for (name, value) in old.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            new.headers_mut().append(name.clone(), value.clone());
        }
    }
    new
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorView<'page> {
    status: u16,
    what: String,
    detail: Option<&'page str>,
    hint: Option<&'page str>,
}

fn error_page(error: &WebError) -> Page {
    let what = capitalised(&error.problem.what);
    let view = ErrorView {
        status: error.status.as_u16(),
        what: what.clone(),
        // The detail of an error of ours may say too much; what the person did wrong may be said in full.
        detail: error.problem.detail.as_deref().filter(|_| error.problem.code != ExitCode::Failure),
        hint: error.problem.hint.as_deref(),
    };
    let body = view.render().map_or_else(|_| Html::text(&what), Html::trusted);
    Page::new(what, body).status(error.status)
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'page> {
    title: &'page str,
    body: &'page Html,
    refresh: Option<&'page page::Refresh>,
    instance: &'page str,
    zone: &'page str,
    version: &'page str,
    navigation: Vec<NavItem>,
    csrf: &'page str,
    style: &'page str,
    script: &'page str,
    icon: &'page str,
    time: String,
}

struct NavItem {
    label: &'static str,
    href: &'static str,
    current: bool,
}

fn render(frame: &Frame, session: &Session, path: &str, page: &Page, started: Instant) -> HtmlResponse<String> {
    // The longest entry that fits is the current one, so that `/` is not current everywhere.
    let fits =
        |href: &str| path == href || (href != "/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')));
    let current =
        frame.navigation().iter().map(|entry| entry.href).filter(|href| fits(href)).max_by_key(|href| href.len());
    let entries = frame.navigation().iter().filter(|_| *session != Session::Nobody);
    let item = |entry: &crate::NavEntry| NavItem {
        label: entry.label,
        href: entry.href,
        current: Some(entry.href) == current,
    };
    let layout = Layout {
        title: &page.title,
        body: &page.body,
        refresh: page.refresh.as_ref(),
        instance: frame.instance().as_str(),
        zone: frame.zone().name(),
        version: frame.version(),
        navigation: entries.map(item).collect(),
        csrf: session.csrf(),
        style: &assets::STYLE.href,
        script: &assets::SCRIPT.href,
        icon: &assets::ICON.href,
        time: format::duration(started.elapsed()),
    };
    HtmlResponse(layout.render().unwrap_or_else(|_| page.body.to_string()))
}
