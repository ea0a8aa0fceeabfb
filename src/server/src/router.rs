//! Every route of the server: the pipelines' and the platform's own. It does not say who may ask; the guards do.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use ytorch_core::{Clock, Secret, Timestamp};
use ytorch_store::StoreError;
use ytorch_telemetry::Metrics;
use ytorch_web::{
    Frame, FrameSettings, LoginCode, NavEntry, RateLimit, Route, Routes, Session, WebError, document::Instant,
    error::ErrorBody,
};

use crate::{instance::Instance, metrics, platform::Site, readiness::Readiness, sockets::Sockets, web};

/// The version that pages and `/healthz` show.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The heading of the platform's own addresses in the document of the API.
pub(crate) const TAG: &str = "Server";

/// The frame round all pages of an instance.
pub(crate) fn frame(
    instance: &Instance,
    sockets: &Sockets,
    token: Secret,
    navigation: Vec<NavEntry>,
    metrics: &Metrics,
) -> Frame {
    let settings = &instance.loaded.settings;
    let mut hosts = settings.host_names.clone();
    // Whoever binds to an address of this machine means to call it by that.
    let named = sockets.addresses().map(|address| address.ip()).filter(|address| !address.is_unspecified());
    hosts.extend(named.map(|address| if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }));
    Frame::new(FrameSettings {
        instance: instance.name.clone(),
        zone: settings.time_zone.clone(),
        token,
        navigation,
        version: VERSION,
        clock: Clock::system(),
        rate_limit: RateLimit::per_second(settings.rate_limit_per_second),
        hosts,
        metrics: metrics.clone(),
    })
}

/// All routes, with the guards round them.
pub(crate) fn build(site: &Site) -> Router {
    let frame = &site.services.frame;
    let own = Routes::new()
        .api(routes!(health))
        .api(routes!(ready))
        .api(routes!(make_login_link))
        .api(routes!(list_routes))
        .api(routes!(metrics::as_text))
        .api(routes!(metrics::as_json))
        .merge(web::routes())
        .with_state(site.clone());
    let all = own.merge(ytorch_web::own_routes(frame)).merge(site.pipelines.routes(&site.services));
    let list = Arc::new(all.list());
    ytorch_web::protect(all.layer(Extension(list)), frame)
}

/// The addresses of the private socket, without guards: whoever can open its file may read all of the instance anyway.
pub(crate) fn build_private(site: &Site) -> Router {
    Router::new().route("/healthz", get(health)).route("/readyz", get(ready)).with_state(site.clone())
}

/// What `/healthz` says: that the process answers, and which one it is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`, or `database` if the database cannot be read.
    status: &'static str,
    /// The version of the server.
    version: &'static str,
    /// The name of the instance.
    instance: String,
}

/// Health
///
/// That the process answers and its database can be read, and which server it is.
#[utoipa::path(get, path = "/healthz", tag = TAG, security(()), responses(
    (status = 200, description = "Both live", body = Health),
    (status = 503, description = "The database cannot be read; the log says why", body = Health)))]
async fn health(State(site): State<Site>) -> (StatusCode, Json<Health>) {
    let instance = site.services.frame.instance().to_string();
    let read = site.services.resources.database.read(|connection| {
        Ok::<u32, StoreError>(connection.query_row("select count(*) from migration", [], |row| row.get(0))?)
    });
    let (code, status) = match read.await {
        Ok(_) => (StatusCode::OK, "ok"),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the database cannot be read");
            (StatusCode::SERVICE_UNAVAILABLE, "database")
        }
    };
    (code, Json(Health { status, version: VERSION, instance }))
}

/// Readiness
///
/// Whether the server can do its work at the moment. It looks at the database, the disk and whatever the pipelines need.
#[utoipa::path(get, path = "/readyz", tag = TAG, security(()), responses(
    (status = 200, description = "Everything is fit", body = Readiness),
    (status = 503, description = "Something is not fit; `checks` says what", body = Readiness)))]
async fn ready(State(site): State<Site>) -> Response {
    let looked = tokio::task::spawn_blocking(move || Readiness::of_site(&site)).await;
    match looked {
        Ok(readiness) if readiness.is_ready() => Json(readiness).into_response(),
        Ok(readiness) => (StatusCode::SERVICE_UNAVAILABLE, Json(readiness)).into_response(),
        // The panic is in the log already.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A link that opens one session.
#[derive(Serialize, ToSchema)]
struct LoginLink {
    /// An address of this server that logs one browser in, once.
    path: String,
    /// Until when it does.
    #[schema(value_type = Instant)]
    expires_at: Timestamp,
}

/// Make a log-in link
///
/// Only the token itself can make one: a stolen session must not be able to make itself more sessions.
#[utoipa::path(post, path = "/api/v1/login-links", tag = TAG, security(("token" = [])), responses(
    (status = 201, description = "A link that works once", body = LoginLink),
    (status = 403, description = "The request came with a session, or from a page of another site", body = ErrorBody)))]
async fn make_login_link(
    session: Session,
    State(site): State<Site>,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<(StatusCode, Json<LoginLink>), WebError> {
    if session != Session::Bearer {
        let what = "log-in links are made for the token only, not for a session";
        return Err(WebError::forbidden(what, "use `ytorch open`, or send `Authorization: Bearer`"));
    }
    let LoginCode { code, expires_at } = site.services.frame.auth().issue_code();
    let link = LoginLink { path: format!("/login?code={}", code.reveal()), expires_at };
    Ok((StatusCode::CREATED, Json(link)))
}

/// Every address of the server.
#[derive(Serialize, ToSchema)]
struct AllRoutes {
    /// All of them, by path.
    items: Vec<Route>,
}

/// List every address
///
/// Pages and forms as well as the API, for those who put a proxy in front of it.
#[utoipa::path(get, path = "/api/v1/routes", tag = TAG, responses(
    (status = 200, description = "Every address", body = AllRoutes)))]
async fn list_routes(Extension(list): Extension<Arc<Vec<Route>>>) -> Json<AllRoutes> {
    Json(AllRoutes { items: list.to_vec() })
}
