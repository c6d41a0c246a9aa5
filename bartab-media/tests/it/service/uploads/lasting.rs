//! An upload goes on after a restart, and ends when its time is over.

use std::time::Duration;

use bartab_core::store::{Advance, BlobKey, MediaLimits, Staging, UploadStore};
use bartab_core::{Clock, UploadId};
use bartab_media::Config;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use sha2::{Digest, Sha256};

use super::*;

fn id(path: &str) -> UploadId {
    path.strip_prefix("/v1/uploads/").unwrap().parse().unwrap()
}

async fn put(world: &World, path: &str, bytes: &'static str) {
    world.bytes.put(&Path::from(path), bytes.into()).await.unwrap();
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let config = Config { part_bytes: 4, ..Config::default() };
    let world = World::with(config);
    let path = create(&world, 11, &format!("filename {}", encode("a.txt"))).await;
    assert_eq!(patch(&world, &path, 0, "hello").await.status, 204);
    world.media().close().await;
    let world = world.killed();
    assert_eq!(offset(&world, &path).await, 5);
    let last = patch(&world, &path, 5, " world").await;
    let record = world.record(made(&last).unwrap()).await;
    assert_eq!(record.filename.as_deref(), Some("a.txt"));
    assert_eq!(world.content(record.media_id).await, "hello world");
}

#[tokio::test]
async fn bytes_that_were_put_but_not_counted_give_way() {
    for part_bytes in [4, 64] {
        let world = World::with(Config { part_bytes, ..Config::default() });
        let path = create(&world, 11, "").await;
        assert_eq!(patch(&world, &path, 0, "hello").await.status, 204);
        let folder = format!("uploads/{}", id(&path));
        put(&world, &format!("{folder}/0000000000000000"), "helloXXX").await;
        put(&world, &format!("{folder}/0000000000000005"), "YYYYYY").await;
        put(&world, &format!("{folder}/000000000000000b"), "ZZZ").await;
        put(&world, &format!("{folder}/whole"), "half").await;
        let world = world.killed();
        assert_eq!(offset(&world, &path).await, 5);
        let last = patch(&world, &path, 5, " world").await;
        assert_eq!(world.content(made(&last).unwrap()).await, "hello world", "{part_bytes}");
    }
}

#[tokio::test]
async fn who_asks_after_a_crash_at_the_end_gets_the_file() {
    let blob = BlobKey { public: false, sha256: Sha256::digest("hello").into() };
    for (staged, moved) in [(false, false), (true, false), (true, true)] {
        let world = World::new();
        let path = create(&world, 5, "").await;
        let upload = UploadStore::get(&*world.records, id(&path)).await.unwrap().unwrap();
        let part = format!("uploads/{}/0000000000000000", id(&path));
        put(&world, &part, "hello").await;
        let (upload_id, expires_at, now) = (id(&path), upload.expires_at, world.clock.now());
        let advance = Advance { upload_id, offset: 0, received: 5, expires_at, now };
        world.records.advance(advance, MediaLimits::default()).await.unwrap();
        if staged {
            let staging = world.records.stage(upload_id, blob, now).await.unwrap();
            assert_eq!(staging, Staging::Staged { stored: false });
        }
        if moved {
            let hash = Sha256::digest("hello").iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            put(&world, &format!("private/{}/{}/{hash}", &hash[..2], &hash[2..4]), "hello").await;
            world.bytes.delete(&Path::from(part)).await.unwrap();
        }
        let world = world.killed();
        let answer = head(&world, &path).await;
        assert_eq!(world.content(made(&answer).unwrap()).await, "hello", "{staged} {moved}");
        assert_eq!(made(&head(&world, &path).await), made(&answer));
        assert_eq!(world.files(&robin()).await, 1);
    }
}

#[tokio::test]
async fn an_upload_moves_its_end_by_going_on_and_is_gone_after_it() {
    let world = World::with(Config { upload_seconds: 100, ..Config::default() });
    let path = create(&world, 9, "").await;
    let (begun, _) = (head(&world, &path).await, world.clock.advance(Duration::from_secs(60)));
    let moved = patch(&world, &path, 0, "abc").await;
    assert_ne!(moved.header("upload-expires"), begun.header("upload-expires"));
    world.clock.advance(Duration::from_secs(99));
    assert_eq!(offset(&world, &path).await, 3);
    world.clock.advance(Duration::from_secs(1));
    head(&world, &path).await.is_problem(410, "upload.expired");
    patch(&world, &path, 3, "def").await.is_problem(410, "upload.expired");
    let stranger = tus(&person(2), Method::HEAD, &path).body(Full::default()).unwrap();
    world.send(stranger).await.is_problem(404, "upload.not_found");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_an_upload_whose_time_is_over_is_deleted_and_its_file_stays() {
    let world = World::with(Config { upload_seconds: 100, ..Config::default() });
    let left = create(&world, 9, "").await;
    assert_eq!(patch(&world, &left, 0, "abc").await.status, 204);
    let whole = create(&world, 3, "").await;
    let file = made(&patch(&world, &whole, 0, "abc").await).unwrap();
    world.clock.advance(Duration::from_secs(101));
    // The sweeper's own pace.
    tokio::time::sleep(Duration::from_secs(61)).await;
    world.settled(&robin()).await;
    for path in [left, whole] {
        head(&world, &path).await.is_problem(404, "upload.not_found");
    }
    assert_eq!(world.content(file).await, "abc");
}

#[tokio::test]
async fn an_upload_that_is_given_up_is_gone_with_its_bytes() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    assert_eq!(patch(&world, &path, 0, "abc").await.status, 204);
    let cancel = || tus(&robin(), Method::DELETE, &path).body(Full::default()).unwrap();
    assert_eq!(world.send(cancel()).await.status, 204);
    assert_eq!(world.names().await.len(), 0);
    world.send(cancel()).await.is_problem(404, "upload.not_found");
    patch(&world, &path, 3, "def").await.is_problem(404, "upload.not_found");
    world.settled(&robin()).await;
}

#[tokio::test]
async fn an_upload_whose_bytes_are_lost_is_over() {
    let world = World::with(Config { part_bytes: 3, ..Config::default() });
    let path = create(&world, 9, "").await;
    assert_eq!(patch(&world, &path, 0, "abc").await.status, 204);
    assert_eq!(patch(&world, &path, 3, "def").await.status, 204);
    let part = Path::from(format!("uploads/{}/0000000000000000", id(&path)));
    world.bytes.delete(&part).await.unwrap();
    patch(&world, &path, 6, "ghi").await.is_problem(410, "upload.expired");
}

#[tokio::test]
async fn uploads_come_in_pieces_into_a_folder_too() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::local(folder.path());
    let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let path = create(&world, content.len(), "").await;
    let mut offset = 0;
    for piece in content.chunks(170_000) {
        let answer = patch(&world, &path, offset, piece.to_vec()).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        offset += piece.len();
        if let Some(id) = made(&answer) {
            assert_eq!(world.content(id).await, content);
        }
    }
    assert_eq!(world.files(&robin()).await, 1);
    world.media().close().await;
    assert_eq!(world.names().await.len(), 1);
}
