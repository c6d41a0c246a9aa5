//! A storage that fails, is full or stalls: a clear problem in bounded time, nothing half visible, nothing left behind.

use std::sync::Arc;
use std::time::Duration;

use bartab_media::Config;

use super::fakes::{Tenant, message};
use super::faulty::{Fault, Faulty, Op};
use super::support::{World, person};
use crate::pictures::fixtures;

const DAY: u64 = 24 * 60 * 60;

fn world() -> (World, Faulty) {
    let store = Faulty::new();
    let world = World::over(Config::default(), Arc::new(store.clone()));
    world.media().connect(Arc::new(Tenant::default()).connections());
    (world, store)
}

/// Whatever breaks while a file comes in, its client is told so, and when the storage works again it is as if nothing
/// had been.
async fn breaks_while_a_file_comes(op: Op, nth: usize, fault: Fault, bytes: Vec<u8>) {
    let (world, store) = world();
    let robin = person(1);
    store.breaks(op, nth, fault);
    let answer = tokio::time::timeout(Duration::from_secs(10 * 60), world.upload(&robin, "", bytes.clone())).await;
    let (status, code) = if fault == Fault::Full { (507, "storage.full") } else { (503, "storage.unavailable") };
    let answer = answer.unwrap_or_else(|_| panic!("{op:?} {nth} {fault:?} was waited for too long"));
    answer.is_problem(status, code);
    assert_eq!(world.files(&robin).await, 0, "{op:?} {fault:?}");
    // Deletions stall and fail, too, for a while.
    if fault != Fault::Full {
        store.breaks(Op::Delete, 1, fault);
        tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    }
    store.heals();
    world.later(DAY);
    world.media().sweep().await.unwrap();
    world.media().sweep().await.unwrap();
    assert_eq!((world.names().await, world.uploads(&robin).await), (Vec::new(), 0), "{op:?} {fault:?}");
    assert_eq!(world.upload(&robin, "", bytes).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn a_large_file_does_not_half_appear() {
    let bytes = vec![b'x'; (8 << 20) + 5];
    for fault in [Fault::Fails, Fault::Full, Fault::Stalls] {
        for (op, nth) in [(Op::Open, 1), (Op::Part, 1), (Op::Part, 2), (Op::Complete, 1), (Op::Get, 1), (Op::Rename, 1)]
        {
            breaks_while_a_file_comes(op, nth, fault, bytes.clone()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_picture_does_not_half_appear() {
    let segments = [fixtures::exif_segment(6)];
    let picture = fixtures::with_segments(&fixtures::jpeg(40, 30), &segments);
    for fault in [Fault::Fails, Fault::Full, Fault::Stalls] {
        for (op, nth) in [(Op::Get, 2), (Op::Put, 1), (Op::Rename, 1)] {
            breaks_while_a_file_comes(op, nth, fault, picture.clone()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_at_once_is_taken_back_by_the_sweeper() {
    let (world, store) = world();
    let robin = person(1);
    store.breaks(Op::Get, 1, Fault::Fails);
    store.breaks(Op::Delete, 1, Fault::Fails);
    world.upload(&robin, "", "a file").await.is_problem(503, "storage.unavailable");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((world.names().await.len(), world.uploads(&robin).await), (1, 1));
    store.heals();
    // It need not wait for the end of its time: its place in the quota is free with the next sweep.
    world.later(1);
    assert_eq!(world.media().sweep().await.unwrap().uploads, 1);
    assert_eq!((world.names().await.len(), world.uploads(&robin).await), (0, 0));
}

#[tokio::test]
async fn bytes_that_cannot_be_deleted_do_not_keep_others_from_being_deleted() {
    let (world, store) = world();
    let robin = person(1);
    let mut hashes = Vec::new();
    for number in 0..5 {
        let stored = world.upload(&robin, "", format!("file {number}")).await.json();
        hashes.push(stored["sha256"].as_str().unwrap().to_owned());
    }
    world.settled(&robin).await;
    hashes.sort_unstable();
    // The first that the sweeper comes to.
    store.keeps(Some(&hashes[0]));
    world.later(DAY);
    world.media().sweep().await.unwrap_err();
    assert_eq!(world.names().await.len(), 1);
    store.keeps(None);
    assert_eq!(world.media().sweep().await.unwrap().blobs, 1);
    assert_eq!(world.names().await.len(), 0);
}

#[tokio::test]
async fn an_upload_that_cannot_be_removed_does_not_keep_others() {
    let (world, store) = world();
    let robin = person(1);
    store.breaks(Op::Get, 1, Fault::Fails);
    store.breaks(Op::Delete, 1, Fault::Fails);
    for _ in 0..3 {
        world.upload(&robin, "", "a file").await.is_problem(503, "storage.unavailable");
    }
    while world.names().await.len() < 3 {
        tokio::task::yield_now().await;
    }
    store.heals();
    let mut names = world.names().await;
    names.sort_unstable();
    store.keeps(Some(&names[0]));
    world.later(DAY);
    world.media().sweep().await.unwrap_err();
    assert_eq!((world.names().await, world.uploads(&robin).await), (vec![names[0].clone()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_answered_although_the_bytes_cannot_be_deleted_now() {
    for fault in [Fault::Fails, Fault::Stalls] {
        let (world, store) = world();
        let robin = person(1);
        let file = world.file(&robin, "", "to be deleted").await;
        world.settled(&robin).await;
        store.breaks(Op::Delete, 1, fault);
        world.media().delete(&robin, file).await.unwrap();
        assert_eq!((world.find(file).await, world.names().await.len()), (None, 1));
        store.heals();
        // One that stalls for ever is tried again by the next process.
        let world = if fault == Fault::Stalls { world.killed() } else { world };
        world.media().sweep().await.unwrap();
        assert_eq!(world.names().await.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_stalls_is_not_begun_again_beside_itself() {
    let (world, store) = world();
    let robin = person(1);
    let file = world.file(&robin, "", "the same bytes").await;
    world.settled(&robin).await;
    store.breaks(Op::Delete, 1, Fault::Stalls);
    world.media().delete(&robin, file).await.unwrap();
    store.heals();
    // Were it, it could come to its end after the same bytes were put again.
    world.media().sweep().await.unwrap_err();
    world.upload(&robin, "", "the same bytes").await.is_problem(503, "overloaded");
    assert_eq!(world.names().await.iter().filter(|name| name.starts_with("private/")).count(), 1);
}

#[tokio::test]
async fn bytes_that_were_lost_come_back_with_the_next_who_has_them() {
    let (world, _) = world();
    let robin = person(1);
    let stored = world.upload(&robin, "", "precious").await.json();
    world.settled(&robin).await;
    let names = world.names().await;
    let name = object_store::path::Path::from(names[0].as_str());
    object_store::ObjectStoreExt::delete(&*world.bytes, &name).await.unwrap();
    let again = world.upload(&robin, "", "precious").await.json();
    assert_eq!(again["sha256"], stored["sha256"]);
    assert_eq!(world.stored(&names[0]).await, "precious");
}

#[tokio::test]
async fn a_message_that_is_seen_late_keeps_its_file_although_the_storage_failed_meanwhile() {
    let (world, store) = world();
    let (robin, tenant) = (person(1), Arc::new(Tenant::default()));
    world.media().connect(tenant.connections());
    let file = world.file(&robin, "", "carried").await;
    world.file(&robin, "", "not carried").await;
    tenant.carries(message(1), &[file]);
    store.breaks(Op::Delete, 1, Fault::Fails);
    world.later(30 * DAY);
    world.media().sweep().await.unwrap_err();
    store.heals();
    world.media().sweep().await.unwrap();
    assert!(world.find(file).await.is_some());
    assert_eq!(world.files(&robin).await, 1);
}
