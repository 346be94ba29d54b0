//! New events over the records they touch: what the commit will write. Pure, so that it can run off the runtime.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{Records, event_rows::EventColumns, stream_rows::StreamColumns};
use crate::{
    domain::{Amount, ContractEvent, EventId, StreamId, StreamRecord},
    planted::{Bug, is_planted},
};

/// The columns to insert and to upsert, and the records they come from.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) events: EventColumns,
    pub(super) streams: StreamColumns,
    pub(super) records: Records,
}

/// Folds the events that are not stored yet into the records, and marks those that an event we keep raw spoke of.
/// Parties are filled in after the whole batch is folded, because a fee comes before the creation of its stream.
pub(super) fn fold(
    events: &[ContractEvent],
    spoken_of: &[StreamId],
    stored: &HashSet<EventId>,
    mut records: HashMap<StreamId, StreamRecord>,
) -> Folded {
    let mut touched = BTreeSet::new();
    let mut new: Vec<(&ContractEvent, Option<Amount>)> = Vec::with_capacity(events.len());
    let is_new = |event: &&ContractEvent| !stored.contains(&event.raw.id) || is_planted(Bug::DuplicateAppliedTwice);
    for event in events.iter().filter(is_new) {
        let Some(stream_id) = event.event.stream_id() else {
            new.push((event, event.event.amount(None)));
            continue;
        };
        let before = records.remove(&stream_id);
        new.push((event, event.event.amount(before.as_ref())));
        if let Some(record) = StreamRecord::fold(before, &event.event, &event.raw) {
            records.insert(stream_id, record);
            touched.insert(stream_id);
        }
    }
    for stream_id in spoken_of {
        if let Some(record) = records.get_mut(stream_id) {
            record.unverified = true;
            touched.insert(*stream_id);
        }
    }
    let mut columns = EventColumns::with_capacity(new.len());
    for (event, amount) in new {
        let record = event.event.stream_id().and_then(|stream_id| records.get(&stream_id));
        columns.push(event, amount, record);
    }
    let mut streams = StreamColumns::default();
    for stream_id in touched {
        streams.push(&records[&stream_id]);
    }
    Folded { events: columns, streams, records: Arc::new(records) }
}
