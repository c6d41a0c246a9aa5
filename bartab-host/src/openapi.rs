//! `GET /openapi.json`: the services' own descriptions and the host's, merged into one document.

use std::sync::OnceLock;

use bartab_core::PROBLEM_JSON;
use serde_json::{Map, Value, json};

/// The document for a tenant that is reached at `base`.
pub(crate) fn document(base: &str) -> Value {
    static MERGED: OnceLock<Value> = OnceLock::new();
    let mut document = MERGED.get_or_init(merged).clone();
    document["servers"] = json!([{"url": base}]);
    document
}

fn merged() -> Value {
    let mut document = own();
    for service in [bartab_auth::openapi(), bartab_chat::openapi(), bartab_media::openapi()] {
        merge(&mut document, service);
    }
    document
}

/// Adds what `service` describes. What both describe is described by the first.
fn merge(document: &mut Value, mut service: Value) {
    own_security(&mut service);
    let Value::Object(service) = service else { return };
    for (key, value) in service {
        match (key.as_str(), value) {
            ("paths", Value::Object(paths)) => extend(&mut document["paths"], paths),
            ("components", Value::Object(kinds)) => {
                for (kind, entries) in kinds {
                    if let Value::Object(entries) = entries {
                        extend(&mut document["components"][kind], entries);
                    }
                }
            }
            ("tags", Value::Array(tags)) => match &mut document["tags"] {
                Value::Array(all) => all.extend(tags),
                none => *none = Value::Array(tags),
            },
            _ => {}
        }
    }
}

/// Writes the credentials that a service takes by default at each operation that names none: the document as a whole has
/// no such default.
fn own_security(service: &mut Value) {
    let Some(usual) = service.get("security").cloned() else { return };
    let paths =
        service.get_mut("paths").and_then(Value::as_object_mut).into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut()) {
        if let Value::Object(operation) = operation {
            operation.entry("security").or_insert_with(|| usual.clone());
        }
    }
}

fn extend(into: &mut Value, entries: Map<String, Value>) {
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    if let Value::Object(into) = into {
        for (key, value) in entries {
            match (into.get_mut(&key), value) {
                // One path may have a method here and another there.
                (Some(Value::Object(there)), Value::Object(more)) => {
                    for (key, value) in more {
                        there.entry(key).or_insert(value);
                    }
                }
                (Some(_), _) => {}
                (None, value) => _ = into.insert(key, value),
            }
        }
    }
}

/// What the host itself answers.
fn own() -> Value {
    let get = |id: &str, summary: &str, answers: Value| json!({"get": {"tags": ["server"], "operationId": id, "summary": summary, "security": [], "responses": answers}});
    let live = || json!({"200": object("It runs"), "429": limited()});
    let of_tenant = |description: &str, unavailable: &str| {
        json!({
            "200": object(description),
            "403": failed("`tenant.suspended`"),
            "404": failed("`tenant.not_found`"),
            "429": limited(),
            "503": with_headers(failed(unavailable), &[RETRY_AFTER]),
        })
    };
    let away = "`tenant.unavailable`, `server.stopping`";
    let not_ready = "`server.not_ready`: `detail` names the check that failed; `tenant.unavailable`, `server.stopping`";
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "BarTAB",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Chat over HTTP: identity, rooms, messages and sync.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "tags": [{"name": "server", "description": "What the server says about itself"}],
        "paths": {
            "/livez": get("livez", "Whether the process runs", live()),
            "/healthz": get("healthz", "The same as `/livez`", live()),
            "/readyz": get(
                "readyz",
                "Whether storage answers and keys are held",
                of_tenant("Ready", not_ready),
            ),
            "/.well-known/bartab": get(
                "about",
                "API version, service URLs, features and limits",
                of_tenant("What this tenant offers", away),
            ),
            "/openapi.json": get("openapi", "This document", of_tenant("OpenAPI 3.1", away)),
        },
    })
}

/// The headers that errors have beside their body, as the services describe them.
const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds after which to ask again");
const LIMIT: (&str, &str) = ("RateLimit-Policy", "The limit that was passed");
const LEFT: (&str, &str) = ("RateLimit", "What is left of it, and when it is whole again");

fn object(description: &str) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": {"type": "object"}}}})
}

/// A problem; identity describes its shape.
fn failed(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": description, "content": {PROBLEM_JSON: {"schema": schema}}})
}

fn with_headers(mut response: Value, headers: &[(&str, &str)]) -> Value {
    for (name, says) in headers {
        response["headers"][name] = json!({"description": says, "schema": {"type": "string"}});
    }
    response
}

fn limited() -> Value {
    with_headers(failed("`rate.limited`"), &[RETRY_AFTER, LIMIT, LEFT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_in_the_document_once() {
        let document = document("https://a.example/t/acme");
        assert_eq!(document["servers"], json!([{"url": "https://a.example/t/acme"}]));
        assert_eq!(document["openapi"], "3.1.0");
        for path in ["/livez", "/v1/auth/login", "/v1/sync", "/v1/rooms/{room}/messages"] {
            assert!(document["paths"][path].is_object(), "{path} is missing");
        }
        for service in [bartab_auth::openapi(), bartab_chat::openapi()] {
            for (path, methods) in service["paths"].as_object().unwrap() {
                for method in methods.as_object().unwrap().keys() {
                    assert!(document["paths"][path][method].is_object(), "{method} {path} is missing");
                }
            }
        }
        let paths = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
        let operations: Vec<&Value> = paths.filter_map(Value::as_object).flat_map(|path| path.values()).collect();
        let ids: Vec<&str> = operations.iter().filter_map(|operation| operation["operationId"].as_str()).collect();
        let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(
            (unique.len(), operations.len()),
            (ids.len(), ids.len()),
            "an operationId is missing or stands twice"
        );
        for operation in operations {
            assert!(operation["security"].is_array(), "{} says nothing of credentials", operation["operationId"]);
        }
        // The host's own have the errors that identity's have, alike but for what can be away.
        let errors = |path: &str| {
            let mut responses = document["paths"][path]["get"]["responses"].as_object().unwrap().clone();
            responses.retain(|status, _| status.starts_with(['4', '5']));
            responses["503"]["description"].take();
            responses
        };
        for path in ["/readyz", "/.well-known/bartab", "/openapi.json"] {
            assert_eq!(errors(path), errors("/.well-known/jwks.json"), "{path}");
        }
        let answers = |path: &str| &document["paths"][path]["get"]["responses"];
        for path in ["/livez", "/healthz"] {
            assert_eq!(answers(path)["429"], answers("/openapi.json")["429"], "{path}");
        }
        assert_eq!(document["paths"]["/v1/rooms"]["post"]["security"], json!([{"bearer": []}]));
        assert_eq!(document["paths"]["/v1/auth/login"]["post"]["security"], json!([]));
    }
}
