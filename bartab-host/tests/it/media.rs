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

#[tokio::test]
async fn a_message_carries_a_file_to_who_may_read_it() {
    let server = Server::acme(config()).await;
    let [alice, bob, eve] = [("alice"), "bob", "eve"].map(|name| server.register("/t/acme", name));
    let (alice, bob, eve) = (alice.await, bob.await, eve.await);
    let at = |path: &str| format!("/t/acme/v1{path}");
    let room = server.post_as(&alice, &at("/rooms"), &json!({"name": "kitchen"})).await.json();
    let room = at(&format!("/rooms/{}", room["room_id"].as_str().unwrap()));
    let me = server.get_as(&bob, &at("/me")).await.json()["user_id"].as_str().unwrap().to_owned();
    let invited = server.request(Method::PUT, &format!("{room}/members/{me}")).bearer_auth(&alice);
    assert!(read(invited.body(json!({"membership": "invited"}).to_string())).await.status.is_success());
    assert!(server.post_as(&bob, &format!("{room}/join"), &json!({})).await.status.is_success());

    let upload = server.request(Method::POST, &at("/media?filename=plan.txt")).bearer_auth(&alice).body("the plan");
    let file = read(upload).await.json()["media_id"].as_str().unwrap().to_owned();
    let path = at(&format!("/media/{file}"));
    server.get_as(&bob, &path).await.is_problem(404, "media.not_found");
    server
        .post_as(&bob, &format!("{room}/messages"), &json!({"text": "mine", "attachments": [file]}))
        .await
        .is_problem(403, "media.not_yours");
    let message =
        server.post_as(&alice, &format!("{room}/messages"), &json!({"text": "", "attachments": [file]})).await;
    assert_eq!(message.status, 201, "{message:?}");
    let message = message.json();
    let carried = &message["content"]["attachments"][0];
    assert_eq!(
        (&carried["media_id"], &carried["filename"], &carried["size"]),
        (&json!(file), &json!("plan.txt"), &json!(8))
    );

    assert_eq!(server.get_as(&bob, &path).await.text, "the plan");
    server.get_as(&eve, &path).await.is_problem(404, "media.not_found");
    server.get(&path).await.is_problem(401, "auth.required");

    // Deleting the message takes the access at once.
    let message = format!("{room}/messages/{}", message["event_id"].as_str().unwrap());
    assert_eq!(read(server.request(Method::DELETE, &message).bearer_auth(&alice)).await.status, 200);
    server.get_as(&bob, &path).await.is_problem(404, "media.not_found");
    assert_eq!(server.get_as(&alice, &path).await.text, "the plan", "her own, until the grace is over");
}
