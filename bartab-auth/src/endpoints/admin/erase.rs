//! `POST /v1/admin/users/{user_id}/erase`

use axum::response::Response;
use bartab_core::UserId;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserView;
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};

/// What to erase, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erasure {
    /// Whether what the person wrote goes too.
    pub(crate) messages: bool,
    /// Why, for the audit trail: 1 to 500 characters.
    pub(crate) reason: String,
}

/// Erase a person for good: names, picture, password, second factor, sessions, and files that no message carries; with
/// `messages` also what they wrote, and every file of theirs but what an administrator keeps in quarantine. Their bots are
/// deleted. Their id stays, so that nothing that refers to it breaks, and so does the audit trail.
///
/// It can be asked for again: to do what is not known to be done, or to erase what they wrote after all. What is erased
/// stays so, also when `messages` is `false` the second time.
#[utoipa::path(
    post, path = "/v1/admin/users/{user_id}/erase", tag = "admin", operation_id = "erase_account",
    request_body = Erasure,
    params(("user_id" = String, Path, description = "`user_…`")),
    responses(
        (status = 200, description = "What is left of the account", body = UserView),
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
    Json(body): Json<Erasure>,
) -> Result<Response, Failure> {
    let account = auth.erase(&Act::of(actor, body.reason), user, body.messages).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}
