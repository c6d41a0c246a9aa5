//! Identity through its HTTP face and its layer, on the memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod discovery;
mod failures;
mod layer;
mod login;
mod me;
mod oauth;
mod register;
#[cfg(feature = "remote-jwks")]
mod remote;
mod sessions;
mod tokens;
mod world;
