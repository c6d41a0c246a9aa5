//! `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server` and
//! `GET /.well-known/oauth-protected-resource`

use axum::response::Response;

use crate::answer::{self, Failure};
use crate::extract::Tenant;

/// OpenID Connect discovery.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", tag = "oauth2", operation_id = "openid_configuration",
    responses((status = 200, description = "OpenID Connect Discovery 1.0", body = Object)),
)]
pub(crate) async fn openid(Tenant(auth): Tenant) -> Result<Response, Failure> {
    Ok(answer::public(auth.0.metadata.openid.clone(), "application/json"))
}

/// OAuth 2.0 authorization server metadata.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "oauth2", operation_id = "oauth_metadata",
    responses((status = 200, description = "RFC 8414", body = Object)),
)]
pub(crate) async fn authorization_server(Tenant(auth): Tenant) -> Result<Response, Failure> {
    Ok(answer::public(auth.0.metadata.authorization_server.clone(), "application/json"))
}

/// Whose tokens are taken here.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", tag = "oauth2", operation_id = "protected_resource",
    responses((status = 200, description = "RFC 9728", body = Object)),
)]
pub(crate) async fn protected_resource(Tenant(auth): Tenant) -> Result<Response, Failure> {
    Ok(answer::public(auth.0.metadata.protected_resource.clone(), "application/json"))
}
