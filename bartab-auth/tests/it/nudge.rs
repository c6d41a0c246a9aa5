//! Who follows the account feed is told of each change, after it stands there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bartab_core::store::AccountNews;
use http::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn listeners_are_told_of_new_accounts_and_changed_profiles() {
    let world = World::open().await;
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    world.service.auth().on_accounts_changed(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let alice = world.person("alice").await;
    assert_eq!(told.load(Ordering::SeqCst), 1);
    let changed = world.call(Method::PATCH, "/v1/me", &alice.access_token, json!({"display_name": "Alice A."})).await;
    assert_eq!(changed.status, 200);
    assert_eq!(told.load(Ordering::SeqCst), 2);
    let entries = world.stores.feed.after(0, 10).await.unwrap();
    let news: Vec<AccountNews> = entries.iter().map(|entry| entry.news.clone()).collect();
    assert_eq!(news, [AccountNews::Created { rooms: Vec::new(), invited_by: None }, AccountNews::Profile]);
    assert!(entries.iter().all(|entry| entry.user_id == alice.user_id && &*entry.profile.name == "Alice A."));
}
