//! What an embedder or an operator can set.

use std::time::Duration;

use serde::Deserialize;

/// Settings of one tenant's chat; made to be nested in a stranger's own configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Characters that a message may have.
    pub message_chars: usize,
    /// Bytes that the content of a custom event may have.
    pub custom_event_bytes: usize,
    /// Commands that may wait to be decided; one more is refused with 503.
    pub queue: usize,
    /// Commands that are decided and written together, at most.
    pub batch: usize,
    /// Milliseconds after which a command that was not decided yet is dropped with 503.
    pub command_deadline_ms: u64,
    /// Newest events that are held ready to be sent, at most.
    pub recent_events: usize,
    /// Bytes of them, at most.
    pub recent_bytes: usize,
    /// Messages that a snapshot carries of each room.
    pub timeline: usize,
    /// Events after which the state is stored again, so that opening need not replay them.
    pub snapshot_every: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_chars: 8_000,
            custom_event_bytes: 64 * 1024,
            queue: 4_096,
            batch: 512,
            command_deadline_ms: 5_000,
            recent_events: 4_096,
            recent_bytes: 4 * 1024 * 1024,
            timeline: 20,
            snapshot_every: 50_000,
        }
    }
}

impl Config {
    pub(crate) const fn command_deadline(&self) -> Duration {
        Duration::from_millis(self.command_deadline_ms)
    }
}

/// Limits of the HTTP contract.
pub mod limits {
    use std::time::Duration;

    /// Milliseconds that `/v1/sync` waits when the caller does not say.
    pub const SYNC_TIMEOUT_DEFAULT: u64 = 30_000;
    /// Milliseconds that `/v1/sync` waits at most.
    pub const SYNC_TIMEOUT_MAX: u64 = 55_000;
    /// Events in an answer of `/v1/sync` when the caller does not say.
    pub const SYNC_LIMIT_DEFAULT: usize = 500;
    /// Events in an answer of `/v1/sync` at most.
    pub const SYNC_LIMIT_MAX: usize = 1_000;
    /// Messages in a page of history when the caller does not say.
    pub const PAGE_DEFAULT: usize = 50;
    /// Messages in a page of history at most.
    pub const PAGE_MAX: usize = 200;
    /// Rooms or members in a page of a list when the caller does not say.
    pub const LIST_DEFAULT: usize = 50;
    /// Rooms or members in a page of a list at most.
    pub const LIST_MAX: usize = 200;
    /// Characters of a room's name.
    pub const ROOM_NAME_CHARS: usize = 100;
    /// Characters of a room's topic.
    pub const TOPIC_CHARS: usize = 1_000;
    /// Characters of a reason.
    pub const REASON_CHARS: usize = 500;
    /// Characters of a client's nonce.
    pub const NONCE_CHARS: usize = 64;
    /// People that one message can call, and that one request can invite.
    pub const PEOPLE: usize = 100;
    /// Files that one message can carry: a page of history shows fifty messages with all of theirs.
    pub const ATTACHMENTS: usize = 10;
    /// Bytes of an emoji: the longest sequences of Unicode have fewer.
    pub const EMOJI_BYTES: usize = 64;
    /// Levels of objects and lists that the content of a custom event has at most.
    pub const CUSTOM_DEPTH: usize = 64;
    /// Rooms and types that a filter of `/v1/sync` can name.
    pub const FILTER: usize = 200;
    /// Bytes of a request's body.
    pub const BODY_BYTES: usize = 256 * 1024;
    /// How often an open event stream that has nothing to say says so.
    pub const STREAM_KEEP_ALIVE: Duration = Duration::from_secs(15);
}
