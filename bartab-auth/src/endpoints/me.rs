//! `GET, PATCH /v1/me`

use axum::response::Response;
use bartab_core::store::{Account, AccountKind, ProfileChange};
use bartab_core::{MediaId, TenantRole, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::answer::{self, Failure};
use crate::extract::{Caller, Json, Tenant};
use crate::second_factor::confirmed;

/// The caller's own account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    #[schema(value_type = String)]
    user_id: UserId,
    /// The name to sign in with.
    username: String,
    /// The name that others see.
    display_name: String,
    /// The picture's media id.
    #[schema(value_type = Option<String>)]
    avatar: Option<MediaId>,
    /// Rises by one with every change of name or picture.
    profile_rev: u64,
    /// `person` or `bot`.
    kind: &'static str,
    /// `guest`, `member`, `moderator`, `administrator` or `owner`.
    #[schema(value_type = String)]
    role: TenantRole,
    /// Whether there is a password to sign in with.
    has_password: bool,
    mfa: Mfa,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// The second factor.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mfa {
    /// Whether codes by the clock are asked for.
    totp: bool,
    /// How many recovery codes are still good.
    recovery_codes: usize,
}

impl From<Account> for Me {
    fn from(account: Account) -> Self {
        let factor = confirmed(&account);
        Self {
            has_password: account.password.is_some(),
            mfa: Mfa { totp: factor.is_some(), recovery_codes: factor.map_or(0, |factor| factor.recovery.len()) },
            user_id: account.user_id,
            username: account.username,
            display_name: account.display_name,
            avatar: account.avatar,
            profile_rev: account.profile_rev,
            kind: if matches!(account.kind, AccountKind::Bot { .. }) { "bot" } else { "person" },
            role: account.role,
            created_at: account.created_at,
        }
    }
}

/// What to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeChange {
    /// The name that others see, 1 to 64 characters.
    display_name: Option<String>,
    /// The picture, `media_…`; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    avatar: Option<Option<MediaId>>,
}

/// Tells null from what is left out.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<MediaId>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Read one's own account.
#[utoipa::path(
    get, path = "/v1/me", tag = "auth", operation_id = "get_me",
    responses(
        (status = 200, description = "The account", body = Me),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn read(Tenant(auth): Tenant, Caller(actor): Caller) -> Result<Response, Failure> {
    answer::json(StatusCode::OK, &Me::from(auth.account(actor.user_id).await?))
}

/// Change one's own profile. The next access token carries it, and with that the others see it.
#[utoipa::path(
    patch, path = "/v1/me", tag = "auth", operation_id = "change_me", request_body = MeChange,
    responses(
        (status = 200, description = "The account as it is now", body = Me),
        (status = 400, description = "`request.invalid`, `request.invalid_json`"),
        (status = 401, description = "`auth.required`, `auth.invalid_token`"),
        (status = 403, description = "`auth.insufficient_scope`"),
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn change(
    Tenant(auth): Tenant,
    Caller(actor): Caller,
    Json(body): Json<MeChange>,
) -> Result<Response, Failure> {
    let change = ProfileChange { display_name: body.display_name, avatar: body.avatar };
    answer::json(StatusCode::OK, &Me::from(auth.change_profile(&actor, change).await?))
}
