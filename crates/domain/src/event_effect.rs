//! What an event does to its stream's record: it changes it by the contract's rules, or it only says that the chain's entry
//! must be read again.

use super::{ContractVersion, RawContractEvent, Schedule, StreamEvent, StreamRecord, UnknownSchedule};

/// What an event does to its stream's record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EventEffect {
    /// It changes it by the contract's rules.
    #[default]
    Applies,
    /// It outdates it: nothing is computed until the chain's entry is there.
    Outdates,
}

impl EventEffect {
    /// Returns the record after an event; as [`StreamRecord::fold`], if events apply.
    #[must_use]
    pub fn fold(
        self,
        before: Option<StreamRecord>,
        event: &StreamEvent,
        raw: &RawContractEvent,
        version: ContractVersion,
    ) -> Option<StreamRecord> {
        match (self, event) {
            (Self::Outdates, StreamEvent::Created(_)) => {
                StreamRecord::fold(before, event, raw, version).map(StreamRecord::outdated)
            }
            (Self::Outdates, _) => before.map(|record| record.followed_by(event, raw).outdated()),
            (Self::Applies, _) => StreamRecord::fold(before, event, raw, version),
        }
    }
}

impl StreamRecord {
    /// Returns the record as it is until its entry is read.
    fn outdated(self) -> Self {
        let schedule = Schedule::Unknown { reason: UnknownSchedule::Outdated };
        Self { schedule, awaits_entry: true, ..self }
    }

    /// Returns the record with the fields that event rows depend on and those that only we keep: the parties of its events,
    /// what was paid out before each of them, how long it was paused, and that its entry is gone.
    fn followed_by(mut self, event: &StreamEvent, raw: &RawContractEvent) -> Self {
        match event {
            StreamEvent::Withdrawn { amount, .. } => self.withdrawn = self.withdrawn.saturating_add(*amount),
            StreamEvent::Cancelled { amount_withdrawn, .. } => self.withdrawn = *amount_withdrawn,
            StreamEvent::RecipientTransferred { new_recipient, settled_amount, .. } => {
                self.recipient = new_recipient.clone();
                self.withdrawn = self.withdrawn.saturating_add(*settled_amount);
            }
            StreamEvent::Paused { paused_at, .. } => self.paused_at = Some(*paused_at),
            StreamEvent::Resumed { .. } => {
                let paused_seconds = self.paused_at.take().map_or(0, |at| raw.ledger_time().seconds_since(at));
                self.total_paused_seconds = self.total_paused_seconds.saturating_add(paused_seconds);
            }
            StreamEvent::Closed { .. } => (self.closed, self.is_active, self.paused) = (true, false, false),
            _ => {}
        }
        Self { last_event: raw.id, updated_at: raw.ledger_closed_at, ..self }
    }

    /// Returns whether an event came after the entry that the record was taken from.
    #[must_use]
    pub(super) const fn is_outdated(&self) -> bool {
        let Schedule::Unknown { reason } = &self.schedule else { return false };
        matches!(reason, UnknownSchedule::Outdated | UnknownSchedule::OutdatedAndUnreadable(_))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{
        super::{
            Address, Amount, ChainStatus, ClaimableReason, Creator, EventId, EventKind, LedgerSequence, StreamCreation,
            StreamEntry, StreamId, UnixTime,
        },
        *,
    };

    const ALICE: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";
    const TOKEN: &str = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";
    const STREAM: StreamId = StreamId(1);

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn raw_at(now: i64) -> RawContractEvent {
        RawContractEvent {
            id: EventId::of(LedgerSequence(9), 1, 0, 0).unwrap(),
            kind: EventKind::Contract,
            contract_id: TOKEN.parse().unwrap(),
            ledger_closed_at: DateTime::from_timestamp(now, 0).unwrap(),
            tx_hash: String::new(),
            in_successful_call: true,
            topics: Vec::new(),
            value: String::new(),
        }
    }

    fn creation() -> StreamEvent {
        StreamEvent::Created(StreamCreation {
            stream_id: STREAM,
            creator: Creator::Stream,
            schedule: None,
            sender: address(ALICE),
            recipient: address(ALICE),
            token_address: TOKEN.parse().unwrap(),
            rate_per_second: Some(Amount(10)),
            deposited_amount: Some(Amount(1_000)),
            start_time: Some(UnixTime(100)),
            step_count: None,
            last_unlock_time: None,
            cliff_time: None,
            cliff_unlock_amount: None,
        })
    }

    #[test]
    fn an_outdated_record_whose_entry_does_not_decode_is_still_no_match_for_the_next_entry() {
        let mut record = EventEffect::Outdates.fold(None, &creation(), &raw_at(100), ContractVersion::First).unwrap();
        record.cannot_be_read("no sender".to_owned());
        assert_eq!(
            (record.unreadable_entry(), record.claimable(UnixTime(200))),
            (Some("no sender"), Err(ClaimableReason::UnreadableEntry))
        );
        let entry = StreamEntry { deposited: Amount(1_500), ..StreamEntry::from(&record) };
        assert_eq!(entry.differences_from(&record), [], "an event announced that something changed");
        let paid = StreamEntry { withdrawn: Amount(5), ..entry };
        assert_eq!(paid.differences_from(&record).len(), 1, "events tell what was paid");
    }

    #[test]
    fn an_event_that_outdates_a_record_leaves_all_but_parties_payments_and_pauses_as_it_was() {
        let (stream_id, sender) = (STREAM, address(ALICE));
        let events = [
            (creation(), 100),
            (
                StreamEvent::ToppedUp {
                    stream_id,
                    sender: sender.clone(),
                    amount: Amount(500),
                    new_deposited_amount: Amount(1_500),
                    new_end_time: None,
                },
                110,
            ),
            (StreamEvent::Paused { stream_id, sender: sender.clone(), paused_at: UnixTime(120) }, 120),
            (StreamEvent::Resumed { stream_id, sender: sender.clone(), new_end_time: UnixTime(0) }, 150),
            (
                StreamEvent::Withdrawn {
                    stream_id,
                    recipient: sender.clone(),
                    amount: Amount(30),
                    timestamp: UnixTime(160),
                },
                160,
            ),
            (
                StreamEvent::RecipientTransferred {
                    stream_id,
                    old_recipient: sender.clone(),
                    new_recipient: address(TOKEN),
                    settled_amount: Amount(7),
                    timestamp: UnixTime(170),
                },
                170,
            ),
        ];
        let record = events.iter().fold(None, |record, (event, now)| {
            EventEffect::Outdates.fold(record, event, &raw_at(*now), ContractVersion::First)
        });
        let record = record.unwrap();
        assert_eq!((record.deposited, record.last_update_time), (Amount(1_000), UnixTime(100)));
        assert_eq!((record.status, record.paused), (ChainStatus::Active, false));
        assert_eq!((&record.recipient, record.withdrawn), (&address(TOKEN), Amount(37)));
        assert_eq!((record.total_paused_seconds, record.updated_at.timestamp()), (30, 170));
        assert_eq!(record.claimable(UnixTime(1_000)), Err(ClaimableReason::NotYetChecked));
        assert_eq!(record.end_time(), None);

        let first = EventEffect::Applies.fold(None, &creation(), &raw_at(100), ContractVersion::First).unwrap();
        assert_eq!(first.claimable(UnixTime(110)), Ok(Amount(100)), "events apply unless they are said not to");
    }
}
