//! New events over the records they touch: what the commit will write. Pure, so that it can run off the runtime.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{Records, StreamKey, event_rows::EventColumns, stream_rows::StreamColumns};
use crate::{
    domain::{Amount, ContractEvent, EventId, StreamRecord},
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
    spoken_of: &[StreamKey],
    stored: &HashSet<EventId>,
    mut records: HashMap<StreamKey, StreamRecord>,
) -> Folded {
    let mut touched = BTreeSet::new();
    let mut new: Vec<(&ContractEvent, Option<Amount>)> = Vec::with_capacity(events.len());
    let is_new = |event: &&ContractEvent| !stored.contains(&event.raw.id) || is_planted(Bug::DuplicateAppliedTwice);
    for event in events.iter().filter(is_new) {
        let Some(stream) = stream_of(event) else {
            new.push((event, event.event.amount(None)));
            continue;
        };
        let before = records.remove(&stream);
        new.push((event, event.event.amount(before.as_ref())));
        if let Some(record) = StreamRecord::fold(before, &event.event, &event.raw) {
            records.insert(stream.clone(), record);
            touched.insert(stream);
        }
    }
    for stream in spoken_of {
        if let Some(record) = records.get_mut(stream) {
            record.unverified = true;
            touched.insert(stream.clone());
        }
    }
    let mut columns = EventColumns::with_capacity(new.len());
    for (event, amount) in new {
        let record = stream_of(event).and_then(|stream| records.get(&stream));
        columns.push(event, amount, record);
    }
    let mut streams = StreamColumns::default();
    for stream in touched {
        streams.push(&records[&stream]);
    }
    Folded { events: columns, streams, records: Arc::new(records) }
}

/// Returns the stream that an event is about.
pub(super) fn stream_of(event: &ContractEvent) -> Option<StreamKey> {
    event.event.stream_id().map(|stream_id| (event.raw.contract_id.clone(), stream_id))
}
