//! The OpenAPI document of this service, made from the code that serves it.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::endpoints::{discovery, jwks, login, logout, me, register, revoke, sessions, token};

#[derive(OpenApi)]
#[openapi(
    info(title = "BarTAB auth", version = "1"),
    paths(
        register::handler,
        login::handler,
        logout::handler,
        token::handler,
        revoke::handler,
        me::read,
        me::change,
        sessions::list,
        sessions::end,
        sessions::end_others,
        jwks::handler,
        discovery::openid,
        discovery::authorization_server,
    )
)]
struct Document;

/// The OpenAPI 3.1 document of [`AuthService`](crate::AuthService), to be served or merged with others.
pub fn openapi() -> serde_json::Value {
    let mut document = Document::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    document.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    serde_json::to_value(document).unwrap_or_default()
}
