//! Files over real sockets, in a tenant behind a path.

use bartab_host::Config;
use reqwest::Method;
use serde_json::json;

use crate::support::{Server, config, read};

#[tokio::test]
async fn a_file_is_uploaded_under_the_tenants_prefix() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    // Larger than any other body may be.
    let bytes = vec![7_u8; 3 << 20];
    let request = server.request(Method::POST, "/t/acme/v1/media?filename=a.bin").bearer_auth(&alice).body(bytes);
    let answer = read(request).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let stored = answer.json();
    let url = stored["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/t/acme/v1/media/media_", server.url)), "{url}");
    let hash = stored["sha256"].as_str().unwrap();
    let path =
        server.folder.media(&"acme".parse().unwrap()).join("private").join(&hash[..2]).join(&hash[2..4]).join(hash);
    assert_eq!(std::fs::metadata(path).unwrap().len(), 3 << 20);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_in_words_that_the_client_reads() {
    let media = bartab_media::Config { file_bytes: 1 << 20, ..bartab_media::Config::default() };
    let server = Server::acme(Config { media, ..config() }).await;
    let alice = server.register("/t/acme", "alice").await;
    let about = server.get("/t/acme/.well-known/bartab").await.json();
    assert_eq!((&about["limits"]["upload_bytes"], &about["features"]["media"]), (&json!(1 << 20), &json!(true)));
    for announced in [true, false] {
        let request = server.request(Method::POST, "/t/acme/v1/media").bearer_auth(&alice);
        let bytes = vec![7_u8; 8 << 20];
        let request = match announced {
            true => request.body(bytes),
            false => request.body(reqwest::Body::wrap_stream(futures_util::stream::iter(
                bytes.chunks(64 << 10).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>(),
            ))),
        };
        read(request).await.is_problem(413, "media.too_large");
    }
}
