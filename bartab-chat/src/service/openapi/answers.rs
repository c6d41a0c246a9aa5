//! Events, messages and the answers of sync as schemas.
//!
//! On the wire they are written by hand-tuned encoders that borrow from stored rows; these types say the same in plain,
//! and a test holds real answers against them.

use std::collections::BTreeMap;

use utoipa::ToSchema;

use crate::service::request::Nothing;
use crate::service::words::{
    EventId, Format, GroupId, History, MediaId, RoomId, RoomKind, RoomRole, Time, UserId, Visibility,
};
use crate::wire::{ProfileJson, RoomJson};

/// Something that happened, as the log has it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Event {
    #[schema(value_type = EventId)]
    event_id: String,
    /// The position in the tenant's log.
    seq: u64,
    /// Of a message: its number in the room, gapless from 1.
    #[schema(nullable = false)]
    number: Option<u64>,
    /// Missing when the event concerns the tenant as a whole.
    #[schema(value_type = Option<RoomId>, nullable = false)]
    room_id: Option<String>,
    /// `message.created`, `member.joined`, …, or `x.` and a name for events of bots and embedders.
    #[schema(example = "message.created")]
    r#type: String,
    #[schema(value_type = UserId)]
    sender: String,
    #[schema(value_type = Time)]
    timestamp: String,
    /// By type; null when it was erased.
    #[schema(required)]
    content: Option<EventContent>,
    /// There, and true, when a bot sent it.
    #[schema(nullable = false)]
    bot: Option<bool>,
    /// The client's own mark of a message.
    #[schema(nullable = false)]
    nonce: Option<String>,
    /// There, and true, when its content was erased.
    #[schema(nullable = false)]
    erased: Option<bool>,
}

/// The event that was appended, or `{}` when nothing changed.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) enum EventOrNothing {
    Event(Box<Event>),
    Nothing(Nothing),
}

/// What an event says, by its type.
#[derive(ToSchema)]
#[schema(as = EventContent)]
#[serde(untagged)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) enum EventContent {
    /// `user.*`
    Profile(ProfileJson),
    /// `room.*`
    Room(RoomChange),
    /// `member.*`
    Member(MemberChange),
    /// `message.created`
    Message(MessageContent),
    /// `message.edited`
    Edit(EditContent),
    /// `message.deleted`
    Deletion(DeletionContent),
    /// `reaction.*`
    Reaction(ReactionContent),
    /// `x.*`
    #[schema(value_type = Object)]
    Custom(serde_json::Value),
}

/// Of a room, those fields that changed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct RoomChange {
    #[schema(value_type = Option<RoomKind>, nullable = false)]
    kind: Option<String>,
    #[schema(value_type = Option<Visibility>, nullable = false)]
    visibility: Option<String>,
    #[schema(value_type = Option<History>, nullable = false)]
    history: Option<String>,
    #[schema(value_type = Option<GroupId>, nullable = false)]
    group_id: Option<String>,
    #[schema(nullable = false)]
    name: Option<String>,
    /// Empty when it was removed.
    #[schema(nullable = false)]
    topic: Option<String>,
}

/// A change of somebody's membership.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct MemberChange {
    #[schema(value_type = UserId)]
    user_id: String,
    /// The role after it; null when there is none.
    #[schema(value_type = Option<RoomRole>, required)]
    role: Option<String>,
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// What a message says.
#[derive(ToSchema)]
#[schema(as = MessageContent)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct MessageContent {
    text: String,
    #[schema(value_type = Format)]
    format: String,
    #[schema(value_type = Option<EventId>, required)]
    reply_to: Option<String>,
    /// The root of its thread.
    #[schema(value_type = Option<EventId>, required)]
    thread: Option<String>,
    mentions: MentionsShown,
    attachments: Vec<Attachment>,
}

/// Whom a message calls.
#[derive(ToSchema)]
#[schema(as = Mentions)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct MentionsShown {
    #[schema(value_type = Vec<UserId>)]
    users: Vec<String>,
    /// Everyone in the room.
    room: bool,
}

/// A file that a message carries.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Attachment {
    #[schema(value_type = MediaId)]
    media_id: String,
    /// What the uploader called it.
    #[schema(required)]
    filename: Option<String>,
    /// What sort of file it is, found from its bytes.
    mime: String,
    /// How many bytes it has.
    size: u64,
    /// Of a picture, in pixels as it is shown.
    #[schema(required)]
    width: Option<u64>,
    #[schema(required)]
    height: Option<u64>,
    /// Of a picture: a blurred impression (<https://blurha.sh>).
    #[schema(required)]
    blurhash: Option<String>,
}

/// The new text of a message.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct EditContent {
    #[schema(value_type = EventId)]
    target: String,
    text: String,
}

/// A message was taken back.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct DeletionContent {
    #[schema(value_type = EventId)]
    target: String,
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// A reaction came or went.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct ReactionContent {
    #[schema(value_type = EventId)]
    target: String,
    emoji: String,
}

/// A message with its edits, reactions and replies counted in; deleted ones stay as tombstones.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Message {
    #[schema(value_type = EventId)]
    event_id: String,
    seq: u64,
    /// The number in the room, gapless from 1.
    number: u64,
    /// The `seq` of the last event counted in: ignore events of sync up to it for this message.
    version: u64,
    #[schema(value_type = RoomId)]
    room_id: String,
    #[schema(value_type = UserId)]
    sender: String,
    /// There, and true, when a bot wrote it.
    #[schema(nullable = false)]
    bot: Option<bool>,
    #[schema(value_type = Time)]
    timestamp: String,
    /// Empty when deleted.
    text: String,
    #[schema(value_type = Format)]
    format: String,
    #[schema(value_type = Option<EventId>, required)]
    reply_to: Option<String>,
    #[schema(value_type = Option<EventId>, required)]
    thread: Option<String>,
    /// How many messages name this one as the root of their thread.
    thread_count: u64,
    mentions: MentionsShown,
    attachments: Vec<Attachment>,
    #[schema(value_type = Option<Time>, required)]
    edited_at: Option<String>,
    deleted: bool,
    /// In the order of first use.
    reactions: Vec<Reaction>,
    pinned: bool,
}

/// How many people react with one emoji.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Reaction {
    emoji: String,
    count: u64,
    /// Whether the reader is one of them.
    me: bool,
}

/// Profiles by the id of the person.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Users(BTreeMap<String, ProfileJson>);

/// A page of a room's messages. Without `around` it has `has_more`, with it `has_more_before` and `has_more_after`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct MessagePage {
    items: Vec<Message>,
    /// Profiles of everyone whose id stands in the items.
    users: Users,
    /// The first item; ask with it, or with `end`, for the pages beside this one.
    #[schema(value_type = Option<EventId>, required)]
    start: Option<String>,
    /// The last item.
    #[schema(value_type = Option<EventId>, required)]
    end: Option<String>,
    #[schema(nullable = false)]
    has_more: Option<bool>,
    #[schema(nullable = false)]
    has_more_before: Option<bool>,
    #[schema(nullable = false)]
    has_more_after: Option<bool>,
}

/// Every version of a message that is not erased, oldest first.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Versions {
    items: Vec<Version>,
}

/// One version of a message's text.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Version {
    #[schema(value_type = EventId)]
    event_id: String,
    #[schema(value_type = UserId)]
    sender: String,
    #[schema(value_type = Time)]
    timestamp: String,
    text: String,
}

/// One answer of sync.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct SyncAnswer {
    /// The token to ask with next.
    #[schema(pattern = "^s_(0|[1-9][0-9]*)_[0-9a-f]{16}$")]
    next: String,
    /// In the order of the log.
    events: Vec<Event>,
    /// There, and true, when there is more: ask again at once.
    #[schema(nullable = false)]
    more: Option<bool>,
    /// There, and true, when the token was of another history: forget everything and begin with the snapshot.
    #[schema(nullable = false)]
    reset: Option<bool>,
    #[schema(nullable = false)]
    snapshot: Option<SyncSnapshot>,
    /// The rooms that one has joined by an event of this answer.
    #[schema(nullable = false)]
    rooms: Option<Vec<RoomWithTimeline>>,
    /// With `rooms`: the profiles of everyone whose id stands in their timelines.
    #[schema(nullable = false)]
    users: Option<Users>,
}

/// Everything that a client needs to begin, as of the answer's token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct SyncSnapshot {
    me: Me,
    /// The rooms that one has joined or is invited to.
    rooms: Vec<RoomWithTimeline>,
    #[schema(value_type = Vec<Object>)]
    groups: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    friends: Vec<String>,
    users: Users,
}

/// The caller.
#[derive(ToSchema)]
#[schema(as = SyncMe)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct Me {
    #[schema(value_type = UserId)]
    user_id: String,
    display_name: String,
    #[schema(value_type = Option<MediaId>, required)]
    avatar: Option<String>,
}

/// A room with its latest messages.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(in crate::service) struct RoomWithTimeline {
    #[serde(flatten)]
    room: RoomJson,
    /// Oldest first; empty unless one has joined.
    timeline: Vec<Message>,
}
