//! What stops an indexer for good.

use thiserror::Error;

use crate::{source::SourceError, store::StoreError};

/// What stops an indexer for good.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The source refuses, or has lost ledgers that are not indexed.
    #[error("the source cannot be followed: {0}")]
    Source(SourceError),
    /// The database refuses, or belongs to another network.
    #[error(transparent)]
    Store(#[from] StoreError),
}
