//! The OpenAPI document describes the routes that there are, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use http::Request;
use http_body_util::Full;
use serde_json::Value;

use crate::support::World;
use crate::support::contract::DOCUMENT;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn operations() -> Vec<(&'static str, &'static str, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let methods = |(path, item): (&'static String, &'static Value)| {
        let item = item.as_object().unwrap();
        item.iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    };
    paths.iter().flat_map(methods).collect()
}

/// Every object of the document, with the place where it stands.
fn walk(value: &'static Value, place: String, visit: &mut dyn FnMut(&str, &'static Value)) {
    visit(&place, value);
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| walk(value, format!("{place}/{name}"), visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| walk(value, format!("{place}/{index}"), visit));
        }
        _ => {}
    }
}

fn parameters(operation: &Value, place: &str) -> BTreeSet<String> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(|parameter| parameter["in"] == place).map(|it| it["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_document_has_the_shape_of_openapi_3_1() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    assert!(DOCUMENT["info"]["title"].is_string() && DOCUMENT["info"]["version"].is_string());
    let scheme = &DOCUMENT["components"]["securitySchemes"]["bearer"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&Value::from("http"), &Value::from("bearer")));
    let tags: BTreeSet<&str> =
        DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations() {
        assert!(METHODS.contains(&method), "{path}: {method}");
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{path}: its id stands twice");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{path}: no summary");
        assert!(operation["tags"].as_array().unwrap().iter().all(|tag| tags.contains(tag.as_str().unwrap())));
        assert!(operation["security"][0]["bearer"].is_array(), "{method} {path}: open to everyone");
        let named: BTreeSet<String> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned).collect();
        assert_eq!(parameters(operation, "path"), named, "{method} {path}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let is_path = parameter["in"] == "path";
            assert_eq!(parameter["required"].as_bool().unwrap_or(false), is_path, "{path}: {parameter}");
            assert!(parameter["schema"].is_object(), "{path}: {parameter}");
            assert!(!parameter["schema"].to_string().contains("null"), "{path}: {parameter}");
        }
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}: no success");
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{method} {path}: {status}");
            if status.starts_with(['4', '5']) {
                let schema = &response["content"]["application/problem+json"]["schema"];
                assert_eq!(schema["$ref"], "#/components/schemas/Problem", "{method} {path}: {status}");
            }
        }
        for status in ["400", "401", "403", "503"] {
            assert!(responses.contains_key(status), "{method} {path}: {status} is missing");
        }
        assert!(responses.contains_key("404") || matches!(path, "/v1/sync" | "/v1/rooms"), "{method} {path}");
    }
    walk(&DOCUMENT, String::new(), &mut |place, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(DOCUMENT.pointer(&reference[1..]).is_some(), "{place}: {reference} leads nowhere");
        }
        if let Some(nullable) = value.get("nullable") {
            assert!(place.ends_with("/properties"), "{place}: `nullable` is of OpenAPI 3.0: {nullable}");
        }
    });
}

#[test]
fn ids_and_times_say_what_they_look_like() {
    let schemas = &DOCUMENT["components"]["schemas"];
    for (name, prefix) in [("UserId", "user"), ("RoomId", "room"), ("EventId", "evt"), ("GroupId", "group")] {
        assert_eq!(schemas[name]["type"], "string");
        assert_eq!(schemas[name]["pattern"], format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"));
    }
    assert_eq!(schemas["Timestamp"]["format"], "date-time");
    assert_eq!(schemas["RoomRole"]["enum"], serde_json::json!(["member", "moderator", "owner"]));
}

#[test]
fn posts_that_append_take_an_idempotency_key() {
    for (path, method, operation) in operations() {
        let takes_one = parameters(operation, "header").contains("Idempotency-Key");
        assert_eq!(takes_one, method == "post", "{method} {path}");
        assert_eq!(operation["responses"].get("422").is_some(), takes_one, "{method} {path}");
    }
}

#[test]
fn bodies_refuse_what_they_do_not_know() {
    for (path, method, operation) in operations() {
        let Some(body) = operation.get("requestBody") else { continue };
        let schema = &body["content"]["application/json"]["schema"];
        let name = schema["$ref"].as_str().unwrap_or_else(|| panic!("{method} {path}: {schema}"));
        let schema = DOCUMENT.pointer(&name[1..]).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
}

#[tokio::test]
async fn every_route_is_described_and_every_description_is_a_route() {
    // The paths are read from the route table's source, the methods from what the service allows.
    let source = include_str!("../../src/service/routes.rs");
    let quoted = source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap().to_owned());
    let routed: BTreeSet<String> = quoted.collect();
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in operations() {
        described.entry(path.to_owned()).or_default().insert(method.to_uppercase());
    }
    assert_eq!(routed, described.keys().cloned().collect());
    let world = World::new().await;
    for (path, methods) in described {
        let request =
            Request::builder().method("TRACE").uri(path.replace(['{', '}'], "")).body(Full::default()).unwrap();
        let response = world.stranger().send(request).await;
        assert_eq!(response.status(), 405, "{path}");
        let allow = response.headers()["allow"].to_str().unwrap();
        let mut allowed: BTreeSet<String> = allow.split(',').map(|method| method.trim().to_owned()).collect();
        allowed.remove("HEAD");
        assert_eq!(allowed, methods, "{path}");
    }
}
