//! Accounts: who belongs to the tenant, and how they prove it.

use std::fmt;

use async_trait::async_trait;

use crate::actor::TenantRole;
use crate::id::{MediaId, UserId};
use crate::store::StoreError;
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
    /// When it was made.
    pub created_at: Timestamp,
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
}

impl AccountState {
    /// The stable name, for a store's column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|state| state.name() == name)
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

/// The accounts of a tenant.
#[async_trait]
pub trait AccountStore: Send + Sync + 'static {
    /// Stores the whole account durably, or nothing of it; of two with one `username_key`, under any concurrency,
    /// exactly one is stored.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the `user_id` or the `username_key` is taken.
    async fn create(&self, account: Account) -> Result<(), StoreError>;

    /// Gives the account as of the last change that was acknowledged.
    async fn get(&self, user: UserId) -> Result<Option<Account>, StoreError>;

    /// Gives the account whose `username_key` is exactly this.
    async fn find(&self, username_key: &str) -> Result<Option<Account>, StoreError>;

    /// Applies the change with [`ProfileChange::apply`] in one atomic step, durably, and gives the account after it:
    /// of concurrent changes none is lost, and each that changes something has a `profile_rev` of its own.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such account.
    async fn change_profile(&self, user: UserId, change: ProfileChange) -> Result<Account, StoreError>;
}
