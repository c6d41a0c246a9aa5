//! The bodies of the fuzz targets: each takes any bytes and panics when something that must hold does not.
//!
//! `cargo fuzz` drives them through `fuzz_targets/`; `tests/corpus.rs` replays `corpus/` through them on every test
//! run.
#![expect(clippy::expect_used, clippy::panic, reason = "a fuzz body tells of a failure by panicking")]

mod commands;
mod events;
mod forms;
mod identity;
mod ids;
mod pictures;
mod requests;
mod service;
mod tokens;
mod uploads;

pub use commands::commands;
pub use events::events;
pub use forms::forms;
pub use ids::ids;
pub use pictures::pictures;
pub use requests::requests;
pub use service::service;
pub use tokens::tokens;
pub use uploads::uploads;

/// What a target does with its bytes.
pub type Body = fn(&[u8]);

/// Every target: its name, and its body.
pub const TARGETS: &[(&str, Body)] = &[
    ("ids", ids),
    ("events", events),
    ("requests", requests),
    ("commands", commands),
    ("service", service),
    ("forms", forms),
    ("tokens", tokens),
    ("pictures", pictures),
    ("uploads", uploads),
];
