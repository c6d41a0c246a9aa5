//! Identity through its HTTP face and its layer, on the memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod account_feed;
mod admin;
mod admin_failures;
mod admin_refusals;
mod apps;
mod authorize;
mod bot_rights;
mod bots;
mod browser;
mod client_auth;
mod client_credentials;
mod clients;
mod codes;
mod consent;
mod device;
mod discovery;
mod exchange;
mod exchange_trust;
mod failures;
mod grace;
mod hang_up;
mod hostile_tokens;
mod id_tokens;
mod in_process;
mod introspect;
mod invites;
mod keys;
mod layer;
mod link_pages;
mod links;
mod login;
mod me;
mod metadata;
mod mfa;
mod nudge;
mod oauth;
mod openapi;
mod operator;
mod pages;
mod password;
mod passwords;
mod permissions;
#[cfg(feature = "openid-providers")]
mod provider;
#[cfg(feature = "openid-providers")]
mod provider_answers;
#[cfg(feature = "openid-providers")]
mod provider_codes;
#[cfg(feature = "openid-providers")]
mod provider_links;
#[cfg(feature = "openid-providers")]
mod providers;
mod random_acts;
mod register;
#[cfg(feature = "remote-jwks")]
mod remote;
#[cfg(feature = "remote-feed")]
mod remote_feed;
mod scopes;
mod second_step;
mod secrets;
mod sessions;
mod throttle;
mod tokens;
mod userinfo;
mod world;
