//! The chat service through `tower::ServiceExt::oneshot` on the memory store.

mod support;

mod members;
mod model;
mod openapi;
mod rooms;
mod smoke;
