//! What follows from an event.

use std::sync::Arc;

use bartab_core::event::{Event, EventType, Facts, MemberFacts, PersonFacts, RoomFacts, RoomPatch, Visibility};
use bartab_core::{RoomId, UserId};

use super::state::{Member, Membership, Person, Room, TenantState};

/// Advances the state by the next event of the log. It reads envelope and facts alone, so an erased log gives the
/// same state.
pub fn apply(state: &mut TenantState, event: &Event) {
    let envelope = &event.envelope;
    state.head = envelope.seq();
    state.time = envelope.time();
    match (&event.facts, envelope.room) {
        (Facts::Person(facts), _) => person(state, envelope.sender, envelope.seq(), facts),
        (Facts::Room(facts), Some(room)) => create_room(state, event, room, facts),
        (facts, Some(room)) => in_room(state, event, room, facts),
        (_, None) => {}
    }
}

fn person(state: &mut TenantState, user: UserId, seq: u64, facts: &PersonFacts) {
    let rooms = state.people.get(&user).map(|known| known.rooms.clone()).unwrap_or_default();
    let PersonFacts { kind, owner, rev, state: standing, feed, written: _ } = *facts;
    let known = Person { kind, owner, rev, profile: seq, state: standing, rooms };
    state.people.insert(user, Arc::new(known));
    state.feed = state.feed.max(feed.unwrap_or(0));
}

fn create_room(state: &mut TenantState, event: &Event, room: RoomId, facts: &RoomFacts) {
    let id = event.envelope.id;
    let created = Room {
        kind: facts.kind,
        visibility: facts.visibility,
        history: facts.history,
        group: facts.group_id,
        created: id,
        name: id.seq(),
        topic: id.seq(),
        members: imbl::HashMap::new(),
        joined: 0,
        last_number: 0,
        last_event: id,
    };
    list(state, room, facts.visibility);
    state.rooms.insert(room, Arc::new(created));
}

/// Puts the room on the list of public ones, or takes it off.
fn list(state: &mut TenantState, room: RoomId, visibility: Visibility) {
    match visibility {
        Visibility::Public => state.public_rooms.insert(room),
        Visibility::Private => state.public_rooms.remove(&room),
    };
}

fn in_room(state: &mut TenantState, event: &Event, id: RoomId, facts: &Facts) {
    let envelope = &event.envelope;
    if envelope.event_type == EventType::RoomDeleted {
        return delete_room(state, id);
    }
    let Some(shared) = state.rooms.get_mut(&id) else { return };
    let room = Arc::make_mut(shared);
    room.last_event = envelope.id;
    match facts {
        Facts::Message(_) => {
            room.last_number = envelope.number.unwrap_or(room.last_number);
            if let Some(member) = room.members.get_mut(&envelope.sender) {
                member.seen = room.last_number;
            }
        }
        Facts::Member(facts) => {
            if let Some(user) = envelope.subject {
                let relation = member(room, user, &envelope.event_type, envelope.seq(), *facts);
                relate(state, user, id, relation);
            }
        }
        Facts::RoomPatch(patch) => {
            update_room(room, envelope.seq(), patch);
            let visibility = room.visibility;
            list(state, id, visibility);
        }
        _ => {}
    }
}

fn update_room(room: &mut Room, seq: u64, patch: &RoomPatch) {
    room.visibility = patch.visibility.unwrap_or(room.visibility);
    room.history = patch.history.unwrap_or(room.history);
    if patch.renamed {
        room.name = seq;
    }
    if patch.retitled {
        room.topic = seq;
    }
}

/// Changes a member and gives what the person is to the room now.
fn member(room: &mut Room, user: UserId, kind: &EventType, seq: u64, facts: MemberFacts) -> Option<Membership> {
    let before = room.members.get(&user).copied();
    let role = facts.role.or(before.map(|member| member.role)).unwrap_or_default();
    let relation = |membership| Some(Member { membership, role, since: seq, seen: room.last_number });
    let after = match kind {
        EventType::MemberInvited => relation(Membership::Invited),
        EventType::MemberJoined => relation(Membership::Joined),
        EventType::MemberBanned => relation(Membership::Banned),
        EventType::MemberUpdated => before.map(|member| Member { role, ..member }),
        _ => None,
    };
    let joined = |member: Option<Member>| u64::from(member.is_some_and(|m| m.membership == Membership::Joined));
    room.joined = room.joined + joined(after) - joined(before);
    match after {
        Some(member) => room.members.insert(user, member),
        None => room.members.remove(&user),
    };
    after.map(|member| member.membership)
}

/// Notes on the person's side whether the room is one of theirs.
fn relate(state: &mut TenantState, user: UserId, room: RoomId, membership: Option<Membership>) {
    let Some(shared) = state.people.get_mut(&user) else { return };
    let rooms = &mut Arc::make_mut(shared).rooms;
    match membership {
        Some(Membership::Joined | Membership::Invited) => rooms.insert(room),
        Some(Membership::Banned) | None => rooms.remove(&room),
    };
}

fn delete_room(state: &mut TenantState, id: RoomId) {
    let Some(room) = state.rooms.remove(&id) else { return };
    state.public_rooms.remove(&id);
    for user in room.members.keys() {
        relate(state, *user, id, None);
    }
}
