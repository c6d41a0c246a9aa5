//! The layer that turns a bearer token into an actor.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bartab_core::Actor;
use bartab_core::http::request_id;
use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::bearer::bearer;
use crate::error::AuthError;
use crate::token::{TokenError, Verifier};

/// Puts an `Arc<`[`Actor`]`>` into the extensions of every request that carries a good access token.
///
/// The token is taken from `Authorization: Bearer` alone. A request without one goes through as it is: the service
/// behind decides what nobody in particular may do. A bad token is answered with 401, a repeated header with 400, each
/// a problem with the `WWW-Authenticate` of RFC 6750, and the service behind does not see the request.
#[derive(Clone, Debug)]
pub struct AuthLayer {
    verifier: Verifier,
    lenient: bool,
}

impl AuthLayer {
    /// A layer that takes the tokens that `verifier` takes.
    pub const fn new(verifier: Verifier) -> Self {
        Self { verifier, lenient: false }
    }

    /// The same, but a request with a bad token goes through as it is, like one without a token.
    ///
    /// For what has to know the caller in front of an [`AuthService`](crate::AuthService), which judges a bad token
    /// itself: where one signs in, a stale one counts for nothing.
    #[must_use]
    pub fn lenient(self) -> Self {
        Self { lenient: true, ..self }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthMiddleware<S>;

    fn layer(&self, inner: S) -> AuthMiddleware<S> {
        AuthMiddleware { inner, verifier: self.verifier.clone(), lenient: self.lenient }
    }
}

/// The service that [`AuthLayer`] makes.
#[derive(Clone, Debug)]
pub struct AuthMiddleware<S> {
    inner: S,
    verifier: Verifier,
    lenient: bool,
}

impl<S, B, R> Service<Request<B>> for AuthMiddleware<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: From<Bytes>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = AuthFuture<S, B, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let verdict = match bearer(request.headers()) {
            Ok(None) => return AuthFuture { state: State::Inner { future: self.inner.call(request) } },
            Ok(Some(token)) if self.verifier.is_remote() => {
                let recalled = self.verifier.recall(token);
                recalled.ok_or_else(|| token.to_owned())
            }
            Ok(Some(token)) => Ok(self.verifier.verify(token)),
            Err(error) => Ok(Err(error)),
        };
        let state = match verdict {
            Ok(Ok(actor)) => {
                request.extensions_mut().insert(actor);
                State::Inner { future: self.inner.call(request) }
            }
            Ok(Err(_)) if self.lenient => State::Inner { future: self.inner.call(request) },
            Ok(Err(error)) => State::Refused { refusal: Some(Box::new(refusal(error, &request))) },
            Err(token) => {
                // The service that was polled ready is the one that is called; the clone waits for the next request.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let verifier = self.verifier.clone();
                let verdict = Box::pin(async move { verifier.authenticate(&token).await });
                State::Verifying { waiting: Some(Box::new(Waiting { verdict, inner, request, lenient: self.lenient })) }
            }
        };
        AuthFuture { state }
    }
}

pin_project! {
    /// The answer of an [`AuthMiddleware`] to come.
    pub struct AuthFuture<S, B, F> {
        #[pin]
        state: State<S, B, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Inner { #[pin] future: F },
        // Boxed, both of them: a request that waits for long should cost little more than its own future.
        Refused { refusal: Option<Box<Response<Bytes>>> },
        Verifying { waiting: Option<Box<Waiting<S, B>>> },
    }
}

/// A request that waits for its issuer's keys.
struct Waiting<S, B> {
    verdict: Pin<Box<dyn Future<Output = Result<Arc<Actor>, TokenError>> + Send>>,
    inner: S,
    request: Request<B>,
    lenient: bool,
}

impl<S, B, R> Future for AuthFuture<S, B, S::Future>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<Bytes>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Inner { future } => return future.poll(cx),
                StateProjection::Refused { refusal } => {
                    return match refusal.take() {
                        Some(refusal) => Poll::Ready(Ok(refusal.map(R::from))),
                        // Polled again after it was ready, which no executor does.
                        None => Poll::Pending,
                    };
                }
                StateProjection::Verifying { waiting: held } => {
                    let Some(waiting) = held.as_mut() else { return Poll::Pending };
                    let Poll::Ready(verdict) = waiting.verdict.as_mut().poll(cx) else { return Poll::Pending };
                    let Some(waiting) = held.take() else { return Poll::Pending };
                    let Waiting { mut inner, mut request, lenient, .. } = *waiting;
                    match verdict {
                        Ok(actor) => {
                            request.extensions_mut().insert(actor);
                            State::Inner { future: inner.call(request) }
                        }
                        Err(_) if lenient => State::Inner { future: inner.call(request) },
                        Err(error) => State::Refused { refusal: Some(Box::new(refusal(error, &request))) },
                    }
                }
            };
            state.set(next);
        }
    }
}

fn refusal<B>(error: TokenError, request: &Request<B>) -> Response<Bytes> {
    let error = AuthError::Token(error);
    let mut response = error.to_problem().to_response(Some(request.uri().path()), request_id(request.headers()));
    if let Some(challenge) = error.challenge() {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

impl<S, B, F> fmt::Debug for AuthFuture<S, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthFuture").finish_non_exhaustive()
    }
}
