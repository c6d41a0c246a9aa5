//! What the caller may do in the tenant as a whole, and why: it says what the endpoints then do.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartab_auth::{Act, Config, TotpPolicy};
use bartab_core::{Actor, ActorKind, RoomId, TenantRole, UserId};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::world::{World, config};

const PATH: &str = "/v1/me/permissions";

/// Every permission with whether it is there and why.
fn table(answer: &Value) -> BTreeMap<String, (bool, String)> {
    let permissions = answer["permissions"].as_array().unwrap().iter();
    let row = |item: &Value| {
        let [name, why] = ["permission", "why"].map(|field| item[field].as_str().unwrap().to_owned());
        (name, (item["allowed"].as_bool().unwrap(), why))
    };
    permissions.map(row).collect()
}

impl World {
    async fn permissions(&self, token: &str) -> BTreeMap<String, (bool, String)> {
        table(&self.get(PATH, token).await.json())
    }
}

fn why(allowed: bool, why: &str) -> (bool, String) {
    (allowed, why.to_owned())
}

const EVERYBODY: [&str; 6] =
    ["media.read", "media.upload", "messages.send", "profile.change", "rooms.read", "sessions.manage"];
const MEMBERS: [&str; 2] = ["bots.create", "rooms.create"];
const MODERATORS: [&str; 2] = ["invites.create", "rooms.moderate"];
const ADMINISTRATORS: [&str; 12] = [
    "audit.read",
    "bots.read",
    "clients.manage",
    "keys.manage",
    "rooms.administer",
    "users.erase",
    "users.read",
    "users.rename",
    "users.reset",
    "users.set_rate",
    "users.set_role",
    "users.suspend",
];

#[tokio::test]
async fn every_role_has_its_own_and_those_of_the_lower_ones() {
    let world = World::open().await;
    let groups: [(TenantRole, &[&str]); 4] = [
        (TenantRole::Guest, &EVERYBODY),
        (TenantRole::Member, &MEMBERS),
        (TenantRole::Moderator, &MODERATORS),
        (TenantRole::Administrator, &ADMINISTRATORS),
    ];
    for (name, role) in [
        ("guest", TenantRole::Guest),
        ("member", TenantRole::Member),
        ("moderator", TenantRole::Moderator),
        ("administrator", TenantRole::Administrator),
        ("owner", TenantRole::Owner),
    ] {
        let tokens = world.with_role(&format!("a-{name}"), role).await;
        let answer = world.get(PATH, &tokens.access_token).await.json();
        assert_eq!(answer["role"], name);
        let scopes: Vec<&str> =
            answer["scopes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(scopes.join(" "), tokens.scope);
        let expected: BTreeMap<_, _> = groups
            .iter()
            .flat_map(|(least, names)| names.iter().map(move |name| ((*name).to_owned(), why(role >= *least, "role"))))
            .collect();
        assert_eq!(table(&answer), expected, "{name}");
    }
    let answer = world.get(PATH, &world.person("x").await.access_token).await.json();
    let suspend = answer["permissions"].as_array().unwrap().iter().find(|item| item["permission"] == "users.suspend");
    let needs = json!({"scope": "admin", "role": "administrator"});
    let expected = json!({"permission": "users.suspend", "allowed": false, "why": "role", "needs": needs});
    assert_eq!(suspend, Some(&expected));
    world.get(PATH, "").await.assert_problem(401, "auth.required");
}

#[tokio::test]
async fn a_scope_that_is_missing_is_told_from_a_role() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let narrow = world.refreshed(&root, "chat:read").await;
    let table = world.permissions(&narrow).await;
    assert_eq!(table["rooms.read"], why(true, "role"));
    for name in ["messages.send", "users.suspend", "bots.create"] {
        assert_eq!(table[name], why(false, "scope"), "{name}");
    }
}

#[tokio::test]
async fn what_the_operator_has_chosen_is_named() {
    let world = World::with(Config { member_bots: false, member_invites: true, ..config() }).await;
    let alice = world.permissions(&world.person("alice").await.access_token).await;
    assert_eq!(
        (&alice["bots.create"], &alice["invites.create"]),
        (&why(false, "configuration"), &why(true, "configuration"))
    );
    let root = world.permissions(&world.with_role("root", TenantRole::Administrator).await.access_token).await;
    assert_eq!((&root["bots.create"], &root["invites.create"]), (&why(true, "role"), &why(true, "role")));

    let world = World::with(Config { require_totp: TotpPolicy::Administrators, ..config() }).await;
    let root = world.permissions(&world.with_role("root", TenantRole::Owner).await.access_token).await;
    assert_eq!((&root["users.read"], &root["rooms.create"]), (&why(false, "second_factor"), &why(true, "role")));
}

#[tokio::test]
async fn a_bot_s_come_from_its_owner() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let body = json!({"name": "B", "scopes": ["chat:read", "rooms:manage", "admin"]});
    let bot = world.post("/v1/bots", &root.access_token, body).await;
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        bot.text("client_id"),
        bot.text("client_secret")
    );
    let token = async || world.form("/v1/oauth2/token", &form).await.text("access_token");
    let before = world.permissions(&token().await).await;
    assert_eq!(before["users.suspend"], why(true, "owner"));
    for name in ["bots.create", "users.reset", "sessions.manage"] {
        assert_eq!(before[name], why(false, "kind"), "{name}");
    }
    assert_eq!(before["messages.send"], why(false, "scope"));
    world.service.auth().set_role(&Act::operator("x"), root.user_id, TenantRole::Member).await.unwrap();
    let after = world.permissions(&token().await).await;
    assert_eq!(after["users.suspend"], why(false, "owner"));
    assert_eq!(after["rooms.create"], why(true, "owner"));
}

#[tokio::test]
async fn guests_and_services_have_none() {
    let world = World::open().await;
    for kind in [ActorKind::Guest { room: RoomId::from_u128(1) }, ActorKind::Service] {
        let actor = Actor { kind, tenant_role: TenantRole::Owner, ..Actor::person(UserId::from_u128(1), "x") };
        let request = Request::get(PATH).extension(Arc::new(actor)).body(Full::<Bytes>::default()).unwrap();
        let table = table(&world.send(request).await.json());
        assert!(table.values().all(|row| *row == why(false, "kind")), "{table:?}");
    }
}
