//! Who administers whom: nobody oneself or who is not below, and only who is let in.

use bartab_auth::{Act, AuthError};
use bartab_core::TenantRole;
use http::Method;
use serde_json::{Value, json};

use crate::admin::{USERS, because};
use crate::world::World;

#[tokio::test]
async fn nobody_acts_on_who_is_not_below_and_nobody_on_oneself() {
    let world = World::open().await;
    let owner = world.with_role("owner", TenantRole::Owner).await;
    let other = world.with_role("other", TenantRole::Owner).await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let equal = world.with_role("equal", TenantRole::Administrator).await;
    for user in [equal.user_id, owner.user_id] {
        for act in ["suspend", "restore", "reset"] {
            world.act(&root.access_token, user, act, because()).await.assert_problem(403, "permission.rank");
        }
        let role = json!({"role": "member", "reason": "x"});
        world.patch(&root.access_token, user, role).await.assert_problem(403, "permission.rank");
    }
    let erase = json!({"messages": false, "reason": "x"});
    world.act(&owner.access_token, other.user_id, "erase", erase.clone()).await.assert_problem(403, "permission.rank");
    for tokens in [&root, &owner] {
        world
            .act(&tokens.access_token, tokens.user_id, "suspend", because())
            .await
            .assert_problem(403, "permission.oneself");
        let answer = world.act(&tokens.access_token, tokens.user_id, "erase", erase.clone()).await;
        answer.assert_problem(403, "permission.oneself");
    }
    let down = json!({"role": "administrator", "reason": "enough"});
    assert_eq!(world.patch(&owner.access_token, owner.user_id, down.clone()).await.status, 200);
    world.patch(&other.access_token, other.user_id, down).await.assert_problem(409, "account.last_owner");
    // Stepped down, one is an administrator like others.
    let owner = world.again(&owner).await;
    world.act(&owner.access_token, root.user_id, "suspend", because()).await.assert_problem(403, "permission.rank");
    let up = json!({"role": "owner", "reason": "x"});
    world.patch(&owner.access_token, owner.user_id, up).await.assert_problem(403, "permission.oneself");
    assert_eq!(world.trail(owner.user_id).await, ["account.role_changed"]);
    assert_eq!(world.trail(other.user_id).await, Vec::<String>::new());
}

#[tokio::test]
async fn of_two_owners_who_step_down_at_once_one_stays() {
    for _ in 0..8 {
        let world = World::open().await;
        let one = world.with_role("one", TenantRole::Owner).await;
        let two = world.with_role("two", TenantRole::Owner).await;
        let down = json!({"role": "member", "reason": "enough"});
        let (first, second) = tokio::join!(
            world.patch(&one.access_token, one.user_id, down.clone()),
            world.patch(&two.access_token, two.user_id, down.clone()),
        );
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
    }
}

#[tokio::test]
async fn only_administrators_are_let_in() {
    let world = World::open().await;
    let alice = world.with_role("alice", TenantRole::Moderator).await;
    let bob = world.person("bob").await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let user = format!("{USERS}/{}", bob.user_id);
    let calls = [
        (Method::GET, USERS.to_owned(), Value::Null),
        (Method::GET, user.clone(), Value::Null),
        (Method::PATCH, user.clone(), json!({"role": "guest", "reason": "x"})),
        (Method::DELETE, format!("{user}?reason=x"), Value::Null),
        (Method::POST, format!("{user}/suspend"), because()),
        (Method::POST, format!("{user}/restore"), because()),
        (Method::POST, format!("{user}/reset"), because()),
        (Method::POST, format!("{user}/erase"), json!({"messages": true, "reason": "x"})),
        (Method::GET, "/v1/admin/audit".to_owned(), Value::Null),
    ];
    for (method, path, body) in calls {
        let stranger = world.call(method.clone(), &path, "", body.clone()).await;
        stranger.assert_problem(401, "auth.required");
        for tokens in [&alice, &bob] {
            let answer = world.call(method.clone(), &path, &tokens.access_token, body.clone()).await;
            answer.assert_problem(403, "permission.denied");
            let detail = answer.text("detail");
            assert!(detail.contains("users.") || detail.contains("audit.read"), "{detail}");
        }
        // An administrator's token that does not carry the scope.
        let narrow = world.refreshed(&world.again(&root).await, "chat:read profile:write").await;
        let answer = world.call(method.clone(), &path, &narrow, body).await;
        answer.assert_problem(403, "auth.insufficient_scope");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"insufficient_scope\", scope=\"admin\"");
    }
    assert_eq!(world.trail(bob.user_id).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_administrator_who_is_none_any_more_does_nothing() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let alice = world.person("alice").await;
    let actor = world.service.auth().verifier().verify(&root.access_token).unwrap();
    let auth = world.service.auth();
    auth.set_role(&Act::operator("by hand"), root.user_id, TenantRole::Member).await.unwrap();
    // What another process knows of the actor is out of date.
    let refused = auth.suspend(&Act::of(actor.clone(), "x"), alice.user_id).await;
    assert!(matches!(refused, Err(AuthError::PermissionDenied(_))), "{refused:?}");
    auth.suspend(&Act::operator("by hand"), root.user_id).await.unwrap();
    let refused = auth.suspend(&Act::of(actor, "x"), alice.user_id).await;
    assert!(matches!(refused, Err(AuthError::Suspended)), "{refused:?}");
    assert_eq!(world.trail(alice.user_id).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_operator_is_above_every_role() {
    let world = World::open().await;
    let owner = world.with_role("owner", TenantRole::Owner).await;
    let auth = world.service.auth();
    let operator = Act::operator("by hand");
    assert_eq!(auth.set_role(&operator, owner.user_id, TenantRole::Member).await.unwrap().role, TenantRole::Member);
    assert_eq!(auth.set_role(&operator, owner.user_id, TenantRole::Owner).await.unwrap().role, TenantRole::Owner);
    assert_eq!(auth.set_rate_percent(&operator, owner.user_id, 10_000).await.unwrap().rate_percent, 10_000);
    auth.erase(&operator, owner.user_id, true).await.unwrap();
    let refused = auth.suspend(&Act::operator(""), owner.user_id).await;
    assert!(matches!(refused, Err(AuthError::Invalid(_))), "{refused:?}");
    let actions = ["account.role_changed", "account.role_changed", "account.rate_changed", "account.erased"];
    assert_eq!(world.trail(owner.user_id).await, actions);
}
