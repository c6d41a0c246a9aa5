//! `DELETE /v1/me/sessions`

use axum::response::Response;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};

/// End all of one's own sessions but the one that asks. Every app has to ask again for what it was allowed.
#[utoipa::path(
    delete, path = "/v1/me/sessions", tag = "auth", operation_id = "end_other_sessions",
    responses(
        (status = 204, description = "They have ended"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    auth.end_other_sessions(&actor).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
