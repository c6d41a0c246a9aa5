//! Whose tokens can be exchanged for ours.

use bartab_core::TenantRole;
use serde::Deserialize;
use serde_json::Value;

use crate::plain_http::PlainHttp;
use crate::token::VerifyingKey;

/// No real one is longer.
const MAX_TEXT: usize = 2000;

/// An issuer whose people come with a token of its own (RFC 8693): a host application, say.
///
/// Its tokens are JWTs signed with `RS256`, `ES256` or `EdDSA`, with `iss`, `sub`, `aud` and `exp`, and a `kid` if it has
/// more than one key. Somebody who comes for the first time gets an account, whatever the policy of registration; the
/// names are taken from the token then, and are the person's own from there on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// The `iss` of its tokens, compared exactly.
    pub issuer: String,
    /// The `aud` that its tokens must name: what it calls this tenant.
    pub audience: String,
    /// Where it publishes its JWK Set: an `https` URL, or an `http` one of `localhost` or of a loopback or private
    /// address. Either this or `jwks`.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Its JWK Set itself: `{"keys": […]}`, each with a `kid`.
    #[serde(default)]
    pub jwks: Option<Value>,
    /// The claim that a new account's username is made from: `preferred_username` at first.
    #[serde(default = "TrustedIssuer::default_username_claim")]
    pub username_claim: String,
    /// The claim that a new account's display name is taken from: `name` at first.
    #[serde(default = "TrustedIssuer::default_name_claim")]
    pub name_claim: String,
    /// The clients that may exchange its tokens; when none is named, every one that is registered for it, and whoever
    /// does not authenticate at all.
    #[serde(default)]
    pub clients: Vec<String>,
    /// The role of a new account: `member` at first, never `owner`.
    #[serde(default = "TrustedIssuer::default_role")]
    pub role: TenantRole,
}

impl TrustedIssuer {
    /// The issuer with its keys at `jwks_url`, the rest as it is by default.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, jwks_url: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            jwks_url: Some(jwks_url.into()),
            jwks: None,
            username_claim: Self::default_username_claim(),
            name_claim: Self::default_name_claim(),
            clients: Vec::new(),
            role: Self::default_role(),
        }
    }

    /// The issuer with these keys, the rest as it is by default.
    pub fn with_keys(issuer: impl Into<String>, audience: impl Into<String>, jwks: Value) -> Self {
        Self { jwks_url: None, jwks: Some(jwks), ..Self::new(issuer, audience, "") }
    }

    fn default_username_claim() -> String {
        "preferred_username".to_owned()
    }

    fn default_name_claim() -> String {
        "name".to_owned()
    }

    const fn default_role() -> TenantRole {
        TenantRole::Member
    }

    /// Whether every value can be used, by a tenant whose own issuer is `own`; otherwise what is wrong.
    pub(crate) fn validate(&self, own: &str) -> Result<(), &'static str> {
        let wrong = Err;
        let texts = [&self.issuer, &self.audience, &self.username_claim, &self.name_claim];
        if texts.iter().any(|text| text.is_empty() || text.len() > MAX_TEXT) {
            return wrong("issuer, audience and the names of claims have 1 to 2000 characters");
        }
        if self.issuer == own {
            return wrong("the tenant does not exchange tokens of its own");
        }
        if self.role == TenantRole::Owner {
            return wrong("nobody becomes owner by a token");
        }
        match (&self.jwks_url, &self.jwks) {
            (Some(url), None) => {
                if !cfg!(feature = "remote-jwks") {
                    return wrong("this program is built without `remote-jwks`, so give the keys as `jwks`");
                }
                if PlainHttp::Private.allows(url) {
                    Ok(())
                } else {
                    wrong("`jwks_url` is an https URL, or an http one of this very machine or of a private address")
                }
            }
            (None, Some(jwks)) if holds_private(jwks) => {
                wrong("`jwks` holds a private key, which belongs nowhere but there")
            }
            (None, Some(jwks)) if VerifyingKey::from_set(jwks).is_empty() => {
                wrong("`jwks` holds no key with a `kid` for RS256, ES256 or EdDSA")
            }
            (None, Some(_)) => Ok(()),
            _ => wrong("an issuer has either `jwks_url` or `jwks`"),
        }
    }
}

/// Whether somebody has put the private half of a key among the public ones.
fn holds_private(jwks: &Value) -> bool {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    keys.iter().any(|key| key.get("d").is_some())
}
