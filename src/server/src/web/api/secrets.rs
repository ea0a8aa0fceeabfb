//! `secrets`: which are known and set, setting and removing them, a new key. It never shows one.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem, Secret, Timestamp};
use ytorch_store::VaultError;
use ytorch_web::{WebError, Whole, document::Instant, error::ErrorBody};

use super::TAG;
use crate::{jobs::NOTIFY_TOKEN, platform::Site, web::blocking};

/// Secrets that something uses: the name and what for. No other can be set.
const KNOWN: &[(&str, &str)] = &[(NOTIFY_TOKEN, "Sent to `notify_url` as bearer token.")];

/// The longest secret, in bytes.
const MOST_BYTES: usize = 4096;

/// A secret, without itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
pub(in crate::web) struct SecretBody {
    /// Its name.
    name: &'static str,
    /// What it is for.
    meaning: &'static str,
    /// Whether it is set.
    is_set: bool,
    /// When it was set.
    #[schema(value_type = Option<Instant>)]
    updated_at: Option<Timestamp>,
}

/// A secret to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewSecret {
    /// The secret itself: 1 to 4096 visible ASCII characters.
    #[schema(min_length = 1, max_length = 4096, pattern = "^[!-~]+$")]
    value: String,
}

/// How many secrets were encrypted anew.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Rotated {
    /// The number.
    encrypted_anew: u64,
}

/// List secrets
///
/// Those of services outside, which are kept encrypted. They themselves are never shown.
#[utoipa::path(get, path = "/api/v1/secrets", tag = TAG, responses(
    (status = 200, description = "All of them", body = Whole<SecretBody>)))]
pub(in crate::web) async fn list(State(site): State<Site>) -> Result<Json<Whole<SecretBody>>, WebError> {
    let vault = site.platform.vault.clone();
    let set = blocking(move || vault.list()).await?;
    let items = KNOWN.iter().map(|&(name, meaning)| {
        let updated_at = set.iter().find(|(known, _)| known == name).map(|(_, at)| *at);
        SecretBody { name, meaning, is_set: updated_at.is_some(), updated_at }
    });
    Ok(Json(Whole { items: items.collect() }))
}

/// Set a secret
///
/// It is encrypted with the instance's key before it is stored.
#[utoipa::path(put, path = "/api/v1/secrets/{name}", tag = TAG, request_body = NewSecret,
    params(("name" = String, Path, description = "Its name", example = "notify_token")),
    responses((status = 204, description = "It is set"),
        (status = 404, description = "Nothing uses such a secret", body = ErrorBody),
        (status = 415, description = "The body is not JSON", body = ErrorBody),
        (status = 422, description = "The body is JSON of another form", body = ErrorBody)))]
pub(in crate::web) async fn set(
    State(site): State<Site>,
    Path(name): Path<String>,
    Json(NewSecret { value }): Json<NewSecret>,
) -> Result<StatusCode, WebError> {
    let name = known(&name)?;
    let is_sane = (1..=MOST_BYTES).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sane {
        let hint = "send 1 to 4096 visible ASCII characters, without spaces or line ends";
        return Err(WebError::bad_request("this cannot be a secret", hint));
    }
    let (vault, secret) = (site.platform.vault.clone(), Secret::new(value));
    blocking(move || vault.set(name, &secret)).await?;
    tracing::info!(name, "a secret was set");
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a secret
#[utoipa::path(delete, path = "/api/v1/secrets/{name}", tag = TAG,
    params(("name" = String, Path, description = "Its name", example = "notify_token")),
    responses((status = 204, description = "It is not set, or not any more"),
        (status = 404, description = "Nothing uses such a secret", body = ErrorBody)))]
pub(in crate::web) async fn remove(
    State(site): State<Site>,
    Path(name): Path<String>,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<StatusCode, WebError> {
    let (vault, name) = (site.platform.vault.clone(), known(&name)?);
    if blocking(move || vault.remove(name)).await? {
        tracing::info!(name, "a secret was removed");
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Make a new encryption key
///
/// Every secret is encrypted anew with it. The key before stays in the file until the next rotation, for a backup that
/// was under way.
#[utoipa::path(post, path = "/api/v1/secrets/rotate-key", tag = TAG, responses(
    (status = 200, description = "It is done", body = Rotated),
    (status = 409, description = "A secret cannot be decrypted; the key stays", body = ErrorBody)))]
pub(in crate::web) async fn rotate(State(site): State<Site>, _: Bytes) -> Result<Json<Rotated>, WebError> {
    let vault = site.platform.vault.clone();
    let rotated = blocking(move || match vault.rotate_key() {
        Err(error @ VaultError::Undecryptable(_)) => Ok(Err(error)),
        rotated => rotated.map(Ok),
    });
    let encrypted_anew = rotated.await?.map_err(|error| {
        WebError::new(StatusCode::CONFLICT, error.problem("the encryption key could not be rotated"))
    })?;
    tracing::info!(encrypted_anew, "the encryption key was rotated");
    Ok(Json(Rotated { encrypted_anew }))
}

fn known(name: &str) -> Result<&'static str, WebError> {
    KNOWN.iter().map(|(known, _)| *known).find(|known| *known == name).ok_or_else(|| {
        let problem = Problem::new(ExitCode::NotFound, "nothing uses a secret of that name");
        let names: Vec<_> = KNOWN.iter().map(|(known, _)| format!("`{known}`")).collect();
        WebError::new(StatusCode::NOT_FOUND, problem.hint(format!("the secrets are: {}", names.join(", "))))
    })
}
