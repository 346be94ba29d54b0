//! Which events somebody subscribed to.

use super::{Address, CommittedEvent, ContractId, EventType, StreamKey, Visibility};

/// What a subscription is about: streams and users widen it, contract and types narrow it. `Store::matching_events`
/// applies the same rule in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those that this lets see.
    pub visibility: Visibility,
    /// Every event.
    pub all: bool,
    /// Events of these streams.
    pub streams: Vec<StreamKey>,
    /// Events that one of these is a party of.
    pub users: Vec<Address>,
    /// Only events of this contract; none for every contract.
    pub contract_id: Option<ContractId>,
    /// Only events of these types; empty for every type.
    pub types: Vec<EventType>,
}

impl EventFilter {
    /// Returns a subscription to nothing, by somebody who may see this.
    #[must_use]
    pub const fn seen_by(visibility: Visibility) -> Self {
        Self { visibility, all: false, streams: Vec::new(), users: Vec::new(), contract_id: None, types: Vec::new() }
    }

    /// Returns whether an event is among those that are wanted and may be seen.
    #[must_use]
    pub fn matches(&self, event: &CommittedEvent) -> bool {
        let is_of_type =
            self.types.is_empty() || event.event_type.known().is_some_and(|known| self.types.contains(&known));
        let is_of_contract = self.contract_id.as_ref().is_none_or(|contract_id| *contract_id == event.contract_id);
        if !is_of_type || !is_of_contract || !self.visibility.shows(event.parties()) {
            return false;
        }
        let of_stream = |(contract_id, stream_id): &StreamKey| {
            Some(*stream_id) == event.stream_id && *contract_id == event.contract_id
        };
        let of_user = |user: &Address| event.parties().any(|party| party == user);
        self.all || self.streams.iter().any(of_stream) || self.users.iter().any(of_user)
    }
}
