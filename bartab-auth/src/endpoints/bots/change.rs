//! `PATCH /v1/bots/{bot_id}`

use axum::response::Response;
use bartab_core::BotId;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{BotView, scopes};
use crate::answer::{self, Failure};
use crate::bots::BotChange as Change;
use crate::extract::{Caller, Json, PathId, Tenant};

/// What to change in a bot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BotChange {
    /// The name that others see, 1 to 64 characters.
    name: Option<String>,
    /// What it may at most. Tokens that say more are refused from now on.
    scopes: Option<Vec<String>>,
}

/// Change a bot of one's own.
#[utoipa::path(
    patch, path = "/v1/bots/{bot_id}", tag = "bots", operation_id = "change_bot", request_body = BotChange,
    params(("bot_id" = String, Path, description = "`bot_…`")),
    responses(
        (status = 200, description = "The bot as it is now", body = BotView),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`: this takes `profile:write`, and each scope that is new; \
                           `permission.denied`: this takes `bots.create`, which no app has",
        ),
        (status = 404, description = "`bot.not_found`, also when it is somebody else's"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(bot): PathId<BotId>,
    Json(body): Json<BotChange>,
) -> Result<Response, Failure> {
    let scopes = body.scopes.as_deref().map(scopes).transpose()?;
    let bot = auth.change_bot(&actor, bot, Change { name: body.name, scopes }).await?;
    answer::json(StatusCode::OK, &BotView::from(bot))
}
