//! The chain of digests: every row carries the digest of the row before it.
//!
//! A row's digest covers its envelope, its facts and a *salted digest* of its content, over the stored bytes. So
//! the content and its salt can be erased and the chain still verifies, and nobody can guess a short text back from
//! what is left.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::record::Record;

/// SHA-256 of a row, of salted content, or of what the log starts from.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// Random bytes that are hashed before a content and erased with it.
pub type Salt = [u8; 16];

impl Digest {
    /// What the first row's `previous` is: the digest of the log's own random id.
    pub fn genesis(log_id: &[u8]) -> Self {
        let mut hash = Hasher::new(b"bartab log 1");
        hash.bytes(log_id);
        hash.finish()
    }

    /// The digest of a content and its salt.
    pub fn of_content(salt: &Salt, json: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(salt);
        hash.update(json);
        Self(hash.finalize().into())
    }

    /// The first 64 bits, as sync tokens carry them.
    pub const fn head(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// SHA-256 over parts, each with its length before it, so that no two lists of parts read the same.
struct Hasher(Sha256);

impl Hasher {
    fn new(domain: &[u8]) -> Self {
        let mut hash = Self(Sha256::new());
        hash.bytes(domain);
        hash
    }

    fn bytes(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// A part that may be missing; missing and empty read differently.
    fn option(&mut self, part: Option<&[u8]>) {
        self.0.update([u8::from(part.is_some())]);
        if let Some(part) = part {
            self.bytes(part);
        }
    }

    fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl Record {
    /// The digest of this row, over the bytes that are stored; erasing the content does not change it.
    pub fn digest(&self) -> Digest {
        let envelope = &self.envelope;
        let mut hash = Hasher::new(b"bartab event");
        hash.bytes(&[self.version]);
        hash.bytes(&self.previous.0);
        hash.bytes(&envelope.id.to_bytes());
        hash.bytes(envelope.event_type.name().as_bytes());
        hash.bytes(&envelope.sender.to_bytes());
        hash.bytes(&[u8::from(envelope.bot), envelope.hops]);
        hash.option(envelope.room.map(|id| id.to_bytes()).as_ref().map(<[u8; 16]>::as_slice));
        hash.option(envelope.number.map(u64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
        hash.option(envelope.target.map(|id| id.to_bytes()).as_ref().map(<[u8; 16]>::as_slice));
        hash.option(envelope.subject.map(|id| id.to_bytes()).as_ref().map(<[u8; 16]>::as_slice));
        hash.option(envelope.on_behalf_of.map(|id| id.to_bytes()).as_ref().map(<[u8; 16]>::as_slice));
        hash.option(envelope.cause.map(|id| id.to_bytes()).as_ref().map(<[u8; 16]>::as_slice));
        hash.bytes(self.facts.as_bytes());
        hash.option(self.content_digest.as_ref().map(|digest| digest.0.as_slice()));
        hash.finish()
    }
}

/// Why a row does not continue the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A row is missing, or one stands twice.
    #[error("expected the event at {expected}, found {found}")]
    Gap {
        /// The position that comes next.
        expected: u64,
        /// The position of the row.
        found: u64,
    },
    /// The row before it is not the one that it was written after.
    #[error("the event at {seq} does not follow the one before it")]
    Broken {
        /// The position of the row.
        seq: u64,
    },
    /// The content is not the one that was written.
    #[error("the content of the event at {seq} was changed")]
    Content {
        /// The position of the row.
        seq: u64,
    },
}

/// Checks rows one after the other.
#[derive(Clone, Debug)]
pub struct ChainVerifier {
    seq: u64,
    digest: Digest,
}

impl ChainVerifier {
    /// Begins before the first row of a log with this genesis.
    pub const fn new(genesis: Digest) -> Self {
        Self { seq: 0, digest: genesis }
    }

    /// Checks the next row.
    ///
    /// # Errors
    /// When it does not continue the chain; the verifier stays where it was.
    pub fn check(&mut self, record: &Record) -> Result<(), ChainError> {
        let (expected, found) = (self.seq + 1, record.envelope.seq());
        if found != expected {
            return Err(ChainError::Gap { expected, found });
        }
        if record.previous != self.digest {
            return Err(ChainError::Broken { seq: found });
        }
        if let Some(content) = &record.content
            && record.content_digest != Some(Digest::of_content(&content.salt, &content.json))
        {
            return Err(ChainError::Content { seq: found });
        }
        *self = Self { seq: found, digest: record.digest() };
        Ok(())
    }

    /// The position and the digest of the last row that was checked.
    pub const fn head(&self) -> (u64, Digest) {
        (self.seq, self.digest)
    }
}

#[cfg(test)]
mod tests;
