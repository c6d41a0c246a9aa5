//! Making answers: JSON out, problems out, and the headers that belong to every one.

use axum::response::{IntoResponse, Response};
use bartab_core::Problem;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::error::AuthError;

/// A request that failed; the service writes the body, since only it knows the request's path and id.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
    challenge: Option<HeaderValue>,
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        error.log();
        Self { problem: error.to_problem(), challenge: error.challenge() }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, challenge: None }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
        if let Some(challenge) = &self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A JSON answer that nobody keeps.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Failure> {
    let body = serde_json::to_vec(value).map_err(|error| Failure::from(AuthError::internal(error)))?;
    Ok(document(status, Bytes::from(body), "application/json", "no-store"))
}

/// An answer with tokens in it (RFC 6749 section 5.1).
pub(crate) fn tokens(status: StatusCode, tokens: &crate::Tokens) -> Result<Response, Failure> {
    let mut response = json(status, tokens)?;
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// An answer that says all in its status.
pub(crate) fn empty(status: StatusCode) -> Response {
    (status, [(CACHE_CONTROL, "no-store")]).into_response()
}

/// A document that is the same for everybody for a while.
pub(crate) fn public(body: Bytes, media_type: &'static str) -> Response {
    document(StatusCode::OK, body, media_type, "public, max-age=300")
}

fn document(status: StatusCode, body: Bytes, media_type: &'static str, caching: &'static str) -> Response {
    (status, [(CONTENT_TYPE, media_type), (CACHE_CONTROL, caching)], body).into_response()
}

/// An error in the shape of RFC 6749 section 5.2, which every endpoint under `/v1/oauth2/` has.
#[derive(Clone, Debug)]
pub(crate) struct OAuthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    /// The client tried to authenticate with Basic.
    basic: bool,
    retry_after: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct OAuthErrorBody<'a> {
    /// The name of RFC 6749 section 5.2: `invalid_request`, `invalid_client`, `invalid_grant`,
    /// `unsupported_grant_type`, `invalid_scope`; `temporarily_unavailable` and `server_error` for failures of ours.
    error: &'a str,
    /// The same for people.
    error_description: &'a str,
}

impl OAuthError {
    pub(crate) fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
            basic: false,
            retry_after: None,
        }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    /// The client is unknown, or tried to authenticate although it has nothing to do so with.
    pub(crate) fn invalid_client(basic: bool) -> Self {
        let description = "the client is unknown, or failed to authenticate";
        Self { status: StatusCode::UNAUTHORIZED, basic, ..Self::new("invalid_client", description) }
    }

    pub(crate) const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }
}

impl From<AuthError> for OAuthError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::InvalidGrant => Self::new("invalid_grant", error.to_string()),
            AuthError::InvalidScope => Self::new("invalid_scope", error.to_string()),
            _ => {
                error.log();
                let problem = error.to_problem();
                let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let name = match problem.status {
                    503 => "temporarily_unavailable",
                    500.. => "server_error",
                    _ => "invalid_request",
                };
                let description = format!("{}: {}", problem.code, problem.title);
                Self { retry_after: problem.retry_after, ..Self::new(name, description).status(status) }
            }
        }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody { error: self.error, error_description: &self.description };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = document(self.status, Bytes::from(body), "application/json", "no-store");
        let headers = response.headers_mut();
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = if self.basic { "Basic realm=\"bartab\"" } else { "Bearer realm=\"bartab\"" };
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
