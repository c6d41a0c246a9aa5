//! Reading requests: who asks, ids in paths, queries; and turning failures into problems.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use bartab_core::http::{PublicBase, QueryParameters, parse_json};
use bartab_core::{Actor, MediaId, Problem, UploadId};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::MediaError;
use crate::media::Media;

/// A failed request. The problem travels in the answer's extensions; the service writes it with path and request id.
pub(super) struct Failure(Problem);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        // RFC 9110 section 15.5.2: who is refused for a link could come with a token.
        if self.0.status == 401 {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bartab\""));
        }
        response.extensions_mut().insert(self.0);
        response
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        if error.is_ours() {
            tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
        }
        Self(error.to_problem())
    }
}

/// What an endpoint gives.
pub(super) type Answer = Result<Response, Failure>;

/// The media that is served and the caller; without one 401.
pub(super) struct Caller {
    pub(super) media: Media,
    pub(super) actor: Arc<Actor>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Anyone { media, actor } = Anyone::from_request_parts(parts, state).await?;
        Ok(Self { media, actor: actor.ok_or_else(Problem::unauthenticated)? })
    }
}

/// The media that is served and who asks, if that is known.
pub(super) struct Anyone {
    pub(super) media: Media,
    pub(super) actor: Option<Arc<Actor>>,
}

impl<S: Sync> FromRequestParts<S> for Anyone {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let media = parts.extensions.get::<Media>().cloned().ok_or_else(Problem::internal)?;
        Ok(Self { media, actor: parts.extensions.get::<Arc<Actor>>().cloned() })
    }
}

/// What the URLs begin with that an answer gives out.
pub(super) struct Base(Option<PublicBase>);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(parts.extensions.get::<PublicBase>().cloned()))
    }
}

impl Base {
    /// The URL of a path of this service.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_ref().map_or("", |base| &*base.0))
    }
}

/// The id in a path; a wrong prefix is 400, never 404.
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync> FromRequestParts<S> for Id<MediaId> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        path_id(parts, state, "media").await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id<UploadId> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        path_id(parts, state, "upload").await
    }
}

async fn path_id<T, S>(parts: &mut Parts, state: &S, name: &str) -> Result<Id<T>, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
    S: Send + Sync,
{
    let path = Path::<String>::from_request_parts(parts, state).await;
    let Path(text) = path.map_err(|_| Problem::bad_request("request.invalid_path"))?;
    let parsed: Result<T, T::Err> = text.parse();
    let invalid = |error: T::Err| {
        Problem::bad_request("request.invalid_id").field(format!("{{{name}}}"), "invalid", error.to_string())
    };
    Ok(Id(parsed.map_err(invalid)?))
}

/// The parameters of the query.
pub(super) struct Query(pub(super) QueryParameters);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(QueryParameters::parse(parts.uri.query())?))
    }
}

impl std::ops::Deref for Query {
    type Target = QueryParameters;

    fn deref(&self) -> &QueryParameters {
        &self.0
    }
}

/// Bytes of a JSON body.
const JSON_BYTES: usize = 64 << 10;

/// A JSON body; unknown fields are refused by `T`.
pub(super) struct Json<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let body = match Limited::new(request.into_body(), JSON_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let detail = format!("at most {JSON_BYTES} bytes");
                return Err(Problem::new(413, "request.too_large", "The body is too large").detail(detail).into());
            }
            Err(_) => return Err(Problem::bad_request("request.incomplete").into()),
        };
        Ok(Self(parse_json(&body)?))
    }
}

/// A body that carries nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// 204.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value as a JSON answer that is not to be kept.
pub(super) fn json_of(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an answer cannot be written");
        Problem::internal()
    })?;
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
