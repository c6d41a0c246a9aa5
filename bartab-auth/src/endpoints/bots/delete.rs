//! `DELETE /v1/bots/{bot_id}`

use axum::response::Response;
use bartab_core::BotId;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::extract::{Caller, PathId, Tenant};

/// Delete a bot of one's own for good: its tokens are refused from now on, and it gets no new ones. What it wrote stays,
/// under its name.
#[utoipa::path(
    delete, path = "/v1/bots/{bot_id}", tag = "bots", operation_id = "delete_bot",
    params(("bot_id" = String, Path, description = "`bot_…`")),
    responses(
        (status = 204, description = "It is deleted"),
        (status = 400, description = "`request.invalid_id`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`: this takes `profile:write`; `permission.denied`: no app does this",
        ),
        (status = 404, description = "`bot.not_found`, also when it is somebody else's"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(bot): PathId<BotId>,
) -> Result<Response, Failure> {
    auth.delete_bot(&actor, bot).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
