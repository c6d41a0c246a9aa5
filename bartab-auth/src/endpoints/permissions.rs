//! `GET /v1/me/permissions`

use axum::response::Response;
use bartab_core::TenantRole;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Tenant};
use crate::rights::{RULES, Why};

/// What the caller may do in the tenant as a whole, with these credentials.
#[derive(Serialize, ToSchema)]
pub(crate) struct Permissions {
    /// The role that counts: a bot's is at most its owner's.
    #[schema(value_type = String)]
    role: TenantRole,
    /// What the credentials carry.
    scopes: Vec<String>,
    permissions: Vec<PermissionView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Permission)]
pub(crate) struct PermissionView {
    /// `users.suspend`
    permission: &'static str,
    allowed: bool,
    /// What gives it or withholds it: `role`, the caller's own; `owner`, the role of the bot's owner; `scope`, which
    /// the credentials lack; `second_factor`, which administrators have to sign in with; `kind`, such callers never have
    /// it; `client`, only a sign-in with our own client has it, and no app; `configuration`, the operator's.
    #[schema(value_type = String)]
    why: Why,
    needs: Needs,
}

/// What it takes.
#[derive(Serialize, ToSchema)]
#[schema(as = PermissionNeeds)]
pub(crate) struct Needs {
    scope: &'static str,
    /// The least role.
    #[schema(value_type = String)]
    role: TenantRole,
}

/// Say what the caller may do in the tenant as a whole, and why; for a room, chat does.
#[utoipa::path(
    get, path = "/v1/me/permissions", tag = "auth", operation_id = "get_permissions",
    responses(
        (status = 200, description = "Every permission there is", body = Permissions),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn handler(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    let background = auth.background(&actor).await?;
    let permissions = RULES.iter().map(|rule| {
        let (allowed, why) = auth.explain(rule, &actor, background);
        let needs = Needs { scope: rule.scope.name(), role: rule.role };
        PermissionView { permission: rule.name, allowed, why, needs }
    });
    let answer = Permissions {
        role: actor.tenant_role,
        scopes: actor.scopes.to_string().split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        permissions: permissions.collect(),
    };
    answer::json(StatusCode::OK, &answer)
}
