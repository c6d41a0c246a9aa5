//! One's own account, as both endpoints answer it.

pub(crate) mod change;
pub(crate) mod read;

use bartab_core::store::{Account, AccountKind};
use bartab_core::{MediaId, TenantRole, Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

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
