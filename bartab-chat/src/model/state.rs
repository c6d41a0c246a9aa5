//! What deciding needs to know of a tenant. It holds no content: names and texts are looked up elsewhere.

use std::sync::Arc;

use bartab_core::event::{History, PersonKind, PersonState, RoomKind, RoomRole, Visibility};
use bartab_core::{Actor, ActorKind, EventId, GroupId, RoomId, TenantRole, Timestamp, UserId};

/// The state of a tenant at one position of its log. A clone shares everything and costs nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantState {
    /// The position of the last event applied.
    pub head: u64,
    /// The time of the last event applied.
    pub time: Timestamp,
    /// Everyone who was ever here.
    pub people: imbl::HashMap<UserId, Arc<Person>>,
    /// Every room that is not deleted.
    pub rooms: imbl::HashMap<RoomId, Arc<Room>>,
    /// The rooms that every person of the tenant may see.
    pub public_rooms: imbl::OrdSet<RoomId>,
    /// The number in the account feed up to which all is done.
    pub feed: u64,
}

/// Somebody who is here.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// What sort of user it is.
    pub kind: PersonKind,
    /// Who answers for a bot.
    pub owner: Option<UserId>,
    /// The revision of the profile.
    pub rev: u64,
    /// The event that holds the profile.
    pub profile: u64,
    /// Whether the person may do anything.
    pub state: PersonState,
    /// The rooms that the person is in or invited to.
    pub rooms: imbl::OrdSet<RoomId>,
}

/// A room.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// What it is for.
    pub kind: RoomKind,
    /// For whom it exists.
    pub visibility: Visibility,
    /// What a member may read.
    pub history: History,
    /// The group that it belongs to.
    pub group: Option<GroupId>,
    /// The event that made it.
    pub created: EventId,
    /// The event that holds its name.
    pub name: u64,
    /// The event that holds its topic.
    pub topic: u64,
    /// Everyone who has a relation to it.
    pub members: imbl::HashMap<UserId, Member>,
    /// How many of the members have joined.
    pub joined: u64,
    /// The number of the last message; 0 before the first.
    pub last_number: u64,
    /// The last event in it.
    pub last_event: EventId,
}

/// Somebody's relation to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// What the relation is.
    pub membership: Membership,
    /// The role in the room.
    pub role: RoomRole,
    /// The position of the event that began the relation.
    pub since: u64,
    /// The number up to which the member has nothing unread, whatever the marker says: the member's own last
    /// message, or the last one before joining.
    pub seen: u64,
}

/// What somebody is to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Asked to join.
    Invited,
    /// In it.
    Joined,
    /// Kept out.
    Banned,
}

/// What a caller is to a room that exists for the caller.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// The room.
    pub room: &'a Arc<Room>,
    /// The membership, when the caller has joined.
    pub joined: Option<Member>,
    /// The caller's rights: the role in the room, or the higher one that the tenant's role gives in a public room.
    pub role: Option<RoomRole>,
}

impl Access<'_> {
    /// The first position of the room that the caller may read; `None` when nothing may be read.
    pub fn readable_since(&self) -> Option<u64> {
        match (self.joined, self.room.history) {
            (Some(member), History::Joined) => Some(member.since),
            (Some(_), History::All) => Some(0),
            // Who has not joined has no membership that a `joined` history could begin with.
            (None, History::All) if self.room.visibility == Visibility::Public => Some(0),
            (None, _) => None,
        }
    }
}

impl TenantState {
    /// What `actor` is to `room`; `None` when the room does not exist for the actor, or at all.
    pub fn access(&self, actor: &Actor, room: RoomId) -> Option<Access<'_>> {
        if let ActorKind::Guest { room: own } = actor.kind
            && own != room
        {
            return None;
        }
        let found = self.rooms.get(&room)?;
        let member = found.members.get(&actor.user_id).copied();
        let public = found.visibility == Visibility::Public && !actor.is_guest();
        match member.map(|member| member.membership) {
            Some(Membership::Banned) => return None,
            Some(Membership::Joined | Membership::Invited) => {}
            None if public => {}
            None => return None,
        }
        let joined = member.filter(|member| member.membership == Membership::Joined);
        let from_tenant = if public { tenant_rights(actor.tenant_role) } else { None };
        let role = joined.map(|member| member.role).max(from_tenant);
        Some(Access { room: found, joined, role })
    }

    /// What `user` may do; somebody who is not known may do things.
    pub fn person_state(&self, user: UserId) -> PersonState {
        self.people.get(&user).map(|person| person.state).unwrap_or_default()
    }

    /// Whether the actor's account may be used, whatever the token still says, and a bot's owner's as well.
    pub fn may_act(&self, actor: &Actor) -> bool {
        let owner = if let ActorKind::Bot { owner } = actor.kind { Some(owner) } else { None };
        let active = |user: UserId| self.person_state(user).is_active();
        active(actor.user_id) && owner.is_none_or(active)
    }

    /// The rooms that `user` has joined, each with the first position of the present membership.
    pub fn memberships(&self, user: UserId) -> impl Iterator<Item = (RoomId, u64)> + '_ {
        self.people.get(&user).into_iter().flat_map(|person| person.rooms.iter()).filter_map(move |room| {
            let member = self.rooms.get(room)?.members.get(&user)?;
            (member.membership == Membership::Joined).then_some((*room, member.since))
        })
    }
}

/// The role that a tenant's role amounts to in every public room.
const fn tenant_rights(role: TenantRole) -> Option<RoomRole> {
    match role {
        TenantRole::Owner | TenantRole::Administrator => Some(RoomRole::Owner),
        TenantRole::Moderator => Some(RoomRole::Moderator),
        TenantRole::Member | TenantRole::Guest => None,
    }
}
