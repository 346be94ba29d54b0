//! Whether events that a wake-up carries follow what is already known. Wake-ups can be lost, repeated, or come from an indexer
//! that was frozen, so nothing is taken for complete because of the order in which it arrives.

use crate::{
    domain::{CommittedEvent, Epoch, EventId},
    store::CarriedEvents,
};

/// How carried events relate to a position up to which everything is known.
#[derive(Debug, PartialEq)]
pub(super) enum Fit {
    /// Everything in them is known.
    Known,
    /// These events follow, and complete everything up to the carried position.
    Next(Vec<CommittedEvent>),
    /// Something may lie between: only the table can tell.
    Gap,
}

impl Fit {
    /// Compares carried events with everything up to `head` in an epoch.
    pub(super) fn of(carried: CarriedEvents, head: EventId, epoch: Epoch) -> Self {
        if carried.epoch != epoch || carried.since > head {
            return Self::Gap;
        }
        if carried.position <= head {
            return Self::Known;
        }
        // They are all events after `since`, so those after the head are all that follow it.
        Self::Next(carried.events.into_iter().filter(|event| event.id > head).collect())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::{ContractId, LedgerSequence, StoredEventType, StreamId};

    fn position(ledger: u32) -> EventId {
        EventId::end_of_ledger(LedgerSequence(ledger))
    }

    fn event(ledger: u32) -> CommittedEvent {
        CommittedEvent {
            id: EventId::of(LedgerSequence(ledger), 1, 0, 0).unwrap(),
            epoch: Epoch(1),
            contract_id: ContractId::from_bytes([1; 32]),
            ledger: LedgerSequence(ledger),
            ledger_closed_at: DateTime::UNIX_EPOCH,
            tx_hash: "00".repeat(32),
            event_type: StoredEventType::of("stream.created"),
            stream_id: Some(StreamId(1)),
            sender: None,
            recipient: None,
            former_recipient: None,
            token: None,
            amount: None,
            body: [].into_iter().collect(),
        }
    }

    /// Everything after the end of one ledger up to the end of another, with an event in each of these.
    fn carried(since: u32, up_to: u32, events: &[u32]) -> CarriedEvents {
        let events = events.iter().map(|ledger| event(*ledger)).collect();
        CarriedEvents { since: position(since), position: position(up_to), epoch: Epoch(1), events }
    }

    fn fit(carried: CarriedEvents, head: u32) -> Fit {
        Fit::of(carried, position(head), Epoch(1))
    }

    #[test]
    fn events_follow_the_position_that_they_continue_and_every_later_one_before_their_own() {
        assert_eq!(fit(carried(5, 7, &[6, 7]), 5), Fit::Next(vec![event(6), event(7)]));
        assert_eq!(fit(carried(5, 7, &[6, 7]), 6), Fit::Next(vec![event(7)]), "another indexer announced the first");
        assert_eq!(fit(carried(5, 7, &[]), 6), Fit::Next(Vec::new()), "ledgers without events");
    }

    #[test]
    fn what_is_known_need_not_be_read() {
        assert_eq!(fit(carried(5, 7, &[6]), 7), Fit::Known);
        assert_eq!(fit(carried(5, 7, &[6]), 8), Fit::Known);
        assert_eq!(fit(carried(7, 7, &[]), 7), Fit::Known, "an entry that only leads to the table");
    }

    #[test]
    fn something_may_lie_between_if_the_predecessor_is_not_known_or_the_epoch_is_another() {
        assert_eq!(fit(carried(5, 7, &[6]), 4), Fit::Gap);
        assert_eq!(fit(carried(7, 7, &[]), 6), Fit::Gap);
        assert_eq!(Fit::of(carried(5, 7, &[6]), position(5), Epoch(2)), Fit::Gap);
        assert_eq!(Fit::of(carried(5, 7, &[6]), position(9), Epoch(0)), Fit::Gap);
    }
}
