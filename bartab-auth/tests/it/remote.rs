//! Keys of another process: fetched when needed, not more often, and exchanged when the issuer does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bartab_auth::{AuthLayer, Config, RemoteConfig, TokenError, Verifier};
use bartab_core::{ManualClock, Timestamp};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::tokens::Forge;
use crate::world::{ISSUER, World, config, memory};

/// A server that answers every request with one document, and counts them.
pub(crate) struct Publisher {
    pub(crate) url: String,
    document: Arc<Mutex<(u16, Vec<u8>)>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    pub(crate) async fn open(document: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        let document = Arc::new(Mutex::new((200, document.into())));
        let asked = Arc::new(AtomicUsize::new(0));
        let publisher = Self { url, document: Arc::clone(&document), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (document, asked) = (Arc::clone(&document), Arc::clone(&asked));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    asked.fetch_add(1, Ordering::SeqCst);
                    let (status, body) = document.lock().unwrap().clone();
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(head.as_bytes()).await;
                    let _ = stream.write_all(&body).await;
                });
            }
        });
        publisher
    }

    pub(crate) fn publish(&self, status: u16, document: impl Into<Vec<u8>>) {
        *self.document.lock().unwrap() = (status, document.into());
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn verifier(&self, world: &World) -> Verifier {
        Verifier::remote(&RemoteConfig::new(ISSUER, &self.url), world.clock.clone()).unwrap()
    }
}

async fn jwks(world: &World) -> Bytes {
    world.get("/.well-known/jwks.json", "").await.body
}

#[test]
fn keys_are_not_taken_from_where_somebody_else_could_answer() {
    let verifier = |url: &str| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_750_000_000)));
        Verifier::remote(&RemoteConfig::new(ISSUER, url), clock)
    };
    for url in ["https://chat.example/jwks", "http://localhost:1/jwks", "http://10.0.0.1/jwks"] {
        assert!(verifier(url).is_ok(), "{url}");
    }
    for url in ["http://chat.example/jwks", "http://169.254.169.254/", "https://a:b@chat.example/jwks", "jwks.json"] {
        assert!(verifier(url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn the_keys_are_fetched_with_the_first_token_and_kept() {
    let world = World::open().await;
    let publisher = Publisher::open(jwks(&world).await).await;
    let verifier = publisher.verifier(&world);
    let tokens = world.person("alice").await;
    assert!(!verifier.has_keys());
    assert_eq!(verifier.verify(&tokens.access_token), Err(TokenError::UnknownKey));
    for _ in 0..3 {
        assert_eq!(verifier.authenticate(&tokens.access_token).await.unwrap().user_id, tokens.user_id);
    }
    assert!(verifier.has_keys());
    assert_eq!(verifier.verify(&tokens.access_token).unwrap().user_id, tokens.user_id);
    assert_eq!(publisher.asked(), 1);
    world.advance(600);
    assert_eq!(verifier.authenticate(&tokens.access_token).await, Err(TokenError::Expired));
}

#[tokio::test]
async fn many_requests_at_once_share_one_fetch() {
    let world = World::open().await;
    let publisher = Publisher::open(jwks(&world).await).await;
    let verifier = publisher.verifier(&world);
    let tokens = world.person("alice").await;
    let requests: Vec<_> = (0..16)
        .map(|_| {
            let (verifier, token) = (verifier.clone(), tokens.access_token.clone());
            tokio::spawn(async move { verifier.authenticate(&token).await.is_ok() })
        })
        .collect();
    for request in requests {
        assert!(request.await.unwrap());
    }
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_unknown_ones_do_not_flood_the_issuer() {
    let (old, new) = (World::open().await, World::on(memory(), config(), 2).await);
    let publisher = Publisher::open(jwks(&old).await).await;
    let verifier = publisher.verifier(&old);
    verifier.authenticate(&old.person("alice").await.access_token).await.unwrap();
    let fresh = new.person("alice").await.access_token;
    for _ in 0..5 {
        assert_eq!(verifier.authenticate(&fresh).await, Err(TokenError::UnknownKey));
    }
    assert_eq!(publisher.asked(), 1, "it was fetched a moment ago");
    publisher.publish(200, jwks(&new).await);
    old.advance(10);
    assert!(verifier.authenticate(&fresh).await.is_ok());
    assert_eq!(publisher.asked(), 2);
    // The old key is no longer published, so it is no longer good.
    let stale = old.person("bob").await.access_token;
    assert_eq!(verifier.authenticate(&stale).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_key_that_is_withdrawn_ceases_to_be_good_by_age() {
    let (old, new) = (World::open().await, World::on(memory(), config(), 2).await);
    let publisher = Publisher::open(jwks(&old).await).await;
    let verifier = publisher.verifier(&old);
    verifier.authenticate(&old.person("alice").await.access_token).await.unwrap();
    publisher.publish(200, jwks(&new).await);
    let later = old.person("bob").await.access_token;
    assert!(verifier.authenticate(&later).await.is_ok(), "known for five minutes more");
    old.advance(300);
    let latest = old.person("carol").await.access_token;
    assert_eq!(verifier.authenticate(&latest).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn an_issuer_that_fails_is_not_the_caller_s_fault() {
    let world = World::open().await;
    let good = jwks(&world).await;
    let tokens = world.person("alice").await;
    let publisher = Publisher::open("").await;
    for (status, document) in [
        (500, good.to_vec()),
        (302, good.to_vec()),
        (200, b"nope".to_vec()),
        (200, b"{\"keys\":[]}".to_vec()),
        (200, b"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AAAA\"}]}".to_vec()),
        (200, [good.to_vec(), vec![b' '; 256 * 1024]].concat()),
    ] {
        publisher.publish(status, document);
        let verifier = publisher.verifier(&world);
        assert_eq!(verifier.authenticate(&tokens.access_token).await, Err(TokenError::KeysUnavailable));
        assert_eq!(verifier.refresh_keys().await, Err(TokenError::KeysUnavailable));
    }
    // Once there are keys, a failure leaves them good.
    publisher.publish(200, good);
    let verifier = publisher.verifier(&world);
    verifier.refresh_keys().await.unwrap();
    publisher.publish(500, "");
    world.advance(400);
    assert!(verifier.authenticate(&tokens.access_token).await.is_ok());
    let nowhere = RemoteConfig::new(ISSUER, "http://127.0.0.1:1/");
    let verifier = Verifier::remote(&nowhere, world.clock.clone()).unwrap();
    assert_eq!(verifier.authenticate(&tokens.access_token).await, Err(TokenError::KeysUnavailable));
}

#[tokio::test]
async fn keys_of_other_kinds_are_passed_over() {
    let world = World::open().await;
    let good = jwks(&world).await;
    let good = std::str::from_utf8(&good).unwrap().trim_start_matches("{\"keys\":[");
    let mixed = format!("{{\"keys\":[{{\"kty\":\"AKP\",\"kid\":\"q\"}},7,{{}},{good}");
    let publisher = Publisher::open(mixed).await;
    let token = world.person("alice").await.access_token;
    assert!(publisher.verifier(&world).authenticate(&token).await.is_ok());
}

#[tokio::test]
async fn the_layer_waits_for_the_keys_and_answers_503_without_them() {
    let world = World::open().await;
    let publisher = Publisher::open(jwks(&world).await).await;
    let token = world.person("alice").await.access_token;
    let who = service_fn(async |request: Request<()>| {
        let known = request.extensions().get::<Arc<bartab_core::Actor>>().is_some();
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::from(known.to_string())))
    });
    let request = || Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let service = AuthLayer::new(publisher.verifier(&world)).layer(who);
    for _ in 0..2 {
        let answer = service.clone().oneshot(request()).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "true");
    }
    publisher.publish(500, "");
    let service = AuthLayer::new(publisher.verifier(&world)).layer(who);
    let answer = service.oneshot(request()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    assert!(!answer.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn issuer_and_audience_are_checked_all_the_same() {
    let other = Config { issuer: "https://other.example".to_owned(), ..config() };
    let world = World::with(other).await;
    let publisher = Publisher::open(jwks(&world).await).await;
    let token = world.person("alice").await.access_token;
    assert_eq!(publisher.verifier(&world).authenticate(&token).await, Err(TokenError::WrongIssuer));
}

#[tokio::test]
async fn a_remembered_token_is_refused_once_its_key_is_withdrawn() {
    let (old, new) = (World::open().await, World::on(memory(), config(), 2).await);
    let publisher = Publisher::open(jwks(&old).await).await;
    let verifier = publisher.verifier(&old);
    let token = old.person("alice").await.access_token;
    assert!(verifier.authenticate(&token).await.is_ok());
    publisher.publish(200, jwks(&new).await);
    assert!(verifier.authenticate(&token).await.is_ok(), "known for five minutes more");
    assert_eq!(publisher.asked(), 1);
    // Nothing but the remembered token comes, and still the keys are fetched again.
    old.advance(300);
    assert_eq!(verifier.authenticate(&token).await, Err(TokenError::UnknownKey));
    assert_eq!(verifier.verify(&token), Err(TokenError::UnknownKey));
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test]
async fn another_token_s_fetch_makes_remembered_ones_be_examined_again() {
    let (old, new) = (World::open().await, World::on(memory(), config(), 2).await);
    let publisher = Publisher::open(jwks(&old).await).await;
    let verifier = publisher.verifier(&old);
    let token = old.person("alice").await.access_token;
    assert!(verifier.authenticate(&token).await.is_ok());
    publisher.publish(200, jwks(&new).await);
    old.advance(10);
    assert!(verifier.authenticate(&new.person("alice").await.access_token).await.is_ok());
    assert_eq!(verifier.verify(&token), Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn old_keys_are_fetched_for_remembered_tokens_but_not_with_each_of_them() {
    let world = World::open().await;
    let publisher = Publisher::open(jwks(&world).await).await;
    let verifier = publisher.verifier(&world);
    let token = world.person("alice").await.access_token;
    assert!(verifier.authenticate(&token).await.is_ok());
    world.advance(300);
    publisher.publish(500, "");
    for _ in 0..3 {
        assert!(verifier.authenticate(&token).await.is_ok(), "the keys that are there stay good");
    }
    assert_eq!(publisher.asked(), 2);
    world.advance(10);
    publisher.publish(200, jwks(&world).await);
    for _ in 0..3 {
        assert!(verifier.authenticate(&token).await.is_ok());
    }
    assert_eq!(publisher.asked(), 3);
}

#[tokio::test]
async fn another_process_s_token_is_good_for_a_day_at_most() {
    let forge = Forge::open().await;
    let publisher = Publisher::open(jwks(&forge.world).await).await;
    let verifier = publisher.verifier(&forge.world);
    let issued_at = forge.claims["iat"].as_u64().unwrap();
    let day = forge.with("exp", (issued_at + 86_400).into());
    assert!(verifier.authenticate(&day).await.is_ok());
    for exp in [issued_at + 86_401, u64::MAX] {
        let token = forge.with("exp", exp.into());
        assert_eq!(verifier.authenticate(&token).await, Err(TokenError::LivesTooLong));
    }
}
