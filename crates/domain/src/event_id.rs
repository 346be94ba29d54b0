//! The Stellar event id: a SEP-35 TOID and an index, as Stellar RPC numbers events since protocol 23.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::LedgerSequence;

const TOID_DIGITS: usize = 19;
const INDEX_DIGITS: usize = 10;
const OPERATION_BITS: u32 = 12;
const TRANSACTION_BITS: u32 = 20;
const LEDGER_SHIFT: u32 = OPERATION_BITS + TRANSACTION_BITS;

/// The id of a contract event, and at the same time a position on the chain: the feed's order, the SSE `id`,
/// the database key and the paging cursor. Its text is `<19-digit TOID>-<10-digit index>`, so that the order
/// of texts is the order of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    toid: i64,
    index: u32,
}

/// A text that is not an event id.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("an event id is 19 digits, a hyphen and 10 digits, within the ranges of a TOID and a u32")]
pub struct InvalidEventId;

impl EventId {
    /// The position before every event.
    pub const ZERO: Self = Self { toid: 0, index: 0 };
    /// After every event.
    pub const LAST: Self = Self { toid: i64::MAX, index: u32::MAX };

    /// Returns the id of an event by its place: transactions count from 1, operations and events from 0.
    /// `None` where a number has no room (20 bits for the transaction, 12 for the operation, 31 for the ledger).
    #[must_use]
    pub fn of(ledger: LedgerSequence, transaction: u32, operation: u32, index: u32) -> Option<Self> {
        let fits = transaction < 1 << TRANSACTION_BITS && operation < 1 << OPERATION_BITS;
        let toid =
            (u64::from(ledger.0) << LEDGER_SHIFT) | (u64::from(transaction) << OPERATION_BITS) | u64::from(operation);
        let toid = i64::try_from(toid).ok()?;
        fits.then_some(Self { toid, index })
    }

    /// Returns the position after every event of `ledger`: what `getEvents` gives as the cursor of a page that
    /// reached the end of its window.
    #[must_use]
    pub fn end_of_ledger(ledger: LedgerSequence) -> Self {
        let after = (u128::from(ledger.0) + 1) << LEDGER_SHIFT;
        Self { toid: i64::try_from(after - 1).unwrap_or(i64::MAX), index: u32::MAX }
    }

    /// Returns the first id that an event of this one's transaction can have.
    #[must_use]
    pub const fn start_of_transaction(self) -> Self {
        Self { toid: self.toid & !((1 << OPERATION_BITS) - 1), index: 0 }
    }

    /// Returns the position after every event of this one's transaction.
    #[must_use]
    pub const fn end_of_transaction(self) -> Self {
        Self { toid: self.toid | ((1 << OPERATION_BITS) - 1), index: u32::MAX }
    }

    /// Returns the id stored as these two numbers, `None` if they are none.
    #[must_use]
    pub fn from_parts(toid: i64, index: i64) -> Option<Self> {
        let index = u32::try_from(index).ok()?;
        (toid >= 0).then_some(Self { toid, index })
    }

    /// Returns the TOID, the first of the two numbers.
    #[must_use]
    pub const fn toid(self) -> i64 {
        self.toid
    }

    /// Returns the event's number within its operation, the second of the two.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Returns the ledger this position lies in.
    #[must_use]
    pub fn ledger(self) -> LedgerSequence {
        LedgerSequence(u32::try_from(self.toid >> LEDGER_SHIFT).unwrap_or(u32::MAX))
    }

    /// Returns whether both ids belong to one transaction of one ledger.
    #[must_use]
    pub const fn same_transaction(self, other: Self) -> bool {
        self.toid >> OPERATION_BITS == other.toid >> OPERATION_BITS
    }

    /// Returns whether this is the position after every event of its ledger.
    #[must_use]
    pub fn is_end_of_ledger(self) -> bool {
        self == Self::end_of_ledger(self.ledger())
    }

    /// Returns the last ledger of which every event lies at or before this position.
    #[must_use]
    pub fn last_whole_ledger(self) -> LedgerSequence {
        if self.is_end_of_ledger() { self.ledger() } else { self.ledger().previous() }
    }

    /// Returns the last end of a ledger at or before this position: unlike the position itself, it is no event's id.
    #[must_use]
    pub fn in_whole_ledgers(self) -> Self {
        Self::end_of_ledger(self.last_whole_ledger()).min(self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:019}-{:010}", self.toid, self.index)
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (toid, index) = text.split_once('-').ok_or(InvalidEventId)?;
        let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(toid, TOID_DIGITS) || !digits(index, INDEX_DIGITS) {
            return Err(InvalidEventId);
        }
        Ok(Self { toid: toid.parse().map_err(|_| InvalidEventId)?, index: index.parse().map_err(|_| InvalidEventId)? })
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_documented_example() {
        let id: EventId = "0016010972359577600-0000000001".parse().unwrap();
        assert_eq!(id.ledger(), LedgerSequence(3_727_845));
        assert_eq!(Some(id), EventId::of(LedgerSequence(3_727_845), 5, 0, 1));
    }

    #[test]
    fn a_position_in_whole_ledgers_is_the_end_of_the_last_one_that_it_covers() {
        let end = |ledger| EventId::end_of_ledger(LedgerSequence(ledger));
        assert_eq!(EventId::of(LedgerSequence(7), 3, 0, 1).unwrap().in_whole_ledgers(), end(6));
        assert_eq!(end(7).in_whole_ledgers(), end(7));
        assert_eq!(EventId::ZERO.in_whole_ledgers(), EventId::ZERO);
    }

    #[test]
    fn end_of_ledger_is_the_cursor_real_servers_answer() {
        let end = EventId::end_of_ledger(LedgerSequence(2_091));
        assert_eq!(end.to_string(), "0000008985071583231-4294967295");
        assert!(end.is_end_of_ledger());
        assert_eq!(end.last_whole_ledger(), LedgerSequence(2_091));
    }

    #[test]
    fn refuses_what_is_not_an_event_id() {
        for text in [
            "",
            "-",
            "16010972359577600-1",
            "0016010972359577600-00000000001",
            "0016010972359577600-0000000001.1",
            "+016010972359577600-0000000001",
            "9999999999999999999-0000000001",
            "0016010972359577600-9999999999",
            "0016010972359577600_0000000001",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidEventId), "{text}");
        }
    }

    fn any_id() -> impl Strategy<Value = EventId> {
        (0..=i64::MAX, any::<u32>()).prop_map(|(toid, index)| EventId { toid, index })
    }

    proptest! {
        #[test]
        fn text_order_is_numeric_order(left in any_id(), right in any_id()) {
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }

        #[test]
        fn text_round_trips(id in any_id()) {
            prop_assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
        }

        #[test]
        fn parts_make_the_toid(ledger in 0..=0x7fff_ffff_u32, tx in 0..1_u32 << 20, op in 0..1_u32 << 12, index: u32) {
            let id = EventId::of(LedgerSequence(ledger), tx, op, index).unwrap();
            prop_assert_eq!(id.ledger(), LedgerSequence(ledger));
            prop_assert_eq!(id.toid() & 0xfff, i64::from(op));
            prop_assert!(id <= EventId::end_of_ledger(LedgerSequence(ledger)));
            prop_assert!(id <= id.end_of_transaction() && id.end_of_transaction().same_transaction(id));
            prop_assert!(id.end_of_transaction() <= EventId::end_of_ledger(LedgerSequence(ledger)));
        }
    }
}
