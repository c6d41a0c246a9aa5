//! What a reader must get, worked out from the rows of the log alone: API.md's "who sees what", in plain.

use std::collections::{BTreeMap, BTreeSet};

use bartab_core::event::{EventType, Record};
use bartab_core::{RoomId, UserId};
use serde_json::Value;

/// A reader, and what it wants.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) user: UserId,
    pub(super) guest: bool,
    pub(super) limit: usize,
    pub(super) rooms: Option<BTreeSet<RoomId>>,
    pub(super) types: Option<BTreeSet<String>>,
}

/// The rooms that somebody has joined as of the end of the rows, each with the start of the membership.
pub(super) fn memberships(records: &[Record], user: UserId) -> BTreeMap<RoomId, u64> {
    let mut joined = BTreeMap::new();
    for record in records.iter().filter(|record| record.envelope.subject == Some(user)) {
        let room = record.envelope.room.unwrap();
        match record.envelope.event_type {
            EventType::MemberJoined => _ = joined.insert(room, record.seq()),
            EventType::MemberLeft | EventType::MemberKicked | EventType::MemberBanned | EventType::MemberUnbanned => {
                joined.remove(&room);
            }
            _ => {}
        }
    }
    joined
}

/// The positions after `after` that the reader may be given now, and wants.
pub(super) fn admitted(records: &[Record], after: u64, wish: &Wish) -> Vec<u64> {
    let joined = memberships(records, wish.user);
    let may = |record: &&Record| {
        let envelope = &record.envelope;
        if envelope.subject == Some(wish.user) {
            return true;
        }
        match envelope.room {
            Some(room) => joined.get(&room).is_some_and(|since| envelope.seq() >= *since),
            None => !wish.guest,
        }
    };
    let wants = |record: &&Record| {
        let envelope = &record.envelope;
        let room = wish.rooms.as_ref().is_none_or(|rooms| envelope.room.is_some_and(|room| rooms.contains(&room)));
        room && wish.types.as_ref().is_none_or(|types| types.contains(envelope.event_type.name()))
    };
    records.iter().filter(|record| record.seq() > after).filter(may).filter(wants).map(Record::seq).collect()
}

/// The position of a token.
pub(super) fn position(token: &str) -> u64 {
    token.split('_').nth(1).unwrap().parse().unwrap()
}

/// The positions of an answer's events.
pub(super) fn seqs(answer: &Value) -> Vec<u64> {
    answer["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// Checks one answer that did not wait.
pub(super) fn check(records: &[Record], after: u64, wish: &Wish, answer: &Value) {
    let head = records.len() as u64;
    let expected = admitted(records, after, wish);
    let got = seqs(answer);
    let next = position(answer["next"].as_str().unwrap());
    assert!(got.len() <= wish.limit, "more than was asked for");
    let until: Vec<u64> = expected.iter().copied().filter(|seq| *seq <= next).collect();
    assert_eq!(got, until, "after {after} up to {next} for {wish:?}");
    if answer["more"] == true {
        assert!(next > after && next < head, "`more` leads on, and not past the end");
    } else {
        assert_eq!(next, head, "a filter still advances `next`");
        assert_eq!(got, expected);
    }
    let digest = records.get(usize::try_from(next).unwrap().wrapping_sub(1)).map(|record| record.digest().head());
    if let Some(digest) = digest {
        assert_eq!(answer["next"], format!("s_{next}_{digest:016x}"));
    }
    check_joined(records, wish, answer, &got);
}

/// The rooms that came with one's own joins: those that one still sees, with their newest messages.
fn check_joined(records: &[Record], wish: &Wish, answer: &Value, got: &[u64]) {
    let record = |seq: &u64| &records[usize::try_from(*seq).unwrap() - 1];
    let own = got.iter().map(record).filter(|record| {
        record.envelope.event_type == EventType::MemberJoined && record.envelope.subject == Some(wish.user)
    });
    let own: BTreeSet<RoomId> = own.filter_map(|record| record.envelope.room).collect();
    let joined = memberships(records, wish.user);
    assert_eq!(answer.get("rooms").is_some(), !own.is_empty());
    let rooms = answer["rooms"].as_array().map(Vec::as_slice).unwrap_or_default();
    for room in rooms {
        let id: RoomId = room["room_id"].as_str().unwrap().parse().unwrap();
        assert!(own.contains(&id), "{id} was not joined by an event of this answer");
        let of_room = records.iter().filter(|record| record.envelope.room == Some(id));
        let said = of_room.filter(|record| record.envelope.number.is_some());
        let since = if room["history"] == "joined" { joined.get(&id).copied().unwrap_or_default() } else { 0 };
        let said: Vec<u64> = said.map(Record::seq).filter(|seq| *seq >= since).collect();
        let shown: Vec<u64> =
            room["timeline"].as_array().unwrap().iter().map(|item| item["seq"].as_u64().unwrap()).collect();
        let expected = if joined.contains_key(&id) { &said[said.len().saturating_sub(20)..] } else { &[] };
        assert_eq!(shown, expected);
    }
    let shown: BTreeSet<RoomId> = rooms.iter().map(|room| room["room_id"].as_str().unwrap().parse().unwrap()).collect();
    for room in own.intersection(&joined.keys().copied().collect()) {
        assert!(shown.contains(room), "{room} is missing");
    }
}
