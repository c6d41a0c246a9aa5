//! Letting people sign in with a provider to an account that they have.
//!
//! Who links an account comes in by the provider from then on, so it takes what a first password takes: a sign-in of the
//! person's own, of a moment ago, which has not ended when the provider answers.

use bartab_core::store::{AuditActor, ExternalIdentity, StoreError};
use bartab_core::{Actor, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::config::ProviderConfig;
use super::error::ProviderError;
use crate::audit::with_details;
use crate::auth::Auth;
use crate::browser::session::BrowserSession;
use crate::error::AuthError;
use crate::owner::is_recent;

/// Whoever is to be somebody at a provider from then on, and the sign-in of theirs that lets them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Linking {
    pub(super) user: UserId,
    session: SessionId,
}

impl Auth {
    /// The caller, when they may be linked.
    ///
    /// # Errors
    /// Those of [`Auth::owner`]; [`AuthError::SignInAgain`].
    pub(crate) async fn linking(&self, actor: &Actor) -> Result<Linking, AuthError> {
        let account = self.owner(actor).await?;
        Ok(Linking { user: account.user_id, session: self.recent_sign_in(actor).await? })
    }

    /// Whoever is signed in in a browser, when they may be linked.
    ///
    /// # Errors
    /// [`AuthError::SignInAgain`].
    pub(crate) fn linking_here(&self, present: &BrowserSession) -> Result<Linking, AuthError> {
        if is_recent(&present.session, self.0.clock.now()) {
            Ok(Linking { user: present.account.user_id, session: present.session.session_id })
        } else {
            Err(AuthError::SignInAgain)
        }
    }

    /// Says that whoever began it is this at the provider from now on.
    ///
    /// # Errors
    /// [`ProviderError::Taken`], [`AuthError::Suspended`], [`AuthError::AccountNotFound`]; [`AuthError::SignInAgain`] when the
    /// sign-in that let them has ended meanwhile.
    pub(super) async fn link_external(
        &self,
        Linking { user, session }: Linking,
        config: &ProviderConfig,
        identity: ExternalIdentity,
    ) -> Result<(), AuthError> {
        let details = json!({"provider": config.id});
        // In turn, so that a suspension or a reset meanwhile is not followed by a new way in.
        self.in_turn(move |auth| async move {
            auth.active(auth.account(user).await?)?;
            let session = auth.0.stores.sessions.get(session).await?;
            if session.is_none_or(|session| session.user_id != user || !session.is_live(auth.0.clock.now())) {
                return Err(AuthError::SignInAgain);
            }
            let audit = auth.audited_by(AuditActor::User(user), "account.linked", user, None);
            let audit = with_details(audit, &details);
            auth.0.stores.accounts.link(user, identity, Some(audit)).await.map_err(|error| match error {
                StoreError::Conflict => ProviderError::Taken.into(),
                StoreError::NotFound => AuthError::AccountNotFound,
                error => error.into(),
            })
        })
        .await
    }
}
