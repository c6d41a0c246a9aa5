//! `POST /v1/bots/{bot_id}/secret`

use std::time::Duration;

use axum::response::Response;
use bartab_core::BotId;
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::BotSecretAnswer;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};

/// A day.
const OVERLAP_SECONDS: u64 = 24 * 60 * 60;

/// How the old secret ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretRotation {
    /// How long the old one stays good, at most 604800, a week; a day when nothing is said. With 0 it ends at once, and
    /// the bot's access tokens with it.
    overlap_seconds: Option<u64>,
}

/// Give a bot of one's own another secret.
#[utoipa::path(
    post, path = "/v1/bots/{bot_id}/secret", tag = "bots", operation_id = "rotate_bot_secret",
    request_body = SecretRotation,
    params(("bot_id" = String, Path, description = "`bot_…`")),
    responses(
        (status = 201, description = "The new secret, which is shown this once", body = BotSecretAnswer),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`: this takes `profile:write`, and each scope that the bot has; \
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
    Json(body): Json<SecretRotation>,
) -> Result<Response, Failure> {
    let overlap = Duration::from_secs(body.overlap_seconds.unwrap_or(OVERLAP_SECONDS));
    let secret = auth.rotate_bot_secret(&actor, bot, overlap).await?;
    answer::secret(StatusCode::CREATED, &BotSecretAnswer::from(secret))
}
