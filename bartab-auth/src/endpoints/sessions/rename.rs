//! `PATCH /v1/me/sessions/{session_id}`

use axum::response::Response;
use bartab_core::SessionId;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SessionView;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};

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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(session): PathId<SessionId>,
    Json(body): Json<SessionChange>,
) -> Result<Response, Failure> {
    let session = auth.rename_session(&actor, session, &body.device_name).await?;
    answer::json(StatusCode::OK, &SessionView::of(session, &actor))
}
