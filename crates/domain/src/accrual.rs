//! What a stream's record means at a moment: what can be claimed, when it runs dry, what people call its state.
//!
//! The amounts are those of the contract's own `get_claimable_amount`, for every schedule that it has.

use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{Amount, ChainStatus, Schedule, Step, StreamRecord, UnixTime, UnknownSchedule};

/// A stream's state as people are told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStatus {
    /// Accrues.
    Active,
    /// Accrues nothing until it is resumed.
    Paused,
    /// Ran out of time; all is accrued, not all is withdrawn. On chain it stays active for ever.
    Ended,
    /// Inactive without having been drained.
    Cancelled,
    /// A withdrawal drained it.
    Completed,
    /// The contract deleted its record.
    Closed,
}

impl StreamStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Active, Self::Paused, Self::Ended, Self::Cancelled, Self::Completed, Self::Closed];

    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Closed => "closed",
        }
    }
}

/// A text that names no status.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a status; the statuses are active, paused, ended, cancelled, completed and closed")]
pub struct UnknownStatus;

impl FromStr for StreamStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

impl Serialize for StreamStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Why it is not known what can be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimableReason {
    /// An event changed something that it does not tell, or that we cannot read, and the chain's entry was not read since.
    NotYetChecked,
    /// The chain's entry names a schedule that this version does not know.
    UnknownSchedule,
    /// The chain's entry has a field that this version does not know.
    UnknownField,
    /// The chain's entry did not decode.
    UnreadableEntry,
    /// The contract deleted the record.
    Closed,
}

impl ClaimableReason {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::NotYetChecked, Self::UnknownSchedule, Self::UnknownField, Self::UnreadableEntry, Self::Closed];

    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotYetChecked => "notYetChecked",
            Self::UnknownSchedule => "unknownSchedule",
            Self::UnknownField => "unknownField",
            Self::UnreadableEntry => "unreadableEntry",
            Self::Closed => "closed",
        }
    }
}

impl Serialize for ClaimableReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl StreamRecord {
    /// Returns what is in the stream and not paid out, never below zero.
    #[must_use]
    pub fn left(&self) -> Amount {
        self.deposited.saturating_sub(self.withdrawn).max(Amount::ZERO)
    }

    /// Returns why nothing can be computed from the record; `None` if all that matters is known.
    #[must_use]
    pub const fn unknown(&self) -> Option<ClaimableReason> {
        if self.closed {
            return Some(ClaimableReason::Closed);
        }
        match &self.schedule {
            Schedule::Unknown { reason: UnknownSchedule::Name(_) | UnknownSchedule::Newer } => {
                Some(ClaimableReason::UnknownSchedule)
            }
            Schedule::Unknown { reason: UnknownSchedule::Field(_) } => Some(ClaimableReason::UnknownField),
            Schedule::Unknown {
                reason: UnknownSchedule::Unreadable(_) | UnknownSchedule::OutdatedAndUnreadable(_),
            } => Some(ClaimableReason::UnreadableEntry),
            Schedule::Unknown { reason: UnknownSchedule::Outdated } => Some(ClaimableReason::NotYetChecked),
            _ if self.unverified || (self.awaits_entry && self.is_active) => Some(ClaimableReason::NotYetChecked),
            _ => None,
        }
    }

    /// Returns what the recipient can claim at `at`, by the contract's own rule: nothing unless the stream is active,
    /// nothing before its cliff, else what its schedule has released and was not withdrawn, and never more than is left.
    ///
    /// # Errors
    /// The reason why it is not known.
    pub fn claimable(&self, at: UnixTime) -> Result<Amount, ClaimableReason> {
        if let Some(reason) = self.unknown() {
            return Err(reason);
        }
        if !self.is_active {
            return Ok(Amount::ZERO);
        }
        let at = if self.paused { self.paused_at.unwrap_or(self.last_update_time) } else { at };
        if self.cliff_time.is_some_and(|cliff_time| at < cliff_time) {
            return Ok(Amount::ZERO);
        }
        let released = match &self.schedule {
            Schedule::Linear => at_rate(self.rate_per_second, at.seconds_since(self.last_update_time)),
            Schedule::Interval { amount, every_seconds } => {
                let seconds = at.seconds_since(self.last_update_time);
                at_rate(*amount, seconds.checked_div(*every_seconds).unwrap_or(0))
            }
            Schedule::Steps { steps } => steps_until(steps, at).saturating_sub(self.withdrawn),
            Schedule::CliffLump { cliff_time, .. } if at < *cliff_time => Amount::ZERO,
            Schedule::CliffLump { cliff_time, cliff_amount } => {
                let tail = at_rate(self.rate_per_second, at.seconds_since(*cliff_time));
                let tail = tail.min(self.deposited.saturating_sub(*cliff_amount));
                cliff_amount.saturating_add(tail).saturating_sub(self.withdrawn)
            }
            Schedule::Unknown { .. } => return Err(ClaimableReason::UnknownSchedule),
        };
        Ok(released.clamp(Amount::ZERO, self.left()))
    }

    /// Returns the Unix second at which everything can be claimed, rounded up. Known only while the stream is active, not
    /// paused, and nothing of it waits for a condition. Can pass 2^64.
    #[must_use]
    pub fn end_time(&self) -> Option<i128> {
        if !self.is_active || self.paused || self.unknown().is_some() {
            return None;
        }
        let end_time = match &self.schedule {
            Schedule::Linear => self.last_of(self.rate_per_second, 1)?,
            Schedule::Interval { amount, every_seconds } => self.last_of(*amount, *every_seconds)?,
            Schedule::Steps { steps } => {
                let last = steps.iter().map(|step| step.unlock_time).max()?;
                (last != Step::LOCKED).then_some(i128::from(last.0))?
            }
            Schedule::CliffLump { cliff_time, cliff_amount } => {
                let tail = self.deposited.saturating_sub(*cliff_amount).max(Amount::ZERO);
                periods(tail, self.rate_per_second)?.saturating_add(i128::from(cliff_time.0))
            }
            Schedule::Unknown { .. } => return None,
        };
        Some(end_time.max(self.cliff_time.map_or(0, |cliff_time| i128::from(cliff_time.0))))
    }

    /// Returns when what is left has accrued, if `amount` does so in each period since `last_update_time`.
    fn last_of(&self, amount: Amount, period_seconds: u64) -> Option<i128> {
        let lasts = periods(self.left(), amount)?.saturating_mul(i128::from(period_seconds));
        (period_seconds > 0).then(|| lasts.saturating_add(i128::from(self.last_update_time.0)))
    }

    /// Returns what to call the stream's state at `at`.
    #[must_use]
    pub fn status_at(&self, at: UnixTime) -> StreamStatus {
        if self.closed {
            return StreamStatus::Closed;
        }
        if !self.is_active {
            return match self.status {
                ChainStatus::Completed => StreamStatus::Completed,
                _ => StreamStatus::Cancelled,
            };
        }
        if self.paused {
            return StreamStatus::Paused;
        }
        match self.end_time() {
            Some(end_time) if end_time <= i128::from(at.0) => StreamStatus::Ended,
            _ => StreamStatus::Active,
        }
    }
}

/// Returns what `times` of an amount are; a product beyond i128 counts as everything, and is held at its bound.
fn at_rate(amount: Amount, times: u64) -> Amount {
    Amount(i128::from(times).saturating_mul(amount.0))
}

/// Returns the sum of the steps that are open, up to the first that is not.
fn steps_until(steps: &[Step], at: UnixTime) -> Amount {
    let open = steps.iter().take_while(|step| step.unlock_time <= at);
    open.fold(Amount::ZERO, |sum, step| sum.saturating_add(step.unlock_amount))
}

/// Returns how many periods it takes until `total` has accrued, rounded up; `None` if it never does.
fn periods(total: Amount, of_each: Amount) -> Option<i128> {
    (of_each.0 > 0).then(|| total.0 / of_each.0 + i128::from(total.0 % of_each.0 != 0))
}
