//! Joining, leaving, inviting and keeping order.

use bartab_core::event::{
    Content, EventType, Facts, MemberFacts, NewEvent, ReasonContent, RoomKind, RoomRole, Visibility,
};
use bartab_core::{Actor, RoomId, UserId};

use super::rooms::{room_for_one_more, room_to_invite, there};
use super::{visible, with_role};
use crate::model::command::MemberChange;
use crate::model::rejection::Rejection;
use crate::model::state::{Membership, TenantState};

pub(super) fn join(state: &TenantState, actor: &Actor, room: RoomId) -> Result<Option<NewEvent>, Rejection> {
    let access = visible(state, actor, room)?;
    if access.joined.is_some() {
        return Ok(None);
    }
    let invitation = access.room.members.get(&actor.user_id);
    if invitation.is_none() && access.room.visibility == Visibility::Private {
        return Err(Rejection::RoomNotFound);
    }
    room_for_one_more(state, actor.user_id)?;
    let role = invitation.map(|member| member.role).unwrap_or_default();
    Ok(Some(change(EventType::MemberJoined, room, actor.user_id, Some(role), None)))
}

pub(super) fn leave(state: &TenantState, actor: &Actor, room: RoomId) -> Result<Option<NewEvent>, Rejection> {
    let access = visible(state, actor, room)?;
    let related = access.room.members.contains_key(&actor.user_id);
    Ok(related.then(|| change(EventType::MemberLeft, room, actor.user_id, None, None)))
}

pub(super) fn set(
    state: &TenantState,
    actor: &Actor,
    id: RoomId,
    user: UserId,
    wanted: MemberChange,
    reason: Option<String>,
) -> Result<Option<NewEvent>, Rejection> {
    let least = match wanted {
        MemberChange::Invite { role: None | Some(RoomRole::Member) } => RoomRole::Member,
        MemberChange::Ban => RoomRole::Moderator,
        MemberChange::Invite { role: Some(_) } | MemberChange::Role(_) => RoomRole::Owner,
    };
    let (room, rights) = with_role(state, actor, id, least)?;
    there(state, user)?;
    if room.kind == RoomKind::Direct {
        return Err(Rejection::DirectIsForTwo);
    }
    let member = room.members.get(&user);
    let membership = member.map(|member| member.membership);
    match wanted {
        MemberChange::Invite { role } => match membership {
            Some(Membership::Joined | Membership::Invited) => Ok(None),
            Some(Membership::Banned) => Err(Rejection::Banned),
            None => {
                room_to_invite(state, user)?;
                let role = role.unwrap_or_default();
                Ok(Some(change(EventType::MemberInvited, id, user, Some(role), reason)))
            }
        },
        MemberChange::Ban => {
            if membership == Some(Membership::Banned) {
                return Ok(None);
            }
            outranks(actor, rights, user, member.map(|member| member.role))?;
            Ok(Some(change(EventType::MemberBanned, id, user, Some(RoomRole::Member), reason)))
        }
        MemberChange::Role(role) => match member {
            Some(member) if member.membership != Membership::Banned => {
                let same = member.role == role;
                Ok((!same).then(|| change(EventType::MemberUpdated, id, user, Some(role), reason)))
            }
            _ => Err(Rejection::MemberNotFound),
        },
    }
}

/// A kick for a member or an invited person, the end of a ban for a banned one.
pub(super) fn remove(
    state: &TenantState,
    actor: &Actor,
    id: RoomId,
    user: UserId,
    reason: Option<String>,
) -> Result<Option<NewEvent>, Rejection> {
    if user == actor.user_id {
        return leave(state, actor, id);
    }
    let (room, rights) = with_role(state, actor, id, RoomRole::Moderator)?;
    let Some(member) = room.members.get(&user) else {
        return Err(Rejection::MemberNotFound);
    };
    if member.membership == Membership::Banned {
        return Ok(Some(change(EventType::MemberUnbanned, id, user, None, reason)));
    }
    outranks(actor, rights, user, Some(member.role))?;
    Ok(Some(change(EventType::MemberKicked, id, user, None, reason)))
}

/// Refuses when the other one's role is not below the actor's rights; an owner outranks everyone else.
fn outranks(actor: &Actor, rights: RoomRole, user: UserId, role: Option<RoomRole>) -> Result<(), Rejection> {
    let below = rights == RoomRole::Owner || role.is_none_or(|role| role < rights);
    if below && user != actor.user_id { Ok(()) } else { Err(Rejection::RoleTooLow) }
}

pub(super) fn change(
    event_type: EventType,
    room: RoomId,
    user: UserId,
    role: Option<RoomRole>,
    reason: Option<String>,
) -> NewEvent {
    let event = NewEvent::in_room(event_type, room, Facts::Member(MemberFacts { role })).on(user);
    match reason {
        Some(reason) => event.with(Content::Reason(ReasonContent { reason })),
        None => event,
    }
}
