//! What the tenant tells OAuth clients about itself: RFC 8414, OpenID Connect discovery and RFC 9728, no more than is
//! there.

use bartab_core::Scope;
use bartab_core::store::{Grant, KeyAlgorithm};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::config::Config;

/// The documents, encoded once.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// RFC 8414.
    pub(crate) authorization_server: Bytes,
    /// OpenID Connect Discovery 1.0: the same and what it demands on top.
    pub(crate) openid: Bytes,
    /// RFC 9728.
    pub(crate) protected_resource: Bytes,
}

/// Each endpoint by its name in the document.
const ENDPOINTS: [(&str, &str); 7] = [
    ("authorization_endpoint", "/v1/oauth2/authorize"),
    ("token_endpoint", "/v1/oauth2/token"),
    ("revocation_endpoint", "/v1/oauth2/revoke"),
    ("introspection_endpoint", "/v1/oauth2/introspect"),
    ("userinfo_endpoint", "/v1/oauth2/userinfo"),
    ("device_authorization_endpoint", "/v1/oauth2/device_authorization"),
    ("jwks_uri", "/.well-known/jwks.json"),
];

impl Metadata {
    pub(crate) fn new(config: &Config) -> Self {
        let issuer = &config.issuer;
        let mut server = server(config);
        for (name, path) in ENDPOINTS {
            server[name] = json!(format!("{issuer}{path}"));
        }
        let authorization_server = Bytes::from(server.to_string());
        server["subject_types_supported"] = json!(["public"]);
        server["id_token_signing_alg_values_supported"] =
            json!([KeyAlgorithm::Rs256, KeyAlgorithm::Es256, KeyAlgorithm::EdDsa].map(KeyAlgorithm::name));
        server["claim_types_supported"] = json!(["normal"]);
        server["claims_supported"] = json!([
            "iss",
            "sub",
            "aud",
            "azp",
            "exp",
            "iat",
            "auth_time",
            "nonce",
            "amr",
            "at_hash",
            "sid",
            "name",
            "preferred_username",
            "picture",
        ]);
        for parameter in
            ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"]
        {
            server[parameter] = json!(false);
        }
        let resource = json!({
            "resource": issuer,
            "authorization_servers": [issuer],
            "jwks_uri": server["jwks_uri"],
            "scopes_supported": scopes(|scope| !matches!(scope, Scope::Openid | Scope::Profile | Scope::OfflineAccess)),
            "bearer_methods_supported": ["header"],
        });
        Self {
            authorization_server,
            openid: Bytes::from(server.to_string()),
            protected_resource: Bytes::from(resource.to_string()),
        }
    }
}

fn server(config: &Config) -> Value {
    let with_secret = ["client_secret_basic", "client_secret_post"];
    let with_or_without = ["client_secret_basic", "client_secret_post", "none"];
    let grants = Grant::ALL.into_iter().filter(|(grant, _)| offered(*grant, config));
    json!({
        "issuer": config.issuer,
        "scopes_supported": scopes(|_| true),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants.map(|(_, name)| name).collect::<Vec<_>>(),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": with_or_without,
        "revocation_endpoint_auth_methods_supported": with_or_without,
        "introspection_endpoint_auth_methods_supported": with_secret,
        "protected_resources": [config.issuer],
    })
}

/// Whether the token endpoint takes the grant.
pub(crate) fn offered(grant: Grant, config: &Config) -> bool {
    // Without an issuer to trust there is no token to exchange.
    grant != Grant::TokenExchange || !config.token_exchange.is_empty()
}

fn scopes(wanted: impl Fn(Scope) -> bool) -> Vec<&'static str> {
    Scope::ALL.into_iter().filter(|(scope, _)| wanted(*scope)).map(|(_, name)| name).collect()
}
