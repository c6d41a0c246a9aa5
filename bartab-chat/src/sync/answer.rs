//! An answer of `/v1/sync`: stored bytes joined, not encoded again.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use super::token::SyncToken;
use crate::hub::LogEvent;

/// One answer, and the place that it leads to.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) next: SyncToken,
    pub(crate) json: Bytes,
    /// Whether it says anything but where the caller is.
    pub(crate) empty: bool,
}

/// `{"next":…,"events":[…]}` with what else belongs in it: `extra` is `,"name":value` text or empty.
pub(crate) fn join_events(next: SyncToken, events: &[Arc<LogEvent>], more: bool, extra: &[u8]) -> Answer {
    let bytes: usize = events.iter().map(|event| event.json.len() + 1).sum();
    let mut head = String::with_capacity(64);
    // Writing to a string does not fail.
    let _ = write!(head, r#"{{"next":"{next}","events":["#);
    let mut json = Vec::with_capacity(head.len() + bytes + extra.len() + 16);
    json.extend_from_slice(head.as_bytes());
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&event.json);
    }
    json.push(b']');
    if more {
        json.extend_from_slice(br#","more":true"#);
    }
    json.extend_from_slice(extra);
    json.push(b'}');
    Answer { next, json: json.into(), empty: events.is_empty() }
}
