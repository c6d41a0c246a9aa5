//! Media over HTTP: parse, call, encode.

mod body;
mod conditions;
mod deliver;
mod endpoints;
mod inbound;
mod openapi;
mod request;
mod routes;
mod tus;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bartab_core::http::{PublicBase, X_REQUEST_ID, request_id};
use bartab_core::{Actor, Problem};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Extensions, Request, Response, StatusCode, Uri};
use tower::Service;

pub use body::{Body, BoxError};
pub use openapi::openapi;

use crate::media::Media;

/// Media over HTTP, for one tenant.
///
/// It reads an `Arc<Actor>` from the request's extensions, which an authentication layer puts there; without one it serves
/// public files and signed links, and answers 401 else. A [`PublicBase`] in the extensions is what the URLs that it gives out begin
/// with. Its paths are those of the API, from `/v1/` on; any other is answered 404.
#[derive(Clone, Debug)]
pub struct MediaService {
    media: Media,
}

impl MediaService {
    /// Serves this media.
    pub const fn new(media: Media) -> Self {
        Self { media }
    }

    /// The media that is served.
    pub const fn media(&self) -> &Media {
        &self.media
    }
}

impl<B> Service<Request<B>> for MediaService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Only what is meant for this service goes on: a router that it is nested in leaves its own path parameters
        // here, and ours would be counted after them.
        let mut extensions = Extensions::new();
        extensions.insert(self.media.clone());
        if let Some(actor) = request.extensions_mut().remove::<Arc<Actor>>() {
            extensions.insert(actor);
        }
        if let Some(base) = request.extensions_mut().remove::<PublicBase>() {
            extensions.insert(base);
        }
        *request.extensions_mut() = extensions;
        if let Some(method) = tus::method(request.uri().path(), request.method(), request.headers()) {
            *request.method_mut() = method;
        }
        let uri = request.uri().clone();
        let id = request.headers().get(X_REQUEST_ID).cloned();
        let answer = routes::router().call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            if response.status() == StatusCode::NOT_MODIFIED {
                // The router measured the empty body; it would be taken for the length of the file.
                response.headers_mut().remove(CONTENT_LENGTH);
            }
            let answer = match response.extensions_mut().remove::<Problem>() {
                Some(problem) => problem_response(&problem, &uri, id, response),
                None => response.map(Body::new),
            };
            Ok(answer)
        })
    }
}

/// The problem with the request's path and id; headers that the route has set are kept.
fn problem_response(
    problem: &Problem,
    uri: &Uri,
    id: Option<http::HeaderValue>,
    route: Response<axum::body::Body>,
) -> Response<Body> {
    let headers = id.into_iter().map(|id| (http::HeaderName::from_static(X_REQUEST_ID), id)).collect();
    let answer = problem.to_response(Some(uri.path()), request_id(&headers));
    let (mut parts, body) = answer.into_parts();
    for (name, value) in route.headers() {
        // The route measured the empty body that stood for the problem.
        if name != CONTENT_LENGTH {
            parts.headers.entry(name).or_insert_with(|| value.clone());
        }
    }
    Response::from_parts(parts, Body::new(axum::body::Body::from(body)))
}
