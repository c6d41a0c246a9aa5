//! What an actor asks for. New ids arrive inside the command, so that deciding needs no randomness.

use bartab_core::event::{CustomType, History, MessageContent, RoomKind, RoomRole, Visibility};
use bartab_core::{EventId, RoomId, UserId};
use serde_json::value::RawValue;

use super::rejection::Rejection;

/// What an actor asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// To be known here; nothing else.
    Arrive,
    /// Something that was refused before it could be decided. It goes the way of a command because a request that was
    /// answered before, or that is before it in the queue, gets that answer again by its key.
    Refused(Rejection),
    /// To make a room.
    CreateRoom {
        /// The new room's id.
        room: RoomId,
        /// What it is for.
        kind: RoomKind,
        /// For whom it exists.
        visibility: Visibility,
        /// What a member may read.
        history: History,
        /// Its name.
        name: String,
        /// What it is about.
        topic: Option<String>,
        /// Who is asked to join at once.
        members: Vec<UserId>,
    },
    /// To change a room.
    UpdateRoom {
        /// The room.
        room: RoomId,
        /// The new name.
        name: Option<String>,
        /// The new topic.
        topic: Option<String>,
        /// For whom it exists now.
        visibility: Option<Visibility>,
        /// What a member may read now.
        history: Option<History>,
    },
    /// To join a room.
    Join {
        /// The room.
        room: RoomId,
    },
    /// To leave a room, or to decline an invitation.
    Leave {
        /// The room.
        room: RoomId,
    },
    /// To change what somebody else is to a room.
    SetMember {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// What is to change.
        change: MemberChange,
        /// Why.
        reason: Option<String>,
    },
    /// To put somebody out of a room, or to lift a ban.
    RemoveMember {
        /// The room.
        room: RoomId,
        /// Who.
        user: UserId,
        /// Why.
        reason: Option<String>,
    },
    /// To say something.
    PostMessage {
        /// The room.
        room: RoomId,
        /// What is said.
        content: MessageContent<'static>,
        /// The message that it answers.
        reply_to: Option<EventId>,
        /// The root of the thread that it belongs to.
        thread: Option<EventId>,
    },
    /// To change what one has said.
    EditMessage {
        /// The room.
        room: RoomId,
        /// The message.
        message: EventId,
        /// The new text.
        text: String,
    },
    /// To take a message back.
    DeleteMessage {
        /// The room.
        room: RoomId,
        /// The message.
        message: EventId,
        /// Why.
        reason: Option<String>,
    },
    /// To react to a message, or to stop doing so.
    React {
        /// The room.
        room: RoomId,
        /// The message.
        message: EventId,
        /// The emoji.
        emoji: String,
        /// Whether the reaction is to be there.
        present: bool,
    },
    /// Nothing: the account feed says something of the actor's account.
    Account {
        /// The number of the entry.
        number: u64,
        /// What is to be done about it.
        step: AccountStep,
    },
    /// To send an event of one's own type.
    PostCustom {
        /// The room.
        room: RoomId,
        /// The type.
        event_type: CustomType,
        /// A JSON object.
        content: Box<RawValue>,
    },
}

/// What is to change about a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// Ask the person to join.
    Invite {
        /// The role to come with; [`RoomRole::Member`] when missing.
        role: Option<RoomRole>,
    },
    /// Keep the person out.
    Ban,
    /// Give the member another role.
    Role(RoomRole),
}

/// A step of what follows from an entry of the account feed. Each is decided only while the entry is not done yet, and
/// changes nothing when it is decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStep {
    /// The account is there, with the actor's profile; this is all that its entry asks for.
    Present {
        /// Whether it may not be used for now.
        suspended: bool,
        /// The rooms that the person comes into, those alone that there are and that do not keep the person out.
        rooms: Vec<RoomId>,
        /// Who made that invite; `None`: the operator, or nobody.
        invited_by: Option<UserId>,
        /// Whether the entry's number is written down also when nothing else is to be.
        record: bool,
    },
    /// The account is erased: from now on the person has no name and may do nothing.
    BeginErasure,
    /// The person leaves some of their rooms.
    LeaveRooms {
        /// How many at most.
        limit: usize,
    },
    /// What the person wrote goes.
    EraseWritten {
        /// Messages of theirs, with their edits.
        messages: Vec<EventId>,
        /// Positions of other events of theirs that carry words: former names, reasons, custom events.
        others: Vec<u64>,
    },
    /// The erasure is done.
    EndErasure {
        /// Whether what the person wrote is gone, too.
        written: bool,
    },
}

impl Command {
    /// The people whom this names, besides the actor.
    pub(crate) fn people(&self) -> &[UserId] {
        match self {
            Self::CreateRoom { members, .. } => members,
            Self::SetMember { user, .. } | Self::RemoveMember { user, .. } => std::slice::from_ref(user),
            _ => &[],
        }
    }

    /// The messages that this deletes if it comes to pass.
    pub(crate) fn deletions(&self) -> &[EventId] {
        match self {
            Self::DeleteMessage { message, .. } => std::slice::from_ref(message),
            Self::Account { step: AccountStep::EraseWritten { messages, .. }, .. } => messages,
            _ => &[],
        }
    }

    /// The positions whose content goes with this, besides what its events take along.
    pub fn erasures(&self) -> &[u64] {
        match self {
            Self::Account { step: AccountStep::EraseWritten { others, .. }, .. } => others,
            _ => &[],
        }
    }

    /// The messages that deciding this needs to know.
    pub(crate) fn messages(&self) -> impl Iterator<Item = EventId> {
        let erased = match self {
            Self::Account { step: AccountStep::EraseWritten { messages, .. }, .. } => &messages[..],
            _ => &[],
        };
        let (first, second) = match self {
            Self::PostMessage { reply_to, thread, .. } => (*reply_to, *thread),
            Self::EditMessage { message, .. } | Self::DeleteMessage { message, .. } | Self::React { message, .. } => {
                (Some(*message), None)
            }
            _ => (None, None),
        };
        first.into_iter().chain(second).chain(erased.iter().copied())
    }
}
