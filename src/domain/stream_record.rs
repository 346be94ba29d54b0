//! The record of one stream, folded from its events exactly as the contract keeps it in its storage.

use chrono::{DateTime, Utc};

use super::{Address, Amount, ContractId, EventId, RawContractEvent, StreamEvent, StreamId, UnixTime};

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
#[expect(clippy::struct_excessive_bools, reason = "two are the contract's own fields, two are what we noticed")]
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
    /// Seconds of all pauses that have ended; ours, the contract does not keep it.
    pub total_paused_seconds: u64,
    /// An event we do not know, or one without its deposit, spoke of this stream: check it against the chain.
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
    /// Returns the record after `event`, which `raw` carried: a creation makes one, any other event changes the
    /// one there is, and an event of a stream whose creation we lack leaves nothing. Total: the chain is right even
    /// where an order looks impossible, so such an order is flagged, and never refused.
    #[must_use]
    pub fn fold(before: Option<Self>, event: &StreamEvent, raw: &RawContractEvent) -> Option<Self> {
        if let Some(created) = Self::created(event, raw) {
            return Some(Self { impossible_order: before.is_some(), ..created });
        }
        let mut record = before?;
        record.apply(event, raw);
        Some(record)
    }

    fn created(event: &StreamEvent, raw: &RawContractEvent) -> Option<Self> {
        let StreamEvent::Created {
            stream_id,
            sender,
            recipient,
            rate_per_second,
            token_address,
            deposited_amount,
            start_time,
        } = event
        else {
            return None;
        };
        Some(Self {
            contract_id: raw.contract_id.clone(),
            stream_id: *stream_id,
            sender: sender.clone(),
            recipient: recipient.clone(),
            token: token_address.clone(),
            rate_per_second: *rate_per_second,
            deposited: deposited_amount.unwrap_or(Amount::ZERO),
            withdrawn: Amount::ZERO,
            start_time: *start_time,
            last_update_time: *start_time,
            is_active: true,
            paused: false,
            paused_at: None,
            status: ChainStatus::Active,
            total_paused_seconds: 0,
            unverified: deposited_amount.is_none(),
            impossible_order: false,
            created_event: raw.id,
            last_event: raw.id,
            created_at: raw.ledger_closed_at,
            updated_at: raw.ledger_closed_at,
        })
    }

    /// Changes the record as the contract changed its own when it emitted `event`. Events that touch no stream
    /// record (fees, protocol events, a second creation) only move `last_event`.
    pub fn apply(&mut self, event: &StreamEvent, raw: &RawContractEvent) {
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
            StreamEvent::Cancelled { amount_withdrawn, .. } => {
                self.expect(self.is_active && *amount_withdrawn >= self.withdrawn);
                self.withdrawn = *amount_withdrawn;
                self.last_update_time = now;
                self.is_active = false;
                self.status = ChainStatus::Cancelled;
            }
            StreamEvent::Created { .. }
            | StreamEvent::FeeCollected { .. }
            | StreamEvent::Initialized { .. }
            | StreamEvent::FeeConfigUpdated { .. }
            | StreamEvent::AdminTransferred { .. } => {}
        }
        self.last_event = raw.id;
        self.updated_at = raw.ledger_closed_at;
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

    const fn expect(&mut self, possible: bool) {
        if !possible {
            self.impossible_order = true;
        }
    }
}
