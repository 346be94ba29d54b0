//! What a subscription asks for: `streams`, `users`, `all`, `contract` and `types`.

use std::{collections::HashSet, fmt, str::FromStr};

use serde::Serialize;

use super::{parameters::Parameters, problem::Problem, state::HttpState, stream_text::StreamText};
use crate::{
    domain::{Address, ContractId, Contracts, EventType, StreamRecord, Visibility},
    store::{EventAtoms, StoreError, StreamKey},
};

const MOST_ATOMS: usize = 500;

/// The parameters that make a filter.
pub(super) const FILTER: [&str; 5] = ["streams", "users", "all", "contract", "types"];

/// The filter as the `connected` event repeats it.
#[derive(Debug, Serialize)]
pub(super) struct FilterView<'a> {
    all: bool,
    streams: Vec<String>,
    users: &'a [Address],
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<&'a ContractId>,
    types: &'a [EventType],
}

impl<'a> FilterView<'a> {
    /// Repeats the filter; streams of the only contract by their number alone.
    pub(super) fn of(atoms: &'a EventAtoms, contracts: &Contracts) -> Self {
        let streams = atoms.streams.iter().map(|stream| text_of(stream, contracts)).collect();
        Self { all: atoms.all, streams, users: &atoms.users, contract: atoms.contract_id.as_ref(), types: &atoms.types }
    }
}

fn text_of((contract_id, stream_id): &StreamKey, contracts: &Contracts) -> String {
    match contracts.only() {
        Some(only) if only == contract_id => stream_id.to_string(),
        _ => format!("{contract_id}:{stream_id}"),
    }
}

/// Returns those streams of a filter that its caller sees nothing of, as texts: whether they exist is not told.
pub(super) async fn unknown_streams(atoms: &EventAtoms, state: &HttpState) -> Result<Vec<String>, StoreError> {
    if atoms.streams.is_empty() {
        return Ok(Vec::new());
    }
    let records = state.store.records_of(&atoms.streams).await?;
    let is_seen = |record: &&StreamRecord| atoms.visibility.shows(Some(&record.sender), Some(&record.recipient));
    let seen: HashSet<StreamKey> =
        records.iter().filter(is_seen).map(|record| (record.contract_id.clone(), record.stream_id)).collect();
    let unknown = atoms.streams.iter().filter(|stream| !seen.contains(*stream));
    Ok(unknown.map(|stream| text_of(stream, &state.contracts)).collect())
}

/// Whether the parameters say anything of a filter.
pub(super) fn is_given(parameters: &Parameters<'_>) -> bool {
    FILTER.iter().any(|name| parameters.has(name))
}

/// Returns the query that a filter is read from.
pub(super) fn query_of(atoms: &EventAtoms, contracts: &Contracts) -> String {
    let FilterView { all, streams, users, contract, types } = FilterView::of(atoms, contracts);
    let mut query = form_urlencoded::Serializer::new(String::new());
    if all {
        query.append_pair("all", "true");
    }
    query.extend_pairs(streams.iter().map(|stream| ("streams", stream)));
    query.extend_pairs(users.iter().map(|user| ("users", user.as_str())));
    query.extend_pairs(contract.iter().map(|contract_id| ("contract", contract_id.as_str())));
    query.extend_pairs(types.iter().map(|event_type| ("types", event_type.to_string())));
    query.finish()
}

/// Reads the filter of somebody who may see this. Without one it is about everything, or about the caller's own streams.
/// Ids of streams that do not exist are fine: they may come to.
pub(super) async fn read(
    parameters: &Parameters<'_>,
    state: &HttpState,
    visibility: Visibility,
) -> Result<EventAtoms, Problem> {
    let streams: Vec<StreamText> = parameters.list("streams")?;
    let key = |stream: StreamText| stream.key("streams", &state.contracts);
    let mut atoms = EventAtoms {
        all: parameters.one::<Switch>("all")?.is_some_and(|switch| switch.0),
        streams: streams.into_iter().map(key).collect::<Result<_, _>>()?,
        users: parameters.list("users")?,
        contract_id: state.contract(parameters).await?,
        types: parameters.list("types")?,
        visibility,
    };
    let names_none = !["all", "streams", "users"].into_iter().any(|name| parameters.has(name));
    match &atoms.visibility {
        Visibility::Everything if names_none => atoms.all = true,
        Visibility::Party(address) if names_none => atoms.users.push(address.clone()),
        _ => {}
    }
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

pub(super) struct Switch(pub(super) bool);

#[derive(Debug)]
pub(super) struct NotASwitch;

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
