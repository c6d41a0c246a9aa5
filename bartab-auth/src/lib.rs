//! Identity of BarTAB: accounts, sessions, tokens and keys, as [`AuthService`] over HTTP and [`Auth`] in process.
//!
//! [`AuthLayer`] is the seam to the other services: it verifies the access tokens that this crate makes and puts an
//! [`Actor`](bartab_core::Actor) into the request's extensions, which is all that they know of identity.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bartab_auth::{AuthService, AuthStores, Config, Login, NewAccount};
//! use bartab_core::store::MemoryIdentity;
//! use bartab_core::{SystemClock, SystemRandom};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let memory = Arc::new(MemoryIdentity::new());
//! let stores = AuthStores::of(memory);
//! let config = Config::new("https://chat.example");
//! let service = AuthService::new(stores, config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
//!
//! let alice = service.auth().create_account(NewAccount::member("alice", "correct horse")).await?;
//! let tokens = service.auth().login(Login::new("alice", "correct horse")).await?;
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
mod acts;
mod administration;
mod answer;
mod attempts;
mod audit;
mod auth;
mod bearer;
mod body;
mod bots;
mod browser;
mod client_auth;
mod clients;
mod code;
mod common_passwords;
mod config;
mod device;
mod endpoints;
mod error;
mod exchange;
mod external;
mod extract;
mod feed;
mod hash_pool;
mod id_token;
mod introspection;
mod invites;
mod keys;
mod layer;
mod links;
mod metadata;
mod mint;
mod network;
mod nudge;
mod openapi;
mod operator;
mod owner;
mod parameters;
mod password;
mod plain_http;
#[cfg(feature = "openid-providers")]
mod providers;
mod query;
mod refresh;
mod rights;
mod routes;
mod rules;
mod seal;
mod second_factor;
mod service;
mod sessions;
mod sign_in;
mod sign_up;
mod tenant_config;
#[cfg(test)]
mod testing;
mod throttle;
mod tickets;
mod token;
mod turn;

pub use accounts::NewAccount;
pub use acts::{Act, ActRefusal, Authority};
pub use administration::AccountDetail;
pub use attempts::Attempts;
pub use auth::{Auth, AuthStores, OpenError};
pub use body::Body;
pub use bots::{Bot, BotChange, BotSecret};
pub use clients::{NewClient, RegisteredClient};
pub use config::{Config, ConfigError, PasswordConfig, RegistrationPolicy, TotpPolicy};
pub use error::AuthError;
pub use exchange::TrustedIssuer;
#[cfg(feature = "remote-feed")]
pub use feed::{FeedWatch, RemoteAccountFeed, RemoteFeedConfig, RemoteFeedError};
pub use hash_pool::HashPool;
pub use invites::NewInvite;
pub use keys::{KeyInfo, KeyRotation};
pub use layer::{AuthFuture, AuthLayer, AuthMiddleware};
pub use openapi::openapi;
pub use operator::OperatorService;
#[doc(hidden)]
pub use parameters::fuzz_parameters;
#[cfg(feature = "openid-providers")]
pub use providers::{ProviderConfig, ProviderError, ProviderSecret};
pub use rights::Permission;
pub use seal::{SealError, SealingKeyError, SealingKeys};
pub use second_factor::NewTotp;
pub use service::{AuthService, AuthServiceFuture};
pub use sessions::Tokens;
pub use sign_in::Login;
pub use sign_up::NewRegistration;
pub use tenant_config::TenantConfig;
pub use throttle::SlowDown;
#[cfg(feature = "remote-jwks")]
pub use token::RemoteConfig;
pub use token::{Revocations, TokenError, Verifier};
