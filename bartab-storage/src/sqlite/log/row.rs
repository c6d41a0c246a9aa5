//! A row of `events`, in and out.

use bartab_core::event::{Digest, Envelope, EventType, Idempotency, KeyHash, Record, RecordContent};
use bartab_core::store::StoreError;
use bartab_core::{EventId, RoomId, Timestamp, UserId};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use crate::sqlite::error::{Damaged, Failure};
use crate::sqlite::places::Places;

/// The columns of `events` in the order of [`record`] and [`insert`].
macro_rules! columns {
    () => {
        "e.seq, e.time, e.type, e.version, e.sender, e.bot, e.hops, e.room, e.number, e.target, e.subject, \
         e.on_behalf_of, e.cause, e.previous, e.idempotency_key, e.fingerprint, e.status, e.count, e.facts, \
         e.content_digest, e.salt, e.content, e.log"
    };
}
pub(super) use columns;

/// How many columns those are: where a query's own begin.
pub(super) const COLUMNS: usize = 23;

/// Writes an ordinary message: binding values that are the columns' defaults would take half of the time again.
const INSERT_MESSAGE: &str = "INSERT INTO events (time, sender, room, number, previous, idempotency_key, fingerprint, \
     status, count, content_digest, salt, content, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Writes any row. It goes to the end, where SQLite gives it the position after the last one without looking for its
/// place. (Many rows in one statement were measured, and are slower.)
const INSERT_ANY: &str = "INSERT INTO events (time, sender, room, number, previous, idempotency_key, fingerprint, \
     status, count, content_digest, salt, content, place, type, version, bot, hops, target, subject, on_behalf_of, \
     cause, facts, log, lane) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The numbers that named types are stored as. A number once given keeps its meaning.
const TYPES: [(EventType, i64); 17] = [
    (EventType::MessageCreated, 1),
    (EventType::MessageEdited, 2),
    (EventType::MessageDeleted, 3),
    (EventType::ReactionAdded, 4),
    (EventType::ReactionRemoved, 5),
    (EventType::RoomCreated, 6),
    (EventType::RoomUpdated, 7),
    (EventType::RoomDeleted, 8),
    (EventType::MemberInvited, 9),
    (EventType::MemberJoined, 10),
    (EventType::MemberLeft, 11),
    (EventType::MemberKicked, 12),
    (EventType::MemberBanned, 13),
    (EventType::MemberUnbanned, 14),
    (EventType::MemberUpdated, 15),
    (EventType::UserCreated, 16),
    (EventType::UserUpdated, 17),
];

/// Inserts `records`, which follow the last row.
pub(super) fn insert(conn: &Connection, places: &mut Places, records: &[Record]) -> Result<(), Failure> {
    let (mut messages, mut others) = (None, None);
    for record in records {
        let place = record.envelope.room.map(|room| places.of(conn, room)).transpose()?;
        let is_message = is_ordinary_message(record);
        let (slot, sql) = if is_message { (&mut messages, INSERT_MESSAGE) } else { (&mut others, INSERT_ANY) };
        let statement = match slot {
            Some(statement) => statement,
            None => slot.insert(conn.prepare_cached(sql)?),
        };
        let mut binder = Binder { statement, index: 0 };
        bind_message(&mut binder, record, place)?;
        if !is_message {
            bind_rest(&mut binder, record)?;
        }
        statement.raw_execute()?;
        if u64::try_from(conn.last_insert_rowid()) != Ok(record.seq()) {
            return Err(StoreError::backend("the log does not end where it should").into());
        }
    }
    Ok(())
}

/// Whether the row is as the defaults of the columns say.
fn is_ordinary_message(record: &Record) -> bool {
    let Envelope { id, event_type, bot, target, subject, on_behalf_of, cause, hops, .. } = &record.envelope;
    *event_type == EventType::MessageCreated
        && (record.version, id.log(), *bot, *hops) == (1, 0, false, 0)
        && target.is_none()
        && subject.is_none()
        && on_behalf_of.is_none()
        && cause.is_none()
        && record.facts.is_empty()
}

fn bind_message(bind: &mut Binder<'_, '_>, record: &Record, place: Option<i64>) -> rusqlite::Result<()> {
    let envelope = &record.envelope;
    bind.put(envelope.time().as_millis())?;
    bind.put(envelope.sender.to_bytes())?;
    bind.put(envelope.room.map(|id| id.to_bytes()))?;
    bind.put(envelope.number)?;
    bind.put(record.previous.0)?;
    let idempotency = record.idempotency.as_ref();
    bind.put(idempotency.map(|idempotency| idempotency.key.0))?;
    bind.put(idempotency.and_then(|idempotency| idempotency.fingerprint))?;
    bind.put(idempotency.map(|idempotency| idempotency.status))?;
    bind.put(idempotency.map(|idempotency| idempotency.count))?;
    bind.put(record.content_digest.map(|digest| digest.0))?;
    bind.put(record.content.as_ref().map(|content| content.salt))?;
    bind.put(record.content.as_ref().map(|content| &*content.json))?;
    bind.put(place)
}

fn bind_rest(bind: &mut Binder<'_, '_>, record: &Record) -> rusqlite::Result<()> {
    let envelope = &record.envelope;
    match TYPES.iter().find(|(known, _)| *known == envelope.event_type) {
        Some((_, code)) => bind.put(*code)?,
        None => bind.put(envelope.event_type.name())?,
    }
    bind.put(record.version)?;
    bind.put(envelope.bot)?;
    bind.put(envelope.hops)?;
    bind.put(envelope.target.map(|id| id.to_bytes()))?;
    bind.put(envelope.subject.map(|id| id.to_bytes()))?;
    bind.put(envelope.on_behalf_of.map(|id| id.to_bytes()))?;
    bind.put(envelope.cause.map(|id| id.to_bytes()))?;
    bind.put(&*record.facts)?;
    bind.put(envelope.id.log())?;
    bind.put(envelope.event_type.lane() as u8)
}

struct Binder<'a, 's> {
    statement: &'a mut Statement<'s>,
    index: usize,
}

impl Binder<'_, '_> {
    fn put(&mut self, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
        self.index += 1;
        self.statement.raw_bind_parameter(self.index, value)
    }
}

/// Reads the row that a query with [`columns!`] is at.
pub(super) fn record(row: &Row<'_>) -> Result<Record, Failure> {
    let event_type = match row.get_ref(2)? {
        ValueRef::Integer(code) => TYPES.iter().find(|(_, known)| *known == code).map(|(known, _)| known.clone()),
        ValueRef::Text(name) => std::str::from_utf8(name).ok().and_then(|name| name.parse().ok()),
        _ => None,
    };
    let time = Timestamp::from_millis(integer(row, 1)?);
    let previous = Digest(array(row, 13)?);
    let idempotency = match optional_array(row, 14)? {
        Some(key) => Some(Idempotency {
            key: KeyHash(key),
            fingerprint: optional_array(row, 15)?,
            status: small(row, 16)?,
            count: small(row, 17)?,
        }),
        None => None,
    };
    let content = match (optional_array(row, 20)?, row.get_ref(21)?) {
        (None, ValueRef::Null) => None,
        (Some(salt), ValueRef::Text(json)) => Some(RecordContent { salt, json: boxed(json, 21)? }),
        _ => return Err(Damaged { column: 21 }.into()),
    };
    Ok(Record {
        version: small(row, 3)?,
        envelope: Envelope {
            id: EventId::at(time, small(row, 22)?, integer(row, 0)?),
            event_type: event_type.ok_or(Damaged { column: 2 })?,
            sender: UserId::from_bytes(array(row, 4)?),
            bot: integer(row, 5)? != 0,
            room: optional_array(row, 7)?.map(RoomId::from_bytes),
            number: match row.get_ref(8)? {
                ValueRef::Null => None,
                _ => Some(integer(row, 8)?),
            },
            target: optional_array(row, 9)?.map(EventId::from_bytes),
            subject: optional_array(row, 10)?.map(UserId::from_bytes),
            on_behalf_of: optional_array(row, 11)?.map(UserId::from_bytes),
            cause: optional_array(row, 12)?.map(EventId::from_bytes),
            hops: small(row, 6)?,
        },
        previous,
        facts: match row.get_ref(18)? {
            ValueRef::Text(json) => boxed(json, 18)?,
            _ => return Err(Damaged { column: 18 }.into()),
        },
        content_digest: optional_array(row, 19)?.map(Digest),
        content,
        idempotency,
    })
}

/// The bytes of a column that is never empty.
pub(in crate::sqlite) fn array<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], Failure> {
    optional_array(row, column)?.ok_or_else(|| Damaged { column }.into())
}

/// The bytes of a column that may be empty.
pub(in crate::sqlite) fn optional_array<const N: usize>(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<[u8; N]>, Failure> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) => Ok(Some(bytes.try_into().map_err(|_| Damaged { column })?)),
        _ => Err(Damaged { column }.into()),
    }
}

fn integer(row: &Row<'_>, column: usize) -> Result<u64, Failure> {
    match row.get_ref(column)? {
        ValueRef::Integer(value) => u64::try_from(value).map_err(|_| Damaged { column }.into()),
        _ => Err(Damaged { column }.into()),
    }
}

fn small<T: TryFrom<u64>>(row: &Row<'_>, column: usize) -> Result<T, Failure> {
    T::try_from(integer(row, column)?).map_err(|_| Damaged { column }.into())
}

fn boxed(text: &[u8], column: usize) -> Result<Box<str>, Failure> {
    Ok(std::str::from_utf8(text).map_err(|_| Damaged { column })?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_type_has_a_number_of_its_own() {
        for (named, _) in EventType::NAMED {
            assert_eq!(TYPES.iter().filter(|(known, _)| *known == named).count(), 1, "{named}");
        }
        for (_, code) in &TYPES {
            assert_eq!(TYPES.iter().filter(|(_, other)| other == code).count(), 1, "{code}");
        }
    }
}
