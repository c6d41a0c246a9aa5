//! What every service does alike at its HTTP edge: strict JSON in, problems out.

mod query;

pub use query::QueryParameters;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::problem::{PROBLEM_JSON, Problem};

/// The address of who asks, as far as it is known: whoever runs a service puts it into the request's extensions, having
/// judged which proxies to believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub std::net::IpAddr);

/// The address under which the client reaches the service, without a slash at the end: whoever runs a service puts it
/// into the request's extensions, having judged which proxies to believe. URLs that a service gives out begin with it;
/// without one they begin with the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicBase(pub std::sync::Arc<str>);

/// The header that names a request in answers and logs.
pub const X_REQUEST_ID: &str = "x-request-id";

/// Reads a JSON request body; an empty one is `{}`.
///
/// # Errors
/// `request.invalid_json` when it is no JSON, `request.invalid` with the field named when it is not of the shape
/// that `T` wants. A `T` with `deny_unknown_fields` refuses what it does not know.
pub fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = match body.trim_ascii_start() {
        [] => b"{}",
        // serde would also read a struct from an array, by position: another text for the same request.
        [b'[', ..] => return Err(Problem::bad_request("request.invalid_json").detail("expected a JSON object")),
        body => body,
    };
    // Finding the path of a wrong field costs; so it is looked for only when there is one.
    serde_json::from_slice(body).map_err(|_| {
        let json = &mut serde_json::Deserializer::from_slice(body);
        let read: Result<T, _> = serde_path_to_error::deserialize(json);
        match read {
            Ok(_) => Problem::bad_request("request.invalid_json").detail("something follows the JSON value"),
            Err(error) => field_problem(&error),
        }
    })
}

fn field_problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let cause = error.inner();
    if !cause.is_data() {
        return Problem::bad_request("request.invalid_json").detail(cause.to_string());
    }
    let message = cause.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let named = |start: &str| message.strip_prefix(start).and_then(|rest| rest.split('`').next());
    let parent = pointer(error.path(), 1);
    if let Some(field) = named("unknown field `") {
        return Problem::invalid_field(
            format!("{}/{}", pointer(error.path(), 0).trim_end_matches(&format!("/{field}")), escape(field)),
            "unknown_field",
            message,
        );
    }
    if let Some(field) = named("missing field `") {
        return Problem::invalid_field(format!("{}/{field}", pointer(error.path(), 0)), "missing", message);
    }
    if let Some(field) = named("duplicate field `") {
        return Problem::invalid_field(format!("{parent}/{field}"), "duplicate_field", message);
    }
    Problem::invalid_field(pointer(error.path(), 0), "invalid", message)
}

/// The JSON Pointer (RFC 6901) of `path` without its last `drop` segments.
fn pointer(path: &serde_path_to_error::Path, drop: usize) -> String {
    use serde_path_to_error::Segment;
    let mut segments: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(escape(key)),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    segments.truncate(segments.len().saturating_sub(drop));
    segments.iter().map(|segment| format!("/{segment}")).collect()
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The id that the request carries or was given, when it is fit to be repeated.
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let fit = (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    fit.then_some(id)
}

/// Whether what is answered at `path`, which is without a tenant's prefix, has the shapes of OAuth 2, errors too.
pub fn is_oauth(path: &str) -> bool {
    path.starts_with("/v1/oauth2/")
}

/// The body of an error of OAuth 2 (RFC 6749 section 5.2).
#[derive(Serialize)]
struct OAuthError<'a> {
    error: &'a str,
    error_description: &'a str,
}

impl Problem {
    /// What RFC 6749 calls such a failure; where it has no name, the nearest.
    pub const fn oauth_error(&self) -> &'static str {
        match self.status {
            // To its programs a limit is a server that cannot answer now; `slow_down` is for who polls for a device.
            429 | 503 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        }
    }

    /// The whole answer as an error of OAuth 2 (RFC 6749 section 5.2), with the headers that belong to it: for the
    /// paths of [`is_oauth`].
    pub fn to_oauth_response(&self) -> Response<Bytes> {
        let description = format!("{}: {}", self.code, self.title);
        let body = OAuthError { error: self.oauth_error(), error_description: &description };
        // Strings always encode.
        let mut response = Response::new(Bytes::from(serde_json::to_vec(&body).unwrap_or_default()));
        self.write_head("application/json", &mut response);
        response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
        response
    }

    /// The whole answer: status, body, and the headers that belong to it.
    pub fn to_response(&self, path: Option<&str>, request_id: Option<&str>) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.to_json(path, request_id)));
        self.write_head(PROBLEM_JSON, &mut response);
        response
    }

    fn write_head(&self, media_type: &'static str, response: &mut Response<Bytes>) {
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == "auth.required" {
            // RFC 6750 section 3.1: a request without credentials is told no error code.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bartab\""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Draft {
        #[serde(default)]
        text: String,
        #[serde(default)]
        mentions: Mentions,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Mentions {
        users: Vec<u32>,
    }

    fn refused(body: &str) -> (String, String) {
        let problem = parse_json::<Draft>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status, 400);
        problem.errors.first().map_or_else(
            || (problem.code.to_owned(), String::new()),
            |field| (field.pointer.clone(), field.code.clone().into_owned()),
        )
    }

    fn pair(a: &str, b: &str) -> (String, String) {
        (a.to_owned(), b.to_owned())
    }

    #[test]
    fn an_empty_body_is_an_empty_object() {
        assert_eq!(parse_json::<Draft>(b"").unwrap(), Draft::default());
        assert_eq!(parse_json::<Draft>(b" \n").unwrap(), Draft::default());
    }

    #[test]
    fn the_wrong_field_is_named() {
        assert_eq!(refused(r#"{"txet":"a"}"#), pair("/txet", "unknown_field"));
        assert_eq!(refused(r#"{"mentions":{"usres":[]}}"#), pair("/mentions/usres", "unknown_field"));
        assert_eq!(refused(r#"{"mentions":{"users":[1,"x"]}}"#), pair("/mentions/users/1", "invalid"));
        assert_eq!(refused(r#"{"text":1}"#), pair("/text", "invalid"));
        assert_eq!(refused(r#"{"text":"a","text":"b"}"#), pair("/text", "duplicate_field"));
    }

    #[test]
    fn what_is_no_json_is_refused_as_such() {
        for body in ["{", "nope", "[\"by position\", {}]", "{\"text\":\"\\ud800\"}", "{} {}"] {
            assert_eq!(refused(body).0, "request.invalid_json", "{body}");
        }
        assert_eq!(parse_json::<Draft>(b"{\"text\":\"\xff\"}").unwrap_err().code, "request.invalid_json");
        let deep = format!("{{\"text\":{}", "[".repeat(100_000));
        assert_eq!(parse_json::<Draft>(deep.as_bytes()).unwrap_err().status, 400);
    }

    #[test]
    fn a_problem_has_a_name_in_oauth_too() {
        for (problem, status, name) in [
            (Problem::not_found("route.not_found"), 404, "invalid_request"),
            (Problem::new(429, "rate.limited", "You ask too often").retry_after(3), 429, "temporarily_unavailable"),
            (Problem::unavailable("server.stopping"), 503, "temporarily_unavailable"),
            (Problem::internal(), 500, "server_error"),
            (Problem::new(504, "write.unknown", "?"), 504, "server_error"),
        ] {
            let response = problem.to_oauth_response();
            let headers = response.headers();
            assert_eq!(
                (response.status().as_u16(), &headers[CONTENT_TYPE]),
                (status, &"application/json".parse().unwrap())
            );
            assert_eq!(
                (&headers[CACHE_CONTROL], &headers[PRAGMA]),
                (&"no-store".parse().unwrap(), &"no-cache".parse().unwrap())
            );
            assert_eq!(headers.contains_key(RETRY_AFTER), problem.retry_after.is_some());
            let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            let description = format!("{}: {}", problem.code, problem.title);
            assert_eq!(body, serde_json::json!({"error": name, "error_description": description}));
        }
    }
}
