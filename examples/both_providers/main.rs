//! `cargo run -p bartab-both-providers`
//!
//! An application that uses `jsonwebtoken` for itself may turn on its `rust_crypto` provider. BarTAB's crates turn on
//! `aws_lc_rs`, features are united over a build, and with both of them the crate's default provider panics at its first
//! use. Nothing of BarTAB's uses the default: this program has both, chooses neither, and signs in all the same.

use std::error::Error;
use std::sync::Arc;

use bartab_auth::{AuthService, AuthStores, Config, NewAccount, PasswordConfig, RemoteConfig, TokenError, Verifier};
use bartab_core::store::{KeyAlgorithm, MemoryIdentity};
use bartab_core::{SystemClock, SystemRandom};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use jsonwebtoken::{EncodingKey, Header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower_service::Service as _;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const ISSUER: &str = "https://chat.example";
const PASSWORD: &str = "correct horse battery staple";

#[tokio::main]
async fn main() -> Outcome {
    the_default_panics();
    for algorithm in [KeyAlgorithm::EdDsa, KeyAlgorithm::Es256, KeyAlgorithm::Rs256] {
        tokens_are_made_and_checked(algorithm).await?;
        println!("{}: signed, verified, published and verified by another process", algorithm.name());
    }
    Ok(())
}

/// The build is what it says it is; otherwise the rest would show nothing.
fn the_default_panics() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let key = EncodingKey::from_secret(b"secret");
    let encoded = std::panic::catch_unwind(|| jsonwebtoken::encode(&Header::default(), &(), &key).is_ok());
    std::panic::set_hook(hook);
    assert!(encoded.is_err(), "only one provider is turned on");
}

async fn tokens_are_made_and_checked(token_algorithm: KeyAlgorithm) -> Outcome {
    let stores = AuthStores::of(Arc::new(MemoryIdentity::new()));
    let config = Config { token_algorithm, password: PasswordConfig::THROW_AWAY, ..Config::new(ISSUER) };
    let mut service = AuthService::new(stores, config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let auth = service.auth().clone();
    let alice = auth.create_account(NewAccount::member("alice", PASSWORD)).await?;
    let token = auth.sign_in(alice.user_id, None).await?.access_token;
    assert_eq!(auth.verifier().verify(&token)?.user_id, alice.user_id);

    // Somebody else's signature is refused, not answered with a panic.
    let (message, signature) = token.rsplit_once('.').ok_or("no JWT")?;
    let forged = format!("{message}.{}", "A".repeat(signature.len()));
    assert_eq!(auth.verifier().verify(&forged), Err(TokenError::WrongSignature));

    // Another process reads the published keys.
    let request = Request::get("/.well-known/jwks.json").body(Empty::new())?;
    let jwks = service.call(request).await?.into_body().collect().await?.to_bytes();
    let url = publish(jwks.to_vec()).await?;
    let remote = Verifier::remote(&RemoteConfig::new(ISSUER, &url), Arc::new(SystemClock))
        .map_err(|error| error as Box<dyn Error>)?;
    assert_eq!(remote.authenticate(&token).await?.user_id, alice.user_id);
    assert_eq!(remote.authenticate(&forged).await, Err(TokenError::WrongSignature));
    Ok(())
}

/// Answers every request with `document`, and gives its address.
async fn publish(document: Vec<u8>) -> Outcome<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/jwks.json", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", document.len());
            let _ = stream.write_all(&[head.as_bytes(), &document].concat()).await;
        }
    });
    Ok(url)
}
