//! `POST /v1/admin/keys/{kid}/retire`

use axum::response::Response;
use http::StatusCode;

use super::Reason;
use super::keys::KeyList;
use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathText, Tenant};

/// Remove a key at once, for an emergency: every token that it has signed is refused from now on. If it was the one that
/// signs, a new one does, and the one that waited is gone, too.
#[utoipa::path(
    post, path = "/v1/admin/keys/{kid}/retire", tag = "admin", operation_id = "retire_key", request_body = Reason,
    params(("kid" = String, Path, description = "The name of the key")),
    responses(
        (status = 200, description = "The keys as they are now", body = KeyList),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `keys.manage`, which no app has"),
        (status = 404, description = "`key.not_found`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathText(kid): PathText,
    Json(body): Json<Reason>,
) -> Result<Response, Failure> {
    let keys = auth.retire_key(&Act::of(actor, body.reason), &kid).await?;
    answer::json(StatusCode::OK, &KeyList::from(keys))
}
