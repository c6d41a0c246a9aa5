//! Reads a whole log and checks that nothing in it was changed.

use super::error::StoreError;
use super::log::{EventLog, Head};
use crate::event::{ChainError, ChainVerifier};
use crate::time::Timestamp;

/// How many rows are held at a time.
const STEP: usize = 1_000;

/// Why a log does not verify.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It could not be read to the end.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row does not continue the chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// An id's time lies before that of the row before it.
    #[error("the event at {seq} is older than the one before it")]
    Time {
        /// The position of the row.
        seq: u64,
    },
    /// The chain holds, but ends elsewhere than the store says.
    #[error("the store says the log ends at {said}, its rows end at {found}")]
    Head {
        /// What the store says.
        said: u64,
        /// Where the rows end.
        found: u64,
    },
}

/// Checks every row against the one before it, and the last against the head; gives the head.
///
/// Erased content does not break the chain; a changed, missing or added byte anywhere else does.
///
/// # Errors
/// The first row that does not continue the chain.
pub async fn verify_log(log: &dyn EventLog) -> Result<Head, VerifyError> {
    let said = log.head().await?;
    let mut chain = ChainVerifier::new(log.genesis().await?);
    let mut time = Timestamp::default();
    while chain.head().0 < said.seq {
        let (after, _) = chain.head();
        let rows = log.scan(after, STEP).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows.iter().take_while(|row| row.seq() <= said.seq) {
            chain.check(row)?;
            if row.envelope.time() < time {
                return Err(VerifyError::Time { seq: row.seq() });
            }
            time = row.envelope.time();
        }
    }
    let (found, digest) = chain.head();
    if found != said.seq || digest != said.digest {
        return Err(VerifyError::Head { said: said.seq, found });
    }
    Ok(said)
}
