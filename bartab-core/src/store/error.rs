//! What can go wrong in a store, named by meaning.

/// A source that a store's own driver gives.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what was asked.
///
/// The names are what a caller acts on; the driver's own error is only a source, for the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// What was named is not there.
    #[error("not found")]
    NotFound,
    /// Something is already there, or changed since the caller looked.
    #[error("conflict")]
    Conflict,
    /// The store cannot be used now, and nothing was written; asking again later may work.
    #[error("the store is unavailable")]
    Unavailable(#[source] Option<BoxError>),
    /// The write may or may not have happened.
    #[error("the outcome of the write is unknown")]
    OutcomeUnknown(#[source] BoxError),
    /// The store holds something that it should never hold, or its driver failed in a way that has no better name.
    #[error("the store failed")]
    Backend(#[source] BoxError),
}

impl StoreError {
    /// A failure of the driver without a better name.
    pub fn backend(source: impl Into<BoxError>) -> Self {
        Self::Backend(source.into())
    }
}
