//! Links that work without a token for a while.
//!
//! A signature says who asked for it and until when it works, and is made for one file:
//!
//! ```text
//! version 1 | kind | role | user (16) | owner or room (16, of a bot or a guest) | expiry in seconds (8) | HMAC-SHA256 (32)
//! ```
//!
//! Who follows the link reads as who asked for it, with nothing but `media:read`, and is asked for access like anybody.

use bartab_core::store::Holder;
use bartab_core::{Actor, ActorKind, MediaId, RoomId, Scope, Scopes, TenantRole, Timestamp, UserId};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::File;
use crate::error::MediaError;
use crate::media::{Media, require};

const VERSION: u8 = 1;
/// What the key signs, so that it could sign other things, too.
const PURPOSE: &[u8] = b"bartab media link\0";
/// What the code is of: as long as the hash.
const CODE: usize = 32;
/// The longest text of a signature: nothing longer is looked at.
const LONGEST: usize = 128;

/// A link to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLink {
    /// Which file.
    pub media_id: MediaId,
    /// Whether it has thumbnails.
    pub has_thumbnail: bool,
    /// What `?signature=` is to say; `None` for a public file, which needs no signature.
    pub signature: Option<String>,
    /// Until when the link works; `None`: as long as the file is there.
    pub expires_at: Option<Timestamp>,
}

/// Who follows a link.
#[derive(Debug)]
struct Follower {
    /// Who asked for it, with no other right than to read.
    actor: Actor,
    expires_at: Timestamp,
}

impl Media {
    /// Links to those of the files that the caller may read, in the order asked, each file once. What they may not read,
    /// and what is in quarantine, is left out.
    ///
    /// A link works for [`Config::link_seconds`](crate::Config::link_seconds) at least and a third longer at most: its end
    /// is rounded, so that who asks again soon gets the same link, and caches know it.
    ///
    /// # Errors
    /// [`MediaError::MissingScope`]; a store's own.
    pub async fn sign(&self, actor: &Actor, files: &[MediaId]) -> Result<Vec<SignedLink>, MediaError> {
        require(actor, Scope::MediaRead)?;
        let expires_at = self.link_end();
        let claims = Claims { actor, expires_at }.to_bytes()?;
        let key = self.link_key().await?;
        let mut links: Vec<SignedLink> = Vec::with_capacity(files.len());
        for media in files {
            if links.iter().any(|link| link.media_id == *media) {
                continue;
            }
            let file = match self.file(Some(actor), *media).await {
                Ok(file) => file,
                Err(MediaError::NotFound | MediaError::Quarantined) => continue,
                Err(error) => return Err(error),
            };
            links.push(link(&file, &claims, expires_at, &key));
        }
        Ok(links)
    }

    fn link_end(&self) -> Timestamp {
        let seconds = self.inner.config.link_seconds.max(1);
        let step = (seconds / 3).max(1);
        let end = self.inner.clock.now().as_secs().saturating_add(seconds);
        Timestamp::from_secs(end.div_ceil(step).saturating_mul(step)).min(Timestamp::MAX)
    }

    async fn link_key(&self) -> Result<[u8; 32], MediaError> {
        let make = || async {
            let mut fresh = [0; 32];
            self.inner.random.fill(&mut fresh);
            self.inner.stores.media.signing_key(fresh).await
        };
        Ok(*self.inner.link_key.get_or_try_init(make).await?)
    }

    /// The file that a link leads to, if who asked for the link may still read it; and until when the link works.
    pub(crate) async fn file_by_link(
        &self,
        media: MediaId,
        signature: &str,
    ) -> Result<(Arc<File>, Timestamp), MediaError> {
        let Follower { actor, expires_at } = self.follow_link(media, signature).await?;
        let file = self.file(Some(&actor), media).await?;
        // Nobody has judged a token; so an owner is asked about, who needs nobody else to be shown a file.
        if !file.record.blob.public
            && file.record.owner == actor.user_id
            && let Some(connections) = self.connections()
            && !connections.access.may_read(&actor, &[Holder::Profile(actor.user_id)]).await?
        {
            return Err(MediaError::NotFound);
        }
        Ok((file, expires_at))
    }

    /// Who follows the link to `media` with this signature; whether they may read it is still to be asked.
    async fn follow_link(&self, media: MediaId, signature: &str) -> Result<Follower, MediaError> {
        if signature.len() > LONGEST {
            return Err(MediaError::LinkInvalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(signature).map_err(|_| MediaError::LinkInvalid)?;
        let split = bytes.len().checked_sub(CODE).ok_or(MediaError::LinkInvalid)?;
        let (claims, signed) = bytes.split_at(split);
        let key = self.link_key().await?;
        // In constant time, and before anything is read of what it signs.
        code(&key, media, claims).verify_slice(signed).map_err(|_| MediaError::LinkInvalid)?;
        let follower = Follower::from_bytes(claims).ok_or(MediaError::LinkInvalid)?;
        if follower.expires_at <= self.inner.clock.now() { Err(MediaError::LinkExpired) } else { Ok(follower) }
    }
}

fn link(file: &File, claims: &[u8], expires_at: Timestamp, key: &[u8; 32]) -> SignedLink {
    let media_id = file.record.media_id;
    let signature = (!file.record.blob.public).then(|| {
        let mut bytes = claims.to_vec();
        bytes.extend(code(key, media_id, claims).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    });
    let expires_at = signature.as_ref().map(|_| expires_at);
    SignedLink { media_id, has_thumbnail: file.kind.has_thumbnail(), signature, expires_at }
}

fn code(key: &[u8; 32], media: MediaId, claims: &[u8]) -> Hmac<Sha256> {
    // As RFC 2104 has it, a key that is shorter than a block is filled up with zeros.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut code = Hmac::<Sha256>::new(&block.into());
    code.update(PURPOSE);
    code.update(&media.to_bytes());
    code.update(claims);
    code
}

/// What a signature says.
struct Claims<'a> {
    actor: &'a Actor,
    expires_at: Timestamp,
}

impl Claims<'_> {
    fn to_bytes(&self) -> Result<Vec<u8>, MediaError> {
        let (kind, other) = match self.actor.kind {
            ActorKind::Person => (0, None),
            ActorKind::Bot { owner } => (1, Some(owner.to_bytes())),
            ActorKind::Guest { room } => (2, Some(room.to_bytes())),
            ActorKind::Service => (3, None),
            _ => return Err(MediaError::KindNotAllowed),
        };
        let role = ROLES.iter().position(|role| *role == self.actor.tenant_role).unwrap_or_default();
        let mut bytes = vec![VERSION, kind, role as u8];
        bytes.extend(self.actor.user_id.to_bytes());
        bytes.extend(other.unwrap_or_default().iter().take(if other.is_some() { 16 } else { 0 }));
        bytes.extend(self.expires_at.as_secs().to_be_bytes());
        Ok(bytes)
    }
}

const ROLES: [TenantRole; 5] =
    [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Administrator, TenantRole::Owner];

impl Follower {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[VERSION, kind, role], rest) = bytes.split_first_chunk::<3>()? else { return None };
        let (user, rest) = rest.split_first_chunk::<16>()?;
        let (kind, rest) = match kind {
            0 => (ActorKind::Person, rest),
            3 => (ActorKind::Service, rest),
            1 | 2 => {
                let (other, rest) = rest.split_first_chunk::<16>()?;
                let bot = ActorKind::Bot { owner: UserId::from_bytes(*other) };
                (if kind == 1 { bot } else { ActorKind::Guest { room: RoomId::from_bytes(*other) } }, rest)
            }
            _ => return None,
        };
        let expires_at = Timestamp::from_secs(u64::from_be_bytes(rest.try_into().ok()?));
        let actor = Actor {
            kind,
            tenant_role: *ROLES.get(usize::from(role))?,
            // What carries a file is read by who may read chat.
            scopes: Scopes::NONE.with(Scope::MediaRead).with(Scope::ChatRead),
            expires_at: Some(expires_at),
            ..Actor::person(UserId::from_bytes(*user), "")
        };
        Some(Self { actor, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_caller_is_read_from_what_was_signed() {
        let expires_at = Timestamp::from_secs(1_800_000_900);
        let owner = UserId::from_u128(u128::MAX);
        let kinds = [
            ActorKind::Person,
            ActorKind::Service,
            ActorKind::Bot { owner },
            ActorKind::Guest { room: RoomId::from_u128(5) },
        ];
        for kind in kinds {
            for tenant_role in ROLES {
                let actor = Actor { kind, tenant_role, ..Actor::person(UserId::from_u128(9), "Robin") };
                let bytes = Claims { actor: &actor, expires_at }.to_bytes().unwrap();
                let read = Follower::from_bytes(&bytes).unwrap();
                assert_eq!((read.actor.user_id, read.actor.kind), (actor.user_id, kind));
                assert_eq!((read.actor.tenant_role, read.expires_at), (tenant_role, expires_at));
                assert!(
                    !read.actor.scopes.contains(Scope::MediaWrite) && !read.actor.scopes.contains(Scope::ChatWrite)
                );
                for end in 0..bytes.len() {
                    assert!(Follower::from_bytes(&bytes[..end]).is_none());
                }
            }
        }
    }
}
