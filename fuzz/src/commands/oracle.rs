//! The rules of the chat, said once more and otherwise: what an event may be, given the log before it.

use std::collections::BTreeSet;

use bartab_chat::model::{Membership, TenantState};
use bartab_core::event::{Event, EventType, Facts, RoomKind, RoomRole, Visibility};
use bartab_core::{Actor, RoomId, TenantRole, UserId};

/// Panics when `actor` should not have brought about `event`, the next one of `log`.
pub(super) fn check(state: &TenantState, log: &[Event], actor: &Actor, event: &Event) {
    let envelope = &event.envelope;
    if let Some(last) = log.last() {
        assert!(last.envelope.id < envelope.id, "ids rise");
        assert!(last.envelope.time() <= envelope.time(), "time does not run backwards");
    }
    let known = state.people.contains_key(&actor.user_id);
    if let Facts::Person(_) = event.facts {
        assert_eq!(known, envelope.event_type == EventType::UserUpdated);
        return;
    }
    assert!(known, "who does something has arrived");
    let Some(room) = envelope.room else { panic!("everything else happens in a room") };
    let joined = membership(state, room, actor.user_id) == Some(Membership::Joined);
    let target = envelope.target.map(|target| {
        let found = log.get(target.seq() as usize - 1).filter(|found| found.envelope.id == target);
        let found = found.unwrap_or_else(|| panic!("{target} is not in the log"));
        assert_eq!(found.envelope.event_type, EventType::MessageCreated, "only messages are referred to");
        assert_eq!(found.envelope.room, Some(room), "a message is referred to in its own room");
        found
    });
    let deleted = target.is_some_and(|target| {
        let about = |event: &&Event| event.envelope.target == Some(target.envelope.id);
        log.iter().filter(about).any(|event| event.envelope.event_type == EventType::MessageDeleted)
    });
    match envelope.event_type {
        EventType::MessageCreated | EventType::Custom(_) => assert!(joined, "only members speak"),
        EventType::MessageEdited => {
            assert!(joined && !deleted);
            assert_eq!(target.map(|target| target.envelope.sender), Some(actor.user_id), "only the author edits");
        }
        EventType::MessageDeleted => {
            assert!(!deleted, "a message is deleted once");
            let author = target.is_some_and(|target| target.envelope.sender == actor.user_id);
            assert!(author || rights(state, room, actor) >= Some(RoomRole::Moderator));
        }
        EventType::ReactionAdded | EventType::ReactionRemoved => assert!(joined && !deleted),
        EventType::RoomCreated => assert!(!state.rooms.contains_key(&room)),
        EventType::RoomUpdated => assert_eq!(rights(state, room, actor), Some(RoomRole::Owner)),
        _ => member(state, log, room, actor, event),
    }
}

fn member(state: &TenantState, log: &[Event], room: RoomId, actor: &Actor, event: &Event) {
    let user = event.envelope.subject.unwrap_or_else(|| panic!("a membership is somebody's"));
    let before = membership(state, room, user);
    let own = user == actor.user_id;
    let founding = founding(state, log, room, actor.user_id);
    let direct = state.rooms.get(&room).is_some_and(|room| room.kind == RoomKind::Direct);
    let rights = rights(state, room, actor);
    match event.envelope.event_type {
        EventType::MemberJoined => {
            assert_ne!(before, Some(Membership::Banned), "who is banned does not come in");
            assert!(own || founding && direct, "nobody is made to join");
            let public = state.rooms.get(&room).is_some_and(|room| room.visibility == Visibility::Public);
            assert!(public || before == Some(Membership::Invited) || founding, "a private room is joined when invited");
        }
        EventType::MemberInvited => assert!(before.is_none() && rights.is_some()),
        EventType::MemberLeft => assert!(own && before.is_some()),
        EventType::MemberKicked => {
            assert!(!own && matches!(before, Some(Membership::Joined | Membership::Invited)));
            assert!(rights >= Some(RoomRole::Moderator));
        }
        EventType::MemberBanned => assert!(!own && rights >= Some(RoomRole::Moderator)),
        EventType::MemberUnbanned => {
            assert!(before == Some(Membership::Banned) && rights >= Some(RoomRole::Moderator));
        }
        EventType::MemberUpdated => assert_eq!(rights, Some(RoomRole::Owner)),
        ref other => panic!("nothing decides {other}"),
    }
}

/// Whether nothing has happened since `user` made the room but memberships in it: what a room begins with comes at once.
fn founding(state: &TenantState, log: &[Event], room: RoomId, user: UserId) -> bool {
    let made = state.rooms.get(&room).map_or(0, |room| room.created.seq() as usize);
    let since = log.get(made..).unwrap_or_default().iter();
    made > 0
        && since.map(|event| &event.envelope).all(|envelope| envelope.room == Some(room) && envelope.sender == user)
}

fn membership(state: &TenantState, room: RoomId, user: UserId) -> Option<Membership> {
    Some(state.rooms.get(&room)?.members.get(&user)?.membership)
}

/// What the actor may do in the room: by the role in it, or by that in the tenant where everyone may come in.
fn rights(state: &TenantState, room: RoomId, actor: &Actor) -> Option<RoomRole> {
    let found = state.rooms.get(&room)?;
    let member = found.members.get(&actor.user_id);
    let own = member.filter(|member| member.membership == Membership::Joined).map(|member| member.role);
    let banned = member.is_some_and(|member| member.membership == Membership::Banned);
    let tenant = match actor.tenant_role {
        _ if banned || found.visibility == Visibility::Private => None,
        TenantRole::Owner | TenantRole::Administrator => Some(RoomRole::Owner),
        TenantRole::Moderator => Some(RoomRole::Moderator),
        TenantRole::Member | TenantRole::Guest => None,
    };
    own.max(tenant)
}

/// Panics when the parts of a state contradict one another or the log.
pub(super) fn agrees(state: &TenantState, log: &[Event]) {
    assert_eq!(state.head, log.len() as u64);
    for (id, room) in &state.rooms {
        let joined = room.members.values().filter(|member| member.membership == Membership::Joined).count();
        assert_eq!(room.joined, joined as u64, "who has joined is counted");
        let here = || log.iter().filter(|event| event.envelope.room == Some(*id));
        let numbers = here().filter_map(|event| event.envelope.number);
        assert!(numbers.eq(1..=room.last_number), "messages are numbered without a gap");
        assert_eq!(here().next_back().map(|event| event.envelope.id), Some(room.last_event));
        assert_eq!(state.public_rooms.contains(id), room.visibility == Visibility::Public);
        for (user, member) in &room.members {
            assert!(member.seen <= room.last_number && member.since <= state.head);
            let listed = state.people.get(user).is_some_and(|person| person.rooms.contains(id));
            assert_eq!(listed, member.membership != Membership::Banned, "both sides of a membership agree");
        }
    }
    assert!(state.public_rooms.iter().all(|id| state.rooms.contains_key(id)));
    for (user, person) in &state.people {
        let rooms: BTreeSet<RoomId> = person.rooms.iter().copied().collect();
        for room in rooms {
            assert!(membership(state, room, *user).is_some(), "nobody is in a room that does not know them");
        }
    }
}
