//! New events over the records they touch: what the commit will write. Pure, so that it can run off the runtime.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::{
    Records, StreamKey,
    event_rows::{EventColumns, PartyColumns},
    stream_rows::StreamColumns,
};
use crate::{
    domain::{Amount, Baseline, ContractEvent, EventId, RawContractEvent, StreamRecord},
    planted::{Bug, is_planted},
};

/// Which events have rows already.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored<'a> {
    /// The records hold them.
    LeftOut(&'a HashSet<EventId>),
    /// The records are folded from their first event on. The rows take their parties anew.
    FoldedAgain(&'a HashSet<EventId>),
}

/// The columns to insert, to update and to upsert, and the records they come from.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) events: EventColumns,
    pub(super) stored: PartyColumns,
    pub(super) streams: StreamColumns,
    pub(super) records: Records,
}

/// Folds events into the records, and marks those that an event we keep raw spoke of. Parties are filled in after all of
/// them are folded, because a fee comes before the creation of its stream.
///
/// `baselines` are for streams that are folded from their first event on: each takes its place after the events that it
/// holds.
pub(super) fn fold(
    events: &[ContractEvent],
    spoken_of: &[StreamKey],
    stored: Stored<'_>,
    records: HashMap<StreamKey, StreamRecord>,
    baselines: HashMap<StreamKey, VecDeque<Baseline>>,
) -> Folded {
    let mut folding = Folding { records, baselines, touched: BTreeSet::new(), last: HashMap::new() };
    let mut applied: Vec<(&ContractEvent, Option<Amount>)> = Vec::with_capacity(events.len());
    let is_left_out = |event: &ContractEvent| match stored {
        Stored::LeftOut(stored) => stored.contains(&event.raw.id) && !is_planted(Bug::DuplicateAppliedTwice),
        Stored::FoldedAgain(_) => false,
    };
    for event in events.iter().filter(|event| !is_left_out(event)) {
        let amount = match stream_of(event) {
            Some(stream) => folding.apply(stream, event),
            None => event.event.amount(None),
        };
        applied.push((event, amount));
    }
    folding.take_up_the_rest_of_the_baselines();
    for stream in spoken_of {
        if let Some(record) = folding.records.get_mut(stream) {
            record.unverified = true;
            folding.touched.insert(stream.clone());
        }
    }
    let Folding { records, touched, .. } = folding;
    let (mut new, mut again) = (EventColumns::default(), PartyColumns::default());
    for (event, amount) in applied {
        let record = stream_of(event).and_then(|stream| records.get(&stream));
        match stored {
            Stored::FoldedAgain(stored) if stored.contains(&event.raw.id) => again.push(event, amount, record),
            _ => new.push(event, amount, record),
        }
    }
    let mut streams = StreamColumns::default();
    for stream in touched {
        streams.push(&records[&stream]);
    }
    Folded { events: new, stored: again, streams, records: Arc::new(records) }
}

/// Records part of the way through their events.
struct Folding<'a> {
    records: HashMap<StreamKey, StreamRecord>,
    /// Those whose position is not passed yet, in order.
    baselines: HashMap<StreamKey, VecDeque<Baseline>>,
    touched: BTreeSet<StreamKey>,
    /// The last event of each stream that has a baseline.
    last: HashMap<StreamKey, &'a RawContractEvent>,
}

impl<'a> Folding<'a> {
    /// Applies an event of a stream and returns the event's amount, which may depend on the record before it.
    fn apply(&mut self, stream: StreamKey, event: &'a ContractEvent) -> Option<Amount> {
        while self.next_baseline(&stream).is_some_and(|next| next.raw.position < event.raw.id) {
            self.take_up(&stream);
        }
        if self.next_baseline(&stream).is_some() {
            self.last.insert(stream.clone(), &event.raw);
        }
        let before = self.records.remove(&stream);
        let amount = event.event.amount(before.as_ref());
        if let Some(record) = StreamRecord::fold(before, &event.event, &event.raw) {
            self.records.insert(stream.clone(), record);
            self.touched.insert(stream);
        }
        amount
    }

    fn next_baseline(&self, stream: &StreamKey) -> Option<&Baseline> {
        self.baselines.get(stream).and_then(VecDeque::front)
    }

    fn take_up(&mut self, stream: &StreamKey) {
        let Some(baseline) = self.baselines.get_mut(stream).and_then(VecDeque::pop_front) else { return };
        let record = baseline.record(&stream.0, self.records.remove(stream), self.last.get(stream).copied());
        self.records.insert(stream.clone(), record);
        self.touched.insert(stream.clone());
    }

    fn take_up_the_rest_of_the_baselines(&mut self) {
        let streams: Vec<StreamKey> = self.baselines.keys().cloned().collect();
        for stream in streams {
            while self.next_baseline(&stream).is_some() {
                self.take_up(&stream);
            }
        }
    }
}

/// Returns the stream that an event is about.
pub(super) fn stream_of(event: &ContractEvent) -> Option<StreamKey> {
    event.event.stream_id().map(|stream_id| (event.raw.contract_id.clone(), stream_id))
}
