//! `GET /v1/admin/users/{user_id}`

use axum::response::Response;
use bartab_core::UserId;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::acts::Authority;
use crate::administration::AccountDetail;
use crate::answer::{self, Failure};
use crate::endpoints::admin::UserView;
use crate::extract::{Caller, PathId, Tenant};

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
pub(crate) async fn handler(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    PathId(user): PathId<UserId>,
) -> Result<Response, Failure> {
    let AccountDetail { account, live_sessions, external } =
        auth.account_detail(&Authority::Caller(actor), user).await?;
    let external = external.into_iter();
    let external = external.map(|identity| External { issuer: identity.issuer, subject: identity.subject });
    let detail = UserDetail { user: account.into(), sessions: live_sessions, external_identities: external.collect() };
    answer::json(StatusCode::OK, &detail)
}
