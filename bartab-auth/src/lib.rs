//! Identity of BarTAB: accounts, sessions, tokens and keys, as [`AuthService`] over HTTP and [`Auth`] in process.
//!
//! [`AuthLayer`] is the seam to the other services: it verifies the access tokens that this crate makes and puts an
//! [`Actor`](bartab_core::Actor) into the request's extensions, which is all that they know of identity.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bartab_auth::{AuthService, AuthStores, Config, NewAccount};
//! use bartab_core::store::MemoryIdentity;
//! use bartab_core::{SystemClock, SystemRandom};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Arc::new(MemoryIdentity::new());
//! let stores = AuthStores { accounts: memory.clone(), sessions: memory.clone(), keys: memory };
//! let config = Config::new("https://chat.example");
//! let service = AuthService::new(stores, config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
//!
//! let alice = service.auth().create_account(NewAccount::member("alice", "correct horse")).await?;
//! let tokens = service.auth().login("alice", "correct horse", None).await?;
//! let actor = service.auth().verifier().verify(&tokens.access_token)?;
//! assert_eq!(actor.user_id, alice.user_id);
//!
//! // In front of a service of your own: every request with a good token carries an `Arc<Actor>`.
//! let layer = service.layer();
//! # let _ = layer;
//! # Ok(())
//! # }
//! ```

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
