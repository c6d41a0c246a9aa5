//! Who asks: the identity that every service is handed, and nothing about how it was proved.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{MediaId, RoomId, SessionId, UserId};
use crate::time::Timestamp;

/// The caller of a service.
///
/// An authentication layer, BarTAB's own or an embedder's, puts it into the request's extensions (as `Arc<Actor>`);
/// without one a service answers 401.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who it is.
    pub user_id: UserId,
    /// What sort of caller it is.
    pub kind: ActorKind,
    /// The OAuth client that the caller uses. `bartab` is our own, and says that the person signed in themselves: an app
    /// that they let act for them may not change how they come in.
    pub client_id: Arc<str>,
    /// The session, when there is one.
    pub session_id: Option<SessionId>,
    /// What the credentials allow.
    pub scopes: Scopes,
    /// The role in the tenant as a whole; a room's roles are the log's.
    pub tenant_role: TenantRole,
    /// How much the caller may ask, in percent of what everybody may.
    pub rate_percent: u32,
    /// How others see the caller.
    pub profile: Arc<Profile>,
    /// When the credentials end; waits and streams end then too. `None`: not by time.
    pub expires_at: Option<Timestamp>,
}

impl Actor {
    /// A person with every scope of daily use, a member of the tenant: the start of an embedder's own `Actor`.
    pub fn person(user_id: UserId, name: impl Into<Arc<str>>) -> Self {
        Self {
            user_id,
            kind: ActorKind::Person,
            client_id: Arc::from("bartab"),
            session_id: None,
            scopes: Scopes::PERSON,
            tenant_role: TenantRole::Member,
            rate_percent: 100,
            profile: Arc::new(Profile { name: name.into(), avatar: None, rev: 1 }),
            expires_at: None,
        }
    }

    /// Whether the caller sees nothing but the rooms they were let into: for one room alone, or by the role.
    pub fn is_guest(&self) -> bool {
        matches!(self.kind, ActorKind::Guest { .. }) || self.tenant_role == TenantRole::Guest
    }

    /// Whether the caller is a bot.
    pub fn is_bot(&self) -> bool {
        matches!(self.kind, ActorKind::Bot { .. })
    }
}

/// What sort of caller an [`Actor`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActorKind {
    /// A person with an account.
    Person,
    /// A program with an account of its own.
    Bot {
        /// Who answers for it; its rights end where the owner's do.
        owner: UserId,
    },
    /// Somebody without an account, for one room alone.
    Guest {
        /// The room.
        room: RoomId,
    },
    /// Another service of the same tenant.
    Service,
}

/// How others see a person; travels in the token's claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name that is shown, 1 to 64 characters.
    pub name: Arc<str>,
    /// The picture.
    pub avatar: Option<MediaId>,
    /// Rises with every change; only a higher one changes the profile in the log.
    pub rev: u64,
}

/// The role in the tenant as a whole, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantRole {
    /// Sees nothing but the rooms of the invitation.
    Guest,
    /// Uses the chat.
    Member,
    /// Keeps order in every public room.
    Moderator,
    /// Runs the tenant.
    Administrator,
    /// Cannot be removed by anyone else.
    Owner,
}

/// What credentials allow, as OAuth 2 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Scope {
    /// Read rooms, messages and sync.
    ChatRead = 1,
    /// Send, edit, react, join and leave.
    ChatWrite = 1 << 1,
    /// Create rooms, invite and moderate.
    RoomsManage = 1 << 2,
    /// Fetch media.
    MediaRead = 1 << 3,
    /// Upload media.
    MediaWrite = 1 << 4,
    /// Change one's own profile and sessions.
    ProfileWrite = 1 << 5,
    /// Administer the tenant, as far as the role allows.
    Admin = 1 << 6,
    /// OpenID Connect: an ID token.
    Openid = 1 << 7,
    /// OpenID Connect: the profile claims.
    Profile = 1 << 8,
    /// A refresh token.
    OfflineAccess = 1 << 9,
}

impl Scope {
    /// Every scope with its OAuth name, in the order in which sets are written.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::ChatRead, "chat:read"),
        (Self::ChatWrite, "chat:write"),
        (Self::RoomsManage, "rooms:manage"),
        (Self::MediaRead, "media:read"),
        (Self::MediaWrite, "media:write"),
        (Self::ProfileWrite, "profile:write"),
        (Self::Admin, "admin"),
        (Self::Openid, "openid"),
        (Self::Profile, "profile"),
        (Self::OfflineAccess, "offline_access"),
    ];

    /// The OAuth name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(scope, _)| *scope == self).map_or("", |(_, name)| name)
    }
}

/// A set of scopes; its text is the names with a space between, as RFC 6749 section 3.3 writes it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u16);

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);
    /// What our own login gives a person.
    pub const PERSON: Self = Self(
        Scope::ChatRead as u16
            | Scope::ChatWrite as u16
            | Scope::RoomsManage as u16
            | Scope::MediaRead as u16
            | Scope::MediaWrite as u16
            | Scope::ProfileWrite as u16
            | Scope::OfflineAccess as u16,
    );

    /// Whether the set holds `scope`.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope as u16 != 0
    }

    /// The set with `scope` in it.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope as u16)
    }

    /// The set with no `scope` in it.
    #[must_use]
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !(scope as u16))
    }

    /// What both sets hold.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either set holds.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of this set is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Scope::ALL.iter().filter(|(scope, _)| self.contains(*scope)).map(|(_, name)| name);
        if let Some(first) = names.next() {
            f.write_str(first)?;
        }
        names.try_for_each(|name| write!(f, " {name}"))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

/// A name that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope")]
pub struct UnknownScope(pub String);

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split(' ').filter(|name| !name.is_empty()).try_fold(Self::NONE, |set, name| {
            let known = Scope::ALL.iter().find(|(_, known)| *known == name);
            known.map(|(scope, _)| set.with(*scope)).ok_or_else(|| UnknownScope(name.to_owned()))
        })
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_scopes_round_trips_as_text() {
        for bits in 0..1 << Scope::ALL.len() {
            let set = Scopes(bits);
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        assert_eq!("chat:read  root".parse::<Scopes>(), Err(UnknownScope("root".to_owned())));
    }

    #[test]
    fn roles_rise_from_guest_to_owner() {
        assert!(TenantRole::Guest < TenantRole::Member && TenantRole::Administrator < TenantRole::Owner);
    }
}
