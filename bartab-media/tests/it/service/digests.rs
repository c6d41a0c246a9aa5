//! What the client says of its bytes is checked against them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http_body_util::Full;
use sha2::{Digest, Sha256, Sha512};

use super::support::{World, as_, person};

fn sha256(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(bytes)))
}

fn sha512(bytes: &[u8]) -> String {
    format!("sha-512=:{}:", STANDARD.encode(Sha512::digest(bytes)))
}

#[tokio::test]
async fn bytes_with_the_digests_that_they_should_have_are_stored_and_others_leave_nothing() {
    let (world, robin) = (World::new(), person(1));
    let send = async |said: String| {
        let request = as_(&robin, Method::POST, "/v1/media").header("content-digest", said);
        world.send(request.body(Full::new(Bytes::from("milk"))).unwrap()).await
    };
    let (right, wrong) = (sha256(b"milk"), sha256(b"beer"));
    for said in [right.clone(), format!("{right}, {}", sha512(b"milk")), format!("md5=:AAAA:, {right}")] {
        assert_eq!(send(said.clone()).await.status, 201, "{said}");
    }
    world.settled(&robin).await;
    let before = (world.files(&robin).await, world.names().await);
    for said in [wrong.clone(), format!("{right}, {}", sha512(b"beer")), format!("{}, {wrong}", sha512(b"milk"))] {
        send(said).await.is_problem(400, "media.digest_mismatch");
    }
    for said in ["sha-256", "sha-256=:AAAA:", "sha-256=AAAA", "sha-256=:"] {
        let answer = send(said.to_owned()).await;
        answer.is_problem(400, "request.invalid");
        assert_eq!(answer.json()["errors"][0]["pointer"], "Content-Digest");
    }
    world.settled(&robin).await;
    assert_eq!((world.files(&robin).await, world.names().await), before);
}
