//! What the pages of a pool of endpoints hold, and what they are read from.

use std::sync::Arc;

use crate::xdr::{LedgerContents, LedgerScanners};

/// What pages hold, and how RPC endpoints are asked for them.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// What is read of a whole ledger.
    pub(super) contents: LedgerContents,
    /// The threads that look into whole ledgers; `None` if RPC endpoints are asked for events.
    pub(super) scanners: Option<Arc<LedgerScanners>>,
}

impl Pages {
    /// Events alone, as RPC endpoints list them.
    pub(super) const EVENTS: Self = Self { contents: LedgerContents::Events, scanners: None };
}
