//! Signing up: who may make an account of their own.

use std::fmt;

use bartab_core::TenantRole;
use bartab_core::store::{Admission, AuditActor, Invite, StoreError, TokenHash};
use serde_json::json;

use crate::accounts::NewAccount;
use crate::audit::with_details;
use crate::auth::Auth;
use crate::config::RegistrationPolicy;
use crate::error::AuthError;
use crate::invites::highest_grant;
use crate::rules::username_key;
use crate::sessions::{NewSession, Tokens};

/// An account that somebody makes for themselves; `Debug` shows neither the password nor the invite.
#[derive(Clone, Copy)]
pub struct NewRegistration<'a> {
    /// The name to sign in with, as [`NewAccount::username`] has it; names of offices, such as `admin`, are kept for the
    /// operator.
    pub username: &'a str,
    /// The password, 8 to 128 characters.
    pub password: &'a str,
    /// The name that others see, 1 to 64 characters; the username when there is none.
    pub display_name: Option<&'a str>,
    /// The code of an invite, where one is needed; elsewhere it counts all the same.
    pub invite: Option<&'a str>,
}

impl<'a> NewRegistration<'a> {
    /// A username and a password, without an invite.
    pub const fn new(username: &'a str, password: &'a str) -> Self {
        Self { username, password, display_name: None, invite: None }
    }
}

impl fmt::Debug for NewRegistration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRegistration")
            .field("username", &self.username)
            .field("display_name", &self.display_name)
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Makes an account as the tenant's policy allows it to anybody, or to whoever has an invite, and signs it in.
    ///
    /// An invite counts also where none is needed: it gives a role, and rooms to join. Whether it is unknown, used up,
    /// expired or taken back is not told.
    ///
    /// # Errors
    /// [`AuthError::RegistrationClosed`], [`AuthError::InviteRequired`], [`AuthError::InviteInvalid`],
    /// [`AuthError::Invalid`], [`AuthError::UsernameTaken`], [`AuthError::Busy`]; [`StoreError::OutcomeUnknown`] also
    /// when the account is made but cannot be signed in: its owner can then do so with [`Auth::login`].
    pub async fn register(&self, new: NewRegistration<'_>) -> Result<Tokens, AuthError> {
        let NewRegistration { username, password, display_name, invite } = new;
        let code = needed_invite(self.0.config.registration, invite)?;
        let new = NewAccount { display_name, ..NewAccount::member(username, password) };
        let mut broken = new.check();
        broken.not_reserved(&username_key(username));
        broken.into_result()?;
        // Asked before anything else of the store, so that only who may sign up learns which names are taken.
        let invite = match code {
            Some(code) => Some(self.usable_invite(code).await?),
            None => None,
        };
        let role = invite.as_ref().map_or(TenantRole::Member, |invite| invite.role);
        let account = self.draft(NewAccount { role, ..new }).await?;
        let admission = invite.map_or_else(Admission::default, |invite| {
            let audit = self.audited_by(AuditActor::User(account.user_id), "account.registered", account.user_id, None);
            let details = json!({"invite_id": invite.invite_id, "role": role});
            Admission {
                invite: Some((invite.invite_id, account.created_at)),
                audit: Some(with_details(audit, &details)),
                ..Admission::default()
            }
        });
        let account = self.admit(account, admission).await?;
        let session = NewSession::own(&account, None, "pwd");
        self.start_session(&account, session).await.map_err(|error| match error {
            AuthError::Store(StoreError::OutcomeUnknown(_)) => error,
            // Any other failure would say that nothing was written, and the account was.
            error => AuthError::Store(StoreError::OutcomeUnknown(error.into())),
        })
    }

    /// The invite with this code, when somebody can come by it now, and when whoever made it could still make it.
    async fn usable_invite(&self, code: &str) -> Result<Invite, AuthError> {
        let inner = &*self.0;
        let invite = inner.stores.invites.find(&TokenHash::of(code.as_bytes())).await?;
        let invite = invite.filter(|invite| invite.is_usable(inner.clock.now())).ok_or(AuthError::InviteInvalid)?;
        let Some(inviter) = invite.created_by else { return Ok(invite) };
        let inviter = inner.stores.accounts.get(inviter).await?.ok_or(AuthError::InviteInvalid)?;
        let rights = self.rights(&inviter).await?.ok_or(AuthError::InviteInvalid)?;
        let grant = highest_grant(rights.role, inner.config.member_invites);
        if grant.is_some_and(|highest| invite.role <= highest) { Ok(invite) } else { Err(AuthError::InviteInvalid) }
    }
}

/// The invite that has to be looked at, if any, by what the policy says.
fn needed_invite(policy: RegistrationPolicy, invite: Option<&str>) -> Result<Option<&str>, AuthError> {
    match (policy, invite) {
        (RegistrationPolicy::Closed, _) => Err(AuthError::RegistrationClosed),
        (RegistrationPolicy::Invite, None) => Err(AuthError::InviteRequired),
        (RegistrationPolicy::Invite | RegistrationPolicy::Open, invite) => Ok(invite),
    }
}
