//! Saying, changing, taking back, reacting.

use bartab_core::event::{
    Content, EditContent, EventType, Facts, MessageContent, MessageFacts, NewEvent, ReactionFacts, ReasonContent,
    RoomRole,
};
use bartab_core::{Actor, EventId, MessageView, RoomId};

use super::{joined, visible};
use crate::model::rejection::Rejection;
use crate::model::state::{Access, TenantState};
use crate::model::targets::Targets;

/// A message has at most this many different reactions, so that its view stays small.
const REACTIONS_PER_MESSAGE: usize = 64;
/// And no more than this over its life.
const REACTIONS_EVER: usize = 1_024;

pub(super) fn post(
    state: &TenantState,
    targets: &Targets,
    actor: &Actor,
    room: RoomId,
    content: MessageContent<'static>,
    reply_to: Option<EventId>,
    thread: Option<EventId>,
) -> Result<NewEvent, Rejection> {
    let (access, _) = joined(state, actor, room)?;
    if let Some(reply_to) = reply_to {
        message(targets, &access, room, reply_to)?;
    }
    if let Some(thread) = thread {
        let root = message(targets, &access, room, thread)?;
        if root.thread.is_some() {
            return Err(Rejection::NestedThread);
        }
    }
    let facts = Facts::Message(MessageFacts { reply_to, thread });
    let event = NewEvent::in_room(EventType::MessageCreated, room, facts).with(Content::Message(content));
    Ok(match thread {
        Some(root) => event.about(root),
        None => event,
    })
}

pub(super) fn edit(
    state: &TenantState,
    targets: &Targets,
    actor: &Actor,
    room: RoomId,
    id: EventId,
    text: String,
) -> Result<Option<NewEvent>, Rejection> {
    let (access, _) = joined(state, actor, room)?;
    let view = living(targets, &access, room, id)?;
    if view.sender != actor.user_id {
        return Err(Rejection::NotAuthor);
    }
    if text.trim().is_empty() && view.attachments.is_empty() {
        return Err(Rejection::NothingSaid);
    }
    if view.text == text {
        return Ok(None);
    }
    let event = NewEvent::in_room(EventType::MessageEdited, room, Facts::None).about(id);
    Ok(Some(event.with(Content::Edit(EditContent { text }))))
}

pub(super) fn delete(
    state: &TenantState,
    targets: &Targets,
    actor: &Actor,
    room: RoomId,
    id: EventId,
    reason: Option<String>,
) -> Result<Option<NewEvent>, Rejection> {
    let access = visible(state, actor, room)?;
    let role = access.role.ok_or(Rejection::NotMember)?;
    let view = message(targets, &access, room, id)?;
    if view.sender != actor.user_id && role < RoomRole::Moderator {
        return Err(Rejection::RoleTooLow);
    }
    if view.deleted {
        return Ok(None);
    }
    let event = NewEvent::in_room(EventType::MessageDeleted, room, Facts::None).about(id);
    Ok(Some(match reason {
        Some(reason) => event.with(Content::Reason(ReasonContent { reason })),
        None => event,
    }))
}

pub(super) fn react(
    state: &TenantState,
    targets: &Targets,
    actor: &Actor,
    room: RoomId,
    id: EventId,
    emoji: String,
    present: bool,
) -> Result<Option<NewEvent>, Rejection> {
    let (access, _) = joined(state, actor, room)?;
    let view = living(targets, &access, room, id)?;
    if targets.has_reacted(id, actor.user_id, &emoji) == present {
        return Ok(None);
    }
    // Those that nobody uses any more are kept in order, but must not use up the places of the others.
    let known = view.reactions.iter().find(|reaction| reaction.emoji == emoji).map(|reaction| reaction.count);
    let used = view.reactions.iter().filter(|reaction| reaction.count > 0).count();
    let full = match known {
        Some(1..) => false,
        Some(0) => used >= REACTIONS_PER_MESSAGE,
        None => used >= REACTIONS_PER_MESSAGE || view.reactions.len() >= REACTIONS_EVER,
    };
    if present && full {
        return Err(Rejection::TooManyReactions);
    }
    let event_type = if present { EventType::ReactionAdded } else { EventType::ReactionRemoved };
    Ok(Some(NewEvent::in_room(event_type, room, Facts::Reaction(ReactionFacts { emoji })).about(id)))
}

/// The message, when it is in the room and the actor may read it.
fn message<'a>(
    targets: &'a Targets,
    access: &Access<'_>,
    room: RoomId,
    id: EventId,
) -> Result<&'a MessageView, Rejection> {
    let view = targets.message(id).filter(|view| view.room_id == room).ok_or(Rejection::MessageNotFound)?;
    let readable = access.readable_since().is_some_and(|since| id.seq() >= since);
    if readable { Ok(view) } else { Err(Rejection::MessageNotFound) }
}

/// The message, when it was not deleted.
fn living<'a>(
    targets: &'a Targets,
    access: &Access<'_>,
    room: RoomId,
    id: EventId,
) -> Result<&'a MessageView, Rejection> {
    let view = message(targets, access, room, id)?;
    if view.deleted { Err(Rejection::MessageDeleted) } else { Ok(view) }
}
