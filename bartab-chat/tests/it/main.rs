//! The chat service through `tower::ServiceExt::oneshot` on the memory store.

mod support;

mod openapi;
mod smoke;
