//! Ids on the wire: an event id with its epoch, and the id that a subscriber resumes from.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use super::{EventId, InvalidEventId};

/// Counts the resets of the network: 0 until the first one, after which ledgers count from 2 again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// An event id or a position, and the epoch it belongs to. Its text is the event id, followed by a full stop and the
/// epoch unless that is the first, so that an id from before a reset never matches a later one by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedId {
    /// The place on the chain.
    pub event: EventId,
    /// Which chain.
    pub epoch: Epoch,
}

impl FeedId {
    /// Returns the last end of a ledger at or before this position, which is no event's id.
    #[must_use]
    pub fn in_whole_ledgers(self) -> Self {
        Self { event: self.event.in_whole_ledgers(), ..self }
    }
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
        Ok(Self { event: event.parse()?, epoch: Epoch(counted_from_one(epoch)?) })
    }
}

impl Serialize for FeedId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The `id:` of a server-sent event: what its receiver has been told, and hands back as `Last-Event-ID` to go on from.
/// While the revision is 0 its text is that of the position; after that it is `<event id>.<epoch>.<revision>`, with the
/// epoch written even if it is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeId {
    /// Every matching event up to here was sent.
    pub position: FeedId,
    /// Every revision of the epoch up to this number was told, or happened before the client fetched anything.
    pub revision: i64,
}

impl fmt::Display for ResumeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FeedId { event, epoch: Epoch(epoch) } = self.position;
        match self.revision {
            0 => self.position.fmt(formatter),
            revision => write!(formatter, "{event}.{epoch}.{revision}"),
        }
    }
}

impl FromStr for ResumeId {
    type Err = InvalidEventId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [event, epoch, revision] = parts[..] else {
            return Ok(Self { position: text.parse()?, revision: 0 });
        };
        let epoch = if epoch == "0" { 0 } else { counted_from_one(epoch)? };
        let position = FeedId { event: event.parse()?, epoch: Epoch(epoch) };
        Ok(Self { position, revision: counted_from_one(revision)? })
    }
}

/// Reads a number that is left out when it is 0, in the only spelling that we write it in.
fn counted_from_one<N: FromStr>(text: &str) -> Result<N, InvalidEventId> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_canonical).ok_or(InvalidEventId)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn without_a_revision_the_id_to_resume_from_is_that_of_the_position() {
        for text in [ID.to_owned(), format!("{ID}.1")] {
            let id: ResumeId = text.parse().unwrap();
            assert_eq!(id, ResumeId { position: text.parse().unwrap(), revision: 0 });
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn a_revision_comes_after_the_epoch_which_is_then_written_even_if_it_is_the_first() {
        for (suffix, epoch, revision) in [("0.5", 0, 5), ("3.1", 3, 1), ("10.9223372036854775807", 10, i64::MAX)] {
            let text = format!("{ID}.{suffix}");
            let position = FeedId { event: ID.parse().unwrap(), epoch: Epoch(epoch) };
            let id = ResumeId { position, revision };
            assert_eq!(text.parse(), Ok(id));
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_an_epoch_and_a_revision() {
        let suffixes =
            ["0", ".", "0.", ".1", "0.0", "1.0", "00.1", "01.1", "1.01", "0.+1", "0.-1", "x.1", "0.x", "0.1.1"];
        for suffix in suffixes.into_iter().chain(["4294967296.1", "0.9223372036854775808"]) {
            assert_eq!(format!("{ID}.{suffix}").parse::<ResumeId>(), Err(InvalidEventId), "{suffix}");
        }
    }

    proptest! {
        #[test]
        fn an_id_to_resume_from_comes_back_as_it_was_written(
            toid in 0..i64::MAX, index: u32, epoch: u32, revision in prop_oneof![Just(0), 0..i64::MAX],
        ) {
            let event = EventId::from_parts(toid, index.into()).unwrap();
            let id = ResumeId { position: FeedId { event, epoch: Epoch(epoch) }, revision };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(id.to_string().len() <= 128, "longer ids cost a preflight");
        }

        #[test]
        fn a_text_that_is_read_is_the_one_that_is_written(suffix in "[.0-9]{0,6}") {
            let text = format!("{ID}{suffix}");
            if let Ok(id) = text.parse::<ResumeId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
