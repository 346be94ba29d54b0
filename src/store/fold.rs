//! New events over the records they touch: what the commit will write. Pure, so that it can run off the runtime.

use std::collections::{HashMap, HashSet};

use super::{event_rows::EventColumns, stream_rows::StreamColumns};
use crate::domain::{Amount, ContractEvent, EventId, StreamId, StreamRecord};

/// The columns to insert and to upsert.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) events: EventColumns,
    pub(super) streams: StreamColumns,
}

/// Folds the events that are not stored yet into the records. Parties are filled in after the whole batch is folded,
/// because a fee comes before the creation of its stream.
pub(super) fn fold(
    events: &[ContractEvent],
    stored: &HashSet<EventId>,
    records: impl IntoIterator<Item = StreamRecord>,
) -> Folded {
    let mut records: HashMap<StreamId, StreamRecord> =
        records.into_iter().map(|record| (record.stream_id, record)).collect();
    let mut touched = Vec::new();
    let mut new: Vec<(&ContractEvent, Option<Amount>)> = Vec::with_capacity(events.len());
    for event in events.iter().filter(|event| !stored.contains(&event.raw.id)) {
        let Some(stream_id) = event.event.stream_id() else {
            new.push((event, event.event.amount(None)));
            continue;
        };
        let before = records.remove(&stream_id);
        new.push((event, event.event.amount(before.as_ref())));
        if let Some(record) = StreamRecord::fold(before, &event.event, &event.raw) {
            records.insert(stream_id, record);
            touched.push(stream_id);
        }
    }
    touched.sort_unstable();
    touched.dedup();

    let mut folded = Folded { events: EventColumns::with_capacity(new.len()), streams: StreamColumns::default() };
    for (event, amount) in new {
        let record = event.event.stream_id().and_then(|stream_id| records.get(&stream_id));
        folded.events.push(event, amount, record);
    }
    for stream_id in touched {
        folded.streams.push(&records[&stream_id]);
    }
    folded
}
