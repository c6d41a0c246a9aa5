//! The whole HTTP surface of identity.

use std::sync::LazyLock;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::endpoints::{discovery, jwks, login, logout, me, register, revoke, sessions, token};

/// The routes, made once and shared by every tenant: the request says whose it is.
pub(crate) fn router() -> Router {
    static ROUTER: LazyLock<Router> = LazyLock::new(|| {
        Router::new()
            .route("/v1/auth/register", post(register::handler))
            .route("/v1/auth/login", post(login::handler))
            .route("/v1/auth/logout", post(logout::handler))
            .route("/v1/oauth2/token", post(token::handler))
            .route("/v1/oauth2/revoke", post(revoke::handler))
            .route("/v1/me", get(me::read).patch(me::change))
            .route("/v1/me/sessions", get(sessions::list).delete(sessions::end_others))
            .route("/v1/me/sessions/{session_id}", delete(sessions::end))
            .route("/.well-known/jwks.json", get(jwks::handler))
            .route("/.well-known/openid-configuration", get(discovery::openid))
            .route("/.well-known/oauth-authorization-server", get(discovery::authorization_server))
    });
    ROUTER.clone()
}
