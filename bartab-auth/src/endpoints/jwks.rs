//! `GET /.well-known/jwks.json`

use axum::response::Response;

use crate::answer::{self, Failure};
use crate::extract::Tenant;

/// The public keys that access tokens are signed with, as a JWK Set (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "oauth2", operation_id = "jwks",
    responses((status = 200, description = "The JWK Set", body = Object, content_type = "application/jwk-set+json")),
)]
pub(crate) async fn handler(Tenant(auth): Tenant) -> Result<Response, Failure> {
    Ok(answer::public(auth.0.jwks.clone(), "application/jwk-set+json"))
}
