//! What may happen.

mod accounts;
mod members;
mod messages;
mod rooms;

use std::sync::Arc;

use bartab_core::event::{Content, EventType, Facts, NewEvent, PersonFacts, PersonKind, ProfileContent, RoomRole};
use bartab_core::{Actor, ActorKind, RoomId, Timestamp, UserId};

use super::command::Command;
use super::rejection::Rejection;
use super::state::{Access, Member, TenantState};
use super::targets::Targets;

/// Decides what happens when `actor` asks for `command` at `now`: the events to append, in order; none when nothing
/// would change.
///
/// An actor who is new here, or whose profile has a higher revision, brings an event of the tenant in front.
///
/// # Errors
/// Why it is refused. A room that the actor may not see is refused as if it did not exist.
pub fn decide(
    state: &TenantState,
    targets: &Targets,
    actor: &Actor,
    command: Command,
    now: Timestamp,
) -> Result<Vec<NewEvent>, Rejection> {
    // What will need the time (mutes, slow mode) is decided here too; nothing of today's commands does.
    let _ = now;
    if let Command::Account { number, step } = command {
        return accounts::decide(state, targets, actor, number, step);
    }
    if let Command::Refused(rejection) = command {
        return Err(rejection);
    }
    if !state.may_act(actor) {
        return Err(Rejection::AccountNotActive);
    }
    let mut events: Vec<NewEvent> = arrival(state, actor)?.into_iter().collect();
    match command {
        Command::Arrive | Command::Refused(_) | Command::Account { .. } => {}
        Command::CreateRoom { room, kind, visibility, history, name, topic, members } => {
            let new = rooms::New { room, kind, visibility, history, name, topic, members };
            events.extend(rooms::create(state, actor, new)?);
        }
        Command::UpdateRoom { room, name, topic, visibility, history } => {
            events.extend(rooms::update(state, actor, room, rooms::Update { name, topic, visibility, history })?);
        }
        Command::Join { room } => events.extend(members::join(state, actor, room)?),
        Command::Leave { room } => events.extend(members::leave(state, actor, room)?),
        Command::SetMember { room, user, change, reason } => {
            events.extend(members::set(state, actor, room, user, change, reason)?);
        }
        Command::RemoveMember { room, user, reason } => {
            events.extend(members::remove(state, actor, room, user, reason)?);
        }
        Command::PostMessage { room, content, reply_to, thread } => {
            events.push(messages::post(state, targets, actor, room, content, reply_to, thread)?);
        }
        Command::EditMessage { room, message, text } => {
            events.extend(messages::edit(state, targets, actor, room, message, text)?);
        }
        Command::DeleteMessage { room, message, reason } => {
            events.extend(messages::delete(state, targets, actor, room, message, reason)?);
        }
        Command::React { room, message, emoji, present } => {
            events.extend(messages::react(state, targets, actor, room, message, emoji, present)?);
        }
        Command::PostCustom { room, event_type, content } => {
            joined(state, actor, room)?;
            let event = NewEvent::in_room(EventType::Custom(event_type), room, Facts::None);
            events.push(event.with(Content::Custom(content)));
        }
    }
    Ok(events)
}

/// What sort of user the actor is, and who answers for it.
const fn kind(actor: &Actor) -> Result<(PersonKind, Option<UserId>), Rejection> {
    match actor.kind {
        ActorKind::Person => Ok((PersonKind::Person, None)),
        ActorKind::Bot { owner } => Ok((PersonKind::Bot, Some(owner))),
        ActorKind::Guest { .. } => Ok((PersonKind::Guest, None)),
        _ => Err(Rejection::KindNotAllowed),
    }
}

/// The event that makes the actor known, or brings a newer profile.
fn arrival(state: &TenantState, actor: &Actor) -> Result<Option<NewEvent>, Rejection> {
    let (kind, owner) = kind(actor)?;
    let event_type = match state.people.get(&actor.user_id) {
        None => EventType::UserCreated,
        Some(known) if known.rev < actor.profile.rev => EventType::UserUpdated,
        Some(_) => return Ok(None),
    };
    Ok(Some(profile(event_type, actor, PersonFacts::new(kind, owner, actor.profile.rev))))
}

/// An event that carries the actor's profile.
fn profile(event_type: EventType, actor: &Actor, facts: PersonFacts) -> NewEvent {
    let profile = ProfileContent { display_name: actor.profile.name.as_ref().to_owned(), avatar: actor.profile.avatar };
    NewEvent::tenant(event_type, Facts::Person(facts)).with(Content::Profile(profile))
}

/// The room, when it exists for the actor.
fn visible<'a>(state: &'a TenantState, actor: &Actor, room: RoomId) -> Result<Access<'a>, Rejection> {
    state.access(actor, room).ok_or(Rejection::RoomNotFound)
}

/// The room and the actor's membership, when the actor has joined it.
fn joined<'a>(state: &'a TenantState, actor: &Actor, room: RoomId) -> Result<(Access<'a>, Member), Rejection> {
    let access = visible(state, actor, room)?;
    let member = access.joined.ok_or(Rejection::NotMember)?;
    Ok((access, member))
}

/// The room, when the actor's rights in it reach `least`.
fn with_role<'a>(
    state: &'a TenantState,
    actor: &Actor,
    room: RoomId,
    least: RoomRole,
) -> Result<(&'a Arc<super::state::Room>, RoomRole), Rejection> {
    let access = visible(state, actor, room)?;
    match access.role {
        None => Err(Rejection::NotMember),
        Some(role) if role < least => Err(Rejection::RoleTooLow),
        Some(role) => Ok((access.room, role)),
    }
}
