//! Which events a request wants: those that match any of its filters. A filter matches kind, contract and topics
//! together.

use serde::Deserialize;
use stellar_xdr::ScVal;

use crate::{call::EventKind, encode, transaction::Event};
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

/// A valid filter. An empty list matches everything.
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
    /// Checks a filter in the order and with the messages of the real server.
    pub(super) fn parse(sent: &SentFilter) -> Result<Self, String> {
        let kinds = parse_kinds(sent.r#type.as_deref().unwrap_or_default())?;
        let (ids, topics) =
            (sent.contract_ids.as_deref().unwrap_or_default(), sent.topics.as_deref().unwrap_or_default());
        if ids.len() > MAX_CONTRACT_IDS {
            return Err("maximum 5 contract IDs per filter".to_owned());
        }
        if topics.len() > MAX_TOPICS {
            return Err("maximum 5 topics per filter".to_owned());
        }
        let mut filter = Self { kinds, contract_ids: Vec::new(), topics: Vec::new() };
        for (number, id) in (1..).zip(ids) {
            filter.contract_ids.push(id.parse().map_err(|_| format!("contract ID {number} invalid"))?);
        }
        for (number, topic) in (1..).zip(topics) {
            let topic = TopicFilter::parse(topic).map_err(|reason| format!("topic {number} invalid: {reason}"))?;
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
    fn parse(sent: &[String]) -> Result<Self, String> {
        let (sent, more_may_follow) = match sent {
            [] => return Err("topic must have at least 1 segment".to_owned()),
            [before @ .., last] if last == "**" => (before, true),
            all => (all, false),
        };
        if let Some(place) = sent.iter().position(|segment| segment == "**") {
            let number = place + 1;
            return Err(format!("segment {number} invalid: wildcard '**' is only allowed as the last segment"));
        }
        if sent.len() > MAX_SEGMENTS {
            return Err("topic cannot have more than 4 segments".to_owned());
        }
        let mut segments = Vec::with_capacity(sent.len());
        for (number, segment) in (1..).zip(sent) {
            segments.push(Segment::parse(segment).ok_or_else(|| format!("segment {number} invalid"))?);
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

fn parse_kinds(sent: &str) -> Result<Vec<EventKind>, String> {
    if sent.is_empty() {
        return Ok(Vec::new());
    }
    let kind = |word| match word {
        "contract" => Ok(EventKind::Contract),
        "system" => Ok(EventKind::System),
        _ => Err("filter type invalid: if set, type must be either 'system' or 'contract'".to_owned()),
    };
    sent.split(',').map(kind).collect()
}
