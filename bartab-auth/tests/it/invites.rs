//! Invites: who makes them and with what, and that nobody comes by one that is used up, over or taken back.

use bartab_auth::{Act, AuthError, Config, NewAccount, NewInvite, NewRegistration, RegistrationPolicy, Tokens};
use bartab_core::store::{AccountChange, AccountNews, AuditActor, AuditFilter};
use bartab_core::{RoomId, TenantRole, Timestamp};
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World, config};

const PATH: &str = "/v1/invites";
const NOW: u64 = 1_750_000_000;

async fn invite_only() -> World {
    World::with(Config { registration: RegistrationPolicy::Invite, ..config() }).await
}

async fn somebody(world: &World, username: &str, role: TenantRole) -> Tokens {
    let new = NewAccount { role, ..NewAccount::member(username, PASSWORD) };
    let account = world.service.auth().create_account(new).await.unwrap();
    world.service.auth().sign_in(account.user_id, None).await.unwrap()
}

async fn register(world: &World, username: &str, invite: &str) -> Answer {
    let body = json!({"username": username, "password": PASSWORD, "invite": invite});
    world.post("/v1/auth/register", "", body).await
}

#[tokio::test]
async fn an_invite_is_shown_with_its_code_once() {
    let world = invite_only().await;
    let mona = somebody(&world, "mona", TenantRole::Moderator).await;
    let room = RoomId::from_u128(7);
    let body = json!({"max_uses": 2, "expires_at": "2025-06-16T00:00:00Z", "rooms": [room, room]});
    let answer = world.post(PATH, &mona.access_token, body).await;
    assert_eq!(answer.status, 201);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let (id, code) = (answer.text("invite_id"), answer.text("code"));
    assert!(id.starts_with("invite_") && code.len() == 22, "{id} {code}");
    let mut invite = json!({
        "invite_id": id, "code": code, "created_by": mona.user_id, "role": "member", "rooms": [room], "max_uses": 2,
        "uses": 0, "created_at": "2025-06-15T15:06:40.000Z", "expires_at": "2025-06-16T00:00:00.000Z",
        "revoked_at": null,
    });
    assert_eq!(answer.json(), invite);
    let joined = register(&world, "alice", &code).await;
    assert_eq!(joined.status, 201);
    invite.as_object_mut().unwrap().remove("code");
    invite["uses"] = json!(1);
    let listed = world.get(PATH, &mona.access_token).await;
    assert_eq!(listed.json(), json!({"items": [invite], "next_cursor": null}));
    // The rooms are for chat to read, and the trail says by which invite the account came.
    let news = world.stores.feed.after(1, 10).await.unwrap();
    assert_eq!(news[0].news, AccountNews::Created { rooms: vec![room], invited_by: Some(mona.user_id) });
    let filter = AuditFilter { action: Some("account.registered".to_owned()), ..AuditFilter::default() };
    let trail = world.stores.audit.list(&filter, None, 10).await.unwrap();
    assert_eq!(trail[0].subject.as_deref(), Some(&*joined.text("user_id")));
    let details: Value = serde_json::from_str(trail[0].details.as_deref().unwrap()).unwrap();
    assert_eq!(details, json!({"invite_id": id, "role": "member"}));
}

#[tokio::test]
async fn without_an_invite_nobody_comes_where_one_is_needed() {
    let world = invite_only().await;
    let body = json!({"username": "alice", "password": PASSWORD});
    world.post("/v1/auth/register", "", body).await.assert_problem(403, "registration.invite_required");
}

#[tokio::test]
async fn an_invite_that_cannot_be_used_is_refused_alike_and_tells_nothing_of_names() {
    let world = invite_only().await;
    let mona = somebody(&world, "mona", TenantRole::Moderator).await;
    let invite = async |body: Value| {
        let answer = world.post(PATH, &mona.access_token, body).await;
        (answer.text("invite_id"), answer.text("code"))
    };
    let (_, used_up) = invite(json!({"max_uses": 1})).await;
    assert_eq!(register(&world, "alice", &used_up).await.status, 201);
    let (_, expired) = invite(json!({"expires_at": "2025-06-15T15:06:41Z"})).await;
    let (id, revoked) = invite(json!({})).await;
    let path = format!("{PATH}/{id}");
    assert_eq!(world.call(Method::DELETE, &path, &mona.access_token, Value::Null).await.status, 204);
    world.advance(1);
    let mut answers = Vec::new();
    for code in [&*used_up, &expired, &revoked, "", "unknown", &"x".repeat(10_000)] {
        for username in ["bob", "mona"] {
            let answer = register(&world, username, code).await;
            answer.assert_problem(403, "registration.invite_invalid");
            answers.push(answer.body);
        }
    }
    assert!(answers.iter().all(|body| *body == answers[0]));
    world.call(Method::DELETE, &path, &mona.access_token, Value::Null).await.assert_problem(404, "invite.not_found");
}

#[tokio::test]
async fn the_last_use_admits_one() {
    let world = invite_only().await;
    let new = NewInvite { max_uses: Some(3), ..NewInvite::default() };
    let (_, code) = world.service.auth().create_invite(&Act::operator(""), new).await.unwrap();
    let attempts: Vec<_> = (0..10)
        .map(|n| {
            let (auth, code) = (world.service.auth().clone(), code.clone());
            tokio::spawn(async move {
                auth.register(NewRegistration {
                    invite: Some(&code),
                    ..NewRegistration::new(&format!("user{n}"), PASSWORD)
                })
                .await
            })
        })
        .collect();
    let mut admitted = 0;
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(_) => admitted += 1,
            Err(error) => assert!(matches!(error, AuthError::InviteInvalid), "{error}"),
        }
    }
    assert_eq!(admitted, 3);
}

#[tokio::test]
async fn where_everybody_may_come_an_invite_counts_all_the_same() {
    let world = World::open().await;
    let new = NewInvite { role: Some(TenantRole::Guest), ..NewInvite::default() };
    let (_, code) = world.service.auth().create_invite(&Act::operator(""), new).await.unwrap();
    let answer = register(&world, "gus", &code).await;
    assert_eq!(world.get("/v1/me", &answer.text("access_token")).await.text("role"), "guest");
    register(&world, "eve", "unknown").await.assert_problem(403, "registration.invite_invalid");
    let closed = World::with(Config { registration: RegistrationPolicy::Closed, ..config() }).await;
    let (_, code) = closed.service.auth().create_invite(&Act::operator(""), NewInvite::default()).await.unwrap();
    register(&closed, "eve", &code).await.assert_problem(403, "registration.closed");
}

#[tokio::test]
async fn who_invites_whom() {
    use TenantRole::{Administrator, Guest, Member, Moderator, Owner};
    let roles = [
        (Guest, "guest"),
        (Member, "member"),
        (Moderator, "moderator"),
        (Administrator, "administrator"),
        (Owner, "owner"),
    ];
    for member_invites in [false, true] {
        let world = World::with(Config { member_invites, ..config() }).await;
        for (role, name) in roles {
            let token = somebody(&world, &format!("a-{name}"), role).await.access_token;
            for (given, given_name) in roles {
                let answer = world.post(PATH, &token, json!({"role": given_name})).await;
                let may = match role {
                    Guest => false,
                    Member => member_invites && given <= Member,
                    Moderator => given <= Member,
                    Administrator => given <= Moderator,
                    Owner => true,
                };
                if may {
                    assert_eq!((answer.status.as_u16(), answer.text("role")), (201, given_name.to_owned()));
                } else {
                    assert_eq!(answer.status, 403, "{name} {given_name}");
                    let code = answer.text("code");
                    assert!(matches!(&*code, "permission.denied" | "auth.insufficient_scope"), "{code}");
                }
            }
        }
        // What everybody may is told as it is.
        let member = somebody(&world, "max", Member).await;
        let permissions = world.get("/v1/me/permissions", &member.access_token).await.json();
        let permissions = permissions["permissions"].as_array().unwrap().clone();
        let told = permissions.iter().find(|one| one["permission"] == "invites.create").unwrap();
        let why = if member_invites { "configuration" } else { "role" };
        assert_eq!((&told["allowed"], &told["why"]), (&json!(member_invites), &json!(why)));
        // Who keeps no order says nothing of rooms.
        let member = somebody(&world, "mel", Member).await;
        let rooms = json!({"rooms": [RoomId::from_u128(1)]});
        world.post(PATH, &member.access_token, rooms).await.assert_problem(403, "permission.denied");
    }
}

#[tokio::test]
async fn a_token_without_the_scope_does_not_do() {
    let world = World::open().await;
    let root = somebody(&world, "root", TenantRole::Owner).await;
    let narrow = async |scope: &str| {
        let body = format!("grant_type=refresh_token&refresh_token={}&scope={scope}", root.refresh_token);
        world.form("/v1/oauth2/token", &body).await.text("access_token")
    };
    let reading = narrow("chat:read").await;
    world.post(PATH, &reading, json!({})).await.assert_problem(403, "auth.insufficient_scope");
    world.get(PATH, &reading).await.assert_problem(403, "auth.insufficient_scope");
    world.post(PATH, "", json!({})).await.assert_problem(401, "auth.required");
    let rooms = narrow("rooms:manage").await;
    assert_eq!(world.post(PATH, &rooms, json!({})).await.status, 201);
    world.post(PATH, &rooms, json!({"role": "moderator"})).await.assert_problem(403, "auth.insufficient_scope");
}

#[tokio::test]
async fn an_invite_is_worth_no_more_than_whoever_made_it() {
    let world = invite_only().await;
    let auth = world.service.auth();
    let adam = somebody(&world, "adam", TenantRole::Administrator).await;
    let high = world.post(PATH, &adam.access_token, json!({"role": "moderator"})).await.text("code");
    let low = world.post(PATH, &adam.access_token, json!({})).await.text("code");
    let change = async |change: AccountChange| {
        world.stores.accounts.change(adam.user_id, change, Timestamp::from_secs(NOW), None).await.unwrap();
    };
    change(AccountChange::Role(TenantRole::Moderator)).await;
    let refused = auth.register(NewRegistration { invite: Some(&high), ..NewRegistration::new("eve", PASSWORD) }).await;
    assert!(matches!(refused, Err(AuthError::InviteInvalid)), "{refused:?}");
    assert_eq!(register(&world, "alice", &low).await.status, 201);
    change(AccountChange::Suspend).await;
    register(&world, "bob", &low).await.assert_problem(403, "registration.invite_invalid");
    change(AccountChange::Restore).await;
    assert_eq!(register(&world, "bob", &low).await.status, 201);
    change(AccountChange::Role(TenantRole::Member)).await;
    register(&world, "carol", &low).await.assert_problem(403, "registration.invite_invalid");
}

#[tokio::test]
async fn each_sees_their_own_and_administrators_all() {
    let world = World::open().await;
    let mona = somebody(&world, "mona", TenantRole::Moderator).await;
    let otto = somebody(&world, "otto", TenantRole::Moderator).await;
    let root = somebody(&world, "root", TenantRole::Administrator).await;
    world.service.auth().create_invite(&Act::operator(""), NewInvite::default()).await.unwrap();
    let mut own = Vec::new();
    for _ in 0..3 {
        world.advance(1);
        own.insert(0, world.post(PATH, &mona.access_token, json!({})).await.text("invite_id"));
    }
    let ids = |answer: &Answer| -> Vec<String> {
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["invite_id"].as_str().unwrap().to_owned()).collect()
    };
    let first = world.get(&format!("{PATH}?limit=2"), &mona.access_token).await;
    let cursor = first.text("next_cursor");
    let rest = world.get(&format!("{PATH}?limit=2&cursor={cursor}"), &mona.access_token).await;
    assert_eq!([ids(&first), ids(&rest)].concat(), own);
    assert_eq!(rest.json()["next_cursor"], Value::Null);
    assert_eq!(ids(&world.get(PATH, &otto.access_token).await), [""; 0]);
    let all = world.get(PATH, &root.access_token).await;
    assert_eq!((ids(&all).len(), all.json()["items"][3]["created_by"].clone()), (4, Value::Null));
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x", "x=1", "limit=1&limit=1"] {
        world.get(&format!("{PATH}?{query}"), &root.access_token).await.assert_problem(400, "request.invalid");
    }
    // Nobody takes back what is not theirs, but administrators.
    let end =
        async |token: &str, id: &str| world.call(Method::DELETE, &format!("{PATH}/{id}"), token, Value::Null).await;
    end(&otto.access_token, &own[0]).await.assert_problem(404, "invite.not_found");
    // Who takes back what is not theirs says why; in the end that stands in the trail.
    let refused = end(&root.access_token, &own[0]).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.wrong_field(), ("/reason".to_owned(), "missing".to_owned()));
    let why = format!("{}?reason=handed%20out%20twice", own[0]);
    assert_eq!(end(&root.access_token, &why).await.status, 204);
    end(&root.access_token, &why).await.assert_problem(404, "invite.not_found");
    assert_eq!(end(&mona.access_token, &own[1]).await.status, 204);
    end(&mona.access_token, "x").await.assert_problem(400, "request.invalid_id");
    let listed = world.get(PATH, &mona.access_token).await.json();
    assert_eq!(listed["items"][0]["revoked_at"], json!("2025-06-15T15:06:43.000Z"));
    let filter = AuditFilter { subject: Some(own[0].clone()), ..AuditFilter::default() };
    let trail = world.stores.audit.list(&filter, None, 10).await.unwrap();
    let acts: Vec<_> = trail.iter().map(|entry| (&*entry.action, entry.actor)).collect();
    let by = AuditActor::User;
    assert_eq!(acts, [("invite.revoked", by(root.user_id)), ("invite.created", by(mona.user_id))]);
    assert_eq!(trail[0].reason.as_deref(), Some("handed out twice"));
}

#[tokio::test]
async fn what_an_invite_says_has_bounds() {
    let world = World::open().await;
    let token = somebody(&world, "root", TenantRole::Owner).await.access_token;
    let rooms: Vec<RoomId> = (0..51).map(RoomId::from_u128).collect();
    for (body, pointer, code) in [
        (json!({"max_uses": 0}), "/max_uses", "out_of_range"),
        (json!({"max_uses": 100_001}), "/max_uses", "out_of_range"),
        (json!({"max_uses": -1}), "/max_uses", "invalid"),
        (json!({"expires_at": "2025-06-15T15:06:40Z"}), "/expires_at", "out_of_range"),
        (json!({"expires_at": "tomorrow"}), "/expires_at", "invalid"),
        (json!({"rooms": rooms}), "/rooms", "out_of_range"),
        (json!({"rooms": ["user_00000000000000000000000000"]}), "/rooms/0", "invalid"),
        (json!({"role": "emperor"}), "/role", "invalid"),
        (json!({"uses": 1}), "/uses", "unknown_field"),
    ] {
        let answer = world.post(PATH, &token, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()));
    }
}

#[tokio::test]
async fn nobody_has_more_than_500_usable_ones() {
    let world = World::open().await;
    let mona = somebody(&world, "mona", TenantRole::Moderator).await;
    let act = Act::of(world.service.auth().verifier().verify(&mona.access_token).unwrap(), "");
    let mut last = None;
    for _ in 0..500 {
        last = Some(world.service.auth().create_invite(&act, NewInvite::default()).await.unwrap().0.invite_id);
    }
    let answer = world.post(PATH, &mona.access_token, json!({})).await;
    answer.assert_problem(403, "quota.exceeded");
    assert_eq!((&answer.json()["limit"], &answer.json()["used"]), (&json!(500), &json!(500)));
    world.service.auth().revoke_invite(&act, last.unwrap()).await.unwrap();
    // Of many at once one finds room; and one that is over makes room once, wherever it stands in the list.
    let many = (0..8).map(|_| {
        let (auth, act) = (world.service.auth().clone(), act.clone());
        tokio::spawn(async move { auth.create_invite(&act, NewInvite::default()).await.is_ok() })
    });
    let mut made = 0;
    for one in many.collect::<Vec<_>>() {
        made += u32::from(one.await.unwrap());
    }
    assert_eq!(made, 1);
    world.post(PATH, &mona.access_token, json!({})).await.assert_problem(403, "quota.exceeded");
}

#[tokio::test]
async fn the_operator_says_why_an_invite_is_taken_back_and_may_say_why_somebody_is_let_in() {
    let world = World::open().await;
    let auth = world.service.auth();
    let reason_of = async |action: &str| {
        let filter = AuditFilter { action: Some(action.to_owned()), ..AuditFilter::default() };
        world.stores.audit.list(&filter, None, 1).await.unwrap()[0].reason.clone()
    };
    let (invite, _) = auth.create_invite(&Act::operator("a party"), NewInvite::default()).await.unwrap();
    assert_eq!(reason_of("invite.created").await.as_deref(), Some("a party"));
    let refused = auth.revoke_invite(&Act::operator(""), invite.invite_id).await;
    assert!(matches!(refused, Err(AuthError::Invalid(_))), "{refused:?}");
    auth.revoke_invite(&Act::operator("it is over"), invite.invite_id).await.unwrap();
    assert_eq!(reason_of("invite.revoked").await.as_deref(), Some("it is over"));
    let too_long = "x".repeat(501);
    let refused = auth.create_invite(&Act::operator(&*too_long), NewInvite::default()).await;
    assert!(matches!(refused, Err(AuthError::Invalid(_))), "{refused:?}");

    auth.create_account(NewAccount::member("alice", PASSWORD)).await.unwrap();
    assert!(reason_of("account.created").await.is_some_and(|reason| !reason.is_empty()), "never without one");
    let new = NewAccount { reason: Some("runs the bar"), ..NewAccount::member("bob", PASSWORD) };
    auth.create_account(new).await.unwrap();
    assert_eq!(reason_of("account.created").await.as_deref(), Some("runs the bar"));
    let new = NewAccount { reason: Some(&too_long), ..NewAccount::member("carol", PASSWORD) };
    assert!(matches!(auth.create_account(new).await, Err(AuthError::Invalid(_))));
}
