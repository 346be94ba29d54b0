//! The events that a subscription missed.

use sqlx::{Postgres, QueryBuilder};

use super::{EVENT_COLUMNS, PARTIES_OF_EVENTS, push_contract, push_position, push_types};
use crate::{
    domain::{Address, CommittedEvent, EventFilter, EventType, Visibility},
    store::{EventRange, Store, StoreError, event_rows::EventRow},
};

impl Store {
    /// Returns the first `limit` matching events of a range, in chain order.
    pub async fn matching_events(
        &self,
        range: EventRange,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<CommittedEvent>, StoreError> {
        let mut query = QueryBuilder::new(format!("select {EVENT_COLUMNS} from stream_events"));
        if filter.all && filter.types.is_empty() && filter.visibility == Visibility::Everything {
            query.push(" where ");
            push_range(&mut query, range);
            push_contract(&mut query, filter.contract_id.as_ref());
        } else {
            query.push(" join (");
            match &filter.visibility {
                Visibility::Everything => push_matching_ids(&mut query, range, filter, limit),
                Visibility::Party(party) => push_ids_of_party(&mut query, range, filter, party, limit),
                Visibility::Nothing => push_no_ids(&mut query),
            }
            query.push(") as matching using (toid, event_index)");
        }
        query.push(" order by toid, event_index limit ").push_bind(i64::from(limit));
        let rows: Vec<EventRow> = query.build_query_as().persistent(false).fetch_all(&self.pool).await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }
}

/// Selects the first matching ids. Those of each type, stream or user come from its index, at most `limit` each, so
/// that a range of millions of rows costs no more than what matches. Several branches may find the same event. Without
/// any condition nothing matches.
fn push_matching_ids(query: &mut QueryBuilder<Postgres>, range: EventRange, filter: &EventFilter, limit: u32) {
    push_no_ids(query);
    let mut branch = |wanted: &dyn Fn(&mut QueryBuilder<Postgres>), condition: &str, types: &[EventType]| {
        query.push(" union select found.toid, found.event_index from ");
        wanted(query);
        query.push(" cross join lateral (select toid, event_index from stream_events where ").push(condition);
        query.push(" and ");
        push_range(query, range);
        push_contract(query, filter.contract_id.as_ref());
        push_types(query, types);
        query.push(" order by toid, event_index limit ").push_bind(i64::from(limit)).push(") as found");
    };
    if filter.all {
        let types: Vec<String> = filter.types.iter().map(ToString::to_string).collect();
        let wanted = |query: &mut QueryBuilder<Postgres>| {
            query.push("unnest(").push_bind(types.clone()).push("::text[]) as wanted (type)");
        };
        branch(&wanted, "type = wanted.type", &[]);
        return;
    }
    if !filter.streams.is_empty() {
        branch(&|query| push_wanted_streams(query, filter), OF_STREAM, &filter.types);
    }
    if !filter.users.is_empty() {
        let users: Vec<String> = filter.users.iter().map(ToString::to_string).collect();
        let wanted = |query: &mut QueryBuilder<Postgres>| {
            query.push("unnest(").push_bind(users.clone()).push("::text[]) as wanted (address)");
        };
        for column in PARTIES_OF_EVENTS {
            branch(&wanted, &format!("{column} = wanted.address"), &filter.types);
        }
    }
}

fn push_no_ids(query: &mut QueryBuilder<Postgres>) {
    query.push("select null::bigint as toid, null::bigint as event_index where false");
}

/// Selects the first matching ids of a party's own events. Only the party's index is read: the party sees nothing else,
/// whatever it asks for.
fn push_ids_of_party(
    query: &mut QueryBuilder<Postgres>,
    range: EventRange,
    filter: &EventFilter,
    party: &Address,
    limit: u32,
) {
    push_no_ids(query);
    for column in PARTIES_OF_EVENTS {
        query.push(" union (select toid, event_index from stream_events where ").push(column).push(" = ");
        query.push_bind(party.to_string()).push(" and ");
        push_range(query, range);
        push_contract(query, filter.contract_id.as_ref());
        push_types(query, &filter.types);
        if !filter.all {
            push_any_atom(query, filter);
        }
        query.push(" order by toid, event_index limit ").push_bind(i64::from(limit)).push(")");
    }
}

/// Adds the same rule as the branches of [`push_matching_ids`], as a condition.
fn push_any_atom(query: &mut QueryBuilder<Postgres>, filter: &EventFilter) {
    let users: Vec<String> = filter.users.iter().map(ToString::to_string).collect();
    query.push(" and (");
    for column in PARTIES_OF_EVENTS {
        query.push(column).push(" = any(").push_bind(users.clone()).push(") or ");
    }
    query.push("exists (select from ");
    push_wanted_streams(query, filter);
    query.push(" where ").push(OF_STREAM).push("))");
}

const OF_STREAM: &str = "stream_events.contract_id = wanted.contract_id and stream_events.stream_id = wanted.stream_id";

fn push_wanted_streams(query: &mut QueryBuilder<Postgres>, filter: &EventFilter) {
    let texts = filter.streams.iter().map(|(contract_id, stream_id)| (contract_id.to_string(), stream_id.to_string()));
    let (contracts, stream_ids): (Vec<_>, Vec<_>) = texts.unzip();
    query.push("unnest(").push_bind(contracts).push("::text[], ").push_bind(stream_ids);
    query.push("::text[]) as wanted (contract_id, stream_id)");
}

fn push_range(query: &mut QueryBuilder<Postgres>, range: EventRange) {
    push_position(query, ">", range.after);
    query.push(" and ");
    push_position(query, "<=", range.up_to);
}
