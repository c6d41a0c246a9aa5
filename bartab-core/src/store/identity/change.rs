//! What changes an account, as pure functions: every store applies the same.

use crate::actor::TenantRole;
use crate::store::{Account, AccountNews, AccountState, PasswordHash, ProfileChange, SecondFactorChange, StoreError};
use crate::time::Timestamp;

/// A change of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountChange {
    /// The profile.
    Profile(ProfileChange),
    /// The role in the tenant.
    Role(TenantRole),
    /// The account may not be used until it is restored.
    Suspend,
    /// It may be used again.
    Restore,
    /// Another password, or none any more.
    Password(Option<PasswordHash>),
    /// The same password, hashed anew from `from`; another one that was set in between stays.
    Rehash {
        /// The hash that it was checked against.
        from: PasswordHash,
        /// The new hash.
        to: PasswordHash,
    },
    /// The second factor.
    SecondFactor(SecondFactorChange),
    /// How much it may ask, in percent of what everybody may.
    RatePercent(u32),
    /// Nothing but that the access tokens that are about are good no more.
    Revoke,
    /// Password and second factor are gone, and so are the external identities that were linked to the account after it was
    /// made, which the store removes.
    Reset,
    /// The person is gone: names, password and second factor are erased, and the username is free again. It can be done
    /// again, also to erase then what they wrote; what is erased stays so.
    Erase {
        /// Whether what they wrote goes too.
        messages: bool,
    },
}

impl AccountChange {
    /// Changes `account` at `at`, and gives what others must know of it; `None` when there is nothing, also because nothing is
    /// different afterwards. What its access tokens say too much of then raises `rights_rev`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the account is erased and the change does not erase, or its second factor does not
    /// allow the change; it is then as it was.
    pub fn apply(&self, account: &mut Account, at: Timestamp) -> Result<Option<AccountNews>, StoreError> {
        if account.state == AccountState::Erased {
            let Self::Erase { messages } = self else { return Err(StoreError::Conflict) };
            let more = *messages && replace(&mut account.messages_erased, true);
            return Ok(more.then_some(AccountNews::Erased { messages: true }));
        }
        if self.revokes(account) {
            account.revoke(at);
        }
        Ok(match self {
            Self::Profile(change) => change.apply(account).then_some(AccountNews::Profile),
            Self::Role(role) => replace(&mut account.role, *role).then_some(AccountNews::Role),
            Self::Suspend => replace(&mut account.state, AccountState::Suspended).then_some(AccountNews::Suspended),
            Self::Restore => replace(&mut account.state, AccountState::Active).then_some(AccountNews::Restored),
            Self::Password(password) => {
                account.password.clone_from(password);
                None
            }
            Self::Rehash { from, to } => {
                if account.password.as_ref() == Some(from) {
                    account.password = Some(to.clone());
                }
                None
            }
            Self::SecondFactor(change) => {
                change.apply(&mut account.second_factor)?;
                None
            }
            Self::RatePercent(percent) => {
                account.rate_percent = *percent;
                None
            }
            Self::Revoke => None,
            Self::Reset => {
                account.password = None;
                account.second_factor = None;
                None
            }
            Self::Erase { messages } => {
                account.username.clear();
                // No username begins with a tilde, so nobody else holds this one.
                account.username_key = format!("~{}", account.user_id);
                account.display_name.clear();
                account.avatar = None;
                account.profile_rev += 1;
                account.password = None;
                account.second_factor = None;
                account.role = TenantRole::Guest;
                account.rate_percent = 100;
                account.state = AccountState::Erased;
                account.messages_erased = *messages;
                Some(AccountNews::Erased { messages: *messages })
            }
        })
    }

    /// Whether the access tokens of `account`, as it is before the change, say too much after it.
    fn revokes(&self, account: &Account) -> bool {
        match self {
            Self::Role(role) => account.role != *role,
            Self::Suspend => account.state != AccountState::Suspended,
            Self::RatePercent(percent) => account.rate_percent != *percent,
            Self::Erase { .. } | Self::Revoke | Self::Reset => true,
            // A session that has to end with a password is ended by itself; the caller's own goes on.
            Self::Profile(_) | Self::Restore | Self::Password(_) | Self::Rehash { .. } | Self::SecondFactor(_) => false,
        }
    }
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    *place = value;
    differs
}
