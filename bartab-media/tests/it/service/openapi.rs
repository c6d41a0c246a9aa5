//! The document says what is served.

use std::collections::BTreeSet;

use bartab_core::MediaId;
use http::Method;
use serde_json::json;

use super::support::{World, person};

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_has_a_name_of_its_own() {
    let (world, robin) = (World::new(), person(1));
    let document = bartab_media::openapi();
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let uri = path.replace("{media}", &MediaId::from_u128(1).to_string());
        let uri = uri.replace("{upload}", "upload_00000000000000000000000001");
        assert!(!uri.contains('{'), "{path}");
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = world.ask(method.clone(), Some(&robin), &uri, &[]).await;
            assert_ne!(answer.status, 405, "{method} {path}");
            let body = String::from_utf8_lossy(&answer.body);
            assert!(!body.contains("route.not_found"), "{method} {path}");
            assert!(
                operation["responses"].get(answer.status.to_string()).is_some(),
                "{method} {path} answers {}, of which the document says nothing",
                answer.status
            );
        }
    }
    for name in ["download_media", "look_at_media", "thumbnail_of_media", "look_at_thumbnail", "sign_media"] {
        assert!(names.contains(name), "{name}");
    }
}

#[tokio::test]
async fn the_document_says_where_a_body_can_be_too_large() {
    let (world, robin) = (World::new(), person(1));
    let document = bartab_media::openapi();
    let body = json!({ "reason": "x".repeat(100_000) });
    for path in ["/v1/media/sign", "/v1/media/{media}/quarantine", "/v1/media/{media}/restore"] {
        let uri = path.replace("{media}", &MediaId::from_u128(1).to_string());
        let answer = world.call(&robin, Method::POST, &uri, Some(body.clone())).await;
        answer.is_problem(413, "request.too_large");
        assert!(document["paths"][path]["post"]["responses"].get("413").is_some(), "{path}");
    }
}
