//! What a subscription asks for: `streams`, `users`, `feed`, `all`, `contract` and `types`.

use std::collections::{BTreeSet, HashSet};

use super::{
    feed_name::FeedName,
    openapi::{list_of, stream_text, switch, text_like, words::named as word},
    parameters::{List, One, Switch},
    problem::Problem,
    query::{Parameter, Query, QueryTable, query},
    saved_filter,
    sse::SubscriptionFilter,
    state::{CONTRACT, HttpState},
    stream_text::{StreamName, StreamText},
};
use crate::{
    auth::Caller,
    domain::{Address, Contracts, EventFilter, EventType, StreamKey, StreamRecord, Visibility},
    store::{SavedFilter, StoreError},
};

const MOST_NAMED: usize = 500;
/// A saved filter may name more streams than an answer should.
const MOST_UNKNOWN_SHOWN: usize = 500;

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
            || list_of(word("Address")),
        );
        FEED: One<FeedName> = Parameter::new(
            "feed",
            "Events of the streams and users that the caller saved under this name.",
            || text_like("payroll").into(),
        );
        ALL: Switch = Parameter::new("all", "Every event that the caller may see.", switch);
        ..[CONTRACT.saying("Of the above, only events of this contract.")];
        TYPES: List<EventType> = Parameter::new(
            "types",
            "Of the above, only these types.",
            || list_of(word("EventType")),
        );
    }
}

/// A filter as it was asked for, and what the saved filter adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    asked: EventFilter,
    saved: Option<(FeedName, SavedFilter)>,
}

impl Wanted {
    /// Returns the filter with everything that it stands for.
    pub(super) fn filter(&self) -> EventFilter {
        let mut filter = self.asked.clone();
        if let Some((_, saved)) = &self.saved {
            filter.streams.extend(saved.streams.iter().cloned());
            filter.users.extend(saved.users.iter().cloned());
        }
        filter
    }

    /// Returns the filter as it was understood, with a saved one by its name. With only one contract, streams are shown by
    /// their number alone.
    pub(super) fn view(&self, contracts: &Contracts) -> SubscriptionFilter {
        SubscriptionFilter {
            all: self.asked.all,
            streams: self.asked.streams.iter().map(|stream| text_of(stream, contracts)).collect(),
            users: self.asked.users.iter().cloned().collect(),
            feed: self.saved.as_ref().map(|(name, _)| name.to_string()),
            contract: self.asked.contract_id.clone(),
            types: self.asked.types.clone(),
        }
    }

    /// Returns the query that reads back as this filter.
    pub(super) fn query(&self, contracts: &Contracts) -> String {
        let SubscriptionFilter { all, streams, users, feed, contract, types } = self.view(contracts);
        let mut query = form_urlencoded::Serializer::new(String::new());
        if all {
            query.append_pair(ALL.name(), "true");
        }
        query.extend_pairs(streams.iter().map(|stream| (STREAMS.name(), stream)));
        query.extend_pairs(users.iter().map(|user| (USERS.name(), user.as_str())));
        query.extend_pairs(feed.iter().map(|name| (FEED.name(), name)));
        query.extend_pairs(contract.iter().map(|contract_id| (CONTRACT.name(), contract_id.as_str())));
        query.extend_pairs(types.iter().map(|event_type| (TYPES.name(), event_type.to_string())));
        query.finish()
    }
}

fn text_of((contract_id, stream_id): &StreamKey, contracts: &Contracts) -> String {
    StreamName::of(contract_id, *stream_id, contracts).into_text()
}

/// Returns those streams of a filter that do not exist, that the caller may not see or that are not of the filter's
/// contract, without saying which is the case; not all if there are very many.
pub(super) async fn unknown_streams(filter: &EventFilter, state: &HttpState) -> Result<Vec<String>, StoreError> {
    if filter.streams.is_empty() {
        return Ok(Vec::new());
    }
    let streams: Vec<StreamKey> = filter.streams.iter().cloned().collect();
    let records = state.store.records_of(&streams).await?;
    let is_of_contract =
        |record: &StreamRecord| filter.contract_id.as_ref().is_none_or(|wanted| *wanted == record.contract_id);
    let is_seen = |record: &&StreamRecord| is_of_contract(record) && filter.visibility.shows(record.parties());
    let seen: HashSet<StreamKey> =
        records.iter().filter(is_seen).map(|record| (record.contract_id.clone(), record.stream_id)).collect();
    let unknown = streams.iter().filter(|stream| !seen.contains(*stream)).take(MOST_UNKNOWN_SHOWN);
    Ok(unknown.map(|stream| text_of(stream, &state.contracts)).collect())
}

/// Returns whether a query contains any parameter of a filter.
pub(super) fn is_given<T: QueryTable>(query: &Query<T>) -> bool {
    query.has_any(FilterQuery::declared())
}

/// Reads the streams and users that are named, each once. Ids of streams that do not exist yet are allowed.
pub(super) fn named<T: QueryTable>(
    query: &Query<T>,
    state: &HttpState,
) -> Result<(BTreeSet<StreamKey>, BTreeSet<Address>), Problem> {
    let key = |stream: StreamText| stream.key(STREAMS.name(), &state.contracts);
    let streams = query.get(STREAMS)?.into_iter().map(key).collect::<Result<_, _>>()?;
    Ok((streams, query.get(USERS)?.into_iter().collect()))
}

/// Reads a filter for a caller. A query without a filter means everything, or the caller's own streams. A saved filter is
/// the caller's own, and shows no more than the caller may see now.
pub(super) async fn read<T: QueryTable>(
    query: &Query<T>,
    state: &HttpState,
    caller: &Caller,
) -> Result<Wanted, Problem> {
    let (streams, users) = named(query, state)?;
    if streams.len() + users.len() > MOST_NAMED {
        let name = if streams.len() > users.len() { STREAMS.name() } else { USERS.name() };
        let rule = format!("a subscription may name at most {MOST_NAMED} streams and users; save a filter for more");
        return Err(Problem::parameter(name, rule));
    }
    let mut asked = EventFilter {
        all: query.get(ALL)?,
        streams,
        users,
        contract_id: state.contract(query).await?,
        types: query.get(TYPES)?,
        visibility: caller.visibility.clone(),
    };
    let names_none = !query.has_any(ALL.into_iter().chain(STREAMS).chain(USERS).chain(FEED));
    match &asked.visibility {
        Visibility::Everything if names_none => asked.all = true,
        Visibility::Party(address) if names_none => {
            asked.users.insert(address.clone());
        }
        _ => {}
    }
    asked.types.sort();
    asked.types.dedup();
    let saved = match query.get(FEED)? {
        Some(name) => {
            let saved = saved_filter::find(state, caller, &name).await?;
            Some((name, saved))
        }
        None => None,
    };
    if !asked.all && asked.streams.is_empty() && asked.users.is_empty() && saved.is_none() {
        let rule = "say what to subscribe to: streams=<id>, users=<address>, feed=<name> or all=true";
        return Err(Problem::bad_request(rule));
    }
    Ok(Wanted { asked, saved })
}
