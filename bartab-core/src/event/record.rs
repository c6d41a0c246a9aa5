//! The row of the log: what a store keeps and hands back, byte for byte.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::chain::{Digest, Salt};
use super::content::Content;
use super::facts::Facts;
use super::{Envelope, Event};
use crate::id::UserId;

/// One row of the log.
///
/// Facts and content are JSON text that the store keeps as it is: the chain's digests are over these bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The version of the row's format, [`Record::VERSION`].
    pub version: u8,
    /// Who, where, when, about what.
    pub envelope: Envelope,
    /// The digest of the row before.
    pub previous: Digest,
    /// The facts; empty when the type says it all.
    pub facts: Box<str>,
    /// The salted digest of the content, kept when the content is erased; `None` when there never was any.
    pub content_digest: Option<Digest>,
    /// The content with its salt, unless it was erased.
    pub content: Option<RecordContent>,
    /// The idempotency key that the event was appended under, and what its answer was.
    pub idempotency: Option<Idempotency>,
}

/// A content and its salt.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordContent {
    /// Hashed before the content, and erased with it.
    pub salt: Salt,
    /// What people wrote.
    pub json: Box<str>,
}

impl fmt::Debug for RecordContent {
    /// What people wrote does not reach the logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordContent({} bytes)", self.json.len())
    }
}

/// The hash of an idempotency key and of the person or bot whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 16]);

impl KeyHash {
    /// The hash of `key`, scoped to `user`.
    pub fn new(user: UserId, key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"bartab idempotency key");
        hash.update(user.to_bytes());
        hash.update(key);
        Self(head(hash))
    }
}

/// What is remembered of a request with an idempotency key; it stands on the first event that answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The key.
    pub key: KeyHash,
    /// A fingerprint of method, path and body; erased with the content.
    pub fingerprint: Option<[u8; 16]>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// How many events the request appended, this one included.
    pub count: u16,
}

impl Idempotency {
    /// The fingerprint of a request. The raw key, which is not stored, keeps a short body from being guessed.
    pub fn fingerprint(key: &str, method: &str, path: &str, body: &[u8]) -> [u8; 16] {
        let mut hash = Sha256::new();
        for part in [b"bartab request", key.as_bytes(), method.as_bytes(), path.as_bytes(), body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        head(hash)
    }
}

fn head(hash: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = hash.finalize().into();
    let mut head = [0; 16];
    head.copy_from_slice(&digest[..16]);
    head
}

/// A stored row that the program cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the event at {seq} cannot be read")]
pub struct CorruptRecord {
    /// The position of the row.
    pub seq: u64,
    /// What is wrong with it.
    #[source]
    pub source: serde_json::Error,
}

impl Record {
    /// The version of the format that is written now.
    pub const VERSION: u8 = 1;

    /// The row of `event`, after the row with digest `previous`.
    ///
    /// # Errors
    /// When the event cannot be written as JSON.
    pub fn seal(event: &Event, previous: Digest, salt: Salt) -> Result<Self, CorruptRecord> {
        let corrupt = |source| CorruptRecord { seq: event.envelope.seq(), source };
        let content = match &event.content {
            Some(content) => Some(RecordContent { salt, json: content.to_json().map_err(corrupt)?.into_boxed_str() }),
            None => None,
        };
        Ok(Self {
            version: Self::VERSION,
            envelope: event.envelope.clone(),
            previous,
            facts: event.facts.to_json().map_err(corrupt)?.into_boxed_str(),
            content_digest: content.as_ref().map(|content| Digest::of_content(&content.salt, &content.json)),
            content,
            idempotency: None,
        })
    }

    /// The position in the log, from 1.
    pub const fn seq(&self) -> u64 {
        self.envelope.seq()
    }

    /// Whether there was content that is gone.
    pub const fn is_erased(&self) -> bool {
        self.content_digest.is_some() && self.content.is_none()
    }

    /// Removes the content, its salt and the fingerprint of the request that brought it; the digest stays.
    pub fn erase(&mut self) {
        self.content = None;
        if let Some(idempotency) = &mut self.idempotency {
            idempotency.fingerprint = None;
        }
    }

    /// The event in the words of the program.
    ///
    /// # Errors
    /// When the stored text is not of the shape that the type has.
    pub fn to_event(&self) -> Result<Event, CorruptRecord> {
        let corrupt = |source| CorruptRecord { seq: self.seq(), source };
        let event_type = &self.envelope.event_type;
        let content = match &self.content {
            Some(content) => Some(Content::from_json(event_type, &content.json).map_err(corrupt)?),
            None => None,
        };
        Ok(Event {
            facts: Facts::from_json(event_type, &self.facts).map_err(corrupt)?,
            content,
            erased: self.is_erased(),
            envelope: self.envelope.clone(),
        })
    }
}
