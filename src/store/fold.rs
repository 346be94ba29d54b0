//! New events and entries over the records they touch: what the commit will write. Pure, so that it can run off the runtime.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use super::{
    Records,
    contract_versions::ContractVersions,
    event_columns::EventColumns,
    judgments::{Doubted, Judgment, judge},
    quarantine::SpokenOf,
    revisions,
    stream_rows::StreamColumns,
};
use crate::domain::{
    Address, Amount, Baseline, ContractEvent, EventEffect, EventId, RawContractEvent, StreamEntryChange, StreamKey,
    StreamRecord,
};

/// The columns to insert and to upsert, and the records they come from.
#[derive(Debug)]
pub(super) struct Folded {
    pub(super) events: EventColumns,
    pub(super) streams: StreamColumns,
    pub(super) records: Records,
    /// What entries told that events did not.
    pub(super) judgments: Vec<Judgment>,
    /// The records that something we keep raw spoke of.
    pub(super) doubted: Vec<Doubted>,
}

/// What a batch holds, each part in chain order.
#[derive(Debug)]
pub(super) struct ToApply {
    pub(super) events: Vec<ContractEvent>,
    pub(super) entries: Vec<StreamEntryChange>,
    /// What was kept raw and speaks of a stream.
    pub(super) spoken_of: Vec<SpokenOf>,
}

/// Folds new events and entries into the records that hold everything before them, and marks those that something we keep
/// raw spoke of. Events that are `stored` already are left out. Parties are filled in after all of them are folded,
/// because a fee comes before the creation of its stream.
pub(super) fn fold(batch: ToApply, stored: &HashSet<EventId>, known: Records, effect: EventEffect) -> Folded {
    let ToApply { events, entries, spoken_of } = batch;
    let records = Arc::unwrap_or_clone(known.streams);
    let mut from_chain: HashMap<StreamKey, VecDeque<FromChain>> = HashMap::new();
    for change in entries {
        from_chain.entry(key_of(&change)).or_default().push_back(FromChain::Change(change));
    }
    let mut folding = Folding::new(records, known.versions, from_chain, effect);
    let is_new = |event: &&ContractEvent| !stored.contains(&event.raw.id);
    let applied: Vec<(&ContractEvent, Option<Amount>)> =
        events.iter().filter(is_new).map(|event| (event, folding.apply(event))).collect();
    let finished = folding.finish(&spoken_of);
    let mut columns = EventColumns::default();
    for (event, amount) in applied {
        columns.push(event, amount, finished.parties_at(stream_of(event).as_ref(), event.raw.id));
    }
    let Finished { records, touched, versions, judgments, doubted, .. } = finished;
    let streams = StreamColumns::of(&records, touched);
    Folded { events: columns, streams, records: Records { streams: Arc::new(records), versions }, judgments, doubted }
}

/// Records part of the way through their events.
#[derive(Debug)]
pub(super) struct Folding {
    records: HashMap<StreamKey, StreamRecord>,
    effect: EventEffect,
    /// What the chain has of streams at positions that are not passed yet, in order.
    from_chain: HashMap<StreamKey, VecDeque<FromChain>>,
    touched: BTreeSet<StreamKey>,
    /// The last event of each stream that has no record until something of the chain makes one.
    last: HashMap<StreamKey, RawContractEvent>,
    versions: ContractVersions,
    transfers: HashMap<StreamKey, Vec<Transfer>>,
    /// Where the chain's own entry was last taken up.
    judged_at: HashMap<StreamKey, EventId>,
    judgments: Vec<Judgment>,
}

/// What the chain has of a stream after a position.
#[derive(Clone, Debug)]
pub(super) enum FromChain {
    /// A baseline that sets the record, whatever it is.
    Baseline(Box<Baseline>),
    /// What a transaction left of the entry: the record is compared with it.
    Change(StreamEntryChange),
    /// The entry was deleted before this position.
    Deletion(EventId),
}

impl FromChain {
    /// Returns the position that it holds after.
    pub(super) const fn position(&self) -> EventId {
        match self {
            Self::Baseline(baseline) => baseline.raw.position,
            Self::Change(change) => change.position(),
            Self::Deletion(position) => *position,
        }
    }
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
    /// What entries told that events did not.
    pub(super) judgments: Vec<Judgment>,
    /// The records that something we keep raw spoke of, in a transaction without their last event.
    pub(super) doubted: Vec<Doubted>,
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
    /// Begins with records that hold everything up to their first event to come. What the chain has of a stream takes its
    /// place after the events that it holds.
    pub(super) fn new(
        records: HashMap<StreamKey, StreamRecord>,
        versions: ContractVersions,
        from_chain: HashMap<StreamKey, VecDeque<FromChain>>,
        effect: EventEffect,
    ) -> Self {
        let (touched, last, transfers) = (BTreeSet::new(), HashMap::new(), HashMap::new());
        let (judged_at, judgments) = (HashMap::new(), Vec::new());
        Self { records, effect, from_chain, touched, last, versions, transfers, judged_at, judgments }
    }

    /// Applies the next event and returns its amount, which may depend on the record before it.
    pub(super) fn apply(&mut self, event: &ContractEvent) -> Option<Amount> {
        let version = self.versions.at(event);
        let Some(stream) = stream_of(event) else { return event.event.amount(None) };
        if let Some(former_recipient) = event.event.former_recipient().cloned() {
            let transfers = self.transfers.entry(stream.clone()).or_default();
            transfers.push(Transfer { id: event.raw.id, former_recipient });
        }
        while self.next_from_chain(&stream).is_some_and(|next| next.position() < event.raw.id) {
            self.take_up(&stream);
        }
        let before = self.records.remove(&stream);
        let amount = event.event.amount(before.as_ref().map(|record| record.withdrawn));
        match self.effect.fold(before, &event.event, &event.raw, version) {
            Some(mut record) => {
                record.outdate(event.raw.id.ledger());
                self.records.insert(stream.clone(), record);
                self.touched.insert(stream);
            }
            None if self.next_from_chain(&stream).is_some() => drop(self.last.insert(stream, event.raw.clone())),
            None => {}
        }
        amount
    }

    /// Takes up what is left of the chain's, and marks the records that something we keep raw spoke of, unless the chain's
    /// own entry came after it.
    pub(super) fn finish(mut self, spoken_of: &[SpokenOf]) -> Finished {
        let streams: Vec<StreamKey> = self.from_chain.keys().cloned().collect();
        for stream in streams {
            while self.next_from_chain(&stream).is_some() {
                self.take_up(&stream);
            }
        }
        let mut doubted = Vec::new();
        for SpokenOf { stream, id, unreadable } in spoken_of {
            for judgment in self.judgments.iter_mut().filter(|judgment| judgment.stream == *stream) {
                judgment.is_explained |= judgment.position.same_transaction(*id);
            }
            let is_judged = self.judged_at.get(stream).is_some_and(|judged_at| judged_at > id);
            if let Some(record) = self.records.get_mut(stream).filter(|_| !is_judged) {
                let before = record.clone();
                match unreadable {
                    Some(reason) => record.cannot_be_read(reason.clone()),
                    None => record.doubt(),
                }
                let last_event = record.last_event;
                if *record != before && !last_event.same_transaction(*id) {
                    let parties = revisions::parties_of([&*record]);
                    doubted.push(Doubted { stream: stream.clone(), last_event, parties });
                }
                self.touched.insert(stream.clone());
            }
        }
        let Self { records, touched, versions, transfers, judgments, .. } = self;
        Finished { records, touched, versions, judgments, doubted, transfers }
    }

    fn next_from_chain(&self, stream: &StreamKey) -> Option<&FromChain> {
        self.from_chain.get(stream).and_then(VecDeque::front)
    }

    fn take_up(&mut self, stream: &StreamKey) {
        let Some(next) = self.from_chain.get_mut(stream).and_then(VecDeque::pop_front) else { return };
        let (position, before, last) = (next.position(), self.records.remove(stream), self.last.get(stream));
        let record = match next {
            // An endpoint returned it when it was already outdated. It stays stored but is ignored.
            FromChain::Baseline(baseline) if baseline.is_outdated_by(before.as_ref(), last) => {
                self.records.extend(before.map(|before| (stream.clone(), before)));
                return;
            }
            FromChain::Baseline(baseline) => Some(baseline.record(&stream.0, before, last)),
            FromChain::Deletion(position) => before.map(|before| StreamRecord::deleted(before, position.ledger())),
            FromChain::Change(change) => {
                let (record, judgment) = judge(change, before, last);
                self.judgments.extend(judgment);
                record
            }
        };
        if let Some(record) = record {
            self.records.insert(stream.clone(), record);
            self.touched.insert(stream.clone());
            self.judged_at.insert(stream.clone(), position);
        }
    }
}

/// Returns the stream that an event is about.
pub(super) fn stream_of(event: &ContractEvent) -> Option<StreamKey> {
    event.event.stream_id().map(|stream_id| (event.raw.contract_id.clone(), stream_id))
}

/// Returns the stream that a change of an entry is about.
pub(super) fn key_of(change: &StreamEntryChange) -> StreamKey {
    (change.contract_id.clone(), change.stream_id)
}
