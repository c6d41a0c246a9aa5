//! The client credentials grant: a client acts for itself, a bot's client as the bot, and neither gets more than it was
//! registered for.

use std::sync::Arc;
use std::sync::Mutex;

use async_trait::async_trait;
use bartab_auth::{AuthStores, NewClient};
use bartab_core::store::{
    AccountChange, AccountStore as _, AuditRecord, ClientStore, Grant, Grants, MemoryIdentity, OAuthClient,
    SecretRotation, StoreError, TokenHash,
};
use bartab_core::{Actor, ActorKind, Scope, Scopes, TenantRole, Timestamp, UserId};
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, ISSUER, World, config};

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

#[tokio::test]
async fn a_removed_client_is_refused_also_when_the_tenant_is_opened_again() {
    let world = World::open().await;
    let root = world.account("root", TenantRole::Administrator).await.access_token;
    let clients =
        [world.client(NewClient::service("Search", BOTH)).await, world.client(NewClient::service("Mail", BOTH)).await];
    let [gone, kept] = &clients;
    let token = world.form_as(gone, TOKEN, FORM).await.text("access_token");
    let other = world.form_as(kept, TOKEN, FORM).await.text("access_token");
    let path = format!("/v1/admin/clients/{}?reason=gone", gone.client.client_id);
    assert_eq!(world.call(Method::DELETE, &path, &root, Value::Null).await.status, 204);
    let again = World::on(world.stores.clone(), config(), 2).await;
    assert!(again.service.auth().verifier().verify(&token).is_err());
    assert!(again.service.auth().verifier().verify(&other).is_ok());
}

/// What happens to a bot between two looks at its client.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    SecretRotated,
    ScopesTaken,
    Removed,
}

/// A memory store where something happens just after a client was read.
#[derive(Clone, Default)]
struct Overtaken {
    memory: Arc<MemoryIdentity>,
    next: Arc<Mutex<Option<Meanwhile>>>,
}

#[async_trait]
impl ClientStore for Overtaken {
    async fn create(&self, client: OAuthClient, audit: Option<AuditRecord>) -> Result<(), StoreError> {
        ClientStore::create(&*self.memory, client, audit).await
    }

    async fn get(&self, client_id: &str) -> Result<Option<OAuthClient>, StoreError> {
        let client = ClientStore::get(&*self.memory, client_id).await?;
        let next = self.next.lock().unwrap().take();
        if let (Some(next), Some(bartab_core::store::ClientKind::Bot { user, .. })) =
            (next, client.as_ref().map(|client| client.kind))
        {
            let now = Timestamp::from_secs(1_750_000_000);
            match next {
                Meanwhile::SecretRotated => {
                    let rotation = SecretRotation { next: TokenHash::of(b"another"), now, old_until: now };
                    self.memory.rotate_secret(client_id, rotation, None).await?;
                }
                Meanwhile::ScopesTaken => {
                    self.memory.set_scopes(client_id, Scopes::NONE.with(Scope::ChatRead), None).await?;
                }
                Meanwhile::Removed => drop(ClientStore::remove(&*self.memory, client_id, None).await?),
            }
            self.memory.change(user, AccountChange::Revoke, now, None).await?;
        }
        Ok(client)
    }

    async fn list(&self, after: Option<&str>, limit: usize) -> Result<Vec<OAuthClient>, StoreError> {
        ClientStore::list(&*self.memory, after, limit).await
    }

    async fn rotate_secret(
        &self,
        client_id: &str,
        rotation: SecretRotation,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError> {
        self.memory.rotate_secret(client_id, rotation, audit).await
    }

    async fn set_scopes(
        &self,
        client_id: &str,
        scopes: Scopes,
        audit: Option<AuditRecord>,
    ) -> Result<OAuthClient, StoreError> {
        self.memory.set_scopes(client_id, scopes, audit).await
    }

    async fn remove(&self, client_id: &str, audit: Option<AuditRecord>) -> Result<bool, StoreError> {
        ClientStore::remove(&*self.memory, client_id, audit).await
    }

    async fn consent(&self, user: UserId, client_id: &str) -> Result<Scopes, StoreError> {
        self.memory.consent(user, client_id).await
    }

    async fn allow(&self, user: UserId, client_id: &str, scopes: Scopes) -> Result<(), StoreError> {
        self.memory.allow(user, client_id, scopes).await
    }

    async fn withdraw(&self, user: UserId, client_id: Option<&str>) -> Result<(), StoreError> {
        self.memory.withdraw(user, client_id).await
    }
}

#[tokio::test]
async fn what_ends_after_the_secret_was_looked_at_gives_no_token() {
    for meanwhile in [Meanwhile::SecretRotated, Meanwhile::ScopesTaken, Meanwhile::Removed] {
        let store = Overtaken::default();
        let stores = AuthStores { clients: Arc::new(store.clone()), ..AuthStores::of(store.memory.clone()) };
        let world = World::on(stores, config(), 1).await;
        let alice = world.person("alice").await.access_token;
        let bot = world.post("/v1/bots", &alice, json!({"name": "Weather"})).await;
        let form = format!("{FORM}&client_id={}&client_secret={}", bot.text("client_id"), bot.text("client_secret"));
        *store.next.lock().unwrap() = Some(meanwhile);
        let answer = world.form(TOKEN, &form).await;
        match meanwhile {
            Meanwhile::ScopesTaken => assert_eq!(answer.text("scope"), "chat:read"),
            _ => answer.assert_oauth(401, "invalid_client"),
        }
    }
}
