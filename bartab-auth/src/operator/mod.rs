//! What the operator does in a tenant, over HTTP: the part of the operator's API that is identity's.

mod clients;
mod invites;
mod keys;
mod setup;
mod users;

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::LazyLock;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::routing::{delete, get, post};
use bartab_core::Problem;
use bartab_core::store::BoxError;
use bytes::Bytes;
use http::Request;
use http::request::Parts;
use tower_service::Service;

use crate::answer::Failure;
use crate::auth::Auth;
use crate::service::AuthServiceFuture;

/// The routes, as whoever chose the tenant by its name has them.
fn router() -> Router {
    static ROUTER: LazyLock<Router> = LazyLock::new(|| {
        let tenant = Router::new()
            .route("/setup", post(setup::handler))
            .route("/users", post(users::create).get(users::list))
            .route("/users/{user}", get(users::read).patch(users::change))
            .route("/users/{user}/suspend", post(users::suspend))
            .route("/users/{user}/restore", post(users::restore))
            .route("/users/{user}/reset", post(users::reset))
            .route("/users/{user}/erase", post(users::erase))
            .route("/clients", post(clients::register).get(clients::list))
            .route("/clients/{client_id}", delete(clients::remove))
            .route("/keys", get(keys::list))
            .route("/keys/rotate", post(keys::rotate))
            .route("/keys/{kid}/retire", post(keys::retire))
            .route("/invites", post(invites::create).get(invites::list))
            .route("/invites/{invite_id}", delete(invites::revoke));
        Router::new().nest("/admin/v1/tenants/{tenant}", tenant)
    });
    ROUTER.clone()
}

/// What the operator does in one tenant, over HTTP: accounts, invites, clients and keys, below
/// `/admin/v1/tenants/{tenant}` whatever the name that stands there.
///
/// **It asks nobody who they are**: it belongs on a listener of its own, behind something that lets the operator alone
/// through. All that is done by it stands in the audit trail as the operator's.
#[derive(Clone, Debug)]
pub struct OperatorService {
    auth: Auth,
}

impl OperatorService {
    /// The operator's face of this identity.
    pub const fn new(auth: Auth) -> Self {
        Self { auth }
    }
}

impl<B> Service<Request<B>> for OperatorService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<crate::body::Body>;
    type Error = Infallible;
    type Future = AuthServiceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> AuthServiceFuture {
        AuthServiceFuture::new(router(), self.auth.clone(), request)
    }
}

/// What the path names behind the tenant.
struct Named<T>(T);

impl<S: Send + Sync, T: FromStr<Err: std::fmt::Display>> FromRequestParts<S> for Named<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let invalid = |detail: String| Failure::from(Problem::bad_request("request.invalid_id").detail(detail));
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((_, text)) = path.map_err(|rejection| invalid(rejection.body_text()))?;
        text.parse().map(Self).map_err(|error: T::Err| invalid(error.to_string()))
    }
}
