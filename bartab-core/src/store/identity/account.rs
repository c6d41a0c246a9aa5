//! Accounts: who belongs to the tenant, and how they prove it.

use std::fmt;

use async_trait::async_trait;

use crate::actor::TenantRole;
use crate::id::{InviteId, MediaId, UserId};
use crate::store::{AccountChange, AuditRecord, OAuthClient, SecondFactor, StoreError};
use crate::time::Timestamp;

/// The record of a person or a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who it is; never changes.
    pub user_id: UserId,
    /// The name to sign in with, as it is shown.
    pub username: String,
    /// The form of the name that is unique; the service chooses it, the store only compares bytes.
    pub username_key: String,
    /// What sort of account it is.
    pub kind: AccountKind,
    /// The name that others see.
    pub display_name: String,
    /// The picture.
    pub avatar: Option<MediaId>,
    /// Rises by one with every change of the profile; 1 at first.
    pub profile_rev: u64,
    /// The password as a PHC string; without one nobody signs in by password.
    pub password: Option<PasswordHash>,
    /// The role in the tenant as a whole.
    pub role: TenantRole,
    /// Whether it may be used.
    pub state: AccountState,
    /// Of one that is erased: what it wrote goes, too. It stays so.
    pub messages_erased: bool,
    /// The second factor, when the person has one.
    pub second_factor: Option<SecondFactor>,
    /// How much it may ask, in percent of what everybody may; 100 at first.
    pub rate_percent: u32,
    /// Rises by one with every change that takes something from it, and with those of a bot's owner; 0 at first. Access
    /// tokens say it: those of an earlier one are good no more.
    pub rights_rev: u64,
    /// When `rights_rev` rose last; when the account was made, at first.
    pub rights_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// Makes the access tokens that are about good no more.
    pub(crate) fn revoke(&mut self, at: Timestamp) {
        self.rights_rev += 1;
        self.rights_at = at;
    }
}

/// What sort of account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountKind {
    /// A person.
    Person,
    /// A program.
    Bot {
        /// Who answers for it.
        owner: UserId,
    },
}

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountState {
    /// It may.
    Active,
    /// It may not, until it is restored.
    Suspended,
    /// It may never again: the person is gone, and what named them is erased.
    Erased,
}

impl AccountState {
    /// The stable name, for a store's column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Erased => "erased",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Erased].into_iter().find(|state| state.name() == name)
    }
}

/// A password's hash as a PHC string (`$argon2id$v=19$…`); `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash with this text.
    pub fn new(phc: impl Into<String>) -> Self {
        Self(phc.into())
    }

    /// The text, for the store's column and for checking a password.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What to change in a profile; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The new name.
    pub display_name: Option<String>,
    /// The new picture, or none any more.
    pub avatar: Option<Option<MediaId>>,
}

impl ProfileChange {
    /// Changes `account`; its `profile_rev` rises by one if, and only if, something is different afterwards.
    ///
    /// Answers whether that was so.
    pub fn apply(&self, account: &mut Account) -> bool {
        let name = self.display_name.as_ref().filter(|name| **name != account.display_name);
        let avatar = self.avatar.filter(|avatar| *avatar != account.avatar);
        if name.is_none() && avatar.is_none() {
            return false;
        }
        if let Some(name) = name {
            account.display_name.clone_from(name);
        }
        if let Some(avatar) = avatar {
            account.avatar = avatar;
        }
        account.profile_rev += 1;
        true
    }
}

/// Who somebody is to another issuer: the two together name one person for ever.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalIdentity {
    /// The issuer, as its tokens say.
    pub issuer: String,
    /// The issuer's name for the person: `sub`.
    pub subject: String,
}

/// What comes with a new account, in the same step.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// The invite that lets it in, and when; one use of it is counted, and its rooms go into the feed.
    pub invite: Option<(InviteId, Timestamp)>,
    /// Who it is to another issuer.
    pub external: Option<ExternalIdentity>,
    /// The client that the account signs in with: a bot's own.
    pub client: Option<OAuthClient>,
    /// What the audit trail says of it.
    pub audit: Option<AuditRecord>,
}

/// Which accounts to list; every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// The `username_key` begins with this.
    pub prefix: Option<String>,
    /// It has this role.
    pub role: Option<TenantRole>,
    /// It is in this state.
    pub state: Option<AccountState>,
    /// It is a bot of this person.
    pub owner: Option<UserId>,
    /// It is a bot, or it is none.
    pub bot: Option<bool>,
}

impl AccountFilter {
    /// Whether `account` is among those that are meant.
    pub fn admits(&self, account: &Account) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| account.username_key.starts_with(prefix))
            && self.role.is_none_or(|role| account.role == role)
            && self.state.is_none_or(|state| account.state == state)
            && self.owner.is_none_or(|owner| account.kind == AccountKind::Bot { owner })
            && self.bot.is_none_or(|bot| bot == matches!(account.kind, AccountKind::Bot { .. }))
    }
}

/// The accounts of a tenant.
///
/// What others must know of is written into the [`AccountFeed`](crate::store::AccountFeed) in the same step as the
/// change, and so is what the audit trail says.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Stores the whole account and what comes with it durably, or nothing of it; of two with one `username_key`, one
    /// external identity, or the last use of one invite, under any concurrency, exactly one is stored.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the `user_id`, the `username_key`, the external identity or the client's id is
    /// taken; [`StoreError::NotFound`] when the invite cannot be used ([`Invite::is_usable`](crate::store::Invite)).
    async fn create(&self, account: Account, admission: Admission) -> Result<(), StoreError>;

    /// Gives the account as of the last change that was acknowledged.
    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError>;

    /// Gives the account whose `username_key` is exactly this.
    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError>;

    /// Gives the account that is this to another issuer.
    async fn find_external(&self, identity: &ExternalIdentity) -> Result<Option<Account>, StoreError>;

    /// Gives who `user` is to other issuers, in order.
    async fn external_identities(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError>;

    /// Says durably that `user` is this to another issuer, and writes `audit`, in one atomic step; the same again changes and
    /// writes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is somebody else already, [`StoreError::NotFound`] when there is no such account, or
    /// it is not active.
    async fn link(
        &self,
        user: UserId,
        identity: ExternalIdentity,
        audit: Option<AuditRecord>,
    ) -> Result<(), StoreError>;

    /// Says durably that `user` is nobody to this issuer any more, and writes `audit`, in one atomic step; answers whether they
    /// were somebody. If not, nothing is written.
    async fn unlink(&self, user: UserId, issuer: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError>;

    /// Gives up to `limit` accounts that `filter` admits, by rising `user_id`, from the first one above `after` on.
    async fn list(
        &self,
        filter: &AccountFilter,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError>;

    /// Applies the change with [`AccountChange::apply`] in one atomic step, durably, and gives the account after it: of
    /// concurrent changes none is lost.
    ///
    /// The feed gets an entry if the change gives news; `audit` is written unless the change is refused.
    /// [`AccountChange::Erase`] also removes, in this step and each time, the external identities, the consents, the tickets, the
    /// clients and the names in sessions of the account; [`AccountChange::Reset`] those external identities that
    /// [`AccountStore::link`] has added, and not the one that the account was made with. When the change raises
    /// `rights_rev`, that of every bot of the
    /// account rises by one, too, in this step.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such account; what `apply` answers.
    async fn change(
        &self,
        user: UserId,
        change: AccountChange,
        at: Timestamp,
        audit: Option<AuditRecord>,
    ) -> Result<Account, StoreError>;

    /// Gives every account whose `rights_at` is `since` or later, with its `rights_rev`, in any order; only those whose
    /// `rights_rev` has ever risen.
    ///
    /// A service that opens asks for those whose access tokens may still be about.
    async fn rights_changed_since(&self, since: Timestamp) -> Result<Vec<(UserId, u64)>, StoreError>;
}
