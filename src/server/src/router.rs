//! Every route of the server: the pipelines' and the platform's own. It does not say who may ask; the guards do.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Serialize;
use ytorch_core::{Clock, Secret, Timestamp};
use ytorch_pipeline::Services;
use ytorch_web::{Frame, FrameSettings, LoginCode, NavEntry, Session, WebError};

use crate::{instance::Instance, pipelines::Pipelines, readiness::Readiness};

/// The version that pages and `/healthz` show.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The frame round all pages of an instance.
pub(crate) fn frame(instance: &Instance, token: Secret, navigation: &[NavEntry]) -> Frame {
    let settings = &instance.loaded.settings;
    let mut hosts = settings.host_names.clone();
    if !settings.bind.is_unspecified() {
        // Whoever binds to an address of this machine means to call it by that.
        hosts.push(settings.bind.to_string());
    }
    Frame::new(FrameSettings {
        instance: instance.name.clone(),
        zone: settings.time_zone.clone(),
        token,
        navigation: navigation.to_vec(),
        version: VERSION,
        clock: Clock::system(),
        hosts,
    })
}

/// All routes, with the guards round them.
pub(crate) fn build(services: &Services, pipelines: Pipelines) -> Router {
    let of_pipelines = pipelines.routes(services);
    let own = Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/api/v1/login-links", post(make_login_link))
        .with_state(Platform { services: services.clone(), pipelines: Arc::new(pipelines) });
    ytorch_web::protect(own.merge(of_pipelines), &services.frame)
}

/// What the platform's own routes work with.
#[derive(Clone)]
struct Platform {
    services: Services,
    pipelines: Arc<Pipelines>,
}

/// What `/healthz` says: that the process answers, and which one it is.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    instance: String,
}

async fn health(State(platform): State<Platform>) -> Json<Health> {
    Json(Health { status: "ok", version: VERSION, instance: platform.services.frame.instance().to_string() })
}

async fn ready(State(platform): State<Platform>) -> Response {
    let Platform { services, pipelines } = platform;
    let looked = tokio::task::spawn_blocking(move || Readiness::look(&services.resources, &pipelines)).await;
    match looked {
        Ok(readiness) if readiness.is_ready() => Json(readiness).into_response(),
        Ok(readiness) => (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response(),
        // The panic is in the log already.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A link that opens one session.
#[derive(Serialize)]
struct LoginLink {
    path: String,
    expires_at: Timestamp,
}

/// Only for the token itself: a stolen session must not be able to make itself more sessions.
async fn make_login_link(
    session: Session,
    State(platform): State<Platform>,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<(StatusCode, Json<LoginLink>), WebError> {
    if session != Session::Bearer {
        let what = "log-in links are made for the token only, not for a session";
        return Err(WebError::forbidden(what, "use `ytorch open`, or send `Authorization: Bearer`"));
    }
    let LoginCode { code, expires_at } = platform.services.frame.auth().issue_code();
    let link = LoginLink { path: format!("/login?code={}", code.reveal()), expires_at };
    Ok((StatusCode::CREATED, Json(link)))
}
