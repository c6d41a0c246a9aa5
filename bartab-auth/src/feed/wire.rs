//! Entries of the account feed as JSON.

use bartab_core::store::{AccountEntry, AccountKind, AccountNews, AccountState, BoxError};
use bartab_core::{MediaId, Profile, RoomId, TenantRole, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What happened to an account, and the account as it is now.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = AccountEntry)]
pub(crate) struct EntryView {
    /// The entry's place in the feed: from 1, without a gap.
    number: u64,
    #[schema(value_type = String)]
    user_id: UserId,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    news: AccountNewsView,
    /// `person` or `bot`.
    kind: KindView,
    /// Who answers for the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    owner: Option<UserId>,
    /// The role now: `guest`, `member`, `moderator`, `administrator` or `owner`.
    #[schema(value_type = String)]
    role: TenantRole,
    /// `active`, `suspended` or `erased`, as it is now.
    state: String,
    profile: AccountProfileView,
}

/// What happened to it.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = AccountNews)]
pub(crate) enum AccountNewsView {
    /// It was made.
    Created {
        /// The rooms that its invite names.
        #[schema(value_type = Vec<String>)]
        rooms: Vec<RoomId>,
        /// Who made the invite.
        #[schema(value_type = Option<String>)]
        invited_by: Option<UserId>,
    },
    /// The profile is another one.
    Profile,
    /// The role is another one.
    Role,
    /// It may not be used until it is restored.
    Suspended,
    /// It may be used again.
    Restored,
    /// The person is gone.
    Erased {
        /// Whether what they wrote goes too.
        messages: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccountKind)]
enum KindView {
    Person,
    Bot,
}

/// How others see the account now; with an empty name once it is erased.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = AccountProfile)]
pub(crate) struct AccountProfileView {
    display_name: String,
    #[schema(value_type = Option<String>)]
    avatar: Option<MediaId>,
    /// Rises with every change.
    rev: u64,
}

impl TryFrom<AccountEntry> for EntryView {
    type Error = BoxError;

    fn try_from(entry: AccountEntry) -> Result<Self, BoxError> {
        let (kind, owner) = match entry.kind {
            AccountKind::Person => (KindView::Person, None),
            AccountKind::Bot { owner } => (KindView::Bot, Some(owner)),
            kind => return Err(format!("the feed has no name for {kind:?}").into()),
        };
        let news = match entry.news {
            AccountNews::Created { rooms, invited_by } => AccountNewsView::Created { rooms, invited_by },
            AccountNews::Profile => AccountNewsView::Profile,
            AccountNews::Role => AccountNewsView::Role,
            AccountNews::Suspended => AccountNewsView::Suspended,
            AccountNews::Restored => AccountNewsView::Restored,
            AccountNews::Erased { messages } => AccountNewsView::Erased { messages },
            news => return Err(format!("the feed has no name for {news:?}").into()),
        };
        Ok(Self {
            number: entry.number,
            user_id: entry.user_id,
            at: entry.at,
            news,
            kind,
            owner,
            role: entry.role,
            state: entry.state.name().to_owned(),
            profile: AccountProfileView {
                display_name: entry.profile.name.as_ref().to_owned(),
                avatar: entry.profile.avatar,
                rev: entry.profile.rev,
            },
        })
    }
}

impl TryFrom<EntryView> for AccountEntry {
    type Error = BoxError;

    fn try_from(view: EntryView) -> Result<Self, BoxError> {
        let kind = match (view.kind, view.owner) {
            (KindView::Person, None) => AccountKind::Person,
            (KindView::Bot, Some(owner)) => AccountKind::Bot { owner },
            _ => return Err("a bot has an owner, and nobody else has one".into()),
        };
        let news = match view.news {
            AccountNewsView::Created { rooms, invited_by } => AccountNews::Created { rooms, invited_by },
            AccountNewsView::Profile => AccountNews::Profile,
            AccountNewsView::Role => AccountNews::Role,
            AccountNewsView::Suspended => AccountNews::Suspended,
            AccountNewsView::Restored => AccountNews::Restored,
            AccountNewsView::Erased { messages } => AccountNews::Erased { messages },
        };
        let AccountProfileView { display_name, avatar, rev } = view.profile;
        Ok(Self {
            number: view.number,
            user_id: view.user_id,
            at: view.at,
            news,
            kind,
            role: view.role,
            state: AccountState::from_name(&view.state).ok_or("an account has no such state")?,
            profile: Profile { name: display_name.into(), avatar, rev },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_the_same_after_the_way_as_json() {
        let owner = UserId::from_u128(2);
        let news = [
            AccountNews::Created { rooms: vec![RoomId::from_u128(7)], invited_by: Some(owner) },
            AccountNews::Created { rooms: Vec::new(), invited_by: None },
            AccountNews::Profile,
            AccountNews::Role,
            AccountNews::Suspended,
            AccountNews::Restored,
            AccountNews::Erased { messages: true },
        ];
        for (index, news) in news.into_iter().enumerate() {
            for kind in [AccountKind::Person, AccountKind::Bot { owner }] {
                for state in [AccountState::Active, AccountState::Suspended, AccountState::Erased] {
                    let entry = AccountEntry {
                        number: index as u64 + 1,
                        user_id: UserId::from_u128(1),
                        at: Timestamp::from_millis(1_750_000_000_123),
                        news: news.clone(),
                        kind,
                        role: TenantRole::Moderator,
                        state,
                        profile: Profile { name: "A\u{301}".into(), avatar: Some(MediaId::from_u128(3)), rev: 4 },
                    };
                    let json = serde_json::to_string(&EntryView::try_from(entry.clone()).unwrap()).unwrap();
                    let view: EntryView = serde_json::from_str(&json).unwrap();
                    assert_eq!(AccountEntry::try_from(view).unwrap(), entry, "{json}");
                }
            }
        }
    }
}
