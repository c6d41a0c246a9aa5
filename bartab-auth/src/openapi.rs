//! The OpenAPI document of this service, made from the code that serves it.

mod answers;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::endpoints::{
    account_feed, admin, authorize, bots, browser_logout, clients, device, device_authorization, discovery, introspect,
    invites, jwks, login, logout, me, mfa, password, permissions, register, reset, revoke, sessions, setup, token,
    userinfo,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "BarTAB auth", version = "1"),
    tags(
        (name = "auth", description = "Signing up and in, and one's own account"),
        (name = "oauth2", description = "Tokens for programs: OAuth 2 and OpenID Connect"),
        (name = "invites", description = "Invites to the tenant"),
        (name = "bots", description = "Accounts of programs"),
        (name = "admin", description = "Administration of the tenant"),
    ),
    paths(
        register::handler,
        login::handler,
        logout::handler,
        setup::read,
        setup::act,
        reset::read,
        reset::act,
        authorize::read,
        authorize::act,
        device_authorization::handler,
        device::read,
        device::act,
        browser_logout::read,
        browser_logout::act,
        token::handler,
        revoke::handler,
        introspect::handler,
        userinfo::read,
        userinfo::read_by_post,
        me::read::handler,
        me::change::handler,
        permissions::handler,
        bots::list::handler,
        bots::create::handler,
        bots::change::handler,
        bots::delete::handler,
        bots::secret::handler,
        account_feed::handler,
        admin::users::handler,
        admin::user::read::handler,
        admin::user::change::handler,
        admin::user::delete::handler,
        admin::suspend::handler,
        admin::restore::handler,
        admin::reset::handler,
        admin::erase::handler,
        admin::keys::handler,
        admin::key_rotate::handler,
        admin::key_retire::handler,
        admin::audit::handler,
        sessions::list::handler,
        sessions::rename::handler,
        sessions::end::handler,
        sessions::end_others::handler,
        clients::register::handler,
        clients::list::handler,
        clients::remove::handler,
        password::handler,
        mfa::begin::handler,
        mfa::confirm::handler,
        mfa::recovery_codes::handler,
        mfa::remove::handler,
        invites::create::handler,
        invites::list::handler,
        invites::revoke::handler,
        jwks::handler,
        discovery::openid,
        discovery::authorization_server,
        discovery::protected_resource,
    ),
    components(schemas(answers::Problem)),
)]
struct Document;

#[cfg(feature = "openid-providers")]
#[derive(OpenApi)]
#[openapi(paths(
    crate::endpoints::provider_list::handler,
    crate::endpoints::provider_start::handler,
    crate::endpoints::provider_callback::read,
    crate::endpoints::provider_callback::act,
    crate::endpoints::identities::list::handler,
    crate::endpoints::identities::unlink::handler,
))]
struct Providers;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = Document::openapi();
    #[cfg(feature = "openid-providers")]
    document.merge(Providers::openapi());
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let client = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("The id and secret of an OAuth client; both may stand in the form instead"))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("client", SecurityScheme::Http(client));
    let mut document = serde_json::to_value(document).unwrap_or_default();
    answers::complete(&mut document);
    document
});

/// The OpenAPI 3.1 document of [`AuthService`](crate::AuthService), to be served or merged with others.
pub fn openapi() -> Value {
    DOCUMENT.clone()
}
