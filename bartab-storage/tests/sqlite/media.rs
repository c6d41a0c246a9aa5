//! What only a store on disk can get wrong of media: files of before, and the bytes that removal leaves.

use std::sync::Arc;

use bartab_core::store::conformance::media::MediaStores;
use bartab_core::store::{
    Beginning, BlobKey, Finishing, MediaFeed, MediaLimits, NewMedia, Quarantine, Staging, Upload,
};
use bartab_core::{MediaId, SeededRandom, Timestamp, UploadId, UserId};
use bartab_storage::sqlite::SqliteStore;
use rusqlite::Connection;

use crate::folder::Folder;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

async fn open(folder: &Folder, name: &str) -> (SqliteStore, MediaStores) {
    let store = folder.open(name).await;
    (store.clone(), MediaStores::of(Arc::new(store)))
}

fn upload(number: u128, metadata: String) -> Upload {
    Upload {
        upload_id: UploadId::from_u128(number),
        owner: UserId::from_u128(1),
        length: Some(1),
        received: 0,
        metadata,
        created_at: at(0),
        expires_at: at(1_000),
        blob: None,
        media_id: None,
    }
}

/// Text that names `number`, of any length.
fn words(number: u128, random: &SeededRandom) -> String {
    format!("{}name-{number:05}-{}", "y".repeat(random.below(9) as usize), "x".repeat(random.below(300) as usize))
}

/// An upload that names itself makes a file that does.
async fn file(stores: &MediaStores, number: u128, random: &SeededRandom) {
    let begun = stores.uploads.begin(upload(number, words(number, random)), MediaLimits::default()).await.unwrap();
    assert_eq!(begun, Beginning::Begun);
    let blob = BlobKey { public: false, sha256: [number as u8; 32] };
    let staged = stores.uploads.stage(UploadId::from_u128(number), blob, at(1)).await.unwrap();
    assert!(matches!(staged, Staging::Staged { .. }), "{staged:?}");
    let media = NewMedia {
        media_id: MediaId::from_u128(number),
        size: 1,
        mime: "image/png".to_owned(),
        filename: Some(words(number, random)),
        width: None,
        height: None,
        blurhash: (random.below(2) == 0).then(|| words(number, random)),
        created_at: at(1),
        kept_until: Some(at(number as u64)),
    };
    let finished = stores.uploads.finish(UploadId::from_u128(number), media, MediaLimits::default()).await.unwrap();
    assert!(matches!(finished, Finishing::Finished(_)), "{finished:?}");
}

#[tokio::test]
async fn what_a_removed_file_and_upload_was_called_is_in_no_file() {
    for seed in 0..2 {
        let folder = Folder::default();
        let (store, stores) = open(&folder, "removed").await;
        let random = SeededRandom::new(seed);
        let (mut there, mut removed) = (Vec::new(), Vec::new());
        for number in 1..=200_u128 {
            file(&stores, number, &random).await;
            there.push(number);
            if random.below(2) == 0 {
                let held = there[random.below(there.len() as u64) as usize];
                let reason = Some(words(held, &random));
                let quarantine = Quarantine { by: UserId::from_u128(1), at: at(2), reason };
                stores.media.quarantine(MediaId::from_u128(held), quarantine).await.unwrap();
            }
            if random.below(3) == 0 {
                let number = there.swap_remove(random.below(there.len() as u64) as usize);
                stores.uploads.remove(UploadId::from_u128(number)).await.unwrap().unwrap();
                let gone = stores.media.remove(MediaId::from_u128(number)).await.unwrap().unwrap();
                if let Some(blob) = gone.doomed {
                    stores.media.blob_gone(blob).await.unwrap();
                }
                removed.push(number);
            }
        }
        let held = || {
            let found = folder.after("removed", b"name-", 5);
            assert!(there.iter().all(|number| found.contains(&format!("{number:05}"))));
            removed.iter().copied().filter(|number| found.contains(&format!("{number:05}"))).collect::<Vec<u128>>()
        };
        assert_eq!(held(), Vec::<u128>::new(), "of {} removed files these are still named", removed.len());
        store.close().await;
        assert_eq!(held(), Vec::<u128>::new());
    }
}

#[tokio::test]
async fn what_is_collected_is_named_in_no_file() {
    let folder = Folder::default();
    let (_store, stores) = open(&folder, "collected").await;
    let random = SeededRandom::new(1);
    for number in 1..=40 {
        file(&stores, number, &random).await;
        stores.uploads.remove(UploadId::from_u128(number)).await.unwrap();
    }
    assert_eq!(stores.media.collect(at(30), 99).await.unwrap().len(), 30);
    let found = folder.after("collected", b"name-", 5);
    assert_eq!(Vec::from_iter(found), (31..=40).map(|number| format!("{number:05}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_file_of_before_there_was_media_is_brought_along() {
    let folder = Folder::default();
    let conn = Connection::open(folder.file("old")).unwrap();
    conn.execute_batch(include_str!("../../src/sqlite/migrations/0001_log.sql")).unwrap();
    conn.execute_batch(include_str!("../../src/sqlite/migrations/0002_identity.sql")).unwrap();
    conn.execute_batch(include_str!("../../src/sqlite/migrations/0003_identity_whole.sql")).unwrap();
    conn.execute("INSERT INTO meta (name, value) VALUES ('log_id', ?1)", [[7_u8; 16]]).unwrap();
    conn.pragma_update(None, "application_id", 0x4254_4142).unwrap();
    conn.pragma_update(None, "user_version", 3).unwrap();
    drop(conn);
    let (_store, stores) = open(&folder, "old").await;
    assert_eq!(stores.media.position(MediaFeed::Log).await.unwrap(), 0);
    file(&stores, 1, &SeededRandom::new(1)).await;
    assert_eq!(stores.media.list(None, None, 9).await.unwrap().len(), 1);
}
