//! What failed requests are answered with: written once, for every operation of the document.
//!
//! An operation says which codes are its own; here each of its errors gets its body, and the operation those errors that
//! any may have.

use bartab_core::PROBLEM_JSON;
use bartab_core::http::is_oauth;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// RFC 9457 problem details. Clients switch on `code`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(super) struct Problem {
    /// What kind of problem it is: `urn:bartab:problem:` and the code.
    #[schema(format = "uri")]
    r#type: String,
    /// The same for every occurrence of the kind.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened this time.
    detail: Option<String>,
    /// The path of the request.
    instance: Option<String>,
    /// The stable dotted name.
    #[schema(example = "account.not_found")]
    code: String,
    /// The id of the request in the server's logs.
    request_id: Option<String>,
    /// The fields that were wrong.
    errors: Option<Vec<FieldProblem>>,
    /// With `quota.exceeded`: so many one may have.
    limit: Option<u64>,
    /// With `quota.exceeded`: so many one has.
    used: Option<u64>,
}

/// One wrong field of a request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description, never a value")]
pub(super) struct FieldProblem {
    /// A JSON Pointer (RFC 6901) into the body; `?name` for a query parameter.
    pointer: String,
    /// The stable name of what is wrong.
    #[schema(example = "unknown_field")]
    code: String,
    /// The same for people.
    detail: String,
}

/// What any operation can be answered, and why. The names are those of problems; in the shape of OAuth the description
/// begins with them.
const EVERY: [(&str, &str); 4] = [
    ("403", "`tenant.suspended`"),
    ("404", "`tenant.not_found`"),
    ("429", "`rate.limited`"),
    ("503", "`store.unavailable`, `tenant.unavailable`, `server.stopping`: nothing was written"),
];

/// Completes the operations of `document`.
pub(super) fn complete(document: &mut Value) {
    let paths = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            complete_one(path, method, operation);
        }
    }
}

fn complete_one(path: &str, method: &str, operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else { return };
    // Said of each, since whoever merges documents may have another default.
    let security = operation.entry("security").or_insert(json!([]));
    let takes_credentials = security.as_array().is_some_and(|ways| !ways.is_empty());
    let has_body = operation.contains_key("requestBody");
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, why) in EVERY {
        describe(responses, status, why);
    }
    if takes_credentials {
        describe(responses, "401", "`auth.required`, `auth.invalid_token`");
    }
    if has_body {
        describe(responses, "413", "`request.too_large`");
    }
    if method != "get" {
        describe(responses, "504", "`write.unknown`: it may have been written");
    }
    let (media_type, schema) =
        if is_oauth(path) { ("application/json", "OAuthErrorBody") } else { (PROBLEM_JSON, "Problem") };
    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
        let body = json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
        // A page says it to people; what comes from in front of the service is for programs all the same.
        if response["content"].is_null() || EVERY.iter().any(|(every, _)| every == status) {
            response["content"][media_type] = body;
        }
        for (name, says) in headers(status) {
            response["headers"][name] = json!({"description": says, "schema": {"type": "string"}});
        }
    }
}

/// Adds an error, unless the operation says of itself when it is given.
fn describe(responses: &mut Map<String, Value>, status: &str, why: &str) {
    responses.entry(status).or_insert_with(|| json!({"description": why}));
}

/// The headers that an error has beside its body.
fn headers(status: &str) -> &'static [(&'static str, &'static str)] {
    const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds after which to ask again");
    match status {
        "401" => &[("WWW-Authenticate", "How to authenticate, and what was wrong (RFC 6750 section 3)")],
        "429" => &[
            RETRY_AFTER,
            ("RateLimit-Policy", "The limit that was passed"),
            ("RateLimit", "What is left of it, and when it is whole again"),
        ],
        "503" => &[RETRY_AFTER],
        _ => &[],
    }
}
