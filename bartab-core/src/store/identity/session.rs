//! Sessions: a sign-in that lasts, and the refresh token that carries it on.

use std::fmt;

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};

use crate::actor::Scopes;
use crate::id::{SessionId, UserId};
use crate::store::StoreError;
use crate::time::Timestamp;

/// The record of a sign-in.
///
/// A refresh token has two secret halves: the *family*, the same for the whole session, and one that is new with each
/// rotation. Who shows the right family with any other half than the newest holds a spent token, however old it is, so
/// that a theft is noticed without keeping every token that ever was; who does not know the family knows nothing, and
/// ends nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Which session.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The OAuth client that it was granted to.
    pub client_id: String,
    /// What the person calls the device.
    pub device_name: Option<String>,
    /// What it allows.
    pub scopes: Scopes,
    /// The half of the refresh token that stays.
    pub family: TokenHash,
    /// The half that is good once.
    pub current: TokenHash,
    /// The one before it.
    pub previous: Option<SpentToken>,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// When it was ended: by its owner, or because a spent token was used.
    pub ended_at: Option<Timestamp>,
}

/// The refresh token before the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpentToken {
    /// Its half.
    pub hash: TokenHash,
    /// When it was spent.
    pub spent_at: Timestamp,
}

/// The SHA-256 of a secret that has 128 random bits or more; `Debug` does not show it.
///
/// Such a secret cannot be guessed back from its hash, so no slow hash is needed, and comparing hashes tells an
/// observer of the time nothing that helps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `secret`.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The hash with these bytes, as [`TokenHash::as_bytes`] gave them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store's column.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// The use of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The session that the token names.
    pub session_id: SessionId,
    /// The half that stays, as presented.
    pub family: TokenHash,
    /// The half that is good once, as presented.
    pub presented: TokenHash,
    /// What replaces it.
    pub next: TokenHash,
    /// When it happens.
    pub now: Timestamp,
    /// When the session ends from now on.
    pub expires_at: Timestamp,
}

/// What the use of a refresh token did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationOutcome {
    /// The token was the newest; the session as it is now.
    Rotated(Session),
    /// The token was spent; the session is ended by this.
    Reused(Session),
    /// There is no such session, it has ended, or the token is none of its; nothing changed.
    Refused,
}

impl Session {
    /// Whether the session can be used at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }

    /// Applies the use of a refresh token; the record is changed unless the outcome is [`RotationOutcome::Refused`].
    pub fn rotate(&mut self, rotation: &Rotation) -> RotationOutcome {
        if self.session_id != rotation.session_id || self.family != rotation.family || !self.is_live(rotation.now) {
            return RotationOutcome::Refused;
        }
        if self.current != rotation.presented {
            self.ended_at = Some(rotation.now);
            return RotationOutcome::Reused(self.clone());
        }
        self.previous = Some(SpentToken { hash: self.current, spent_at: rotation.now });
        self.current = rotation.next;
        self.last_used_at = rotation.now;
        self.expires_at = rotation.expires_at;
        RotationOutcome::Rotated(self.clone())
    }
}

/// The sessions of a tenant.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Stores the whole session durably, or nothing of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the `session_id` is taken.
    async fn create(&self, session: Session) -> Result<(), StoreError>;

    /// Gives the session as of the last change that was acknowledged, also when it has ended.
    async fn get(&self, session: SessionId) -> Result<Option<Session>, StoreError>;

    /// Gives up to `limit` sessions of `user` that are live at `now`, newest first.
    async fn list(&self, user: UserId, now: Timestamp, limit: usize) -> Result<Vec<Session>, StoreError>;

    /// Applies [`Session::rotate`] in one atomic step, durably: of concurrent uses of one token exactly one is
    /// [`RotationOutcome::Rotated`], and the use of a spent token ends the session in that same step.
    async fn rotate(&self, rotation: Rotation) -> Result<RotationOutcome, StoreError>;

    /// Ends the session at `now`, durably, if it is `user`'s and has not ended yet; answers whether it did.
    async fn end(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError>;

    /// Ends, in one atomic step, every session of `user` that is live at `now` but `keep`; answers which.
    async fn end_others(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// Gives every session whose `ended_at` is `since` or later, in any order.
    ///
    /// A service that opens asks for the sessions whose access tokens may still be about.
    async fn ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError>;

    /// Removes up to `limit` sessions that ended or expired before `before`, durably; answers how many.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}
