//! Pages of contract events, from whichever source.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};

use super::{SourceError, StellarRpc};
use crate::domain::{ContractId, EventId, LedgerSequence, RawContractEvent};

/// Where a page of events starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventsFrom {
    /// With the first event of this ledger.
    Ledger(LedgerSequence),
    /// After this position.
    After(EventId),
}

impl EventsFrom {
    /// Returns the ledger that is asked for.
    #[must_use]
    pub fn ledger(self) -> LedgerSequence {
        match self {
            Self::Ledger(ledger) => ledger,
            Self::After(position) => position.ledger(),
        }
    }
}

/// A page of one contract's events.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events in chain order.
    pub events: Vec<RawContractEvent>,
    /// Where the page ends: every event of the contract up to here is in this page or an earlier one.
    pub cursor: EventId,
    /// Whether the page was cut off by a limit, so that it may end inside a transaction.
    pub is_full: bool,
    /// The newest ledger the source knew when it answered.
    pub latest_ledger: LedgerSequence,
    /// When that ledger closed, if the source says.
    pub latest_ledger_closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger the source still has, if it says.
    pub oldest_ledger: Option<LedgerSequence>,
}

impl EventPage {
    /// Returns whether the source has nothing after this page yet. An empty or a short page is no sign of that: one
    /// reply never looks at more than 10 000 ledgers.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        !self.is_full && self.cursor.ledger() >= self.latest_ledger
    }
}

/// A source of the chain's contract events.
#[derive(Clone, Debug)]
pub enum ChainSource {
    /// Stellar RPC's `getEvents`.
    Rpc(StellarRpc),
}

impl ChainSource {
    /// Returns a page of at most `limit` events of `contract_id`.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn events(
        &self,
        contract_id: &ContractId,
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        match self {
            Self::Rpc(rpc) => rpc.events(contract_id, from, limit).await,
        }
    }

    /// Returns the passphrase of the network this source serves.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn passphrase(&self) -> Result<String, SourceError> {
        match self {
            Self::Rpc(rpc) => rpc.passphrase().await,
        }
    }

    /// Returns the oldest and the newest ledger this source has.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn ledgers(&self) -> Result<RangeInclusive<LedgerSequence>, SourceError> {
        match self {
            Self::Rpc(rpc) => rpc.ledgers().await,
        }
    }
}
