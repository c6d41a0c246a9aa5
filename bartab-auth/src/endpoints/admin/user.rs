//! `GET, PATCH, DELETE /v1/admin/users/{user_id}`

use axum::response::Response;
use bartab_core::{TenantRole, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ReasonOrQuery, UserView};
use crate::acts::{Act, Deed};
use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, PathId, Tenant};
use crate::query::Query;
use crate::rights::{Permission, require_permission};

/// An account with what belongs to it, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminUserDetail)]
pub(crate) struct UserDetail {
    #[serde(flatten)]
    user: UserView,
    /// How many sessions are live, up to 100.
    sessions: usize,
    /// Who it is to other issuers.
    external_identities: Vec<External>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ExternalIdentity)]
pub(crate) struct External {
    issuer: String,
    /// The issuer's name for the person.
    subject: String,
}

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

/// Read an account.
#[utoipa::path(
    get, path = "/v1/admin/users/{user_id}", tag = "admin", operation_id = "get_account",
    params(("user_id" = String, Path, description = "`user_…`")),
    responses(
        (status = 200, description = "The account", body = UserDetail),
        (status = 400, description = "`request.invalid_id`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`, `permission.denied`: this takes `users.read`"),
        (status = 404, description = "`account.not_found`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn read(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
) -> Result<Response, Failure> {
    require_permission(&actor, Permission::UsersRead)?;
    let account = auth.account(user).await?;
    let sessions = auth.live_sessions(user).await?;
    let external = auth.external_identities(user).await?.into_iter();
    let external = external.map(|identity| External { issuer: identity.issuer, subject: identity.subject });
    let detail = UserDetail { user: account.into(), sessions, external_identities: external.collect() };
    answer::json(StatusCode::OK, &detail)
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
pub(crate) async fn change(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
    Json(body): Json<Change>,
) -> Result<Response, Failure> {
    require_permission(&actor, Permission::UsersRead)?;
    let (deeds, reason) = body.into_deeds();
    let account = auth.administer(&Act::of(actor, reason), user, deeds).await?;
    answer::json(StatusCode::OK, &UserView::from(account))
}

/// Erase an account, but not what it wrote: the same as `erase` with `"messages": false`.
#[utoipa::path(
    delete, path = "/v1/admin/users/{user_id}", tag = "admin", operation_id = "delete_account",
    request_body(content = Option<ReasonOrQuery>, description = "For clients that can send one; else `?reason=`"),
    params(
        ("user_id" = String, Path, description = "`user_…`"),
        ("reason" = Option<String>, Query, description = "Why, for the audit trail: 1 to 500 characters"),
    ),
    responses(
        (status = 204, description = "It is erased"),
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
pub(crate) async fn delete(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
    query: Query,
    Json(body): Json<ReasonOrQuery>,
) -> Result<Response, Failure> {
    require_permission(&actor, Permission::UsersErase)?;
    let reason = body.or_in(&query)?;
    auth.erase(&Act::of(actor, reason), user, false).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
