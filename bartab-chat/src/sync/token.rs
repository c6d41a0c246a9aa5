//! A place in the log that a client can hand back.
//!
//! A token carries the position and 64 bits of the chain's digest there. The chain starts from the log's random id,
//! so a token of another history, another tenant or a restored copy is seen for what it is.

use std::fmt;
use std::str::FromStr;

use bartab_core::event::Digest;

/// A place in one history; its text is `s_`, the position, `_`, 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncToken {
    /// The position of the last event that the client has.
    pub(crate) seq: u64,
    /// The head of the digest there.
    pub(crate) digest: u64,
}

impl SyncToken {
    pub(crate) const fn new(seq: u64, digest: &Digest) -> Self {
        Self { seq, digest: digest.head() }
    }
}

impl fmt::Display for SyncToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s_{}_{:016x}", self.seq, self.digest)
    }
}

/// The text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a token that `/v1/sync` gave as `next`")]
pub struct SyncTokenError;

impl FromStr for SyncToken {
    type Err = SyncTokenError;

    fn from_str(text: &str) -> Result<Self, SyncTokenError> {
        let (seq, digest) = text.strip_prefix("s_").and_then(|rest| rest.split_once('_')).ok_or(SyncTokenError)?;
        let token = Self {
            seq: seq.parse().map_err(|_| SyncTokenError)?,
            digest: u64::from_str_radix(digest, 16).map_err(|_| SyncTokenError)?,
        };
        // One place has one text: signs, leading zeros and upper case parse, but do not write back.
        if token.seq < 1 << 53 && token.to_string() == text { Ok(token) } else { Err(SyncTokenError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_round_trips(seq in 0..1_u64 << 53, digest: u64) {
            let token = SyncToken { seq, digest };
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn hostile_text_is_refused_or_canonical(text in "(s_)?[0-9a-fA-F+_-]{0,40}") {
            if let Ok(token) = text.parse::<SyncToken>() {
                prop_assert_eq!(token.to_string(), text);
            }
        }
    }
}
