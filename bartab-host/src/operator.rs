//! The operator's listener: metrics and probes, and nothing of any tenant.

use std::convert::Infallible;

use bartab_core::Problem;
use http::{HeaderValue, Method, Request, Response, header};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};

use crate::body::Body;
use crate::host::Host;
use crate::probes::{self, Probe, method_not_allowed};
use crate::stack::problem;

pub(crate) fn service(
    host: Host,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> + Send {
    service_fn(move |request: Request<Incoming>| {
        let host = host.clone();
        async move { Ok(answer(&host, request).await) }
    })
}

async fn answer(host: &Host, request: Request<Incoming>) -> Response<Body> {
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
