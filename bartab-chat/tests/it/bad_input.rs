//! Every input is hostile: each wrong one gets its clear problem, writes nothing and is never answered 500.

use bartab_core::{Actor, ActorKind, SessionId};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{World, person};

const ROOM: &str = "room_01j9z3k4m5n6p7q8r9s0t1v2w3";
const EVENT: &str = "evt_01j9z3k4m5n6p7q8r9s0t1v2w3";
const USER: &str = "user_01j9z3k4m5n6p7q8r9s0t1v2w3";

/// Every route with a method, its ids filled in, and a body that it takes.
fn routes() -> Vec<(&'static str, String, Value)> {
    let (room, message) = (format!("/v1/rooms/{ROOM}"), format!("/v1/rooms/{ROOM}/messages/{EVENT}"));
    let reaction = format!("{message}/reactions/%F0%9F%91%8D");
    vec![
        ("GET", "/v1/sync".to_owned(), Value::Null),
        ("POST", "/v1/rooms".to_owned(), json!({"name": "x"})),
        ("GET", "/v1/rooms".to_owned(), Value::Null),
        ("GET", room.clone(), Value::Null),
        ("PATCH", room.clone(), json!({"name": "x"})),
        ("POST", format!("{room}/join"), Value::Null),
        ("POST", format!("{room}/leave"), Value::Null),
        ("GET", format!("{room}/members"), Value::Null),
        ("PUT", format!("{room}/members/{USER}"), json!({"membership": "invited"})),
        ("DELETE", format!("{room}/members/{USER}"), Value::Null),
        ("PUT", format!("{room}/receipt"), json!({"event_id": EVENT})),
        ("POST", format!("{room}/events"), json!({"type": "x.a", "content": {}})),
        ("POST", format!("{room}/messages"), json!({"text": "x"})),
        ("GET", format!("{room}/messages"), Value::Null),
        ("GET", message.clone(), Value::Null),
        ("PATCH", message.clone(), json!({"text": "x"})),
        ("DELETE", message.clone(), Value::Null),
        ("GET", format!("{message}/edits"), Value::Null),
        ("PUT", reaction.clone(), Value::Null),
        ("DELETE", reaction, Value::Null),
    ]
}

#[tokio::test]
async fn without_an_actor_nothing_is_told() {
    let world = World::new().await;
    for (method, path, body) in routes() {
        let reply = world.stranger().refused(401, "auth.required", method, &path, body).await;
        let challenge = reply.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer realm="), "{challenge}");
        assert!(!challenge.contains("error"), "RFC 6750, section 3.1: {challenge}");
    }
    assert_eq!(world.chat.head(), 0);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let world = World::new().await;
    for (method, path, body) in routes() {
        let scope = match (method, path.as_str()) {
            ("GET", _) => "chat:read",
            ("PUT", path) if path.ends_with("receipt") => "chat:read",
            ("POST", "/v1/rooms") | ("PATCH", _) if !path.contains("messages") => "rooms:manage",
            (_, path) if path.contains("/members/") => "rooms:manage",
            _ => "chat:write",
        };
        let scopes = ["chat:read", "chat:write", "rooms:manage"];
        let others: Vec<&str> = scopes.into_iter().filter(|other| *other != scope).collect();
        let reply =
            world.limited("ann", &others.join(" ")).refused(403, "auth.insufficient_scope", method, &path, body).await;
        assert!(reply.json["detail"].as_str().unwrap().contains(scope), "{method} {path}: {}", reply.json);
    }
    assert_eq!(world.chat.head(), 0);
}

#[tokio::test]
async fn another_service_has_no_business_in_the_rooms() {
    let world = World::new().await;
    let service = world.client(Actor { kind: ActorKind::Service, ..person("service") });
    service.refused(403, "actor.kind_not_allowed", "POST", "/v1/rooms", json!({"name": "x"})).await;
    service.refused(403, "actor.kind_not_allowed", "GET", "/v1/sync", Value::Null).await;
    assert_eq!(world.chat.head(), 0);
}

#[tokio::test]
async fn an_id_of_another_kind_is_400_and_never_404() {
    let world = World::new().await;
    let ann = world.person("ann");
    let upper = ROOM.to_uppercase().replace("ROOM_", "room_");
    for (method, path, body) in routes() {
        for wrong in [USER, "room_", "room_7", "7", "%20", &upper, "room_81j9z3k4m5n6p7q8r9s0t1v2w3", "%F0%9F%91%8D"] {
            if path.contains(ROOM) {
                let reply =
                    ann.refused(400, "request.invalid_id", method, &path.replace(ROOM, wrong), body.clone()).await;
                assert_eq!(reply.field(), ("{room}", "invalid"));
            }
        }
        for (id, name) in [(EVENT, "{event}"), (USER, "{user}")] {
            if path.contains(id) {
                let reply = ann.refused(400, "request.invalid_id", method, &path.replace(id, ROOM), body.clone()).await;
                assert_eq!(reply.field(), (name, "invalid"));
            }
        }
        if path.contains(ROOM) {
            let invalid = path.replace(ROOM, "%FF%FE");
            ann.refused(400, "request.invalid_path", method, &invalid, body).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_400() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let head = world.chat.head();
    let not_utf8 = b"{\"text\":\"\xff\xfe\"}".to_vec();
    let half: Vec<u8> = br#"{"text":"\ud800"}"#.to_vec();
    let deep = "[".repeat(100_000).into_bytes();
    for (method, path, _) in routes().into_iter().filter(|(_, _, body)| !body.is_null()) {
        let path = path.replace(ROOM, &room);
        for body in ["{", "[1,", "nul", "{\"text\":\"x\"}}", "\u{feff}{}", "{'text':'x'}", "{\"text\":\"x\",}"] {
            let reply = ann.raw(method, &path, &[], body).await;
            let code = reply.code();
            assert!(
                reply.status == 400 && code.starts_with("request.invalid"),
                "{method} {path}: {body}: {}",
                reply.json
            );
        }
        for body in ["[]", "7", "\"x\"", "null", "true"] {
            let reply = ann.raw(method, &path, &[], body).await;
            assert_eq!(reply.status, 400, "{method} {path}: {body}: {}", reply.json);
            assert!(reply.code().starts_with("request.invalid"), "{method} {path}: {body}: {}", reply.json);
        }
        for body in [&not_utf8, &half, &deep] {
            let reply = ann.raw(method, &path, &[], body.clone()).await;
            assert_eq!(reply.status, 400, "{method} {path}: {}", reply.json);
        }
        let reply = ann.raw(method, &path, &[], r#"{"evil":1}"#).await;
        assert_eq!((reply.status, reply.field()), (400, ("/evil", "unknown_field")), "{method} {path}: {}", reply.json);
    }
    let reply = ann.raw("POST", &format!("/v1/rooms/{room}/messages"), &[], r#"{"text":"a","text":"b"}"#).await;
    assert_eq!((reply.status, reply.field()), (400, ("/text", "duplicate_field")));
    assert_eq!(world.chat.head(), head);
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let head = world.chat.head();
    for (method, path, _) in routes().into_iter().filter(|(method, _, body)| *method == "POST" || !body.is_null()) {
        let path = path.replace(ROOM, &room);
        let body = format!("{{\"text\":\"{}\"}}", "x".repeat(300 * 1024));
        let reply = ann.raw(method, &path, &[], body).await;
        assert_eq!((reply.status, reply.code()), (413, "request.too_large"), "{method} {path}");
        // Just within the limit it is read, and is too long for what it says.
        let body = format!("{{\"text\":\"{}\"}}", "x".repeat(256 * 1024 - 11));
        assert_eq!(ann.raw(method, &path, &[], body).await.status, 400, "{method} {path}");
    }
    assert_eq!(world.chat.head(), head);
}

#[tokio::test]
async fn what_is_no_route_is_404_and_a_wrong_method_405() {
    let world = World::new().await;
    let ann = world.person("ann");
    for path in
        ["/", "/v1", "/v1/", "/v1/room", "/v2/rooms", "/v1/rooms/", "/v1/sync/ws", "//v1/rooms", "/v1/rooms/x/y/z"]
    {
        for client in [&ann, &world.stranger()] {
            client.refused(404, "route.not_found", "GET", path, Value::Null).await;
        }
    }
    let reply = ann.refused(405, "route.method_not_allowed", "DELETE", "/v1/rooms", Value::Null).await;
    let mut allow: Vec<&str> = reply.headers["allow"].to_str().unwrap().split(',').collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
    assert_eq!(reply.json["instance"], "/v1/rooms");
    ann.refused(405, "route.method_not_allowed", "PUT", "/v1/sync", Value::Null).await;
}

#[tokio::test]
async fn absurd_queries_are_400_with_the_parameter() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let many = vec![ROOM; 201].join(",");
    for (path, field) in [
        ("/v1/rooms?limit=0".to_owned(), "?limit"),
        ("/v1/rooms?limit=201".to_owned(), "?limit"),
        ("/v1/rooms?joined=maybe".to_owned(), "?joined"),
        (format!("/v1/rooms?cursor={USER}"), "?cursor"),
        ("/v1/rooms?sort=name".to_owned(), "?sort"),
        (format!("/v1/rooms/{room}/members?cursor={ROOM}"), "?cursor"),
        (format!("/v1/rooms/{room}/members?limit=-3"), "?limit"),
        ("/v1/sync?timeout=55001".to_owned(), "?timeout"),
        ("/v1/sync?timeout=-1".to_owned(), "?timeout"),
        ("/v1/sync?timeout=1e3".to_owned(), "?timeout"),
        ("/v1/sync?limit=0".to_owned(), "?limit"),
        ("/v1/sync?limit=1001".to_owned(), "?limit"),
        ("/v1/sync?rooms=7".to_owned(), "?rooms"),
        (format!("/v1/sync?rooms={many}"), "?rooms"),
        ("/v1/sync?types=message.forged".to_owned(), "?types"),
        ("/v1/sync?max_behind=-1".to_owned(), "?max_behind"),
        ("/v1/sync?since=".to_owned(), "?since"),
        ("/v1/sync?since=s_1".to_owned(), "?since"),
        ("/v1/sync?since=s_01_0000000000000000".to_owned(), "?since"),
        ("/v1/sync?since=s_1_000000000000000".to_owned(), "?since"),
        ("/v1/sync?since=s_1_000000000000000G".to_owned(), "?since"),
        ("/v1/sync?since=s_1_00000000DEADBEEF".to_owned(), "?since"),
        ("/v1/sync?since=s_9007199254740992_0000000000000000".to_owned(), "?since"),
        ("/v1/sync?since=s_1_0000000000000000&since=s_1_0000000000000000".to_owned(), "?since"),
        ("/v1/sync?after=3".to_owned(), "?after"),
    ] {
        let reply = ann.refused(400, "request.invalid", "GET", &path, Value::Null).await;
        assert_eq!(reply.field().0, field, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_no_utf8_is_400() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let said = ann.say(&room, "x").await["event_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/rooms/{room}/messages/{said}?reason=");
    for reason in ["%FF", "%C3", "ok%C3%28", "%ED%A0%80"] {
        ann.refused(400, "request.invalid_query", "DELETE", &format!("{path}{reason}"), Value::Null).await;
    }
    ann.refused(400, "request.invalid_query", "GET", "/v1/rooms?%FF=1", Value::Null).await;
    let event = ann.expect(200, "DELETE", &format!("{path}100%25+%C3%A9%2"), Value::Null).await;
    assert_eq!(event["content"]["reason"], "100% \u{e9}%2");
}

#[tokio::test]
async fn a_problem_is_rfc_9457_and_names_the_request() {
    let world = World::new().await;
    let ann = world.person("ann");
    let path = format!("/v1/rooms/{ROOM}?x=1");
    let reply = ann.raw("GET", &path, &[("x-request-id", "abc-1")], "").await;
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.json["type"], "urn:bartab:problem:room.not_found");
    assert_eq!((&reply.json["status"], &reply.json["request_id"]), (&json!(404), &json!("abc-1")));
    assert_eq!(reply.json["instance"], format!("/v1/rooms/{ROOM}"), "the query may hold secrets");
    let reply = ann.raw("GET", &path, &[("x-request-id", "a b\tc")], "").await;
    assert!(reply.json.get("request_id").is_none(), "what is not fit to be repeated is not");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    use http_body_util::{BodyExt as _, StreamBody};
    use tower::ServiceExt as _;
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let frames = [Ok(http_body::Frame::data(bytes::Bytes::from_static(b"{\"text\":"))), Err("gone")];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let mut request = Request::builder().method("POST").uri(format!("/v1/rooms/{room}/messages")).body(body).unwrap();
    request.extensions_mut().insert(ann.actor.clone().unwrap());
    let response = world.service.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 400);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], "request.incomplete");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let world = World::new().await;
    let ann = world.person("ann");
    let room = ann.public_room().await;
    let request = Request::builder().method("HEAD").uri(format!("/v1/rooms/{room}")).body(Full::default()).unwrap();
    let response = ann.open(request).await;
    assert_eq!(response.status(), 200);
}

/// A session is a part of who asks; it makes no difference to what is answered.
#[tokio::test]
async fn a_session_changes_nothing() {
    let world = World::new().await;
    let ann = world.client(Actor { session_id: Some(SessionId::from_u128(7)), ..person("ann") });
    let room = ann.public_room().await;
    assert_eq!(world.person("ann").get(&format!("/v1/rooms/{room}")).await["role"], "owner");
}
