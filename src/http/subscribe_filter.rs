//! What a subscription asks for: `streams`, `users`, `all` and `types`.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::{parameters::Parameters, problem::Problem};
use crate::{
    domain::{Address, ContractId, EventType, StreamId},
    store::EventAtoms,
};

const MOST_ATOMS: usize = 500;

/// The parameters that make a filter.
pub(super) const FILTER: [&str; 4] = ["streams", "users", "all", "types"];

/// A stream of a filter: `7`, or `C…:7`.
#[derive(Clone, Debug)]
struct StreamAtom(Option<ContractId>, StreamId);

impl FromStr for StreamAtom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (contract_id, number) = match text.split_once(':') {
            Some((contract, number)) => {
                (Some(contract.parse().map_err(|rule| format!("before the colon: {rule}"))?), number)
            }
            None => (None, text),
        };
        let stream_id = number.parse().map_err(|rule| format!("a stream id is a u64: {rule}"))?;
        Ok(Self(contract_id, stream_id))
    }
}

/// The filter as the `connected` event repeats it.
#[derive(Debug, Serialize)]
pub(super) struct FilterView<'a> {
    all: bool,
    streams: Vec<String>,
    users: &'a [Address],
    types: &'a [EventType],
}

impl<'a> FilterView<'a> {
    pub(super) fn of(atoms: &'a EventAtoms) -> Self {
        let key = |contract_id: &Option<ContractId>, stream_id: &StreamId| match contract_id {
            Some(contract_id) => format!("{contract_id}:{stream_id}"),
            None => stream_id.to_string(),
        };
        let streams = atoms.streams.iter().map(|(contract_id, stream_id)| key(contract_id, stream_id)).collect();
        Self { all: atoms.all, streams, users: &atoms.users, types: &atoms.types }
    }
}

/// Whether the parameters say anything of a filter.
pub(super) fn is_given(parameters: &Parameters<'_>) -> bool {
    FILTER.iter().any(|name| parameters.has(name))
}

/// Returns the query that a filter is read from.
pub(super) fn query_of(atoms: &EventAtoms) -> String {
    let FilterView { all, streams, users, types } = FilterView::of(atoms);
    let mut query = form_urlencoded::Serializer::new(String::new());
    if all {
        query.append_pair("all", "true");
    }
    query.extend_pairs(streams.iter().map(|stream| ("streams", stream)));
    query.extend_pairs(users.iter().map(|user| ("users", user.as_str())));
    query.extend_pairs(types.iter().map(|event_type| ("types", event_type.to_string())));
    query.finish()
}

/// Reads the filter of somebody who sees everything. Ids of streams that do not exist are fine: they may come to.
pub(super) fn read(parameters: &Parameters<'_>) -> Result<EventAtoms, Problem> {
    let streams: Vec<StreamAtom> = parameters.list("streams")?;
    let mut atoms = EventAtoms {
        all: parameters.one::<Switch>("all")?.is_some_and(|switch| switch.0),
        streams: streams.into_iter().map(|StreamAtom(contract_id, stream_id)| (contract_id, stream_id)).collect(),
        users: parameters.list("users")?,
        types: parameters.list("types")?,
        ..EventAtoms::default()
    };
    if atoms.streams.len() + atoms.users.len() > MOST_ATOMS {
        let name = if atoms.streams.len() > atoms.users.len() { "streams" } else { "users" };
        let rule = format!("a subscription names at most {MOST_ATOMS} streams and users; use all=true for more");
        return Err(Problem::parameter(name, rule));
    }
    if !atoms.all && atoms.streams.is_empty() && atoms.users.is_empty() {
        return Err(Problem::bad_request("say what to subscribe to: streams=<id>, users=<address> or all=true"));
    }
    atoms.streams.sort();
    atoms.streams.dedup();
    atoms.users.sort();
    atoms.users.dedup();
    atoms.types.sort();
    atoms.types.dedup();
    Ok(atoms)
}

struct Switch(bool);

#[derive(Debug)]
struct NotASwitch;

impl fmt::Display for NotASwitch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("must be true or false")
    }
}

impl FromStr for Switch {
    type Err = NotASwitch;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(NotASwitch),
        }
    }
}
