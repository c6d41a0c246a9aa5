//! An event as `/v1/sync` and writes give it.

use bartab_core::event::{
    Content, Event, Facts, Format, History, Mentions, PersonKind, PersonState, RoomKind, RoomRole, Visibility,
};
use bartab_core::store::Attachment;
use bartab_core::{EventId, GroupId, MediaId, RoomId, Timestamp, UserId};
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
struct EventJson<'a> {
    event_id: EventId,
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<RoomId>,
    r#type: &'a str,
    sender: UserId,
    timestamp: Timestamp,
    content: Option<ContentJson<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    bot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ContentJson<'a> {
    Profile {
        display_name: &'a str,
        avatar: Option<MediaId>,
        kind: PersonKind,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
    },
    Room {
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<RoomKind>,
        #[serde(skip_serializing_if = "Option::is_none")]
        visibility: Option<Visibility>,
        #[serde(skip_serializing_if = "Option::is_none")]
        history: Option<History>,
        #[serde(skip_serializing_if = "Option::is_none")]
        group_id: Option<GroupId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        topic: Option<&'a str>,
    },
    Member {
        user_id: Option<UserId>,
        role: Option<RoomRole>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Message {
        text: &'a str,
        format: Format,
        reply_to: Option<EventId>,
        thread: Option<EventId>,
        mentions: MentionsJson<'a>,
        attachments: AttachmentsJson<'a>,
    },
    Edit {
        target: Option<EventId>,
        text: &'a str,
    },
    Reaction {
        target: Option<EventId>,
        emoji: &'a str,
    },
    Custom(&'a RawValue),
    Target {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<EventId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
}

/// Attachments with every member always there.
pub(super) struct AttachmentsJson<'a>(pub(super) &'a [Attachment]);

#[derive(Serialize)]
struct AttachmentJson<'a> {
    media_id: MediaId,
    filename: Option<&'a str>,
    mime: &'a str,
    size: u64,
    width: Option<u32>,
    height: Option<u32>,
    blurhash: Option<&'a str>,
}

impl Serialize for AttachmentsJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|file| AttachmentJson {
            media_id: file.media_id,
            filename: file.filename.as_deref(),
            mime: &file.mime,
            size: file.size,
            width: file.width,
            height: file.height,
            blurhash: file.blurhash.as_deref(),
        }))
    }
}

/// Mentions with both members always there.
#[derive(Serialize)]
pub(super) struct MentionsJson<'a> {
    users: &'a [UserId],
    room: bool,
}

impl<'a> From<&'a Mentions> for MentionsJson<'a> {
    fn from(mentions: &'a Mentions) -> Self {
        Self { users: &mentions.users, room: mentions.room }
    }
}

fn content(event: &Event) -> Option<ContentJson<'_>> {
    let target = event.envelope.target;
    let reason = match &event.content {
        Some(Content::Reason(content)) => Some(content.reason.as_str()),
        _ => None,
    };
    if event.erased {
        return None;
    }
    Some(match (&event.facts, &event.content) {
        (Facts::Person(facts), Some(Content::Profile(profile))) => ContentJson::Profile {
            display_name: &profile.display_name,
            avatar: profile.avatar,
            kind: facts.kind,
            deleted: facts.state == PersonState::Erased,
        },
        (Facts::Room(facts), Some(Content::Room(words))) => ContentJson::Room {
            kind: Some(facts.kind),
            visibility: Some(facts.visibility),
            history: Some(facts.history),
            group_id: facts.group_id,
            name: words.name.as_deref(),
            topic: words.topic.as_deref(),
        },
        (Facts::RoomPatch(patch), content) => {
            let words = match content {
                Some(Content::Room(words)) => Some(words),
                _ => None,
            };
            ContentJson::Room {
                kind: None,
                visibility: patch.visibility,
                history: patch.history,
                group_id: None,
                name: words.and_then(|words| words.name.as_deref()),
                topic: words.and_then(|words| words.topic.as_deref()),
            }
        }
        (Facts::Member(facts), _) => ContentJson::Member { user_id: event.envelope.subject, role: facts.role, reason },
        (Facts::Message(facts), Some(Content::Message(message))) => ContentJson::Message {
            text: &message.text,
            format: message.format,
            reply_to: facts.reply_to,
            thread: facts.thread,
            mentions: (&message.mentions).into(),
            attachments: AttachmentsJson(&message.attachments),
        },
        (Facts::Reaction(facts), _) => ContentJson::Reaction { target, emoji: &facts.emoji },
        (_, Some(Content::Edit(edit))) => ContentJson::Edit { target, text: &edit.text },
        (_, Some(Content::Custom(custom))) => ContentJson::Custom(custom),
        _ => ContentJson::Target { target, reason },
    })
}

/// The event as JSON.
///
/// # Errors
/// None for an event that the program can hold; the signature is serde's.
pub(crate) fn encode_event(event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    let envelope = &event.envelope;
    let nonce = match &event.content {
        Some(Content::Message(message)) => message.nonce.as_deref(),
        _ => None,
    };
    let json = EventJson {
        event_id: envelope.id,
        seq: envelope.seq(),
        number: envelope.number,
        room_id: envelope.room,
        r#type: envelope.event_type.name(),
        sender: envelope.sender,
        timestamp: envelope.time(),
        content: content(event),
        bot: envelope.bot,
        nonce,
        erased: event.erased,
    };
    let mut bytes = Vec::with_capacity(768);
    serde_json::to_writer(&mut bytes, &json)?;
    Ok(bytes)
}
