//! Tokens: access tokens (RFC 9068 JWTs) made and verified, refresh tokens, and what was revoked.

mod claims;
mod jwk;
mod refresh;
#[cfg(feature = "remote-jwks")]
mod remote;
mod revoked;
mod signer;
mod verifier;

pub(crate) use claims::{Audience, Claims};
pub(crate) use jwk::{generate, key_set};
pub(crate) use refresh::RefreshToken;
#[cfg(feature = "remote-jwks")]
pub use remote::RemoteConfig;
pub use revoked::Revocations;
pub(crate) use signer::Signer;
pub use verifier::{TokenError, Verifier};
