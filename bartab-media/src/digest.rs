//! Digests that a client says its bytes have, and whether they do.

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::error::MediaError;

/// What a digest is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-1: against accidents only, and only because tus demands it.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    /// How many bytes its digests have.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The digest that bytes are to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    algorithm: DigestAlgorithm,
    digest: Vec<u8>,
}

impl Checksum {
    /// `None` when no digest of the algorithm is so long or so short.
    pub fn new(algorithm: DigestAlgorithm, digest: Vec<u8>) -> Option<Self> {
        (digest.len() == algorithm.length()).then_some(Self { algorithm, digest })
    }
}

enum Hasher {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

/// Bytes on their way through, and what they are to be.
pub(crate) struct Check {
    hasher: Hasher,
    expected: Vec<u8>,
}

impl Check {
    pub(crate) fn new(checksum: Checksum) -> Self {
        let hasher = match checksum.algorithm {
            DigestAlgorithm::Sha1 => Hasher::Sha1(Sha1::new()),
            DigestAlgorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => Hasher::Sha512(Box::new(Sha512::new())),
        };
        Self { hasher, expected: checksum.digest }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Whether what went through is what it is to be.
    pub(crate) fn holds(self) -> bool {
        match self.hasher {
            Hasher::Sha1(hasher) => *hasher.finalize() == *self.expected,
            Hasher::Sha256(hasher) => *hasher.finalize() == *self.expected,
            Hasher::Sha512(hasher) => *hasher.finalize() == *self.expected,
        }
    }
}

/// The same bytes; what does not have all of the digests ends with [`MediaError::DigestMismatch`].
pub(crate) fn checked<'a>(
    body: impl Stream<Item = Result<Bytes, MediaError>> + Send + 'a,
    checksums: Vec<Checksum>,
) -> impl Stream<Item = Result<Bytes, MediaError>> + Send + 'a {
    let checks: Vec<Check> = checksums.into_iter().map(Check::new).collect();
    stream::try_unfold((Box::pin(body), checks), async |(mut body, mut checks)| match body.try_next().await? {
        Some(bytes) => {
            checks.iter_mut().for_each(|check| check.update(&bytes));
            Ok(Some((bytes, (body, checks))))
        }
        None if checks.into_iter().all(Check::holds) => Ok(None),
        None => Err(MediaError::DigestMismatch),
    })
}
