//! `GET /v1/me`

use axum::response::Response;
use http::StatusCode;

use super::Me;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};

/// Read one's own account.
#[utoipa::path(
    get, path = "/v1/me", tag = "auth", operation_id = "get_me",
    responses(
        (status = 200, description = "The account", body = Me),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &Me::from(auth.account(actor.user_id).await?))
}
