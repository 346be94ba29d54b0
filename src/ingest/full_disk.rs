//! Whether the database's disk is full, by what the last write met. Between two attempts to write, an indexer reads on
//! as if all was well; its reports must not say so before a commit has succeeded.

use std::sync::{Arc, Mutex};

use crate::store::IndexerState;

/// Why the last write failed, if the disk was full. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct FullDisk(Arc<Mutex<Option<String>>>);

impl FullDisk {
    /// Records that a write found no room.
    pub(super) fn note(&self, why: String) {
        self.set(Some(why));
    }

    /// Records that a write succeeded, or that another indexer writes.
    pub(super) fn clear(&self) {
        self.set(None);
    }

    fn set(&self, why: Option<String>) {
        *self.0.lock().expect("no thread panics while it holds the reason") = why;
    }

    /// Returns why an indexer whose reading is in this state cannot write. A state that readers know to be bad, and that
    /// has another reason, is reported as it is.
    pub(super) fn prevails_over(&self, state: IndexerState) -> Option<String> {
        use IndexerState::{CatchingUp, DatabaseFull, FillingHole, Following, SourceAway};
        match state {
            Following | CatchingUp | FillingHole | SourceAway | DatabaseFull => {
                self.0.lock().expect("no thread panics while it holds the reason").clone()
            }
            _ => None,
        }
    }
}
