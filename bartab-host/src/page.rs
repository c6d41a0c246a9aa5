//! What a person is shown in place of a problem: the host is in front of pages, too, and has one thing to say there.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response};

use crate::routing::without_prefix;

/// Where identity answers with pages, without a tenant's prefix.
const PAGES: [&str; 5] =
    ["/v1/oauth2/authorize", "/v1/oauth2/device", "/v1/oauth2/logout", "/v1/auth/setup", "/v1/auth/reset"];

/// Whether a person reads the answer: who asks for a page and says that it can show one, as browsers do.
pub(crate) fn is_read_by_a_person(path: &str, headers: &HeaderMap) -> bool {
    let accepts = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    PAGES.contains(&without_prefix(path)) && headers.get_all(ACCEPT).iter().any(accepts)
}

/// The answer with the same status and headers, and a few words in place of the problem.
pub(crate) fn too_often(mut response: Response<Bytes>) -> Response<Bytes> {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).unwrap_or("a few");
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Try again later</title></head>\
         <body><h1>Too many requests</h1><p>Try again in {seconds} seconds.</p></body></html>"
    );
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    *response.body_mut() = Bytes::from(page);
    response
}
