//! What every store of media guarantees of quotas: everything counts once, and no race passes a limit.

use futures_util::future::join_all;

use super::samples::{
    FREE, advance, at, begin, file, finish, media_id, new_media, private, stage, upload, upload_id, user,
};
use super::{MediaFactory, MediaStores, ok};
use crate::store::{
    Advancing, Beginning, Finishing, MediaLimits, MediaQuota, MediaUsage, NewMedia, QuotaExceeded, Upload,
};

async fn usage(stores: &MediaStores, owner: Option<u128>) -> MediaUsage {
    ok(stores.media.usage(owner.map(user)).await)
}

fn held(files: u64, bytes: u64, uploads: u64, reserved: u64) -> MediaUsage {
    MediaUsage { files, bytes, uploads, reserved }
}

fn exceeded(quota: MediaQuota, limit: u64, used: u64) -> QuotaExceeded {
    QuotaExceeded { quota, limit, used }
}

/// Uploads count as announced, files as they are, each for its owner and for the tenant, until they are removed.
pub async fn everything_held_is_counted_once(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    assert_eq!(usage(&stores, None).await, held(0, 0, 0, 0));
    begin(&stores, upload(1, 1)).await;
    begin(&stores, Upload { length: Some(0), ..upload(2, 1) }).await;
    begin(&stores, Upload { length: Some(5), ..upload(3, 2) }).await;
    ok(stores.uploads.advance(advance(1, 0, 4, 1), FREE).await);
    assert_eq!(usage(&stores, Some(1)).await, held(0, 0, 2, 10));
    assert_eq!(usage(&stores, Some(2)).await, held(0, 0, 1, 5));
    stage(&stores, 1, private(1), false).await;
    finish(&stores, 1, NewMedia { size: 7, ..new_media(1) }).await;
    assert_eq!(usage(&stores, Some(1)).await, held(1, 7, 1, 0));
    stage(&stores, 3, private(1), true).await;
    finish(&stores, 3, NewMedia { size: 9, ..new_media(3) }).await;
    assert_eq!(usage(&stores, None).await, held(2, 16, 1, 0));
    // A finished upload counts for nothing, an unfinished one until it goes.
    for (number, after) in [(1, held(1, 7, 1, 0)), (2, held(1, 7, 0, 0))] {
        ok(stores.uploads.remove(upload_id(number)).await);
        assert_eq!(usage(&stores, Some(1)).await, after);
    }
    ok(stores.media.remove(media_id(1)).await);
    ok(stores.media.collect(at(9000), 9).await);
    for owner in [None, Some(1), Some(2), Some(3)] {
        assert_eq!(usage(&stores, owner).await, held(0, 0, 0, 0));
    }
}

/// Bytes that nobody announced count as they come, and stop at a limit.
pub async fn what_was_not_announced_counts_as_it_comes(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let limits = MediaLimits { person_bytes: Some(30), ..FREE };
    file(&stores, 9, 1, private(9)).await;
    let endless = Upload { length: None, ..upload(1, 1) };
    assert_eq!(ok(stores.uploads.begin(endless, limits).await), Beginning::Begun);
    let to = |offset, received| stores.uploads.advance(advance(1, offset, received, 1), limits);
    for (offset, received) in [(0, 12), (12, 20)] {
        assert!(matches!(ok(to(offset, received).await), Advancing::Advanced(_)));
        assert_eq!(usage(&stores, Some(1)).await, held(1, 10, 1, received));
    }
    let refused = Advancing::Exceeded(exceeded(MediaQuota::PersonBytes, 30, 30));
    assert_eq!(ok(to(20, 21).await), refused);
    assert_eq!(ok(stores.uploads.get(upload_id(1)).await).map(|upload| upload.received), Some(20));
    assert_eq!(usage(&stores, None).await, held(1, 10, 1, 20));
    ok(stores.media.remove(media_id(9)).await);
    assert!(matches!(ok(to(20, 30).await), Advancing::Advanced(_)));
}

/// However many uploads are begun at once, no limit of a person or the tenant is passed, and none is missed.
pub async fn concurrent_beginnings_pass_no_limit(factory: &dyn MediaFactory) {
    let cases = [
        (MediaQuota::PersonBytes, MediaLimits { person_bytes: Some(59), ..FREE }, 5, 50),
        (MediaQuota::PersonUploads, MediaLimits { person_uploads: Some(5), ..FREE }, 5, 5),
        (MediaQuota::TenantBytes, MediaLimits { tenant_bytes: Some(100), ..FREE }, 10, 100),
    ];
    for ((quota, limits, most, used), case) in cases.into_iter().zip(0..) {
        let stores = factory.open(&format!("tenant {case}")).await;
        let limit = limits.person_bytes.or(limits.person_uploads).or(limits.tenant_bytes).unwrap_or(0);
        let owner = |number: u128| if quota == MediaQuota::TenantBytes { number % 3 } else { 1 };
        let all = (0..20).map(|number| stores.uploads.begin(upload(number, owner(number)), limits));
        let answers: Vec<Beginning> = join_all(all).await.into_iter().map(ok).collect();
        assert_eq!(answers.iter().filter(|answer| **answer == Beginning::Begun).count(), most);
        let refused = Beginning::Exceeded(exceeded(quota, limit, used));
        assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 20 - most);
        assert_eq!(usage(&stores, None).await, held(0, 0, most as u64, most as u64 * 10));
        // What is given back can be taken.
        let begun = answers.iter().position(|answer| *answer == Beginning::Begun).unwrap_or(0) as u128;
        ok(stores.uploads.remove(upload_id(begun)).await);
        let again = stores.uploads.begin(upload(99, owner(begun)), limits).await;
        assert_eq!(ok(again), Beginning::Begun);
    }
}

/// However many uploads grow at once, no limit is passed.
pub async fn concurrent_advances_pass_no_limit(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let limits = MediaLimits { tenant_bytes: Some(95), ..FREE };
    for number in 1..=16 {
        begin(&stores, Upload { length: None, ..upload(number, number % 2) }).await;
    }
    let all = (1..=16).map(|number| stores.uploads.advance(advance(number, 0, 10, 1), limits));
    let answers: Vec<Advancing> = join_all(all).await.into_iter().map(ok).collect();
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Advancing::Advanced(_))).count(), 9);
    let refused = Advancing::Exceeded(exceeded(MediaQuota::TenantBytes, 95, 90));
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 7);
    assert_eq!(usage(&stores, None).await, held(0, 0, 16, 90));
}

/// A file that is larger than what was announced must fit; a smaller one always does.
pub async fn a_file_larger_than_announced_must_fit(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    let limits = MediaLimits { person_bytes: Some(25), ..FREE };
    for number in [1, 2] {
        begin(&stores, upload(number, 1)).await;
        stage(&stores, number, private(number as u8), false).await;
    }
    let finish = |number, size| {
        let media = NewMedia { size, ..new_media(number) };
        stores.uploads.finish(upload_id(number), media, limits)
    };
    let refused = Finishing::Exceeded(exceeded(MediaQuota::PersonBytes, 25, 20));
    assert_eq!(ok(finish(1, 16).await), refused);
    assert_eq!(ok(stores.uploads.get(upload_id(1)).await).and_then(|upload| upload.media_id), None);
    assert_eq!(usage(&stores, Some(1)).await, held(0, 0, 2, 20));
    assert!(matches!(ok(finish(1, 15).await), Finishing::Finished(_)));
    assert_eq!(usage(&stores, Some(1)).await, held(1, 15, 1, 10));
    assert!(matches!(ok(finish(2, 9).await), Finishing::Finished(_)));
    assert_eq!(usage(&stores, Some(1)).await, held(2, 24, 0, 0));
}

/// A limit that was lowered below what is held refuses what takes more, and nothing else.
pub async fn a_lowered_limit_refuses_only_what_takes_more(factory: &dyn MediaFactory) {
    let stores = factory.open("tenant").await;
    begin(&stores, upload(1, 1)).await;
    let none = MediaLimits { person_bytes: Some(1), person_uploads: Some(0), tenant_bytes: Some(1) };
    let more = Beginning::Exceeded(exceeded(MediaQuota::PersonUploads, 0, 1));
    assert_eq!(ok(stores.uploads.begin(upload(2, 1), none).await), more);
    assert_eq!(ok(stores.uploads.get(upload_id(2)).await), None);
    assert!(matches!(ok(stores.uploads.advance(advance(1, 0, 10, 1), none).await), Advancing::Advanced(_)));
    stage(&stores, 1, private(1), false).await;
    let finished = ok(stores.uploads.finish(upload_id(1), new_media(1), none).await);
    assert!(matches!(finished, Finishing::Finished(_)), "{finished:?}");
}
