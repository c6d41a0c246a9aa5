//! The account feed: what other services must know of accounts, numbered, each change once.

use async_trait::async_trait;

use crate::actor::{Profile, TenantRole};
use crate::id::{RoomId, UserId};
use crate::store::{AccountKind, AccountState, StoreError};
use crate::time::Timestamp;

/// What happened to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountNews {
    /// It was made.
    Created {
        /// The rooms that its invite names: the person joins them.
        rooms: Vec<RoomId>,
        /// Who made the invite: a room that not everybody sees is joined only while this person could ask others in.
        /// `None`: the operator, or there was no invite.
        invited_by: Option<UserId>,
    },
    /// The profile is another one.
    Profile,
    /// The role in the tenant is another one.
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

/// An entry of the feed: what happened, and the account as it is *when the feed is read*.
///
/// A reader that is behind therefore sees some changes before their entry; `profile.rev` tells it what it has already.
/// Nothing that names a person is kept in the feed itself, so nothing needs to be erased from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// The entry's place in the feed: from 1, gapless, in the order in which the changes became durable.
    pub number: u64,
    /// Whose account.
    pub user_id: UserId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub news: AccountNews,
    /// What sort of account it is.
    pub kind: AccountKind,
    /// Its role now.
    pub role: TenantRole,
    /// Whether it may be used now.
    pub state: AccountState,
    /// Its profile now; an erased one has an empty name.
    pub profile: Profile,
}

/// The numbered changes of a tenant's accounts.
///
/// Chat and media read it from the number that they have acted on last, and act on each entry with its number, so that
/// each takes effect exactly once, also after a crash between the two.
#[async_trait]
pub trait AccountFeed: Send + Sync + 'static {
    /// Gives up to `limit` entries with a number above `position`, by rising number, without a gap: an entry that is
    /// given was durable, and every entry below it was given or is at or below `position`.
    async fn after(&self, position: u64, limit: usize) -> Result<Vec<AccountEntry>, StoreError>;
}
