//! The whole HTTP surface of identity.

use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use tower_http::cors::{Any, CorsLayer};

use crate::endpoints::{
    account_feed, admin, authorize, bots, browser_logout, clients, device, device_authorization, discovery, introspect,
    invites, jwks, login, logout, me, mfa, password, permissions, register, reset, revoke, sessions, setup, token,
    userinfo,
};

/// The routes, made once and shared by every tenant: the request says whose it is.
pub(crate) fn router() -> Router {
    static ROUTER: LazyLock<Router> = LazyLock::new(|| {
        Router::new()
            .route("/v1/auth/register", post(register::handler))
            .route("/v1/auth/login", post(login::handler))
            .route("/v1/auth/logout", post(logout::handler))
            .route("/v1/auth/setup", get(setup::read).post(setup::act))
            .route("/v1/auth/reset", get(reset::read).post(reset::act))
            .route("/v1/oauth2/authorize", get(authorize::read).post(authorize::act))
            .route("/v1/oauth2/introspect", post(introspect::handler))
            .route("/v1/oauth2/device", get(device::read).post(device::act))
            .route("/v1/oauth2/logout", get(browser_logout::read).post(browser_logout::act))
            .route("/v1/me", get(me::read::handler).patch(me::change::handler))
            .route("/v1/me/permissions", get(permissions::handler))
            .route("/v1/me/sessions", get(sessions::list::handler).delete(sessions::end_others::handler))
            .route("/v1/me/sessions/{session_id}", patch(sessions::rename::handler).delete(sessions::end::handler))
            .route("/v1/bots", get(bots::list::handler).post(bots::create::handler))
            .route("/v1/bots/{bot_id}", patch(bots::change::handler).delete(bots::delete::handler))
            .route("/v1/bots/{bot_id}/secret", post(bots::secret::handler))
            .route("/v1/accounts/feed", get(account_feed::handler))
            .route("/v1/admin/users", get(admin::users::handler))
            .route(
                "/v1/admin/users/{user_id}",
                get(admin::user::read::handler)
                    .patch(admin::user::change::handler)
                    .delete(admin::user::delete::handler),
            )
            .route("/v1/admin/users/{user_id}/suspend", post(admin::suspend::handler))
            .route("/v1/admin/users/{user_id}/restore", post(admin::restore::handler))
            .route("/v1/admin/users/{user_id}/reset", post(admin::reset::handler))
            .route("/v1/admin/users/{user_id}/erase", post(admin::erase::handler))
            .route("/v1/admin/keys", get(admin::keys::handler))
            .route("/v1/admin/keys/rotate", post(admin::key_rotate::handler))
            .route("/v1/admin/keys/{kid}/retire", post(admin::key_retire::handler))
            .route("/v1/admin/audit", get(admin::audit::handler))
            .route("/v1/admin/clients", get(clients::list::handler).post(clients::register::handler))
            .route("/v1/admin/clients/{client_id}", delete(clients::remove::handler))
            .route("/v1/me/password", post(password::handler))
            .route("/v1/me/mfa/totp", post(mfa::begin::handler).delete(mfa::remove::handler))
            .route("/v1/me/mfa/totp/confirm", post(mfa::confirm::handler))
            .route("/v1/me/mfa/totp/recovery_codes", post(mfa::recovery_codes::handler))
            .route("/v1/invites", get(invites::list::handler).post(invites::create::handler))
            .route("/v1/invites/{invite_id}", delete(invites::revoke::handler))
            .merge(open())
            .merge(providers())
    });
    ROUTER.clone()
}

/// What programs in a browser call from pages of other origins. Nothing here is done by a cookie, so any origin may.
fn open() -> Router {
    Router::new()
        .route("/v1/oauth2/token", post(token::handler))
        .route("/v1/oauth2/device_authorization", post(device_authorization::handler))
        .route("/v1/oauth2/revoke", post(revoke::handler))
        .route("/v1/oauth2/userinfo", get(userinfo::read).post(userinfo::read_by_post))
        .route("/.well-known/jwks.json", get(jwks::handler))
        .route("/.well-known/openid-configuration", get(discovery::openid))
        .route("/.well-known/oauth-authorization-server", get(discovery::authorization_server))
        .route("/.well-known/oauth-protected-resource", get(discovery::protected_resource))
        .route_layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST])
                .allow_headers([AUTHORIZATION, CONTENT_TYPE])
                .expose_headers([WWW_AUTHENTICATE])
                .max_age(Duration::from_secs(24 * 60 * 60))
                // The answer is the same whoever asks.
                .vary([]),
        )
}

#[cfg(feature = "openid-providers")]
fn providers() -> Router {
    use crate::endpoints::{identities, provider_callback, provider_list, provider_start};
    Router::new()
        .route("/v1/auth/providers", get(provider_list::handler))
        .route("/v1/auth/providers/{id}/start", get(provider_start::handler))
        .route("/v1/auth/providers/{id}/callback", get(provider_callback::read).post(provider_callback::act))
        .route("/v1/me/identities", get(identities::list::handler))
        .route("/v1/me/identities/{provider}", delete(identities::unlink::handler))
}

#[cfg(not(feature = "openid-providers"))]
fn providers() -> Router {
    Router::new()
}
