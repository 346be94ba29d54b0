//! New events over the records they touch: what the commit will write. Pure, so that it can run off the runtime.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::{Records, contract_versions::ContractVersions, event_columns::EventColumns, stream_rows::StreamColumns};
use crate::domain::{Address, Amount, Baseline, ContractEvent, EventId, RawContractEvent, StreamKey, StreamRecord};

/// The columns to insert and to upsert, and the records they come from.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) events: EventColumns,
    pub(super) streams: StreamColumns,
    pub(super) records: Records,
}

/// Folds new events into the records that hold everything before them, and marks those that an event we keep raw spoke
/// of. Events that are `stored` already are left out. Parties are filled in after all of them are folded, because a fee
/// comes before the creation of its stream.
pub(super) fn fold(
    events: &[ContractEvent],
    spoken_of: &[StreamKey],
    stored: &HashSet<EventId>,
    known: Records,
) -> Folded {
    let records = Arc::unwrap_or_clone(known.streams);
    let mut folding = Folding::new(records, known.versions, HashMap::new());
    let is_new = |event: &&ContractEvent| !stored.contains(&event.raw.id);
    let applied: Vec<(&ContractEvent, Option<Amount>)> =
        events.iter().filter(is_new).map(|event| (event, folding.apply(event))).collect();
    let finished = folding.finish(spoken_of);
    let mut columns = EventColumns::default();
    for (event, amount) in applied {
        columns.push(event, amount, finished.parties_at(stream_of(event).as_ref(), event.raw.id));
    }
    let Finished { records, touched, versions, .. } = finished;
    let streams = StreamColumns::of(&records, touched);
    Folded { events: columns, streams, records: Records { streams: Arc::new(records), versions } }
}

/// Records part of the way through their events.
#[derive(Debug)]
pub(super) struct Folding {
    records: HashMap<StreamKey, StreamRecord>,
    /// Those whose position is not passed yet, in order.
    baselines: HashMap<StreamKey, VecDeque<Baseline>>,
    touched: BTreeSet<StreamKey>,
    /// The last event of each stream that has a baseline.
    last: HashMap<StreamKey, RawContractEvent>,
    versions: ContractVersions,
    transfers: HashMap<StreamKey, Vec<Transfer>>,
}

/// A change of a stream's recipient.
#[derive(Debug)]
struct Transfer {
    id: EventId,
    former_recipient: Address,
}

/// Records after all of their events.
pub(super) struct Finished {
    pub(super) records: HashMap<StreamKey, StreamRecord>,
    /// Those that were changed.
    pub(super) touched: BTreeSet<StreamKey>,
    /// Which rules the contracts follow.
    pub(super) versions: ContractVersions,
    transfers: HashMap<StreamKey, Vec<Transfer>>,
}

impl Finished {
    /// Returns sender, recipient and token of a stream as they were when an event happened to it.
    pub(super) fn parties_at(&self, stream: Option<&StreamKey>, id: EventId) -> [Option<&Address>; 3] {
        let Some(stream) = stream else { return [None; 3] };
        let record = self.records.get(stream);
        let next = self.transfers.get(stream).and_then(|of_it| of_it.iter().find(|transfer| transfer.id > id));
        let recipient = next.map(|transfer| &transfer.former_recipient);
        [
            record.map(|record| &record.sender),
            recipient.or(record.map(|record| &record.recipient)),
            record.map(|record| &record.token),
        ]
    }
}

impl Folding {
    /// Begins with records that hold everything up to their first event to come. `baselines` are for streams that are
    /// folded from their first event on: each takes its place after the events that it holds.
    pub(super) fn new(
        records: HashMap<StreamKey, StreamRecord>,
        versions: ContractVersions,
        baselines: HashMap<StreamKey, VecDeque<Baseline>>,
    ) -> Self {
        let (touched, last, transfers) = (BTreeSet::new(), HashMap::new(), HashMap::new());
        Self { records, baselines, touched, last, versions, transfers }
    }

    /// Applies the next event and returns its amount, which may depend on the record before it.
    pub(super) fn apply(&mut self, event: &ContractEvent) -> Option<Amount> {
        let version = self.versions.at(event);
        let Some(stream) = stream_of(event) else { return event.event.amount(None) };
        if let Some(former_recipient) = event.event.former_recipient().cloned() {
            let transfers = self.transfers.entry(stream.clone()).or_default();
            transfers.push(Transfer { id: event.raw.id, former_recipient });
        }
        while self.next_baseline(&stream).is_some_and(|next| next.raw.position < event.raw.id) {
            self.take_up(&stream);
        }
        if self.next_baseline(&stream).is_some() {
            self.last.insert(stream.clone(), event.raw.clone());
        }
        let before = self.records.remove(&stream);
        let amount = event.event.amount(before.as_ref().map(|record| record.withdrawn));
        if let Some(record) = StreamRecord::fold(before, &event.event, &event.raw, version) {
            self.records.insert(stream.clone(), record);
            self.touched.insert(stream);
        }
        amount
    }

    /// Takes up the baselines that are left, and marks the records that an event we keep raw spoke of.
    pub(super) fn finish(mut self, spoken_of: &[StreamKey]) -> Finished {
        let streams: Vec<StreamKey> = self.baselines.keys().cloned().collect();
        for stream in streams {
            while self.next_baseline(&stream).is_some() {
                self.take_up(&stream);
            }
        }
        for stream in spoken_of {
            if let Some(record) = self.records.get_mut(stream) {
                record.unverified = true;
                self.touched.insert(stream.clone());
            }
        }
        let Self { records, touched, versions, transfers, .. } = self;
        Finished { records, touched, versions, transfers }
    }

    fn next_baseline(&self, stream: &StreamKey) -> Option<&Baseline> {
        self.baselines.get(stream).and_then(VecDeque::front)
    }

    fn take_up(&mut self, stream: &StreamKey) {
        let Some(baseline) = self.baselines.get_mut(stream).and_then(VecDeque::pop_front) else { return };
        let record = baseline.record(&stream.0, self.records.remove(stream), self.last.get(stream));
        self.records.insert(stream.clone(), record);
        self.touched.insert(stream.clone());
    }
}

/// Returns the stream that an event is about.
pub(super) fn stream_of(event: &ContractEvent) -> Option<StreamKey> {
    event.event.stream_id().map(|stream_id| (event.raw.contract_id.clone(), stream_id))
}
