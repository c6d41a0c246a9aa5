//! Reading requests: who asks, ids in paths, queries, bodies, keys; and turning failures into problems.

use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::response::{IntoResponse, Response};
use bartab_core::http::{QueryParameters, parse_json};
use bartab_core::{Actor, Problem};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderName, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::chat::{Appended, Chat, IdempotencyKey};
use crate::config::limits;
use crate::error::ChatError;

/// The header that makes asking twice safe.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Characters that a key may have.
const KEY_CHARS: usize = 255;

/// A failed request. The problem travels in the answer's extensions; the service writes it with path and request id.
pub(super) struct Failure(Problem);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        response.extensions_mut().insert(self.0);
        response
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        if matches!(error, ChatError::Corrupt(_) | ChatError::Store(_)) {
            tracing::error!(error = &error as &dyn std::error::Error, "a request failed");
        }
        Self(error.to_problem())
    }
}

/// What an endpoint gives.
pub(super) type Answer = Result<Response, Failure>;

/// The chat that is served and the caller.
pub(super) struct Caller {
    pub(super) chat: Chat,
    pub(super) actor: Arc<Actor>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let chat = parts.extensions.get::<Chat>().cloned().ok_or_else(Problem::internal)?;
        let actor = parts.extensions.get::<Arc<Actor>>().cloned().ok_or_else(Problem::unauthenticated)?;
        Ok(Self { chat, actor })
    }
}

/// The ids of a path, each of the kind that stands there; a wrong prefix is 400, never 404.
pub(super) struct Ids<T>(pub(super) T);

/// Reads one part of a path.
fn part<T: FromStr>(name: &'static str, text: &str) -> Result<T, Failure>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| {
        Problem::bad_request("request.invalid_id").field(format!("{{{name}}}"), "invalid", error.to_string()).into()
    })
}

async fn raw_parts<T: DeserializeOwned + Send, S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<T, Failure> {
    let path = Path::<T>::from_request_parts(parts, state).await;
    path.map(|Path(texts)| texts).map_err(|_| Problem::bad_request("request.invalid_path").into())
}

impl<A, S> FromRequestParts<S> for Ids<(A,)>
where
    A: PathPart,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let a: String = raw_parts(parts, state).await?;
        Ok(Self((part(A::NAME, &a)?,)))
    }
}

impl<A, B, S> FromRequestParts<S> for Ids<(A, B)>
where
    A: PathPart,
    B: PathPart,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let (a, b): (String, String) = raw_parts(parts, state).await?;
        Ok(Self((part(A::NAME, &a)?, part(B::NAME, &b)?)))
    }
}

impl<A, B, C, S> FromRequestParts<S> for Ids<(A, B, C)>
where
    A: PathPart,
    B: PathPart,
    C: PathPart,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let (a, b, c): (String, String, String) = raw_parts(parts, state).await?;
        Ok(Self((part(A::NAME, &a)?, part(B::NAME, &b)?, part(C::NAME, &c)?)))
    }
}

/// What can stand in a path, with the name that the route gives it.
pub(super) trait PathPart: FromStr<Err: std::fmt::Display> + Send {
    /// The name in the route.
    const NAME: &'static str;
}

impl PathPart for bartab_core::RoomId {
    const NAME: &'static str = "room";
}

impl PathPart for bartab_core::EventId {
    const NAME: &'static str = "event";
}

impl PathPart for bartab_core::UserId {
    const NAME: &'static str = "user";
}

impl PathPart for String {
    const NAME: &'static str = "emoji";
}

/// An object without fields: a body that carries nothing, and the answer of a command that changed nothing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The whole body, and the key that makes asking twice safe.
pub(super) struct Payload {
    bytes: Bytes,
    key: Option<String>,
    method: http::Method,
    path: String,
}

impl Payload {
    /// The body as JSON; unknown fields are refused by `T`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        Ok(parse_json(&self.bytes)?)
    }

    /// The key with what it is used for.
    pub(super) fn key(&self) -> Option<IdempotencyKey<'_>> {
        let key = self.key.as_deref()?;
        Some(IdempotencyKey { key, method: self.method.as_str(), path: &self.path, body: &self.bytes })
    }
}

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts)?;
        let bytes = match Limited::new(body, limits::BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
                let detail = format!("at most {} bytes", limits::BODY_BYTES);
                return Err(Problem::new(413, "request.too_large", "The body is too large").detail(detail).into());
            }
            // The layer in front may have a smaller limit; anything else is a client that went away.
            Err(_) => return Err(Problem::bad_request("request.incomplete").into()),
        };
        let path = parts.uri.path().to_owned();
        Ok(Self { bytes, key, method: parts.method, path })
    }
}

/// The key in its bare or its quoted form (RFC 9651 section 3.3.3), which name the same key.
fn idempotency_key(parts: &Parts) -> Result<Option<String>, Failure> {
    let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let invalid = || {
        let detail = format!("one string of 1 to {KEY_CHARS} visible ASCII characters");
        Failure::from(Problem::invalid_field("Idempotency-Key", "invalid", detail))
    };
    if values.next().is_some() {
        return Err(invalid());
    }
    let text = value.to_str().map_err(|_| invalid())?.trim();
    let key = match text.strip_prefix('"') {
        Some(rest) => unquote(rest.strip_suffix('"').ok_or_else(invalid)?).ok_or_else(invalid)?,
        None => text.to_owned(),
    };
    let fit = (1..=KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if fit { Ok(Some(key)) } else { Err(invalid()) }
}

fn unquote(inner: &str) -> Option<String> {
    let mut key = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => key.push(chars.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            '"' => return None,
            plain => key.push(plain),
        }
    }
    Some(key)
}

/// The parameters of a query.
pub(super) struct Query(QueryParameters);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(QueryParameters::parse(parts.uri.query())?))
    }
}

impl Deref for Query {
    type Target = QueryParameters;

    fn deref(&self) -> &QueryParameters {
        &self.0
    }
}

impl Query {
    /// A list with commas between.
    pub(super) fn list<T: FromStr>(&self, name: &str, most: usize) -> Result<Option<Vec<T>>, Failure>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        let invalid = |detail: String| Failure::from(Problem::invalid_field(format!("?{name}"), "invalid", detail));
        let items: Vec<&str> = text.split(',').filter(|item| !item.is_empty()).take(most + 1).collect();
        if items.len() > most {
            return Err(invalid(format!("at most {most}")));
        }
        let parsed: Result<Vec<T>, T::Err> = items.into_iter().map(str::parse).collect();
        parsed.map(Some).map_err(|error| invalid(error.to_string()))
    }
}

/// A JSON answer that is not to be kept.
pub(super) fn json(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value as a JSON answer.
pub(super) fn json_of(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an answer cannot be written");
        Problem::internal()
    })?;
    Ok(json(status, body))
}

/// The event that a write appended.
pub(super) fn appended(appended: &Appended) -> Answer {
    let status = StatusCode::from_u16(appended.status()).unwrap_or(StatusCode::OK);
    Ok(json(status, appended.json()))
}

/// 204.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
