//! PostgreSQL: every SQL statement, and the migrations.
//!
//! Event rows, stream records, quarantine and cursor are written in one transaction by the one [`Writer`]; anybody
//! may read. Nothing here decides what an event means.

mod api_keys;
mod archived_epochs;
mod args;
mod attachments;
mod baselines;
mod batch;
mod build_origin;
mod close_times;
mod commit;
mod connections;
mod coverage;
mod desired_state;
mod error;
mod event_parties;
mod event_rows;
mod filter;
mod fold;
mod listen;
mod network;
mod pages;
mod pool;
mod pooler;
mod prepare;
mod quarantine;
mod query_indexes;
mod record_checks;
mod refold;
mod reindex;
mod repair;
mod report;
mod revisions;
mod session;
mod sign_in;
mod stream_rows;
mod upgrades;
mod user_summary;
mod writer;

pub use api_keys::{ApiKeyRow, TakenBackKey};
pub use archived_epochs::ArchivedEpoch;
pub use args::DatabaseArgs;
pub use batch::{Batch, Committed, Records};
pub use desired_state::DesiredState;
pub use error::StoreError;
pub use event_parties::EventParties;
pub use event_rows::EventRange;
pub use filter::{EventListFilter, EventPageExtent, StreamCursor, StreamListFilter, StreamSort};
pub use listen::Listener;
pub use network::{KnownLedger, NetworkRow};
pub use pages::{Page, PageRequest, PageStart, SortOrder};
pub use pool::{Progress, Store};
pub use prepare::Prepared;
pub use quarantine::QuarantineCount;
pub use record_checks::{RecordCheck, RecordLook};
pub use reindex::{RevisedSince, Swap};
pub use repair::{CaughtUp, LateRows, Locks, Repair, Repaired};
pub use report::{AgedReport, IndexerReport, IndexerState};
pub use revisions::{FeedState, RecordInTime};
pub use session::SignsOfLife;
pub use sign_in::{Revocation, TicketRow};
pub use upgrades::StoredUpgrade;
pub use user_summary::{Flow, StreamCount, TokenSummary, UserSummary};
pub use writer::{Behind, Writer};
