//! Forms, and the endpoints of OAuth that read them.

use std::collections::BTreeSet;

use bartab_auth::fuzz_parameters;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::identity::{Identity, POSSIBLE};

/// Where a form may go.
const PATHS: [&str; 5] = [
    "/v1/oauth2/token",
    "/v1/oauth2/revoke",
    "/v1/oauth2/introspect",
    "/v1/oauth2/userinfo",
    "/v1/oauth2/device_authorization",
];

/// A form is refused, or no parameter that counts comes twice and none is lost; whatever it says, and whoever says to send
/// it, an endpoint answers in the shape of the standards and never 500.
///
/// The input is lines: a path, an `Authorization` header or nothing, then the form. `{refresh}`, `{access}`, `{client}` and
/// `{secret}` stand for what the tenant has given out.
pub fn forms(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let [path, authorization, form] = [(); 3].map(|()| lines.next().unwrap_or_default());
    parameters(data);
    parameters(form);
    let path = PATHS.iter().find(|known| known.as_bytes() == path).copied().unwrap_or(PATHS[0]);
    Identity::run(async |identity| {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        if !authorization.is_empty() {
            request = request.header("authorization", identity.fill(authorization));
        }
        let form = Bytes::from(identity.fill(form));
        if let Ok(request) = request.body(Full::new(form)) {
            answered(identity, request).await;
        }
    });
}

fn parameters(text: &[u8]) {
    let Some((told, shown)) = fuzz_parameters(text) else { return };
    let sent: Vec<_> = form_urlencoded::parse(text).collect();
    let names: BTreeSet<_> = sent.iter().map(|(name, _)| &**name).collect();
    for name in &names {
        let values: Vec<&str> = sent.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value).collect();
        assert!(values.len() == 1 || matches!(*name, "audience" | "resource"), "{name} comes twice");
        let told = told.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
        assert!(told.eq(values.into_iter().filter(|value| !value.is_empty())), "nothing is lost");
    }
    assert!(told.iter().all(|(name, _)| names.contains(&**name)), "nothing is made up");
    let secret = |value: &str| value.len() > 16 && shown.contains(value) && !names.contains(value);
    assert!(!sent.iter().any(|(_, value)| secret(value)), "a value is shown");
}

async fn answered(identity: &Identity, request: Request<Full<Bytes>>) {
    let what = request.uri().path().to_owned();
    let Ok(response) = identity.service.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    assert!(POSSIBLE.contains(&status), "{what}: {status}");
    assert_eq!(
        parts.headers.get("cache-control").map(|value| value.as_bytes()),
        Some(b"no-store".as_slice()),
        "{what}"
    );
    let body = body.collect().await.unwrap_or_else(|never| match never {}).to_bytes();
    if status >= 400 {
        let json: Value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{what}: {status}: {error}"));
        assert!(json["error"].is_string() && json["error_description"].is_string(), "{what}: {json}");
        assert!(status != 401 || parts.headers.contains_key("www-authenticate"), "{what}: {json}");
        let told = String::from_utf8_lossy(&body).into_owned();
        assert!(!told.contains(&identity.secret), "{what}: a secret is told");
    }
}
