//! Horizon as a cross-check: a given list of events beside the events of its ledgers.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{Horizon, ledgers::LedgersRead};
use crate::{
    domain::{ContractId, EventId, LedgerSequence, RawContractEvent},
    source::SourceError,
    xdr::LedgerContents,
};

/// Where a given list of events and Horizon disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventDifference {
    /// The list has an event that Horizon does not know.
    NotInHorizon(RawContractEvent),
    /// The list lacks an event.
    OnlyInHorizon(RawContractEvent),
    /// Both have the event, and it says or is something else.
    Differs {
        /// As the list has it.
        given: RawContractEvent,
        /// As Horizon has it.
        horizon: RawContractEvent,
    },
}

impl EventDifference {
    /// Returns the event it is about, as the list has it where it has it.
    #[must_use]
    pub const fn event(&self) -> &RawContractEvent {
        match self {
            Self::NotInHorizon(event) | Self::OnlyInHorizon(event) | Self::Differs { given: event, .. } => event,
        }
    }
}

impl Horizon {
    /// Returns where `given`, a list of the contract's events in these ledgers, and Horizon disagree; nothing if they
    /// agree.
    ///
    /// # Errors
    /// [`SourceError::NoTransactionMeta`] if the host cannot be used for this; [`SourceError::BehindRetention`] and
    /// [`SourceError::NodeBehind`] if it does not have a ledger of the range; those of the host.
    pub async fn differences(
        &self,
        contract_id: &ContractId,
        range: RangeInclusive<LedgerSequence>,
        given: &[RawContractEvent],
    ) -> Result<Vec<EventDifference>, SourceError> {
        let events = self.events_in(contract_id, range).await?;
        Ok(differences(events.into_iter().map(|event| (event.id, event)).collect(), given))
    }

    /// Returns the contract's events in these ledgers.
    ///
    /// # Errors
    /// As [`Horizon::differences`].
    pub async fn events_in(
        &self,
        contract_id: &ContractId,
        range: RangeInclusive<LedgerSequence>,
    ) -> Result<Vec<RawContractEvent>, SourceError> {
        let mut events = Vec::new();
        let mut from = *range.start();
        while from <= *range.end() {
            let left = range.end().0 - from.0;
            let LedgersRead { ledgers, latest, .. } = self.read_with_patience(from, left.saturating_add(1)).await?;
            let Some(last) = ledgers.last() else { return Err(SourceError::NodeBehind { wanted: from, latest }) };
            from = last.sequence.next();
            let scans = self.scans(ledgers, std::slice::from_ref(contract_id), LedgerContents::Events).await?;
            events.extend(scans.into_iter().flat_map(|scan| scan.events));
        }
        Ok(events)
    }

    async fn read_with_patience(&self, from: LedgerSequence, most: u32) -> Result<LedgersRead, SourceError> {
        let mut attempts = self.retry.attempts();
        loop {
            if let Some(read) = attempts.settled(self.read(from, most).await).await {
                return read;
            }
        }
    }
}

fn differences(mut horizon: BTreeMap<EventId, RawContractEvent>, given: &[RawContractEvent]) -> Vec<EventDifference> {
    let mut differences = Vec::new();
    for given in given.iter().cloned() {
        match horizon.remove(&given.id) {
            None => differences.push(EventDifference::NotInHorizon(given)),
            Some(horizon) if horizon != given => differences.push(EventDifference::Differs { given, horizon }),
            Some(_) => {}
        }
    }
    differences.extend(horizon.into_values().map(EventDifference::OnlyInHorizon));
    differences
}
