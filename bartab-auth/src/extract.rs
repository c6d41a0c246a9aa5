//! Reading requests: the tenant's handle, the caller, JSON and forms.

use std::convert::Infallible;
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bartab_core::http::{ClientAddress, parse_json};
use bartab_core::{Actor, IdError, Problem, Scopes};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::answer::{Failure, OAuthError};
use crate::auth::Auth;
use crate::bearer::bearer;
use crate::error::AuthError;
use crate::parameters::Parameters;

/// No request to identity is larger.
const MAX_BODY: usize = 64 * 1024;

/// The tenant that the request is for; the service put it there.
pub(crate) struct Tenant(pub(crate) Auth);

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(tenant(parts)?.clone()))
    }
}

/// Who asks: the actor that a layer has found, or that the request's own token stands for.
///
/// Only the routes that need a caller look for one, so that a stale token does not stand in the way of signing in.
pub(crate) struct Caller(pub(crate) Arc<Actor>);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(caller(parts)?))
    }
}

/// The same, at an endpoint that answers in the shapes of OAuth (RFC 6750 section 3).
pub(crate) struct OAuthCaller(pub(crate) Arc<Actor>);

impl<S: Sync> FromRequestParts<S> for OAuthCaller {
    type Rejection = OAuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OAuthError> {
        Ok(Self(caller(parts)?))
    }
}

fn caller(parts: &Parts) -> Result<Arc<Actor>, AuthError> {
    if let Some(actor) = parts.extensions.get::<Arc<Actor>>() {
        return Ok(Arc::clone(actor));
    }
    let token = bearer(&parts.headers)?.ok_or(AuthError::Unauthenticated)?;
    Ok(tenant(parts)?.verifier().verify(token)?)
}

fn tenant(parts: &Parts) -> Result<&Auth, AuthError> {
    parts.extensions.get::<Auth>().ok_or_else(|| AuthError::internal("the service did not say which tenant"))
}

/// Where the request came from, when that is known.
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| *address)))
    }
}

/// The one id in the path.
pub(crate) struct PathId<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = IdError>> FromRequestParts<S> for PathId<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        text.parse().map(Self).map_err(|error: IdError| invalid_id(error.to_string()))
    }
}

/// The one name in the path.
pub(crate) struct PathText(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        text.map(|Path(text)| Self(text)).map_err(|rejection| invalid_id(rejection.body_text()))
    }
}

fn invalid_id(detail: String) -> Failure {
    Problem::bad_request("request.invalid_id").detail(detail).into()
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(parse_json(&read(request).await?)?))
    }
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(413, "request.too_large", "The body is too large").detail("at most 65536 bytes"))
        }
        Err(_) => Err(Problem::bad_request("request.incomplete").detail("the body broke off")),
    }
}

/// The parameters of a request to an OAuth endpoint, in a form body (RFC 6749 section 3.2).
pub(crate) struct Form(pub(crate) Parameters);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthError> {
        if !is_form(request.headers()) {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        let body = read(request).await.map_err(|problem| {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            OAuthError::invalid_request(problem.detail.unwrap_or_default()).status(status)
        })?;
        Ok(Self(Parameters::parse(&body)?))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

impl Form {
    /// The value of a parameter that must be there.
    pub(crate) fn require(&self, name: &str) -> Result<&str, OAuthError> {
        self.0.get(name).ok_or_else(|| OAuthError::invalid_request(format!("`{name}` is missing")))
    }

    /// The scope that is asked for, if one is.
    pub(crate) fn scope(&self) -> Result<Option<Scopes>, OAuthError> {
        let scope = self.0.get("scope").map(str::parse::<Scopes>).transpose();
        scope.map_err(|_| AuthError::InvalidScope.into())
    }
}

impl Deref for Form {
    type Target = Parameters;

    fn deref(&self) -> &Parameters {
        &self.0
    }
}
