//! What every `MediaStore` guarantees of references: each change of the log counts once.

use futures_util::future::join_all;

use super::samples::{at, carries, file, file_of, media_id, message, new_media, private, user};
use super::{MediaFactory, MediaStores, is_conflict, ok};
use crate::store::{Holder, MediaFeed, NewMedia, ReferenceChange, StoreError};

async fn apply(stores: &MediaStores, expected: u64, changes: Vec<ReferenceChange>, position: u64) {
    ok(stores.media.apply(MediaFeed::Log, expected, changes, position, at(0)).await);
}

async fn holders(stores: &MediaStores, number: u128) -> Vec<Holder> {
    ok(stores.media.holders(media_id(number), None, usize::MAX).await)
}

/// How many refer to each of the first three files, by the record and by the list.
async fn counts(stores: &MediaStores) -> [u64; 3] {
    let mut counts = [0; 3];
    for (count, number) in counts.iter_mut().zip(1..) {
        let record = ok(stores.media.get(media_id(number)).await);
        *count = record.map_or(0, |record| record.references);
        assert_eq!(holders(stores, number).await.len() as u64, *count);
    }
    counts
}

async fn three_files(stores: &MediaStores) {
    for number in 1..=3 {
        file(stores, number, 1, private(number as u8)).await;
    }
}

/// A holder carries what was said of it last, in this batch or an earlier one, and a file that is named twice once.
pub async fn a_holder_carries_what_was_said_last(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    three_files(&stores).await;
    let profile = Holder::Profile(user(1));
    apply(&stores, 0, vec![carries(message(1), &[1, 2, 1]), carries(profile, &[1])], 3).await;
    assert_eq!(counts(&stores).await, [2, 1, 0]);
    assert_eq!(holders(&stores, 1).await, [message(1), profile]);
    apply(&stores, 3, vec![carries(profile, &[3]), carries(message(2), &[2]), carries(message(2), &[])], 4).await;
    assert_eq!(counts(&stores).await, [1, 1, 1]);
    apply(&stores, 4, vec![carries(message(1), &[2, 3]), carries(message(7), &[])], 9).await;
    assert_eq!(counts(&stores).await, [0, 1, 2]);
    apply(&stores, 9, vec![carries(message(1), &[]), carries(profile, &[])], 10).await;
    assert_eq!(counts(&stores).await, [0, 0, 0]);
}

/// A file that there is not, or no longer, is passed over, and is nobody's when it comes.
pub async fn what_there_is_not_is_passed_over(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    apply(&stores, 0, vec![carries(message(1), &[1, 2])], 1).await;
    three_files(&stores).await;
    assert_eq!(counts(&stores).await, [0, 0, 0]);
    ok(stores.media.remove(media_id(2)).await);
    apply(&stores, 1, vec![carries(message(1), &[2, 3]), carries(message(2), &[2])], 2).await;
    assert_eq!(counts(&stores).await, [0, 0, 1]);
    assert_eq!(holders(&stores, 2).await, []);
}

/// A file that loses its last holder is kept for a while from then on, and never shorter than it was to be.
pub async fn what_nobody_refers_to_any_more_is_kept_for_a_while(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for (number, kept_until) in [(1, Some(10)), (2, Some(90)), (3, None)] {
        let media = NewMedia { kept_until: kept_until.map(at), ..new_media(number) };
        file_of(&stores, number, 1, private(number as u8), media).await;
    }
    let apply = async |expected, changes, keep_until| {
        ok(stores.media.apply(MediaFeed::Log, expected, changes, expected + 1, at(keep_until)).await);
    };
    let kept = async || {
        let mut files = ok(stores.media.list(None, None, 9).await);
        files.reverse();
        files.into_iter().map(|record| record.kept_until).collect::<Vec<_>>()
    };
    apply(0, vec![carries(message(1), &[1, 2, 3]), carries(message(2), &[1])], 40).await;
    apply(1, vec![carries(message(1), &[1])], 50).await;
    assert_eq!(kept().await, [Some(at(10)), Some(at(90)), None]);
    assert_eq!(ok(stores.media.collect(at(60), 9).await), []);
    apply(2, vec![carries(message(1), &[])], 60).await;
    assert_eq!(kept().await, [Some(at(10)), Some(at(90)), None]);
    apply(3, vec![carries(message(2), &[])], 70).await;
    assert_eq!(kept().await, [Some(at(70)), Some(at(90)), None]);
    assert_eq!(ok(stores.media.collect(at(69), 9).await), []);
    assert_eq!(ok(stores.media.collect(at(90), 9).await).len(), 2);
}

/// The holders of a file come in order and in pages, messages before profiles.
pub async fn holders_are_listed_in_order(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    three_files(&stores).await;
    let all = [message(1), message(2), message(256), message(u128::MAX), Holder::Profile(user(0))];
    let changes = [3, 0, 4, 2, 1].map(|place: usize| carries(all[place], &[1]));
    apply(&stores, 0, changes.into(), 1).await;
    let listed = |after, limit| stores.media.holders(media_id(1), after, limit);
    assert_eq!(ok(listed(None, 9).await), all);
    assert_eq!(ok(listed(None, 2).await), all[..2]);
    assert_eq!(ok(listed(Some(message(2)), 2).await), all[2..4]);
    assert_eq!(ok(listed(Some(message(300)), 9).await), all[3..]);
    assert_eq!(ok(listed(Some(all[4]), 9).await), []);
    assert_eq!(ok(stores.media.holders(media_id(2), None, 9).await), []);
}

/// Changes are applied from the position that they follow, once; from any other they change nothing.
pub async fn changes_are_applied_exactly_once(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    three_files(&stores).await;
    let position = async || ok(stores.media.position(MediaFeed::Log).await);
    assert_eq!(position().await, 0);
    let twice = vec![carries(message(1), &[1])];
    apply(&stores, 0, twice.clone(), 5).await;
    for (expected, position) in [(0, 5), (4, 6), (6, 7), (5, 4)] {
        let changes = vec![carries(message(1), &[]), carries(message(2), &[2])];
        let refused = stores.media.apply(MediaFeed::Log, expected, changes, position, at(0)).await;
        assert!(is_conflict(&refused), "{refused:?}");
    }
    assert_eq!((position().await, counts(&stores).await), (5, [1, 0, 0]));
    // What the log says in between need not concern media; and saying the same again changes nothing.
    apply(&stores, 5, Vec::new(), 90).await;
    apply(&stores, 90, twice, 90).await;
    assert_eq!((position().await, counts(&stores).await), (90, [1, 0, 0]));
}

/// Of concurrent changes that follow one position one is applied, whole, and the position is the one that it gave.
pub async fn of_concurrent_changes_at_one_position_one_is_applied(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    three_files(&stores).await;
    let mut expected = 0;
    for round in 0..5 {
        let changes = |number: u128| vec![carries(message(round * 8 + number), &[1, 2])];
        let all = (1..=8_u128).map(|number| {
            let position = expected + number as u64;
            stores.media.apply(MediaFeed::Log, expected, changes(number), position, at(0))
        });
        let won: Vec<u64> = (1..).zip(join_all(all).await).filter(|(_, won)| won.is_ok()).map(|(n, _)| n).collect();
        assert_eq!(won.len(), 1);
        expected += won.iter().sum::<u64>();
        assert_eq!(ok(stores.media.position(MediaFeed::Log).await), expected);
        assert_eq!(counts(&stores).await, [round as u64 + 1, round as u64 + 1, 0]);
    }
}

/// Each feed is followed from a position of its own.
pub async fn feeds_have_positions_of_their_own(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let feeds = [(MediaFeed::Log, 7), (MediaFeed::Accounts, 3)];
    for (feed, position) in feeds {
        ok(stores.media.apply(feed, 0, Vec::new(), position, at(0)).await);
    }
    for (feed, position) in feeds {
        assert_eq!(ok(stores.media.position(feed).await), position);
    }
}

/// After an abort the position tells exactly which changes were applied: going on from there, and trying again what was
/// answered or not, none is lost and none counts twice.
pub async fn changes_survive_an_abort_with_their_position(factory: &dyn MediaFactory) {
    let mut stores = factory.open("tenant").await;
    three_files(&stores).await;
    // Message `n` carries file `n % 3 + 1`; every fourth is deleted three later.
    let change = |seq: u64| match seq.checked_sub(3) {
        Some(deleted) if deleted > 0 && deleted % 4 == 0 => carries(message(deleted.into()), &[]),
        _ => carries(message(seq.into()), &[u128::from(seq) % 3 + 1]),
    };
    const END: u64 = 40;
    for _ in 0..2 * END {
        let position = ok(stores.media.position(MediaFeed::Log).await);
        if position == END {
            break;
        }
        let next = (position + 3).min(END);
        let changes: Vec<_> = (position + 1..=next).map(change).collect();
        apply(&stores, position, changes.clone(), next).await;
        stores = factory.reopen_after_abort("tenant", stores).await;
        // As if the answer had been lost.
        let again: Result<(), StoreError> = stores.media.apply(MediaFeed::Log, position, changes, next, at(0)).await;
        assert!(is_conflict(&again), "{again:?}");
    }
    let mut expected = [0; 3];
    for seq in 1..=END {
        let is_deletion = seq > 3 && (seq - 3) % 4 == 0;
        let is_deleted = seq % 4 == 0 && seq + 3 <= END;
        if !is_deletion && !is_deleted {
            expected[(seq % 3) as usize] += 1;
        }
    }
    assert_eq!(counts(&stores).await, expected);
}
