//! What a bot may do ends where its owner's rights do, and with what it was made for.

use bartab_auth::{Act, Tokens};
use bartab_core::{Scope, TenantRole};
use http::Method;
use serde_json::{Value, json};

use crate::bots::{Made, scopes};
use crate::world::{World, config};

#[tokio::test]
async fn scopes_that_are_taken_away_are_gone_at_once() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Administrator).await;
    let bot = world.bot(&root.access_token, json!({"name": "B", "scopes": ["admin", "chat:read"]})).await;
    let token = world.bot_token(&bot).await;
    let patch = async |body: Value| world.call(Method::PATCH, &bot.path(), &root.access_token, body).await;
    let answer = patch(json!({"name": "Bee", "scopes": ["chat:read"]})).await;
    assert_eq!((answer.text("name"), &answer.json()["scopes"]), ("Bee".to_owned(), &json!(["chat:read"])));
    world.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
    let token = world.bot_token(&bot).await;
    let actor = world.actor(&token);
    assert_eq!(
        (actor.scopes, actor.tenant_role, &*actor.profile.name),
        (scopes("chat:read"), TenantRole::Member, "Bee")
    );
    // More takes nothing back.
    assert_eq!(patch(json!({"scopes": ["chat:read", "chat:write"]})).await.status, 200);
    assert_eq!(world.get("/v1/me", &token).await.status, 200);
    assert_eq!(patch(json!({})).await.status, 200);
    assert_eq!(patch(json!({"name": "Bee", "scopes": ["chat:write", "chat:read"]})).await.status, 200);
    assert_eq!(
        world.trail(&bot.bot_id).await,
        ["bot.created", "bot.scopes_changed", "bot.renamed", "bot.scopes_changed"]
    );
    for body in [json!({"name": ""}), json!({"scopes": []}), json!({"scopes": ["openid"]}), json!({"role": "owner"})] {
        patch(body).await.assert_problem(400, "request.invalid");
    }
}

/// An owner, a bot of theirs that may all they may, and a token of it.
async fn owner_and_bot(world: &World) -> (Tokens, Made, String) {
    let owner = world.with_role("owen", TenantRole::Administrator).await;
    let all = json!({"name": "B", "scopes": ["chat:read", "rooms:manage", "admin"]});
    let bot = world.bot(&owner.access_token, all).await;
    let token = world.bot_token(&bot).await;
    (owner, bot, token)
}

#[tokio::test]
async fn a_bot_s_rights_end_where_its_owner_s_do() {
    let world = World::open().await;
    let (owner, bot, token) = owner_and_bot(&world).await;
    let (auth, operator) = (world.service.auth(), Act::operator("by hand"));
    for (role, left) in [
        (TenantRole::Moderator, "chat:read rooms:manage"),
        (TenantRole::Guest, "chat:read"),
        (TenantRole::Owner, "chat:read rooms:manage admin"),
    ] {
        let before = world.bot_token(&bot).await;
        auth.set_role(&operator, owner.user_id, role).await.unwrap();
        for token in [&token, &before] {
            world.get("/v1/me", token).await.assert_problem(401, "auth.invalid_token");
        }
        let actor = world.actor(&world.bot_token(&bot).await);
        assert_eq!(actor.scopes, scopes(left));
        assert_eq!(actor.tenant_role, role.min(TenantRole::Administrator));
        assert_eq!(actor.scopes.contains(Scope::Admin), role == TenantRole::Owner);
    }
}

#[tokio::test]
async fn a_bot_whose_owner_may_not_be_used_is_of_no_use() {
    for erased in [false, true] {
        let world = World::open().await;
        let (owner, bot, token) = owner_and_bot(&world).await;
        let (auth, operator) = (world.service.auth(), Act::operator("by hand"));
        if erased {
            auth.erase(&operator, owner.user_id, false).await.unwrap();
            world.grant(&bot, &bot.secret).await.assert_oauth(401, "invalid_client");
        } else {
            auth.suspend(&operator, owner.user_id).await.unwrap();
            world.grant(&bot, &bot.secret).await.assert_oauth(400, "unauthorized_client");
        }
        world.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
        // Also in another process that opens the tenant now.
        let again = World::on(world.stores.clone(), config(), 9).await;
        again.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
        if !erased {
            auth.restore(&operator, owner.user_id).await.unwrap();
            let token = world.bot_token(&bot).await;
            assert_eq!(world.get("/v1/me", &token).await.status, 200);
        }
    }
}

#[tokio::test]
async fn administrators_suspend_and_restore_bots_like_people() {
    let world = World::open().await;
    let (_, bot, token) = owner_and_bot(&world).await;
    let root = world.with_role("root", TenantRole::Owner).await;
    let user = format!("/v1/admin/users/{}", bot.user_id);
    let because = json!({"reason": "too loud"});
    assert_eq!(world.post(&format!("{user}/suspend"), &root.access_token, because.clone()).await.status, 200);
    world.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
    world.grant(&bot, &bot.secret).await.assert_oauth(400, "unauthorized_client");
    assert_eq!(world.post(&format!("{user}/restore"), &root.access_token, because.clone()).await.status, 200);
    assert_eq!(world.grant(&bot, &bot.secret).await.status, 200);
    let owner = json!({"role": "owner", "reason": "x"});
    let answer = world.call(Method::PATCH, &user, &root.access_token, owner).await;
    answer.assert_problem(409, "bot.cannot_own");
    world.post(&format!("{user}/reset"), &root.access_token, because).await.assert_problem(409, "account.no_sign_in");
}
