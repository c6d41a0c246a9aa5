//! Uploads and files to store.

use super::{MediaStores, ok};
use crate::id::{EventId, MediaId, UploadId, UserId};
use crate::store::{
    Advance, Beginning, BlobKey, Finishing, Holder, MediaLimits, MediaRecord, NewMedia, ReferenceChange, Staging,
    Upload,
};
use crate::time::Timestamp;

/// No limit at all.
pub(super) const FREE: MediaLimits = MediaLimits { person_bytes: None, person_uploads: None, tenant_bytes: None };

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

pub(super) fn user(number: u128) -> UserId {
    UserId::from_u128(number)
}

pub(super) fn upload_id(number: u128) -> UploadId {
    UploadId::from_u128(number)
}

pub(super) fn media_id(number: u128) -> MediaId {
    MediaId::from_u128(number)
}

pub(super) fn message(number: u128) -> Holder {
    Holder::Message(EventId::from_u128(number))
}

pub(super) const fn private(number: u8) -> BlobKey {
    BlobKey { public: false, sha256: [number; 32] }
}

pub(super) const fn public(number: u8) -> BlobKey {
    BlobKey { public: true, sha256: [number; 32] }
}

/// An upload of ten bytes by `user(owner)`, begun at `at(0)` and over at `at(1000)`.
pub(super) fn upload(number: u128, owner: u128) -> Upload {
    Upload {
        upload_id: upload_id(number),
        owner: user(owner),
        length: Some(10),
        received: 0,
        metadata: "filename ZG9nLnBuZw==".to_owned(),
        created_at: at(0),
        expires_at: at(1000),
        blob: None,
        media_id: None,
    }
}

/// Ten bytes of text that are kept until `at(5000)`.
pub(super) fn new_media(number: u128) -> NewMedia {
    NewMedia {
        media_id: media_id(number),
        size: 10,
        mime: "text/plain".to_owned(),
        filename: None,
        width: None,
        height: None,
        blurhash: None,
        created_at: at(1),
        kept_until: Some(at(5000)),
    }
}

/// An advance at `at(now)` that leaves the end of the upload at `at(1000)`.
pub(super) fn advance(number: u128, offset: u64, received: u64, now: u64) -> Advance {
    Advance { upload_id: upload_id(number), offset, received, expires_at: at(1000), now: at(now) }
}

pub(super) fn carries(holder: Holder, media: &[u128]) -> ReferenceChange {
    ReferenceChange { holder, media: media.iter().copied().map(media_id).collect() }
}

pub(super) async fn begin(stores: &MediaStores, upload: Upload) {
    assert_eq!(ok(stores.uploads.begin(upload, FREE).await), Beginning::Begun);
}

pub(super) async fn stage(stores: &MediaStores, number: u128, blob: BlobKey, stored: bool) {
    let staging = ok(stores.uploads.stage(upload_id(number), blob, at(1)).await);
    assert_eq!(staging, Staging::Staged { stored });
}

#[expect(clippy::panic, reason = "a clause fails by panicking, as a test does")]
pub(super) async fn finish(stores: &MediaStores, number: u128, media: NewMedia) -> MediaRecord {
    match ok(stores.uploads.finish(upload_id(number), media, FREE).await) {
        Finishing::Finished(record) => *record,
        other => panic!("the upload was not finished: {other:?}"),
    }
}

/// The file of `user(owner)` that upload `number` makes of `media`; the upload is removed.
pub(super) async fn file_of(
    stores: &MediaStores,
    number: u128,
    owner: u128,
    blob: BlobKey,
    media: NewMedia,
) -> MediaRecord {
    begin(stores, upload(number, owner)).await;
    let staging = ok(stores.uploads.stage(upload_id(number), blob, at(1)).await);
    assert!(matches!(staging, Staging::Staged { .. }), "{staging:?}");
    let record = finish(stores, number, media).await;
    assert_eq!(ok(stores.uploads.remove(upload_id(number)).await).and_then(|removed| removed.doomed), None);
    record
}

/// The file `media_id(number)` of `user(owner)`.
pub(super) async fn file(stores: &MediaStores, number: u128, owner: u128, blob: BlobKey) -> MediaRecord {
    file_of(stores, number, owner, blob, new_media(number)).await
}
