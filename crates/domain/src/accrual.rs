//! What a stream's record means at a moment: what can be claimed, when it runs dry, what people call its state.

use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::{Amount, ChainStatus, StreamRecord, UnixTime};

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
}

impl StreamStatus {
    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }
}

/// A text that names no status.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a status; the statuses are active, paused, ended, cancelled and completed")]
pub struct UnknownStatus;

impl FromStr for StreamStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Active, Self::Paused, Self::Ended, Self::Cancelled, Self::Completed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

impl Serialize for StreamStatus {
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

    /// Returns what the recipient can claim at `at`, by the contract's own rule: nothing unless the stream is
    /// active, else the seconds since `last_update_time` (up to the pause, if paused) times the rate, and never
    /// more than is left, which is also the answer where the product overflows.
    #[must_use]
    pub fn claimable(&self, at: UnixTime) -> Amount {
        if !self.is_active {
            return Amount::ZERO;
        }
        let effective_now = if self.paused { self.paused_at.unwrap_or(at) } else { at };
        let seconds = i128::from(effective_now.seconds_since(self.last_update_time));
        let left = self.left();
        match seconds.checked_mul(self.rate_per_second.0) {
            Some(accrued) => Amount(accrued).clamp(Amount::ZERO, left),
            None if self.rate_per_second.0 > 0 => left,
            None => Amount::ZERO,
        }
    }

    /// Returns the Unix second at which everything is accrued: `last_update_time` and the seconds that what is left
    /// lasts, rounded up. Known only while the stream is active, not paused and has a rate above zero. Can pass
    /// 2^64.
    #[must_use]
    pub fn end_time(&self) -> Option<i128> {
        if !self.is_active || self.paused || self.rate_per_second.0 <= 0 {
            return None;
        }
        let (left, rate) = (self.left().0, self.rate_per_second.0);
        let lasts = left / rate + i128::from(left % rate != 0);
        Some(lasts.saturating_add(i128::from(self.last_update_time.0)))
    }

    /// Returns what to call the stream's state at `at`.
    #[must_use]
    pub fn status_at(&self, at: UnixTime) -> StreamStatus {
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
