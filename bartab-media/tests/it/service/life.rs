//! How long files stay: unattached ones for a while, others as long as something carries them, and a period of grace.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bartab_core::store::{Claimed, MediaClaims, MediaFeed, MediaStore};
use bartab_core::{Actor, Clock};
use bartab_media::Config;
use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::fakes::{Tenant, message};
use super::support::{World, person};

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// A tenant whose media follows its chat.
fn world() -> (World, Arc<Tenant>, Actor) {
    let (world, tenant) = (World::new(), Arc::new(Tenant::default()));
    world.media().connect(tenant.connections());
    (world, tenant, person(1))
}

/// Puts a thumbnail beside every stored file.
async fn thumbnails(world: &World) {
    for name in world.names().await {
        let path = Path::from(format!("thumbs/{name}/128-contain.webp"));
        world.bytes.put(&path, Bytes::from_static(b"small").into()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_never_attached_goes_after_a_day_with_its_bytes_and_thumbnails() {
    let (world, tenant, robin) = world();
    let (lonely, carried) = (world.file(&robin, "", "lonely").await, world.file(&robin, "", "carried").await);
    world.settled(&robin).await;
    thumbnails(&world).await;
    tenant.carries(message(1), &[carried]);
    world.later(DAY - 1);
    assert_eq!(world.media().sweep().await.unwrap().files, 0);
    world.later(1);
    let swept = world.media().sweep().await.unwrap();
    assert_eq!((swept.files, swept.file_bytes, swept.blobs), (1, 6, 1));
    assert_eq!(world.find(lonely).await, None);
    assert_eq!(world.find(carried).await.unwrap().references, 1);
    assert_eq!(world.names().await.len(), 2, "{:?}", world.names().await);
    world.later(365 * DAY);
    assert_eq!(world.media().sweep().await.unwrap().files, 0, "what is carried stays");
}

#[tokio::test]
async fn a_deleted_message_gives_its_files_up_after_the_grace() {
    let (world, tenant, robin) = world();
    let file = world.file(&robin, "", "once said").await;
    world.settled(&robin).await;
    thumbnails(&world).await;
    tenant.carries(message(1), &[file]);
    tenant.carries(message(2), &[file]);
    world.later(30 * DAY);
    world.media().sweep().await.unwrap();
    tenant.carries(message(1), &[]);
    world.later(30 * DAY);
    world.media().sweep().await.unwrap();
    assert_eq!(world.find(file).await.unwrap().references, 1);
    tenant.carries(message(2), &[]);
    world.media().sweep().await.unwrap();
    world.later(7 * DAY - 1);
    assert_eq!(world.media().sweep().await.unwrap().files, 0, "not before the grace is over");
    world.later(1);
    assert_eq!(world.media().sweep().await.unwrap().files, 1);
    assert_eq!((world.find(file).await, world.names().await), (None, Vec::new()));
}

#[tokio::test]
async fn what_is_in_quarantine_stays_although_nothing_carries_it() {
    let (world, _, robin) = world();
    let file = world.file(&robin, "", "evidence").await;
    world.media().quarantine(&robin, file, None).await.unwrap();
    world.later(365 * DAY);
    assert_eq!(world.media().sweep().await.unwrap().files, 0);
    world.media().restore(&robin, file).await.unwrap();
    assert_eq!(world.media().sweep().await.unwrap().files, 0, "whoever lets it out has time to use it");
    world.later(7 * DAY);
    assert_eq!(world.media().sweep().await.unwrap().files, 1);
}

#[tokio::test]
async fn a_claim_keeps_a_file_until_its_message_is_seen() {
    let (world, tenant, robin) = world();
    let file = world.file(&robin, "", "on its way").await;
    world.later(DAY);
    let claimed = world.media().claim(&robin, &[file]).await.unwrap();
    assert!(matches!(claimed, Claimed::Granted(granted) if granted.len() == 1));
    assert_eq!(world.media().sweep().await.unwrap().files, 0, "its day is over, but somebody is about to send it");
    world.later(HOUR);
    // The message comes at the last moment: the sweeper follows the log before it collects.
    tenant.carries(message(1), &[file]);
    assert_eq!(world.media().sweep().await.unwrap().files, 0);
    assert_eq!(world.find(file).await.unwrap().references, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_claims_and_collections_at_once_either_the_file_is_granted_and_stays_or_it_is_gone() {
    let (world, _, robin) = world();
    for number in 0..20 {
        let file = world.file(&robin, "", format!("file {number}")).await;
        world.later(DAY);
        let (sweeper, claimer, actor) = (world.media().clone(), world.media().clone(), robin.clone());
        let sweeping = tokio::spawn(async move { sweeper.sweep().await });
        let claiming = tokio::spawn(async move { claimer.claim(&actor, &[file]).await.unwrap() });
        let (swept, claimed) = (sweeping.await.unwrap(), claiming.await.unwrap());
        swept.unwrap();
        assert_eq!(world.find(file).await.is_some(), matches!(claimed, Claimed::Granted(_)));
    }
}

#[tokio::test]
async fn nothing_is_collected_while_it_is_not_known_who_carries_what() {
    let (world, tenant, robin) = world();
    let file = world.file(&robin, "", "carried").await;
    tenant.carries(message(1), &[file]);
    tenant.is_down.store(true, Ordering::Relaxed);
    world.later(30 * DAY);
    world.media().sweep().await.unwrap_err();
    assert!(world.find(file).await.is_some());
    tenant.is_down.store(false, Ordering::Relaxed);
    assert_eq!(world.media().sweep().await.unwrap().files, 0);
}

#[tokio::test]
async fn without_a_connection_files_stay_until_they_are_deleted() {
    let (world, robin) = (World::new(), person(1));
    let file = world.file(&robin, "", "kept").await;
    world.later(365 * DAY);
    assert_eq!(world.media().sweep().await.unwrap().files, 0);
    world.media().connect(Arc::new(Tenant::default()).connections());
    assert_eq!(world.media().sweep().await.unwrap().files, 0, "nobody said that it would go");
    world.media().delete(&robin, file).await.unwrap();
    assert_eq!(world.names().await.len(), 0);
}

#[tokio::test]
async fn after_a_crash_the_log_is_followed_from_where_it_was_applied() {
    let (world, tenant, robin) = world();
    let files = [world.file(&robin, "", "one").await, world.file(&robin, "", "two").await];
    tenant.carries(message(1), &files[..1]);
    tenant.chatter(2_500);
    tenant.carries(message(2), &files);
    tenant.chatter(7);
    world.media().sweep().await.unwrap();
    assert_eq!(world.records.position(MediaFeed::Log).await.unwrap(), 2_509);
    world.settled(&robin).await;

    let world = world.killed();
    tenant.carries(message(1), &[]);
    world.media().connect(tenant.connections());
    world.later(30 * DAY);
    world.media().sweep().await.unwrap();
    for file in files {
        assert_eq!(world.find(file).await.unwrap().references, 1);
        assert_eq!(world.records.holders(file, None, 9).await.unwrap(), [message(2)]);
    }
}

#[tokio::test]
async fn a_long_stretch_that_changes_nothing_is_written_down_once_in_a_while() {
    let (world, tenant, _) = world();
    tenant.chatter(9_999);
    world.media().sweep().await.unwrap();
    assert_eq!(world.records.position(MediaFeed::Log).await.unwrap(), 0);
    tenant.chatter(20_000);
    world.media().sweep().await.unwrap();
    assert_eq!(world.records.position(MediaFeed::Log).await.unwrap(), 20_999);
}

#[tokio::test]
async fn somebody_else_who_follows_the_log_is_noticed() {
    let (world, tenant, robin) = world();
    let file = world.file(&robin, "", "shared").await;
    tenant.carries(message(1), &[file]);
    world.media().sweep().await.unwrap();
    let kept = world.clock.now();
    world.records.apply(MediaFeed::Log, 1, Vec::new(), 2, kept).await.unwrap();
    tenant.chatter(1);
    tenant.carries(message(2), &[file]);
    world.media().sweep().await.unwrap();
    assert_eq!(world.records.holders(file, None, 9).await.unwrap(), [message(1), message(2)]);
}

#[tokio::test(start_paused = true)]
async fn the_log_is_followed_in_the_background_when_it_changes() {
    let (world, tenant, robin) = world();
    let file = world.file(&robin, "", "seen").await;
    tenant.is_down.store(true, Ordering::Relaxed);
    tenant.carries(message(3), &[file]);
    world.media().references_changed();
    tokio::task::yield_now().await;
    tenant.is_down.store(false, Ordering::Relaxed);
    // It fails at first, and is tried again after a pause.
    while world.find(file).await.unwrap().references == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_given_up() {
    let config = Config { person_uploads: 1, ..Config::default() };
    let (world, robin) = (World::with(config), person(1));
    let body = futures_util::stream::pending();
    let media = world.media().clone();
    let (actor, new) = (robin.clone(), bartab_media::NewUpload::default());
    let stalled = tokio::spawn(async move { media.upload(&actor, new, body).await });
    while world.uploads(&robin).await == 0 {
        tokio::task::yield_now().await;
    }
    world.upload(&robin, "", "x").await.is_problem(403, "quota.exceeded");
    world.later(DAY);
    assert_eq!(world.media().sweep().await.unwrap().uploads, 1);
    assert_eq!(world.upload(&robin, "", "x").await.status, 201);
    stalled.abort();
}
