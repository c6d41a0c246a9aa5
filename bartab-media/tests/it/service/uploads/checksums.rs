//! Pieces with a checksum count whole, or not at all.

use http_body::Frame;
use http_body_util::StreamBody;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::*;

#[tokio::test]
async fn a_piece_counts_if_it_is_what_its_checksum_says() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    let send = async |offset: usize, said: String, bytes: &'static str| {
        world.send(piece(&path, offset).header("upload-checksum", said).body(Full::new(bytes.into())).unwrap()).await
    };
    let sha1 = |bytes: &str| format!("sha1 {}", encode(Sha1::digest(bytes)));
    assert_eq!(send(0, sha1("one"), "one").await.status, 204);
    send(3, sha1("one"), "two").await.is_problem(460, "upload.checksum_mismatch");
    assert_eq!(offset(&world, &path).await, 3, "nothing of it counts");
    for said in ["sha1", "md5 AAAA", "sha1 AAAA", "sha1 %", ""] {
        send(3, said.to_owned(), "two").await.is_problem(400, "request.invalid");
    }
    assert_eq!(send(3, format!("sha256 {}", encode(Sha256::digest("two"))), "two").await.status, 204);
    let last = send(6, format!("sha512 {}", encode(Sha512::digest("six"))), "six").await;
    assert_eq!(world.content(made(&last).unwrap()).await, "onetwosix");
}

#[tokio::test(start_paused = true)]
async fn of_a_piece_with_a_checksum_that_ends_early_nothing_counts() {
    let world = World::new();
    let path = create(&world, 9, "").await;
    let start = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"on")))]);
    let body = StreamBody::new(futures_util::StreamExt::chain(start, futures_util::stream::pending()));
    let said = format!("sha1 {}", encode(Sha1::digest("one")));
    let request = piece(&path, 0).header("upload-checksum", said).body(body).unwrap();
    world.send_body(request).await.is_problem(408, "request.timeout");
    assert_eq!(offset(&world, &path).await, 0);
    assert_eq!(world.names().await.len(), 0);
}
