//! Sessions: opened by a sign-in, carried on by refresh tokens, ended.

use std::fmt;
use std::sync::atomic::Ordering;

use bartab_core::store::{Account, AccountKind, AccountState, Rotation, RotationOutcome, Session};
use bartab_core::{Actor, ActorKind, Scope, Scopes, SessionId, TenantRole, Timestamp, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::accounts::require;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rules::{Broken, username_key};
use crate::token::{Audience, Claims, RefreshToken};

/// The OAuth client that our own login belongs to; it is public and needs no authentication.
pub(crate) const OWN_CLIENT: &str = "bartab";

/// So many sessions of one person are listed.
const LISTED: usize = 100;
/// Old sessions are cleared away once in so many new ones, at most so many at once.
const PRUNE_EVERY: u64 = 64;
const PRUNE_LIMIT: usize = 512;

/// The answer to whoever signed in or refreshed (RFC 6749 section 5.1); `Debug` does not show the tokens.
#[derive(Clone, Serialize, ToSchema)]
pub struct Tokens {
    /// The access token: a JWT (RFC 9068).
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(value_type = String)]
    pub token_type: &'static str,
    /// Seconds until the access token runs out.
    pub expires_in: u64,
    /// The refresh token, good once.
    pub refresh_token: String,
    /// What the access token allows: names with a space between.
    pub scope: String,
    /// Who signed in.
    #[schema(value_type = String)]
    pub user_id: UserId,
    /// The session.
    #[schema(value_type = String)]
    pub session_id: SessionId,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("user_id", &self.user_id)
            .field("session_id", &self.session_id)
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

impl Auth {
    /// Signs in with a password.
    ///
    /// An unknown username and a wrong password give the same answer after the same time.
    ///
    /// # Errors
    /// [`AuthError::BadCredentials`], [`AuthError::Suspended`], [`AuthError::Invalid`], [`AuthError::Busy`].
    pub async fn login(&self, username: &str, password: &str, device_name: Option<&str>) -> Result<Tokens, AuthError> {
        if let Some(name) = device_name {
            let mut broken = Broken::default();
            broken.name("/device_name", name);
            broken.into_result()?;
        }
        let account = self.0.stores.accounts.find(&username_key(username)).await?;
        let hash = account.as_ref().and_then(|account| account.password.clone());
        let right = self.0.passwords.verify(password, hash).await?;
        let account = account.filter(|_| right).ok_or(AuthError::BadCredentials)?;
        // Only who knows the password learns of it.
        if account.state != AccountState::Active {
            return Err(AuthError::Suspended);
        }
        self.start_session(&account, device_name).await
    }

    /// Signs `user` in without asking for anything: for the host's own use.
    ///
    /// # Errors
    /// [`AuthError::AccountNotFound`], [`AuthError::Suspended`].
    pub async fn sign_in(&self, user: UserId, device_name: Option<&str>) -> Result<Tokens, AuthError> {
        let account = self.account(user).await?;
        if account.state != AccountState::Active {
            return Err(AuthError::Suspended);
        }
        self.start_session(&account, device_name).await
    }

    pub(crate) async fn start_session(
        &self,
        account: &Account,
        device_name: Option<&str>,
    ) -> Result<Tokens, AuthError> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let session_id = SessionId::new(now, &*inner.random);
        let refresh = RefreshToken::first(session_id, &*inner.random);
        let administers = account.role >= TenantRole::Administrator;
        let session = Session {
            session_id,
            user_id: account.user_id,
            client_id: OWN_CLIENT.to_owned(),
            device_name: device_name.map(str::to_owned),
            scopes: if administers { Scopes::PERSON.with(Scope::Admin) } else { Scopes::PERSON },
            family: refresh.family(),
            current: refresh.secret(),
            previous: None,
            created_at: now,
            last_used_at: now,
            expires_at: now.after(inner.config.refresh_token_life()),
            ended_at: None,
        };
        let tokens = self.tokens(account, &session, session.scopes, &refresh, now)?;
        inner.stores.sessions.create(session).await?;
        if inner.sessions_opened.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            // What ended later may still have to be refused when the tenant is opened again.
            let before = Timestamp::from_secs(now.as_secs().saturating_sub(inner.config.access_token_seconds));
            // The session is there and its owner must get it; what could not be cleared away now waits for the next time.
            if let Err(error) = inner.stores.sessions.prune(before, PRUNE_LIMIT).await {
                tracing::warn!(%error, "old sessions cannot be cleared away");
            }
        }
        Ok(tokens)
    }

    /// Carries a session on: the refresh token is spent and replaced. Using a spent one ends the session (RFC 9700
    /// section 4.14).
    ///
    /// `client_id` is the client that asks, when it says so; `scope` narrows the access token.
    ///
    /// Everything that can fail is done before the token is spent, so after [`StoreError::Unavailable`] the same token
    /// is still good. After [`StoreError::OutcomeUnknown`] it may be spent although nobody got the next one: the caller
    /// tries it again, and gets either new tokens or [`AuthError::InvalidGrant`] and has to sign in. A spent token is
    /// never answered with tokens, because a thief could not be told from its owner.
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
            now,
            expires_at: now.after(inner.config.refresh_token_life()),
        };
        // A spent token ends the session whatever else is wrong with the request.
        if session.current != presented.secret() {
            self.rotate(rotation).await?;
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
        let tokens = self.tokens(&account, &session, scopes, &next, now)?;
        if self.rotate(rotation).await? { Ok(tokens) } else { Err(AuthError::InvalidGrant) }
    }

    /// Spends a refresh token; answers whether it was the newest. The use of a spent one ends the session.
    async fn rotate(&self, rotation: Rotation) -> Result<bool, AuthError> {
        match self.0.stores.sessions.rotate(rotation).await? {
            RotationOutcome::Rotated(_) => Ok(true),
            RotationOutcome::Reused(session) => {
                tracing::warn!(session = %session.session_id, user = %session.user_id, "a spent refresh token was used");
                self.ended(session.session_id);
                Ok(false)
            }
            RotationOutcome::Refused => Ok(false),
        }
    }

    /// The caller's live sessions, newest first, at most 100.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, AuthError> {
        Ok(self.0.stores.sessions.list(actor.user_id, self.0.clock.now(), LISTED).await?)
    }

    /// Ends the caller's own session: its tokens are refused from now on.
    ///
    /// # Errors
    /// [`AuthError::NoSession`] when the credentials belong to none.
    pub async fn logout(&self, actor: &Actor) -> Result<(), AuthError> {
        let session = actor.session_id.ok_or(AuthError::NoSession)?;
        self.end(actor.user_id, session).await.map(drop)
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], [`AuthError::SessionNotFound`].
    pub async fn end_session(&self, actor: &Actor, session: SessionId) -> Result<(), AuthError> {
        require(actor, Scope::ProfileWrite)?;
        if self.end(actor.user_id, session).await? { Ok(()) } else { Err(AuthError::SessionNotFound) }
    }

    /// Ends all of the caller's sessions but the one that asks.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`].
    pub async fn end_other_sessions(&self, actor: &Actor) -> Result<(), AuthError> {
        require(actor, Scope::ProfileWrite)?;
        let now = self.0.clock.now();
        for session in self.0.stores.sessions.end_others(actor.user_id, actor.session_id, now).await? {
            self.ended(session);
        }
        Ok(())
    }

    /// Ends the session that a refresh or access token belongs to; a token that is none changes nothing (RFC 7009).
    ///
    /// # Errors
    /// [`AuthError::Store`].
    pub async fn revoke(&self, token: &str) -> Result<(), AuthError> {
        if let Some(refresh) = RefreshToken::parse(token) {
            let session = self.0.stores.sessions.get(refresh.session()).await?;
            if let Some(session) = session.filter(|session| session.family == refresh.family()) {
                self.end(session.user_id, session.session_id).await?;
            }
        } else if let Ok(actor) = self.0.verifier.verify(token)
            && let Some(session) = actor.session_id
        {
            self.end(actor.user_id, session).await?;
        }
        Ok(())
    }

    async fn end(&self, user: UserId, session: SessionId) -> Result<bool, AuthError> {
        let ended = self.0.stores.sessions.end(user, session, self.0.clock.now()).await?;
        if ended {
            self.ended(session);
        }
        Ok(ended)
    }

    /// The session has ended in the store; from here on its access tokens are refused.
    fn ended(&self, session: SessionId) {
        self.0.revocations.add(session, self.0.clock.now(), self.0.config.access_token_life());
    }

    fn tokens(
        &self,
        account: &Account,
        session: &Session,
        scopes: Scopes,
        refresh: &RefreshToken,
        now: Timestamp,
    ) -> Result<Tokens, AuthError> {
        let inner = &*self.0;
        let mut jti = [0; 16];
        inner.random.fill(&mut jti);
        let scope = scopes.to_string();
        let claims = Claims {
            iss: inner.config.issuer.clone(),
            aud: Audience::One(inner.config.audience().to_owned()),
            sub: account.user_id,
            client_id: session.client_id.clone(),
            iat: now.as_secs(),
            exp: now.as_secs() + inner.config.access_token_seconds,
            nbf: None,
            jti: URL_SAFE_NO_PAD.encode(jti),
            scope: scope.clone(),
            sid: Some(session.session_id),
            name: account.display_name.clone(),
            picture: account.avatar,
            role: account.role,
            profile_rev: account.profile_rev,
            kind: match account.kind {
                AccountKind::Bot { owner } => ActorKind::Bot { owner },
                _ => ActorKind::Person,
            },
        };
        Ok(Tokens {
            access_token: inner.signer.token(&claims)?,
            token_type: "Bearer",
            expires_in: inner.config.access_token_seconds,
            refresh_token: refresh.text(),
            scope,
            user_id: account.user_id,
            session_id: session.session_id,
        })
    }
}
