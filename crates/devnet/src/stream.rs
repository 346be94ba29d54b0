//! One stream in the contract's storage, and what can be claimed from it.

use super::{
    code::ContractCode,
    event::{
        FieldValue::{Address as Party, I128, U64},
        NamedEvent,
    },
    refused::Refused,
    schedule::{self, Schedule},
};
use flowfi_domain::{Address, Amount, ChainStatus, DisputeStatus, StreamEntry, StreamId, UnixTime};

/// A stream as the contract stores it. Times are Unix seconds of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the contract's own")]
pub struct Stream {
    pub sender: Address,
    pub recipient: Address,
    pub token: Address,
    pub rate_per_second: i128,
    pub deposited: i128,
    pub withdrawn: i128,
    pub start_time: u64,
    pub last_update_time: u64,
    pub is_active: bool,
    pub paused: bool,
    pub paused_at: Option<u64>,
    pub status: ChainStatus,
    pub cliff_time: Option<u64>,
    pub schedule: Schedule,
    pub arbiter: Option<Address>,
    pub dispute: Dispute,
    pub is_allowance_based: bool,
    /// The code that wrote the record last: A writes the first twelve fields, B all seventeen.
    pub written_by: ContractCode,
}

/// How far a dispute about a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the contract's own words")]
pub enum Dispute {
    None,
    Requested,
    Resolved { approved: bool },
}

impl From<&Stream> for StreamEntry {
    fn from(stream: &Stream) -> Self {
        Self {
            sender: stream.sender.clone(),
            recipient: stream.recipient.clone(),
            token: stream.token.clone(),
            rate_per_second: Amount(stream.rate_per_second),
            deposited: Amount(stream.deposited),
            withdrawn: Amount(stream.withdrawn),
            start_time: UnixTime(stream.start_time),
            last_update_time: UnixTime(stream.last_update_time),
            is_active: stream.is_active,
            paused: stream.paused,
            paused_at: stream.paused_at.map(UnixTime),
            status: stream.status,
            schedule: (&stream.schedule).into(),
            cliff_time: stream.cliff_time.map(UnixTime),
            arbiter: stream.arbiter.clone(),
            dispute_status: match stream.dispute {
                Dispute::None => DisputeStatus::None,
                Dispute::Requested => DisputeStatus::Requested,
                Dispute::Resolved { approved } => DisputeStatus::Resolved { approved },
            },
            is_allowance_based: stream.is_allowance_based,
        }
    }
}

/// Who pays whom in which token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties<'a> {
    pub(super) sender: &'a Address,
    pub(super) recipient: &'a Address,
    pub(super) token: &'a Address,
}

impl Stream {
    /// Returns the linear stream that a creation makes: it starts now.
    pub(super) fn starting(parties: Parties<'_>, deposited: i128, rate_per_second: i128, now: u64) -> Self {
        Self {
            sender: parties.sender.clone(),
            recipient: parties.recipient.clone(),
            token: parties.token.clone(),
            rate_per_second,
            deposited,
            withdrawn: 0,
            start_time: now,
            last_update_time: now,
            is_active: true,
            paused: false,
            paused_at: None,
            status: ChainStatus::Active,
            cliff_time: None,
            schedule: Schedule::Linear,
            arbiter: None,
            dispute: Dispute::None,
            is_allowance_based: false,
            written_by: ContractCode::B,
        }
    }

    /// Returns what was put in and not paid out.
    pub(super) fn left(&self) -> i128 {
        self.deposited.saturating_sub(self.withdrawn).max(0)
    }

    /// Returns what the recipient can take at `now`.
    pub(super) fn claimable(&self, now: u64) -> i128 {
        if self.is_active { self.earned(now) } else { 0 }
    }

    /// Returns what the schedule has earned at `now` and was not paid, be the stream active or not.
    pub(super) fn earned(&self, now: u64) -> i128 {
        let now = self.counts_until(now);
        if self.cliff_time.is_some_and(|cliff_time| now < cliff_time) {
            return 0;
        }
        let earned = match &self.schedule {
            Schedule::Linear => {
                let seconds = now.saturating_sub(self.last_update_time);
                return schedule::accrued(seconds, self.rate_per_second, self.left());
            }
            Schedule::StepTranches(tranches) => schedule::unlocked(tranches, now),
            Schedule::HybridCliffLinear { cliff_time, .. } if now < *cliff_time => 0,
            Schedule::HybridCliffLinear { cliff_time, cliff_amount } => {
                let tail = self.deposited.saturating_sub(cliff_amount.0);
                let seconds = now.saturating_sub(*cliff_time);
                cliff_amount.0.saturating_add(schedule::accrued(seconds, self.rate_per_second, tail))
            }
        };
        earned.saturating_sub(self.withdrawn).clamp(0, self.left())
    }

    /// Returns the time up to which the schedule has run: a pause stops it.
    fn counts_until(&self, now: u64) -> u64 {
        if self.paused { self.paused_at.unwrap_or(self.last_update_time) } else { now }
    }

    /// Returns for how many seconds more the stream accrues. The contract divides by the rate, and traps at 0.
    pub(super) fn seconds_left(&self, now: u64) -> Result<i128, Refused> {
        let unclaimed = self.left().saturating_sub(self.claimable(now));
        unclaimed.checked_div(self.rate_per_second).ok_or(Refused::RateIsZero)
    }

    /// Returns when the stream ends, its seconds cut to 64 bits.
    pub(super) fn end_cut(&self, now: u64) -> Result<u64, Refused> {
        let seconds = self.seconds_left(now)? & i128::from(u64::MAX);
        let seconds = u64::try_from(seconds).expect("masked to 64 bits");
        now.checked_add(seconds).ok_or(Refused::EndOfTime)
    }

    /// Returns whether a withdrawal has nothing left to pay.
    pub(super) const fn is_drained(&self) -> bool {
        self.withdrawn >= self.deposited
    }

    /// Returns the event of a creation that emits `stream_created`, whatever the schedule.
    pub(super) fn created_event(&self, id: StreamId) -> NamedEvent {
        NamedEvent::of_stream(
            "stream_created",
            id,
            [
                ("sender", Party(self.sender.clone())),
                ("recipient", Party(self.recipient.clone())),
                ("rate_per_second", I128(self.rate_per_second)),
                ("token_address", Party(self.token.clone())),
                ("deposited_amount", I128(self.deposited)),
                ("start_time", U64(self.start_time)),
            ],
        )
    }
}
