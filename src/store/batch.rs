//! What a commit takes and what it says.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::contract_versions::ContractVersions;
use crate::domain::{
    ContractEvent, ContractUpgradeEvent, CoverageSource, EventId, LedgerSequence, QuarantinedEvent, StreamKey,
    StreamRecord,
};

/// What is known of streams and their contracts as a batch leaves them.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The records that the batch touches.
    pub(super) streams: Arc<HashMap<StreamKey, StreamRecord>>,
    /// Which rules the contracts follow.
    pub(super) versions: ContractVersions,
}

/// Events in chain order, whole transactions only, and the position that is reached with them.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The events that decoded.
    pub events: Vec<ContractEvent>,
    /// The upgrades of the contract's code.
    pub upgrades: Vec<ContractUpgradeEvent>,
    /// The events to keep raw.
    pub quarantined: Vec<QuarantinedEvent>,
    /// Everything up to here is in this batch or an earlier one.
    pub position: EventId,
    /// The newest ledger that is whole with this batch.
    pub last_whole_ledger: LedgerSequence,
    /// Where its ledgers were read; `None` for ledgers that were given up.
    pub covered_by: Option<CoverageSource>,
    /// The newest close time known up to that ledger; `None` if the page told none.
    pub last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

/// What a commit wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// New event rows.
    pub events: usize,
    /// New quarantine rows.
    pub quarantined: usize,
    /// Events that were there already.
    pub already_stored: usize,
}
