//! Which events a request wants: those that match any of its filters. A filter matches kind, contract and topics
//! together.

use serde::Deserialize;
use stellar_xdr::ScVal;
use thiserror::Error;

use crate::{encode, event::EventKind, transaction::Event};
use flowfi_domain::ContractId;

const MAX_CONTRACT_IDS: usize = 5;
const MAX_TOPICS: usize = 5;
const MAX_SEGMENTS: usize = 4;

/// A filter as the client sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SentFilter {
    r#type: Option<String>,
    contract_ids: Option<Vec<String>>,
    topics: Option<Vec<Vec<String>>>,
}

/// Why a filter is refused, in the real server's words.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum BadFilter {
    #[error("filter type invalid: if set, type must be either 'system' or 'contract'")]
    Kind,
    #[error("maximum {} contract IDs per filter", MAX_CONTRACT_IDS)]
    TooManyContractIds,
    #[error("maximum {} topics per filter", MAX_TOPICS)]
    TooManyTopics,
    #[error("contract ID {0} invalid")]
    ContractId(u32),
    #[error("topic {number} invalid: {reason}")]
    Topic { number: u32, reason: BadTopic },
}

/// Why the topics of a filter are refused, in the real server's words.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum BadTopic {
    #[error("topic must have at least 1 segment")]
    NoSegment,
    #[error("topic cannot have more than {} segments", MAX_SEGMENTS)]
    TooManySegments,
    #[error("segment {0} invalid")]
    Segment(u32),
    #[error("segment {0} invalid: wildcard '**' is only allowed as the last segment")]
    Wildcard(u32),
}

/// A filter that was found right. An empty list lets everything through.
#[derive(Debug)]
pub(super) struct Filter {
    kinds: Vec<EventKind>,
    contract_ids: Vec<ContractId>,
    topics: Vec<TopicFilter>,
}

/// The required topics, in order.
#[derive(Debug)]
struct TopicFilter {
    segments: Vec<Segment>,
    /// Whether it ended with `**`, so that more topics may follow.
    more_may_follow: bool,
}

#[derive(Debug)]
enum Segment {
    Any,
    /// The topic in base64. A value has only one form in XDR, so equal texts mean equal values.
    Exactly(String),
}

impl Filter {
    /// Checks a filter, in the real server's order and words.
    pub(super) fn parse(sent: &SentFilter) -> Result<Self, BadFilter> {
        let kinds = parse_kinds(sent.r#type.as_deref().unwrap_or_default())?;
        let (ids, topics) =
            (sent.contract_ids.as_deref().unwrap_or_default(), sent.topics.as_deref().unwrap_or_default());
        if ids.len() > MAX_CONTRACT_IDS {
            return Err(BadFilter::TooManyContractIds);
        }
        if topics.len() > MAX_TOPICS {
            return Err(BadFilter::TooManyTopics);
        }
        let mut filter = Self { kinds, contract_ids: Vec::new(), topics: Vec::new() };
        for (number, id) in (1_u32..).zip(ids) {
            filter.contract_ids.push(id.parse().map_err(|_| BadFilter::ContractId(number))?);
        }
        for (number, topic) in (1_u32..).zip(topics) {
            let topic = TopicFilter::parse(topic).map_err(|reason| BadFilter::Topic { number, reason })?;
            filter.topics.push(topic);
        }
        Ok(filter)
    }

    /// Returns whether the filter matches this event.
    pub(super) fn wants(&self, event: &Event) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.contract_ids.is_empty() || self.contract_ids.contains(&event.contract_id))
            && (self.topics.is_empty() || self.topics.iter().any(|topic| topic.wants(event)))
    }
}

impl TopicFilter {
    fn parse(sent: &[String]) -> Result<Self, BadTopic> {
        let (sent, more_may_follow) = match sent {
            [] => return Err(BadTopic::NoSegment),
            [before @ .., last] if last == "**" => (before, true),
            all => (all, false),
        };
        if let Some((number, _)) = (1..).zip(sent).find(|(_, segment)| *segment == "**") {
            return Err(BadTopic::Wildcard(number));
        }
        if sent.len() > MAX_SEGMENTS {
            return Err(BadTopic::TooManySegments);
        }
        let mut segments = Vec::with_capacity(sent.len());
        for (number, segment) in (1_u32..).zip(sent) {
            segments.push(Segment::parse(segment).ok_or(BadTopic::Segment(number))?);
        }
        Ok(Self { segments, more_may_follow })
    }

    fn wants(&self, event: &Event) -> bool {
        let mut topics = event.topics();
        let matches = self.segments.iter().all(|segment| match (segment, topics.next()) {
            (_, None) => false,
            (Segment::Any, Some(_)) => true,
            (Segment::Exactly(wanted), Some(topic)) => wanted == topic,
        });
        matches && (self.more_may_follow || topics.next().is_none())
    }
}

impl Segment {
    fn parse(sent: &str) -> Option<Self> {
        if sent == "*" {
            return Some(Self::Any);
        }
        Some(Self::Exactly(encode::to_base64(&encode::from_base64::<ScVal>(sent)?)))
    }
}

fn parse_kinds(sent: &str) -> Result<Vec<EventKind>, BadFilter> {
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let kind = |word| match word {
        "contract" => Ok(EventKind::Contract),
        "system" => Ok(EventKind::System),
        _ => Err(BadFilter::Kind),
    };
    sent.split(',').map(kind).collect()
}
