//! The record of one stream, folded from its events exactly as the contract keeps it in its storage.

use chrono::{DateTime, Utc};

use super::{
    Address, Amount, ContractId, ContractVersion, Creator, DisputeStatus, EventId, LedgerSequence, RawContractEvent,
    Schedule, StreamCreation, StreamEvent, StreamId, UnixTime, UnknownSchedule,
};

/// The status field of the contract's own record. It can disagree with `is_active`: a stream cancelled while
/// paused and then resumed says Active and is not. What people are shown is [`super::StreamStatus`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract's own four words")]
pub enum ChainStatus {
    Active,
    Paused,
    Cancelled,
    Completed,
}

impl ChainStatus {
    /// Returns the word stored in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    /// Returns the status that the database's word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Cancelled, Self::Completed]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// One stream as the contract holds it, and what we know of how it came to be so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "some are the contract's own fields, some are what we noticed")]
pub struct StreamRecord {
    /// The contract that keeps the stream.
    pub contract_id: ContractId,
    /// The stream's number there.
    pub stream_id: StreamId,
    /// Who pays.
    pub sender: Address,
    /// Who is paid.
    pub recipient: Address,
    /// The token that is streamed.
    pub token: Address,
    /// Units of the token a second.
    pub rate_per_second: Amount,
    /// What was put in so far, net of fees.
    pub deposited: Amount,
    /// What was paid out so far.
    pub withdrawn: Amount,
    /// When the stream began.
    pub start_time: UnixTime,
    /// Up to when the accrual is settled; can lie in the future after a resume.
    pub last_update_time: UnixTime,
    /// The contract's own flag: nothing is claimable without it.
    pub is_active: bool,
    /// The contract's own flag.
    pub paused: bool,
    /// When the present pause began.
    pub paused_at: Option<UnixTime>,
    /// The contract's own status.
    pub status: ChainStatus,
    /// How the deposit becomes claimable.
    pub schedule: Schedule,
    /// Nothing is claimable before this time, whatever the schedule; a cliff of the schedule itself is in it.
    pub cliff_time: Option<UnixTime>,
    /// Who decides a dispute.
    pub arbiter: Option<Address>,
    /// Where a dispute stands.
    pub dispute_status: DisputeStatus,
    /// The sender gave an allowance instead of a deposit.
    pub is_allowance_based: bool,
    /// The contract deleted its record, which is kept here as it was.
    pub closed: bool,
    /// An event changed something that it does not tell: nothing is computed until the chain's entry is there.
    pub awaits_entry: bool,
    /// The record equalled the chain's entry at the end of this ledger; `None` if they were never compared.
    pub checked_at_ledger: Option<LedgerSequence>,
    /// Seconds of all pauses that have ended; ours, the contract does not keep it.
    pub total_paused_seconds: u64,
    /// An event we do not know, or one without its deposit, spoke of this stream: nothing is computed until the chain's entry
    /// is there.
    pub unverified: bool,
    /// An event came in an order that the contract's rules do not allow.
    pub impossible_order: bool,
    /// The event that created it.
    pub created_event: EventId,
    /// The last event that was folded in.
    pub last_event: EventId,
    /// Close time of the ledger that created it.
    pub created_at: DateTime<Utc>,
    /// Close time of the ledger of its last event.
    pub updated_at: DateTime<Utc>,
}

impl StreamRecord {
    /// Returns sender and recipient.
    #[must_use]
    pub const fn parties(&self) -> [&Address; 2] {
        [&self.sender, &self.recipient]
    }

    /// Returns whether an entry that last changed in this ledger is older than the record's last event. Each event of a
    /// stream comes with a write of its entry, so the chain's present entry never is.
    #[must_use]
    pub fn outdates_entry_of(&self, last_modified: LedgerSequence) -> bool {
        last_modified < self.last_event.ledger()
    }

    /// Returns the record after `event`, which `raw` carried and a contract of this version emitted: a creation makes one,
    /// any other event changes the one there is, and an event of a stream whose creation we lack leaves nothing. Total: the
    /// chain is right even where an order looks impossible, so such an order is flagged, and never refused.
    #[must_use]
    pub fn fold(
        before: Option<Self>,
        event: &StreamEvent,
        raw: &RawContractEvent,
        version: ContractVersion,
    ) -> Option<Self> {
        let version = version.max(event.needs_version());
        if let StreamEvent::Created(creation) = event {
            return Some(Self { impossible_order: before.is_some(), ..Self::created(creation, raw, version) });
        }
        let mut record = before?;
        record.apply(event, raw, version);
        Some(record)
    }

    /// Since its second version the contract tells a plain creation, one with a cliff and a conditional one by the same
    /// event, and never the steps of a step schedule: the chain's entry tells them.
    fn created(creation: &StreamCreation, raw: &RawContractEvent, version: ContractVersion) -> Self {
        let start_time = creation.start_time.unwrap_or_else(|| raw.ledger_time());
        let schedule = match (creation.creator, creation.cliff_time, creation.cliff_unlock_amount) {
            (Creator::HybridCliff, Some(cliff_time), Some(cliff_amount)) => {
                Schedule::CliffLump { cliff_time, cliff_amount }
            }
            (Creator::StepVesting, ..) => Schedule::Steps { steps: Vec::new() },
            _ => Schedule::Linear,
        };
        let awaits_entry = match creation.creator {
            Creator::Stream => version >= ContractVersion::Second,
            Creator::StepVesting => true,
            Creator::HybridCliff => !matches!(schedule, Schedule::CliffLump { .. }),
            Creator::Allowance => false,
        };
        let is_allowance_based = creation.creator == Creator::Allowance;
        Self {
            contract_id: raw.contract_id.clone(),
            stream_id: creation.stream_id,
            sender: creation.sender.clone(),
            recipient: creation.recipient.clone(),
            token: creation.token_address.clone(),
            rate_per_second: creation.rate_per_second.unwrap_or(Amount::ZERO),
            deposited: creation.deposited_amount.unwrap_or(Amount::ZERO),
            withdrawn: Amount::ZERO,
            start_time,
            last_update_time: start_time,
            is_active: true,
            paused: false,
            paused_at: None,
            status: ChainStatus::Active,
            schedule,
            cliff_time: None,
            arbiter: None,
            dispute_status: DisputeStatus::None,
            is_allowance_based,
            closed: false,
            awaits_entry,
            checked_at_ledger: None,
            total_paused_seconds: 0,
            unverified: creation.deposited_amount.is_none() && !is_allowance_based,
            impossible_order: false,
            created_event: raw.id,
            last_event: raw.id,
            created_at: raw.ledger_closed_at,
            updated_at: raw.ledger_closed_at,
        }
    }

    /// Changes the record as the contract changed its own when it emitted `event`. Events that touch no stream
    /// record (fees, protocol events) only move `last_event`; a creation is [`Self::fold`]'s to replace the record with.
    fn apply(&mut self, event: &StreamEvent, raw: &RawContractEvent, version: ContractVersion) {
        let now = raw.ledger_time();
        match event {
            StreamEvent::ToppedUp { amount, new_deposited_amount, .. } => {
                self.expect(self.is_active);
                self.deposited = self.deposited.saturating_add(*amount);
                self.expect(self.deposited == *new_deposited_amount);
            }
            StreamEvent::Withdrawn { amount, timestamp, .. } => {
                self.expect(self.is_active && !self.paused);
                self.withdrawn = self.withdrawn.saturating_add(*amount);
                self.last_update_time = *timestamp;
            }
            StreamEvent::Completed { total_withdrawn, .. } => {
                self.expect(self.withdrawn == *total_withdrawn && self.withdrawn >= self.deposited);
                self.is_active = false;
                self.status = ChainStatus::Completed;
            }
            StreamEvent::Paused { paused_at, .. } => {
                self.expect(self.is_active && !self.paused);
                self.paused = true;
                self.paused_at = Some(*paused_at);
                self.status = ChainStatus::Paused;
            }
            StreamEvent::Resumed { .. } => self.resume(now),
            StreamEvent::Cancelled { amount_withdrawn, .. } => self.cancel(*amount_withdrawn, now, version),
            StreamEvent::RecipientTransferred { old_recipient, new_recipient, settled_amount, timestamp, .. } => {
                self.expect(self.is_active && self.recipient == *old_recipient);
                self.recipient = new_recipient.clone();
                self.withdrawn = self.withdrawn.saturating_add(*settled_amount);
                self.last_update_time = *timestamp;
            }
            StreamEvent::RateModified { new_rate_per_second, timestamp, .. } => {
                self.expect(self.is_active);
                self.rate_per_second = *new_rate_per_second;
                self.last_update_time = *timestamp;
            }
            StreamEvent::MilestoneUnlocked { amount, timestamp, .. } => {
                self.last_update_time = *timestamp;
                self.awaits_entry |= !self.schedule.unlock(*amount, *timestamp);
            }
            StreamEvent::DisputeRequested { arbiter, .. } => self.dispute(arbiter, DisputeStatus::Requested),
            StreamEvent::DisputeResolved { arbiter, approved, .. } => {
                self.dispute(arbiter, DisputeStatus::Resolved { approved: *approved });
            }
            StreamEvent::Closed { .. } => {
                self.expect(!self.is_active);
                self.closed = true;
            }
            StreamEvent::Created(_)
            | StreamEvent::FeeCollected { .. }
            | StreamEvent::Initialized { .. }
            | StreamEvent::FeeConfigUpdated { .. }
            | StreamEvent::AdminTransferred { .. }
            | StreamEvent::ProtocolPauseStatus { .. }
            | StreamEvent::ProtocolPaused { .. }
            | StreamEvent::GuardianUpdated { .. }
            | StreamEvent::Upgraded { .. }
            | StreamEvent::Migrated { .. } => {}
        }
        self.last_event = raw.id;
        self.updated_at = raw.ledger_closed_at;
    }

    /// Since its second version the contract forgets the pause, and cancels an inactive stream once more if its arbiter
    /// approves a dispute late.
    fn cancel(&mut self, amount_withdrawn: Amount, now: UnixTime, version: ContractVersion) {
        let is_second = version >= ContractVersion::Second;
        self.expect((self.is_active || is_second) && amount_withdrawn >= self.withdrawn);
        self.withdrawn = amount_withdrawn;
        self.last_update_time = now;
        self.is_active = false;
        self.status = ChainStatus::Cancelled;
        if is_second {
            self.paused = false;
            self.paused_at = None;
        }
    }

    fn dispute(&mut self, arbiter: &Address, status: DisputeStatus) {
        self.arbiter = Some(arbiter.clone());
        self.dispute_status = status;
    }

    /// The contract moves `last_update_time` by the length of the pause and does not look at `is_active`, so a
    /// stream cancelled while paused can be resumed: it stays inactive.
    fn resume(&mut self, now: UnixTime) {
        self.expect(self.paused);
        if let Some(paused_at) = self.paused_at.take() {
            let paused_seconds = now.seconds_since(paused_at);
            self.last_update_time = self.last_update_time.plus_seconds(paused_seconds);
            self.total_paused_seconds = self.total_paused_seconds.saturating_add(paused_seconds);
        }
        self.paused = false;
        self.status = ChainStatus::Active;
    }

    /// Notes that an event of this ledger came after the last comparison with the chain.
    pub fn outdate(&mut self, ledger: LedgerSequence) {
        self.checked_at_ledger = self.checked_at_ledger.map(|checked| checked.min(ledger.previous()));
    }

    /// Returns the record after the contract deleted its entry, which was so at the end of this ledger.
    #[must_use]
    pub fn deleted(self, at_ledger: LedgerSequence) -> Self {
        Self { closed: true, checked_at_ledger: Some(at_ledger), ..self }
    }

    /// Notes that something which we cannot read spoke of the stream: what it changed is not in the record.
    pub const fn doubt(&mut self) {
        self.unverified = true;
        self.checked_at_ledger = None;
    }

    /// Notes that the chain's entry does not decode, and why: nothing is computed until one does.
    pub fn cannot_be_read(&mut self, reason: String) {
        let because =
            if self.is_outdated() { UnknownSchedule::OutdatedAndUnreadable } else { UnknownSchedule::Unreadable };
        self.schedule = Schedule::Unknown { reason: because(reason) };
        self.awaits_entry = true;
    }

    /// Returns why the chain's entry does not decode, if that was noted.
    #[must_use]
    pub fn unreadable_entry(&self) -> Option<&str> {
        match &self.schedule {
            Schedule::Unknown {
                reason: UnknownSchedule::Unreadable(reason) | UnknownSchedule::OutdatedAndUnreadable(reason),
            } => Some(reason),
            _ => None,
        }
    }

    const fn expect(&mut self, possible: bool) {
        if !possible {
            self.impossible_order = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{EventKind, LedgerSequence},
        *,
    };

    const PARTY: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";
    const TOKEN: &str = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";
    const STREAM: StreamId = StreamId(1);

    fn party() -> Address {
        PARTY.parse().unwrap()
    }

    fn raw_at(now: u64) -> RawContractEvent {
        RawContractEvent {
            id: EventId::of(LedgerSequence(9), 1, 0, 0).unwrap(),
            kind: EventKind::Contract,
            contract_id: TOKEN.parse().unwrap(),
            ledger_closed_at: DateTime::from_timestamp(i64::try_from(now).unwrap(), 0).unwrap(),
            tx_hash: String::new(),
            in_successful_call: true,
            topics: Vec::new(),
            value: String::new(),
        }
    }

    fn created(rate: i128, deposited: i128, start_time: u64) -> StreamEvent {
        StreamEvent::Created(StreamCreation {
            stream_id: STREAM,
            creator: Creator::Stream,
            schedule: None,
            sender: party(),
            recipient: party(),
            token_address: TOKEN.parse().unwrap(),
            rate_per_second: Some(Amount(rate)),
            deposited_amount: Some(Amount(deposited)),
            start_time: Some(UnixTime(start_time)),
            step_count: None,
            last_unlock_time: None,
            cliff_time: None,
            cliff_unlock_amount: None,
        })
    }

    fn fold(events: impl IntoIterator<Item = (StreamEvent, u64)>) -> Option<StreamRecord> {
        events
            .into_iter()
            .fold(None, |record, (event, now)| StreamRecord::fold(record, &event, &raw_at(now), ContractVersion::First))
    }

    #[test]
    fn a_stream_cancelled_while_paused_and_resumed_has_nothing_to_claim_however_late() {
        let record = fold([
            (created(1_000, 10_000_000, 1_000), 1_000),
            (StreamEvent::Paused { stream_id: STREAM, sender: party(), paused_at: UnixTime(2_000) }, 2_000),
            (
                StreamEvent::Cancelled {
                    stream_id: STREAM,
                    sender: party(),
                    recipient: party(),
                    amount_withdrawn: Amount(1_000_000),
                    refunded_amount: Some(Amount(9_000_000)),
                },
                3_000,
            ),
            (StreamEvent::Resumed { stream_id: STREAM, sender: party(), new_end_time: UnixTime(0) }, 4_000),
        ])
        .unwrap();
        assert_eq!((record.status, record.is_active), (ChainStatus::Active, false));
        assert_eq!(record.last_update_time, UnixTime(5_000), "in the future of the resume at 4 000");
        assert_eq!(record.claimable(UnixTime(50_000)), Ok(Amount::ZERO));
        assert_eq!(record.status_at(UnixTime(50_000)).as_str(), "cancelled");
        assert_eq!(record.end_time(), None);
    }

    #[test]
    fn a_pause_delays_the_end_and_a_late_stream_is_ended_but_not_completed() {
        let paused = [
            (created(10, 1_000, 100), 100),
            (StreamEvent::Paused { stream_id: STREAM, sender: party(), paused_at: UnixTime(150) }, 150),
        ];
        let record = fold(paused.clone()).unwrap();
        assert_eq!(record.claimable(UnixTime(10_000)), Ok(Amount(500)));
        assert_eq!((record.end_time(), record.status_at(UnixTime(10_000)).as_str()), (None, "paused"));
        let resume = (StreamEvent::Resumed { stream_id: STREAM, sender: party(), new_end_time: UnixTime(0) }, 170);
        let record = fold(paused.into_iter().chain([resume])).unwrap();
        assert_eq!((record.end_time(), record.total_paused_seconds), (Some(220), 20));
        assert_eq!(record.status_at(UnixTime(219)).as_str(), "active");
        assert_eq!(record.status_at(UnixTime(220)).as_str(), "ended");
        assert_eq!(record.claimable(UnixTime(220)), Ok(Amount(1_000)));
    }

    #[test]
    fn the_end_time_is_rounded_up_and_passes_two_to_the_64() {
        let record = fold([(created(3, 10, 100), 100)]).unwrap();
        assert_eq!(record.end_time(), Some(104));
        let record = fold([(created(1, i128::MAX, 100), 100)]).unwrap();
        assert_eq!(record.end_time(), Some(i128::MAX));
        let record = fold([(created(0, 10, 100), 100)]).unwrap();
        assert_eq!(record.end_time(), None);
    }

    #[test]
    fn a_creation_without_its_deposit_is_unverified() {
        let mut event = created(1, 1, 1);
        if let StreamEvent::Created(creation) = &mut event {
            creation.deposited_amount = None;
        }
        assert!(fold([(event, 1)]).unwrap().unverified);
    }

    #[test]
    fn events_before_a_creation_make_no_record() {
        let event = StreamEvent::Paused { stream_id: STREAM, sender: party(), paused_at: UnixTime(5) };
        assert_eq!(fold([(event, 5)]), None);
    }

    fn any_event() -> impl Strategy<Value = StreamEvent> {
        let amounts = (any::<i128>(), any::<i128>());
        (0..8_u8, amounts, any::<u64>()).prop_map(|(kind, (one, other), time)| {
            let (amount, other, time) = (Amount(one), Amount(other), UnixTime(time));
            let (stream_id, sender, recipient) = (STREAM, party(), party());
            match kind {
                0 => created(one, other.0, time.0),
                1 => {
                    StreamEvent::ToppedUp { stream_id, sender, amount, new_deposited_amount: other, new_end_time: None }
                }
                2 => StreamEvent::Withdrawn { stream_id, recipient, amount, timestamp: time },
                3 => StreamEvent::Cancelled {
                    stream_id,
                    sender,
                    recipient,
                    amount_withdrawn: amount,
                    refunded_amount: None,
                },
                4 => StreamEvent::Completed { stream_id, recipient, total_withdrawn: amount },
                5 => StreamEvent::Paused { stream_id, sender, paused_at: time },
                6 => StreamEvent::Resumed { stream_id, sender, new_end_time: time },
                _ => StreamEvent::FeeCollected { stream_id, treasury: party(), fee_amount: amount, token: party() },
            }
        })
    }

    proptest! {
        #[test]
        fn apply_is_total_and_claimable_stays_between_zero_and_what_is_left(
            first in (any::<i128>(), any::<i128>(), any::<u64>()),
            events in prop::collection::vec((any_event(), 0..4_000_000_000_u64), 0..12),
            at: u64,
        ) {
            let creation = (created(first.0, first.1, first.2), 1);
            let record = fold([creation].into_iter().chain(events)).unwrap();
            let claimable = record.claimable(UnixTime(at)).unwrap();
            prop_assert!(claimable >= Amount::ZERO);
            prop_assert!(claimable <= record.left());
            prop_assert!(record.is_active || claimable == Amount::ZERO);
            let _ = (record.end_time(), record.status_at(UnixTime(at)));
        }
    }
}
