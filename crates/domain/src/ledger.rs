//! Where and when on the chain: ledger sequence numbers and ledger times.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{InvalidNumber, amount::decimal};

/// The number of a ledger, as the network counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct LedgerSequence(pub u32);

impl From<LedgerSequence> for u32 {
    fn from(sequence: LedgerSequence) -> Self {
        sequence.0
    }
}

/// The number is larger than that of any ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is no ledger: their numbers end at 2147483647, where TOIDs do (SEP-35)")]
pub struct NoSuchLedger(u32);

/// A text that is not the number of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the number of a ledger: a whole number from 0 to 2147483647, where TOIDs end (SEP-35)")]
pub struct InvalidLedger;

impl TryFrom<u32> for LedgerSequence {
    type Error = NoSuchLedger;

    fn try_from(number: u32) -> Result<Self, NoSuchLedger> {
        if number <= Self::LAST.0 { Ok(Self(number)) } else { Err(NoSuchLedger(number)) }
    }
}

impl LedgerSequence {
    /// The last ledger that a TOID can name: 31 bits of it are the ledger's number, and its sign is never set (SEP-35).
    pub const LAST: Self = Self(i32::MAX.unsigned_abs());

    /// Returns the ledger after this one; the last number has itself as successor.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Returns the ledger before this one; zero has itself as predecessor.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for LedgerSequence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A ledger's time in whole Unix seconds, as the contract sees it (`env.ledger().timestamp()`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// Returns the whole second of a ledger's close time; a time before 1970 counts as zero.
    #[must_use]
    pub fn of_close(closed_at: DateTime<Utc>) -> Self {
        Self(u64::try_from(closed_at.timestamp()).unwrap_or(0))
    }

    /// The last second of the year 9999: what is later has no date in most languages.
    pub const LAST_DATE: Self = Self(253_402_300_799);

    /// Returns the seconds from `earlier` to this time, zero if this time comes first.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns this time moved forward, held at the largest time on overflow.
    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for LedgerSequence {
    type Err = InvalidLedger;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number: u32 = decimal(text).map_err(|_| InvalidLedger)?;
        Self::try_from(number).map_err(|_| InvalidLedger)
    }
}

impl FromStr for UnixTime {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decimal(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_believed_who_names_a_ledger_that_no_toid_can_hold() {
        let last = LedgerSequence::LAST.to_string();
        assert_eq!(serde_json::from_str::<LedgerSequence>(&last).unwrap(), LedgerSequence::LAST);
        for beyond in ["2147483648", "4294967295"] {
            assert!(serde_json::from_str::<LedgerSequence>(beyond).is_err(), "{beyond}");
        }
    }

    #[test]
    fn a_text_names_a_ledger_only_if_a_toid_can_hold_its_number() {
        assert_eq!("2147483647".parse(), Ok(LedgerSequence::LAST));
        for text in ["2147483648", "4000000000", "4294967296", "-1", "+1", "", "1.5"] {
            assert_eq!(text.parse::<LedgerSequence>(), Err(InvalidLedger), "{text}");
        }
    }
}
