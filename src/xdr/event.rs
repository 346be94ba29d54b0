//! One raw contract event through the table.

use stellar_xdr::ScVal;

use super::{
    Refusal,
    assemble::{Located, assemble},
    table::{EventSpec, FLOWFI, Place},
    value,
};
use crate::domain::{ContractUpgrade, EventKind, RawContractEvent, StreamEvent, StreamId};

/// What became of a raw event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// It is one of the contract's events.
    Event(StreamEvent),
    /// The network says that the contract's code was replaced.
    Upgrade(ContractUpgrade),
    /// Its name is not in the table: a later version of the contract, or nothing with a name.
    Unknown {
        /// The symbol in its first topic, if there is one.
        name: Option<String>,
        /// The u64 in its second topic: the stream it speaks of, if the contract keeps its habits.
        stream_id: Option<StreamId>,
    },
    /// Its name is in the table, or it is broken before its name, and it did not decode.
    Refused {
        /// The symbol in its first topic, if it came to that.
        name: Option<String>,
        /// The u64 in its second topic, if it came to that.
        stream_id: Option<StreamId>,
        /// What is wrong with it.
        refusal: Refusal,
    },
}

/// Decodes one event. Total: there is an answer for any bytes.
#[must_use]
pub fn decode_event(raw: &RawContractEvent) -> Decoded {
    decode_event_body(raw.kind, &raw.topics, &raw.value, raw.in_successful_call)
}

/// Decodes what an event says, wherever it stands: topics and value are `ScVal`s in base64. Only the contract's own
/// word is one of its events, and only the network's is an upgrade.
#[must_use]
pub fn decode_event_body(kind: EventKind, raw_topics: &[String], value: &str, in_successful_call: bool) -> Decoded {
    let mut topics = Vec::with_capacity(raw_topics.len());
    for (number, topic) in raw_topics.iter().enumerate() {
        match value::scval_from_base64(topic, &|| format!("topic {number}")) {
            Ok(topic) => topics.push(topic),
            Err(refusal) => return refused(&topics, refusal),
        }
    }
    if !in_successful_call {
        return refused(&topics, Refusal::UnsuccessfulCall);
    }
    match kind {
        EventKind::Contract => decode_own(&topics, value),
        EventKind::System => upgrade_of(&topics).map_or_else(|| unknown(&topics), Decoded::Upgrade),
        EventKind::Entry => unknown(&topics),
    }
}

fn decode_own(topics: &[ScVal], value: &str) -> Decoded {
    let Some(spec) = spec_of(topics) else { return unknown(topics) };
    match decode_known(spec, topics, value) {
        Ok(event) => Decoded::Event(event),
        Err(refusal) => refused(topics, refusal),
    }
}

/// Reads the topics of the host's `executable_update`: its name, the executable before, and the one after.
fn upgrade_of(topics: &[ScVal]) -> Option<ContractUpgrade> {
    let [ScVal::Symbol(name), old, new] = topics else { return None };
    (name.as_slice() == b"executable_update").then_some(())?;
    Some(ContractUpgrade { old: value::wasm_hash(old)?, new: value::wasm_hash(new)? })
}

fn unknown(topics: &[ScVal]) -> Decoded {
    Decoded::Unknown { name: name_of(topics).map(str::to_owned), stream_id: stream_of(topics) }
}

fn decode_known(spec: &EventSpec, topics: &[ScVal], value: &str) -> Result<StreamEvent, Refusal> {
    let value = value::scval_from_base64(value, &|| "the value".to_owned())?;
    let ScVal::Map(Some(map)) = &value else { return Err(Refusal::NotAMap) };
    let located: Vec<Located<'_>> = spec
        .fields
        .iter()
        .map(|&(field, place)| {
            let found = match place {
                Place::Topic(number) => topics.get(number),
                Place::Key(names) => names.iter().find_map(|name| value::lookup(map, name)),
            };
            Located { field, name: place.name(), found }
        })
        .collect();
    assemble(spec.name, &located)
}

fn refused(topics: &[ScVal], refusal: Refusal) -> Decoded {
    Decoded::Refused { name: name_of(topics).map(str::to_owned), stream_id: stream_of(topics), refusal }
}

fn name_of(topics: &[ScVal]) -> Option<&str> {
    topics.first().and_then(value::name)
}

fn stream_of(topics: &[ScVal]) -> Option<StreamId> {
    topics.get(1).and_then(value::stream_id)
}

/// Returns the event whose literal topics these begin with.
fn spec_of(topics: &[ScVal]) -> Option<&'static EventSpec> {
    let name = name_of(topics)?;
    let goes_on = |rest: &[&str]| {
        let others = topics.get(1..=rest.len());
        others.is_some_and(|others| rest.iter().zip(others).all(|(word, topic)| value::name(topic) == Some(*word)))
    };
    FLOWFI.iter().find(|spec| spec.topics.split_first().is_some_and(|(first, rest)| *first == name && goes_on(rest)))
}
