//! The endpoints, one a file.

pub(crate) mod account_feed;
pub(crate) mod admin;
pub(crate) mod authorize;
pub(crate) mod bots;
pub(crate) mod browser_logout;
pub(crate) mod clients;
pub(crate) mod device;
pub(crate) mod device_authorization;
pub(crate) mod discovery;
#[cfg(feature = "openid-providers")]
pub(crate) mod identities;
pub(crate) mod introspect;
pub(crate) mod invites;
pub(crate) mod jwks;
mod link;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod mfa;
pub(crate) mod password;
pub(crate) mod permissions;
#[cfg(feature = "openid-providers")]
pub(crate) mod provider_callback;
#[cfg(feature = "openid-providers")]
pub(crate) mod provider_list;
#[cfg(feature = "openid-providers")]
pub(crate) mod provider_start;
pub(crate) mod register;
pub(crate) mod reset;
pub(crate) mod revoke;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod token;
pub(crate) mod userinfo;
