//! `POST /v1/auth/logout`

use axum::response::Response;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};

/// End the session that the access token belongs to.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth", operation_id = "logout",
    responses(
        (status = 204, description = "The session has ended; its tokens are refused from now on"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 409, description = "`session.none`: the credentials belong to no session"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    auth.logout(&actor).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
