//! Tokens that somebody has thought about: keys of their own brought along, public keys for secrets, texts that two
//! readers might read differently. None gets in, whatever the tenant signs with.

use bartab_auth::{Config, TokenError};
use bartab_core::store::KeyAlgorithm;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::tokens::{Forge, sign};
use crate::world::{World, config, memory};

/// The public key in the forms in which a careless verifier might hold it, and so take it for a secret.
fn public_forms(jwk: &Value, document: &[u8]) -> Vec<Vec<u8>> {
    let part = |name: &str| jwk[name].as_str().map(|text| BASE64.decode(text).unwrap()).unwrap_or_default();
    let raw = match jwk["kty"].as_str().unwrap() {
        "OKP" => part("x"),
        "EC" => [vec![4], part("x"), part("y")].concat(),
        _ => der(0x30, &[der_integer(&part("n")), der_integer(&part("e"))].concat()),
    };
    let algorithm: &[u8] = match jwk["kty"].as_str().unwrap() {
        "OKP" => &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70],
        "EC" => &[0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
        _ => &[0x30, 0xd, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0xd, 1, 1, 1, 5, 0],
    };
    let bits = [&[0], &raw[..]].concat();
    let spki = der(0x30, &[algorithm, &der(3, &bits)].concat());
    let text = STANDARD.encode(&spki);
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let mut forms =
        vec![raw, spki, pem.trim_end().as_bytes().to_vec(), pem.into_bytes(), document.to_vec(), Vec::new()];
    forms.extend(["x", "n", "kid"].iter().filter_map(|name| jwk[name].as_str()).map(|text| text.as_bytes().to_vec()));
    forms.push(jwk.to_string().into_bytes());
    forms
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        ..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

fn der_integer(bytes: &[u8]) -> Vec<u8> {
    der(2, &[&[0], bytes].concat())
}

struct Tenant {
    world: World,
    token: String,
    header: Value,
    claims: Value,
}

impl Tenant {
    async fn open(token_algorithm: KeyAlgorithm) -> Self {
        let world = World::with(Config { token_algorithm, ..config() }).await;
        let token = world.person("alice").await.access_token;
        let part =
            |n: usize| serde_json::from_slice(&BASE64.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap();
        Self { header: part(0), claims: part(1), token, world }
    }

    fn verdict(&self, token: &str) -> Result<(), TokenError> {
        self.world.service.auth().verifier().verify(token).map(drop)
    }

    fn message(&self, header: &Value) -> String {
        format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(self.claims.to_string()))
    }
}

const ALGORITHMS: [KeyAlgorithm; 3] = [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256, KeyAlgorithm::Rs256];

#[tokio::test]
async fn no_public_key_is_a_secret() {
    for algorithm in ALGORITHMS {
        let tenant = Tenant::open(algorithm).await;
        let published = tenant.world.get("/.well-known/jwks.json", "").await;
        let forms = public_forms(&published.json()["keys"][0], &published.body);
        for (name, hmac) in [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
            let mut header = tenant.header.clone();
            header["alg"] = json!(name);
            for form in &forms {
                let forged = sign(&header, &tenant.claims, hmac, &EncodingKey::from_secret(form));
                assert_eq!(tenant.verdict(&forged), Err(TokenError::WrongAlgorithm), "{name} {algorithm:?}");
                // The header says what the key is for, the signature is an HMAC all the same.
                let message = tenant.message(&tenant.header);
                let forged = format!("{message}.{}", forged.rsplit('.').next().unwrap());
                assert_eq!(tenant.verdict(&forged), Err(TokenError::WrongSignature), "{name} {algorithm:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_the_key_s_own_algorithm_is_taken() {
    for algorithm in ALGORITHMS {
        let tenant = Tenant::open(algorithm).await;
        let signature = tenant.token.rsplit('.').next().unwrap();
        let mut header = tenant.header.clone();
        let all = ["EdDSA", "ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256"];
        for other in all.into_iter().filter(|other| *other != algorithm.name()) {
            header["alg"] = json!(other);
            let forged = format!("{}.{signature}", tenant.message(&header));
            assert_eq!(tenant.verdict(&forged), Err(TokenError::WrongAlgorithm), "{other} for {algorithm:?}");
        }
        let lower = algorithm.name().to_ascii_lowercase();
        for none in ["none", "None", "NONE", "nOnE", "", "null", "Ed25519", &lower] {
            header["alg"] = json!(none);
            for signature in ["", signature] {
                let forged = format!("{}.{signature}", tenant.message(&header));
                assert_eq!(tenant.verdict(&forged), Err(TokenError::Malformed), "{none}");
            }
        }
        for absurd in [Value::Null, json!(1), json!(["EdDSA"]), json!({"alg": "EdDSA"})] {
            header["alg"] = absurd;
            assert_eq!(tenant.verdict(&format!("{}.", tenant.message(&header))), Err(TokenError::Malformed));
        }
    }
}

/// Signatures that some verifiers have taken for any message: nothing, zeros, the order of the curve, DER for raw.
#[tokio::test]
async fn no_empty_or_zero_signature_is_taken() {
    for algorithm in ALGORITHMS {
        let tenant = Tenant::open(algorithm).await;
        let message = tenant.message(&tenant.header);
        let good = BASE64.decode(tenant.token.rsplit('.').next().unwrap()).unwrap();
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        let order: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap()).collect();
        let halves = good.split_at(good.len() / 2);
        let mut signatures = vec![
            vec![],
            vec![0],
            vec![0; good.len()],
            vec![0xff; good.len()],
            [&order[..], &order].concat(),
            [&[0; 63][..], &[1]].concat(),
            good[..good.len() - 1].to_vec(),
            [&good[..], &[0]].concat(),
            [&[0], &good[..]].concat(),
            [halves.1, halves.0].concat(),
            der(0x30, &[der_integer(halves.0), der_integer(halves.1)].concat()),
            good.repeat(2),
        ];
        signatures.push(vec![0; 4096]);
        for signature in signatures {
            let forged = format!("{message}.{}", BASE64.encode(&signature));
            assert_eq!(tenant.verdict(&forged), Err(TokenError::WrongSignature), "{algorithm:?} {signature:?}");
        }
        for text in ["%", "=", "a b", "AA==", "\u{e9}"] {
            let forged = format!("{message}.{text}");
            assert_eq!(tenant.verdict(&forged), Err(TokenError::WrongSignature), "{algorithm:?} {text}");
        }
        assert_eq!(tenant.verdict(&tenant.token), Ok(()));
    }
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let forge = Forge::open().await;
    let theirs = World::on(memory(), config(), 4).await;
    let theirs_token = theirs.person("mallory").await.access_token;
    let their_jwk = theirs.get("/.well-known/jwks.json", "").await.json()["keys"][0].clone();
    let their_key = theirs.stores.keys.list().await.unwrap().remove(0);
    let their_key = EncodingKey::from_ed_der(&their_key.private.as_bytes()[1..]);
    let url = "https://evil.example/jwks.json";
    for (name, value) in [
        ("jwk", their_jwk.clone()),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
    ] {
        let mut header = forge.header.clone();
        header[name] = value.clone();
        // Under our key's name, and under theirs.
        let forged = sign(&header, &forge.claims, Algorithm::EdDSA, &their_key);
        let verdict = forge.verdict(&forged);
        assert!(matches!(verdict, Err(TokenError::WrongSignature | TokenError::Malformed)), "{name}: {verdict:?}");
        header["kid"] = their_jwk["kid"].clone();
        let forged = sign(&header, &forge.claims, Algorithm::EdDSA, &their_key);
        let verdict = forge.verdict(&forged);
        assert!(matches!(verdict, Err(TokenError::UnknownKey | TokenError::Malformed)), "{name}: {verdict:?}");
        // Beside our own signature it changes nothing.
        let own = forge.verdict(&forge.with_header(name, value));
        assert!(matches!(own, Ok(()) | Err(TokenError::Malformed)), "{name}: {own:?}");
    }
    // Another tenant's token as it is.
    assert_eq!(forge.verdict(&theirs_token), Err(TokenError::UnknownKey));
    for kid in ["' OR 1=1 --", "../../../../etc/passwd", "\u{0}", "https://evil.example", "*", "%00"] {
        assert_eq!(forge.verdict(&forge.with_header("kid", json!(kid))), Err(TokenError::UnknownKey), "{kid}");
    }
    for kid in [json!(1), json!([forge.header["kid"]]), json!({"kid": forge.header["kid"]})] {
        assert_eq!(forge.verdict(&forge.with_header("kid", kid.clone())), Err(TokenError::Malformed), "{kid}");
    }
}

#[tokio::test]
async fn nothing_that_a_token_calls_critical_is_understood() {
    let forge = Forge::open().await;
    for crit in [json!([]), json!(["exp"]), json!(["b64"]), json!(["http://example.com/x"])] {
        assert_eq!(forge.verdict(&forge.with_header("crit", crit.clone())), Err(TokenError::Malformed), "{crit}");
    }
    let mut header = forge.header.clone();
    header["b64"] = json!(false);
    header["crit"] = json!(["b64"]);
    assert_eq!(
        forge.verdict(&forge.sign_text(&header.to_string(), forge.claims.to_string())),
        Err(TokenError::Malformed)
    );
    // An encrypted or a nested token is another thing than ours.
    for (name, value) in [("cty", json!("JWT")), ("enc", json!("A128GCM")), ("zip", json!("DEF"))] {
        let verdict = forge.verdict(&forge.with_header(name, value));
        assert!(matches!(verdict, Err(TokenError::Malformed)), "{name}: {verdict:?}");
    }
}

/// Two readers of one text must not read two things: what comes twice is refused.
#[tokio::test]
async fn what_stands_twice_is_refused() {
    let forge = Forge::open().await;
    let claims = forge.claims.to_string();
    let names: Vec<String> = forge.claims.as_object().unwrap().keys().cloned().collect();
    for name in names {
        let again = format!("{{{}:{},{}", json!(name), forge.claims[&name], &claims[1..]);
        let token = forge.sign_text(&forge.header.to_string(), &again);
        assert_eq!(forge.verdict(&token), Err(TokenError::Malformed), "{name} stands twice");
        let escaped = format!(
            "{{\"\\u{:04x}{}\":{},{}",
            u32::from(name.as_bytes()[0]),
            &name[1..],
            forge.claims[&name],
            &claims[1..]
        );
        let token = forge.sign_text(&forge.header.to_string(), &escaped);
        assert_eq!(forge.verdict(&token), Err(TokenError::Malformed), "{name} stands twice, once in disguise");
    }
    let header = forge.header.to_string();
    for name in ["alg", "kid", "typ"] {
        let again = format!("{{{}:{},{}", json!(name), forge.header[name], &header[1..]);
        assert_eq!(forge.verdict(&forge.sign_text(&again, &claims)), Err(TokenError::Malformed), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_object_of_claims_is_refused() {
    let forge = Forge::open().await;
    let header = forge.header.to_string();
    let claims = forge.claims.to_string();
    let deep = format!("{}{}", "[".repeat(3000), "]".repeat(3000));
    let deep_inside = format!("{{\"x\":{deep},{}", &claims[1..]);
    for payload in [
        "",
        "null",
        "1",
        "\"\"",
        "[]",
        "{}",
        "{",
        &deep,
        &deep_inside,
        &forge.token,
        &format!("\"{}\"", forge.token),
        &format!("{claims}x"),
        &format!("{claims}{claims}"),
        &format!("\u{feff}{claims}"),
        &format!("[{claims}]"),
        &claims.replace('}', ",}"),
        &claims.replace("600", "600.0"),
        &claims.replace("600", "6e2"),
    ] {
        let verdict = forge.verdict(&forge.sign_text(&header, payload));
        assert_eq!(verdict, Err(TokenError::Malformed), "{}", &payload[..payload.len().min(60)]);
    }
    assert_eq!(forge.verdict(&forge.sign_text(&header, [0xff, 0xfe, 0x7b])), Err(TokenError::Malformed));
    for header in ["", "null", "[]", "{}", "{", &deep, &format!("{{\"x\":{deep},{}", &header[1..])] {
        let verdict = forge.verdict(&forge.sign_text(header, &claims));
        assert!(verdict.is_err(), "{}", &header[..header.len().min(60)]);
    }
}

#[tokio::test]
async fn size_is_bounded_before_anything_is_read() {
    let forge = Forge::open().await;
    // A token of 8 KiB is read, with a claim that nobody knows; one more byte is not.
    let with = |length: usize| {
        let mut claims = forge.claims.clone();
        claims["x"] = json!("x".repeat(length));
        forge.sign_text(&forge.header.to_string(), claims.to_string())
    };
    let base = with(0).len();
    let fits = (0..8192).rev().map(|length| length * 3 / 4).find(|length| base + length * 4 / 3 + 2 <= 8192).unwrap();
    let token = with(fits);
    assert!((8180..=8192).contains(&token.len()), "{}", token.len());
    assert_eq!(forge.verdict(&token), Ok(()));
    let token = with(fits + 12);
    assert!(token.len() > 8192);
    assert_eq!(forge.verdict(&token), Err(TokenError::Malformed));
    for (part, count) in [(".", 1 << 20), ("a.", 1 << 19), ("e30.", 1 << 16)] {
        assert_eq!(forge.verdict(&part.repeat(count)), Err(TokenError::Malformed));
    }
    let answer = forge.world.get("/v1/me", &"a".repeat(100_000)).await;
    answer.assert_problem(401, "auth.invalid_token");
}
