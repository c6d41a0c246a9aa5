//! The chain: a changed, missing or added row is found, an erased one changes nothing.

use proptest::prelude::*;

use super::*;
use crate::event::{Envelope, EventType, Idempotency, KeyHash, RecordContent};
use crate::id::{EventId, RoomId, UserId};
use crate::time::Timestamp;

prop_compose! {
    fn envelope()(
        time in 0..1_000_000_u64,
        kind in 0..EventType::NAMED.len(),
        sender in any::<u128>(),
        (bot, hops) in any::<(bool, u8)>(),
        room in any::<Option<u128>>(),
        number in any::<Option<u64>>(),
        (target, cause) in any::<(Option<u128>, Option<u128>)>(),
        (subject, on_behalf_of) in any::<(Option<u128>, Option<u128>)>(),
    ) -> Envelope {
        Envelope {
            id: EventId::at(Timestamp::from_millis(time), 0, 0),
            event_type: EventType::NAMED[kind].0.clone(),
            sender: UserId::from_u128(sender),
            bot,
            room: room.map(RoomId::from_u128),
            number,
            target: target.map(EventId::from_u128),
            subject: subject.map(UserId::from_u128),
            on_behalf_of: on_behalf_of.map(UserId::from_u128),
            cause: cause.map(EventId::from_u128),
            hops,
        }
    }
}

prop_compose! {
    fn row()(
        envelope in envelope(),
        facts in "[{}a-z\u{1f37a}]{0,8}",
        content in prop::option::of(("[{}a-z\u{1f37a}]{0,8}", any::<Salt>())),
        key in prop::option::of((any::<[u8; 16]>(), any::<[u8; 16]>())),
    ) -> Record {
        let content = content.map(|(json, salt)| RecordContent { salt, json: json.into_boxed_str() });
        Record {
            version: Record::VERSION,
            envelope,
            previous: Digest::default(),
            facts: facts.into_boxed_str(),
            content_digest: content.as_ref().map(|content| Digest::of_content(&content.salt, &content.json)),
            content,
            idempotency: key.map(|(key, fingerprint)| Idempotency {
                key: KeyHash(key),
                fingerprint: Some(fingerprint),
                status: 201,
                count: 1,
            }),
        }
    }
}

fn genesis() -> Digest {
    Digest::genesis(b"a log")
}

/// The rows, numbered and chained.
fn chained(mut rows: Vec<Record>) -> Vec<Record> {
    let mut previous = genesis();
    for (row, seq) in rows.iter_mut().zip(1..) {
        row.envelope.id = EventId::at(row.envelope.time(), 0, seq);
        row.previous = previous;
        previous = row.digest();
    }
    rows
}

fn chain() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(row(), 1..8).prop_map(chained)
}

/// Where the rows end, when they verify.
fn verified(rows: &[Record]) -> Result<(u64, Digest), ChainError> {
    let mut verifier = ChainVerifier::new(genesis());
    rows.iter().try_for_each(|row| verifier.check(row))?;
    Ok(verifier.head())
}

fn flip<T: Default>(value: &mut Option<T>) {
    *value = if value.is_some() { None } else { Some(T::default()) };
}

/// Every way to change one field of a row. What is not here is idempotency, which is no part of the digest: its
/// fingerprint goes when the content is erased.
type Change = fn(&mut Record);
const CHANGES: [(&str, Change); 20] = [
    ("version", |row| row.version ^= 1),
    ("previous", |row| row.previous.0[31] ^= 1),
    ("time", |row| {
        row.envelope.id = EventId::at(Timestamp::from_millis(row.envelope.time().as_millis() + 1), 0, row.seq())
    }),
    ("log", |row| row.envelope.id = EventId::at(row.envelope.time(), 1, row.seq())),
    ("seq", |row| row.envelope.id = EventId::at(row.envelope.time(), 0, row.seq() + 1)),
    ("type", |row| row.envelope.event_type = "x.other".parse().unwrap()),
    ("sender", |row| row.envelope.sender = UserId::from_u128(row.envelope.sender.as_u128() ^ 1)),
    ("bot", |row| row.envelope.bot = !row.envelope.bot),
    ("hops", |row| row.envelope.hops ^= 1),
    ("room", |row| row.envelope.room = row.envelope.room.map_or(Some(RoomId::from_u128(0)), |_| None)),
    ("number", |row| flip(&mut row.envelope.number)),
    ("target", |row| row.envelope.target = row.envelope.target.map_or(Some(EventId::from_u128(0)), |_| None)),
    ("subject", |row| row.envelope.subject = row.envelope.subject.map_or(Some(UserId::from_u128(0)), |_| None)),
    ("on behalf of", |row| {
        row.envelope.on_behalf_of = row.envelope.on_behalf_of.map_or(Some(UserId::from_u128(0)), |_| None);
    }),
    ("cause", |row| row.envelope.cause = row.envelope.cause.map_or(Some(EventId::from_u128(0)), |_| None)),
    ("facts", |row| row.facts = format!("{} ", row.facts).into()),
    ("content digest", |row| flip(&mut row.content_digest)),
    ("content", |row| {
        let content = row.content.get_or_insert(RecordContent { salt: Salt::default(), json: "".into() });
        content.json = format!("{} ", content.json).into();
    }),
    ("salt", |row| {
        let content = row.content.get_or_insert(RecordContent { salt: Salt::default(), json: "".into() });
        content.salt[0] ^= 1;
    }),
    ("subject and on behalf of", |row| {
        // One field's value in the place of another's reads differently, though the bytes are the same.
        let subject = row.envelope.subject.take();
        row.envelope.subject = row.envelope.on_behalf_of;
        row.envelope.on_behalf_of = subject;
        if row.envelope.subject == row.envelope.on_behalf_of {
            row.envelope.bot = !row.envelope.bot;
        }
    }),
];

proptest! {
    #[test]
    fn a_change_of_any_field_is_found(rows in chain(), at in any::<prop::sample::Index>()) {
        let at = at.index(rows.len());
        let honest = verified(&rows).unwrap();
        for (field, change) in CHANGES {
            let mut forged = rows.clone();
            change(&mut forged[at]);
            prop_assert_ne!(verified(&forged), Ok(honest), "{}", field);
        }
    }

    #[test]
    fn a_missing_or_added_row_is_found(rows in chain(), at in any::<prop::sample::Index>()) {
        let honest = verified(&rows).unwrap();
        let at = at.index(rows.len());
        let mut fewer = rows.clone();
        fewer.remove(at);
        prop_assert_ne!(verified(&fewer), Ok(honest));
        let mut more = rows.clone();
        more.insert(at, rows[at].clone());
        prop_assert!(verified(&more).is_err());
        let mut swapped = rows.clone();
        swapped.swap(0, at);
        prop_assert!(at == 0 || verified(&swapped).is_err());
    }

    #[test]
    fn erasing_any_rows_changes_nothing(rows in chain(), erased in any::<u8>()) {
        let honest = verified(&rows).unwrap();
        let mut rows = rows;
        for (number, row) in rows.iter_mut().enumerate() {
            if erased >> number & 1 == 1 {
                row.erase();
                prop_assert!(row.content.is_none());
                prop_assert!(row.idempotency.is_none_or(|idempotency| idempotency.fingerprint.is_none()));
            }
        }
        prop_assert_eq!(verified(&rows), Ok(honest));
    }
}

#[test]
fn a_row_that_does_not_continue_leaves_the_verifier_where_it_was() {
    let envelope = Envelope {
        id: EventId::at(Timestamp::from_millis(1), 0, 1),
        event_type: EventType::RoomDeleted,
        sender: UserId::from_u128(1),
        bot: false,
        room: None,
        number: None,
        target: None,
        subject: None,
        on_behalf_of: None,
        cause: None,
        hops: 0,
    };
    let row = Record {
        version: Record::VERSION,
        envelope,
        previous: Digest::default(),
        facts: "".into(),
        content_digest: None,
        content: None,
        idempotency: None,
    };
    let rows = chained(vec![row.clone(), row]);
    let mut verifier = ChainVerifier::new(genesis());
    assert_eq!(verifier.check(&rows[1]), Err(ChainError::Gap { expected: 1, found: 2 }));
    let mut stranger = rows[0].clone();
    stranger.previous = Digest::genesis(b"another log");
    assert_eq!(verifier.check(&stranger), Err(ChainError::Broken { seq: 1 }));
    assert_eq!(verifier.head(), (0, genesis()));
    verifier.check(&rows[0]).unwrap();
    verifier.check(&rows[1]).unwrap();
    assert_eq!(verifier.head(), (2, rows[1].digest()));
}
