//! The indexer: follows the source, decodes, batches, commits. Knows nothing of those who read.

mod args;
mod backoff;
mod batcher;
mod error;
mod follower;
mod indexer;
mod late;
mod pacing;

pub use args::{IngestArgs, PaceArgs};
pub use batcher::{Batcher, Incoming};
pub use error::IngestError;
pub use indexer::{Indexer, IngestSettings};
pub use late::{LateEvents, Replayed, replay_quarantine, write_late};
