//! Tokens: access tokens (RFC 9068 JWTs) made and verified, refresh tokens, and what was revoked.

mod claims;
mod generate;
mod jwk;
mod jws;
mod refresh;
#[cfg(feature = "remote-jwks")]
mod remote;
mod revoked;
mod ring;
mod signer;
mod verifier;

pub(crate) use claims::{Audience, CLOCK_SKEW_SECONDS, Claims};
pub(crate) use generate::generate;
pub(crate) use jwk::VerifyingKey;
pub(crate) use jws::Jws;
pub(crate) use refresh::RefreshToken;
#[cfg(feature = "remote-jwks")]
pub(crate) use remote::Remote;
#[cfg(feature = "remote-jwks")]
pub use remote::RemoteConfig;
pub use revoked::Revocations;
pub(crate) use revoked::SERVICE_GONE;
pub(crate) use ring::Ring;
pub(crate) use signer::ACCESS_TOKEN_TYPE;
pub use verifier::{TokenError, Verifier};
