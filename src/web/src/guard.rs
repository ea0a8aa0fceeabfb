//! What a request must be before a handler sees it: for our host, from our pages, logged in, with a CSRF token.
//!
//! It writes no page; it refuses with a [`WebError`] or a redirect that the frame dresses.

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use ytorch_core::{ExitCode, Problem};

use crate::{
    Frame, QueryString, Scheme, Session, WebError,
    auth::same,
    login::{came_from_elsewhere, move_on},
};

/// The largest form without files, in bytes.
pub(crate) const FORM_BYTES: usize = 64 * 1024;

pub(crate) async fn guard(State(frame): State<Frame>, mut request: Request, next: Next) -> Response {
    if let Err(error) = check_host(&frame, request.headers()).and_then(|()| check_origin(&request)) {
        return error.into_response();
    }
    let session = session(&frame, request.headers());
    let path = request.uri().path();
    let open = is_open(path);
    if session == Session::Nobody && !open {
        return ask_to_log_in(&request);
    }
    if let Session::Browser { csrf } = &session
        && changes_something(request.method())
        && !open
    {
        request = match check_csrf(csrf, request).await {
            Ok(request) => request,
            Err(error) => return error.into_response(),
        };
    }
    request.extensions_mut().insert(session);
    next.run(request).await
}

/// Whether an address answers those who did not log in.
pub(crate) fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/login") || path.starts_with("/assets/")
}

/// Whether a program asks: it is told an error in JSON, and is not led to a form that it cannot fill in.
pub(crate) fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || matches!(path, "/healthz" | "/readyz" | "/status" | "/metrics" | "/metrics.json")
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name)?.to_str().ok()
}

/// Against DNS rebinding: a foreign name that resolves to this machine is not answered.
fn check_host(frame: &Frame, headers: &HeaderMap) -> Result<(), WebError> {
    let host = text(headers, "host").unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if frame.answers_to(name) {
        return Ok(());
    }
    let problem = Problem::new(ExitCode::Refused, "this server does not answer to the name it was called by")
        .hint("call it by `localhost`, or add the name to the host names in its settings");
    Err(WebError::new(StatusCode::MISDIRECTED_REQUEST, problem))
}

/// Against requests that a foreign page makes the browser send.
fn check_origin(request: &Request) -> Result<(), WebError> {
    if !changes_something(request.method()) {
        return Ok(());
    }
    let headers = request.headers();
    let ours = match (text(headers, "origin"), text(headers, "sec-fetch-site")) {
        (Some(origin), _) => {
            let host = Scheme::of(request.extensions(), headers).host_of(origin);
            host.is_some() && host == text(headers, "host")
        }
        (None, Some(site)) => matches!(site, "same-origin" | "none"),
        // Neither header: not a browser, so nobody's cookie is being abused.
        (None, None) => !headers.contains_key("origin"),
    };
    if ours { Ok(()) } else { Err(WebError::forbidden("the request came from another site", "open the page here")) }
}

fn session(frame: &Frame, headers: &HeaderMap) -> Session {
    let bearer = text(headers, "authorization").and_then(|value| value.split_once(' '));
    if let Some((scheme, token)) = bearer
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return if frame.auth().is_token(token.trim()) { Session::Bearer } else { Session::Nobody };
    }
    cookie_session(frame, headers)
}

/// The session that the cookies open.
pub(crate) fn cookie_session(frame: &Frame, headers: &HeaderMap) -> Session {
    let mut cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.find_map(|cookies| frame.auth().session(cookies)).unwrap_or(Session::Nobody)
}

fn ask_to_log_in(request: &Request) -> Response {
    let path = request.uri().path();
    if is_for_programs(path) {
        let problem = Problem::new(ExitCode::Refused, "log in first")
            .hint("send `Authorization: Bearer` with the token of the instance");
        let error = WebError::new(StatusCode::UNAUTHORIZED, problem);
        return ([(header::WWW_AUTHENTICATE, "Bearer")], error).into_response();
    }
    let next = match request.uri().path_and_query() {
        Some(path_and_query) if !changes_something(request.method()) => path_and_query.as_str(),
        _ => "/",
    };
    let login = QueryString::new("/login").with("next", next).to_string();
    if came_from_elsewhere(request.headers()) {
        // The browser held a strict cookie back; asked again from here it sends it.
        return move_on(&login).into_response();
    }
    Redirect::to(&login).into_response()
}

/// The token may come as header, as query parameter (uploads, whose bodies are streamed) or as form field.
async fn check_csrf(csrf: &str, request: Request) -> Result<Request, WebError> {
    let refused = || WebError::forbidden("the form has run out", "load the page again and send it once more");
    let query = request.uri().query().unwrap_or_default();
    if text(request.headers(), "x-csrf-token").is_some_and(|given| same(csrf, given)) || has_token(csrf, query) {
        return Ok(request);
    }
    let content_type = text(request.headers(), "content-type").unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(refused());
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, FORM_BYTES).await.map_err(|_| WebError::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    let form = std::str::from_utf8(&bytes).map_err(|_| refused())?;
    if !has_token(csrf, form) {
        return Err(refused());
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// The token is hexadecimal, so it needs no decoding.
fn has_token(csrf: &str, pairs: &str) -> bool {
    pairs.split('&').filter_map(|pair| pair.strip_prefix("csrf=")).any(|given| same(csrf, given))
}
