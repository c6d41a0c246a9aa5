//! Sessions: a sign-in that lasts, and the refresh token that carries it on.

use std::fmt;
use std::time::Duration;

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
    /// How the person proved who they are, by the names of RFC 8176: `pwd`, `otp`, `mfa`.
    pub methods: String,
    /// Whether a grant opened it that the person gave to another device or program, and not a sign-in of theirs: it says
    /// nothing of who holds it.
    pub granted: bool,
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
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SpentToken {
    /// Its half.
    pub hash: TokenHash,
    /// When it was spent.
    pub spent_at: Timestamp,
    /// The half that replaced it, encrypted so that only who holds the spent token can read it: an answer that was lost
    /// can be given again for a short while. `None` in records of before there was this.
    pub successor: Option<[u8; 32]>,
}

impl fmt::Debug for SpentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpentToken").field("spent_at", &self.spent_at).finish_non_exhaustive()
    }
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
    /// The same, encrypted to who holds `presented`: [`SpentToken::successor`].
    pub successor: [u8; 32],
    /// How long after its use a token is answered with the same successor again.
    pub grace: Duration,
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
    /// The token was spent a moment ago: its answer was lost, and [`SpentToken::successor`] in the session is what it
    /// said. Nothing changed.
    Repeated(Session),
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

    /// Whether the token that is used was spent so short a time ago that its answer may have been lost.
    pub fn is_repeated(&self, rotation: &Rotation) -> bool {
        self.previous.as_ref().is_some_and(|spent| {
            spent.hash == rotation.presented
                && spent.successor.is_some()
                && rotation.now < spent.spent_at.after(rotation.grace)
        })
    }

    /// Applies the use of a refresh token; the record is changed unless the outcome is [`RotationOutcome::Refused`]
    /// or [`RotationOutcome::Repeated`].
    pub fn rotate(&mut self, rotation: &Rotation) -> RotationOutcome {
        if self.session_id != rotation.session_id || self.family != rotation.family || !self.is_live(rotation.now) {
            return RotationOutcome::Refused;
        }
        if self.current != rotation.presented {
            if self.is_repeated(rotation) {
                return RotationOutcome::Repeated(self.clone());
            }
            self.ended_at = Some(rotation.now);
            return RotationOutcome::Reused(self.clone());
        }
        self.previous =
            Some(SpentToken { hash: self.current, spent_at: rotation.now, successor: Some(rotation.successor) });
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

    /// Gives up to `limit` sessions of `user` that are live at `now`, by falling id, from the first one below `before` on.
    async fn list(
        &self,
        user: UserId,
        before: Option<SessionId>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError>;

    /// Gives the session another name, durably, if it is `user`'s and live at `now`; answers whether it did.
    async fn rename(
        &self,
        user: UserId,
        session: SessionId,
        name: Option<String>,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

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

    /// Ends, in one atomic step, every session granted to the client that is live at `now`, whoever's; answers which.
    async fn end_of_client(&self, client_id: &str, now: Timestamp) -> Result<Vec<SessionId>, StoreError>;

    /// Gives every session whose `ended_at` is `since` or later, in any order.
    ///
    /// A service that opens asks for the sessions whose access tokens may still be about.
    async fn ended_since(&self, since: Timestamp) -> Result<Vec<SessionId>, StoreError>;

    /// Removes up to `limit` sessions that ended or expired before `before`, durably; answers how many.
    async fn prune(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(number: u8) -> TokenHash {
        TokenHash::of(&[number])
    }

    fn session() -> Session {
        Session {
            session_id: SessionId::from_u128(1),
            user_id: UserId::from_u128(2),
            client_id: "bartab".to_owned(),
            device_name: None,
            scopes: Scopes::PERSON,
            family: half(0),
            current: half(1),
            previous: None,
            methods: "pwd".to_owned(),
            granted: false,
            created_at: Timestamp::from_secs(0),
            last_used_at: Timestamp::from_secs(0),
            expires_at: Timestamp::from_secs(1000),
            ended_at: None,
        }
    }

    /// The use of `half(presented)` at second `now`, with a grace of 30 seconds.
    fn using(presented: u8, now: u64) -> Rotation {
        Rotation {
            session_id: SessionId::from_u128(1),
            family: half(0),
            presented: half(presented),
            next: half(presented + 1),
            successor: [presented; 32],
            grace: Duration::from_secs(30),
            now: Timestamp::from_secs(now),
            expires_at: Timestamp::from_secs(now + 1000),
        }
    }

    #[test]
    fn a_token_that_was_just_spent_is_answered_again_and_changes_nothing() {
        let mut session = session();
        assert!(matches!(session.rotate(&using(1, 100)), RotationOutcome::Rotated(_)));
        let after = session.clone();
        for now in [100, 129] {
            assert_eq!(session.rotate(&using(1, now)), RotationOutcome::Repeated(after.clone()));
            assert_eq!(session, after);
        }
        assert_eq!(after.previous.and_then(|spent| spent.successor), Some([1; 32]));
        assert!(matches!(session.rotate(&using(1, 130)), RotationOutcome::Reused(_)));
        assert_eq!(session.ended_at, Some(Timestamp::from_secs(130)));
        assert_eq!(session.rotate(&using(1, 130)), RotationOutcome::Refused);
    }

    #[test]
    fn a_token_two_generations_old_ends_the_session_at_once() {
        let mut session = session();
        session.rotate(&using(1, 100));
        session.rotate(&using(2, 100));
        assert!(matches!(session.rotate(&using(1, 100)), RotationOutcome::Reused(_)));
        assert!(!session.is_live(Timestamp::from_secs(100)));
    }

    #[test]
    fn a_record_of_before_there_was_a_grace_ends_at_once() {
        let mut session = session();
        session.rotate(&using(1, 100));
        session.previous = session.previous.map(|spent| SpentToken { successor: None, ..spent });
        assert!(matches!(session.rotate(&using(1, 100)), RotationOutcome::Reused(_)));
    }

    #[test]
    fn who_does_not_know_the_family_is_answered_nothing_also_within_the_grace() {
        let mut session = session();
        session.rotate(&using(1, 100));
        let foreign = Rotation { family: half(9), ..using(1, 100) };
        assert_eq!(session.rotate(&foreign), RotationOutcome::Refused);
        assert!(session.is_live(Timestamp::from_secs(100)));
    }
}
