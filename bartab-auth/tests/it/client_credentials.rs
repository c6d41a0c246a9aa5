//! The client credentials grant: a client acts for itself, a bot's client as the bot, and neither gets more than it was
//! registered for.

use std::sync::Arc;

use bartab_auth::NewClient;
use bartab_core::store::{Grant, Grants};
use bartab_core::{Actor, ActorKind, Scope, Scopes, TenantRole, UserId};
use http::Method;
use serde_json::Value;

use crate::world::{Answer, ISSUER, World};

const TOKEN: &str = "/v1/oauth2/token";
const FORM: &str = "grant_type=client_credentials";
const BOTH: Scopes = Scopes::NONE.with(Scope::ChatRead).with(Scope::Admin);

fn actor(world: &World, answer: &Answer) -> Arc<Actor> {
    world.service.auth().verifier().verify(&answer.text("access_token")).unwrap()
}

#[tokio::test]
async fn a_service_acts_for_itself() {
    let world = World::open().await;
    let client = world.client(NewClient::service("Search", BOTH)).await;
    let id = client.client.client_id.clone();
    let answer = world.form_as(&client, TOKEN, FORM).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let json = answer.json();
    assert_eq!(
        (&json["token_type"], &json["expires_in"], &json["scope"]),
        (&"Bearer".into(), &600.into(), &"chat:read admin".into())
    );
    for absent in ["refresh_token", "session_id", "id_token"] {
        assert_eq!(json.get(absent), None, "{absent}");
    }
    let actor = actor(&world, &answer);
    assert_eq!((actor.user_id, actor.kind), (UserId::from_external(ISSUER, &id), ActorKind::Service));
    assert_eq!((&*actor.client_id, actor.scopes, actor.session_id), (&*id, BOTH, None));
    // It has a right to nothing that takes a person.
    world.get("/v1/me", &answer.text("access_token")).await.assert_problem(404, "account.not_found");
    world.get("/v1/admin/clients", &answer.text("access_token")).await.assert_problem(403, "permission.denied");
}

#[tokio::test]
async fn the_scope_narrows_and_never_widens() {
    let world = World::open().await;
    let client = world.client(NewClient::service("Search", BOTH)).await;
    let narrow = world.form_as(&client, TOKEN, &format!("{FORM}&scope=chat:read")).await;
    assert_eq!(actor(&world, &narrow).scopes, Scopes::NONE.with(Scope::ChatRead));
    for scope in ["chat:write", "chat:read+chat:write", "root", "chat:read,admin"] {
        world.form_as(&client, TOKEN, &format!("{FORM}&scope={scope}")).await.assert_oauth(400, "invalid_scope");
    }
}

#[tokio::test]
async fn an_app_that_may_acts_for_itself_without_what_is_people_s() {
    let world = World::open().await;
    let grants = Grants::default().with(Grant::ClientCredentials);
    let scopes = BOTH.with(Scope::Openid).with(Scope::Profile).with(Scope::OfflineAccess);
    let app = NewClient { grants: Some(grants), scopes: Some(scopes), ..NewClient::app("Wiki", &[]) };
    let client = world.client(app).await;
    let answer = world.form_as(&client, TOKEN, FORM).await;
    assert_eq!(answer.text("scope"), "chat:read");
    assert_eq!(actor(&world, &answer).scopes, Scopes::NONE.with(Scope::ChatRead));
    for scope in ["admin", "openid", "openid+profile"] {
        world.form_as(&client, TOKEN, &format!("{FORM}&scope={scope}")).await.assert_oauth(400, "invalid_scope");
    }
}

#[tokio::test]
async fn who_is_not_registered_for_it_may_not() {
    let world = World::open().await;
    let client = world.client(NewClient::app("Wiki", &["https://wiki.example/cb"])).await;
    world.form_as(&client, TOKEN, FORM).await.assert_oauth(400, "unauthorized_client");
    world.form(TOKEN, FORM).await.assert_oauth(400, "unauthorized_client");
}

#[tokio::test]
async fn a_removed_client_is_refused_at_once() {
    let world = World::open().await;
    let root = world.account("root", TenantRole::Administrator).await.access_token;
    let client = world.client(NewClient::service("Search", BOTH)).await;
    let token = world.form_as(&client, TOKEN, FORM).await.text("access_token");
    assert!(world.service.auth().verifier().verify(&token).is_ok());
    let path = format!("/v1/admin/clients/{}?reason=gone", client.client.client_id);
    assert_eq!(world.call(Method::DELETE, &path, &root, Value::Null).await.status, 204);
    assert!(world.service.auth().verifier().verify(&token).is_err());
    world.form_as(&client, TOKEN, FORM).await.assert_oauth(401, "invalid_client");
    assert!(world.service.auth().verifier().verify(&root).is_ok());
}
