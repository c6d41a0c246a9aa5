//! `PATCH /v1/admin/users/{user_id}`

use axum::response::Response;
use bartab_core::{TenantRole, UserId};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::acts::{Act, Deed};
use crate::answer::{self, Failure};
use crate::endpoints::admin::UserView;
use crate::extract::{Caller, Json, PathId, Tenant};

/// What to change; every change is an act of its own in the audit trail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AdminUserChange)]
pub(crate) struct Change {
    /// `guest`, `member`, `moderator`, `administrator` or `owner`.
    #[schema(value_type = Option<String>)]
    role: Option<TenantRole>,
    /// How much the account may ask, in percent of what everybody may: 1 to 10000.
    rate_percent: Option<u32>,
    /// The name that others see, 1 to 64 characters.
    display_name: Option<String>,
    /// Why, for the audit trail: 1 to 500 characters.
    reason: String,
}

impl Change {
    /// What is to be done, and why.
    pub(crate) fn into_deeds(self) -> (Vec<Deed>, String) {
        let rename = self.display_name.map(Deed::Rename);
        let deeds = [self.role.map(Deed::SetRole), self.rate_percent.map(Deed::SetRate), rename];
        (deeds.into_iter().flatten().collect(), self.reason)
    }
}

/// Change an account: its role, how much it may ask, or the name that others see.
///
/// Nobody acts on who is not below them, and nobody but an owner gives a role that is not below their own. An owner can
/// step down unless there is no other. Access tokens that say a former role or rate are refused from now on.
#[utoipa::path(
    patch, path = "/v1/admin/users/{user_id}", tag = "admin", operation_id = "change_account", request_body = Change,
    params(("user_id" = String, Path, description = "`user_…`")),
    responses(
        (status = 200, description = "The account as it is now", body = UserView),
        (status = 400, description = "`request.invalid_id`, `request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (
            status = 403,
            description = "`auth.insufficient_scope`; `permission.denied`: this takes `users.set_role`, \
                           `users.set_rate` or `users.rename`; `permission.rank`, `permission.role_too_high`, \
                           `permission.oneself`",
        ),
        (status = 404, description = "`account.not_found`"),
        (status = 409, description = "`account.erased`, `account.last_owner`, `bot.cannot_own`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
    Json(body): Json<Change>,
) -> Result<Response, Failure> {
    let (deeds, reason) = body.into_deeds();
    let account = auth.administer(&Act::of(actor, reason), user, deeds).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}
