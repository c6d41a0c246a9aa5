//! ID tokens: what a client is told of a sign-in, signed with what it has registered.

use bartab_auth::NewClient;
use bartab_core::ActorKind;
use bartab_core::store::KeyAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Header, decode_header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use crate::authorize::{HERE, VERIFIER, request};
use crate::browser::Browser;
use crate::mfa::turn_on;
use crate::world::{Answer, ISSUER, World};

const TOKEN: &str = "/v1/oauth2/token";
const NOW: u64 = 1_750_000_000;

/// What the ID token of an answer says, once its signature is right by the published keys.
async fn read(world: &World, answer: &Answer) -> (Header, Value) {
    let token = answer.text("id_token");
    let header = decode_header(&token).unwrap();
    let set: JwkSet = serde_json::from_slice(&world.get("/.well-known/jwks.json", "").await.body).unwrap();
    let key = DecodingKey::from_jwk(set.find(header.kid.as_ref().unwrap()).unwrap()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&header.alg, &key).unwrap();
    verifier.verify(message.as_bytes(), &BASE64.decode(signature).unwrap()).unwrap();
    let claims = BASE64.decode(message.split('.').nth(1).unwrap()).unwrap();
    (header, serde_json::from_slice(&claims).unwrap())
}

#[tokio::test]
async fn an_id_token_tells_of_the_sign_in_and_of_the_access_token_beside_it() {
    for algorithm in [KeyAlgorithm::Rs256, KeyAlgorithm::Es256, KeyAlgorithm::EdDsa] {
        let world = World::open().await;
        let alice = world.person("alice").await;
        let (device, _) = turn_on(&world, &alice.access_token, 0).await;
        let client = NewClient { id_token_algorithm: algorithm, ..NewClient::app("Wiki", &[HERE]) };
        let client = world.client(client).await;
        let client_id = client.client.client_id.clone();
        world.advance(60);
        let scope = ("scope", "openid offline_access chat:read");
        let mut browser = Browser::default();
        let page = browser.get(&world, &request(&[("client_id", &client_id), scope, ("nonce", "n-0S6_WzA2Mj")])).await;
        let page = world.sign_in(&mut browser, &page, "alice").await;
        let page = browser.submit(&world, &page, &[("otp", &device.code(60))]).await;
        let code = browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
        world.advance(10);
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={HERE}&code_verifier={VERIFIER}");
        let answer = world.form_as(&client, TOKEN, &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let access = answer.text("access_token");
        let (header, claims) = read(&world, &answer).await;
        assert_eq!(header.typ.as_deref(), Some("JWT"));
        assert_eq!(serde_json::to_value(header.alg).unwrap(), algorithm.name());
        let at_hash = match algorithm {
            KeyAlgorithm::EdDsa => BASE64.encode(&Sha512::digest(&access)[..32]),
            _ => BASE64.encode(&Sha256::digest(&access)[..16]),
        };
        assert_eq!(
            claims,
            json!({
                "iss": ISSUER, "sub": alice.user_id, "aud": client_id, "azp": client_id,
                "iat": NOW + 70, "exp": NOW + 70 + 3600, "auth_time": NOW + 60, "nonce": "n-0S6_WzA2Mj",
                "amr": ["pwd", "otp", "mfa"], "at_hash": at_hash, "sid": answer.text("session_id"),
            })
        );
        let actor = world.service.auth().verifier().verify(&access).unwrap();
        assert_eq!((&*actor.client_id, actor.kind), (&*client_id, ActorKind::Person));
        // It is no access token, whatever key it is signed with.
        assert!(world.service.auth().verifier().verify(&answer.text("id_token")).is_err());
        // A refresh tells of no new sign-in.
        let refresh = format!("grant_type=refresh_token&refresh_token={}", answer.text("refresh_token"));
        let refreshed = world.form_as(&client, TOKEN, &refresh).await;
        assert_eq!((refreshed.status.as_u16(), refreshed.json().get("id_token")), (200, None), "{refreshed:?}");
    }
}

#[tokio::test]
async fn a_device_is_told_of_the_sign_in_in_the_browser() {
    let world = World::with_app().await;
    let (device_code, user_code) = world.begin("openid chat:read").await;
    let mut browser = Browser::default();
    let page = world.asked(&mut browser, &user_code).await;
    world.advance(10);
    browser.submit(&world, &page, &[("decision", "allow")]).await.assert_page(200, "The device is connected");
    let (_, claims) = read(&world, &world.poll(&device_code).await).await;
    assert_eq!((&claims["aud"], &claims["amr"], claims.get("nonce")), (&json!("app"), &json!(["pwd"]), None));
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&json!(NOW), &json!(NOW + 10)));
}

#[tokio::test]
async fn a_client_that_shows_an_id_token_gets_nobody_else() {
    let world = World::open().await;
    world.person("alice").await;
    world.person("bob").await;
    let apps =
        [world.client(NewClient::app("Wiki", &[HERE])).await, world.client(NewClient::app("Board", &[HERE])).await];
    let [wiki, board] = apps.each_ref().map(|app| app.client.client_id.clone());
    let alice = world.allowed(&apps[0], "openid").await;
    let (of_alice, access) = (alice.text("id_token"), alice.text("access_token"));
    let of_board = world.allowed(&apps[1], "openid").await.text("id_token");
    world.advance(2 * 3600);

    let mut browser = Browser::default();
    let page = browser.get(&world, &request(&[("client_id", &wiki), ("scope", "openid")])).await;
    let page = world.sign_in(&mut browser, &page, "bob").await;
    browser.submit(&world, &page, &[("decision", "allow")]).await.sent("code");
    let asks = |hint: &str, prompt: &str| {
        request(&[("client_id", &wiki), ("scope", "openid"), ("id_token_hint", hint), ("prompt", prompt)])
    };
    // Bob is here and has allowed the client; it expects alice.
    assert_eq!(browser.get(&world, &asks(&of_alice, "none")).await.sent("error"), "login_required");
    let page = browser.get(&world, &asks(&of_alice, "")).await;
    page.assert_page(200, "Sign in");
    let again = world.sign_in(&mut browser, &page, "bob").await;
    assert_eq!(again.sent("error"), "login_required");
    let page = browser.get(&world, &asks(&of_alice, "")).await;
    world.sign_in(&mut browser, &page, "alice").await.sent("code");
    // That it has run out does not matter; that it is another client's, altered, or an access token does.
    browser.get(&world, &asks(&of_alice, "none")).await.sent("code");
    let altered = format!("{of_alice}A");
    for nobody in [of_board.as_str(), &altered, &access, "nonsense"] {
        assert_eq!(browser.get(&world, &asks(nobody, "none")).await.sent("error"), "login_required");
        // Nobody knows whom to expect, so who is here will do.
        browser.get(&world, &asks(nobody, "")).await.sent("code");
    }
    let other =
        request(&[("client_id", &board), ("scope", "openid"), ("id_token_hint", &of_board), ("prompt", "none")]);
    browser.get(&world, &other).await.sent("code");
}
