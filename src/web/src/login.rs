//! Logging in and out.
//!
//! It hands out no codes; the server does, to whoever holds the token.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use ytorch_core::{ExitCode, Problem};

use crate::{Frame, Html, Page, Scheme, Session, WebError, auth::TokenRefused};

#[derive(Debug, Deserialize)]
pub(crate) struct LoginQuery {
    code: Option<String>,
    next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct LoginForm {
    token: String,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginView<'page> {
    instance: &'page str,
    next: &'page str,
    refused: Option<&'page str>,
}

pub(crate) async fn show(
    State(frame): State<Frame>,
    session: Session,
    scheme: Scheme,
    method: Method,
    headers: HeaderMap,
    Query(query): Query<LoginQuery>,
) -> Result<Response, WebError> {
    let next = local_path(query.next.as_deref());
    let Some(code) = query.code else {
        return match session {
            Session::Browser { .. } => Ok(Redirect::to(next).into_response()),
            Session::Bearer | Session::Nobody => form(&frame, StatusCode::OK, next, None),
        };
    };
    // A preview or a look at the headers must not use the code up.
    let only_looking = method != Method::GET || headers.contains_key("sec-purpose") || headers.contains_key("purpose");
    if only_looking {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if !frame.auth().use_code(&code) {
        let refused = "This log-in link was used already or has run out. Make a new one with ytorch open.";
        return form(&frame, StatusCode::FORBIDDEN, next, Some(refused));
    }
    let cookie = [(header::SET_COOKIE, frame.auth().session_cookie(scheme))];
    if came_from_elsewhere(&headers) {
        return Ok((cookie, move_on(next)).into_response());
    }
    Ok((cookie, Redirect::to(next)).into_response())
}

pub(crate) async fn enter(
    State(frame): State<Frame>,
    scheme: Scheme,
    Form(given): Form<LoginForm>,
) -> Result<Response, WebError> {
    let next = local_path(given.next.as_deref());
    match frame.auth().check_form_token(&given.token) {
        Ok(()) => Ok(([(header::SET_COOKIE, frame.auth().session_cookie(scheme))], Redirect::to(next)).into_response()),
        Err(TokenRefused::Wrong) => {
            form(&frame, StatusCode::FORBIDDEN, next, Some("That is not the token of this instance."))
        }
        Err(TokenRefused::TooMany) => {
            let problem = Problem::new(ExitCode::Busy, "too many wrong tokens").hint("wait a minute, then try again");
            Err(WebError::new(StatusCode::TOO_MANY_REQUESTS, problem))
        }
    }
}

pub(crate) async fn leave(State(frame): State<Frame>, scheme: Scheme) -> impl IntoResponse {
    ([(header::SET_COOKIE, frame.auth().ending_cookie(scheme))], Redirect::to("/login"))
}

fn form(frame: &Frame, status: StatusCode, next: &str, refused: Option<&str>) -> Result<Response, WebError> {
    let view = LoginView { instance: frame.instance().as_str(), next, refused };
    Ok(Page::render("Log in", &view)?.status(status).into_response())
}

/// Only a path of this site; `//host` and `/\host` would lead elsewhere.
fn local_path(next: Option<&str>) -> &str {
    let local = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    next.filter(local).unwrap_or("/")
}

/// Whether the browser followed a link of another site, so that it neither sends strict cookies now nor on a redirect.
///
/// Browsers say so on secure origins; where they say nothing, one that wants a page is treated as if it did.
pub(crate) fn came_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        Some(site) => site == "cross-site",
        None => text("referer").is_some() && text("accept").is_some_and(|accept| accept.contains("text/html")),
    }
}

/// A page that moves on by itself: the next request then starts here and carries the cookie.
pub(crate) fn move_on(href: &str) -> Page {
    let link = Html::link(href, "Go on");
    Page::new("One moment", Html::trusted(format!("<p class=\"lead\">{link}</p>"))).refresh(0, href)
}
