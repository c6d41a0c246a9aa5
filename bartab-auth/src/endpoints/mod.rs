//! The endpoints, one a file.

pub(crate) mod discovery;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod register;
pub(crate) mod revoke;
pub(crate) mod sessions;
pub(crate) mod token;
