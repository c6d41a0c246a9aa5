//! What happens to every request, in one function, each thing one line.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bartab_core::Problem;
use bartab_core::http::is_oauth;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use tracing::Instrument;

use crate::body::Body;
use crate::dispatch::dispatch;
use crate::host::Inner;
use crate::inbound::{self, Bounds};
use crate::metrics::Metrics;
use crate::page;
use crate::rate::{Allowance, Exceeded};
use crate::request_id::repeat;
use crate::routing::{self, Class};
use crate::tenant::is_media;

/// Answers one request. Every poll and every post comes through here, so each line is cheap: nothing is allocated but
/// the id of the request.
pub(crate) async fn answer<B>(host: Arc<Inner>, mut request: Request<B>) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let id = host.ids.assign(&mut request);
    let asked = Asked::of(&request);
    let measured = Metrics::begin(asked.class);
    let mut response = match admit(&host, &asked, &request) {
        Ok(allowance) => {
            let request = asked.bounds(&host).apply(request);
            let answering = AssertUnwindSafe(dispatch(&host, request)).catch_unwind();
            let answer = answering.instrument(asked.span(&id)).await;
            let mut answer = answer.unwrap_or_else(|panic| asked.panicked(&host, &id, &*panic));
            allowance.iter().for_each(|allowance| allowance.write(answer.headers_mut()));
            answer
        }
        Err(refused) => {
            let by_a_person = page::is_read_by_a_person(asked.uri.path(), request.headers());
            // Who waits for `100 Continue` sends nothing before it.
            if !request.headers().contains_key(header::EXPECT) {
                inbound::drain(request.into_body());
            }
            refused.to_response(&asked, &id, by_a_person)
        }
    };
    protect(&mut response);
    repeat(&mut response, id.clone());
    asked.complain(&response, &id);
    host.metrics.end(&measured, response.status());
    response
}

/// Why a request goes no further.
enum Refused {
    TooLarge { limit: u64 },
    TooOften(Exceeded),
}

/// Gives what is left of the address's limit where that is the one to know of.
fn admit<B>(host: &Inner, asked: &Asked, request: &Request<B>) -> Result<Option<Allowance>, Refused> {
    let bounds = asked.bounds(host);
    if bounds.announced_too_large(request.headers()) {
        return Err(Refused::TooLarge { limit: bounds.max_bytes });
    }
    let address = host.proxies.address(request.headers(), request.extensions());
    let admitted = host.rates.admit_address(address, asked.class).map_err(Refused::TooOften)?;
    Ok(admitted.filter(|_| asked.class.tells_address()))
}

impl Refused {
    fn to_response(&self, asked: &Asked, id: &HeaderValue, by_a_person: bool) -> Response<Body> {
        let (path, id) = (asked.uri.path(), id.to_str().ok());
        let response = match self {
            Self::TooLarge { limit } => {
                let problem = Problem::new(413, "request.too_large", "The body is too large");
                refusal(&problem.detail(format!("at most {limit} bytes")), path, id)
            }
            Self::TooOften(exceeded) if by_a_person => page::too_often(exceeded.to_response(path, id)),
            Self::TooOften(exceeded) => exceeded.to_response(path, id),
        };
        response.map(Body::full)
    }
}

/// What is remembered of a request for its log lines; never its headers or its query, where secrets travel.
struct Asked {
    method: Method,
    uri: Uri,
    class: Class,
}

impl Asked {
    fn of<B>(request: &Request<B>) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let class = Class::of(&method, routing::without_prefix(uri.path()));
        Self { method, uri, class }
    }

    /// What the body may be.
    fn bounds(&self, host: &Inner) -> Bounds {
        let upload = self.class == Class::Write && is_media(routing::without_prefix(self.uri.path()));
        if upload { host.upload_bounds } else { host.bounds }
    }

    /// A span that exists only where somebody has asked for `debug`.
    fn span(&self, id: &HeaderValue) -> tracing::Span {
        tracing::debug_span!("request", id = id.to_str().unwrap_or("-"), method = %self.method, path = self.uri.path())
    }

    fn panicked(&self, host: &Inner, id: &HeaderValue, panic: &(dyn Any + Send)) -> Response<Body> {
        host.metrics.panicked();
        tracing::error!(panic = panic_text(panic), request = id.to_str().unwrap_or("-"), "a request ended in a panic");
        refusal(&Problem::internal(), self.uri.path(), id.to_str().ok()).map(Body::full)
    }

    /// Logs what the operator should know of: failures that are ours. A 503 says that there is too much to do, which
    /// is no time to write more lines; the metrics count it.
    fn complain(&self, response: &Response<Body>, id: &HeaderValue) {
        let (status, request) = (response.status().as_u16(), id.to_str().unwrap_or("-"));
        if response.status().is_server_error() && status != 503 {
            tracing::warn!(status, request, method = %self.method, path = self.uri.path(), "answered with a failure");
        } else {
            tracing::debug!(status, request, method = %self.method, path = self.uri.path(), "answered");
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// Headers that keep a browser from making more of an answer than it is; a service's own value wins.
fn protect(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}

/// Names the request in a problem of the host itself.
pub(crate) fn problem(problem: &Problem, parts: &http::request::Parts) -> Response<Body> {
    let id = bartab_core::http::request_id(&parts.headers);
    refusal(problem, parts.uri.path(), id).map(Body::full)
}

/// A problem of the host itself in the shape that answers at `path` have, with or without a tenant's prefix.
pub(crate) fn refusal(problem: &Problem, path: &str, request_id: Option<&str>) -> Response<Bytes> {
    if is_oauth(routing::without_prefix(path)) {
        let mut response = problem.to_oauth_response();
        // The service lets pages of every origin read its answers there; without this a program in a browser would see
        // a failed connection and never learn when to ask again.
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        response
    } else {
        problem.to_response(Some(path), request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_panic_is_found_for_the_log() {
        let thrown = |panic: Box<dyn Any + Send>| panic_text(&*panic).to_owned();
        assert_eq!(thrown(Box::new("plain")), "plain");
        assert_eq!(thrown(Box::new(String::from("formatted"))), "formatted");
        assert_eq!(thrown(Box::new(7)), "no text");
    }
}
