//! An event id as the wire has it: with the epoch of the network, from its first reset on.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::{EventId, InvalidEventId};

/// Which start of the network: 0 until its first reset, after which ledgers count from 2 again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// An event id or a position, and the epoch it belongs to. Its text is the event id, followed by a full stop and the
/// epoch where that is not the first, so that an id from before a reset never matches one after it by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedId {
    /// The place on the chain.
    pub event: EventId,
    /// Which chain.
    pub epoch: Epoch,
}

impl fmt::Display for FeedId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            Epoch(0) => self.event.fmt(formatter),
            Epoch(epoch) => write!(formatter, "{}.{epoch}", self.event),
        }
    }
}

impl FromStr for FeedId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((event, epoch)) = text.split_once('.') else {
            return Ok(Self { event: text.parse()?, epoch: Epoch(0) });
        };
        let is_number = epoch.bytes().all(|byte| byte.is_ascii_digit()) && !epoch.starts_with('0');
        let epoch = epoch.parse().ok().filter(|_| is_number).ok_or(InvalidEventId)?;
        Ok(Self { event: event.parse()?, epoch: Epoch(epoch) })
    }
}

impl Serialize for FeedId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0016010972359577600-0000000001";

    #[test]
    fn the_first_epoch_is_not_written_and_every_later_one_is() {
        for text in [ID.to_owned(), format!("{ID}.1"), format!("{ID}.4294967295")] {
            assert_eq!(text.parse::<FeedId>().unwrap().to_string(), text);
        }
        assert_ne!(ID.parse::<FeedId>(), format!("{ID}.1").parse());
    }

    #[test]
    fn refuses_what_is_not_an_epoch() {
        for epoch in ["", "0", "01", "+1", "-1", "x", "4294967296", "1.1"] {
            assert_eq!(format!("{ID}.{epoch}").parse::<FeedId>(), Err(InvalidEventId), "{epoch}");
        }
    }
}
