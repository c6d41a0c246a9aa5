//! A row of the log as JSON.

use std::error::Error;

use bartab_core::event::{Digest, Envelope, Idempotency, KeyHash, Record, RecordContent};
use bartab_core::{EventId, RoomId, UserId};
use serde::{Deserialize, Serialize};

/// Key, fingerprint, status, count.
type Key = ([u8; 16], Option<[u8; 16]>, u16, u16);

/// A row as the file holds it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    version: u8,
    id: EventId,
    event_type: String,
    sender: UserId,
    bot: bool,
    room: Option<RoomId>,
    number: Option<u64>,
    target: Option<EventId>,
    subject: Option<UserId>,
    on_behalf_of: Option<UserId>,
    cause: Option<EventId>,
    hops: u8,
    previous: [u8; 32],
    facts: Box<str>,
    content_digest: Option<[u8; 32]>,
    content: Option<([u8; 16], Box<str>)>,
    idempotency: Option<Key>,
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Self {
        let Envelope { id, event_type, sender, bot, room, number, target, subject, on_behalf_of, cause, hops } =
            record.envelope.clone();
        Self {
            version: record.version,
            id,
            event_type: event_type.to_string(),
            sender,
            bot,
            room,
            number,
            target,
            subject,
            on_behalf_of,
            cause,
            hops,
            previous: record.previous.0,
            facts: record.facts.clone(),
            content_digest: record.content_digest.map(|digest| digest.0),
            content: record.content.as_ref().map(|content| (content.salt, content.json.clone())),
            idempotency: record.idempotency.map(|one| (one.key.0, one.fingerprint, one.status, one.count)),
        }
    }
}

impl TryFrom<Row> for Record {
    type Error = Box<dyn Error + Send + Sync>;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let Row { id, event_type, sender, bot, room, number, target, subject, on_behalf_of, cause, hops, .. } = row;
        let event_type = event_type.parse()?;
        Ok(Self {
            version: row.version,
            envelope: Envelope {
                id,
                event_type,
                sender,
                bot,
                room,
                number,
                target,
                subject,
                on_behalf_of,
                cause,
                hops,
            },
            previous: Digest(row.previous),
            facts: row.facts,
            content_digest: row.content_digest.map(Digest),
            content: row.content.map(|(salt, json)| RecordContent { salt, json }),
            idempotency: row.idempotency.map(|(key, fingerprint, status, count)| Idempotency {
                key: KeyHash(key),
                fingerprint,
                status,
                count,
            }),
        })
    }
}
