//! The endpoints of administration, and what their answers have in common.

pub(crate) mod audit;
pub(crate) mod erase;
pub(crate) mod key_retire;
pub(crate) mod key_rotate;
pub(crate) mod keys;
pub(crate) mod reset;
pub(crate) mod restore;
pub(crate) mod suspend;
pub(crate) mod user;
pub(crate) mod users;

use bartab_core::store::{Account, AccountKind};
use bartab_core::{MediaId, TenantRole, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::Failure;
use crate::query::Query;

/// Why something is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct Reason {
    /// Why, for the audit trail: 1 to 500 characters.
    pub(crate) reason: String,
}

/// Why something is taken away, unless the query says it: not every client sends a body with `DELETE`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeletionReason)]
pub(crate) struct ReasonOrQuery {
    /// Why, for the audit trail: 1 to 500 characters.
    reason: Option<String>,
}

impl ReasonOrQuery {
    /// The reason, from `query` when the body has none; empty when neither has.
    pub(crate) fn or_in(self, query: &Query) -> Result<String, Failure> {
        query.only(&["reason"])?;
        Ok(self.reason.or_else(|| query.text("reason").map(str::to_owned)).unwrap_or_default())
    }
}

/// An account, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub(crate) struct UserView {
    #[schema(value_type = String)]
    user_id: UserId,
    /// The name to sign in with; empty once the account is erased.
    username: String,
    /// The name that others see; empty once the account is erased.
    display_name: String,
    #[schema(value_type = Option<String>)]
    avatar: Option<MediaId>,
    /// `person` or `bot`.
    kind: &'static str,
    /// Who answers for the bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    owner: Option<UserId>,
    /// `guest`, `member`, `moderator`, `administrator` or `owner`.
    #[schema(value_type = String)]
    role: TenantRole,
    /// `active`, `suspended` or `erased`.
    state: &'static str,
    /// How much the account may ask, in percent of what everybody may.
    rate_percent: u32,
    /// Whether a second factor is asked for when it signs in.
    second_factor: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Account> for UserView {
    fn from(account: Account) -> Self {
        let owner = match account.kind {
            AccountKind::Bot { owner } => Some(owner),
            _ => None,
        };
        Self {
            user_id: account.user_id,
            username: account.username,
            display_name: account.display_name,
            avatar: account.avatar,
            kind: if owner.is_some() { "bot" } else { "person" },
            owner,
            role: account.role,
            state: account.state.name(),
            rate_percent: account.rate_percent,
            second_factor: account.second_factor.is_some_and(|factor| factor.confirmed),
            created_at: account.created_at,
        }
    }
}
