//! The host end to end, over real sockets on free ports.

mod abuse;
mod cli;
mod edges;
mod lifecycle;
mod support;
mod tenants;
