//! `DELETE /v1/invites/{invite_id}`

use axum::response::Response;
use bartab_core::InviteId;
use http::StatusCode;

use crate::acts::Act;
use crate::answer::{self, Failure};
use crate::endpoints::admin::ReasonOrQuery;
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::query::Query;

/// Take back an invite of one's own; administrators anybody's, and say why. Who came by it stays.
#[utoipa::path(
    delete, path = "/v1/invites/{invite_id}", tag = "invites", operation_id = "revoke_invite",
    request_body(content = Option<ReasonOrQuery>, description = "For clients that can send one; else `?reason=`"),
    params(
        ("invite_id" = String, Path, description = "`invite_…`"),
        (
            "reason" = Option<String>, Query,
            description = "Why, for the audit trail: 1 to 500 characters; one's own needs none",
        ),
    ),
    responses(
        (status = 204, description = "Nobody comes by it any more"),
        (
            status = 400,
            description = "`request.invalid_id`, `request.invalid_json`; `request.invalid`, also without a reason for an \
                           invite that is not one's own",
        ),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`; `permission.denied`: no app does this"),
        (status = 404, description = "`invite.not_found`, also when it has been taken back before"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(invite): PathId<InviteId>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    auth.revoke_invite(&Act::of(actor, body.or_in(&query)?), invite).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
