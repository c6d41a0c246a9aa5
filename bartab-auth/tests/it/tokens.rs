//! Access tokens: what ours say, and every way in which one that is not ours is refused.

use bartab_auth::{Config, TokenError};
use bartab_core::store::SigningKey;
use bartab_core::{ActorKind, TenantRole, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::crypto::{CryptoProvider, KeyUtils};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::world::{ISSUER, World, config, memory};

/// A tenant, a token of its, and the key that it was signed with.
pub(crate) struct Forge {
    pub(crate) world: World,
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) token: String,
    key: EncodingKey,
}

impl Forge {
    pub(crate) async fn open() -> Self {
        let world = World::open().await;
        let token = world.person("alice").await.access_token;
        let key = world.stores.keys.list().await.unwrap().remove(0);
        let part = |n: usize| {
            let part = BASE64.decode(token.split('.').nth(n).unwrap()).unwrap();
            serde_json::from_slice(&part).unwrap()
        };
        Self { header: part(0), claims: part(1), key: private(&key), token, world }
    }

    /// Signs with the tenant's own key whatever is asked for.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(header, claims, Algorithm::EdDSA, &self.key)
    }

    /// Signs with the tenant's own key whatever bytes are asked for.
    pub(crate) fn sign_text(&self, header: &str, claims: impl AsRef<[u8]>) -> String {
        sign_text(header, claims, Algorithm::EdDSA, &self.key)
    }

    pub(crate) fn with(&self, claim: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[claim] = value;
        self.sign(&self.header, &claims)
    }

    pub(crate) fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[name] = value;
        self.sign(&header, &self.claims)
    }

    pub(crate) fn verdict(&self, token: &str) -> Result<(), TokenError> {
        self.world.service.auth().verifier().verify(token).map(drop)
    }
}

/// The private key behind its first byte, which says that it is not sealed.
pub(crate) fn private(key: &SigningKey) -> EncodingKey {
    let (form, der) = key.private.as_bytes().split_first().unwrap();
    assert_eq!(*form, 0);
    EncodingKey::from_ed_der(der)
}

pub(crate) fn sign(header: &Value, claims: &Value, algorithm: Algorithm, key: &EncodingKey) -> String {
    sign_text(&header.to_string(), claims.to_string(), algorithm, key)
}

fn sign_text(header: &str, claims: impl AsRef<[u8]>, algorithm: Algorithm, key: &EncodingKey) -> String {
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let signature = (DEFAULT_PROVIDER.signer_factory)(&algorithm, key).unwrap().try_sign(message.as_bytes()).unwrap();
    format!("{message}.{}", BASE64.encode(signature))
}

#[tokio::test]
async fn our_tokens_say_what_rfc_9068_demands() {
    let forge = Forge::open().await;
    let keys = forge.world.stores.keys.list().await.unwrap();
    assert_eq!(forge.header, json!({"typ": "at+jwt", "alg": "EdDSA", "kid": keys[0].kid}));
    let actor = forge.world.service.auth().verifier().verify(&forge.token).unwrap();
    let mut claims = forge.claims.clone();
    assert!(claims.as_object_mut().unwrap().remove("jti").unwrap().as_str().unwrap().len() >= 22);
    assert_eq!(
        claims,
        json!({
            "iss": ISSUER, "aud": ISSUER, "sub": actor.user_id, "client_id": "bartab", "iat": 1_750_000_000,
            "exp": 1_750_000_600, "scope": actor.scopes.to_string(), "sid": actor.session_id.unwrap(),
            "name": "alice", "role": "member", "profile_rev": 1, "kind": "person",
        })
    );
    assert_eq!((actor.kind, actor.tenant_role), (ActorKind::Person, TenantRole::Member));
    assert_eq!(actor.expires_at, Some(Timestamp::from_secs(1_750_000_600)));
}

#[tokio::test]
async fn a_token_is_good_until_the_second_of_its_exp() {
    let forge = Forge::open().await;
    forge.world.advance(599);
    assert_eq!(forge.verdict(&forge.token), Ok(()));
    forge.world.advance(1);
    assert_eq!(forge.verdict(&forge.token), Err(TokenError::Expired), "a known token runs out too");
    assert_eq!(forge.verdict(&forge.token), Err(TokenError::Expired), "and is forgotten");
    forge.world.advance(1);
    let answer = forge.world.get("/v1/me", &forge.token).await;
    answer.assert_problem(401, "auth.invalid_token");
    let challenge = "Bearer error=\"invalid_token\", error_description=\"the token has expired\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let forge = Forge::open().await;
    for (claim, value, refusal) in [
        ("exp", json!(1_750_000_000), TokenError::Expired),
        ("exp", json!(0), TokenError::Expired),
        ("exp", json!(1_750_000_601), TokenError::LivesTooLong),
        ("exp", json!(u64::MAX), TokenError::LivesTooLong),
        ("iat", json!(1_749_999_999), TokenError::LivesTooLong),
        ("exp", json!(-1), TokenError::Malformed),
        ("exp", json!(1.5), TokenError::Malformed),
        ("exp", json!("1750000600"), TokenError::Malformed),
        ("exp", Value::Null, TokenError::Malformed),
        ("iat", json!(1_750_000_006), TokenError::NotYetValid),
        ("iat", json!(u64::MAX), TokenError::NotYetValid),
        ("nbf", json!(1_750_000_006), TokenError::NotYetValid),
    ] {
        assert_eq!(forge.verdict(&forge.with(claim, value.clone())), Err(refusal), "{claim} {value}");
    }
    // Another machine's clock may be a little ahead; the end has no grace.
    assert_eq!(forge.verdict(&forge.with("iat", json!(1_750_000_005))), Ok(()));
}

#[tokio::test]
async fn another_issuer_s_or_audience_s_token_is_refused() {
    let forge = Forge::open().await;
    for issuer in ["https://chat.example/", "https://CHAT.example", "http://chat.example", ""] {
        assert_eq!(forge.verdict(&forge.with("iss", json!(issuer))), Err(TokenError::WrongIssuer), "{issuer}");
    }
    for audience in [json!("https://other.example"), json!([]), json!(["a", "b"]), json!("")] {
        assert_eq!(forge.verdict(&forge.with("aud", audience)), Err(TokenError::WrongAudience));
    }
    assert_eq!(forge.verdict(&forge.with("aud", json!(["a", ISSUER]))), Ok(()));
    for claim in ["iss", "aud", "sub", "client_id", "iat", "jti", "scope", "kind", "role", "name"] {
        assert_eq!(forge.verdict(&forge.with(claim, Value::Null)), Err(TokenError::Malformed), "{claim}");
    }
    assert_eq!(forge.verdict(&forge.with("sub", json!("room_00000000000000000000000000"))), Err(TokenError::Malformed));
    assert_eq!(forge.verdict(&forge.with("role", json!("root"))), Err(TokenError::Malformed));
}

#[tokio::test]
async fn another_tenant_s_token_is_refused() {
    let forge = Forge::open().await;
    let elsewhere = Config { issuer: "https://chat.example/t/other".to_owned(), ..config() };
    let other = World::on(memory(), elsewhere, 2).await;
    let token = other.person("alice").await.access_token;
    assert_eq!(forge.verdict(&token), Err(TokenError::UnknownKey));
    forge.world.get("/v1/me", &token).await.assert_problem(401, "auth.invalid_token");
    other.get("/v1/me", &forge.token).await.assert_problem(401, "auth.invalid_token");
    // The same keys, as after a copy of the folder, and still another tenant.
    let elsewhere = Config { issuer: "https://chat.example/t/copy".to_owned(), ..config() };
    let copy = World::on(forge.world.stores.clone(), elsewhere, 3).await;
    copy.get("/v1/me", &forge.token).await.assert_problem(401, "auth.invalid_token");
    // Their key under our key's name.
    let theirs = other.stores.keys.list().await.unwrap().remove(0);
    let key = private(&theirs);
    let forged = sign(&forge.header, &forge.claims, Algorithm::EdDSA, &key);
    assert_eq!(forge.verdict(&forged), Err(TokenError::WrongSignature));
}

#[tokio::test]
async fn no_other_algorithm_is_taken() {
    let forge = Forge::open().await;
    let message =
        |header: &Value| format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(forge.claims.to_string()));
    let mut header = forge.header.clone();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        header["alg"] = json!(none);
        for signature in ["", "AAAA", forge.token.rsplit('.').next().unwrap()] {
            let token = format!("{}.{signature}", message(&header));
            assert_eq!(forge.verdict(&token), Err(TokenError::Malformed), "{none}");
        }
    }
    // HS256 with the public key for a secret, in each form somebody might feed it in.
    header["alg"] = json!("HS256");
    let published = forge.world.get("/.well-known/jwks.json", "").await;
    let x = published.json()["keys"][0]["x"].as_str().unwrap().to_owned();
    let raw = BASE64.decode(&x).unwrap();
    for secret in [&raw[..], x.as_bytes(), &published.body] {
        let forged = sign(&header, &forge.claims, Algorithm::HS256, &EncodingKey::from_secret(secret));
        assert_eq!(forge.verdict(&forged), Err(TokenError::WrongAlgorithm));
    }
    for algorithm in ["ES256", "RS256", "PS256", "HS512"] {
        let forged = forge.with_header("alg", json!(algorithm));
        assert_eq!(forge.verdict(&forged), Err(TokenError::WrongAlgorithm), "{algorithm}");
    }
}

#[tokio::test]
async fn only_access_tokens_with_a_known_key_are_taken() {
    let forge = Forge::open().await;
    for typ in [json!("JWT"), json!("id+jwt"), json!(""), Value::Null] {
        assert_eq!(forge.verdict(&forge.with_header("typ", typ)), Err(TokenError::WrongType));
    }
    assert_eq!(forge.verdict(&forge.with_header("typ", json!("application/AT+JWT"))), Ok(()));
    for kid in [json!("other"), json!(""), json!("../../dev/null"), Value::Null] {
        assert_eq!(forge.verdict(&forge.with_header("kid", kid)), Err(TokenError::UnknownKey));
    }
    assert_eq!(forge.verdict(&forge.with_header("crit", json!(["exp"]))), Err(TokenError::Malformed));
    // A key that the token brings along is not looked at.
    let theirs = private(&World::on(memory(), config(), 4).await.stores.keys.list().await.unwrap()[0]);
    let mut header = forge.header.clone();
    header["jwk"] = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let forged = sign(&header, &forge.claims, Algorithm::EdDSA, &theirs);
    assert_eq!(forge.verdict(&forged), Err(TokenError::WrongSignature));
}

#[tokio::test]
async fn no_changed_byte_goes_unnoticed() {
    let forge = Forge::open().await;
    assert_eq!(forge.verdict(&forge.token), Ok(()));
    let bytes = forge.token.as_bytes();
    for position in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(forge.verdict(&changed).is_err(), "byte {position}");
    }
    // The last character of a signature of 64 bytes carries four bits that mean nothing; only one spelling is taken.
    let (rest, last) = forge.token.split_at(forge.token.len() - 1);
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=".chars() {
        if !last.starts_with(other) {
            assert!(forge.verdict(&format!("{rest}{other}")).is_err());
        }
    }
    for other in ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "\u{1f37a}", &forge.token[1..]] {
        assert!(forge.verdict(other).is_err(), "{other}");
    }
    assert!(forge.verdict(&format!("{}=", forge.token)).is_err());
    assert!(forge.verdict(&format!("{}.", forge.token)).is_err());
    assert_eq!(forge.verdict(&"a".repeat(1 << 20)), Err(TokenError::Malformed));
}

#[tokio::test]
async fn other_kinds_and_unknown_scopes_are_read() {
    let forge = Forge::open().await;
    let verifier = forge.world.service.auth().verifier();
    let owner = verifier.verify(&forge.token).unwrap().user_id;
    let mut claims = forge.claims.clone();
    claims["kind"] = json!("bot");
    assert_eq!(forge.verdict(&forge.sign(&forge.header, &claims)), Err(TokenError::Malformed), "a bot has an owner");
    claims["owner"] = json!(owner);
    claims["scope"] = json!("chat:read teleport openid");
    claims["sid"] = Value::Null;
    let actor = verifier.verify(&forge.sign(&forge.header, &claims)).unwrap();
    assert_eq!((actor.kind, actor.session_id), (ActorKind::Bot { owner }, None));
    assert_eq!(actor.scopes.to_string(), "chat:read openid");
}

/// A build that turns on both providers of `jsonwebtoken` and chooses none panics at the first use of the default.
#[tokio::test]
async fn the_process_s_default_provider_is_never_used() {
    static PANICS: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| panic!("the default provider was asked to sign"),
        verifier_factory: |_, _| panic!("the default provider was asked to verify"),
        key_utils: KeyUtils::new_unimplemented(),
    };
    let _ = PANICS.install_default();
    let forge = Forge::open().await;
    assert_eq!(forge.verdict(&forge.token), Ok(()));
    forge.world.get("/.well-known/jwks.json", "").await;
    assert!(std::panic::catch_unwind(|| jsonwebtoken::crypto::sign(b"x", &forge.key, Algorithm::EdDSA)).is_err());
}
