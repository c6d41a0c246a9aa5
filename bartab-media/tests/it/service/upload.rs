//! Uploads with their bytes as they are.

use bartab_core::{Actor, ActorKind, RoomId, Scopes};
use bartab_media::Config;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::support::{World, person};
use crate::pictures::fixtures;

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_file_is_stored_once_under_the_name_of_its_hash() {
    let (world, robin) = (World::new(), person(1));
    let answer = world.upload(&robin, "?filename=notes.txt", "remember the milk").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let (stored, hash) = (answer.json(), hex(b"remember the milk"));
    let path = format!("/v1/media/{}", stored["media_id"].as_str().unwrap());
    assert_eq!(stored["url"], path);
    assert_eq!(stored["thumbnail_url"], Value::Null);
    assert_eq!(stored["sha256"], hash);
    assert_eq!((&stored["size"], &stored["mime"]), (&17.into(), &"text/plain".into()));
    assert_eq!((&stored["width"], &stored["public"]), (&Value::Null, &false.into()));

    let again = world.upload(&robin, "", "remember the milk").await.json();
    assert_ne!(again["media_id"], stored["media_id"]);
    let public = world.upload(&robin, "?public=true", "remember the milk").await.json();
    assert_eq!(public["public"], true);
    world.settled(&robin).await;
    let name = |side| format!("{side}/{}/{}/{hash}", &hash[..2], &hash[2..4]);
    assert_eq!(world.names().await, [name("private"), name("public")]);
    assert_eq!(world.stored(&name("private")).await, "remember the milk");
}

#[tokio::test]
async fn a_picture_is_stored_without_what_it_tells_of_the_photographer() {
    let (world, robin) = (World::new(), person(1));
    let segments = [fixtures::exif_segment(6), fixtures::segment(0xe1, &fixtures::xmp())];
    let picture = fixtures::with_segments(&fixtures::jpeg(40, 30), &segments);
    let stored = world.upload(&robin, "", picture.clone()).await.json();
    assert_eq!(stored["mime"], "image/jpeg", "{stored}");
    assert_eq!((&stored["width"], &stored["height"]), (&30.into(), &40.into()), "as it is shown");
    assert!(stored["blurhash"].is_string());
    let hash = stored["sha256"].as_str().unwrap();
    let bytes = world.stored(&format!("private/{}/{}/{hash}", &hash[..2], &hash[2..4])).await;
    assert_eq!(hex(&bytes), hash, "the digest is that of the stored bytes");
    assert!(bytes.len() < picture.len() && !fixtures::has(&bytes, b"xmpmeta"));
    world.settled(&robin).await;
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let config = Config { file_bytes: 100, picture_bytes: 64, person_bytes: Some(150), ..Config::default() };
    let (world, robin) = (World::with(config), person(1));
    world.upload(&robin, "", [b'a'; 101].to_vec()).await.is_problem(413, "media.too_large");
    assert_eq!(world.upload(&robin, "", [b'a'; 100].to_vec()).await.status, 201);
    let full = world.upload(&robin, "", [b'b'; 51].to_vec()).await;
    full.is_problem(403, "quota.exceeded");
    assert_eq!((full.json()["limit"].as_u64(), full.json()["used"].as_u64()), (Some(150), Some(100)));
    let broken = b"\x89PNG\r\n\x1a\n<script>alert(1)</script>";
    world.upload(&robin, "", &broken[..]).await.is_problem(422, "media.picture_refused");
    world.upload(&robin, "?public=maybe", "x").await.is_problem(400, "request.invalid");
    world.upload(&robin, "?colour=red", "x").await.is_problem(400, "request.invalid");
    world.settled(&robin).await;
    assert_eq!((world.files(&robin).await, world.names().await.len()), (1, 1));
}

#[tokio::test]
async fn who_may_not_upload_is_told_so() {
    let (world, robin) = (World::new(), person(1));
    let reader = Actor { scopes: Scopes::NONE, ..robin.clone() };
    world.upload(&reader, "", "x").await.is_problem(403, "auth.insufficient_scope");
    let guest = Actor { kind: ActorKind::Guest { room: RoomId::from_u128(1) }, ..robin };
    world.upload(&guest, "", "x").await.is_problem(403, "actor.kind_not_allowed");
    let stranger = http::Request::post("/v1/media").body("x".into()).unwrap();
    world.send(stranger).await.is_problem(401, "auth.required");
    assert_eq!(world.names().await.len(), 0);
}
