//! What every `MediaStore` guarantees of files.

use futures_util::future::join_all;

use super::samples::{FREE, at, carries, file, file_of, media_id, message, new_media, private, public, user};
use super::{MediaFactory, MediaStores, ok};
use crate::store::{ClaimRefusal, Claiming, MediaFeed, MediaRecord, NewMedia, Quarantine, Upload};

async fn stored(stores: &MediaStores, number: u128) -> Option<MediaRecord> {
    ok(stores.media.get(media_id(number)).await)
}

fn quarantine(millis: u64) -> Quarantine {
    Quarantine { by: user(9), at: at(millis), reason: Some("spam \u{1f37a}\u{0}'\"".to_owned()) }
}

async fn apply(stores: &MediaStores, position: u64, holder: u128, media: &[u128], keep_until: u64) {
    let changes = vec![carries(message(holder), media)];
    ok(stores.media.apply(MediaFeed::Log, position - 1, changes, position, at(keep_until)).await);
}

/// A file comes back as it was finished, whatever its fields hold.
pub async fn a_file_comes_back_as_it_was_finished(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let odd = NewMedia {
        media_id: media_id(u128::MAX),
        size: Upload::MAX_LENGTH,
        mime: "image/svg+xml; charset=\"utf-8\"".to_owned(),
        filename: Some("..\u{202e}\u{0}\n'\"/\u{1f37a}".repeat(99)),
        width: Some(u32::MAX),
        height: Some(0),
        blurhash: Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned()),
        created_at: at(7),
        kept_until: None,
    };
    let empty = NewMedia {
        filename: Some(String::new()),
        mime: String::new(),
        blurhash: Some(String::new()),
        size: 0,
        ..new_media(3)
    };
    for (number, media, blob) in [(1, new_media(1), private(1)), (2, odd, public(0xff)), (3, empty, private(0))] {
        let record = file_of(&stores, number, number, blob, media.clone()).await;
        let expected = MediaRecord {
            media_id: media.media_id,
            owner: user(number),
            blob,
            size: media.size,
            mime: media.mime,
            filename: media.filename,
            width: media.width,
            height: media.height,
            blurhash: media.blurhash,
            created_at: media.created_at,
            kept_until: media.kept_until,
            references: 0,
            quarantine: None,
        };
        assert_eq!(record, expected);
        assert_eq!(ok(stores.media.get(media.media_id).await), Some(expected));
    }
    assert_eq!(stored(&stores, 9).await, None);
}

/// Files are listed newest id first, in pages; those of one person when that is asked.
pub async fn files_are_listed_by_falling_id(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for number in [3, 1, 6, 2, 5, 4] {
        file(&stores, number, number % 2, private(number as u8)).await;
    }
    let listed = async |owner: Option<u128>, before: Option<u128>, limit| {
        let page = ok(stores.media.list(owner.map(user), before.map(media_id), limit).await);
        page.iter().map(|record| record.media_id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, None, 4).await, [6, 5, 4, 3]);
    assert_eq!(listed(None, Some(3), 4).await, [2, 1]);
    assert_eq!(listed(Some(1), None, 9).await, [5, 3, 1]);
    assert_eq!(listed(Some(1), Some(5), 1).await, [3]);
    assert_eq!(listed(Some(0), Some(u128::MAX), 9).await, [6, 4, 2]);
    assert_eq!(listed(Some(7), None, 9).await, []);
}

/// A claim keeps every file at least so long, in the order asked, or none; it never makes a file go sooner.
pub async fn a_claim_keeps_every_file_or_none(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for (number, owner, kept_until) in [(1, 1, Some(10)), (2, 1, Some(30)), (3, 1, None), (4, 2, Some(10))] {
        let media = NewMedia { kept_until: kept_until.map(at), ..new_media(number) };
        file_of(&stores, number, owner, private(1), media).await;
    }
    ok(stores.media.quarantine(media_id(2), quarantine(1)).await);
    let claim = async |media: &[u128], by: Option<u128>| {
        ok(stores.media.claim(media.iter().copied().map(media_id).collect(), by.map(user), at(20)).await)
    };
    let refused = |number, reason| Claiming::Refused { media_id: media_id(number), reason };
    assert_eq!(claim(&[1, 9], Some(1)).await, refused(9, ClaimRefusal::Unknown));
    assert_eq!(claim(&[1, 4, 2], Some(1)).await, refused(4, ClaimRefusal::NotYours));
    assert_eq!(claim(&[1, 2, 9], Some(1)).await, refused(2, ClaimRefusal::Quarantined));
    assert_eq!(claim(&[2], None).await, refused(2, ClaimRefusal::Quarantined));
    assert_eq!(stored(&stores, 1).await.and_then(|record| record.kept_until), Some(at(10)));
    ok(stores.media.restore(media_id(2)).await);

    let Claiming::Claimed(claimed) = claim(&[4, 3, 2, 1, 3], None).await else { unreachable!("all may be claimed") };
    let kept: Vec<_> = claimed.iter().map(|record| (record.media_id.as_u128(), record.kept_until)).collect();
    assert_eq!(kept, [(4, Some(at(20))), (3, None), (2, Some(at(30))), (1, Some(at(20))), (3, None)]);
    for record in claimed {
        assert_eq!(ok(stores.media.get(record.media_id).await), Some(record));
    }
    assert_eq!(claim(&[], Some(1)).await, Claiming::Claimed(Vec::new()));
}

/// Of a claim and a collection at the same time one comes first: what was granted is there.
pub async fn what_is_claimed_is_not_collected(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for number in 1..=16 {
        file(&stores, number, 1, private(number as u8)).await;
    }
    let claims = (1..=16).map(|number| stores.media.claim(vec![media_id(number)], Some(user(1)), at(9000)));
    let collections = (0..4).map(|_| stores.media.collect(at(6000), 3));
    let (claims, collected) = futures_util::future::join(join_all(claims), join_all(collections)).await;
    let collected: Vec<_> = collected.into_iter().flat_map(ok).map(|removed| removed.record.media_id).collect();
    for (claim, number) in claims.into_iter().zip(1..) {
        let granted = matches!(ok(claim), Claiming::Claimed(_));
        assert_eq!(granted, stored(&stores, number).await.is_some());
        assert_eq!(granted, !collected.contains(&media_id(number)));
    }
}

/// A file goes into quarantine, says who put it there last, and is let out.
pub async fn a_file_is_quarantined_taken_over_and_let_out(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let named = NewMedia { filename: Some("dog.png".to_owned()), ..new_media(1) };
    let ready = file_of(&stores, 1, 1, private(1), named).await;
    let held = MediaRecord { quarantine: Some(quarantine(5)), ..ready.clone() };
    assert_eq!(ok(stores.media.quarantine(media_id(1), quarantine(5)).await), Some(held.clone()));
    let again = Quarantine { by: user(8), at: at(6), reason: None };
    let taken_over = MediaRecord { quarantine: Some(again.clone()), ..held };
    assert_eq!(ok(stores.media.quarantine(media_id(1), again.clone()).await), Some(taken_over.clone()));
    assert_eq!(stored(&stores, 1).await, Some(taken_over));
    for _ in 0..2 {
        assert_eq!(ok(stores.media.restore(media_id(1)).await), Some(ready.clone()));
    }
    assert_eq!(stored(&stores, 1).await, Some(ready.clone()));
    let held = Some(MediaRecord { quarantine: Some(again.clone()), ..ready });
    assert_eq!(ok(stores.media.quarantine(media_id(1), again.clone()).await), held);
    assert_eq!(stored(&stores, 1).await, held);
    assert_eq!(ok(stores.media.quarantine(media_id(9), again).await), None);
    assert_eq!(ok(stores.media.restore(media_id(9)).await), None);
}

/// A file is removed once, as it was, whoever refers to it, and nobody refers to it then.
pub async fn a_file_is_removed_once(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for number in 1..=2 {
        file(&stores, number, 1, private(number as u8)).await;
    }
    apply(&stores, 1, 1, &[1, 2], 0).await;
    ok(stores.media.quarantine(media_id(1), quarantine(5)).await);
    let before = stored(&stores, 1).await;
    assert_eq!(before.as_ref().map(|record| record.references), Some(1));
    let removed = join_all((0..8).map(|_| stores.media.remove(media_id(1)))).await;
    let removed: Vec<_> = removed.into_iter().filter_map(ok).collect();
    assert_eq!(removed.len(), 1);
    assert_eq!(removed.into_iter().map(|removed| removed.record).next(), before);
    assert_eq!(stored(&stores, 1).await, None);
    assert_eq!(ok(stores.media.holders(media_id(1), None, 9).await), []);
    assert_eq!(ok(stores.media.holders(media_id(2), None, 9).await), [message(1)]);
    assert_eq!(ok(stores.media.usage(None).await).files, 1);
    // A message that named it says nothing of a new file.
    ok(stores.media.blob_gone(private(1)).await);
    file(&stores, 1, 1, private(1)).await;
    apply(&stores, 2, 1, &[], 0).await;
    assert_eq!(stored(&stores, 1).await.map(|record| record.references), Some(0));
}

/// What nobody refers to is collected when its time is over, earliest first, and nothing else is.
pub async fn only_what_nobody_needs_is_collected(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let ends = [Some(10), Some(30), None, Some(20), Some(20), Some(10), Some(10), Some(31)];
    for (kept_until, number) in ends.into_iter().zip(1_u8..) {
        let media = NewMedia { kept_until: kept_until.map(at), ..new_media(number.into()) };
        file_of(&stores, number.into(), 1, private(number / 2), media).await;
    }
    apply(&stores, 1, 1, &[6], 0).await;
    ok(stores.media.quarantine(media_id(7), quarantine(5)).await);
    let collect = async |now, limit| {
        let removed = ok(stores.media.collect(at(now), limit).await);
        removed.iter().map(|removed| (removed.record.media_id.as_u128(), removed.doomed)).collect::<Vec<_>>()
    };
    assert_eq!(collect(9, 9).await, []);
    assert_eq!(collect(30, 2).await, [(1, Some(private(0))), (4, None)]);
    assert_eq!(collect(30, 9).await, [(5, Some(private(2))), (2, None)]);
    assert_eq!(collect(30, 9).await, []);
    assert_eq!(ok(stores.media.doomed(9).await), [private(0), private(2)]);
    let rest = ok(stores.media.list(None, None, 9).await);
    assert_eq!(rest.iter().map(|record| record.media_id.as_u128()).collect::<Vec<_>>(), [8, 7, 6, 3]);
    ok(stores.media.restore(media_id(7)).await);
    apply(&stores, 2, 1, &[], 0).await;
    assert_eq!(collect(30, 9).await, [(6, None), (7, Some(private(3)))]);
    assert_eq!(ok(stores.media.usage(None).await).files, 2);
    assert_eq!(ok(stores.uploads.begin(super::samples::upload(1, 1), FREE).await), crate::store::Beginning::Begun);
}
