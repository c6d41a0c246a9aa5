//! Identity of BarTAB: accounts, sessions, tokens and keys, as [`AuthService`] over HTTP and [`Auth`] in process.
//!
//! [`AuthLayer`] is the seam to the other services: it verifies the access tokens that this crate makes and puts an
//! [`Actor`](bartab_core::Actor) into the request's extensions, which is all that they know of identity.

mod accounts;
mod answer;
mod auth;
mod bearer;
mod body;
mod config;
mod endpoints;
mod error;
mod extract;
mod layer;
mod metadata;
mod openapi;
mod password;
mod routes;
mod rules;
mod service;
mod sessions;
mod token;

pub use accounts::NewAccount;
pub use auth::{Auth, AuthStores, OpenError};
pub use body::Body;
pub use config::{Config, ConfigError, PasswordConfig, RegistrationPolicy};
pub use error::AuthError;
pub use layer::{AuthFuture, AuthLayer, AuthMiddleware};
pub use openapi::openapi;
pub use password::HashPool;
pub use service::{AuthService, AuthServiceFuture};
pub use sessions::Tokens;
#[cfg(feature = "remote-jwks")]
pub use token::RemoteConfig;
pub use token::{Revocations, TokenError, Verifier};
