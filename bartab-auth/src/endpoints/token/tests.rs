//! The grants that a person's yes stands behind: what comes out, once, and every error of the standards.

use std::sync::Arc;
use std::time::Duration;

use bartab_core::store::{Account, AccountChange, KeyAlgorithm, OAuthClient};
use bartab_core::{ActorKind, Clock as _, ManualClock, Scope, Scopes, SessionId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Header, decode_header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};
use tower::ServiceExt as _;

use crate::code::{AuthorizationCode, challenge_of};
use crate::device::DeviceDecision;
use crate::testing;
use crate::tickets::password_of;
use crate::{Act, Auth, AuthService, NewAccount, NewClient, RegisteredClient};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const HERE: &str = "https://app.example/callback";
pub(super) const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) struct World {
    pub(super) auth: Auth,
    clock: Arc<ManualClock>,
    pub(super) alice: Account,
}

impl World {
    pub(super) async fn open() -> Self {
        let (auth, clock) = testing::open().await;
        let alice = auth.create_account(NewAccount::member("alice", "correct horse battery")).await.unwrap();
        Self { auth, clock, alice }
    }

    pub(super) async fn client(&self, new: NewClient) -> RegisteredClient {
        self.auth.register_client(&Act::operator("needed"), new).await.unwrap()
    }

    async fn send(&self, path: &str, form: &str) -> (StatusCode, Value) {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Full::new(Bytes::from(form.to_owned()))).unwrap();
        let response = AuthService::from(self.auth.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers["cache-control"], "no-store");
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(super) async fn token(&self, form: &str) -> (StatusCode, Value) {
        self.send("/v1/oauth2/token", form).await
    }

    /// A code that alice has allowed, as it goes into the form.
    pub(super) async fn code(&self, client: &OAuthClient, scopes: &str) -> String {
        let now = self.auth.0.clock.now();
        let code = AuthorizationCode {
            client_id: client.client_id.clone(),
            redirect_uri: Some(HERE.to_owned()),
            challenge: challenge_of(VERIFIER),
            scopes: scopes.parse().unwrap(),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            auth_time: now,
            methods: "pwd otp mfa".to_owned(),
            user: self.alice.user_id,
            password: password_of(&self.alice),
            session_id: SessionId::new(now, &*self.auth.0.random),
        };
        self.auth.issue_code(code).await.unwrap()
    }
}

pub(super) fn form(client: &RegisteredClient, code: &str) -> String {
    let secret = client.client_secret.as_ref().map(|secret| format!("&client_secret={secret}")).unwrap_or_default();
    format!(
        "grant_type=authorization_code&code={code}&redirect_uri={HERE}&code_verifier={VERIFIER}&client_id={}{secret}",
        client.client.client_id
    )
}

/// What a token says, once its signature is right by the published keys.
fn read(auth: &Auth, token: &str) -> (Header, Value) {
    let header = decode_header(token).unwrap();
    let set: JwkSet = serde_json::from_slice(auth.0.keys.ring().load().jwks()).unwrap();
    let key = DecodingKey::from_jwk(set.find(header.kid.as_ref().unwrap()).unwrap()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&header.alg, &key).unwrap();
    verifier.verify(message.as_bytes(), &signature).unwrap();
    let claims = URL_SAFE_NO_PAD.decode(message.split('.').nth(1).unwrap()).unwrap();
    (header, serde_json::from_slice(&claims).unwrap())
}

#[tokio::test]
async fn a_code_gives_a_session_and_an_id_token_that_tells_of_the_sign_in() {
    for (algorithm, name) in
        [(KeyAlgorithm::Rs256, "RS256"), (KeyAlgorithm::Es256, "ES256"), (KeyAlgorithm::EdDsa, "EdDSA")]
    {
        let world = World::open().await;
        let client = world.client(NewClient { id_token_algorithm: algorithm, ..NewClient::app("Wiki", &[HERE]) }).await;
        let code = world.code(&client.client, "openid offline_access chat:read").await;
        let signed_in = world.clock.now().as_secs();
        world.clock.advance(Duration::from_secs(10));
        let (status, answer) = world.token(&form(&client, &code)).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["scope"], "chat:read openid offline_access");
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(600)));
        assert_eq!(answer["user_id"], world.alice.user_id.to_string());
        let access = answer["access_token"].as_str().unwrap();
        let (header, claims) = read(&world.auth, answer["id_token"].as_str().unwrap());
        assert_eq!((header.typ.as_deref(), format!("{:?}", header.alg)), (Some("JWT"), name.to_owned()));
        let at_hash = match algorithm {
            KeyAlgorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(access)[..32]),
            _ => URL_SAFE_NO_PAD.encode(&Sha256::digest(access)[..16]),
        };
        assert_eq!(
            claims,
            json!({
                "iss": "https://chat.example", "sub": world.alice.user_id, "aud": client.client.client_id,
                "azp": client.client.client_id, "iat": signed_in + 10, "exp": signed_in + 10 + 3600,
                "auth_time": signed_in, "nonce": "n-0S6_WzA2Mj", "amr": ["pwd", "otp", "mfa"], "at_hash": at_hash,
                "sid": answer["session_id"],
            })
        );
        let actor = world.auth.verifier().verify(access).unwrap();
        assert_eq!((&*actor.client_id, actor.kind), (&*client.client.client_id, ActorKind::Person));
        // An ID token is no access token, whatever key it is signed with.
        assert!(world.auth.verifier().verify(answer["id_token"].as_str().unwrap()).is_err());
        // The refresh token is this client's, and tells of no new sign-in.
        let refresh = format!(
            "grant_type=refresh_token&refresh_token={}&client_id={}&client_secret={}",
            answer["refresh_token"].as_str().unwrap(),
            client.client.client_id,
            client.client_secret.as_deref().unwrap()
        );
        let (status, answer) = world.token(&refresh).await;
        assert_eq!((status.as_u16(), answer.get("id_token")), (200, None), "{answer}");
    }
}

#[tokio::test]
async fn without_offline_access_the_session_ends_with_its_access_token() {
    let world = World::open().await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let code = world.code(&client.client, "chat:read profile:write").await;
    let (status, answer) = world.token(&form(&client, &code)).await;
    assert_eq!(status, 200);
    assert_eq!((answer.get("refresh_token"), answer.get("id_token")), (None, None));
    let actor = world.auth.verifier().verify(answer["access_token"].as_str().unwrap()).unwrap();
    assert_eq!(actor.session_id.unwrap().to_string(), answer["session_id"]);
    assert_eq!(world.auth.sessions(&actor, None, 10).await.unwrap().len(), 1);
    world.clock.advance(Duration::from_secs(600));
    assert!(world.auth.sessions(&actor, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_code_is_good_once_for_its_client_its_address_and_its_verifier() {
    let world = World::open().await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let other = world.client(NewClient::app("Other", &[HERE])).await;
    let public = world.client(NewClient { confidential: false, ..NewClient::app("Tool", &[HERE]) }).await;
    let good = world.code(&client.client, "openid chat:read").await;
    let (_, answer) = world.token(&form(&client, &good)).await;
    let access = answer["access_token"].as_str().unwrap().to_owned();
    assert!(world.auth.verifier().verify(&access).is_ok());
    let mut wrong = vec![form(&client, &good), form(&client, "x"), form(&client, "%00")];
    for alter in [
        |form: String| form.replace("/callback", "/callback/"),
        |form: String| form.replace("redirect_uri", "redirect_url"),
        |form: String| form.replace("EjXk", "EjXl"),
    ] {
        wrong.push(alter(form(&client, &world.code(&client.client, "openid").await)));
    }
    wrong.push(form(&other, &world.code(&client.client, "openid").await));
    wrong.push(form(&public, &world.code(&client.client, "openid").await));
    for form in wrong {
        let (status, answer) = world.token(&form).await;
        assert_eq!((status.as_u16(), &answer["error"]), (400, &json!("invalid_grant")), "{form}");
    }
    // The second use has ended what the first has opened.
    assert!(world.auth.verifier().verify(&access).is_err());
    for missing in ["code=", "code_verifier="] {
        let form = form(&client, "x").replace(missing, "x=");
        let (status, answer) = world.token(&form).await;
        assert_eq!((status.as_u16(), &answer["error"]), (400, &json!("invalid_request")), "{form}");
    }
    let late = form(&client, &world.code(&client.client, "openid").await);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.token(&late).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn a_suspended_person_gets_nothing_for_a_code() {
    let world = World::open().await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let code = world.code(&client.client, "openid chat:read").await;
    let now = world.auth.0.clock.now();
    world.auth.0.stores.accounts.change(world.alice.user_id, AccountChange::Suspend, now, None).await.unwrap();
    let (status, answer) = world.token(&form(&client, &code)).await;
    assert_eq!((status.as_u16(), &answer["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test]
async fn what_was_allowed_in_the_name_of_another_password_is_refused() {
    let world = World::open().await;
    let client = world.client(NewClient::app("Wiki", &[HERE])).await;
    let code = world.code(&client.client, "openid chat:read").await;
    let own = world.auth.client("bartab").await.unwrap().unwrap();
    let scopes = Scopes::NONE.with(Scope::ChatRead);
    let codes = world.auth.begin_device(&own, scopes, None).await.unwrap();
    allow(&world, &codes.user_code, Some(scopes)).await;
    // The tickets are still there, as if they were made at the same moment.
    let now = world.auth.0.clock.now();
    let change = AccountChange::Password(None);
    world.auth.0.stores.accounts.change(world.alice.user_id, change, now, None).await.unwrap();
    let device = format!("grant_type={DEVICE}&client_id=bartab&device_code={}", codes.device_code);
    for form in [form(&client, &code), device] {
        let (status, answer) = world.token(&form).await;
        assert_eq!((status.as_u16(), &answer["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(world.auth.0.stores.sessions.list(world.alice.user_id, None, now, 10).await.unwrap(), []);
}

pub(super) async fn allow(world: &World, user_code: &str, allowed: Option<Scopes>) {
    let user = world.alice.user_id;
    let (auth_time, password) = (world.auth.0.clock.now(), password_of(&world.alice));
    let decision = DeviceDecision { user, allowed, auth_time, methods: "pwd", password };
    world.auth.decide_device(user_code, decision).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_device_asks_until_somebody_has_decided() {
    let world = World::open().await;
    let own = world.auth.client("bartab").await.unwrap().unwrap();
    let scopes: Scopes = "chat:read openid offline_access".parse().unwrap();
    let codes = world.auth.begin_device(&own, scopes, None).await.unwrap();
    let form = format!("grant_type={DEVICE}&client_id=bartab&device_code={}", codes.device_code);
    let error = async |form: &str| {
        let (status, answer) = world.token(form).await;
        assert_eq!(status, 400);
        answer["error"].as_str().unwrap().to_owned()
    };
    assert_eq!(error(&form).await, "authorization_pending");
    assert_eq!(error(&form).await, "slow_down");
    assert_eq!(error(&form.replace(&codes.device_code, "x")).await, "invalid_grant");
    assert_eq!(error(&form.replace("device_code=", "code=")).await, "invalid_request");
    allow(&world, &codes.user_code, Some(scopes)).await;
    let (status, answer) = world.token(&form).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["scope"], "chat:read openid offline_access");
    let (_, claims) = read(&world.auth, answer["id_token"].as_str().unwrap());
    assert_eq!((&claims["aud"], &claims["amr"], claims.get("nonce")), (&json!("bartab"), &json!(["pwd"]), None));
    let refresh = format!("grant_type=refresh_token&refresh_token={}", answer["refresh_token"].as_str().unwrap());
    assert_eq!(world.token(&refresh).await.0, 200);
    // A second use ends what the first has opened.
    assert_eq!(error(&form).await, "invalid_grant");
    assert!(world.auth.verifier().verify(answer["access_token"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn a_device_that_is_refused_or_too_late_is_told_so() {
    let world = World::open().await;
    let client = world.auth.client("bartab").await.unwrap().unwrap();
    let scopes = Scopes::NONE.with(Scope::ChatRead);
    let refused = world.auth.begin_device(&client, scopes, None).await.unwrap();
    allow(&world, &refused.user_code, None).await;
    let late = world.auth.begin_device(&client, scopes, None).await.unwrap();
    let other = world.client(NewClient::app("Wiki", &[HERE])).await;
    world.clock.advance(Duration::from_secs(599));
    for (codes, expected) in [(&refused, "access_denied"), (&late, "authorization_pending")] {
        let form = format!("grant_type={DEVICE}&device_code={}", codes.device_code);
        assert_eq!(world.token(&form).await.1["error"], expected);
    }
    world.clock.advance(Duration::from_secs(1));
    let form = format!("grant_type={DEVICE}&device_code={}", late.device_code);
    assert_eq!(world.token(&form).await.1["error"], "expired_token");
    let secret = other.client_secret.unwrap();
    let form = format!("{form}&client_id={}&client_secret={secret}", other.client.client_id);
    assert_eq!(world.token(&form).await.1["error"], "unauthorized_client");
}
