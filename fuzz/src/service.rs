//! Requests to the chat service, as three people and a stranger send them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bartab_chat::{Chat, ChatService, ChatStores, Config};
use bartab_core::store::{
    Attachment, ClaimRefusal, Claimed, EventLog, MediaClaims, MemoryLog, MemoryMarkers, MemorySnapshots, MessageRow,
    StoreError, verify_log,
};
use bartab_core::{Actor, ManualClock, MediaId, RoomId, SeededRandom, Timestamp, UserId};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

/// As many requests as one input may make.
const REQUESTS: usize = 24;
/// How long a sync is waited for before its client hangs up.
const PATIENCE: Duration = Duration::from_millis(2);
/// How long anything else may take at the very most.
const STUCK: Duration = Duration::from_secs(20);
const PEOPLE: [&str; 3] = ["a", "b", "c"];

/// Nothing that anybody sends is answered 500, every refusal is a problem of the API, and the log stays whole: it
/// verifies, and what follows from it is what was written beside it.
///
/// The input is lines in pairs: who, method, target and idempotency key; then the body. `{room}`,
/// `{message}` and `{token}` stand for what was answered last, `{user}` for one of the people.
pub fn service(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(async {
        let log = Arc::new(MemoryLog::new(b"fuzz"));
        let stores = ChatStores {
            log: Arc::clone(&log) as _,
            markers: Arc::new(MemoryMarkers::new()),
            snapshots: Some(Arc::new(MemorySnapshots::new())),
        };
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_700_000_000)));
        let chat = Chat::open(stores, Config::default(), clock, Arc::new(SeededRandom::new(1)));
        let chat = chat.await.expect("an empty chat opens");
        chat.use_media(Arc::new(Files));
        let service = ChatService::new(chat);
        let mut last = Last::default();
        let mut lines = data.split(|byte| *byte == b'\n');
        for _ in 0..REQUESTS {
            let Some(head) = lines.next() else { break };
            let body = lines.next().unwrap_or_default();
            if let Some(request) = request(&last.fill(head), last.fill(body)) {
                let sync = request.uri().path() == "/v1/sync";
                let patience = if sync { PATIENCE } else { STUCK };
                match tokio::time::timeout(patience, answer(service.clone(), request, &mut last)).await {
                    Ok(()) => {}
                    Err(_) => assert!(sync, "an answer came too late"),
                }
            }
        }
        whole(&*log).await;
    });
}

/// A service of files that has, of four, two that anybody may attach, one of somebody else's and one in quarantine.
struct Files;

#[async_trait]
impl MediaClaims for Files {
    async fn claim(&self, _: &Actor, media: &[MediaId]) -> Result<Claimed, StoreError> {
        let mut granted = Vec::new();
        for media_id in media.iter().copied() {
            let reason = match media_id.as_u128() % 4 {
                2 => ClaimRefusal::NotYours,
                3 => ClaimRefusal::Quarantined,
                _ => {
                    let (filename, mime) = (Some("\u{202e}gnp.\"exe".to_owned()), "image/png".to_owned());
                    let (width, height, blurhash) = (Some(1), Some(1), None);
                    granted.push(Attachment { media_id, filename, mime, size: 1, width, height, blurhash });
                    continue;
                }
            };
            return Ok(Claimed::Refused { media_id, reason });
        }
        Ok(Claimed::Granted(granted))
    }
}

/// What was answered last.
#[derive(Default)]
struct Last {
    room: String,
    message: String,
    token: String,
}

impl Last {
    fn fill(&self, line: &[u8]) -> String {
        let user = UserId::from_external("fuzz", "b").to_string();
        let line = String::from_utf8_lossy(line).replace("{room}", &self.room).replace("{message}", &self.message);
        line.replace("{token}", &self.token).replace("{user}", &user)
    }

    fn learn(&mut self, answer: &Value) {
        let message = if answer["type"] == "message.created" { "event_id" } else { "" };
        for (name, kept) in [("room_id", &mut self.room), (message, &mut self.message), ("next", &mut self.token)] {
            if let Some(text) = answer[name].as_str() {
                text.clone_into(kept);
            }
        }
    }
}

fn request(head: &str, body: String) -> Option<Request<Full<Bytes>>> {
    let mut words = head.split(' ');
    let (who, method, target) = (words.next()?, words.next()?, words.next()?);
    let mut request = Request::builder().method(method).uri(target);
    if let Some(key) = words.next() {
        request = request.header("idempotency-key", key);
    }
    if let Some(name) = PEOPLE.iter().find(|name| **name == who) {
        request = request.extension(Arc::new(Actor::person(UserId::from_external("fuzz", name), *name)));
    }
    request.body(Full::from(body)).ok()
}

async fn answer(service: ChatService, request: Request<Full<Bytes>>, last: &mut Last) {
    let what = format!("{} {}", request.method(), request.uri());
    let Ok(response) = service.oneshot(request).await;
    let (status, kind) = (response.status().as_u16(), response.headers().get("content-type").cloned());
    assert!((200..500).contains(&status), "{what}: {status}");
    let body = response.into_body().collect().await.unwrap_or_else(|error| panic!("{what}: {error}")).to_bytes();
    let json = serde_json::from_slice::<Value>(&body);
    if status >= 400 {
        let problem = json.unwrap_or_else(|error| panic!("{what}: {status}: {error}"));
        assert_eq!(kind.as_ref().map(|kind| kind.as_bytes()), Some(b"application/problem+json".as_slice()), "{what}");
        assert_eq!(problem["status"], status, "{what}");
        assert!(problem["code"].as_str().is_some_and(|code| code.contains('.')), "{what}: {problem}");
    } else if kind.is_some_and(|kind| kind == "application/json") {
        last.learn(&json.unwrap_or_else(|error| panic!("{what}: {error}")));
    }
}

/// What the log answers from the rows beside it.
type Beside = (Vec<Option<MessageRow>>, Vec<Vec<(u64, String)>>, Vec<Vec<u64>>);

async fn whole(log: &dyn EventLog) {
    verify_log(log).await.expect("the chain holds");
    let written = beside(log).await;
    log.rebuild_views().await.expect("the log can be read");
    assert_eq!(beside(log).await, written, "what follows from the log is what was written");
}

async fn beside(log: &dyn EventLog) -> Beside {
    let rows = log.scan(0, usize::MAX).await.expect("the log can be read");
    let every: Vec<u64> = rows.iter().map(|row| row.seq()).collect();
    let mut rooms: Vec<(RoomId, u64)> = rows.iter().filter_map(|row| Some((row.envelope.room?, 0))).collect();
    rooms.dedup();
    let (mut reacted, mut mentions) = (Vec::new(), Vec::new());
    for name in PEOPLE {
        let user = UserId::from_external("fuzz", name);
        reacted.push(log.reacted(user, &every).await.expect("the log can be read"));
        mentions.push(log.mention_counts(user, &rooms).await.expect("the log can be read"));
    }
    (log.messages(&every).await.expect("the log can be read"), reacted, mentions)
}
