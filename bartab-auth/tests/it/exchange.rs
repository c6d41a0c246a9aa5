//! Token exchange: a trusted issuer's token becomes an account and tokens of ours; a token that is not right in every
//! respect becomes nothing.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use bartab_auth::{Config, NewClient, TrustedIssuer};
use bartab_core::store::{AccountChange, AccountFilter, Grant, Grants};
use bartab_core::{Actor, Scope, Scopes, TenantRole, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::tokens::sign;
use crate::world::{Answer, ISSUER, World, config};

pub(crate) const HOST: &str = "https://host.example";
const TOKEN: &str = "/v1/oauth2/token";
pub(crate) const EXCHANGE: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const NOW: u64 = 1_750_000_000;

/// A host application that signs with a key of its own.
pub(crate) struct Host {
    key: EncodingKey,
    public: Vec<u8>,
}

impl Host {
    pub(crate) fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        Self {
            key: EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref()),
            public: pair.public_key().as_ref().to_vec(),
        }
    }

    pub(crate) fn jwks(&self) -> Value {
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(&self.public), "kid": "one"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"},
        ]})
    }

    pub(crate) fn issuer(&self) -> TrustedIssuer {
        TrustedIssuer::with_keys(HOST, "chat", self.jwks())
    }

    pub(crate) fn token_with(&self, header: &[(&str, Value)], claims: &[(&str, Value)]) -> String {
        let mut head = json!({"typ": "JWT", "alg": "EdDSA", "kid": "one"});
        let mut body = json!({
            "iss": HOST, "sub": "42", "aud": "chat", "iat": NOW, "exp": NOW + 60,
            "preferred_username": "alice", "name": "Alice Host",
        });
        for (target, changes) in [(&mut head, header), (&mut body, claims)] {
            for (name, value) in changes {
                match value {
                    Value::Null => drop(target.as_object_mut().unwrap().remove(*name)),
                    value => target[*name] = value.clone(),
                }
            }
        }
        sign(&head, &body, Algorithm::EdDSA, &self.key)
    }

    pub(crate) fn token(&self) -> String {
        self.token_with(&[], &[])
    }
}

pub(crate) fn trusting(issuer: TrustedIssuer) -> Config {
    Config { token_exchange: vec![issuer], ..config() }
}

pub(crate) async fn exchange(world: &World, token: &str, extra: &str) -> Answer {
    world.form(TOKEN, &format!("{EXCHANGE}&subject_token={token}&subject_token_type={JWT}{extra}")).await
}

pub(crate) fn actor(world: &World, answer: &Answer) -> Arc<Actor> {
    world.service.auth().verifier().verify(&answer.text("access_token")).unwrap()
}

pub(crate) async fn people(world: &World) -> usize {
    world.stores.accounts.list(&AccountFilter::default(), None, 100).await.unwrap().len()
}

#[tokio::test]
async fn a_host_s_token_becomes_an_account_and_a_token_of_ours() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    let answer = exchange(&world, &host.token(), "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
    let json = answer.json();
    assert_eq!((&json["issued_token_type"], &json["token_type"]), (&json!(ACCESS), &json!("Bearer")));
    assert_eq!((json.get("refresh_token"), json.get("id_token")), (None, None));
    let first = actor(&world, &answer);
    assert_eq!((&*first.profile.name, first.tenant_role), ("Alice Host", TenantRole::Member));
    assert_eq!(first.session_id.unwrap().to_string(), answer.text("session_id"));
    assert!(!first.scopes.contains(Scope::OfflineAccess) && !first.scopes.contains(Scope::Admin));
    let me = world.get("/v1/me", &answer.text("access_token")).await;
    assert_eq!((me.text("username"), me.text("display_name")), ("alice".to_owned(), "Alice Host".to_owned()));
    // The same person again, whatever they are called there now; another one with the same name.
    let renamed = host.token_with(&[], &[("preferred_username", json!("eve")), ("name", json!("Eve"))]);
    assert_eq!(actor(&world, &exchange(&world, &renamed, "").await).user_id, first.user_id);
    let other = exchange(&world, &host.token_with(&[], &[("sub", json!("43"))]), "").await;
    assert_ne!(actor(&world, &other).user_id, first.user_id);
    assert_eq!(world.get("/v1/me", &other.text("access_token")).await.text("username"), "alice-2");
    assert_eq!(people(&world).await, 2);
}

#[tokio::test]
async fn what_an_issuer_vouches_for_neither_administers_unasked_nor_sets_a_way_to_sign_in() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    let alice = actor(&world, &exchange(&world, &host.token(), "").await).user_id;
    let now = Timestamp::from_secs(NOW);
    let role = AccountChange::Role(TenantRole::Administrator);
    world.stores.accounts.change(alice, role, now, None).await.unwrap();
    let usual = exchange(&world, &host.token(), "").await;
    assert!(!actor(&world, &usual).scopes.contains(Scope::Admin), "{usual:?}");
    let asked = exchange(&world, &host.token(), "&scope=chat:read+admin").await;
    assert_eq!(asked.text("scope"), "chat:read admin");
    for (path, body) in [("/v1/me/password", json!({"new": "a passphrase of hers"})), ("/v1/me/mfa/totp", json!({}))] {
        let refused = world.post(path, &usual.text("access_token"), body).await;
        refused.assert_problem(403, "auth.sign_in_again");
    }
}

#[tokio::test]
async fn nobody_takes_over_an_account_by_its_name() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    let alice = world.person("alice").await;
    let answer = exchange(&world, &host.token(), "").await;
    assert_ne!(actor(&world, &answer).user_id, alice.user_id);
}

#[tokio::test]
async fn every_kind_of_subject_token_has_its_types() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    for (kind, typ, status) in [
        (JWT, json!("JWT"), 200),
        (JWT, json!("at+jwt"), 200),
        (JWT, Value::Null, 200),
        (ACCESS, json!("application/at+jwt"), 200),
        (ACCESS, json!("jwt"), 200),
        (ID_TOKEN, json!("JWT"), 200),
        (ID_TOKEN, Value::Null, 200),
        (ID_TOKEN, json!("at+jwt"), 400),
        (JWT, json!("logout+jwt"), 400),
        (JWT, json!("dpop+jwt"), 400),
        (JWT, json!("secevent+jwt"), 400),
        ("urn:ietf:params:oauth:token-type:saml2", json!("JWT"), 400),
        ("urn:ietf:params:oauth:token-type:refresh_token", json!("JWT"), 400),
    ] {
        let token = host.token_with(&[("typ", typ.clone())], &[]);
        let answer = world.form(TOKEN, &format!("{EXCHANGE}&subject_token={token}&subject_token_type={kind}")).await;
        assert_eq!(answer.status, status, "{kind} {typ} {answer:?}");
        if status == 400 {
            answer.assert_oauth(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_right_in_every_respect_becomes_nothing() {
    let (host, other) = (Host::new(1), Host::new(2));
    let world = World::with(trusting(host.issuer())).await;
    let own = world.person("bob").await.access_token;
    let good = host.token();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let hmac = |secret: &[u8], kid: &str| {
        let header = json!({"typ": "JWT", "alg": "HS256", "kid": kid});
        let claims = json!({"iss": HOST, "sub": "42", "aud": "chat", "iat": NOW, "exp": NOW + 60});
        sign(&header, &claims, Algorithm::HS256, &EncodingKey::from_secret(secret))
    };
    let claims = message.split_once('.').unwrap().1;
    let unsigned = |alg: &str| format!("{}.{claims}.", BASE64.encode(json!({"alg": alg, "kid": "one"}).to_string()));
    let altered = BASE64.encode(json!({"iss": HOST, "sub": "1", "aud": "chat", "exp": NOW + 60}).to_string());
    let mut tokens = vec![
        // Signed by somebody else, with the host's name on it; with its public key for a secret; with a published secret.
        other.token(),
        hmac(&host.public, "one"),
        hmac(host.jwks()["keys"][0]["x"].as_str().unwrap().as_bytes(), "one"),
        hmac(b"secret", "secret"),
        hmac(b"", "one"),
        unsigned("none"),
        unsigned("NONE"),
        unsigned("EdDSA"),
        unsigned("RS256"),
        format!("{}.{altered}.{signature}", message.split_once('.').unwrap().0),
        format!("{message}."),
        format!("{message}.{signature}A"),
        message.to_owned(),
        own,
        "x".to_owned(),
        "..".to_owned(),
        "%00.%00.%00".to_owned(),
        format!("{message}.{}", "A".repeat(9000)),
    ];
    for (name, value) in [
        ("alg", json!("ES256")),
        ("alg", json!("RS256")),
        ("kid", json!("two")),
        ("kid", json!("")),
        ("crit", json!(["exp"])),
    ] {
        tokens.push(host.token_with(&[(name, value)], &[]));
    }
    for (name, value) in [
        ("iss", json!("https://host.example/")),
        ("iss", json!(ISSUER)),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!(ISSUER)),
        ("aud", Value::Null),
        ("exp", json!(NOW)),
        ("exp", json!(NOW - 1)),
        ("exp", Value::Null),
        ("iat", json!(NOW + 6)),
        ("nbf", json!(NOW + 6)),
        ("sub", Value::Null),
        ("sub", json!("")),
    ] {
        tokens.push(host.token_with(&[], &[(name, value)]));
    }
    for token in tokens {
        let answer = exchange(&world, &token, "").await;
        answer.assert_oauth(400, "invalid_request");
        assert!(token.len() < 20 || !String::from_utf8_lossy(&answer.body).contains(&token));
    }
    assert_eq!(people(&world).await, 1);
    // It is good to the last second and not for one more.
    world.advance(59);
    assert_eq!(exchange(&world, &good, "").await.status, 200);
    world.advance(1);
    exchange(&world, &good, "").await.assert_oauth(400, "invalid_request");
}

#[tokio::test]
async fn the_only_key_needs_no_name() {
    let host = Host::new(1);
    let mut jwks = host.jwks();
    jwks["keys"].as_array_mut().unwrap().truncate(1);
    let world = World::with(trusting(TrustedIssuer::with_keys(HOST, "chat", jwks))).await;
    assert_eq!(exchange(&world, &host.token_with(&[("kid", Value::Null)], &[]), "").await.status, 200);
    exchange(&world, &host.token_with(&[("kid", json!("two"))], &[]), "").await.assert_oauth(400, "invalid_request");
}

#[tokio::test]
async fn requests_that_are_none_get_the_standard_s_error() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    let token = host.token();
    for (form, error) in [
        (format!("{EXCHANGE}&subject_token={token}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token_type={JWT}"), "invalid_request"),
        (format!("{EXCHANGE}&subject_token={token}&subject_token_type=jwt"), "invalid_request"),
    ] {
        world.form(TOKEN, &form).await.assert_oauth(400, error);
    }
    for (extra, error) in [
        ("&actor_token=x", "invalid_request"),
        ("&actor_token_type=x", "invalid_request"),
        ("&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token", "invalid_request"),
        ("&requested_token_type=urn:ietf:params:oauth:token-type:id_token", "invalid_request"),
        ("&audience=https://other.example", "invalid_target"),
        ("&audience=https://chat.example&audience=other", "invalid_target"),
        ("&resource=https://other.example/", "invalid_target"),
        ("&scope=root", "invalid_scope"),
    ] {
        exchange(&world, &token, extra).await.assert_oauth(400, error);
    }
    assert_eq!(people(&world).await, 0);
    let extra = format!("&audience={ISSUER}&audience={ISSUER}/&resource={ISSUER}&requested_token_type={ACCESS}");
    assert_eq!(exchange(&world, &token, &extra).await.status, 200);
    // Without a trusted issuer there is no such grant.
    let alone = World::open().await;
    exchange(&alone, &token, "").await.assert_oauth(400, "unsupported_grant_type");
}

#[tokio::test]
async fn the_scope_narrows_and_a_refresh_token_is_asked_for_by_name() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    let answer = exchange(&world, &host.token(), "&scope=chat:read+admin").await;
    // A member's token says nothing of `admin`, whoever asks for it.
    assert_eq!(actor(&world, &answer).scopes, Scopes::NONE.with(Scope::ChatRead));
    let answer = exchange(&world, &host.token(), "&scope=chat:read+offline_access").await;
    let next = world.refresh(&answer.text("refresh_token")).await;
    assert_eq!(actor(&world, &next).user_id, actor(&world, &answer).user_id);
    let without = Grants::default().with(Grant::TokenExchange);
    let app = NewClient { grants: Some(without), ..NewClient::app("Host", &[]) };
    let client = world.client(app).await;
    let form = format!("{EXCHANGE}&subject_token={}&subject_token_type={JWT}", host.token());
    let answer = world.form_as(&client, TOKEN, &format!("{form}&scope=offline_access")).await;
    answer.assert_oauth(400, "invalid_scope");
    assert_eq!(world.form_as(&client, TOKEN, &form).await.status, 200);
}

#[tokio::test]
async fn a_suspended_person_is_refused() {
    let host = Host::new(1);
    let world = World::with(trusting(host.issuer())).await;
    let user = actor(&world, &exchange(&world, &host.token(), "").await).user_id;
    let now = bartab_core::Timestamp::from_secs(NOW);
    world.stores.accounts.change(user, AccountChange::Suspend, now, None).await.unwrap();
    exchange(&world, &host.token(), "").await.assert_oauth(400, "invalid_request");
    world.stores.accounts.change(user, AccountChange::Restore, now, None).await.unwrap();
    assert_eq!(exchange(&world, &host.token(), "").await.status, 200);
}
