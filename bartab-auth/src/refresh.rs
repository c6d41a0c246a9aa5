//! Sessions are carried on by refresh tokens, each good once.

use bartab_core::Scopes;
use bartab_core::store::{AccountState, Rotation, RotationOutcome};

use crate::auth::Auth;
use crate::error::AuthError;
use crate::sessions::Tokens;
use crate::token::RefreshToken;

impl Auth {
    /// Carries a session on: the refresh token is spent and replaced. Using a spent one ends the session (RFC 9700
    /// section 4.14).
    ///
    /// `client_id` is the client that asks, when it says so; `scope` narrows the access token.
    ///
    /// Everything that can fail is done before the token is spent, so after [`StoreError::Unavailable`] the same token
    /// is still good. After [`StoreError::OutcomeUnknown`], or an answer that was lost, the caller tries the same token
    /// again: for [`Config::refresh_grace_seconds`](crate::Config::refresh_grace_seconds) it is answered with the same
    /// next one. After that a spent token is never answered with tokens, because a thief could not be told from its
    /// owner.
    ///
    /// # Errors
    /// [`AuthError::InvalidGrant`], [`AuthError::InvalidScope`], [`AuthError::Store`].
    ///
    /// [`StoreError::Unavailable`]: bartab_core::store::StoreError::Unavailable
    /// [`StoreError::OutcomeUnknown`]: bartab_core::store::StoreError::OutcomeUnknown
    pub async fn refresh(
        &self,
        refresh_token: &str,
        client_id: Option<&str>,
        scope: Option<Scopes>,
    ) -> Result<Tokens, AuthError> {
        let inner = &*self.0;
        let presented = RefreshToken::parse(refresh_token).ok_or(AuthError::InvalidGrant)?;
        let session = inner.stores.sessions.get(presented.session()).await?;
        let session = session.filter(|session| session.family == presented.family()).ok_or(AuthError::InvalidGrant)?;
        if client_id.is_some_and(|client| client != session.client_id) {
            return Err(AuthError::InvalidGrant);
        }
        let now = inner.clock.now();
        let next = presented.next(&*inner.random);
        let rotation = Rotation {
            session_id: presented.session(),
            family: presented.family(),
            presented: presented.secret(),
            next: next.secret(),
            successor: presented.conceal(&next),
            grace: inner.config.refresh_grace(),
            now,
            expires_at: now.after(inner.config.refresh_token_life()),
        };
        // A spent token ends the session whatever else is wrong with the request, unless it was spent a moment ago.
        if session.current != presented.secret() && !session.is_repeated(&rotation) {
            self.rotate(rotation, &presented, next).await?;
            return Err(AuthError::InvalidGrant);
        }
        if !session.is_live(now) {
            return Err(AuthError::InvalidGrant);
        }
        let scopes = scope.unwrap_or(session.scopes);
        if !scopes.is_subset(session.scopes) {
            return Err(AuthError::InvalidScope);
        }
        let account = inner.stores.accounts.get(session.user_id).await?;
        let Some(account) = account.filter(|account| account.state == AccountState::Active) else {
            self.end(session.user_id, session.session_id).await?;
            return Err(AuthError::InvalidGrant);
        };
        let tokens = self.tokens(&account, &session, scopes, &next, now).await?;
        let valid = self.rotate(rotation, &presented, next).await?.ok_or(AuthError::InvalidGrant)?;
        Ok(Tokens { refresh_token: valid.text(), ..tokens })
    }

    /// Spends a refresh token and gives the one that is good from now on: `next`, or the one that the lost answer named.
    /// The use of an older one ends the session.
    async fn rotate(
        &self,
        rotation: Rotation,
        presented: &RefreshToken,
        next: RefreshToken,
    ) -> Result<Option<RefreshToken>, AuthError> {
        let rotating = self.to_its_end(|auth| async move {
            let outcome = auth.0.stores.sessions.rotate(rotation).await?;
            if let RotationOutcome::Reused(session) = &outcome {
                tracing::warn!(session = %session.session_id, user = %session.user_id, "a spent refresh token was used");
                auth.ended(session.session_id);
            }
            Ok(outcome)
        });
        Ok(match rotating.await? {
            RotationOutcome::Rotated(_) => Some(next),
            RotationOutcome::Repeated(session) => {
                let successor = session.previous.and_then(|spent| spent.successor);
                successor.map(|successor| presented.reveal(&successor))
            }
            RotationOutcome::Reused(_) | RotationOutcome::Refused => None,
        })
    }
}
