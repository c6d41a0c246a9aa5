//! `POST /v1/admin/users/{user_id}/restore`

use axum::response::Response;
use bartab_core::UserId;
use http::StatusCode;

use super::{Reason, UserView};
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};

/// Restore an account that is suspended. What had ended stays so: its owner signs in again.
#[utoipa::path(
    post, path = "/v1/admin/users/{user_id}/restore", tag = "admin", operation_id = "restore_account",
    request_body = Reason,
    params(("user_id" = String, Path, description = "`user_…`")),
    responses(
        (status = 200, description = "The account as it is now", body = UserView),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`; `permission.denied`: this takes `users.suspend`; \
                           `permission.rank`, `permission.oneself`",
        ),
        (status = 404, description = "`account.not_found`"),
        (status = 409, description = "`account.erased`; `bot.deleted`: a bot that its owner deleted stays so"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let account = auth.restore(&Act::of(actor, body.reason), user).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}
