//! Introspection and revocation by clients: who asks proves who it is, learns nothing of a token that is good no more, and
//! takes back only what is its own.

use bartab_auth::{NewClient, RegisteredClient, Tokens};
use bartab_core::store::{AccountChange, Grant, Grants};
use bartab_core::{Scope, Scopes, Timestamp, UserId};
use serde_json::{Value, json};

use crate::world::{ISSUER, World};

const INTROSPECT: &str = "/v1/oauth2/introspect";
const REVOKE: &str = "/v1/oauth2/revoke";
const TOKEN: &str = "/v1/oauth2/token";
const NOW: u64 = 1_750_000_000;

struct Asking {
    world: World,
    client: RegisteredClient,
    alice: Tokens,
}

impl Asking {
    async fn open() -> Self {
        let world = World::open().await;
        let client = world.client(NewClient::service("Search", Scopes::NONE.with(Scope::ChatRead))).await;
        let alice = world.person("alice").await;
        Self { world, client, alice }
    }

    async fn of(&self, token: &str) -> Value {
        let answer = self.world.form_as(&self.client, INTROSPECT, &format!("token={token}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"), "{answer:?}");
        answer.json()
    }

    async fn inactive(&self, token: &str) {
        assert_eq!(self.of(token).await, json!({"active": false}));
    }
}

#[tokio::test]
async fn an_access_token_says_what_it_stands_for() {
    let asking = Asking::open().await;
    let mut told = asking.of(&asking.alice.access_token).await;
    assert_eq!(told.as_object_mut().unwrap().remove("jti").unwrap().as_str().unwrap().len(), 22);
    assert_eq!(
        told,
        json!({
            "active": true, "scope": asking.alice.scope, "client_id": "bartab", "username": "alice",
            "token_type": "Bearer", "iat": NOW, "exp": NOW + 600, "sub": asking.alice.user_id, "aud": ISSUER,
            "iss": ISSUER, "sid": asking.alice.session_id,
        })
    );
    let own = asking.world.form_as(&asking.client, TOKEN, "grant_type=client_credentials").await.text("access_token");
    let told = asking.of(&own).await;
    let id = &asking.client.client.client_id;
    assert_eq!((&told["active"], &told["client_id"]), (&json!(true), &json!(id)));
    assert_eq!(told["sub"], UserId::from_external(ISSUER, id).to_string());
    assert_eq!((told.get("username"), told.get("sid")), (None, None));
}

#[tokio::test]
async fn a_refresh_token_is_its_own_client_s_affair() {
    let asking = Asking::open().await;
    // Our own login's; the client that asks is another one.
    asking.inactive(&asking.alice.refresh_token).await;
    assert_eq!(asking.world.refresh(&asking.alice.refresh_token).await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_not_good_now_says_nothing() {
    let asking = Asking::open().await;
    let elsewhere = World::open().await.person("alice").await;
    for token in ["x", "..", "%00", &"A".repeat(86), &"A".repeat(9000), &elsewhere.refresh_token] {
        asking.inactive(token).await;
    }
    let stranger = World::on(crate::world::memory(), crate::world::config(), 9).await.person("alice").await;
    asking.inactive(&stranger.access_token).await;

    // Suspended, and ended, by another process that this one has not been told of.
    let now = Timestamp::from_secs(NOW);
    let [bob, carol] = [asking.world.person("bob").await, asking.world.person("carol").await];
    asking.world.stores.accounts.change(bob.user_id, AccountChange::Suspend, now, None).await.unwrap();
    asking.inactive(&bob.access_token).await;
    asking.world.stores.sessions.end(carol.user_id, carol.session_id, now).await.unwrap();
    asking.inactive(&carol.access_token).await;

    assert_eq!(asking.of(&asking.alice.access_token).await["active"], true);
    asking.world.advance(600);
    asking.inactive(&asking.alice.access_token).await;
}

#[tokio::test]
async fn only_a_client_with_a_secret_may_ask() {
    let asking = Asking::open().await;
    let form = format!("token={}", asking.alice.access_token);
    let public = NewClient { confidential: false, ..NewClient::app("Tool", &["http://127.0.0.1/cb"]) };
    let public = asking.world.client(public).await.client.client_id;
    for extra in ["", "&client_id=bartab", &format!("&client_id={public}"), "&client_id=x&client_secret=x"] {
        asking.world.form(INTROSPECT, &format!("{form}{extra}")).await.assert_oauth(401, "invalid_client");
    }
    asking.world.form_as(&asking.client, INTROSPECT, "").await.assert_oauth(400, "invalid_request");
    let wrong = RegisteredClient { client_secret: Some("x".to_owned()), ..asking.client.clone() };
    asking.world.form_as(&wrong, INTROSPECT, &form).await.assert_oauth(401, "invalid_client");
}

#[tokio::test]
async fn a_client_takes_back_its_own_tokens_and_nobody_else_s() {
    let asking = Asking::open().await;
    let form = |token: &str| format!("token={token}");
    for token in [&asking.alice.access_token, &asking.alice.refresh_token, "x"] {
        assert_eq!(asking.world.form_as(&asking.client, REVOKE, &form(token)).await.status, 200);
    }
    assert_eq!(asking.of(&asking.alice.access_token).await["active"], true);
    let wrong = RegisteredClient { client_secret: Some("x".to_owned()), ..asking.client.clone() };
    let token = form(&asking.alice.access_token);
    asking.world.form_as(&wrong, REVOKE, &token).await.assert_oauth(401, "invalid_client");
    // What a client has got for itself belongs to no session.
    let own = asking.world.form_as(&asking.client, TOKEN, "grant_type=client_credentials").await.text("access_token");
    asking.world.form_as(&asking.client, REVOKE, &form(&own)).await.assert_oauth(400, "unsupported_token_type");
    assert_eq!(asking.world.form(REVOKE, &form(&own)).await.status, 200);
    // The owner's own client does what it says.
    assert_eq!(asking.world.form(REVOKE, &token).await.status, 200);
    asking.inactive(&asking.alice.access_token).await;
}

#[tokio::test]
async fn a_client_learns_of_its_own_refresh_tokens_until_they_are_spent() {
    let world = World::open().await;
    world.person("alice").await;
    let grants = Grants::default().with(Grant::AuthorizationCode).with(Grant::RefreshToken);
    let app = NewClient { grants: Some(grants), ..NewClient::app("Wiki", &[crate::authorize::HERE]) };
    let client = world.client(app).await;
    let answer = world.allowed(&client, "chat:read offline_access").await;
    let refresh = answer.text("refresh_token");
    let asking = Asking { alice: world.person("bob").await, client: client.clone(), world };
    assert_eq!(
        asking.of(&refresh).await,
        json!({
            "active": true, "scope": "chat:read offline_access", "client_id": client.client.client_id,
            "username": "alice", "iat": NOW, "exp": NOW + 30 * 24 * 3600, "sub": answer.text("user_id"), "iss": ISSUER,
            "sid": answer.text("session_id"),
        })
    );
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let next = asking.world.form_as(&client, TOKEN, &form).await;
    asking.inactive(&refresh).await;
    // Asking has ended nothing.
    assert_eq!(asking.of(&next.text("refresh_token")).await["active"], true);
    assert_eq!(asking.of(&next.text("access_token")).await["active"], true);
}
