//! The account feed of another process: read with a token that is renewed, and refused when it cannot be right.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bartab_auth::{
    AuthService, NewAccount, NewClient, RegisteredClient, RemoteAccountFeed, RemoteFeedConfig, RemoteFeedError,
};
use bartab_core::store::{AccountFeed as _, StoreError};
use bartab_core::{Scope, Scopes};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::world::{PASSWORD, World};

/// A status and a body in the place of the service's own.
type Instead = Arc<Mutex<Option<(u16, Vec<u8>)>>>;
/// What is done to a good page, so that it is one no more.
type Spoil<'a> = &'a dyn Fn(&mut Vec<Value>);

/// An auth service on this machine; the test can put another answer in the place of its own.
struct Server {
    world: World,
    client: RegisteredClient,
    url: String,
    tokens: Arc<AtomicUsize>,
    instead: Instead,
    task: JoinHandle<()>,
}

impl Server {
    async fn open() -> Self {
        let world = World::open().await;
        let client = world.client(NewClient::service("Chat", Scopes::NONE.with(Scope::Admin))).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tokens, instead) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let (service, count, other) = (world.service.clone(), Arc::clone(&tokens), Arc::clone(&instead));
        let task = tokio::spawn(async move {
            // All end with this one.
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(answer(stream, service.clone(), Arc::clone(&count), Arc::clone(&other)));
            }
        });
        Self { world, client, url, tokens, instead, task }
    }

    fn feed(&self) -> RemoteAccountFeed {
        self.feed_with(self.client.client_secret.as_deref().unwrap())
    }

    fn feed_with(&self, secret: &str) -> RemoteAccountFeed {
        RemoteAccountFeed::new(RemoteFeedConfig::new(&self.url, &self.client.client.client_id, secret)).unwrap()
    }

    async fn newcomer(&self, username: &str) {
        self.world.service.auth().create_account(NewAccount::member(username, PASSWORD)).await.unwrap();
    }

    fn answer_feed_with(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.instead.lock().unwrap() = Some((status, body.into()));
    }
}

/// Answers one request.
async fn answer(mut stream: TcpStream, service: AuthService, tokens: Arc<AtomicUsize>, instead: Instead) {
    let mut read = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(read[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        break (head, end + 4 + length.unwrap_or(0));
    };
    while read.len() < length {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0);
    }
    let body = Bytes::copy_from_slice(&read[head.len() + 4..]);
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let request = request.body(Full::from(body)).unwrap();
    let is_feed = request.uri().path() == "/v1/accounts/feed";
    if !is_feed {
        tokens.fetch_add(1, Ordering::SeqCst);
    }
    let other = instead.lock().unwrap().clone().filter(|_| is_feed);
    let (status, body) = match other {
        Some((status, body)) => (status, body),
        None => {
            let answer = service.oneshot(request).await.unwrap();
            (answer.status().as_u16(), answer.into_body().collect().await.unwrap().to_bytes().to_vec())
        }
    };
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(&body).await;
}

fn is_backend<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Backend(_)))
}

fn is_unavailable<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

#[tokio::test]
async fn what_is_read_is_what_the_store_has() {
    let server = Server::open().await;
    let feed = server.feed();
    assert_eq!(feed.after(0, 10).await.unwrap(), []);
    for name in ["alice", "bob", "carol"] {
        server.newcomer(name).await;
    }
    let own = &server.world.stores.feed;
    assert_eq!(feed.after(0, 2).await.unwrap(), own.after(0, 2).await.unwrap());
    assert_eq!(feed.after(2, 5000).await.unwrap(), own.after(2, 5000).await.unwrap());
    assert_eq!(feed.after(3, 10).await.unwrap(), []);
    assert_eq!(feed.after(0, 0).await.unwrap(), []);
    assert_eq!(server.tokens.load(Ordering::SeqCst), 1, "the token is kept");
}

#[tokio::test]
async fn a_token_that_has_run_out_is_renewed() {
    let server = Server::open().await;
    let feed = server.feed();
    server.newcomer("alice").await;
    assert_eq!(feed.after(0, 10).await.unwrap().len(), 1);
    server.world.advance(3600);
    assert_eq!(feed.after(0, 10).await.unwrap().len(), 1);
    assert_eq!(server.tokens.load(Ordering::SeqCst), 2);
    // A server that takes none is not asked for ever.
    server.answer_feed_with(401, "{}");
    assert!(is_backend(feed.after(0, 10).await));
    assert_eq!(server.tokens.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_wrong_secret_is_refused_and_never_shown() {
    let server = Server::open().await;
    let feed = server.feed_with("hush-hush-not-the-secret");
    let error = feed.after(0, 10).await.unwrap_err();
    let shown = format!("{error:?} {error} {feed:?}");
    assert!(matches!(error, StoreError::Backend(_)) && shown.contains("401") && !shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn answers_that_cannot_be_right_are_refused_whole() {
    let server = Server::open().await;
    for name in ["alice", "bob", "carol"] {
        server.newcomer(name).await;
    }
    let feed = server.feed();
    let token = server.world.form_as(&server.client, "/v1/oauth2/token", "grant_type=client_credentials").await;
    let page = server.world.get("/v1/accounts/feed", &token.text("access_token")).await.json();
    let with = |change: Spoil<'_>| {
        let mut page = page.clone();
        change(page["items"].as_array_mut().unwrap());
        page.to_string()
    };
    server.answer_feed_with(200, with(&|_| {}));
    assert_eq!(feed.after(0, 10).await.unwrap().len(), 3);
    assert!(is_backend(feed.after(0, 2).await), "more than was asked for");
    assert!(is_backend(feed.after(1, 10).await), "again what was read");
    server.answer_feed_with(200, with(&|items| items[1]["later"] = json!("a field that is new")));
    assert_eq!(feed.after(0, 10).await.unwrap().len(), 3);
    let wrong: [Spoil<'_>; 9] = [
        &|items| drop(items.remove(1)),
        &|items| drop(items.remove(0)),
        &|items| items.swap(0, 2),
        &|items| items[1]["number"] = json!(1),
        &|items| items[0]["news"] = json!({"type": "married"}),
        &|items| items[0]["state"] = json!("tired"),
        &|items| items[0]["user_id"] = json!("room_01j9z3k4m5n6p7q8r9s0t1v2w3"),
        &|items| items[0]["kind"] = json!("bot"),
        &|items| drop(items[2].as_object_mut().unwrap().remove("profile")),
    ];
    for (index, change) in wrong.into_iter().enumerate() {
        server.answer_feed_with(200, with(change));
        assert!(is_backend(feed.after(0, 10).await), "{index}");
    }
    for body in ["", "[]", "{}", "{\"items\":{}}", "<html>"] {
        server.answer_feed_with(200, body);
        assert!(is_backend(feed.after(0, 10).await), "{body}");
    }
    server.answer_feed_with(200, vec![b' '; 5 << 20]);
    let error = format!("{:?}", feed.after(0, 10).await.unwrap_err());
    assert!(error.contains("too large"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_answer_now_is_told_from_one_that_refuses() {
    let server = Server::open().await;
    let feed = server.feed();
    for status in [429, 500, 502, 503] {
        server.answer_feed_with(status, "{}");
        assert!(is_unavailable(feed.after(0, 10).await), "{status}");
    }
    for status in [204, 302, 400, 403, 404] {
        server.answer_feed_with(status, if status == 204 { "" } else { "{}" });
        assert!(is_backend(feed.after(0, 10).await), "{status}");
    }
    *server.instead.lock().unwrap() = None;
    assert!(feed.after(0, 10).await.is_ok());
    server.task.abort();
    let _ = server.task.await;
    assert!(is_unavailable(feed.after(0, 10).await));
}

#[tokio::test]
async fn secrets_do_not_leave_the_machine_in_the_clear() {
    let config = RemoteFeedConfig::new("http://auth.example", "client_x", "secret");
    assert!(matches!(RemoteAccountFeed::new(config.clone()), Err(RemoteFeedError::Issuer)));
    assert!(RemoteAccountFeed::new(RemoteFeedConfig { plain_http: true, ..config }).is_ok());
}

#[tokio::test]
async fn a_watch_tells_of_news_until_it_is_dropped() {
    let server = Server::open().await;
    let feed = server.feed();
    let (tell, mut told) = mpsc::unbounded_channel();
    let watch = feed.watch(move || tell.send(()).unwrap());
    while server.world.service.auth().waiting_for_accounts() == 0 {
        tokio::task::yield_now().await;
    }
    server.newcomer("alice").await;
    told.recv().await.unwrap();
    assert_eq!(feed.after(0, 10).await.unwrap().len(), 1);
    server.newcomer("bob").await;
    told.recv().await.unwrap();
    drop(watch);
    // The listener goes with the task.
    assert_eq!(tokio::time::timeout(Duration::from_secs(30), told.recv()).await, Ok(None));
}
