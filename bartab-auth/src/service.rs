//! The HTTP face of identity as a `tower` service.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::response::IntoResponse as _;
use bartab_core::http::{ClientAddress, X_REQUEST_ID, is_oauth, request_id};
use bartab_core::store::BoxError;
use bartab_core::{Actor, Clock, Problem, Random, TenantRole};
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Extensions, HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tower_service::Service;

use crate::answer::Failure;
use crate::auth::{Auth, AuthStores, OpenError};
use crate::bearer::bearer;
use crate::body::Body;
use crate::config::Config;
use crate::error::AuthError;
use crate::hash_pool::HashPool;
use crate::layer::AuthLayer;
use crate::routes;
use crate::token::Revocations;

/// The identity of one tenant over HTTP: register, sign in, refresh, log out, profile, sessions, keys, discovery.
///
/// It reads access tokens itself; no [`AuthLayer`] belongs in front of it but a [lenient](AuthLayer::lenient) one, since
/// a stale token must not stand in the way of signing in. An `Arc<Actor>` that a layer of the embedder's has put into the extensions counts, and so does a
/// [`ClientAddress`]: failed sign-ins are then counted by address too, and a stranger's do not slow down who has signed
/// in from theirs before.
#[derive(Clone, Debug)]
pub struct AuthService {
    auth: Auth,
}

impl AuthService {
    /// Opens the identity that `stores` hold; the first time, a signing key is made.
    ///
    /// Passwords are hashed in the pool of this process, [`HashPool::shared`]; [`Auth::open`] takes another one.
    ///
    /// # Errors
    /// When `config` cannot be used, or the stores fail.
    pub async fn new(
        stores: AuthStores,
        config: Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        Ok(Self { auth: Auth::open(stores, config, HashPool::shared(), clock, random).await? })
    }

    /// The same operations for code in this process.
    pub const fn auth(&self) -> &Auth {
        &self.auth
    }

    /// The layer for the services that take this tenant's tokens.
    pub fn layer(&self) -> AuthLayer {
        AuthLayer::new(self.auth.verifier().clone())
    }

    /// The sessions that have ended, and a way to be told of each.
    pub fn revocations(&self) -> &Revocations {
        self.auth.revocations()
    }

    /// Whether the stores answer and there is a key to verify with.
    ///
    /// # Errors
    /// What is missing.
    pub async fn ready(&self) -> Result<(), AuthError> {
        self.auth.ready().await
    }
}

impl From<Auth> for AuthService {
    fn from(auth: Auth) -> Self {
        Self { auth }
    }
}

impl<B> Service<Request<B>> for AuthService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = AuthServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AuthServiceFuture {
        AuthServiceFuture::new(routes::router(), self.auth.clone(), request)
    }
}

/// The answer of an [`AuthService`] to come.
pub struct AuthServiceFuture(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>);

impl AuthServiceFuture {
    /// The answer of `router` for the tenant of `auth`.
    pub(crate) fn new<B>(mut router: Router, auth: Auth, request: Request<B>) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut request = request.map(axum::body::Body::new);
        // Only what is meant for this service goes on: a router that it is nested in leaves its own path parameters
        // here, and ours would be counted after them.
        let mut extensions = Extensions::new();
        extensions.insert(auth.clone());
        if let Some(actor) = request.extensions_mut().remove::<Arc<Actor>>() {
            extensions.insert(actor);
        }
        if let Some(address) = request.extensions_mut().remove::<ClientAddress>() {
            extensions.insert(address);
        }
        *request.extensions_mut() = extensions;
        let about = About::of(&request);
        let administrator = Administrator::of(&auth, &request);
        Self(Box::pin(async move {
            let Ok(mut response) = router.call(request).await;
            if let Some(administrator) = administrator
                && Failure::is_lack_of_admin(&response)
            {
                administrator.explain(&mut response).await;
            }
            Ok(about.finish(response).await)
        }))
    }
}

impl Future for AuthServiceFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for AuthServiceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthServiceFuture").finish_non_exhaustive()
    }
}

/// Somebody whose role is that of an administrator, where that takes a second factor.
struct Administrator {
    auth: Auth,
    actor: Arc<Actor>,
}

impl Administrator {
    fn of<B>(auth: &Auth, request: &Request<B>) -> Option<Self> {
        // Nearly always nobody needs one, and then nothing is looked at.
        if !auth.requires_totp(TenantRole::Owner) {
            return None;
        }
        let actor = match request.extensions().get::<Arc<Actor>>() {
            Some(actor) => Arc::clone(actor),
            None => auth.verifier().verify(bearer(request.headers()).ok()??).ok()?,
        };
        auth.requires_totp(actor.tenant_role).then(|| Self { auth: auth.clone(), actor })
    }

    /// Says that the scope is missing because of the second factor, if that is why.
    async fn explain(self, response: &mut axum::response::Response) {
        if self.auth.lacks_second_factor(&self.actor).await {
            *response = Failure::from(AuthError::OtpSetupRequired).into_response();
        }
    }
}

/// What an answer says about the request that it answers.
struct About {
    uri: Uri,
    id: HeaderMap,
}

impl About {
    fn of<B>(request: &Request<B>) -> Self {
        let mut id = HeaderMap::new();
        if let Some(value) = request.headers().get(X_REQUEST_ID) {
            id.insert(X_REQUEST_ID, value.clone());
        }
        Self { uri: request.uri().clone(), id }
    }

    /// The answer with its problem written out, if it has one.
    async fn finish(self, response: axum::response::Response) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        let problem = match parts.extensions.remove::<Failure>() {
            Some(failure) => failure.problem,
            // The router's own two answers have no body; no handler gives these two statuses without a problem.
            None if parts.status == StatusCode::NOT_FOUND => Problem::not_found("route.not_found"),
            None if parts.status == StatusCode::METHOD_NOT_ALLOWED => {
                Problem::new(405, "route.method_not_allowed", "The method is not allowed here")
            }
            None => {
                // Every body of ours is there already.
                let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                return Response::from_parts(parts, Body::from(body));
            }
        };
        let mut response = if is_oauth(self.uri.path()) {
            problem.to_oauth_response()
        } else {
            problem.to_response(Some(self.uri.path()), request_id(&self.id))
        };
        // What only the handler or the router knew: `Allow`, the challenge. The length is that of an empty body.
        parts.headers.remove(CONTENT_LENGTH);
        for (name, value) in &parts.headers {
            response.headers_mut().insert(name, value.clone());
        }
        response.map(Body::from)
    }
}
