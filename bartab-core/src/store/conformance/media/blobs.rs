//! What every store of media guarantees of the bytes: none that something uses is deleted, and none stays unused.

use futures_util::future::{join, join_all};

use super::samples::{at, begin, file, finish, media_id, new_media, private, public, stage, upload, upload_id};
use super::{MediaFactory, MediaStores, ok};
use crate::store::{BlobKey, Staging};

async fn remove_file(stores: &MediaStores, number: u128) -> Option<BlobKey> {
    ok(stores.media.remove(media_id(number)).await).and_then(|removed| removed.doomed)
}

async fn remove_upload(stores: &MediaStores, number: u128) -> Option<BlobKey> {
    ok(stores.uploads.remove(upload_id(number)).await).and_then(|removed| removed.doomed)
}

/// Bytes that a finished file has need not be put again; public and private ones are apart.
pub async fn the_same_bytes_are_one_blob_on_each_side(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for number in 1..=4 {
        begin(&stores, upload(number, number)).await;
    }
    stage(&stores, 1, private(1), false).await;
    // That another upload holds it says nothing of its bytes.
    stage(&stores, 2, private(1), false).await;
    finish(&stores, 1, new_media(1)).await;
    stage(&stores, 2, private(1), true).await;
    stage(&stores, 3, private(1), true).await;
    stage(&stores, 4, public(1), false).await;
}

/// A blob is doomed when its last file goes, and not before.
pub async fn a_blob_is_doomed_with_its_last_use(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for (number, blob) in [(1, private(1)), (2, private(1)), (3, public(1))] {
        file(&stores, number, number, blob).await;
    }
    assert_eq!(remove_file(&stores, 2).await, None);
    assert_eq!(ok(stores.media.doomed(9).await), []);
    assert_eq!(remove_file(&stores, 1).await, Some(private(1)));
    assert_eq!(ok(stores.media.doomed(9).await), [private(1)]);
    assert_eq!(remove_file(&stores, 3).await, Some(public(1)));
    assert_eq!(ok(stores.media.doomed(9).await), [private(1), public(1)]);
    assert_eq!(ok(stores.media.doomed(1).await), [private(1)]);
    ok(stores.media.blob_gone(private(1)).await);
    assert_eq!(ok(stores.media.doomed(9).await), [public(1)]);
}

/// An upload that holds a blob keeps it from being doomed, and dooms it when it goes without having made a file.
pub async fn a_staged_upload_keeps_its_blob(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    file(&stores, 1, 1, private(1)).await;
    begin(&stores, upload(2, 2)).await;
    stage(&stores, 2, private(1), true).await;
    assert_eq!(remove_file(&stores, 1).await, None);
    assert!(!ok(stores.media.doom(private(1)).await));
    assert_eq!(remove_upload(&stores, 2).await, Some(private(1)));
    assert_eq!(ok(stores.media.doomed(9).await), [private(1)]);

    begin(&stores, upload(3, 1)).await;
    stage(&stores, 3, private(3), false).await;
    finish(&stores, 3, new_media(3)).await;
    // A finished upload holds nothing: its file does.
    assert_eq!(remove_file(&stores, 3).await, Some(private(3)));
    assert_eq!(remove_upload(&stores, 3).await, None);
    begin(&stores, upload(4, 1)).await;
    assert_eq!(remove_upload(&stores, 4).await, None);
}

/// A doomed blob is not staged; once its bytes are gone it is as new.
pub async fn a_doomed_blob_is_not_staged_until_its_bytes_are_gone(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    file(&stores, 1, 1, private(1)).await;
    remove_file(&stores, 1).await;
    begin(&stores, upload(2, 1)).await;
    let staged = async |blob| ok(stores.uploads.stage(upload_id(2), blob, at(1)).await);
    assert_eq!(staged(private(1)).await, Staging::Doomed);
    assert_eq!(ok(stores.uploads.get(upload_id(2)).await), Some(upload(2, 1)));
    ok(stores.media.blob_gone(private(1)).await);
    assert_eq!(staged(private(1)).await, Staging::Staged { stored: false });
    // Said again, late: it is no longer meant.
    ok(stores.media.blob_gone(private(1)).await);
    finish(&stores, 2, new_media(2)).await;
    assert_eq!(remove_file(&stores, 2).await, Some(private(1)));
}

/// Found bytes are doomed if no file and no upload uses them.
pub async fn only_what_nobody_uses_is_doomed(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    file(&stores, 1, 1, private(1)).await;
    begin(&stores, upload(2, 1)).await;
    stage(&stores, 2, public(2), false).await;
    for (blob, doomed) in [(private(1), false), (public(1), true), (private(2), true), (public(2), false)] {
        for _ in 0..2 {
            assert_eq!(ok(stores.media.is_used(blob).await), !doomed, "{blob:?}");
            assert_eq!(ok(stores.media.doom(blob).await), doomed, "{blob:?}");
        }
    }
    ok(stores.media.blob_gone(private(1)).await);
    assert_eq!(ok(stores.media.doomed(9).await), [private(2), public(1)]);
    begin(&stores, upload(3, 1)).await;
    assert_eq!(ok(stores.uploads.stage(upload_id(3), public(1), at(1)).await), Staging::Doomed);
}

/// When the last file goes while others stage its blob, either they hold it and it is not doomed, or it is doomed and
/// none of them does.
pub async fn staging_races_with_removal_and_one_of_them_gives_way(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    for round in 0..8_u128 {
        let number = 100 * (round + 1);
        file(&stores, number, 1, private(1)).await;
        for upload_number in 1..=4 {
            begin(&stores, upload(number + upload_number, 1)).await;
        }
        let stage = |more| stores.uploads.stage(upload_id(number + more), private(1), at(1));
        let ((early, removed), late) = match round % 2 {
            0 => join(join(stage(1), stores.media.remove(media_id(number))), join_all((2..=4).map(stage))).await,
            _ => {
                let (removed, early) = join(stores.media.remove(media_id(number)), stage(1)).await;
                ((early, removed), join_all((2..=4).map(stage)).await)
            }
        };
        let doomed = ok(removed).and_then(|removed| removed.doomed);
        let stagings: Vec<Staging> = std::iter::once(early).chain(late).map(ok).collect();
        let held = stagings.iter().filter(|staging| matches!(staging, Staging::Staged { .. })).count();
        let refused = stagings.iter().filter(|staging| **staging == Staging::Doomed).count();
        assert_eq!((held, refused), if doomed.is_some() { (0, 4) } else { (4, 0) });
        assert_eq!(ok(stores.media.doomed(9).await), Vec::from_iter(doomed));
        for upload_number in 1..=4 {
            remove_upload(&stores, number + upload_number).await;
        }
        assert_eq!(ok(stores.media.doomed(9).await), [private(1)]);
        ok(stores.media.blob_gone(private(1)).await);
    }
}

/// That bytes are to be deleted is known after an abort, until they are.
pub async fn doomed_blobs_survive_an_abort(factory: &dyn MediaFactory) {
    let mut stores = factory.open("tenant").await;
    file(&stores, 1, 1, private(1)).await;
    file(&stores, 2, 1, private(2)).await;
    remove_file(&stores, 1).await;
    remove_file(&stores, 2).await;
    stores = factory.reopen_after_abort("tenant", stores).await;
    assert_eq!(ok(stores.media.doomed(9).await), [private(1), private(2)]);
    ok(stores.media.blob_gone(private(1)).await);
    stores = factory.reopen_after_abort("tenant", stores).await;
    assert_eq!(ok(stores.media.doomed(9).await), [private(2)]);
}
