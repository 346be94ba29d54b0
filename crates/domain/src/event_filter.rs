//! Which events somebody subscribed to.

use std::collections::BTreeSet;

use super::{Address, CommittedEvent, ContractId, EventType, StreamId, StreamKey, Visibility};

/// What a subscription is about: streams and users widen it, contract and types narrow it. `Store::matching_events`
/// applies the same rule in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those that this lets see.
    pub visibility: Visibility,
    /// Every event.
    pub all: bool,
    /// Events of these streams.
    pub streams: BTreeSet<StreamKey>,
    /// Events that one of these is a party of.
    pub users: BTreeSet<Address>,
    /// Only events of this contract; none for every contract.
    pub contract_id: Option<ContractId>,
    /// Only events of these types; empty for every type.
    pub types: Vec<EventType>,
}

impl EventFilter {
    /// Returns a subscription to nothing, by somebody who may see this.
    #[must_use]
    pub const fn seen_by(visibility: Visibility) -> Self {
        Self {
            visibility,
            all: false,
            streams: BTreeSet::new(),
            users: BTreeSet::new(),
            contract_id: None,
            types: Vec::new(),
        }
    }

    /// Returns whether an event is among those that are wanted and may be seen.
    #[must_use]
    pub fn matches(&self, event: &CommittedEvent) -> bool {
        let is_of_type =
            self.types.is_empty() || event.event_type.known().is_some_and(|known| self.types.contains(&known));
        is_of_type && self.selects(&event.contract_id, event.stream_id, event.parties())
    }

    /// Returns whether the change of a stream's record is wanted and may be seen, where these are the parties before and
    /// after. A change is no event and has no type, so types do not narrow it.
    #[must_use]
    pub fn matches_change(&self, (contract_id, stream_id): &StreamKey, parties: &BTreeSet<Address>) -> bool {
        self.selects(contract_id, Some(*stream_id), parties.iter())
    }

    /// Applies everything but the types.
    fn selects<'a>(
        &self,
        of_contract: &ContractId,
        of_stream: Option<StreamId>,
        mut parties: impl Iterator<Item = &'a Address> + Clone,
    ) -> bool {
        let is_of_contract = self.contract_id.as_ref().is_none_or(|contract_id| contract_id == of_contract);
        if !is_of_contract || !self.visibility.shows(parties.clone()) {
            return false;
        }
        // Thousands may be named, and this is asked for every event that concerns one of them.
        let is_named = |stream_id| self.streams.contains(&(of_contract.clone(), stream_id));
        self.all || of_stream.is_some_and(is_named) || parties.any(|party| self.users.contains(party))
    }
}
