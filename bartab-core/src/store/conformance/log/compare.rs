//! Whether two logs answer alike.

use super::ok;
use super::story::Story;
use crate::event::KeyHash;
use crate::id::{RoomId, UserId};
use crate::random::SeededRandom;
use crate::store::{Audience, Direction, EventLog, PageQuery};

/// What is asked of both logs.
#[derive(Debug)]
pub(super) struct Probe {
    last: u64,
    people: Vec<UserId>,
    rooms: Vec<RoomId>,
    keys: Vec<KeyHash>,
    audiences: Vec<Audience>,
}

impl Probe {
    pub(super) fn of(story: &Story) -> Self {
        let last = story.head().seq;
        let random = SeededRandom::new(last);
        Self {
            last,
            people: Story::people().collect(),
            rooms: Story::rooms().collect(),
            keys: story.keys().collect(),
            audiences: (0..4).map(|_| Story::audience(&random, last)).collect(),
        }
    }
}

/// Asks both logs everything that can be asked, and panics when an answer differs.
pub(super) async fn assert_alike(log: &dyn EventLog, reference: &dyn EventLog, probe: &Probe) {
    let every: Vec<u64> = (0..=probe.last + 1).collect();
    let rows = ok(reference.scan(0, usize::MAX).await);
    assert_eq!(ok(log.head().await).seq, probe.last);
    assert_eq!(ok(log.scan(0, usize::MAX).await), rows);
    assert_eq!(ok(log.get(&every).await), ok(reference.get(&every).await));
    assert_eq!(ok(log.messages(&every).await), ok(reference.messages(&every).await));
    for row in rows.iter().rev().take(40) {
        let id = row.envelope.id;
        assert_eq!(ok(log.related(id, 0, 100).await), ok(reference.related(id, 0, 100).await), "{id}");
    }
    for room in &probe.rooms {
        for direction in [Direction::Forward, Direction::Backward] {
            for (from, since, limit) in [(None, 0, 50), (Some(probe.last / 2), probe.last / 4, 10)] {
                let query = PageQuery { room: *room, direction, from, since, limit };
                assert_eq!(ok(log.room_page(query).await), ok(reference.room_page(query).await), "{query:?}");
            }
        }
    }
    for user in &probe.people {
        let mut reacted = ok(log.reacted(*user, &every).await);
        reacted.sort();
        assert_eq!(reacted, ok(reference.reacted(*user, &every).await), "{user}");
        let since: Vec<_> = probe.rooms.iter().zip(0..).map(|(room, number)| (*room, number)).collect();
        let counts = ok(log.mention_counts(*user, &since).await);
        assert_eq!(counts, ok(reference.mention_counts(*user, &since).await), "{user}");
    }
    for audience in &probe.audiences {
        let given = ok(log.read(probe.last / 3, probe.last, audience, 30).await);
        assert_eq!(given, ok(reference.read(probe.last / 3, probe.last, audience, 30).await), "{audience:?}");
    }
    assert_eq!(ok(log.find_keys(&probe.keys).await), ok(reference.find_keys(&probe.keys).await));
}
