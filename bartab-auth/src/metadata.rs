//! What the tenant tells OAuth clients about itself: RFC 8414 and OpenID Connect discovery, no more than is there.

use bartab_core::Scope;
use bytes::Bytes;
use serde_json::json;

/// The discovery documents, encoded once.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// RFC 8414.
    pub(crate) authorization_server: Bytes,
    /// OpenID Connect Discovery 1.0.
    pub(crate) openid: Bytes,
}

impl Metadata {
    pub(crate) fn new(issuer: &str) -> Self {
        let granted = Scope::ALL.iter().map(|(scope, name)| (*scope, *name));
        // No ID tokens are made yet, so the scopes that ask for them are not offered.
        let scopes: Vec<&str> = granted
            .filter(|(scope, _)| !matches!(scope, Scope::Openid | Scope::Profile))
            .map(|(_, name)| name)
            .collect();
        let mut document = json!({
            "issuer": issuer,
            "token_endpoint": format!("{issuer}/v1/oauth2/token"),
            "revocation_endpoint": format!("{issuer}/v1/oauth2/revoke"),
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "scopes_supported": scopes,
            "response_types_supported": [],
            "grant_types_supported": ["refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
        });
        let authorization_server = Bytes::from(document.to_string());
        // What OpenID Connect demands on top, empty as it is.
        document["subject_types_supported"] = json!(["public"]);
        document["id_token_signing_alg_values_supported"] = json!([]);
        Self { authorization_server, openid: Bytes::from(document.to_string()) }
    }
}
