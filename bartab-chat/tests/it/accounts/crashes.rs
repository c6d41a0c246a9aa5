//! A crash between any two appends, or right after one, changes nothing of what comes of the feed in the end.

use bartab_chat::Config;
use bartab_core::store::{AccountChange, verify_log};

use super::erased::{live, rows_with};
use super::named;
use super::world::{Accounts, Tenant};
use crate::support::{Fault, World, stores};

/// What there is in the end: the types of all events, in order but for where one entry ends and another begins.
async fn story(world: &World) -> Vec<(String, String)> {
    let records = world.records().await;
    records.iter().map(|record| (record.envelope.event_type.to_string(), record.facts.to_string())).collect()
}

/// Everything that can come in a feed.
async fn busy() -> (Tenant, Accounts) {
    let accounts = Accounts::default();
    let tenant = Tenant::open(&accounts).await;
    let life = live(&tenant, &accounts).await;
    accounts.register("dan", &[&life.kitchen]).await;
    accounts.change("cat", named("Cat C.")).await;
    accounts.change("cat", AccountChange::Suspend).await;
    accounts.change("zanzibar", AccountChange::Erase { messages: true }).await;
    accounts.register("eve", &[&life.kitchen, &life.attic]).await;
    (tenant, accounts)
}

#[tokio::test]
async fn a_crash_after_any_append_loses_and_doubles_nothing() {
    let mut expected = None;
    for appends in 0.. {
        let (tenant, accounts) = busy().await;
        let stores = tenant.world.stores.clone();
        tenant.world.chat.close().await;
        let (broken, log) = World::faulty_over(stores.clone(), Config::default()).await;
        log.fail_after(appends);
        let followed = broken.chat.follow_accounts(accounts.feed()).await;
        // The stores are all that is left of it.
        drop(broken);
        let again = Tenant::follow(World::over(stores, Config::default()).await, &accounts).await;
        assert_eq!(rows_with(&again.world, "zanzibar").await, [""; 0], "after {appends}");
        verify_log(&*again.world.stores.log).await.unwrap();
        let told = story(&again.world).await;
        assert_eq!(&told, expected.get_or_insert_with(|| told.clone()), "after {appends}");
        let head = again.world.chat.head();
        assert_eq!(again.reopen(&accounts).await.world.chat.head(), head, "after {appends}");
        if followed.is_ok() {
            assert!(appends > 6, "{appends} appends are all of it");
            return;
        }
    }
}

#[tokio::test]
async fn a_crash_in_an_erasure_that_was_asked_for_later_loses_and_doubles_nothing() {
    let mut expected = None;
    for appends in 0.. {
        let accounts = Accounts::default();
        let tenant = Tenant::open(&accounts).await;
        live(&tenant, &accounts).await;
        accounts.change("zanzibar", AccountChange::Erase { messages: false }).await;
        let tenant = tenant.reopen(&accounts).await;
        accounts.change("zanzibar", AccountChange::Erase { messages: true }).await;
        tenant.world.chat.close().await;
        let stores = tenant.world.stores.clone();
        let (broken, log) = World::faulty_over(stores.clone(), Config::default()).await;
        log.fail_after(appends);
        let followed = broken.chat.follow_accounts(accounts.feed()).await;
        drop(broken);
        let again = Tenant::follow(World::over(stores, Config::default()).await, &accounts).await;
        assert_eq!(rows_with(&again.world, "zanzibar").await, [""; 0], "after {appends}");
        verify_log(&*again.world.stores.log).await.unwrap();
        let told = story(&again.world).await;
        assert_eq!(&told, expected.get_or_insert_with(|| told.clone()), "after {appends}");
        if followed.is_ok() {
            assert!(appends > 2, "{appends} appends are all of it");
            return;
        }
    }
}

#[tokio::test]
async fn an_append_that_happened_and_was_not_told_of_is_not_done_twice() {
    let (tenant, accounts) = busy().await;
    tenant.reopen(&accounts).await;
    let expected = story(&tenant.world).await;
    for number in 0..8 {
        for fault in [Fault::WrittenUnknown, Fault::LostUnknown] {
            let (tenant, accounts) = busy().await;
            tenant.world.chat.close().await;
            let (broken, log) = World::faulty_over(tenant.world.stores.clone(), Config::default()).await;
            log.fail_nth(number, fault);
            drop(broken.chat.follow_accounts(accounts.feed()).await);
            drop(broken);
            let again = World::over(tenant.world.stores.clone(), Config::default()).await;
            let again = Tenant::follow(again, &accounts).await;
            assert_eq!(story(&again.world).await, expected, "{number} {fault:?}");
            assert_eq!(rows_with(&again.world, "zanzibar").await, [""; 0], "{number} {fault:?}");
        }
    }
}

#[tokio::test]
async fn two_nodes_that_follow_one_feed_do_each_thing_once() {
    let (tenant, accounts) = busy().await;
    tenant.reopen(&accounts).await;
    let expected = story(&tenant.world).await;
    let (tenant, accounts) = busy().await;
    let stores = tenant.world.stores.clone();
    let (one, two) =
        (World::over(stores.clone(), Config::default()).await, World::over(stores.clone(), Config::default()).await);
    let (first, second) =
        tokio::join!(one.chat.follow_accounts(accounts.feed()), two.chat.follow_accounts(accounts.feed()));
    assert!(first.is_ok() && second.is_ok());
    let again = Tenant::follow(World::over(stores, Config::default()).await, &accounts).await;
    assert_eq!(story(&again.world).await, expected);
    assert_eq!(rows_with(&again.world, "zanzibar").await, [""; 0]);
}

#[tokio::test]
async fn a_feed_over_an_empty_log_makes_the_same_people() {
    let (tenant, accounts) = busy().await;
    tenant.reopen(&accounts).await;
    let other = Tenant::follow(World::over(stores(), Config::default()).await, &accounts).await;
    let people = other.person("ann").get("/v1/sync").await;
    assert_eq!(people["snapshot"]["me"]["display_name"], "ann");
    // Whoever was erased before has never been here.
    assert_eq!(rows_with(&other.world, "zanzibar").await, [""; 0]);
    let types: Vec<String> = story(&other.world).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(types, ["user.created"; 4]);
}
