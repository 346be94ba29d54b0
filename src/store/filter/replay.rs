//! The events that a subscription has missed.

use sqlx::{Postgres, QueryBuilder};

use super::{EVENT_COLUMNS, push_position, push_types};
use crate::{
    domain::{Address, CommittedEvent, ContractId, EventType, StreamId},
    store::{EventRange, Store, StoreError, event_rows::EventRow},
};

/// What a subscription is about: the atoms are OR-ed, the types narrow them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventAtoms {
    /// Every event.
    pub all: bool,
    /// Events of these streams; of one contract, or of any.
    pub streams: Vec<(Option<ContractId>, StreamId)>,
    /// Events whose sender or recipient is one of these.
    pub users: Vec<Address>,
    /// Only events of these types; empty for every type.
    pub types: Vec<EventType>,
}

impl Store {
    /// Returns the first `limit` events of a range that the atoms match, in the order of the chain.
    pub async fn matching_events(
        &self,
        range: EventRange,
        atoms: &EventAtoms,
        limit: u32,
    ) -> Result<Vec<CommittedEvent>, StoreError> {
        let mut query = QueryBuilder::new(format!("select {EVENT_COLUMNS} from stream_events"));
        if atoms.all && atoms.types.is_empty() {
            query.push(" where ");
            push_range(&mut query, range);
        } else {
            query.push(" join (");
            push_matching_ids(&mut query, range, atoms, limit);
            query.push(") as matching using (toid, event_index)");
        }
        query.push(" order by toid, event_index limit ").push_bind(i64::from(limit));
        let rows: Vec<EventRow> = query.build_query_as().persistent(false).fetch_all(&self.pool).await?;
        rows.into_iter().map(CommittedEvent::try_from).collect()
    }
}

/// The first ids of each type, stream or user are read from its index, at most `limit` each, so that a range of millions
/// costs no more than what matches. The same event can be found by several. Without any atom nothing matches.
fn push_matching_ids(query: &mut QueryBuilder<Postgres>, range: EventRange, atoms: &EventAtoms, limit: u32) {
    query.push("select null::bigint as toid, null::bigint as event_index where false");
    let mut branch = |wanted: &dyn Fn(&mut QueryBuilder<Postgres>), condition: &str, types: &[EventType]| {
        query.push(" union select found.toid, found.event_index from unnest(");
        wanted(query);
        query.push(" cross join lateral (select toid, event_index from stream_events where ").push(condition);
        query.push(" and ");
        push_range(query, range);
        push_types(query, types);
        query.push(" order by toid, event_index limit ").push_bind(i64::from(limit)).push(") as found");
    };
    if atoms.all {
        let types: Vec<String> = atoms.types.iter().map(ToString::to_string).collect();
        let wanted = |query: &mut QueryBuilder<Postgres>| {
            query.push_bind(types.clone()).push("::text[]) as wanted (type)");
        };
        branch(&wanted, "type = wanted.type", &[]);
        return;
    }
    if !atoms.streams.is_empty() {
        let contracts = atoms.streams.iter().map(|(contract_id, _)| contract_id.as_ref().map(ToString::to_string));
        let numbers = atoms.streams.iter().map(|(_, stream_id)| stream_id.to_string());
        let (contracts, numbers): (Vec<_>, Vec<_>) = contracts.zip(numbers).unzip();
        let wanted = |query: &mut QueryBuilder<Postgres>| {
            query.push_bind(contracts.clone()).push("::text[], ").push_bind(numbers.clone());
            query.push("::text[]) as wanted (contract_id, number)");
        };
        let of_stream = "stream_id = wanted.number::numeric \
                         and (wanted.contract_id is null or contract_id = wanted.contract_id)";
        branch(&wanted, of_stream, &atoms.types);
    }
    if !atoms.users.is_empty() {
        let users: Vec<String> = atoms.users.iter().map(ToString::to_string).collect();
        let wanted = |query: &mut QueryBuilder<Postgres>| {
            query.push_bind(users.clone()).push("::text[]) as wanted (address)");
        };
        branch(&wanted, "sender = wanted.address", &atoms.types);
        branch(&wanted, "recipient = wanted.address", &atoms.types);
    }
}

fn push_range(query: &mut QueryBuilder<Postgres>, range: EventRange) {
    push_position(query, ">", range.after);
    query.push(" and ");
    push_position(query, "<=", range.up_to);
}
