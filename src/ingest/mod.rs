//! The indexer: follows the source, decodes, batches, commits. Knows nothing about readers.

mod args;
mod backfill;
mod batcher;
mod beginning;
mod chain_check;
mod committer;
mod desired_state_watch;
mod error;
mod follower;
mod hole;
mod incoming;
mod indexer;
mod join;
mod late;
mod ledger_page;
mod pacing;
mod page_checks;
mod record_checks;
mod reindex;
mod reporter;
mod reset;
mod run;
mod second_opinion;
mod session_backoff;
mod verify;
mod waits;

pub use args::{ContractArgs, Follow, IngestArgs, OnReset, PaceArgs, RecordState};
pub use backfill::{BackfillProgress, backfill};
pub use batcher::Batcher;
pub use error::IngestError;
pub use incoming::Incoming;
pub use indexer::{Indexer, IngestSettings};
pub use late::{LateEvents, Replayed, replay_quarantine, write_late};
pub use reindex::{NAMED_STREAMS, Reindex, ReindexProgress, Reindexed};
pub use verify::{CreatedStreams, Difference, Verified, VerifyProgress, VerifySettings, verify};
pub use waits::Waits;
