//! Making answers: JSON out, problems out, and the headers that belong to every one.

use axum::response::{IntoResponse, Response};
use bartab_core::store::StoreError;
use bartab_core::{Problem, Scope};
use bytes::Bytes;
#[cfg(feature = "openid-providers")]
use http::header::ACCEPT;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::error::AuthError;
use crate::parameters::ParameterError;
use crate::throttle::SlowDown;
use crate::token::TokenError;

/// A request that failed; the service writes the body, since only it knows the request's path and id.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) problem: Problem,
    challenge: Option<HeaderValue>,
    slow_down: Option<Box<SlowDown>>,
    /// The credentials lack the scope `admin`.
    lacks_admin: bool,
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        error.log();
        let slow_down = if let AuthError::SlowDown(slow_down) = &error { Some(Box::new(*slow_down)) } else { None };
        let lacks_admin = matches!(error, AuthError::InsufficientScope(Scope::Admin));
        Self { problem: error.to_problem(), challenge: error.challenge(), slow_down, lacks_admin }
    }
}

impl Failure {
    /// Whether the request was refused because the credentials lack the scope `admin`.
    pub(crate) fn is_lack_of_admin(response: &Response) -> bool {
        response.extensions().get::<Self>().is_some_and(|failure| failure.lacks_admin)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, challenge: None, slow_down: None, lacks_admin: false }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
        if let Some(challenge) = &self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge.clone());
        }
        for (name, value) in self.slow_down.iter().flat_map(|slow_down| slow_down.headers()) {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
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

/// An answer with tokens or secrets in it (RFC 6749 section 5.1).
pub(crate) fn secret(status: StatusCode, value: &impl Serialize) -> Result<Response, Failure> {
    let mut response = json(status, value)?;
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Whether whoever asks is to be answered with a page: a browser.
#[cfg(feature = "openid-providers")]
pub(crate) fn wants_html(request: &HeaderMap) -> bool {
    accepts(request, "text/html")
}

/// Whether whoever asks wants JSON, and can do nothing with a page.
#[cfg(feature = "openid-providers")]
pub(crate) fn wants_json(request: &HeaderMap) -> bool {
    accepts(request, "application/json") && !wants_html(request)
}

/// Whether the media type stands in `Accept`, by its own name.
#[cfg(feature = "openid-providers")]
fn accepts(request: &HeaderMap, media_type: &str) -> bool {
    let lines = request.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let mut types = lines.flat_map(|line| line.split(',')).filter_map(|one| one.split(';').next());
    types.any(|named| named.trim().eq_ignore_ascii_case(media_type))
}

/// An answer that says all in its status.
pub(crate) fn empty(status: StatusCode) -> Response {
    (status, [(CACHE_CONTROL, "no-store")]).into_response()
}

/// A document that is the same for everybody for a while.
pub(crate) fn public(body: Bytes, media_type: &'static str) -> Response {
    document(StatusCode::OK, body, media_type, "public, max-age=300")
}

/// The same with a name for its state: who has it already is told so (RFC 9110 section 13.1.2).
pub(crate) fn tagged(body: Bytes, media_type: &'static str, etag: &str, request: &HeaderMap) -> Response {
    let names = |value: &HeaderValue| {
        let mut known = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        known.any(|known| known == b"*" || known.strip_prefix(b"W/").unwrap_or(known) == etag.as_bytes())
    };
    let known = request.get_all(IF_NONE_MATCH).iter().any(names);
    let mut response = public(if known { Bytes::new() } else { body }, media_type);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
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
    /// The `WWW-Authenticate`, which every 401 has.
    challenge: Option<HeaderValue>,
    retry_after: Option<u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct OAuthErrorBody<'a> {
    /// The name of RFC 6749 section 5.2: `invalid_request`, `invalid_client`, `invalid_grant`,
    /// `unauthorized_client`, `unsupported_grant_type`, `invalid_scope`; `temporarily_unavailable` and `server_error` for
    /// failures of ours. With an access token those of RFC 6750: `invalid_token`, `insufficient_scope`.
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
            challenge: None,
            retry_after: None,
        }
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    /// The client is unknown, or tried to authenticate although it has nothing to do so with.
    pub(crate) fn invalid_client(basic: bool) -> Self {
        let description = "the client is unknown, or failed to authenticate";
        let challenge = if basic { "Basic realm=\"bartab\"" } else { "Bearer realm=\"bartab\"" };
        let challenge = Some(HeaderValue::from_static(challenge));
        Self { challenge, ..Self::new("invalid_client", description).status(StatusCode::UNAUTHORIZED) }
    }

    /// The name of the standard.
    #[cfg(test)]
    pub(crate) const fn name(&self) -> &'static str {
        self.error
    }

    /// The client may not take this way to tokens.
    pub(crate) fn unauthorized_client() -> Self {
        Self::new("unauthorized_client", "the client is not registered for this grant type")
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// What the standards have no name for.
    fn of_problem(error: &AuthError) -> Self {
        error.log();
        let problem = error.to_problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let description = format!("{}: {}", problem.code, problem.title);
        Self { retry_after: problem.retry_after, ..Self::new(problem.oauth_error(), description).status(status) }
    }
}

impl From<ParameterError> for OAuthError {
    fn from(error: ParameterError) -> Self {
        Self::invalid_request(error.to_string())
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        AuthError::from(error).into()
    }
}

impl From<AuthError> for OAuthError {
    fn from(error: AuthError) -> Self {
        let challenge = error.challenge();
        let named = match &error {
            AuthError::InvalidGrant => Self::new("invalid_grant", error.to_string()),
            AuthError::InvalidScope => Self::new("invalid_scope", error.to_string()),
            AuthError::Token(TokenError::Repeated) => Self::invalid_request(error.to_string()),
            AuthError::Token(TokenError::KeysUnavailable) => Self::of_problem(&error),
            AuthError::Token(_) | AuthError::Unauthenticated => {
                Self::new("invalid_token", error.to_string()).status(StatusCode::UNAUTHORIZED)
            }
            AuthError::InsufficientScope(_) => {
                Self::new("insufficient_scope", error.to_string()).status(StatusCode::FORBIDDEN)
            }
            _ => Self::of_problem(&error),
        };
        Self { challenge, ..named }
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody { error: self.error, error_description: &self.description };
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = document(self.status, Bytes::from(body), "application/json", "no-store");
        let headers = response.headers_mut();
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
