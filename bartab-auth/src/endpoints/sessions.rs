//! `GET, DELETE /v1/me/sessions` and `PATCH, DELETE /v1/me/sessions/{session_id}`

use axum::response::Response;
use bartab_core::store::Session;
use bartab_core::{Actor, SessionId, Timestamp};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::query::{Query, page};

/// A page of sessions.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionPage {
    /// The live sessions, newest first.
    items: Vec<SessionView>,
    /// Ask with it for the next page; null on the last.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// A session, as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    #[schema(value_type = String)]
    session_id: SessionId,
    /// The OAuth client that it was granted to; `bartab` is our own login.
    client_id: String,
    /// What the person calls the device.
    device_name: Option<String>,
    /// How the person proved who they are, by the names of RFC 8176: `pwd`, `otp`, `mfa`.
    methods: Vec<String>,
    scope: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    fn of(session: Session, actor: &Actor) -> Self {
        Self {
            session_id: session.session_id,
            client_id: session.client_id,
            device_name: session.device_name,
            methods: session.methods.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            scope: session.scopes.to_string(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: actor.session_id == Some(session.session_id),
        }
    }
}

/// List one's own sessions.
#[utoipa::path(
    get, path = "/v1/me/sessions", tag = "auth", operation_id = "list_sessions",
    params(
        ("limit" = Option<u64>, Query, description = "How many at most; 50 when nothing is said", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of the live sessions", body = SessionPage),
        (status = 400, description = "`request.invalid`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn list(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit()?;
    let sessions = auth.sessions(&actor, query.get("cursor")?, limit + 1).await?;
    let (sessions, next_cursor) = page(sessions, limit, |session| session.session_id.to_string());
    let items = sessions.into_iter().map(|session| SessionView::of(session, &actor)).collect();
    answer::json(StatusCode::OK, &SessionPage { items, next_cursor })
}

/// Another name for a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionChange {
    /// What to call the device, 1 to 64 characters.
    device_name: String,
}

/// Name one of one's own sessions.
#[utoipa::path(
    patch, path = "/v1/me/sessions/{session_id}", tag = "auth", operation_id = "rename_session",
    request_body = SessionChange,
    params(("session_id" = String, Path, description = "`sess_…`")),
    responses(
        (status = 200, description = "The session as it is now", body = SessionView),
        (status = 400, description = "`request.invalid`, `request.invalid_json`, `request.invalid_id`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
        (status = 404, description = "`session.not_found`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn rename(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(session): PathId<SessionId>,
    Json(body): Json<SessionChange>,
) -> Result<Response, Failure> {
    let session = auth.rename_session(&actor, session, &body.device_name).await?;
    answer::json(StatusCode::OK, &SessionView::of(session, &actor))
}

/// End one of one's own sessions.
#[utoipa::path(
    delete, path = "/v1/me/sessions/{session_id}", tag = "auth", operation_id = "end_session",
    params(("session_id" = String, Path, description = "`sess_…`")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 400, description = "`request.invalid_id`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
        (status = 404, description = "`session.not_found`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn end(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(session): PathId<SessionId>,
) -> Result<Response, Failure> {
    auth.end_session(&actor, session).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// End all of one's own sessions but the one that asks.
#[utoipa::path(
    delete, path = "/v1/me/sessions", tag = "auth", operation_id = "end_other_sessions",
    responses(
        (status = 204, description = "They have ended"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn end_others(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    auth.end_other_sessions(&actor).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
