//! `DELETE /v1/me/sessions/{session_id}`

use axum::response::Response;
use bartab_core::SessionId;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::extract::{Caller, PathId, Tenant};

/// End one of one's own sessions. Is it an app's, then it has to ask again for what it was allowed.
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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(session): PathId<SessionId>,
) -> Result<Response, Failure> {
    auth.end_session(&actor, session).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
