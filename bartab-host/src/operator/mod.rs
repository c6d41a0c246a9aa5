//! The operator's listener: metrics and probes for whoever reaches it, and with the operator's token what the commands
//! need.

use std::convert::Infallible;

use bartab_core::Problem;
use bartab_core::store::TokenHash;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};

use crate::body::Body;
use crate::host::Host;
use crate::probes::{self, Probe, method_not_allowed};
use crate::stack::problem;

mod access;
pub(crate) mod admin;
mod media;

pub(crate) use access::{Claim, Keeper, Turn, reachable};

pub(crate) fn service(
    host: Host,
    token: TokenHash,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Send {
    service_fn(move |request: Request<Incoming>| {
        let host = host.clone();
        async move { Ok(answer(&host, &token, request).await) }
    })
}

async fn answer(host: &Host, token: &TokenHash, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path();
    if path == "/admin" || path.starts_with("/admin/") {
        // Asked first: without the token, what there is and what there is not are the same.
        if !is_operator(request.headers(), token) {
            let (parts, _) = request.into_parts();
            let mut refusal = problem(&Problem::unauthenticated().detail("this takes the operator's token"), &parts);
            let challenge = HeaderValue::from_static("Bearer realm=\"bartab operator\"");
            refusal.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            return refusal;
        }
        return admin::answer(host, request, false).await;
    }
    let (parts, _) = request.into_parts();
    match parts.uri.path() {
        "/metrics" if !matches!(parts.method, Method::GET | Method::HEAD) => method_not_allowed(&parts),
        "/metrics" => {
            let mut response = Response::new(Body::full(host.metrics()));
            let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, text);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        path => match Probe::at(path) {
            Some(probe) => probes::answer(host.inner(), probe, &parts).await,
            None => problem(&Problem::not_found("route.not_found"), &parts),
        },
    }
}

/// Whether the request carries the operator's token, once. Hashes are compared, so the time tells nothing of the token.
fn is_operator(headers: &HeaderMap, token: &TokenHash) -> bool {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return false };
    let Some((scheme, presented)) = value.as_bytes().split_at_checked("Bearer ".len()) else { return false };
    scheme.eq_ignore_ascii_case(b"Bearer ") && TokenHash::of(presented) == *token
}
