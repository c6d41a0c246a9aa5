//! Making and changing rooms.

use bartab_core::event::{
    Content, EventType, Facts, History, MemberFacts, NewEvent, PersonKind, PersonState, RoomContent, RoomFacts,
    RoomKind, RoomPatch, RoomRole, Visibility,
};
use bartab_core::{Actor, RoomId, UserId};

use super::with_role;
use crate::model::rejection::Rejection;
use crate::model::state::TenantState;

/// Nobody has more invitations that wait for an answer than this.
const INVITATIONS: usize = 500;

/// Nobody is in more rooms than this, so that a reader's audience stays bounded.
const ROOMS_PER_PERSON: usize = 5_000;

pub(super) struct New {
    pub(super) room: RoomId,
    pub(super) kind: RoomKind,
    pub(super) visibility: Visibility,
    pub(super) history: History,
    pub(super) name: String,
    pub(super) topic: Option<String>,
    pub(super) members: Vec<UserId>,
}

/// The room, its maker as owner, and an invitation for everyone else who was named.
pub(super) fn create(state: &TenantState, actor: &Actor, new: New) -> Result<Vec<NewEvent>, Rejection> {
    if actor.is_guest() {
        return Err(Rejection::KindNotAllowed);
    }
    if state.rooms.contains_key(&new.room) {
        return Err(Rejection::RoomExists);
    }
    room_for_one_more(state, actor.user_id)?;
    let mut invited: Vec<UserId> = Vec::new();
    for user in new.members {
        if user != actor.user_id && !invited.contains(&user) {
            there(state, user)?;
            invited.push(user);
        }
    }
    let direct = new.kind == RoomKind::Direct;
    if direct {
        if invited.len() != 1 || new.visibility == Visibility::Public {
            return Err(Rejection::DirectIsForTwo);
        }
        for user in &invited {
            // A guest is here for one room alone, and nobody is joined to more rooms than one can be in.
            if state.people.get(user).is_some_and(|person| person.kind == PersonKind::Guest) {
                return Err(Rejection::KindNotAllowed);
            }
            if !state.person_state(*user).is_active() {
                return Err(Rejection::UserNotActive);
            }
            room_for_one_more(state, *user)?;
        }
    } else {
        invited.iter().try_for_each(|user| room_to_invite(state, *user))?;
    }
    let facts = RoomFacts { kind: new.kind, visibility: new.visibility, history: new.history, group_id: None };
    let content = RoomContent { name: Some(new.name), topic: new.topic };
    let mut events = vec![
        NewEvent::in_room(EventType::RoomCreated, new.room, Facts::Room(facts)).with(Content::Room(content)),
        member(EventType::MemberJoined, new.room, actor.user_id, RoomRole::Owner),
    ];
    // In a conversation of two both are at home; who wants no part in it leaves.
    let (how, role) =
        if direct { (EventType::MemberJoined, RoomRole::Owner) } else { (EventType::MemberInvited, RoomRole::Member) };
    events.extend(invited.into_iter().map(|user| member(how.clone(), new.room, user, role)));
    Ok(events)
}

/// Refuses to name somebody who is not here, or not any more.
pub(super) fn there(state: &TenantState, user: UserId) -> Result<(), Rejection> {
    let there = state.people.get(&user).is_some_and(|person| person.state != PersonState::Erased);
    if there { Ok(()) } else { Err(Rejection::UserNotFound) }
}

fn member(event_type: EventType, room: RoomId, user: UserId, role: RoomRole) -> NewEvent {
    NewEvent::in_room(event_type, room, Facts::Member(MemberFacts { role: Some(role) })).on(user)
}

/// Refuses when `user` has joined as many rooms as one can be in. Invitations do not count: they are not one's own
/// doing.
pub(super) fn room_for_one_more(state: &TenantState, user: UserId) -> Result<(), Rejection> {
    let joined = state.people.get(&user).map_or(0, |person| person.rooms.len());
    // Most people are in far fewer rooms, invitations and all; only then is it worth counting.
    let full = joined >= ROOMS_PER_PERSON && state.memberships(user).count() >= ROOMS_PER_PERSON;
    if full { Err(Rejection::TooManyRooms) } else { Ok(()) }
}

/// Refuses when so many rooms wait for an answer of `user` that one more would not be seen.
pub(super) fn room_to_invite(state: &TenantState, user: UserId) -> Result<(), Rejection> {
    let rooms = state.people.get(&user).map_or(0, |person| person.rooms.len());
    let full = rooms >= INVITATIONS && rooms - state.memberships(user).count() >= INVITATIONS;
    if full { Err(Rejection::TooManyInvitations) } else { Ok(()) }
}

pub(super) struct Update {
    pub(super) name: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) visibility: Option<Visibility>,
    pub(super) history: Option<History>,
}

/// What of `update` differs, when there is anything. Names are content, which deciding does not see: a new one is
/// always an event.
pub(super) fn update(
    state: &TenantState,
    actor: &Actor,
    id: RoomId,
    update: Update,
) -> Result<Option<NewEvent>, Rejection> {
    let (room, _) = with_role(state, actor, id, RoomRole::Owner)?;
    if room.kind == RoomKind::Direct && update.visibility == Some(Visibility::Public) {
        return Err(Rejection::DirectIsForTwo);
    }
    let patch = RoomPatch {
        visibility: update.visibility.filter(|visibility| *visibility != room.visibility),
        history: update.history.filter(|history| *history != room.history),
        renamed: update.name.is_some(),
        retitled: update.topic.is_some(),
    };
    if patch == RoomPatch::default() {
        return Ok(None);
    }
    let mut event = NewEvent::in_room(EventType::RoomUpdated, id, Facts::RoomPatch(patch));
    if update.name.is_some() || update.topic.is_some() {
        event = event.with(Content::Room(RoomContent { name: update.name, topic: update.topic }));
    }
    Ok(Some(event))
}
