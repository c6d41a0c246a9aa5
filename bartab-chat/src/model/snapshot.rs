//! A state as bytes, so that opening a long log does not replay it. It holds no content.

use std::sync::Arc;

use bartab_core::event::{Digest, History, PersonKind, PersonState, RoomKind, RoomRole, Visibility};
use bartab_core::store::Snapshot;
use bartab_core::{EventId, GroupId, RoomId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::state::{Member, Membership, Person, Room, TenantState};

/// The format that is written; one of another format is dropped and the log is replayed.
pub const SNAPSHOT_FORMAT: u32 = 2;

/// The bytes are no state.
#[derive(Debug, thiserror::Error)]
#[error("the snapshot cannot be read or written")]
pub struct SnapshotError(#[from] serde_json::Error);

#[derive(Serialize, Deserialize)]
struct StateRow {
    digest: [u8; 32],
    time: Timestamp,
    feed: u64,
    people: Vec<PersonRow>,
    rooms: Vec<RoomRow>,
}

#[derive(Serialize, Deserialize)]
struct PersonRow {
    id: UserId,
    kind: PersonKind,
    owner: Option<UserId>,
    rev: u64,
    profile: u64,
    #[serde(default, skip_serializing_if = "PersonState::is_active")]
    state: PersonState,
}

#[derive(Serialize, Deserialize)]
struct RoomRow {
    id: RoomId,
    kind: RoomKind,
    visibility: Visibility,
    history: History,
    group: Option<GroupId>,
    created: EventId,
    name: u64,
    topic: u64,
    last_number: u64,
    last_event: EventId,
    members: Vec<(UserId, u8, RoomRole, u64, u64)>,
}

/// The state as bytes, with the digest of the log's row at its position.
///
/// # Errors
/// None for a state that the program can hold; the signature is serde's.
pub fn to_snapshot(state: &TenantState, digest: Digest) -> Result<Snapshot, SnapshotError> {
    let people = state.people.iter().map(|(id, person)| PersonRow {
        id: *id,
        kind: person.kind,
        owner: person.owner,
        rev: person.rev,
        profile: person.profile,
        state: person.state,
    });
    let rooms = state.rooms.iter().map(|(id, room)| RoomRow {
        id: *id,
        kind: room.kind,
        visibility: room.visibility,
        history: room.history,
        group: room.group,
        created: room.created,
        name: room.name,
        topic: room.topic,
        last_number: room.last_number,
        last_event: room.last_event,
        members: room
            .members
            .iter()
            .map(|(user, member)| (*user, membership_code(member.membership), member.role, member.since, member.seen))
            .collect(),
    });
    let (people, rooms) = (people.collect(), rooms.collect());
    let row = StateRow { digest: digest.0, time: state.time, feed: state.feed, people, rooms };
    Ok(Snapshot { seq: state.head, format: SNAPSHOT_FORMAT, bytes: serde_json::to_vec(&row)? })
}

/// The state and the digest that [`to_snapshot`] wrote; `None` when the format is another one.
///
/// # Errors
/// When the bytes are no state.
pub fn from_snapshot(snapshot: &Snapshot) -> Result<Option<(TenantState, Digest)>, SnapshotError> {
    if snapshot.format != SNAPSHOT_FORMAT {
        return Ok(None);
    }
    let row: StateRow = serde_json::from_slice(&snapshot.bytes)?;
    let mut state = TenantState { head: snapshot.seq, time: row.time, feed: row.feed, ..TenantState::default() };
    let mut rooms_of: std::collections::HashMap<UserId, imbl::OrdSet<RoomId>> = std::collections::HashMap::new();
    for room in row.rooms {
        let mut members = imbl::HashMap::new();
        for (user, code, role, since, seen) in room.members {
            let membership = membership_of(code);
            if membership != Membership::Banned {
                rooms_of.entry(user).or_default().insert(room.id);
            }
            members.insert(user, Member { membership, role, since, seen });
        }
        if room.visibility == Visibility::Public {
            state.public_rooms.insert(room.id);
        }
        let joined = members.values().filter(|member| member.membership == Membership::Joined).count() as u64;
        let read = Room {
            kind: room.kind,
            visibility: room.visibility,
            history: room.history,
            group: room.group,
            created: room.created,
            name: room.name,
            topic: room.topic,
            members,
            joined,
            last_number: room.last_number,
            last_event: room.last_event,
        };
        state.rooms.insert(room.id, Arc::new(read));
    }
    for person in row.people {
        let rooms = rooms_of.remove(&person.id).unwrap_or_default();
        let PersonRow { id, kind, owner, rev, profile, state: standing } = person;
        state.people.insert(id, Arc::new(Person { kind, owner, rev, profile, state: standing, rooms }));
    }
    Ok(Some((state, Digest(row.digest))))
}

const fn membership_code(membership: Membership) -> u8 {
    match membership {
        Membership::Invited => 0,
        Membership::Joined => 1,
        Membership::Banned => 2,
    }
}

const fn membership_of(code: u8) -> Membership {
    match code {
        0 => Membership::Invited,
        1 => Membership::Joined,
        _ => Membership::Banned,
    }
}
