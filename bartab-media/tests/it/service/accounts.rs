//! Accounts: pictures of profiles, and files that go with whose they are.

use std::sync::Arc;

use bartab_core::store::{AccountNews, Holder, MediaFeed, MediaStore};
use bartab_core::{Actor, MediaId};
use bartab_media::{Config, MediaError};

use super::fakes::{Tenant, message};
use super::faulty::{Fault, Faulty, Op};
use super::support::{World, administrator, person};

const DAY: u64 = 24 * 60 * 60;

fn world() -> (World, Arc<Tenant>, Actor) {
    let (world, tenant) = (World::new(), Arc::new(Tenant::default()));
    world.media().connect(tenant.connections());
    (world, tenant, person(1))
}

async fn holders(world: &World, media: MediaId) -> Vec<Holder> {
    world.records.holders(media, None, 9).await.unwrap()
}

#[tokio::test]
async fn a_picture_is_kept_as_long_as_its_profile_shows_it() {
    let (world, tenant, robin) = world();
    let (first, second) = (world.file(&robin, "", "first").await, world.file(&robin, "", "second").await);
    tenant.account(robin.user_id, AccountNews::Profile, Some(first));
    world.media().sweep().await.unwrap();
    assert_eq!(holders(&world, first).await, [Holder::Profile(robin.user_id)]);
    tenant.account(robin.user_id, AccountNews::Suspended, Some(first));
    world.later(DAY);
    assert_eq!(world.media().sweep().await.unwrap().files, 1, "the second, which nobody shows");
    assert!(world.find(first).await.is_some() && world.find(second).await.is_none());
    tenant.account(robin.user_id, AccountNews::Profile, None);
    world.media().sweep().await.unwrap();
    world.later(7 * DAY);
    assert_eq!(world.media().sweep().await.unwrap().files, 1);
}

#[tokio::test]
async fn somebody_elses_file_does_not_become_a_picture() {
    let (world, tenant, robin) = world();
    let private = world.file(&robin, "", "private").await;
    tenant.account(person(2).user_id, AccountNews::Profile, Some(private));
    tenant.account(person(3).user_id, AccountNews::Profile, Some(MediaId::from_u128(9)));
    world.media().sweep().await.unwrap();
    assert_eq!(holders(&world, private).await, []);
    assert_eq!(world.records.position(MediaFeed::Accounts).await.unwrap(), 2);
}

#[tokio::test]
async fn who_is_erased_with_their_messages_leaves_no_file() {
    let (world, tenant, robin) = world();
    for number in 0..120 {
        world.file(&robin, "", format!("file {number}")).await;
    }
    let carried = world.file(&robin, "", "carried").await;
    let others = world.file(&person(2), "", "others").await;
    tenant.carries(message(1), &[carried, others]);
    tenant.account(robin.user_id, AccountNews::Profile, Some(carried));
    tenant.account(robin.user_id, AccountNews::Erased { messages: true }, None);
    tenant.account(person(2).user_id, AccountNews::Role, None);
    world.media().sweep().await.unwrap();
    assert_eq!(world.files(&robin).await, 0);
    assert_eq!(world.names().await.len(), 1, "only somebody else's bytes are there");
    assert_eq!(holders(&world, others).await, [message(1)]);
    assert_eq!(world.records.position(MediaFeed::Accounts).await.unwrap(), 3);
}

#[tokio::test]
async fn who_is_erased_without_their_messages_leaves_what_those_carry() {
    let (world, tenant, robin) = world();
    let (sent, unsent) = (world.file(&robin, "", "sent").await, world.file(&robin, "", "unsent").await);
    let picture = world.file(&robin, "", "picture").await;
    let moderator = administrator(9);
    let held = world.file(&robin, "", "held").await;
    world.media().quarantine(&moderator, held, Some("fraud".to_owned())).await.unwrap();
    tenant.account(robin.user_id, AccountNews::Profile, Some(picture));
    world.media().sweep().await.unwrap();
    tenant.carries(message(1), &[sent]);
    tenant.account(robin.user_id, AccountNews::Erased { messages: false }, None);
    world.media().sweep().await.unwrap();
    let left = [sent, unsent, picture, held].map(|file| world.find(file));
    let left = futures_util::future::join_all(left).await;
    assert_eq!(left.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, true]);
}

#[tokio::test]
async fn an_erasure_that_was_interrupted_is_done_to_its_end() {
    let (world, tenant, robin) = world();
    let files = [world.file(&robin, "", "one").await, world.file(&robin, "", "two").await];
    tenant.account(robin.user_id, AccountNews::Erased { messages: true }, None);
    // As a process leaves it that was killed after the first file.
    world.records.remove(files[0]).await.unwrap();
    let world = world.killed();
    world.media().connect(tenant.connections());
    world.media().sweep().await.unwrap();
    assert_eq!((world.files(&robin).await, world.names().await.len()), (0, 0));
    assert_eq!(world.records.position(MediaFeed::Accounts).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn accounts_are_followed_in_the_background_when_they_change() {
    let (world, tenant, robin) = world();
    let file = world.file(&robin, "", "mine").await;
    tenant.account(robin.user_id, AccountNews::Erased { messages: true }, None);
    world.media().accounts_changed();
    while world.find(file).await.is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_erasure_waits_for_an_upload_that_just_becomes_a_file() {
    let (bytes, robin, tenant) = (Faulty::new(), person(1), Arc::new(Tenant::default()));
    let world = World::over(Config::default(), Arc::new(bytes.clone()));
    world.media().connect(tenant.connections());
    bytes.breaks(Op::Rename, 1, Fault::Stalls);
    let (uploaded, ()) = tokio::join!(world.upload(&robin, "", "late"), async {
        while !world.is_staged(&robin).await {
            tokio::task::yield_now().await;
        }
        tenant.account(robin.user_id, AccountNews::Erased { messages: true }, None);
        assert!(matches!(world.media().sweep().await, Err(MediaError::UploadLocked)));
        assert_eq!(world.uploads(&robin).await, 1, "its blob is held until its bytes are put, or not");
        bytes.heals();
    });
    assert_eq!(uploaded.status, 503);
    world.settled(&robin).await;
    world.media().sweep().await.unwrap();
    assert_eq!(world.names().await, Vec::<String>::new());
    assert_eq!(world.records.position(MediaFeed::Accounts).await.unwrap(), 1);
}
