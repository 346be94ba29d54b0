//! What a subscription asks for: `streams`, `users`, `all`, `contract` and `types`.

use std::collections::HashSet;

use super::{
    openapi::{list_of, stream_text, switch, words::named},
    parameters::{List, Switch},
    problem::Problem,
    query::{Parameter, Query, QueryTable, query},
    sse::SubscriptionFilter,
    state::{CONTRACT, HttpState},
    stream_text::{StreamName, StreamText},
};
use crate::{
    domain::{Address, Contracts, EventFilter, EventType, StreamKey, StreamRecord, Visibility},
    store::StoreError,
};

const MOST_NAMED: usize = 500;

query! {
    /// The parameters of a filter.
    pub(super) FilterQuery {
        STREAMS: List<StreamText> = Parameter::new(
            "streams",
            "Events of these streams, by number or as `C…:7`.",
            || list_of(stream_text()),
        );
        USERS: List<Address> = Parameter::new(
            "users",
            "Events of streams that these addresses send or receive.",
            || list_of(named("Address")),
        );
        ALL: Switch = Parameter::new("all", "Every event that the caller may see.", switch);
        ..[CONTRACT.saying("Of the above, only events of this contract.")];
        TYPES: List<EventType> = Parameter::new(
            "types",
            "Of the above, only these types.",
            || list_of(named("EventType")),
        );
    }
}

/// Returns a filter as it was understood. With only one contract, streams are shown by their number alone.
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
    StreamName::of(contract_id, *stream_id, contracts).into_text()
}

/// Returns those streams of a filter that do not exist, that the caller may not see or that are not of the filter's
/// contract, without saying which is the case.
pub(super) async fn unknown_streams(filter: &EventFilter, state: &HttpState) -> Result<Vec<String>, StoreError> {
    if filter.streams.is_empty() {
        return Ok(Vec::new());
    }
    let records = state.store.records_of(&filter.streams).await?;
    let is_of_contract =
        |record: &StreamRecord| filter.contract_id.as_ref().is_none_or(|wanted| *wanted == record.contract_id);
    let is_seen = |record: &&StreamRecord| is_of_contract(record) && filter.visibility.shows(record.parties());
    let seen: HashSet<StreamKey> =
        records.iter().filter(is_seen).map(|record| (record.contract_id.clone(), record.stream_id)).collect();
    let unknown = filter.streams.iter().filter(|stream| !seen.contains(*stream));
    Ok(unknown.map(|stream| text_of(stream, &state.contracts)).collect())
}

/// Returns whether a query contains any parameter of a filter.
pub(super) fn is_given<T: QueryTable>(query: &Query<T>) -> bool {
    query.has_any(FilterQuery::declared())
}

/// Returns the query that reads back as this filter.
pub(super) fn query_of(filter: &EventFilter, contracts: &Contracts) -> String {
    let SubscriptionFilter { all, streams, users, contract, types } = view_of(filter, contracts);
    let mut query = form_urlencoded::Serializer::new(String::new());
    if all {
        query.append_pair(ALL.name(), "true");
    }
    query.extend_pairs(streams.iter().map(|stream| (STREAMS.name(), stream)));
    query.extend_pairs(users.iter().map(|user| (USERS.name(), user.as_str())));
    query.extend_pairs(contract.iter().map(|contract_id| (CONTRACT.name(), contract_id.as_str())));
    query.extend_pairs(types.iter().map(|event_type| (TYPES.name(), event_type.to_string())));
    query.finish()
}

/// Reads a filter for a caller with this visibility. A query without a filter means everything, or the caller's own
/// streams. Ids of streams that do not exist yet are allowed.
pub(super) async fn read<T: QueryTable>(
    query: &Query<T>,
    state: &HttpState,
    visibility: Visibility,
) -> Result<EventFilter, Problem> {
    let streams = query.get(STREAMS)?;
    let key = |stream: StreamText| stream.key(STREAMS.name(), &state.contracts);
    let mut filter = EventFilter {
        all: query.get(ALL)?,
        streams: streams.into_iter().map(key).collect::<Result<_, _>>()?,
        users: query.get(USERS)?,
        contract_id: state.contract(query).await?,
        types: query.get(TYPES)?,
        visibility,
    };
    let names_none = !query.has_any(ALL.into_iter().chain(STREAMS).chain(USERS));
    match &filter.visibility {
        Visibility::Everything if names_none => filter.all = true,
        Visibility::Party(address) if names_none => filter.users.push(address.clone()),
        _ => {}
    }
    filter.streams.sort();
    filter.streams.dedup();
    filter.users.sort();
    filter.users.dedup();
    filter.types.sort();
    filter.types.dedup();
    if filter.streams.len() + filter.users.len() > MOST_NAMED {
        let name = if filter.streams.len() > filter.users.len() { STREAMS.name() } else { USERS.name() };
        let rule = format!("a subscription may name at most {MOST_NAMED} streams and users; use all=true for more");
        return Err(Problem::parameter(name, rule));
    }
    if !filter.all && filter.streams.is_empty() && filter.users.is_empty() {
        return Err(Problem::bad_request("say what to subscribe to: streams=<id>, users=<address> or all=true"));
    }
    Ok(filter)
}
