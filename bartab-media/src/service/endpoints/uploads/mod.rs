//! Resumable uploads: tus 1.0.0.

pub(in crate::service) mod append;
pub(in crate::service) mod cancel;
pub(in crate::service) mod create;
pub(in crate::service) mod options;
pub(in crate::service) mod progress;
