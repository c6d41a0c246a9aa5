//! Reading requests: the tenant's handle, the caller, JSON and forms.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bartab_core::http::parse_json;
use bartab_core::{Actor, IdError, Problem};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::answer::{Failure, OAuthError};
use crate::auth::Auth;
use crate::bearer::bearer;
use crate::error::AuthError;

/// No request to identity is larger.
const MAX_BODY: usize = 64 * 1024;

/// The tenant that the request is for; the service put it there.
pub(crate) struct Tenant(pub(crate) Auth);

impl<S: Sync> FromRequestParts<S> for Tenant {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let auth = parts.extensions.get::<Auth>().cloned();
        auth.map(Self).ok_or_else(|| AuthError::internal("the service did not say which tenant").into())
    }
}

/// Who asks: the actor that a layer has found, or that the request's own token stands for.
///
/// Only the routes that need a caller look for one, so that a stale token does not stand in the way of signing in.
pub(crate) struct Caller(pub(crate) Arc<Actor>);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        if let Some(actor) = parts.extensions.get::<Arc<Actor>>() {
            return Ok(Self(Arc::clone(actor)));
        }
        let Tenant(auth) = Tenant::from_request_parts(parts, state).await?;
        let token = bearer(&parts.headers).map_err(AuthError::from)?.ok_or(AuthError::Unauthenticated)?;
        Ok(Self(auth.verifier().verify(token).map_err(AuthError::from)?))
    }
}

/// The one id in the path.
pub(crate) struct PathId<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr<Err = IdError>> FromRequestParts<S> for PathId<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let invalid = |detail: String| Failure::from(Problem::bad_request("request.invalid_id").detail(detail));
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|rejection| invalid(rejection.body_text()))?;
        text.parse().map(Self).map_err(|error| invalid(error.to_string()))
    }
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
///
/// Parameters without a value count as left out, unknown ones are ignored, and none may come twice.
#[derive(Default)]
pub(crate) struct Form {
    pub(crate) grant_type: Option<String>,
    pub(crate) refresh_token: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    /// The request carries HTTP Basic credentials.
    pub(crate) basic: bool,
}

/// More parameters than any request has.
const MAX_PARAMETERS: usize = 64;

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthError> {
        if !is_form(request.headers()) {
            return Err(OAuthError::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        // A stale bearer token that a client sends along is no attempt to authenticate as a client.
        let is_basic = |value: &HeaderValue| {
            value.as_bytes().split(|byte| *byte == b' ').next().is_some_and(|name| name.eq_ignore_ascii_case(b"basic"))
        };
        let basic = request.headers().get_all(AUTHORIZATION).iter().any(is_basic);
        let body = read(request).await.map_err(|problem| {
            let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
            OAuthError::invalid_request(problem.detail.unwrap_or_default()).status(status)
        })?;
        Ok(Self { basic, ..Self::parse(&body)? })
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

impl Form {
    fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let mut form = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            if seen.len() == MAX_PARAMETERS {
                return Err(OAuthError::invalid_request("there are too many parameters"));
            }
            if seen.iter().any(|seen| *seen == name) {
                return Err(OAuthError::invalid_request("a parameter is there twice"));
            }
            let field = match &*name {
                "grant_type" => Some(&mut form.grant_type),
                "refresh_token" => Some(&mut form.refresh_token),
                "token" => Some(&mut form.token),
                "scope" => Some(&mut form.scope),
                "client_id" => Some(&mut form.client_id),
                "client_secret" => Some(&mut form.client_secret),
                _ => None,
            };
            if let (Some(field), false) = (field, value.is_empty()) {
                *field = Some(value.into_owned());
            }
            seen.push(name.into_owned());
        }
        Ok(form)
    }

    /// Refuses every client but our own, which is public: it says at most its name.
    pub(crate) fn check_client(&self) -> Result<(), OAuthError> {
        let known = self.client_id.as_deref().is_none_or(|client| client == crate::sessions::OWN_CLIENT);
        if self.basic || self.client_secret.is_some() || !known {
            return Err(OAuthError::invalid_client(self.basic));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_empty_parameters_are_ignored() {
        let form = Form::parse(b"grant_type=refresh_token&x=1&scope=&refresh_token=a%2Bb&y").unwrap_or_default();
        assert_eq!(form.grant_type.as_deref(), Some("refresh_token"));
        assert_eq!(form.refresh_token.as_deref(), Some("a+b"));
        assert_eq!(form.scope, None);
    }

    #[test]
    fn a_parameter_may_not_come_twice() {
        for body in ["scope=a&scope=b", "x=1&x=1", "scope=&scope=a", "scope=a&sc%6Fpe=b"] {
            assert!(Form::parse(body.as_bytes()).is_err(), "{body}");
        }
        let many: Vec<String> = (0..65).map(|n| format!("p{n}=1")).collect();
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
    }
}
