//! Group chat as a tower service: the pure model, the sequencer that writes the log, sync, [`Chat`] in process and
//! [`ChatService`] over HTTP.

mod chat;
mod config;
mod directory;
mod edits;
mod error;
mod hub;
pub mod model;
mod references;
mod sequencer;
mod service;
mod sync;
mod wire;

pub use chat::{
    Appended, Around, Chat, ChatStats, ChatStores, CustomDraft, HistoryQuery, IdempotencyKey, ListQuery, MessageDraft,
    RoomDraft, RoomUpdate, SyncFilter, SyncQuery, SyncStream, WeakChat,
};
pub use config::{Config, limits};
pub use error::{ChatError, CorruptLog, OpenError};
pub use service::{Body, BoxError, ChatService, openapi};
pub use sync::{SyncToken, SyncTokenError};
