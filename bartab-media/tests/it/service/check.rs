//! Records compared with bytes: what is found, what a repair does, and that it does nothing else.

use bartab_core::store::{BlobKey, MediaStore};
use bartab_core::{Actor, MediaId, UploadId};
use bartab_media::{CheckOptions, CheckReport};
use bytes::Bytes;
use http::Method;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::support::{World, person};

const LOOK: CheckOptions = CheckOptions { repair: false, hashes: true, offline: true };
const REPAIR: CheckOptions = CheckOptions { repair: true, ..LOOK };

async fn check(world: &World, options: CheckOptions) -> CheckReport {
    world.media().check(options, |_| {}).await.unwrap()
}

/// Where the bytes of a file are.
async fn name(world: &World, media: MediaId) -> String {
    let blob = world.record(media).await.blob;
    let hash: String = blob.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}/{}/{}/{hash}", if blob.public { "public" } else { "private" }, &hash[..2], &hash[2..4])
}

async fn put(world: &World, name: &str, bytes: &'static str) {
    world.bytes.put(&Path::from(name), Bytes::from(bytes).into()).await.unwrap();
}

/// Two files with a thumbnail, and an upload under way.
async fn sound(world: &World) -> (Actor, [MediaId; 2]) {
    let robin = person(1);
    let files = [world.file(&robin, "", "one file").await, world.file(&robin, "?public=true", "another").await];
    world.settled(&robin).await;
    put(world, &format!("thumbs/{}/64-cover.webp", name(world, files[0]).await), "small").await;
    (robin, files)
}

#[tokio::test]
async fn what_is_sound_is_found_sound_and_left_alone() {
    let world = World::new();
    let (robin, _) = sound(&world).await;
    let upload = bartab_media::NewUpload { length: Some(9), ..Default::default() };
    let (media, actor) = (world.media().clone(), robin.clone());
    let under_way = tokio::spawn(async move { media.upload(&actor, upload, futures_util::stream::pending()).await });
    while world.uploads(&robin).await == 0 {
        tokio::task::yield_now().await;
    }
    let names = world.names().await;
    let mut steps = 0;
    let report = world.media().check(REPAIR, |_| steps += 1).await.unwrap();
    assert!(report.is_sound() && steps > 0, "{report:?}");
    let found = CheckReport::default();
    assert_eq!((report.files, report.names, report.bytes_read), (2, 3, 15));
    assert_eq!((&report.foreign, &report.missing, report.doomed), (&found.foreign, &found.missing, 0));
    assert_eq!(world.names().await, names);
    under_way.abort();
}

#[tokio::test]
async fn a_file_without_its_bytes_is_named_and_a_repair_says_so_to_its_readers() {
    let world = World::new();
    let (robin, [lost, kept]) = sound(&world).await;
    let bytes = Path::from(name(&world, lost).await);
    world.bytes.delete(&bytes).await.unwrap();
    let report = check(&world, LOOK).await;
    assert_eq!((report.missing.count, &report.missing.first), (1, &vec![lost.to_string()]));
    assert!(!report.is_sound());
    assert_eq!(world.record(lost).await.quarantine, None);

    let report = check(&world, REPAIR).await;
    assert!(!report.is_sound(), "what is lost cannot be repaired");
    let read = world.call(&robin, Method::GET, &format!("/v1/media/{lost}"), None).await;
    read.is_problem(410, "media.quarantined");
    assert_eq!(world.call(&robin, Method::GET, &format!("/v1/media/{kept}"), None).await.status, 200);
    let held = world.record(lost).await.quarantine.unwrap();
    assert_eq!((held.by, held.reason.as_deref()), (robin.user_id, Some("its bytes are missing")));
    // Whoever has the bytes brings them back.
    world.file(&robin, "", "one file").await;
    world.media().restore(&robin, lost).await.unwrap();
    assert_eq!(world.call(&robin, Method::GET, &format!("/v1/media/{lost}"), None).await.body, "one file");
}

#[tokio::test]
async fn bytes_that_are_not_those_that_were_stored_are_found() {
    let world = World::new();
    let (_, [longer, other]) = sound(&world).await;
    put(&world, &name(&world, longer).await, "one file and more").await;
    put(&world, &name(&world, other).await, "aNother").await;
    let quick = check(&world, CheckOptions { hashes: false, ..LOOK }).await;
    assert_eq!(quick.damaged.first, [longer.to_string()]);
    let thorough = check(&world, REPAIR).await;
    assert_eq!(thorough.damaged.count, 2);
    for file in [longer, other] {
        assert!(world.record(file).await.quarantine.is_some());
    }
    // Whoever has the bytes brings them back.
    let again = world.file(&person(2), "?public=true", "another").await;
    assert_eq!(world.content(again).await, "another");
    assert_eq!(check(&world, LOOK).await.damaged.first, [longer.to_string()]);
}

#[tokio::test]
async fn bytes_that_belong_to_nothing_are_deleted_and_all_others_stay() {
    let world = World::new();
    let (robin, files) = sound(&world).await;
    let before = world.names().await;
    let orphan = format!("private/ab/cd/abcd{}", "00".repeat(30));
    let thumbnail = format!("thumbs/public/ab/ce/abce{}/64-cover.webp", "00".repeat(30));
    let upload = format!("uploads/{}/0000000000000000", UploadId::from_u128(5));
    let second = format!("uploads/{}/whole", UploadId::from_u128(5));
    for name in [&orphan, &thumbnail, &upload, &second] {
        put(&world, name, "orphaned").await;
    }
    put(&world, "notes.txt", "foreign").await;
    put(&world, "private/ab/cd/not-a-hash", "foreign").await;
    let doomed = BlobKey { public: true, sha256: [9; 32] };
    assert!(world.records.doom(doomed).await.unwrap());

    let report = check(&world, LOOK).await;
    assert!(!report.is_sound());
    assert_eq!(report.orphaned_blobs.first, [orphan]);
    assert_eq!(report.orphaned_thumbnails.first, [thumbnail]);
    assert_eq!(report.orphaned_uploads.first, [UploadId::from_u128(5).to_string()]);
    assert_eq!((report.foreign.count, report.doomed, report.leftovers.count), (2, 1, 0));
    assert_eq!(world.names().await.len(), before.len() + 6, "looking changes nothing");

    let report = check(&world, REPAIR).await;
    assert!(report.is_sound() && report.repaired);
    assert_eq!((report.orphaned_blobs.count, report.orphaned_thumbnails.count), (1, 1));
    assert_eq!(world.names().await.len(), before.len() + 2, "foreign names are nobody's to delete");
    assert_eq!(world.records.doomed(9).await.unwrap(), []);
    let again = check(&world, REPAIR).await;
    assert_eq!((again.orphaned_blobs.count, again.orphaned_uploads.count, again.doomed), (0, 0, 0));
    for file in files {
        assert_eq!(world.call(&robin, Method::GET, &format!("/v1/media/{file}"), None).await.status, 200);
    }
}

#[tokio::test]
async fn what_killed_processes_were_writing_is_found_in_local_folders() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::local(folder.path());
    let (robin, files) = sound(&world).await;
    let upload = UploadId::from_u128(5);
    let thumbnail = format!("thumbs/{}/64-cover.webp#1", name(&world, files[0]).await);
    for name in [&thumbnail, &format!("uploads/{upload}/whole#1")] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "half").unwrap();
    }
    // While others use the media, something young may still be written.
    let written = std::fs::metadata(folder.path().join(&thumbnail)).unwrap().modified().unwrap();
    let written = written.duration_since(std::time::UNIX_EPOCH).unwrap();
    world.clock.set(bartab_core::Timestamp::from_secs(written.as_secs() + 60));
    let report = check(&world, CheckOptions { offline: false, ..LOOK }).await;
    assert_eq!((report.leftovers.count, report.orphaned_uploads.count), (0, 1));
    world.later(60 * 60);
    let report = check(&world, CheckOptions { offline: false, ..LOOK }).await;
    assert_eq!(report.leftovers.first, [thumbnail]);
    assert!(check(&world, REPAIR).await.is_sound());
    let report = check(&world, LOOK).await;
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.files, report.names, report.foreign.count), (2, 3, 0));
    assert!(!folder.path().join(format!("uploads/{upload}")).exists());
    for file in files {
        assert_eq!(world.call(&robin, Method::GET, &format!("/v1/media/{file}"), None).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_beside_uploads_and_deletions_takes_nothing_from_them() {
    let world = World::new();
    let (media, robin) = (world.media().clone(), person(1));
    let checking = tokio::spawn(async move {
        for _ in 0..40 {
            let options = CheckOptions { offline: false, ..REPAIR };
            let report = media.check(options, |_| {}).await.unwrap();
            assert_eq!((report.missing.count, report.damaged.count), (0, 0), "{report:?}");
            tokio::task::yield_now().await;
        }
    });
    let mut number = 0;
    while !checking.is_finished() || number < 20 {
        let file = world.file(&robin, "", format!("file {}", number % 3)).await;
        let read = world.call(&robin, Method::GET, &format!("/v1/media/{file}"), None).await;
        assert_eq!((read.status, read.body), (200, Bytes::from(format!("file {}", number % 3))));
        world.media().delete(&robin, file).await.unwrap();
        number += 1;
    }
    checking.await.unwrap();
}
