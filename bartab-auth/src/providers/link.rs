//! Letting people sign in with a provider to an account that they have.
//!
//! Who links an account comes in by the provider from then on, so it takes what a first password takes: a sign-in of the
//! person's own, of a moment ago, which has not ended when the provider answers.

use bartab_core::store::{Account, AuditActor, ExternalIdentity, StoreError};
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
use crate::turn::half_done;

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
            auth.still_there(user, session).await?;
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

    /// Who the caller is to other issuers, in order.
    ///
    /// # Errors
    /// Those of [`Auth::owner`].
    pub(crate) async fn own_identities(&self, actor: &Actor) -> Result<Vec<ExternalIdentity>, AuthError> {
        let account = self.owner(actor).await?;
        Ok(self.0.stores.accounts.external_identities(account.user_id).await?)
    }

    /// Makes the caller nobody at the provider, and ends their other sessions, also when they are nobody there already: one
    /// may have been opened by it.
    ///
    /// # Errors
    /// Those of [`Auth::linking`]; [`ProviderError::NotFound`], [`ProviderError::NotLinked`];
    /// [`ProviderError::LastSignIn`] when nobody could sign in to the account any more.
    pub(crate) async fn unlink_provider(&self, actor: &Actor, id: &str) -> Result<(), AuthError> {
        let issuer = self.0.providers.find(id)?.config().issuer.clone();
        let Linking { user, session } = self.linking(actor).await?;
        let details = json!({"provider": id});
        // In turn, so that of two ways in that are taken back at once one stays.
        self.in_turn(move |auth| async move {
            let account = auth.still_there(user, session).await?;
            let identities = auth.0.stores.accounts.external_identities(user).await?;
            if identities.iter().all(|identity| identity.issuer != issuer) {
                // Maybe this is asked again because only half of it was done the first time.
                auth.end_all_but(user, Some(session)).await.map_err(half_done)?;
                return Err(ProviderError::NotLinked.into());
            }
            let mut others = identities.iter().filter(|identity| identity.issuer != issuer);
            if account.password.is_none() && !others.any(|identity| auth.lets_in(&identity.issuer)) {
                return Err(ProviderError::LastSignIn.into());
            }
            let audit = auth.audited_by(AuditActor::User(user), "account.unlinked", user, None);
            auth.0.stores.accounts.unlink(user, &issuer, Some(with_details(audit, &details))).await?;
            auth.end_all_but(user, Some(session)).await.map_err(half_done)
        })
        .await
    }

    /// The account, when it may be used and the session that lets its owner change how they sign in has not ended.
    async fn still_there(&self, user: UserId, session: SessionId) -> Result<Account, AuthError> {
        let account = self.active(self.account(user).await?)?;
        let session = self.0.stores.sessions.get(session).await?;
        let now = self.0.clock.now();
        let live = session.is_some_and(|session| session.user_id == user && session.is_live(now));
        if live { Ok(account) } else { Err(AuthError::SignInAgain) }
    }

    /// Whether people of the issuer get in here.
    fn lets_in(&self, issuer: &str) -> bool {
        self.0.providers.configs().any(|provider| provider.issuer == issuer)
            || self.0.config.token_exchange.iter().any(|trusted| trusted.issuer == issuer)
    }
}
