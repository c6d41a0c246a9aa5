//! The body of a request on its way in.

mod body;
mod digest;
mod disposition;
mod form;

pub(in crate::service) use body::Inbound;
pub(in crate::service) use digest::content_digest;
pub(in crate::service) use form::{Form, boundary};
