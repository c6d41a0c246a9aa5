//! `GET /v1/me/sessions`

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::SessionView;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
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
        (status = 403, description = "`auth.insufficient_scope`: this takes `profile:write`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller, query: Query) -> Result<Response, Failure> {
    query.only(&["limit", "cursor"])?;
    let limit = query.limit()?;
    let sessions = auth.sessions(&actor, query.get("cursor")?, limit + 1).await?;
    let (sessions, next_cursor) = page(sessions, limit, |session| session.session_id.to_string());
    let items = sessions.into_iter().map(|session| SessionView::of(session, &actor)).collect();
    answer::json(StatusCode::OK, &SessionPage { items, next_cursor })
}
