//! What is kept beside the log, and that two logs keep apart.

use super::{LogFactory, ok};
use crate::event::{Idempotency, KeyHash, Mentions, MessageContent, MessageFacts};
use crate::id::{RoomId, UserId};
use crate::store::conformance::fixtures::{ChainBuilder, person, room, text};
use crate::store::{Audience, Direction, Marker, MarkerStore, PageQuery, Snapshot};

fn marker(user: u64, at: u64, number: u64) -> Marker {
    Marker { user: person(user), room: room(at), number }
}

async fn markers_of(markers: &dyn MarkerStore, user: UserId) -> Vec<(RoomId, u64)> {
    let mut of_user = ok(markers.of_user(user).await);
    of_user.sort_unstable();
    of_user
}

/// A marker moves forward and never back, in one call or in many; each person and room has its own.
pub async fn a_marker_only_moves_forward(factory: &dyn LogFactory) {
    let markers = factory.open("log").await.markers;
    assert_eq!(markers_of(&*markers, person(1)).await, []);
    ok(markers.advance(&[]).await);
    ok(markers.advance(&[marker(1, 1, 5), marker(1, 2, 7), marker(2, 1, 1)]).await);
    ok(markers.advance(&[marker(1, 1, 4), marker(2, 1, 9), marker(2, 1, 3), marker(1, 2, 7)]).await);
    assert_eq!(markers_of(&*markers, person(1)).await, [(room(1), 5), (room(2), 7)]);
    assert_eq!(markers_of(&*markers, person(2)).await, [(room(1), 9)]);
    ok(markers.advance(&[marker(1, 1, (1 << 53) - 1)]).await);
    ok(markers.advance(&[marker(1, 1, 6)]).await);
    assert_eq!(markers_of(&*markers, person(1)).await, [(room(1), (1 << 53) - 1), (room(2), 7)]);
    assert_eq!(markers_of(&*markers, person(3)).await, []);
}

/// A marker that was acknowledged is there after an abort.
pub async fn markers_survive_an_abort(factory: &dyn LogFactory) {
    let stores = factory.open("log").await;
    let many: Vec<Marker> = (0..2_000).map(|number| marker(number % 2, number, number + 1)).collect();
    ok(stores.markers.advance(&many).await);
    let stores = factory.reopen_after_abort("log", stores).await;
    for user in [0, 1] {
        let mut expected: Vec<_> =
            many.iter().filter(|one| one.user == person(user)).map(|one| (one.room, one.number)).collect();
        expected.sort_unstable();
        assert_eq!(markers_of(&*stores.markers, person(user)).await, expected);
    }
}

/// The snapshot with the higher position stays, whichever is saved first; of equal ones the later.
pub async fn of_two_snapshots_the_newer_one_stays(factory: &dyn LogFactory) {
    let snapshots = factory.open("log").await.snapshots;
    assert_eq!(ok(snapshots.load().await), None);
    let bytes: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
    let newer = Snapshot { seq: 10, format: u32::MAX, bytes };
    for (save, stays) in [
        (Snapshot { seq: 5, format: 1, bytes: Vec::new() }, Snapshot { seq: 5, format: 1, bytes: Vec::new() }),
        (newer.clone(), newer.clone()),
        (Snapshot { seq: 9, format: 1, bytes: vec![1] }, newer),
        (Snapshot { seq: 10, format: 2, bytes: vec![2] }, Snapshot { seq: 10, format: 2, bytes: vec![2] }),
    ] {
        ok(snapshots.save(save).await);
        assert_eq!(ok(snapshots.load().await), Some(stays));
    }
}

/// Nothing of one log is found in another, though rooms and people have the same ids.
pub async fn two_logs_share_nothing(factory: &dyn LogFactory) {
    let one = factory.open("one").await;
    let two = factory.open("two").await;
    assert_ne!(ok(one.log.genesis().await), ok(two.log.genesis().await));
    let mut chain = ok(ChainBuilder::on(&*one.log, 1).await);
    let mentions = Mentions { users: vec![person(1)], room: true };
    let content = MessageContent { mentions, ..text("of the first") };
    let id = chain.message(person(1), room(1), MessageFacts::default(), content);
    let key = KeyHash([1; 16]);
    chain.key(Idempotency { key, fingerprint: None, status: 201, count: 1 });
    chain.react(person(1), room(1), id, "🍺", true);
    ok(chain.commit(&*one.log).await);
    ok(one.markers.advance(&[marker(1, 1, 1)]).await);
    ok(one.snapshots.save(Snapshot { seq: 2, format: 1, bytes: vec![1] }).await);

    assert_eq!(ok(two.log.head().await).seq, 0);
    assert_eq!(ok(two.log.scan(0, 10).await), []);
    let audience = Audience { rooms: vec![(room(1), 0)], person: Some(person(1)), tenant: true };
    assert_eq!(ok(two.log.read(0, u64::MAX, &audience, 10).await), []);
    let page = PageQuery { room: room(1), direction: Direction::Backward, from: None, since: 0, limit: 10 };
    assert_eq!(ok(two.log.room_page(page).await), []);
    assert_eq!(ok(two.log.related(id, 0, 10).await), []);
    assert_eq!(ok(two.log.reacted(person(1), &[1]).await), []);
    assert_eq!(ok(two.log.mention_counts(person(1), &[(room(1), 0)]).await), [0]);
    assert_eq!(ok(two.log.find_keys(&[key]).await), [None]);
    assert_eq!(ok(two.markers.of_user(person(1)).await), []);
    assert_eq!(ok(two.snapshots.load().await), None);
}
