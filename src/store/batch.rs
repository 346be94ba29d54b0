//! The input and the result of a commit.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use super::contract_versions::ContractVersions;
use crate::domain::{
    ContractEvent, ContractUpgradeEvent, CoverageSource, EventId, LedgerSequence, QuarantinedEvent, StreamEntryChange,
    StreamKey, StreamRecord,
};

/// What is known of streams and their contracts as a batch leaves them.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The records that the batch touches.
    pub(super) streams: Arc<HashMap<StreamKey, StreamRecord>>,
    /// Which rules the contracts follow.
    pub(super) versions: ContractVersions,
}

/// Events in chain order, whole transactions only, and the position that they reach.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The events that decoded.
    pub events: Vec<ContractEvent>,
    /// The changes of streams' entries in chain order, if the source tells them.
    pub entries: Vec<StreamEntryChange>,
    /// The upgrades of the contract's code.
    pub upgrades: Vec<ContractUpgradeEvent>,
    /// The events to keep undecoded.
    pub quarantined: Vec<QuarantinedEvent>,
    /// Everything up to here is in this batch or an earlier one.
    pub position: EventId,
    /// The newest ledger that is whole with this batch.
    pub last_whole_ledger: LedgerSequence,
    /// The source of its ledgers; `None` for ledgers that were given up.
    pub covered_by: Option<CoverageSource>,
    /// The newest close time known up to that ledger; `None` if the page gave none.
    pub last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

/// What a commit wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The number of new event rows.
    pub events: usize,
    /// The number of new quarantine rows.
    pub quarantined: usize,
    /// The number of events that were already stored.
    pub already_stored: usize,
}
