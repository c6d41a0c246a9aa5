//! Administration of accounts over HTTP: what is done, to whom, by whom, and what the trail says of it.

use std::sync::{Arc, Mutex};

use bartab_auth::{Act, NewAccount, Tokens};
use bartab_core::store::{AuditActor, AuditFilter};
use bartab_core::{TenantRole, UserId};
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World, config};

pub(crate) const USERS: &str = "/v1/admin/users";

impl World {
    /// Somebody with this role, signed in.
    pub(crate) async fn with_role(&self, username: &str, role: TenantRole) -> Tokens {
        let new = NewAccount { role, ..NewAccount::member(username, PASSWORD) };
        let account = self.service.auth().create_account(new).await.unwrap();
        self.service.auth().sign_in(account.user_id, None).await.unwrap()
    }

    /// New tokens for somebody whose old ones may be refused.
    pub(crate) async fn again(&self, tokens: &Tokens) -> Tokens {
        self.service.auth().sign_in(tokens.user_id, None).await.unwrap()
    }

    /// The names of what was done to `subject`, oldest first, once it was there.
    pub(crate) async fn trail(&self, subject: impl ToString) -> Vec<String> {
        let filter = AuditFilter { subject: Some(subject.to_string()), ..AuditFilter::default() };
        let entries = self.stores.audit.list(&filter, None, 100).await.unwrap();
        let done = entries.into_iter().rev().map(|entry| entry.action);
        done.filter(|action| action != "account.created").collect()
    }

    pub(crate) async fn act(&self, token: &str, user: UserId, act: &str, body: Value) -> Answer {
        self.post(&format!("{USERS}/{user}/{act}"), token, body).await
    }

    pub(crate) async fn patch(&self, token: &str, user: UserId, body: Value) -> Answer {
        self.call(Method::PATCH, &format!("{USERS}/{user}"), token, body).await
    }
}

pub(crate) fn because() -> Value {
    json!({"reason": "spam"})
}

#[tokio::test]
async fn an_account_is_read_with_what_belongs_to_it() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let alice = world.person("alice").await;
    let identity = bartab_core::store::ExternalIdentity { issuer: "https://id".to_owned(), subject: "7".to_owned() };
    world.stores.accounts.link(alice.user_id, identity, None).await.unwrap();
    let answer = world.get(&format!("{USERS}/{}", alice.user_id), &root.access_token).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "user_id": alice.user_id, "username": "alice", "display_name": "alice", "avatar": null, "kind": "person",
            "role": "member", "state": "active", "rate_percent": 100, "second_factor": false, "sessions": 1,
            "created_at": "2025-06-15T15:06:40.000Z",
            "external_identities": [{"issuer": "https://id", "subject": "7"}],
        })
    );
    let nobody = UserId::from_u128(1);
    let answer = world.get(&format!("{USERS}/{nobody}"), &root.access_token).await;
    answer.assert_problem(404, "account.not_found");
    world.get(&format!("{USERS}/alice"), &root.access_token).await.assert_problem(400, "request.invalid_id");
}

#[tokio::test]
async fn accounts_are_listed_by_page_and_by_condition() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let names = ["ann", "anna", "bob", "an"];
    for name in names {
        world.advance(1);
        world.person(name).await;
    }
    let list = async |query: &str| {
        let answer = world.get(&format!("{USERS}{query}"), &root.access_token).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        let names = json["items"].as_array().unwrap().iter().map(|item| item["username"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), json["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(
        list("").await,
        (vec!["root", "ann", "anna", "bob", "an"].into_iter().map(str::to_owned).collect(), None)
    );
    let (first, cursor) = list("?limit=3").await;
    assert_eq!(first, ["root", "ann", "anna"]);
    let (rest, end) = list(&format!("?limit=3&cursor={}", cursor.unwrap())).await;
    assert_eq!((rest, end), (vec!["bob".to_owned(), "an".to_owned()], None));
    assert_eq!(list("?search=AN").await.0, ["ann", "anna", "an"]);
    assert_eq!(list("?search=ann&limit=2").await, (vec!["ann".to_owned(), "anna".to_owned()], None));
    assert_eq!(list("?role=owner&state=active&kind=person").await.0, ["root"]);
    assert_eq!(list("?state=suspended").await.0, Vec::<String>::new());
    assert_eq!(list("?kind=bot").await.0, Vec::<String>::new());
    for (query, pointer, code) in [
        ("?role=king", "?role", "invalid"),
        ("?state=gone", "?state", "invalid"),
        ("?kind=cat", "?kind", "invalid"),
        ("?owner=bob", "?owner", "invalid"),
        ("?cursor=1", "?cursor", "invalid"),
        ("?limit=0", "?limit", "out_of_range"),
        ("?limit=201", "?limit", "out_of_range"),
        ("?name=ann", "?name", "unknown_field"),
        ("?kind=bot&kind=bot", "?kind", "duplicate_field"),
    ] {
        let answer = world.get(&format!("{USERS}{query}"), &root.access_token).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()));
    }
}

#[tokio::test]
async fn who_is_suspended_is_refused_at_once_until_restored() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let alice = world.person("alice").await;
    let bob = world.person("bob").await;
    // The token is a known one from here on.
    assert_eq!(world.get("/v1/me", &alice.access_token).await.status, 200);
    let told: Arc<Mutex<Vec<UserId>>> = Arc::default();
    let sink = Arc::clone(&told);
    world.service.revocations().on_user_revoked(move |user| sink.lock().unwrap().push(user));

    let answer = world.act(&root.access_token, alice.user_id, "suspend", because()).await;
    assert_eq!((answer.status.as_u16(), answer.text("state")), (200, "suspended".to_owned()));
    let refused = world.get("/v1/me", &alice.access_token).await;
    refused.assert_problem(401, "auth.invalid_token");
    world.refresh(&alice.refresh_token).await.assert_oauth(400, "invalid_grant");
    let login = world.post("/v1/auth/login", "", json!({"username": "alice", "password": PASSWORD})).await;
    login.assert_problem(403, "account.suspended");
    assert_eq!(world.get("/v1/me", &bob.access_token).await.status, 200);
    assert_eq!(*told.lock().unwrap(), [alice.user_id]);
    assert!(world.service.revocations().is_revoked(alice.session_id));

    // The same again changes nothing, and the trail says nothing new.
    assert_eq!(world.act(&root.access_token, alice.user_id, "suspend", because()).await.status, 200);
    assert_eq!(world.trail(alice.user_id).await, ["account.suspended"]);

    let answer = world.act(&root.access_token, alice.user_id, "restore", json!({"reason": "a mistake"})).await;
    assert_eq!(answer.text("state"), "active");
    world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    world.refresh(&alice.refresh_token).await.assert_oauth(400, "invalid_grant");
    let login = world.post("/v1/auth/login", "", json!({"username": "alice", "password": PASSWORD})).await;
    assert_eq!(world.get("/v1/me", &login.text("access_token")).await.status, 200);
    assert_eq!(world.trail(alice.user_id).await, ["account.suspended", "account.restored"]);
}

#[tokio::test]
async fn a_new_role_counts_at_once_and_the_session_goes_on() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let alice = world.with_role("alice", TenantRole::Administrator).await;
    assert_eq!(world.get(USERS, &alice.access_token).await.status, 200);
    let body = json!({"role": "moderator", "rate_percent": 250, "display_name": "Al", "reason": "less to do"});
    let answer = world.patch(&root.access_token, alice.user_id, body).await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert_eq!(
        (&json["role"], &json["rate_percent"], &json["display_name"]),
        (&json!("moderator"), &json!(250), &json!("Al"))
    );
    // What the old token says is no more true: at the same moment it is refused, and what the next one says counts.
    world.get(USERS, &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    let next = world.refresh(&alice.refresh_token).await.text("access_token");
    let actor = world.service.auth().verifier().verify(&next).unwrap();
    assert_eq!((actor.tenant_role, actor.rate_percent, &*actor.profile.name), (TenantRole::Moderator, 250, "Al"));
    assert!(!actor.scopes.contains(bartab_core::Scope::Admin));
    world.get(USERS, &next).await.assert_problem(403, "permission.denied");
    assert_eq!(world.trail(alice.user_id).await, ["account.role_changed", "account.rate_changed", "account.renamed"]);

    let filter = AuditFilter { action: Some("account.role_changed".to_owned()), ..AuditFilter::default() };
    let entry = world.stores.audit.list(&filter, None, 1).await.unwrap().remove(0);
    assert_eq!(entry.actor, AuditActor::User(root.user_id));
    assert_eq!(entry.reason.as_deref(), Some("less to do"));
    assert_eq!(entry.details.as_deref(), Some("{\"from\":\"administrator\",\"to\":\"moderator\"}"));
    // All of it again, or nothing: no act.
    let body = json!({"role": "moderator", "rate_percent": 250, "display_name": "Al", "reason": "less to do"});
    assert_eq!(world.patch(&root.access_token, alice.user_id, body).await.status, 200);
    assert_eq!(world.patch(&root.access_token, alice.user_id, because()).await.text("role"), "moderator");
    assert_eq!(world.trail(alice.user_id).await.len(), 3);
}

#[tokio::test]
async fn what_is_refused_in_part_is_not_done_at_all() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let alice = world.person("alice").await;
    let body = json!({"display_name": "Al", "role": "administrator", "reason": "a friend"});
    let answer = world.patch(&root.access_token, alice.user_id, body).await;
    answer.assert_problem(403, "permission.role_too_high");
    for (body, pointer, code) in [
        (json!({"rate_percent": 0, "reason": "x"}), "/rate_percent", "out_of_range"),
        (json!({"rate_percent": 10001, "reason": "x"}), "/rate_percent", "out_of_range"),
        (json!({"role": "member", "display_name": " ", "reason": "x"}), "/display_name", "too_short"),
        (json!({"role": "king", "reason": "x"}), "/role", "invalid"),
        (json!({"role": "moderator"}), "/reason", "missing"),
        (json!({"role": "moderator", "reason": " "}), "/reason", "missing"),
        (json!({"role": "moderator", "reason": "x".repeat(501)}), "/reason", "too_long"),
        (json!({"role": "moderator", "reason": "a\u{7}"}), "/reason", "invalid"),
        (json!({"username": "al", "reason": "x"}), "/username", "unknown_field"),
    ] {
        let answer = world.patch(&root.access_token, alice.user_id, body).await;
        answer.assert_problem(400, "request.invalid");
        assert_eq!(answer.wrong_field(), (pointer.to_owned(), code.to_owned()));
    }
    let me = world.get("/v1/me", &alice.access_token).await.json();
    assert_eq!((&me["display_name"], &me["role"]), (&json!("alice"), &json!("member")));
    assert_eq!(world.trail(alice.user_id).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_reset_takes_what_there_was_and_gives_a_link() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let alice = world.person("alice").await;
    let answer = world.act(&root.access_token, alice.user_id, "reset", json!({"reason": "lost"})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["expires_in"]), (200, &json!(86400)));
    world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    world.refresh(&alice.refresh_token).await.assert_oauth(400, "invalid_grant");
    let link = answer.text("link");
    let token = link.split_once("?token=").unwrap().1;
    world.service.auth().use_reset(token, "another fine password").await.unwrap();
    let login = json!({"username": "alice", "password": "another fine password"});
    assert_eq!(world.post("/v1/auth/login", "", login).await.status, 200);
    assert_eq!(world.trail(alice.user_id).await, ["account.reset", "account.password_reset"]);
    let answer = world.act(&root.access_token, alice.user_id, "reset", json!({})).await;
    answer.assert_problem(400, "request.invalid");
    let answer = world.act(&root.access_token, root.user_id, "reset", because()).await;
    answer.assert_problem(403, "permission.oneself");
}

#[tokio::test]
async fn who_is_erased_is_gone() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let alice = world.person("alice").await;
    let body = json!({"messages": true, "reason": "asked for"});
    let answer = world.act(&root.access_token, alice.user_id, "erase", body.clone()).await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert_eq!((&json["state"], &json["username"], &json["display_name"]), (&json!("erased"), &json!(""), &json!("")));
    world.get("/v1/me", &alice.access_token).await.assert_problem(401, "auth.invalid_token");
    world.refresh(&alice.refresh_token).await.assert_oauth(400, "invalid_grant");
    let feed = world.stores.feed.after(0, 100).await.unwrap();
    let news: Vec<_> = feed.iter().filter(|entry| entry.user_id == alice.user_id).map(|entry| &entry.news).collect();
    let created = bartab_core::store::AccountNews::Created { rooms: Vec::new(), invited_by: None };
    assert_eq!(news, [&created, &bartab_core::store::AccountNews::Erased { messages: true }]);
    // The name is free again, for somebody else.
    assert_ne!(world.person("alice").await.user_id, alice.user_id);

    for act in ["suspend", "restore", "reset"] {
        world.act(&root.access_token, alice.user_id, act, because()).await.assert_problem(409, "account.erased");
    }
    let role = json!({"role": "member", "reason": "x"});
    world.patch(&root.access_token, alice.user_id, role).await.assert_problem(409, "account.erased");
    assert_eq!(world.trail(alice.user_id).await, ["account.erased"]);
}

#[tokio::test]
async fn erasing_again_also_erases_what_they_wrote() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let alice = world.person("alice").await;
    for messages in [false, false, true, true, false] {
        let body = json!({"messages": messages, "reason": "asked for"});
        let answer = world.act(&root.access_token, alice.user_id, "erase", body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (200, &json!("erased")));
    }
    let feed = world.stores.feed.after(0, 100).await.unwrap();
    let news = feed.into_iter().filter(|entry| entry.user_id == alice.user_id).map(|entry| entry.news);
    let erased = [false, true].map(|messages| bartab_core::store::AccountNews::Erased { messages });
    assert_eq!(news.skip(1).collect::<Vec<_>>(), erased);
    // The trail says what was done, and nothing of what was so already.
    assert_eq!(world.trail(alice.user_id).await, ["account.erased"; 2]);
}

#[tokio::test]
async fn deleting_is_erasing_without_messages_and_can_be_repeated() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    let delete = async |user: UserId, query: &str, body: Value| {
        world.call(Method::DELETE, &format!("{USERS}/{user}{query}"), &root.access_token, body).await
    };
    let missing = delete(alice.user_id, "", Value::Null).await;
    missing.assert_problem(400, "request.invalid");
    assert_eq!(missing.wrong_field(), ("/reason".to_owned(), "missing".to_owned()));
    assert_eq!(delete(alice.user_id, "?reason=asked%20for", Value::Null).await.status, 204);
    assert_eq!(delete(bob.user_id, "", json!({"reason": "asked for"})).await.status, 204);
    assert_eq!(delete(bob.user_id, "", json!({"reason": "again"})).await.status, 204);
    delete(bob.user_id, "?why=x", Value::Null).await.assert_problem(400, "request.invalid");
    delete(UserId::from_u128(1), "?reason=x", Value::Null).await.assert_problem(404, "account.not_found");
    let feed = world.stores.feed.after(0, 100).await.unwrap();
    let erased = bartab_core::store::AccountNews::Erased { messages: false };
    assert_eq!(feed.iter().filter(|entry| entry.news == erased).count(), 2);
    assert_eq!(world.trail(bob.user_id).await, ["account.erased"]);
}

impl World {
    /// An access token of the session that carries no more than `scope`.
    pub(crate) async fn refreshed(&self, tokens: &Tokens, scope: &str) -> String {
        let scope = scope.replace(' ', "%20");
        let form = format!("grant_type=refresh_token&refresh_token={}&scope={scope}", tokens.refresh_token);
        self.form("/v1/oauth2/token", &form).await.text("access_token")
    }
}

#[tokio::test]
async fn the_trail_is_read_by_page_and_by_condition() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let [alice, bob] = [world.person("alice").await, world.person("bob").await];
    world.act(&root.access_token, alice.user_id, "suspend", because()).await;
    world.advance(1);
    world.act(&root.access_token, bob.user_id, "suspend", because()).await;
    world.service.auth().restore(&Act::operator("by hand"), bob.user_id).await.unwrap();
    let list = async |query: &str| world.get(&format!("/v1/admin/audit{query}"), &root.access_token).await.json();
    let all = list("?limit=3").await;
    assert_eq!(all["next_cursor"], "2");
    let user = json!({"kind": "user", "user_id": root.user_id});
    assert_eq!(
        all["items"],
        json!([
            {"number": 4, "at": "2025-06-15T15:06:41.000Z", "actor": {"kind": "operator"}, "action": "account.restored",
             "subject": bob.user_id, "reason": "by hand", "details": null},
            {"number": 3, "at": "2025-06-15T15:06:41.000Z", "actor": user, "action": "account.suspended",
             "subject": bob.user_id, "reason": "spam", "details": null},
            {"number": 2, "at": "2025-06-15T15:06:40.000Z", "actor": user, "action": "account.suspended",
             "subject": alice.user_id, "reason": "spam", "details": null},
        ])
    );
    let numbers = |page: &Value| -> Vec<u64> {
        page["items"].as_array().unwrap().iter().map(|item| item["number"].as_u64().unwrap()).collect()
    };
    let first = list("?limit=2").await;
    assert_eq!((numbers(&first), &first["next_cursor"]), (vec![4, 3], &json!("3")));
    let last = list("?limit=2&cursor=3").await;
    assert_eq!((numbers(&last), &last["next_cursor"]), (vec![2, 1], &Value::Null));
    assert_eq!(numbers(&list(&format!("?actor={}", root.user_id)).await), [3, 2]);
    assert_eq!(numbers(&list(&format!("?subject={}&action=account.suspended", bob.user_id)).await), [3]);
    for query in ["?actor=root", "?cursor=x", "?cursor=-1", "?who=x", "?limit=1000"] {
        let answer = world.get(&format!("/v1/admin/audit{query}"), &root.access_token).await;
        answer.assert_problem(400, "request.invalid");
    }
}

#[tokio::test]
async fn what_was_taken_back_stays_so_when_the_tenant_is_opened_again() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.person(name));
    let [alice, bob, carol] = [alice.await, bob.await, carol.await];
    let operator = Act::operator("by hand");
    let auth = world.service.auth();
    auth.suspend(&operator, alice.user_id).await.unwrap();
    auth.set_role(&operator, bob.user_id, TenantRole::Guest).await.unwrap();
    let next = world.refresh(&bob.refresh_token).await.text("access_token");
    let again = World::on(world.stores.clone(), config(), 9).await;
    for token in [&alice.access_token, &bob.access_token] {
        again.get("/v1/me", token).await.assert_problem(401, "auth.invalid_token");
    }
    for token in [&root.access_token, &carol.access_token, &next] {
        assert_eq!(again.get("/v1/me", token).await.status, 200);
    }
}
