//! Holds real answers against the OpenAPI document: whatever any test is answered must be described there.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The document.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(bartab_chat::openapi);

/// Checks an answer; one of a path or method that the document does not have is not its business.
pub(crate) fn check_answer(method: &str, path: &str, status: u16, content_type: Option<&str>, body: &[u8]) {
    let Some(operation) = operation(&method.to_lowercase(), path) else { return };
    let response = &operation["responses"][status.to_string()];
    assert!(response.is_object(), "{method} {path}: {status} is not described: {}", String::from_utf8_lossy(body));
    let Some(content) = response.get("content") else {
        assert!(body.is_empty(), "{method} {path}: {status} is described without a body");
        return;
    };
    let content_type = content_type.unwrap_or_default();
    let schema = &content[content_type]["schema"];
    assert!(schema.is_object(), "{method} {path}: {status} as {content_type} is not described");
    if content_type.ends_with("json") {
        let value: Value = serde_json::from_slice(body).unwrap();
        check_events(&value);
        if let Err(wrong) = matches(schema, &value) {
            panic!("{method} {path}: {status} is not as described: {wrong}\n{value:#}");
        }
    }
}

/// The operation of a method, in lower case, and a path.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap_or_default();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let (_, item) = paths.iter().find(|(template, _)| fits(template, path))?;
    item.get(method)
}

fn fits(template: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    template.split('/').all(|part| parts.next().is_some_and(|given| part.starts_with('{') || part == given))
        && parts.next().is_none()
}

/// The content of each event has the shape of its type, not merely of some type.
fn check_events(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(check_events),
        Value::Object(fields) if fields.contains_key("type") && fields.contains_key("event_id") => {
            let name = match fields["type"].as_str().unwrap().split('.').collect::<Vec<_>>()[..] {
                ["user", _] => "Profile",
                ["room", _] => "RoomChange",
                ["member", _] => "MemberChange",
                ["message", "created"] => "MessageContent",
                ["message", "edited"] => "EditContent",
                ["message", "deleted"] => "DeletionContent",
                ["reaction", _] => "ReactionContent",
                _ => return,
            };
            if fields["content"].is_null() {
                assert_eq!(fields["erased"], true, "only erased events lose their content: {value}");
                return;
            }
            let schema = &DOCUMENT["components"]["schemas"][name];
            assert!(schema.is_object(), "no schema {name}");
            if let Err(wrong) = matches(schema, &fields["content"]) {
                panic!("the content of an event is not as described: {wrong}\n{value:#}");
            }
        }
        Value::Object(fields) => fields.values().for_each(check_events),
        _ => {}
    }
}

/// Whether `value` is as `schema` says. Stricter than JSON Schema: a field that is not described is wrong.
pub(crate) fn matches(schema: &Value, value: &Value) -> Result<(), String> {
    let schema = resolve(schema);
    for word in ["oneOf", "anyOf"] {
        if let Some(options) = schema.get(word).and_then(Value::as_array) {
            let failed: Vec<String> = options.iter().filter_map(|option| matches(option, value).err()).collect();
            if failed.len() == options.len() {
                return Err(format!("none of {word}: {}", failed.join("; ")));
            }
            return Ok(());
        }
    }
    check_type(schema, value)?;
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        return Err(format!("{value} is none of {words:?}"));
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields),
        Value::Array(items) => match schema.get("items") {
            Some(described) => items.iter().try_for_each(|item| matches(described, item)),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn resolve(schema: &Value) -> &Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let found = DOCUMENT.pointer(reference.strip_prefix('#').unwrap());
            resolve(found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
        }
        None => schema,
    }
}

fn check_type(schema: &Value, value: &Value) -> Result<(), String> {
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let fits = names.iter().any(|name| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_i64().is_some_and(|number| (0..1 << 53).contains(&number)),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    });
    if fits { Ok(()) } else { Err(format!("{value} is none of {names:?}")) }
}

fn check_fields(schema: &Value, fields: &Map<String, Value>) -> Result<(), String> {
    let parts: Vec<&Value> = match schema.get("allOf").and_then(Value::as_array) {
        Some(parts) => parts.iter().map(resolve).collect(),
        None => vec![schema],
    };
    let mut described = BTreeSet::new();
    let mut open = true;
    for part in parts {
        for name in part.get("required").and_then(Value::as_array).into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                return Err(format!("{name} is missing"));
            }
        }
        if let Some(properties) = part.get("properties").and_then(Value::as_object) {
            open = false;
            for (name, schema) in properties {
                described.insert(name.as_str());
                if let Some(value) = fields.get(name) {
                    matches(schema, value).map_err(|wrong| format!("/{name}: {wrong}"))?;
                }
            }
        }
        match part.get("additionalProperties") {
            Some(Value::Bool(false)) => open = false,
            Some(schema @ Value::Object(_)) => {
                fields.values().try_for_each(|value| matches(schema, value))?;
            }
            _ => {}
        }
    }
    match fields.keys().find(|name| !open && !described.contains(name.as_str())) {
        Some(name) => Err(format!("`{name}` is not described")),
        None => Ok(()),
    }
}
