//! Bots: made, changed and deleted by whoever answers for them, never with more rights than that person has.

use std::sync::Arc;

use bartab_auth::{Config, Login};
use bartab_core::{Actor, ActorKind, RoomId, Scopes, TenantRole, UserId};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World, config};

pub(crate) const BOTS: &str = "/v1/bots";

/// A bot as it was made.
pub(crate) struct Made {
    pub(crate) bot_id: String,
    pub(crate) user_id: UserId,
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

impl Made {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 201, "{answer:?}");
        let user_id = answer.text("user_id").parse().unwrap();
        let [bot_id, client_id, secret] = ["bot_id", "client_id", "client_secret"].map(|field| answer.text(field));
        Self { bot_id, user_id, client_id, secret }
    }

    pub(crate) fn path(&self) -> String {
        format!("{BOTS}/{}", self.bot_id)
    }
}

impl World {
    pub(crate) async fn bot(&self, token: &str, body: Value) -> Made {
        Made::of(&self.post(BOTS, token, body).await)
    }

    /// What the bot gets for a secret.
    pub(crate) async fn grant(&self, bot: &Made, secret: &str) -> Answer {
        let client = &bot.client_id;
        let form = format!("grant_type=client_credentials&client_id={client}&client_secret={secret}");
        self.form("/v1/oauth2/token", &form).await
    }

    pub(crate) async fn bot_token(&self, bot: &Made) -> String {
        self.grant(bot, &bot.secret).await.text("access_token")
    }

    pub(crate) fn actor(&self, token: &str) -> Arc<Actor> {
        self.service.auth().verifier().verify(token).unwrap()
    }
}

pub(crate) fn scopes(text: &str) -> Scopes {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_bot_asks_for_tokens_with_its_secret_and_is_known_as_one() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let bot = world.bot(&alice.access_token, json!({"name": "Weather"})).await;
    assert!(bot.bot_id.starts_with("bot_") && bot.client_id == bot.bot_id && bot.secret.len() == 43);
    let answer = world.grant(&bot, &bot.secret).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    assert_eq!(
        (&json["scope"], json.get("refresh_token")),
        (&json!("chat:read chat:write media:read media:write"), None)
    );
    let actor = world.actor(&answer.text("access_token"));
    assert_eq!((actor.user_id, actor.kind), (bot.user_id, ActorKind::Bot { owner: alice.user_id }));
    assert_eq!((actor.tenant_role, &*actor.profile.name), (TenantRole::Member, "Weather"));
    let me = world.get("/v1/me", &answer.text("access_token")).await.json();
    assert_eq!((&me["kind"], &me["display_name"]), (&json!("bot"), &json!("Weather")));
    // Nobody signs in to it, and another secret does not do.
    let login = json!({"username": bot.bot_id, "password": bot.secret});
    world.post("/v1/auth/login", "", login).await.assert_problem(401, "auth.bad_credentials");
    world.grant(&bot, "x").await.assert_oauth(401, "invalid_client");
    assert_eq!(world.trail(&bot.bot_id).await, ["bot.created"]);
}

#[tokio::test]
async fn they_are_listed_by_their_owner_and_by_administrators() {
    let world = World::open().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let root = world.with_role("root", TenantRole::Administrator).await;
    let mut bots = Vec::new();
    for name in ["One", "Two", "Three"] {
        world.advance(1);
        bots.push(world.bot(&alice.access_token, json!({"name": name, "scopes": ["chat:read"]})).await);
    }
    let page = world.get(&format!("{BOTS}?limit=2"), &alice.access_token).await.json();
    assert_eq!(
        page["items"][0],
        json!({
            "bot_id": bots[0].bot_id, "user_id": bots[0].user_id, "client_id": bots[0].client_id, "name": "One",
            "owner": alice.user_id, "scopes": ["chat:read"], "state": "active",
            "secrets": [{"created_at": "2025-06-15T15:06:41.000Z", "expires_at": null}],
            "created_at": "2025-06-15T15:06:41.000Z",
        })
    );
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = format!("{BOTS}?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    let rest = world.get(&rest, &alice.access_token).await.json();
    assert_eq!(
        (&rest["items"][0]["name"], &rest["items"][1], &rest["next_cursor"]),
        (&json!("Three"), &Value::Null, &Value::Null)
    );
    assert_eq!(world.get(BOTS, &bob.access_token).await.json()["items"], json!([]));
    let of_alice = format!("{BOTS}?owner={}", alice.user_id);
    assert_eq!(world.get(&of_alice, &root.access_token).await.json()["items"].as_array().unwrap().len(), 3);
    world.get(&of_alice, &bob.access_token).await.assert_problem(403, "permission.denied");
    for query in ["?owner=alice", "?cursor=1", "?limit=0", "?name=x"] {
        world.get(&format!("{BOTS}{query}"), &alice.access_token).await.assert_problem(400, "request.invalid");
    }
    let kind = world.get("/v1/admin/users?kind=bot", &root.access_token).await.json();
    assert_eq!(kind["items"][0]["owner"], json!(alice.user_id));
}

#[tokio::test]
async fn only_those_who_answer_for_themselves_have_bots() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let gus = world.with_role("gus", TenantRole::Guest).await;
    let body = json!({"name": "Weather"});
    world.post(BOTS, "", body.clone()).await.assert_problem(401, "auth.required");
    world.post(BOTS, &gus.access_token, body.clone()).await.assert_problem(403, "permission.denied");
    let narrow = world.refreshed(&alice, "chat:read chat:write").await;
    world.post(BOTS, &narrow, body.clone()).await.assert_problem(403, "auth.insufficient_scope");
    let bot = world.bot(&alice.access_token, json!({"name": "Maker", "scopes": ["profile:write", "chat:read"]})).await;
    let token = world.bot_token(&bot).await;
    world.post(BOTS, &token, body.clone()).await.assert_problem(403, "permission.denied");
    let plain = Actor::person(alice.user_id, "alice");
    for kind in [ActorKind::Guest { room: RoomId::from_u128(1) }, ActorKind::Service] {
        let request = Request::post(BOTS).extension(Arc::new(Actor { kind, ..plain.clone() }));
        let request = request.body(Full::<Bytes>::from(body.to_string())).unwrap();
        world.send(request).await.assert_problem(403, "permission.denied");
    }

    let world = World::with(Config { member_bots: false, ..config() }).await;
    let moderator = world.with_role("mo", TenantRole::Moderator).await;
    world.post(BOTS, &moderator.access_token, body.clone()).await.assert_problem(403, "permission.denied");
    let root = world.with_role("root", TenantRole::Administrator).await;
    assert_eq!(world.post(BOTS, &root.access_token, body).await.status, 201);
}

#[tokio::test]
async fn a_bot_has_no_scope_that_its_maker_lacks() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let make = async |token: &str, scopes: Value| world.post(BOTS, token, json!({"name": "B", "scopes": scopes})).await;
    make(&alice.access_token, json!(["chat:read", "admin"])).await.assert_problem(403, "auth.insufficient_scope");
    let narrow = world.refreshed(&root, "chat:read profile:write").await;
    make(&narrow, json!(["chat:write"])).await.assert_problem(403, "auth.insufficient_scope");
    // What is usual, as far as the token has it.
    let bot = world.bot(&narrow, json!({"name": "B"})).await;
    assert_eq!(world.grant(&bot, &bot.secret).await.text("scope"), "chat:read");
    for (scopes, pointer) in [
        (json!([]), "/scopes"),
        (json!(["openid"]), "/scopes"),
        (json!(["chat:read", "offline_access"]), "/scopes"),
        (json!(["chat:read", "root"]), "/scopes/1"),
        (json!("chat:read"), "/scopes"),
    ] {
        let answer = make(&root.access_token, scopes).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field().0, pointer);
    }
    let unknown = make(&root.access_token, json!(["root", "chat:read", "rooms"])).await.json();
    let named =
        |place: usize| (unknown["errors"][place]["pointer"].as_str(), unknown["errors"][place]["code"].as_str());
    assert_eq!([named(0), named(1)], [(Some("/scopes/0"), Some("unknown")), (Some("/scopes/2"), Some("unknown"))]);
    let answer = world.post(BOTS, &root.access_token, json!({"name": " "})).await;
    assert_eq!(answer.wrong_field(), ("/name".to_owned(), "too_short".to_owned()));
    // An administrator's bot administers, as far as its owner may.
    let bot = Made::of(&make(&root.access_token, json!(["admin"])).await);
    let token = world.bot_token(&bot).await;
    assert_eq!(world.actor(&token).tenant_role, TenantRole::Administrator);
    let suspend = format!("/v1/admin/users/{}/suspend", alice.user_id);
    assert_eq!(world.post(&suspend, &token, json!({"reason": "spam"})).await.status, 200);
    let reset = format!("/v1/admin/users/{}/reset", alice.user_id);
    world.post(&reset, &token, json!({"reason": "x"})).await.assert_problem(403, "permission.denied");
    let itself = format!("/v1/admin/users/{}/suspend", root.user_id);
    world.post(&itself, &token, json!({"reason": "x"})).await.assert_problem(403, "permission.rank");
}

#[tokio::test]
async fn there_are_only_so_many() {
    let world = World::with(Config { bots_per_owner: 2, ..config() }).await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let body = json!({"name": "B"});
    let first = world.bot(&alice.access_token, body.clone()).await;
    world.bot(&alice.access_token, body.clone()).await;
    let answer = world.post(BOTS, &alice.access_token, body.clone()).await;
    answer.assert_problem(403, "quota.exceeded");
    assert_eq!((&answer.json()["limit"], &answer.json()["used"]), (&json!(2), &json!(2)));
    assert_eq!(world.post(BOTS, &bob.access_token, body.clone()).await.status, 201);
    assert_eq!(world.call(Method::DELETE, &first.path(), &alice.access_token, Value::Null).await.status, 204);
    assert_eq!(world.post(BOTS, &alice.access_token, body).await.status, 201);
    let none = World::with(Config { bots_per_owner: 0, ..config() }).await;
    let alice = none.person("alice").await;
    none.post(BOTS, &alice.access_token, json!({"name": "B"})).await.assert_problem(403, "quota.exceeded");
}

#[tokio::test]
async fn concurrent_makers_do_not_get_past_the_limit() {
    let world = World::with(Config { bots_per_owner: 3, ..config() }).await;
    let alice = world.person("alice").await;
    let actor = world.actor(&alice.access_token);
    let makers = (0..10).map(|_| {
        let (auth, actor) = (world.service.auth().clone(), Arc::clone(&actor));
        tokio::spawn(async move { auth.create_bot(&actor, "B", None).await })
    });
    let mut made = 0;
    for maker in makers.collect::<Vec<_>>() {
        made += usize::from(maker.await.unwrap().is_ok());
    }
    assert_eq!(made, 3);
}

#[tokio::test]
async fn a_secret_is_replaced_while_the_old_one_stays_good_for_a_while() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let bot = world.bot(&alice.access_token, json!({"name": "B"})).await;
    let rotate = async |body: Value| world.post(&format!("{}/secret", bot.path()), &alice.access_token, body).await;
    let second = Made::of(&rotate(json!({"overlap_seconds": 300})).await);
    assert_eq!((&second.bot_id, second.user_id, &second.client_id), (&bot.bot_id, bot.user_id, &bot.client_id));
    assert_ne!(second.secret, bot.secret);
    world.advance(299);
    for secret in [&bot.secret, &second.secret] {
        assert_eq!(world.grant(&bot, secret).await.status, 200);
    }
    world.advance(1);
    world.grant(&bot, &bot.secret).await.assert_oauth(401, "invalid_client");
    let token = world.bot_token(&second).await;
    let alice = world.again(&alice).await;
    let rotate = async |body: Value| world.post(&format!("{}/secret", bot.path()), &alice.access_token, body).await;

    // At once: the secret ends, and what was got for it.
    let third = Made::of(&rotate(json!({"overlap_seconds": 0})).await);
    world.grant(&bot, &second.secret).await.assert_oauth(401, "invalid_client");
    world.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
    let token = world.bot_token(&third).await;
    assert_eq!(world.get("/v1/me", &token).await.status, 200);

    // A day when nothing is said, and what is about stays good.
    let fourth = Made::of(&rotate(Value::Null).await);
    assert_eq!(world.get("/v1/me", &token).await.status, 200);
    world.advance(24 * 60 * 60 - 1);
    assert_eq!(world.grant(&bot, &third.secret).await.status, 200);
    world.advance(1);
    world.grant(&bot, &third.secret).await.assert_oauth(401, "invalid_client");
    assert_eq!(world.grant(&bot, &fourth.secret).await.status, 200);

    let alice = world.again(&alice).await;
    let rotate = async |body: Value| world.post(&format!("{}/secret", bot.path()), &alice.access_token, body).await;
    for seconds in [604_801_u64, u64::MAX] {
        let answer = rotate(json!({"overlap_seconds": seconds})).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), ("/overlap_seconds".to_owned(), "out_of_range".to_owned()));
    }
    rotate(json!({"overlap_seconds": -1})).await.assert_problem(400, "request.invalid");
    rotate(json!({"overlap": 1})).await.assert_problem(400, "request.invalid");
    assert_eq!(Made::of(&rotate(json!({"overlap_seconds": 604_800})).await).bot_id, bot.bot_id);
}

#[tokio::test]
async fn who_holds_less_than_the_bot_gets_no_secret_of_it() {
    let world = World::open().await;
    let alice = world.person("alice").await;
    let bot = world.bot(&alice.access_token, json!({"name": "B", "scopes": ["chat:write"]})).await;
    let narrow = world.refreshed(&alice, "profile:write chat:read").await;
    let secret = format!("{}/secret", bot.path());
    let answer = world.post(&secret, &narrow, json!({"overlap_seconds": 0})).await;
    answer.assert_problem(403, "auth.insufficient_scope");
    assert_eq!(answer.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"chat:write\"");
    let wider = json!({"scopes": ["chat:write", "media:read"]});
    let answer = world.call(Method::PATCH, &bot.path(), &narrow, wider).await;
    answer.assert_problem(403, "auth.insufficient_scope");
    // Less, and what there was and the caller has, it may give.
    let other = json!({"scopes": ["chat:write", "chat:read"]});
    assert_eq!(world.call(Method::PATCH, &bot.path(), &narrow, other).await.status, 200);
    assert_eq!(world.grant(&bot, &bot.secret).await.text("scope"), "chat:read chat:write");
}

#[tokio::test]
async fn a_deleted_bot_is_gone_for_good_but_for_its_name() {
    let world = World::open().await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let root = world.with_role("root", TenantRole::Owner).await;
    let bot = world.bot(&alice.access_token, json!({"name": "Weather"})).await;
    let token = world.bot_token(&bot).await;
    let delete = async |token: &str| world.call(Method::DELETE, &bot.path(), token, Value::Null).await;
    delete("").await.assert_problem(401, "auth.required");
    delete(&bob.access_token).await.assert_problem(404, "bot.not_found");
    delete(&root.access_token).await.assert_problem(404, "bot.not_found");
    assert_eq!(delete(&alice.access_token).await.status, 204);
    delete(&alice.access_token).await.assert_problem(404, "bot.not_found");
    world.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
    world.grant(&bot, &bot.secret).await.assert_oauth(401, "invalid_client");
    assert_eq!(world.get(BOTS, &alice.access_token).await.json()["items"], json!([]));
    let secret = format!("{}/secret", bot.path());
    world.post(&secret, &alice.access_token, Value::Null).await.assert_problem(404, "bot.not_found");
    let user = format!("/v1/admin/users/{}", bot.user_id);
    let left = world.get(&user, &root.access_token).await.json();
    assert_eq!((&left["state"], &left["display_name"]), (&json!("suspended"), &json!("Weather")));
    let restore = world.post(&format!("{user}/restore"), &root.access_token, json!({"reason": "x"})).await;
    restore.assert_problem(409, "bot.deleted");
    assert_eq!(world.trail(&bot.bot_id).await, ["bot.created", "bot.deleted"]);
    for id in ["x", "user_00000000000000000000000000", "bot_"] {
        let path = format!("{BOTS}/{id}");
        let answer = world.call(Method::DELETE, &path, &alice.access_token, Value::Null).await;
        answer.assert_problem(400, "request.invalid_id");
    }
}

#[tokio::test]
async fn nobody_makes_bots_and_deletes_them_without_end() {
    let world = World::open().await;
    let alice = world.person("alice").await.access_token;
    let made = async || {
        let answer = world.post(BOTS, &alice, json!({"name": "Weather"})).await;
        if answer.status != 201 {
            answer.assert_problem(403, "quota.exceeded");
            return false;
        }
        let path = format!("{BOTS}/{}", answer.text("bot_id"));
        assert_eq!(world.call(Method::DELETE, &path, &alice, Value::Null).await.status, 204);
        true
    };
    for _ in 0..100 {
        assert!(made().await);
    }
    assert!(!made().await);
    world.advance(24 * 60 * 60 + 1);
    let alice = world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap().access_token;
    assert_eq!(world.post(BOTS, &alice, json!({"name": "Weather"})).await.status, 201);
}
