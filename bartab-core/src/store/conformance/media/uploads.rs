//! What every `UploadStore` guarantees of an upload's life.

use futures_util::future::join_all;

use super::samples::{
    FREE, advance, at, begin, finish, media_id, new_media, private, public, stage, upload, upload_id, user,
};
use super::{MediaFactory, MediaStores, is_conflict, ok};
use crate::store::{Advance, Advancing, Beginning, Finishing, Staging, Upload};

async fn stored(stores: &MediaStores, number: u128) -> Option<Upload> {
    ok(stores.uploads.get(upload_id(number)).await)
}

/// An upload comes back as it was begun, whatever its fields hold.
pub async fn an_upload_comes_back_as_it_was_begun(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let odd = Upload {
        upload_id: upload_id(u128::MAX),
        owner: user(u128::MAX),
        length: Some(Upload::MAX_LENGTH),
        received: 7,
        metadata: "\u{1f37a}\u{0}'\"\n".repeat(500),
        ..upload(2, 2)
    };
    let endless = Upload { length: None, metadata: String::new(), ..upload(3, 1) };
    for upload in [upload(1, 1), odd, endless] {
        begin(&stores, upload.clone()).await;
        assert_eq!(ok(stores.uploads.get(upload.upload_id).await), Some(upload));
    }
    assert_eq!(stored(&stores, 9).await, None);
}

/// A taken id is a conflict, and changes nothing.
pub async fn a_taken_upload_id_is_a_conflict_and_changes_nothing(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    let refused = stores.uploads.begin(Upload { length: Some(5), ..upload(1, 2) }, FREE).await;
    assert!(is_conflict(&refused), "{refused:?}");
    assert_eq!(stored(&stores, 1).await, Some(upload(1, 1)));
    assert_eq!(ok(stores.media.usage(Some(user(2))).await), Default::default());
    assert_eq!(ok(stores.media.usage(None).await).reserved, 10);
}

/// Bytes count if they were put where the upload stands, and move its end; any other change nothing.
pub async fn an_upload_advances_from_where_it_stands(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    let to = |offset, received| stores.uploads.advance(advance(1, offset, received, 1), FREE);
    let moved = Upload { received: 4, expires_at: at(1000), ..upload(1, 1) };
    assert_eq!(ok(to(0, 4).await), Advancing::Advanced(moved.clone()));
    for offset in [0, 3, 5] {
        assert_eq!(ok(to(offset, 6).await), Advancing::Elsewhere { received: 4 });
    }
    assert_eq!(ok(to(4, 3).await), Advancing::Elsewhere { received: 4 });
    assert_eq!(ok(to(4, 11).await), Advancing::TooLong { length: 10 });
    assert_eq!(stored(&stores, 1).await, Some(moved.clone()));
    let later = Advance { expires_at: at(2000), ..advance(1, 4, 10, 2) };
    let whole = Upload { received: 10, expires_at: at(2000), ..moved };
    assert_eq!(ok(stores.uploads.advance(later, FREE).await), Advancing::Advanced(whole.clone()));
    assert_eq!(stored(&stores, 1).await, Some(whole));
    assert_eq!(ok(stores.uploads.advance(advance(9, 0, 1, 1), FREE).await), Advancing::Gone);
}

/// Of concurrent advances from one offset one counts, and the others are told where the upload stands.
pub async fn of_concurrent_advances_from_one_offset_one_counts(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, Upload { length: Some(100), ..upload(1, 1) }).await;
    let mut offset = 0;
    for _ in 0..5 {
        let answers = join_all((1..=8).map(|more| stores.uploads.advance(advance(1, offset, offset + more, 1), FREE)));
        let answers: Vec<Advancing> = answers.await.into_iter().map(ok).collect();
        let won: Vec<u64> = answers
            .iter()
            .filter_map(|answer| match answer {
                Advancing::Advanced(upload) => Some(upload.received),
                _ => None,
            })
            .collect();
        let received = stored(&stores, 1).await.map(|upload| upload.received);
        assert_eq!(won, Vec::from_iter(received));
        offset = won.iter().sum();
        let lost = answers.iter().filter(|answer| **answer == Advancing::Elsewhere { received: offset });
        assert_eq!(lost.count(), 7);
    }
}

/// When its time is over an upload takes no bytes and no blob: at `expires_at` it is over.
pub async fn an_upload_takes_nothing_after_its_time(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    for now in [1000, 1001] {
        assert_eq!(ok(stores.uploads.advance(advance(1, 0, 1, now), FREE).await), Advancing::Gone);
        assert_eq!(ok(stores.uploads.stage(upload_id(1), private(1), at(now)).await), Staging::Gone);
    }
    assert_eq!(stored(&stores, 1).await, Some(upload(1, 1)));
    let last = ok(stores.uploads.advance(advance(1, 0, 1, 999), FREE).await);
    assert!(matches!(last, Advancing::Advanced(_)), "{last:?}");
    // What was staged in time is staged again and finished also later.
    assert_eq!(ok(stores.uploads.stage(upload_id(1), private(1), at(999)).await), Staging::Staged { stored: false });
    assert_eq!(ok(stores.uploads.stage(upload_id(1), private(1), at(9999)).await), Staging::Staged { stored: false });
    finish(&stores, 1, new_media(1)).await;
}

/// An upload that holds a blob takes no bytes and no other blob, and without one it makes no file.
pub async fn an_upload_holds_one_blob(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    assert_eq!(ok(stores.uploads.finish(upload_id(1), new_media(1), FREE).await), Finishing::Gone);
    assert_eq!(ok(stores.uploads.stage(upload_id(9), private(1), at(1)).await), Staging::Gone);
    for _ in 0..2 {
        stage(&stores, 1, private(1), false).await;
    }
    for other in [private(2), public(1)] {
        assert_eq!(ok(stores.uploads.stage(upload_id(1), other, at(1)).await), Staging::Gone);
        assert!(ok(stores.media.doom(other).await), "nobody uses {other:?}");
    }
    assert_eq!(ok(stores.uploads.advance(advance(1, 0, 1, 1), FREE).await), Advancing::Gone);
    assert_eq!(stored(&stores, 1).await, Some(Upload { blob: Some(private(1)), ..upload(1, 1) }));
    assert_eq!(finish(&stores, 1, new_media(1)).await.blob, private(1));
}

/// A finished upload says which file it made, and takes nothing more.
pub async fn a_finished_upload_names_its_file_and_takes_nothing_more(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    stage(&stores, 1, private(1), false).await;
    let record = finish(&stores, 1, new_media(1)).await;
    assert_eq!((record.owner, record.references), (user(1), 0));
    let finished = Upload { blob: Some(private(1)), media_id: Some(media_id(1)), ..upload(1, 1) };
    assert_eq!(stored(&stores, 1).await, Some(finished.clone()));
    assert_eq!(ok(stores.uploads.advance(advance(1, 0, 1, 1), FREE).await), Advancing::Gone);
    for blob in [private(1), private(2)] {
        assert_eq!(ok(stores.uploads.stage(upload_id(1), blob, at(1)).await), Staging::Gone);
    }
    assert_eq!(ok(stores.uploads.finish(upload_id(1), new_media(2), FREE).await), Finishing::Gone);
    assert_eq!(ok(stores.uploads.finish(upload_id(9), new_media(2), FREE).await), Finishing::Gone);
    assert_eq!(stored(&stores, 1).await, Some(finished));
    assert_eq!(ok(stores.media.list(None, None, 9).await), [record]);
}

/// Of concurrent finishes of one upload one makes a file.
pub async fn of_concurrent_finishes_one_makes_a_file(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    stage(&stores, 1, private(1), false).await;
    let answers = join_all((1..=8).map(|media| stores.uploads.finish(upload_id(1), new_media(media), FREE))).await;
    let answers: Vec<Finishing> = answers.into_iter().map(ok).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == Finishing::Gone).count(), 7);
    let files = ok(stores.media.list(None, None, 9).await);
    assert!(files.iter().all(|file| answers.contains(&Finishing::Finished(Box::new(file.clone())))));
    assert_eq!(files.len(), 1);
    assert_eq!(ok(stores.media.usage(None).await).files, 1);
}

/// A taken media id is a conflict; the upload can still be finished with another.
pub async fn a_taken_media_id_is_a_conflict_and_changes_nothing(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for number in [1, 2] {
        begin(&stores, upload(number, number)).await;
        stage(&stores, number, private(number as u8), false).await;
    }
    let first = finish(&stores, 1, new_media(1)).await;
    let (before, usage) = (stored(&stores, 2).await, ok(stores.media.usage(None).await));
    let refused = stores.uploads.finish(upload_id(2), new_media(1), FREE).await;
    assert!(is_conflict(&refused), "{refused:?}");
    assert_eq!((stored(&stores, 2).await, ok(stores.media.usage(None).await)), (before, usage));
    assert_eq!(ok(stores.media.get(media_id(1)).await), Some(first));
    finish(&stores, 2, new_media(2)).await;
}

/// The uploads of one person are listed by rising id, in pages, finished ones too.
pub async fn uploads_are_listed_by_rising_id(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for number in [4, 1, 3, 2] {
        begin(&stores, upload(number, 1)).await;
    }
    begin(&stores, upload(5, 2)).await;
    stage(&stores, 2, private(1), false).await;
    finish(&stores, 2, new_media(1)).await;
    let listed = async |owner, after: Option<u128>, limit| {
        let page = ok(stores.uploads.list(user(owner), after.map(upload_id), limit).await);
        page.iter().map(|upload| upload.upload_id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(listed(1, None, 9).await, [1, 2, 3, 4]);
    assert_eq!(listed(1, Some(1), 2).await, [2, 3]);
    assert_eq!(listed(1, Some(4), 2).await, []);
    assert_eq!(listed(2, None, 9).await, [5]);
    assert_eq!(listed(3, None, 9).await, []);
}

/// Uploads whose time is over are found earliest first, finished ones too, up to the limit.
pub async fn uploads_that_are_over_are_found_earliest_first(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for (number, end) in [(1, 30), (2, 10), (4, 20), (3, 20), (5, 40)] {
        begin(&stores, Upload { expires_at: at(end), ..upload(number, 1) }).await;
    }
    stage(&stores, 3, private(1), false).await;
    finish(&stores, 3, new_media(1)).await;
    let expired = async |now, limit| {
        let over = ok(stores.uploads.expired(at(now), limit).await);
        over.iter().map(|upload| upload.upload_id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(expired(9, 9).await, []);
    assert_eq!(expired(30, 9).await, [2, 3, 4, 1]);
    assert_eq!(expired(99, 2).await, [2, 3]);
    let moved = Advance { expires_at: at(50), ..advance(2, 0, 1, 5) };
    ok(stores.uploads.advance(moved, FREE).await);
    assert_eq!(expired(40, 9).await, [3, 4, 1, 5]);
}

/// An upload is removed once, as it was; the file that it made stays.
pub async fn an_upload_is_removed_once(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    begin(&stores, upload(2, 1)).await;
    stage(&stores, 2, private(1), false).await;
    let record = finish(&stores, 2, new_media(1)).await;
    for number in [1, 2] {
        let before = stored(&stores, number).await;
        let removed = join_all((0..8).map(|_| stores.uploads.remove(upload_id(number)))).await;
        let removed: Vec<_> = removed.into_iter().filter_map(ok).collect();
        let [removed] = &removed[..] else { unreachable!("removed {} times", removed.len()) };
        assert_eq!((Some(&removed.upload), removed.doomed), (before.as_ref(), None));
        assert_eq!(stored(&stores, number).await, None);
    }
    assert_eq!(ok(stores.media.get(media_id(1)).await), Some(record));
    // The id can be used again.
    begin(&stores, upload(1, 2)).await;
}

/// Whatever of uploads was acknowledged survives an abort.
pub async fn uploads_survive_an_abort(factory: &dyn MediaFactory) {
    let mut stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    stores = factory.reopen_after_abort("tenant", stores).await;
    let answer = ok(stores.uploads.advance(advance(1, 0, 10, 1), FREE).await);
    stores = factory.reopen_after_abort("tenant", stores).await;
    assert_eq!(stored(&stores, 1).await.map(Advancing::Advanced), Some(answer));
    stage(&stores, 1, private(1), false).await;
    stores = factory.reopen_after_abort("tenant", stores).await;
    let record = finish(&stores, 1, new_media(1)).await;
    stores = factory.reopen_after_abort("tenant", stores).await;
    assert_eq!(stored(&stores, 1).await.and_then(|upload| upload.media_id), Some(media_id(1)));
    assert_eq!(ok(stores.media.get(media_id(1)).await), Some(record));
    ok(stores.uploads.remove(upload_id(1)).await);
    stores = factory.reopen_after_abort("tenant", stores).await;
    assert_eq!(stored(&stores, 1).await, None);
    assert_eq!(ok(stores.uploads.begin(upload(1, 1), FREE).await), Beginning::Begun);
}
