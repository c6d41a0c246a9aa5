//! The body of a request on its way in.

mod body;
mod digest;
mod disposition;
mod drain;
mod form;

pub(in crate::service) use body::Inbound;
pub(in crate::service) use digest::content_digest;
pub(in crate::service) use drain::Drained;
pub(in crate::service) use form::{Form, boundary};
