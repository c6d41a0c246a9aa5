//! `POST /v1/admin/users/{user_id}/reset`

use axum::response::Response;
use bartab_core::UserId;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Reason;
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::links::LIFE;

/// A link to a new way to sign in, shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResetLink {
    /// To be handed to the person: whoever opens it sets a new password.
    link: String,
    /// Seconds until it is good no more.
    expires_in: u64,
}

impl ResetLink {
    pub(crate) fn of(link: String) -> Self {
        Self { link, expires_in: LIFE.as_secs() }
    }
}

/// Take every way to sign in from somebody, and get a link to a new one, good once and for a day.
///
/// For accounts that are lost or in wrong hands: password and second factor are gone, all sessions end, and access tokens,
/// also those of their bots, are refused from now on, whether or not the link is ever used. Apps have to ask again, the
/// secrets of their bots are good no more until the owner makes new ones, and their invites are taken back.
#[utoipa::path(
    post, path = "/v1/admin/users/{user_id}/reset", tag = "admin", operation_id = "reset_account",
    request_body = Reason,
    params(("user_id" = String, Path, description = "`user_…`")),
    responses(
        (status = 200, description = "The link", body = ResetLink),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`; `permission.denied`: this takes `users.reset`, which no app has; \
                           `permission.rank`, `permission.oneself`",
        ),
        (status = 404, description = "`account.not_found`"),
        (status = 409, description = "`account.erased`; `account.no_sign_in`: nobody signs in to a bot"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let link = auth.reset_sign_in(&Act::of(actor, body.reason), user).await?;
    answer::secret(StatusCode::OK, &ResetLink::of(link))
}
