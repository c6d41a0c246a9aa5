//! Token exchange: whom a tenant trusts, with which clients, and from where it takes their keys.

use bartab_auth::{Config, ConfigError, NewClient, TrustedIssuer};
use bartab_core::TenantRole;
use bartab_core::store::{Grant, Grants};
use serde_json::json;

use crate::exchange::{EXCHANGE, Host, JWT, actor, exchange, people, trusting};
use crate::world::{ISSUER, World, config};

const TOKEN: &str = "/v1/oauth2/token";

#[tokio::test]
async fn only_the_clients_that_are_named_exchange() {
    let host = Host::new(1);
    let world = World::open().await;
    let grants = Grants::default().with(Grant::TokenExchange);
    let app = NewClient { grants: Some(grants), ..NewClient::app("Host", &[]) };
    let (named, other) = (world.client(app.clone()).await, world.client(app).await);
    let without = world.client(NewClient::app("Wiki", &["https://wiki.example/cb"])).await;
    let issuer = TrustedIssuer { clients: vec![named.client.client_id.clone()], ..host.issuer() };
    let world = World::on(world.stores.clone(), trusting(issuer), 2).await;
    let form = format!("{EXCHANGE}&subject_token={}&subject_token_type={JWT}", host.token());
    world.form(TOKEN, &form).await.assert_oauth(400, "unauthorized_client");
    world.form_as(&other, TOKEN, &form).await.assert_oauth(400, "unauthorized_client");
    world.form_as(&without, TOKEN, &form).await.assert_oauth(400, "unauthorized_client");
    assert_eq!(people(&world).await, 0);
    let answer = world.form_as(&named, TOKEN, &form).await;
    assert_eq!(&*actor(&world, &answer).client_id, named.client.client_id);
    // Its name alone is not enough.
    let bare = format!("{form}&client_id={}", named.client.client_id);
    world.form(TOKEN, &bare).await.assert_oauth(401, "invalid_client");
}

#[tokio::test]
async fn the_role_of_a_new_account_is_configured() {
    let host = Host::new(1);
    let issuer = TrustedIssuer {
        role: TenantRole::Moderator,
        username_claim: "sub".to_owned(),
        name_claim: "given_name".to_owned(),
        ..host.issuer()
    };
    let world = World::with(trusting(issuer)).await;
    let token = host.token_with(&[], &[("sub", json!("alice@host.example")), ("given_name", json!("Al"))]);
    let answer = exchange(&world, &token, "").await;
    assert_eq!(actor(&world, &answer).tenant_role, TenantRole::Moderator);
    let me = world.get("/v1/me", &answer.text("access_token")).await;
    assert_eq!((me.text("username"), me.text("display_name")), ("alice".to_owned(), "Al".to_owned()));
}

#[test]
fn a_configuration_that_trusts_too_much_is_refused() {
    let host = Host::new(1);
    let good = host.issuer();
    assert_eq!(trusting(good.clone()).validate(), Ok(()));
    let mut private = host.jwks();
    private["keys"][0]["d"] = json!("c2VjcmV0");
    let symmetric = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"}]});
    for wrong in [
        TrustedIssuer { issuer: String::new(), ..good.clone() },
        TrustedIssuer { issuer: ISSUER.to_owned(), ..good.clone() },
        TrustedIssuer { audience: String::new(), ..good.clone() },
        TrustedIssuer { role: TenantRole::Owner, ..good.clone() },
        TrustedIssuer { jwks: None, ..good.clone() },
        TrustedIssuer { jwks: Some(json!({"keys": []})), ..good.clone() },
        TrustedIssuer { jwks: Some(json!("x")), ..good.clone() },
        TrustedIssuer { jwks: Some(symmetric), ..good.clone() },
        TrustedIssuer { jwks: Some(private), ..good.clone() },
        TrustedIssuer { jwks_url: Some("https://host.example/jwks".to_owned()), ..good.clone() },
        TrustedIssuer::new(&good.issuer, &good.audience, "file:///etc/passwd"),
        TrustedIssuer::new(&good.issuer, &good.audience, "http://host.example/jwks"),
        TrustedIssuer::new(&good.issuer, &good.audience, "http://169.254.169.254/latest"),
        TrustedIssuer::new(&good.issuer, &good.audience, "https://user:secret@host.example/jwks"),
    ] {
        assert!(
            matches!(trusting(wrong.clone()).validate(), Err(ConfigError::TokenExchange { entry: 1, .. })),
            "{wrong:?}"
        );
    }
    let twice = Config { token_exchange: vec![good.clone(), good], ..config() };
    assert!(matches!(twice.validate(), Err(ConfigError::TokenExchange { entry: 2, .. })));
}

#[cfg(feature = "remote-jwks")]
#[tokio::test]
async fn the_keys_of_another_tenant_are_fetched() {
    use crate::remote::Publisher;

    const OTHER: &str = "https://other.example";
    let other = World::with(Config { issuer: OTHER.to_owned(), ..config() }).await;
    let token = other.person("alice").await.access_token;
    let publisher = Publisher::open("nothing yet").await;
    let world = World::with(trusting(TrustedIssuer::new(OTHER, OTHER, &publisher.url))).await;
    exchange(&world, &token, "").await.assert_oauth(503, "temporarily_unavailable");
    publisher.publish(200, other.get("/.well-known/jwks.json", "").await.body);
    world.advance(10);
    let answer = exchange(&world, &token, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let me = world.get("/v1/me", &answer.text("access_token")).await;
    assert_eq!(me.text("username"), "alice");
    let asked = publisher.asked();
    assert_eq!(exchange(&world, &token, "").await.status, 200);
    assert_eq!(publisher.asked(), asked);
}
