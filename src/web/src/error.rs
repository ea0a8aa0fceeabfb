//! What went wrong with a request: a page that says where to go next, or JSON for the API.
//!
//! It logs nothing: who has the chain of causes logs it and passes on the safe sentence.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem};

/// A request that could not be answered. As a response it turns into JSON for programs and into a page elsewhere.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", problem.what)]
pub struct WebError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What the person reads. Keep secrets and inner workings out of it.
    pub problem: Problem,
}

impl WebError {
    /// An error with a status and words for a person.
    pub fn new(status: StatusCode, problem: Problem) -> Self {
        Self { status, problem }
    }

    /// 404 with a sentence.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, Problem::new(ExitCode::NotFound, what).hint("start from the first page"))
    }

    /// 400 with a sentence and what to do.
    pub fn bad_request(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Problem::new(ExitCode::Usage, what).hint(hint))
    }

    /// 403 with a sentence and what to do.
    pub fn forbidden(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, Problem::new(ExitCode::Refused, what).hint(hint))
    }

    /// 500; the chain of causes goes to the log, the page gets a safe sentence.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let chain = Problem::new(ExitCode::Failure, "").because(error).detail.unwrap_or_default();
        tracing::error!(error = chain, "a request failed");
        Self::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// An error for which nobody found better words than its status.
    pub fn of_status(status: StatusCode) -> Self {
        let (what, hint) = match status {
            StatusCode::NOT_FOUND => ("there is nothing at this address", "start from the first page"),
            StatusCode::METHOD_NOT_ALLOWED => ("this address does not take such a request", "go back and try again"),
            StatusCode::PAYLOAD_TOO_LARGE => ("what was sent is too large", "send less at once"),
            StatusCode::INTERNAL_SERVER_ERROR => ("something went wrong on the server", "the log has the details"),
            StatusCode::GATEWAY_TIMEOUT => ("the answer took too long", "try again, or ask for less"),
            _ => ("the request could not be understood", "go back and try again"),
        };
        Self::new(status, Problem::new(ExitCode::Failure, what).hint(hint))
    }

    /// The response of the API.
    pub(crate) fn to_json(&self) -> Response {
        (self.status, Json(ErrorBody::from(&self.problem))).into_response()
    }
}

/// What every refused or failed request of the API is answered with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    error: ErrorWords,
}

/// What went wrong, in words for a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ErrorWords {
    /// What happened.
    what: String,
    /// Why, if there is more to say.
    detail: Option<String>,
    /// What to do next.
    hint: Option<String>,
}

impl From<&Problem> for ErrorBody {
    fn from(problem: &Problem) -> Self {
        let Problem { what, detail, hint, code: _ } = problem.clone();
        Self { error: ErrorWords { what, detail, hint } }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        // Only the frame knows the path and the navigation, so it writes the body.
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
