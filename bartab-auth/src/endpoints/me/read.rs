//! `GET /v1/me`

use axum::response::Response;
use bartab_core::{Scope, Scopes};
use http::StatusCode;

use super::Me;
use crate::answer::{self, Failure};
use crate::error::AuthError;
use crate::extract::{Caller, Tenant};

/// Scopes that let nobody see anything of an account.
const SAY_NOTHING: Scopes = Scopes::NONE.with(Scope::Openid).with(Scope::OfflineAccess);

/// Read one's own account. This takes any scope but `openid` and `offline_access`: who knows no more than that it is you
/// asks userinfo.
#[utoipa::path(
    get, path = "/v1/me", tag = "auth", operation_id = "get_me",
    responses(
        (status = 200, description = "The account", body = Me),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    if actor.scopes.is_subset(SAY_NOTHING) {
        return Err(AuthError::InsufficientScope(Scope::Profile).into());
    }
    answer::json(StatusCode::OK, &Me::from(auth.account(actor.user_id).await?))
}
