//! What people see of identity in a browser: pages without scripts, the cookie that keeps them signed in, and the way
//! back to the client that sent them.
//!
//! The parameters of a request stay in the query of every URL, also of the forms' own, and are read and checked anew at
//! each step; what a form adds is its fields, and a token that says which page was shown to this browser
//! ([`form_token`]).

pub(crate) mod authorize;
pub(crate) mod cookie;
pub(crate) mod device;
pub(crate) mod form_token;
pub(crate) mod links;
pub(crate) mod page;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod second_step;
pub(crate) mod session;
pub(crate) mod sign_in;
pub(crate) mod step;
pub(crate) mod visit;
pub(crate) mod words;
