//! A service behind the limits of each person and bot, whom a layer in front of it has found.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bartab_core::Actor;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::body::Body;
use crate::rate::{Allowance, PrincipalLimits, Rates};
use crate::routing::Class;

/// A service behind the limits of each person. Requests of nobody in particular go through: the limits of addresses
/// hold for them.
#[derive(Clone)]
pub(crate) struct Limited<S> {
    pub(crate) service: S,
    pub(crate) limits: TenantLimits,
}

/// The limits of one tenant's people.
#[derive(Clone)]
pub(crate) struct TenantLimits {
    pub(crate) rates: Arc<Rates>,
    /// The tenant's own, where it is not the server's that hold.
    pub(crate) own: Option<Arc<PrincipalLimits>>,
    /// Tells the people of one tenant from those of another.
    pub(crate) tenant: u64,
}

impl<S, B, R> Service<Request<B>> for Limited<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    Body: From<R>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = LimitedFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut allowance = None;
        if let Some(actor) = request.extensions().get::<Arc<Actor>>() {
            let path = request.uri().path();
            let class = Class::of(request.method(), path);
            let TenantLimits { rates, own, tenant } = &self.limits;
            match rates.admit_principal(own.as_deref(), *tenant, actor, class) {
                Ok(left) => allowance = left,
                Err(exceeded) => {
                    let id = bartab_core::http::request_id(request.headers());
                    let refusal = exceeded.to_response(path, id).map(Body::full);
                    return LimitedFuture::Refused { refusal: Some(Box::new(refusal)) };
                }
            }
        }
        LimitedFuture::Answering { answering: self.service.call(request), allowance }
    }
}

pin_project! {
    /// The answer of a [`Limited`] service to come.
    #[project = LimitedProjection]
    pub(crate) enum LimitedFuture<F> {
        Answering { #[pin] answering: F, allowance: Option<Allowance> },
        Refused { refusal: Option<Box<Response<Body>>> },
    }
}

impl<F, R> Future for LimitedFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
    Body: From<R>,
{
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            LimitedProjection::Answering { answering, allowance } => {
                let Ok(response) = ready!(answering.poll(cx));
                let mut response = response.map(Body::from);
                if let Some(allowance) = allowance {
                    allowance.write(response.headers_mut());
                }
                Poll::Ready(Ok(response))
            }
            // Polled again after it was ready, which no executor does.
            LimitedProjection::Refused { refusal } => refusal.take().map_or(Poll::Pending, |it| Poll::Ready(Ok(*it))),
        }
    }
}
