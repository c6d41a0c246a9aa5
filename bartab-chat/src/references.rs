//! Which files the events of the log let their holders carry.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use bartab_core::event::{Content, CorruptRecord, Event, EventType, Record};
use bartab_core::store::{Holder, ReferenceChange};

/// How the attachments begin in the stored content of a message. Inside of a text the quotes would be escaped, so it is
/// there if and only if the message carries something; most messages carry nothing and are not parsed.
const ATTACHMENTS: &str = "\"attachments\":[";

/// Who is told when somebody may carry other files.
#[derive(Default)]
pub(crate) struct Listeners(RwLock<Vec<Listener>>);

type Listener = Box<dyn Fn() + Send + Sync>;

impl Listeners {
    pub(crate) fn add(&self, listener: Listener) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Tells them once, if one of the events makes it worth it.
    pub(crate) fn tell<'a>(&self, mut events: impl Iterator<Item = &'a Event>) {
        if events.any(may_change) {
            self.0.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|listener| listener());
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listeners(..)")
    }
}

/// Whether somebody may carry other files after this event than before; sometimes true of one that changes nothing.
fn may_change(event: &Event) -> bool {
    match (&event.envelope.event_type, &event.content) {
        (EventType::MessageCreated, Some(Content::Message(message))) => !message.attachments.is_empty(),
        (EventType::MessageDeleted, _) => true,
        _ => false,
    }
}

/// What the event of this row changes. Of profiles the account feed tells: two feeds would contradict each other while
/// one is behind. A room that is deleted would change its messages; no room is deleted today.
///
/// # Errors
/// When the row cannot be read.
pub(crate) fn change(record: &Record) -> Result<Option<ReferenceChange>, CorruptRecord> {
    let envelope = &record.envelope;
    Ok(match envelope.event_type {
        EventType::MessageCreated => {
            let carries = record.content.as_ref().is_some_and(|content| content.json.contains(ATTACHMENTS));
            if carries { of_message(record)? } else { None }
        }
        EventType::MessageDeleted => {
            envelope.target.map(|message| ReferenceChange { holder: Holder::Message(message), media: Vec::new() })
        }
        _ => None,
    })
}

fn of_message(record: &Record) -> Result<Option<ReferenceChange>, CorruptRecord> {
    let Some(Content::Message(message)) = record.to_event()?.content else { return Ok(None) };
    let media = message.attachments.into_iter().map(|attachment| attachment.media_id).collect();
    Ok(Some(ReferenceChange { holder: Holder::Message(record.envelope.id), media }))
}
