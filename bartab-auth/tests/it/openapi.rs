//! The OpenAPI document: nothing is left out of any operation, whoever adds it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Every operation as `METHOD path`, its path and what is said of it.
fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, it)| (format!("{method} {path}"), path.as_str(), it))
    });
    all.collect()
}

#[test]
fn every_operation_says_what_it_is_and_who_may_call_it() {
    let document = bartab_auth::openapi();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for (name, _, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap_or_default()), "{name}: no id of its own");
        let tagged = operation["tags"].as_array().unwrap();
        assert!(tagged.len() == 1 && tags.contains(tagged[0].as_str().unwrap()), "{name}: {tagged:?}");
        let security = operation["security"].as_array().unwrap_or_else(|| panic!("{name} says nothing of credentials"));
        let named = security.iter().flat_map(|way| way.as_object().unwrap().keys());
        named.for_each(|scheme| assert!(schemes.contains_key(scheme), "{name}: {scheme}"));
    }
}

#[test]
fn every_operation_has_the_errors_that_any_has_each_with_its_body() {
    let document = bartab_auth::openapi();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, path, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        let mut common = vec!["403", "404", "429", "503"];
        if operation["security"].as_array().is_some_and(|ways| !ways.is_empty()) {
            common.push("401");
        }
        if !name.starts_with("get ") {
            common.push("504");
        }
        let (media_type, schema) = if path.starts_with("/v1/oauth2/") {
            ("application/json", "OAuthErrorBody")
        } else {
            ("application/problem+json", "Problem")
        };
        for status in &common {
            let content = &responses.get(*status).unwrap_or_else(|| panic!("{name}: {status}"))["content"];
            let body = &content[media_type]["schema"]["$ref"];
            assert_eq!(body.as_str(), Some(format!("#/components/schemas/{schema}").as_str()), "{name}: {status}");
        }
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let content = response["content"].as_object().unwrap_or_else(|| panic!("{name}: {status} has no body"));
            let known = content.keys().all(|found| found == media_type || found == "text/html");
            assert!(known && !content.is_empty(), "{name}: {status}: {content:?}");
        }
        for (status, header) in [("429", "Retry-After"), ("429", "RateLimit"), ("503", "Retry-After")] {
            assert!(responses[status]["headers"][header].is_object(), "{name}: {status} {header}");
        }
    }
    for schema in ["Problem", "FieldProblem", "OAuthErrorBody"] {
        assert!(schemas.contains_key(schema), "{schema}");
    }
}

#[test]
fn what_the_document_refers_to_is_in_it() {
    let document = bartab_auth::openapi();
    let text = document.to_string();
    let named = text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap());
    for pointer in named.collect::<BTreeSet<_>>() {
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn every_list_is_a_page_with_limit_and_cursor() {
    let document = bartab_auth::openapi();
    let mut lists = 0;
    // The feed has no last page: its readers keep a number, and ask from there on for ever.
    let pages = |name: &str| name.starts_with("get ") && name != "get /v1/accounts/feed";
    for (name, _, operation) in operations(&document).iter().filter(|(name, ..)| pages(name)) {
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = schema.as_str().and_then(|name| document.pointer(name.strip_prefix('#')?)) else { continue };
        if schema["properties"]["items"].is_null() {
            continue;
        }
        lists += 1;
        let required = schema["required"].as_array().unwrap();
        assert!(["items", "next_cursor"].iter().all(|field| required.contains(&Value::from(*field))), "{name}");
        let parameters = operation["parameters"].as_array().unwrap_or_else(|| panic!("{name} takes no parameters"));
        let takes = |wanted: &str| parameters.iter().any(|parameter| parameter["name"] == wanted);
        assert!(takes("limit") && takes("cursor"), "{name}");
    }
    // Without the feature `openid-providers` there are two less.
    assert!(lists >= 7, "only {lists} lists");
}
