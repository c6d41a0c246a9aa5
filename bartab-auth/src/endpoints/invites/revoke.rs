//! `DELETE /v1/invites/{invite_id}`

use axum::response::Response;
use bartab_core::InviteId;
use http::StatusCode;

use crate::answer::{self, Failure};
use crate::extract::{Caller, PathId, Tenant};

/// Take back an invite of one's own; administrators anybody's. Who came by it stays.
#[utoipa::path(
    delete, path = "/v1/invites/{invite_id}", tag = "invites", operation_id = "revoke_invite",
    params(("invite_id" = String, Path, description = "`invite_…`")),
    responses(
        (status = 204, description = "Nobody comes by it any more"),
        (status = 400, description = "`request.invalid_id`"),
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
) -> Result<Response, Failure> {
    auth.revoke_invite(&actor, invite).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
