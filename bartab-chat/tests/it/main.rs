//! The chat service through `tower::ServiceExt::oneshot` on the memory store.

mod support;

mod history;
mod markers;
mod members;
mod messages;
mod model;
mod openapi;
mod rooms;
mod smoke;
