//! `/v1/admin/…`: for those who run the service, by tokens with the scope `admin`. Every act is in the log with its
//! subject.

mod connections;
mod indexer;
mod quarantine;
mod revoke;

pub(super) use connections::connections;
pub(super) use indexer::{indexer, pause, resume};
pub use quarantine::{QuarantineReplayer, Replayed};
pub(super) use quarantine::{list, replay};
pub(super) use revoke::revoke;
