//! A chat of its own follows the accounts of an auth service over HTTP, and does each thing once.

use std::sync::Arc;

use bartab_auth::{Act, FeedWatch, NewAccount, NewClient, RemoteAccountFeed, RemoteFeedConfig};
use bartab_chat::{Chat, ChatError, ChatStores, Config, MessageDraft, RoomDraft, SyncFilter, SyncQuery};
use bartab_core::store::{EventLog as _, MemoryLog, MemoryMarkers, verify_log};
use bartab_core::{Actor, Scope, Scopes, SystemClock, SystemRandom, UserId};
use serde_json::{Value, json};

use crate::support::{Server, config, eventually};

/// The part that runs by itself: a chat on its own stores, and the feed of the server.
struct Apart {
    log: Arc<MemoryLog>,
    markers: Arc<MemoryMarkers>,
    feed: RemoteAccountFeed,
}

impl Apart {
    async fn of(server: &Server) -> Self {
        let tenant = server.running.host().tenant("acme").await.unwrap();
        let new = NewClient::service("Chat", Scopes::NONE.with(Scope::Admin));
        let client = tenant.auth().register_client(&Act::operator("chat runs by itself"), new).await.unwrap();
        let issuer = format!("{}/t/acme", server.url);
        let config = RemoteFeedConfig::new(issuer, client.client.client_id, client.client_secret.unwrap());
        let feed = RemoteAccountFeed::new(config).unwrap();
        Self { log: Arc::new(MemoryLog::new(b"apart")), markers: Arc::new(MemoryMarkers::new()), feed }
    }

    /// Opens the chat; what there is in the feed has been done by then.
    async fn open(&self) -> (Chat, FeedWatch) {
        let stores = ChatStores { log: self.log.clone(), markers: self.markers.clone(), snapshots: None };
        let chat = Chat::open(stores, Config::default(), Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
        chat.follow_accounts(Arc::new(self.feed.clone())).await.unwrap();
        let nudged = chat.clone();
        let watch = self.feed.watch(move || nudged.accounts_changed());
        (chat, watch)
    }
}

/// Every event that `reader` is shown since `since`.
async fn events(chat: &Chat, reader: &Arc<Actor>, since: &str) -> Vec<Value> {
    let query = SyncQuery {
        since: Some(since.parse().unwrap()),
        timeout: std::time::Duration::ZERO,
        limit: 1000,
        filter: SyncFilter::default(),
        max_behind: None,
    };
    let answer: Value = serde_json::from_slice(&chat.sync(reader, &query).await.unwrap()).unwrap();
    answer["events"].as_array().unwrap().clone()
}

async fn position(chat: &Chat, reader: &Arc<Actor>) -> String {
    let query = SyncQuery {
        since: None,
        timeout: std::time::Duration::ZERO,
        limit: 1,
        filter: SyncFilter::default(),
        max_behind: None,
    };
    let answer: Value = serde_json::from_slice(&chat.sync(reader, &query).await.unwrap()).unwrap();
    answer["next"].as_str().unwrap().to_owned()
}

fn about(events: &[Value], user: UserId) -> Vec<String> {
    let own = events.iter().filter(|event| event["sender"] == json!(user));
    own.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_of_its_own_does_once_what_identity_decides_also_when_it_is_reopened() {
    let server = Server::acme(config()).await;
    let tenant = server.running.host().tenant("acme").await.unwrap();
    let auth = tenant.auth();
    let account = async |name: &str| {
        let new = NewAccount { password: None, ..NewAccount::member(name, "") };
        auth.create_account(new).await.unwrap().user_id
    };
    let alice = account("alice").await;
    let apart = Apart::of(&server).await;
    let (chat, watch) = apart.open().await;
    let alice = Arc::new(Actor::person(alice, "alice"));
    let room = chat.create_room(&alice, RoomDraft::public("kitchen")).await.unwrap();
    let since = position(&chat, &alice).await;

    // Somebody comes: chat is told, and nobody has asked it anything.
    let kim = account("kim").await;
    let came = async || about(&events(&chat, &alice, &since).await, kim) == ["user.created"];
    eventually("kim is known", came).await;
    let kim = Arc::new(Actor::person(kim, "kim"));
    chat.join(&kim, room).await.unwrap();
    chat.post_message(&kim, room, MessageDraft::text("a needle of kim's")).await.unwrap();

    assert!(serde_json::to_string(&events(&chat, &alice, &since).await).unwrap().contains("needle"));

    // Closed while something happens, and opened again.
    drop(watch);
    chat.close().await;
    auth.suspend(&Act::operator("spam"), kim.user_id).await.unwrap();
    let (chat, watch) = apart.open().await;
    let refused = chat.post_message(&kim, room, MessageDraft::text("spam")).await;
    assert!(matches!(refused, Err(ChatError::Rejected(_))), "{refused:?}");

    // And the end, while it is open.
    auth.erase(&Act::operator("asked for it"), kim.user_id, true).await.unwrap();
    let erased = async || {
        let told = events(&chat, &alice, &since).await;
        !serde_json::to_string(&told).unwrap().contains("needle")
    };
    eventually("what kim wrote is gone", erased).await;
    drop(watch);
    chat.close().await;

    // All of it was done, once: another opening finds nothing to do.
    let (chat, _watch) = apart.open().await;
    let head = chat.head();
    chat.follow_accounts(Arc::new(apart.feed.clone())).await.unwrap();
    assert_eq!(chat.head(), head);
    assert_eq!(apart.log.head().await.unwrap().seq, head);
    let told = about(&events(&chat, &alice, &since).await, kim.user_id);
    assert_eq!(told.iter().filter(|name| *name == "user.created").count(), 1, "{told:?}");
    verify_log(&*apart.log).await.unwrap();
    chat.close().await;
    drop(tenant);
    server.into_parts().0.shutdown().await;
}
