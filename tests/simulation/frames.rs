//! What a subscriber reads: the frames of server-sent events, and the ids in them.

use std::{fmt, str::FromStr};

use flowfi_indexer::{
    domain::{EventId, Notice, ResetReason, StreamId},
    feed::Delivery,
};
use serde_json::Value;

/// An id of the feed as a client sees it: `<event id>`, `<event id>.<epoch>` or `<event id>.<epoch>.<revision>`. It is
/// sent back unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenId {
    text: String,
    pub event: EventId,
    pub epoch: u32,
}

impl SeenId {
    /// Returns the id of a position that the client knows from elsewhere.
    pub fn of(event: EventId, epoch: u32) -> Self {
        let text = if epoch == 0 { event.to_string() } else { format!("{event}.{epoch}") };
        Self { text, event, epoch }
    }
}

impl fmt::Display for SeenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for SeenId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not_an_id = || format!("not an id of the feed: {text:?}");
        let mut parts = text.split('.');
        let event = parts.next().and_then(|event| event.parse().ok()).ok_or_else(not_an_id)?;
        let numbers: Vec<u32> = parts.map(str::parse).collect::<Result<_, _>>().map_err(|_| not_an_id())?;
        match *numbers {
            [] => Ok(Self { text: text.to_owned(), event, epoch: 0 }),
            [epoch] | [epoch, _] => Ok(Self { text: text.to_owned(), event, epoch }),
            _ => Err(not_an_id()),
        }
    }
}

/// The content of a frame.
#[derive(Debug)]
pub enum Says {
    Connected,
    Reset { reason: String },
    Revised { from: SeenId, to: SeenId },
    Changed { streams: Vec<StreamId> },
    Event { tx_hash: String },
    Nothing,
}

/// A block of an event stream: its content, and an id to resume from if it has one.
#[derive(Debug)]
pub struct Frame {
    pub id: Option<SeenId>,
    pub says: Says,
}

impl TryFrom<Delivery> for Frame {
    type Error = String;

    fn try_from(delivery: Delivery) -> Result<Self, String> {
        let seen = |id: &dyn fmt::Display| id.to_string().parse::<SeenId>();
        let (id, says) = match delivery {
            Delivery::Event(published) => {
                (Some(seen(&published.resume_id())?), Says::Event { tx_hash: published.event.tx_hash.clone() })
            }
            Delivery::Notice(Notice::Reset(reset)) => (None, Says::Reset { reason: word_of(reset.reason).to_owned() }),
            Delivery::Notice(Notice::Revised { from, to }) => {
                (None, Says::Revised { from: seen(&from)?, to: seen(&to)? })
            }
            Delivery::Notice(Notice::Changed { streams }) => {
                (None, Says::Changed { streams: streams.keys().map(|(_, stream_id)| *stream_id).collect() })
            }
            Delivery::Position(id) => (Some(seen(&id)?), Says::Nothing),
        };
        Ok(Self { id, says })
    }
}

const fn word_of(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::Malformed => "malformed",
        ResetReason::BeyondTip => "beyondTip",
        ResetReason::BeforeOldest => "beforeOldest",
        ResetReason::NetworkReset => "networkReset",
    }
}

impl FromStr for Frame {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let id = field("id").map(str::parse).transpose()?;
        let data: Value =
            field("data").map_or(Ok(Value::Null), serde_json::from_str).map_err(|e| format!("{text:?}: {e}"))?;
        let text_of = |name: &str| data[name].as_str().map(str::to_owned).ok_or_else(|| format!("no {name}: {text:?}"));
        let says = match field("event") {
            None => Says::Nothing,
            Some("connected") => Says::Connected,
            Some("reset") => Says::Reset { reason: text_of("reason")? },
            Some("revised") => Says::Revised { from: text_of("fromId")?.parse()?, to: text_of("toId")?.parse()? },
            Some("changed") => {
                Says::Changed { streams: changed_streams(&data).ok_or_else(|| format!("no streams: {text:?}"))? }
            }
            Some(_) if id.is_none() => return Err(format!("an event without an id: {text:?}")),
            Some(_) => Says::Event { tx_hash: text_of("transactionHash")? },
        };
        Ok(Self { id, says })
    }
}

fn changed_streams(data: &Value) -> Option<Vec<StreamId>> {
    let stream = |stream: &Value| stream["streamId"].as_str()?.parse().ok();
    data["streams"].as_array()?.iter().map(stream).collect()
}
