//! What a subscription asks for: `streams`, `users`, `all`, `contract` and `types`.

use std::{collections::HashSet, fmt, str::FromStr};

use super::{
    parameters::Parameters, problem::Problem, sse::SubscriptionFilter, state::HttpState, stream_text::StreamText,
};
use crate::{
    domain::{Contracts, EventFilter, StreamKey, StreamRecord, Visibility},
    store::StoreError,
};

const MOST_NAMED: usize = 500;

/// The parameters that make a filter.
pub(super) const FILTER: [&str; 5] = ["streams", "users", "all", "contract", "types"];

/// Repeats a filter as it was understood; streams of the only contract by their number alone.
pub(super) fn view_of(filter: &EventFilter, contracts: &Contracts) -> SubscriptionFilter {
    SubscriptionFilter {
        all: filter.all,
        streams: filter.streams.iter().map(|stream| text_of(stream, contracts)).collect(),
        users: filter.users.clone(),
        contract: filter.contract_id.clone(),
        types: filter.types.clone(),
    }
}

fn text_of((contract_id, stream_id): &StreamKey, contracts: &Contracts) -> String {
    match contracts.only() {
        Some(only) if only == contract_id => stream_id.to_string(),
        _ => format!("{contract_id}:{stream_id}"),
    }
}

/// Returns those streams of a filter that its caller sees nothing of, as texts: whether they exist is not told.
pub(super) async fn unknown_streams(filter: &EventFilter, state: &HttpState) -> Result<Vec<String>, StoreError> {
    if filter.streams.is_empty() {
        return Ok(Vec::new());
    }
    let records = state.store.records_of(&filter.streams).await?;
    let is_seen = |record: &&StreamRecord| filter.visibility.shows(Some(&record.sender), Some(&record.recipient));
    let seen: HashSet<StreamKey> =
        records.iter().filter(is_seen).map(|record| (record.contract_id.clone(), record.stream_id)).collect();
    let unknown = filter.streams.iter().filter(|stream| !seen.contains(*stream));
    Ok(unknown.map(|stream| text_of(stream, &state.contracts)).collect())
}

/// Whether the parameters say anything of a filter.
pub(super) fn is_given(parameters: &Parameters<'_>) -> bool {
    FILTER.iter().any(|name| parameters.has(name))
}

/// Returns the query that a filter is read from.
pub(super) fn query_of(filter: &EventFilter, contracts: &Contracts) -> String {
    let SubscriptionFilter { all, streams, users, contract, types } = view_of(filter, contracts);
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
) -> Result<EventFilter, Problem> {
    let streams: Vec<StreamText> = parameters.list("streams")?;
    let key = |stream: StreamText| stream.key("streams", &state.contracts);
    let mut filter = EventFilter {
        all: parameters.one::<Switch>("all")?.is_some_and(|switch| switch.0),
        streams: streams.into_iter().map(key).collect::<Result<_, _>>()?,
        users: parameters.list("users")?,
        contract_id: state.contract(parameters).await?,
        types: parameters.list("types")?,
        visibility,
    };
    let names_none = !["all", "streams", "users"].into_iter().any(|name| parameters.has(name));
    match &filter.visibility {
        Visibility::Everything if names_none => filter.all = true,
        Visibility::Party(address) if names_none => filter.users.push(address.clone()),
        _ => {}
    }
    if filter.streams.len() + filter.users.len() > MOST_NAMED {
        let name = if filter.streams.len() > filter.users.len() { "streams" } else { "users" };
        let rule = format!("a subscription names at most {MOST_NAMED} streams and users; use all=true for more");
        return Err(Problem::parameter(name, rule));
    }
    if !filter.all && filter.streams.is_empty() && filter.users.is_empty() {
        return Err(Problem::bad_request("say what to subscribe to: streams=<id>, users=<address> or all=true"));
    }
    filter.streams.sort();
    filter.streams.dedup();
    filter.users.sort();
    filter.users.dedup();
    filter.types.sort();
    filter.types.dedup();
    Ok(filter)
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
