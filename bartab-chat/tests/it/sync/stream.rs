//! `text/event-stream`: the same answers as frames.

use std::time::Duration;

use bartab_chat::{Body, Config};
use bartab_core::{Actor, Clock as _, SessionId};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Client, World, person};

/// An open stream.
struct Stream {
    response: Response<Body>,
    buffer: String,
}

/// A frame: its id and its data; a comment has neither.
type Frame = (Option<String>, Value);

impl Stream {
    async fn open(client: &Client, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::builder().uri(format!("/v1/sync{query}")).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = client.open(request.body(Full::<Bytes>::default()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().get("content-length").is_none());
        Self { response, buffer: String::new() }
    }

    /// The next frame, read as the standard says; `None` at the end.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some((frame, rest)) = self.buffer.split_once("\n\n") {
                let (mut id, mut data) = (None, Vec::new());
                for line in frame.split(['\n', '\r']) {
                    match line.split_once(':').unwrap_or((line, "")) {
                        ("id", value) => id = Some(value.trim_start().to_owned()),
                        ("data", value) => data.push(value.strip_prefix(' ').unwrap_or(value)),
                        ("", _) => {}
                        (field, _) => panic!("no such field: {field}"),
                    }
                }
                let data = data.join("\n");
                let json = if data.is_empty() { Value::Null } else { serde_json::from_str(&data).unwrap() };
                let frame = (id, json);
                self.buffer = rest.to_owned();
                return Some(frame);
            }
            let frame = self.response.body_mut().frame().await?.unwrap();
            self.buffer += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_gives_the_answers_of_polls_as_frames() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann"), world.person("bob"));
    let room = ann.public_room().await;
    bob.join(&room).await;
    let mut stream = Stream::open(&bob, "", None).await;
    let (id, snapshot) = stream.frame().await.unwrap();
    assert_eq!(snapshot["snapshot"]["rooms"][0]["room_id"], room.as_str());
    assert_eq!(id.as_deref(), snapshot["next"].as_str(), "the id is the token");
    let mut poll = bob.reader().await;
    for text in ["one", "two"] {
        let said = ann.say(&room, text).await;
        let (id, data) = stream.frame().await.unwrap();
        assert_eq!(data["events"], json!([said]));
        assert_eq!(id.as_deref(), data["next"].as_str());
        assert_eq!(poll.answer("").await, data);
    }
    // With nothing to say it says so, as a comment.
    let start = Instant::now();
    assert_eq!(stream.frame().await.unwrap(), (None, Value::Null));
    assert_eq!(start.elapsed(), Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_stream_resumes_where_it_broke_off() {
    let world = World::with(Config { recent_events: 2, ..Config::default() }).await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let start = ann.reader().await.next;
    let mut tokens = Vec::new();
    for index in 0..6 {
        ann.say(&room, &format!("m{index}")).await;
        tokens.push(ann.reader().await.next);
    }
    // The header goes before the query, which a browser repeats as it was.
    let mut stream = Stream::open(&ann, &format!("?since={start}&limit=2"), Some(&tokens[1])).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let (_, data) = stream.frame().await.unwrap();
        let events = data["events"].as_array().unwrap();
        assert!(events.len() <= 2);
        assert_eq!(data["more"] == true, seen.is_empty());
        seen.extend(events.iter().map(|event| event["content"]["text"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, ["m2", "m3", "m4", "m5"]);
    let mut stream = Stream::open(&ann, "", Some("s_4000_0000000000000000")).await;
    assert_eq!(stream.frame().await.unwrap().1["reset"], true);
    let headers = [("accept", "text/event-stream"), ("last-event-id", "yesterday")];
    let reply = ann.raw("GET", "/v1/sync", &headers, "").await;
    assert_eq!((reply.status, reply.field()), (400, ("Last-Event-ID", "invalid")));
}

#[tokio::test(start_paused = true)]
async fn a_stream_filters_as_polls_do() {
    let world = World::new().await;
    let ann = world.person("ann");
    let (room, other) = (ann.public_room().await, ann.public_room().await);
    let start = ann.reader().await.next;
    let mut stream = Stream::open(&ann, &format!("?since={start}&rooms={room}"), None).await;
    ann.say(&other, "not this").await;
    let said = ann.say(&room, "this").await;
    assert_eq!(stream.frame().await.unwrap().1["events"], json!([said]));
}

#[tokio::test(start_paused = true)]
async fn a_line_break_in_content_does_not_break_the_frame() {
    let world = World::new().await;
    let (ann, eve) = (world.person("ann"), world.person("eve"));
    let room = ann.public_room().await;
    eve.join(&room).await;
    let mut stream = Stream::open(&ann, "", None).await;
    stream.frame().await.unwrap();
    let body = "{\"type\":\"x.a\",\"content\":{\n\n\"id\":\r\r\"s\\n\\n\"\r\n\r\n}}";
    assert_eq!(eve.raw("POST", &format!("/v1/rooms/{room}/events"), &[], body).await.status, 201);
    eve.say(&room, "two\n\nlines\r\n").await;
    let (id, data) = stream.frame().await.unwrap();
    assert!(id.is_some());
    assert_eq!(data["events"][0]["content"], json!({"id": "s\n\n"}));
    let text = match data["events"].as_array().unwrap().len() {
        1 => stream.frame().await.unwrap().1["events"][0]["content"]["text"].clone(),
        _ => data["events"][1]["content"]["text"].clone(),
    };
    assert_eq!(text, "two\n\nlines\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_credentials() {
    let world = World::new().await;
    let expires_at = Some(world.clock.now().after(Duration::from_secs(20)));
    let ann = world.client(Actor { expires_at, ..person("ann") });
    let mut stream = Stream::open(&ann, "", None).await;
    stream.frame().await.unwrap();
    assert_eq!(stream.frame().await.unwrap(), (None, Value::Null));
    world.clock.advance(Duration::from_secs(15));
    let start = Instant::now();
    assert_eq!(stream.frame().await.unwrap(), (None, Value::Null));
    assert_eq!(start.elapsed(), Duration::from_secs(5), "no longer than they hold");
    world.clock.advance(Duration::from_secs(5));
    assert_eq!(stream.frame().await, None);
    assert_eq!(world.chat.waiting(), 1, "its place is kept until the client lets go");
    drop(stream);
    assert_eq!(world.chat.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session_also_while_it_sends() {
    let world = World::new().await;
    let session = SessionId::from_u128(5);
    let ann = world.client(Actor { session_id: Some(session), ..person("ann") });
    let mut waits = Stream::open(&ann, "", None).await;
    waits.frame().await.unwrap();
    // This one has not been asked for a frame yet: it does not wait when the session ends.
    let mut busy = Stream::open(&ann, "", None).await;
    let waiting = tokio::spawn(async move {
        let mut ended = Vec::new();
        while let Some(frame) = waits.frame().await {
            ended.push(frame);
        }
        ended
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    world.chat.end_session(session);
    assert_eq!(busy.frame().await, None);
    assert!(waiting.await.unwrap().iter().all(|(_, data)| data.is_null()));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_chat_closes() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut stream = Stream::open(&ann, "", None).await;
    stream.frame().await.unwrap();
    let closing = tokio::spawn({
        let chat = world.chat.clone();
        async move { chat.close().await }
    });
    while let Some((_, data)) = stream.frame().await {
        assert!(data.is_null());
    }
    closing.await.unwrap();
}

#[tokio::test]
async fn a_stream_is_refused_as_a_poll_is() {
    let world = World::new().await;
    let accept = [("accept", "text/event-stream")];
    assert_eq!(world.stranger().raw("GET", "/v1/sync", &accept, "").await.status, 401);
    assert_eq!(world.limited("ann", "chat:write").raw("GET", "/v1/sync", &accept, "").await.status, 403);
    assert_eq!(world.person("ann").raw("GET", "/v1/sync?limit=0", &accept, "").await.status, 400);
    // What accepts anything gets JSON.
    let reply = world.person("ann").raw("GET", "/v1/sync", &[("accept", "*/*")], "").await;
    assert_eq!(reply.headers["content-type"], "application/json");
}
