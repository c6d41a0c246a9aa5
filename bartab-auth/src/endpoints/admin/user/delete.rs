//! `DELETE /v1/admin/users/{user_id}`

use axum::response::Response;
use bartab_core::UserId;
use http::StatusCode;

use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::endpoints::admin::ReasonOrQuery;
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::query::Query;

/// Erase an account, but not what it wrote: the same as `erase` with `"messages": false`.
#[utoipa::path(
    delete, path = "/v1/admin/users/{user_id}", tag = "admin", operation_id = "delete_account",
    request_body(content = Option<ReasonOrQuery>, description = "For clients that can send one; else `?reason=`"),
    params(
        ("user_id" = String, Path, description = "`user_…`"),
        ("reason" = Option<String>, Query, description = "Why, for the audit trail: 1 to 500 characters"),
    ),
    responses(
        (status = 204, description = "It is erased"),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`; `permission.denied`: this takes `users.erase`; \
                           `permission.rank`, `permission.oneself`",
        ),
        (status = 404, description = "`account.not_found`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    let reason = body.or_in(&query)?;
    auth.erase(&Act::of(actor, reason), user, false).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
