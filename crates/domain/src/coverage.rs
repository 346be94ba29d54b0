//! Which ledgers were seen whole: ranges, and the holes between them.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::LedgerSequence;

/// Ledgers from one to another, both included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerRange {
    from: LedgerSequence,
    to: LedgerSequence,
}

/// A text that is not a range of ledgers.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a range of ledgers is FROM-TO, two numbers up to 2147483647 with the smaller one first")]
pub struct InvalidLedgerRange;

impl LedgerRange {
    /// Returns the ledgers `from` to `to`, `None` if there are none.
    #[must_use]
    pub fn new(from: LedgerSequence, to: LedgerSequence) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// Returns this one ledger.
    #[must_use]
    pub const fn only(ledger: LedgerSequence) -> Self {
        Self { from: ledger, to: ledger }
    }

    /// Returns the first ledger.
    #[must_use]
    pub const fn from(self) -> LedgerSequence {
        self.from
    }

    /// Returns the last ledger.
    #[must_use]
    pub const fn to(self) -> LedgerSequence {
        self.to
    }

    /// Returns how many ledgers there are.
    #[must_use]
    pub fn count(self) -> u64 {
        u64::from(self.to.0 - self.from.0) + 1
    }

    /// Returns these ledgers and as many after them as a source drops in an hour or so while somebody decides to give
    /// them up. Of those only what is missing by then is passed over.
    #[must_use]
    pub fn with_slack(self) -> Self {
        const LEDGERS_AN_HOUR: u32 = 720;
        let later = LedgerSequence(self.to.0.saturating_add(LEDGERS_AN_HOUR));
        Self { from: self.from, to: later.min(LedgerSequence::LAST).max(self.to) }
    }

    /// Returns whether the ledger is one of them.
    #[must_use]
    pub fn contains(self, ledger: LedgerSequence) -> bool {
        self.from <= ledger && ledger <= self.to
    }
}

impl fmt::Display for LedgerRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.from, self.to)
    }
}

impl FromStr for LedgerRange {
    type Err = InvalidLedgerRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once('-').ok_or(InvalidLedgerRange)?;
        let ledger = |text: &str| text.trim().parse::<LedgerSequence>().map_err(|_| InvalidLedgerRange);
        Self::new(ledger(from)?, ledger(to)?).ok_or(InvalidLedgerRange)
    }
}

/// Where ledgers were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CoverageSource {
    /// Stellar RPC's `getEvents`.
    Rpc,
    /// The ledger data lake.
    Lake,
    /// Stellar RPC's `getLedgers`.
    GetLedgers,
    /// A Horizon that gives the metadata of transactions.
    Horizon,
    /// One that a newer version knows.
    Unknown,
}

impl CoverageSource {
    /// Every source.
    pub const ALL: [Self; 5] = [Self::Rpc, Self::Lake, Self::GetLedgers, Self::Horizon, Self::Unknown];

    /// Returns the word stored in the database and shown in the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::Lake => "lake",
            Self::GetLedgers => "getLedgers",
            Self::Horizon => "horizon",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the source of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|source| source.as_str() == word).unwrap_or(Self::Unknown)
    }
}

/// Ledgers that were seen whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoveredRange {
    /// The ledgers.
    pub ledgers: LedgerRange,
    /// Where they were read.
    pub source: CoverageSource,
    /// When the last of them was written.
    pub seen_at: DateTime<Utc>,
}

/// Returns the ledgers of `whole` that lie in none of the `covered` ranges, which may come in any order and overlap.
#[must_use]
pub fn holes(whole: LedgerRange, covered: impl IntoIterator<Item = LedgerRange>) -> Vec<LedgerRange> {
    let mut covered: Vec<LedgerRange> = covered.into_iter().collect();
    covered.sort_unstable();
    let mut holes = Vec::new();
    let mut next = whole.from;
    for range in covered {
        holes.extend(LedgerRange::new(next, range.from.previous().min(whole.to)));
        next = next.max(range.to.next());
    }
    holes.extend(LedgerRange::new(next, whole.to));
    holes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(from: u32, to: u32) -> LedgerRange {
        LedgerRange::new(LedgerSequence(from), LedgerSequence(to)).unwrap()
    }

    #[test]
    fn reads_what_an_operator_writes_and_nothing_else() {
        assert_eq!("100-200".parse(), Ok(range(100, 200)));
        assert_eq!("7-7".parse::<LedgerRange>().map(LedgerRange::count), Ok(1));
        for text in ["", "100", "200-100", "1-2-3", "a-b", "-5", "5-", "+1-2", "1-2147483648", "1-4294967296"] {
            assert_eq!(text.parse::<LedgerRange>(), Err(InvalidLedgerRange), "{text}");
        }
    }

    #[test]
    fn what_an_operator_is_told_to_give_up_is_a_range_of_ledgers() {
        let last = LedgerSequence::LAST.0;
        for hole in [range(1, 2), range(1, last - 1), range(1, last)] {
            let told = hole.with_slack();
            assert_eq!(told.to_string().parse(), Ok(told));
        }
    }

    #[test]
    fn holes_are_before_between_and_after_what_is_covered() {
        let covered = [range(30, 39), range(10, 19), range(15, 25)];
        assert_eq!(holes(range(5, 50), covered), [range(5, 9), range(26, 29), range(40, 50)]);
        assert_eq!(holes(range(10, 20), covered), []);
        assert_eq!(holes(range(50, 60), covered), [range(50, 60)]);
    }

    proptest! {
        #[test]
        fn a_ledger_is_in_a_hole_exactly_if_it_is_not_covered(
            covered in prop::collection::vec((1..60_u32, 0..20_u32), 0..6),
            whole in (1..40_u32, 0..40_u32),
        ) {
            let covered: Vec<_> = covered.into_iter().map(|(from, more)| range(from, from + more)).collect();
            let whole = range(whole.0, whole.0 + whole.1);
            let holes = holes(whole, covered.iter().copied());
            for ledger in (0..100).map(LedgerSequence) {
                let missing = whole.contains(ledger) && !covered.iter().any(|range| range.contains(ledger));
                prop_assert_eq!(holes.iter().filter(|hole| hole.contains(ledger)).count(), usize::from(missing));
            }
        }
    }
}
