//! What follows from the account feed.

use std::collections::BTreeSet;

use bartab_core::event::{
    Content, EventType, Facts, NewEvent, PersonFacts, PersonState, ProfileContent, RoomKind, Visibility,
};
use bartab_core::{Actor, EventId, RoomId, UserId};

use super::members::change;
use super::rooms::room_for_one_more;
use super::{kind, profile};
use crate::model::command::AccountStep;
use crate::model::rejection::Rejection;
use crate::model::state::{Membership, Person, Room, TenantState};
use crate::model::targets::Targets;

/// What a step of entry `number` comes to; nothing once the entry is done.
pub(super) fn decide(
    state: &TenantState,
    targets: &Targets,
    actor: &Actor,
    number: u64,
    step: AccountStep,
) -> Result<Vec<NewEvent>, Rejection> {
    if number <= state.feed {
        return Ok(Vec::new());
    }
    let known = state.people.get(&actor.user_id);
    Ok(match (step, known) {
        (AccountStep::Present { suspended, rooms, invited_by, record }, known) => {
            let standing = if suspended { PersonState::Suspended } else { PersonState::Active };
            present(state, actor, number, standing, (&rooms, invited_by), record || known.is_none())?
        }
        // Who was never here has left nothing behind.
        (_, None) => Vec::new(),
        (AccountStep::BeginErasure, Some(known)) => {
            let begun = known.state == PersonState::Erased;
            if begun { Vec::new() } else { vec![erased(actor, known, None, false)] }
        }
        (AccountStep::LeaveRooms { limit }, Some(known)) => {
            let rooms = known.rooms.iter().take(limit);
            rooms.map(|room| change(EventType::MemberLeft, *room, actor.user_id, None, None)).collect()
        }
        (AccountStep::EraseWritten { messages, .. }, Some(_)) => {
            let messages: BTreeSet<EventId> = messages.into_iter().collect();
            messages.into_iter().filter_map(|message| deletion(targets, actor, message)).collect()
        }
        (AccountStep::EndErasure { written }, Some(known)) => vec![erased(actor, known, Some(number), written)],
    })
}

/// The person as the feed shows them, and the rooms that they come into; nothing when all that is known already.
fn present(
    state: &TenantState,
    actor: &Actor,
    number: u64,
    standing: PersonState,
    (rooms, invited_by): (&[RoomId], Option<UserId>),
    record: bool,
) -> Result<Vec<NewEvent>, Rejection> {
    let (kind, owner) = kind(actor)?;
    let known = state.people.get(&actor.user_id);
    let same = |known: &Person| known.rev >= actor.profile.rev && known.state == standing;
    if known.is_some_and(|known| known.state == PersonState::Erased) {
        return Ok(Vec::new());
    }
    // Rooms are joined once: also when there is nothing to join, the number says that it was looked at.
    if known.is_some_and(|known| same(known)) && rooms.is_empty() && !record {
        return Ok(Vec::new());
    }
    let event_type = if known.is_none() { EventType::UserCreated } else { EventType::UserUpdated };
    let rev = known.map_or(0, |known| known.rev).max(actor.profile.rev);
    let facts = PersonFacts { state: standing, feed: Some(number), ..PersonFacts::new(kind, owner, rev) };
    let mut events = vec![profile(event_type, actor, facts)];
    let rooms: BTreeSet<RoomId> = rooms.iter().copied().collect();
    events.extend(rooms.into_iter().filter_map(|room| joining(state, actor, invited_by, room)));
    Ok(events)
}

/// The person comes into the room, if it is there and takes them: a private one only while the person who made the
/// invite could ask others in, so that nobody comes back through an invite to where they were shown out of.
fn joining(state: &TenantState, actor: &Actor, invited_by: Option<UserId>, id: RoomId) -> Option<NewEvent> {
    let room = state.rooms.get(&id)?;
    let private = room.visibility != Visibility::Public;
    if private && invited_by.is_some_and(|inviter| !is_in(state, room, inviter)) {
        return None;
    }
    let member = room.members.get(&actor.user_id);
    let open = member.is_none_or(|member| member.membership == Membership::Invited);
    if !open || room.kind == RoomKind::Direct || room_for_one_more(state, actor.user_id).is_err() {
        return None;
    }
    let role = member.map(|member| member.role).unwrap_or_default();
    Some(change(EventType::MemberJoined, id, actor.user_id, Some(role), None))
}

/// Whether `user` has joined the room, and may still act.
fn is_in(state: &TenantState, room: &Room, user: UserId) -> bool {
    room.members.get(&user).is_some_and(|member| member.membership == Membership::Joined)
        && state.people.get(&user).is_some_and(|person| person.state == PersonState::Active)
}

/// The person without a name.
fn erased(actor: &Actor, known: &Person, feed: Option<u64>, written: bool) -> NewEvent {
    let rev = known.rev.max(actor.profile.rev);
    let facts =
        PersonFacts { state: PersonState::Erased, feed, written, ..PersonFacts::new(known.kind, known.owner, rev) };
    NewEvent::tenant(EventType::UserUpdated, Facts::Person(facts)).with(Content::Profile(ProfileContent::default()))
}

fn deletion(targets: &Targets, actor: &Actor, id: EventId) -> Option<NewEvent> {
    let view = targets.message(id).filter(|view| view.sender == actor.user_id && !view.deleted)?;
    Some(NewEvent::in_room(EventType::MessageDeleted, view.room_id, Facts::None).about(id))
}
