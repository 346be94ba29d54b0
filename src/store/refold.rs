//! Streams that get late events, on the way to their new records.
//!
//! A stream is folded again from all of its baselines and events. What a contract that is added to others has to catch up
//! with comes in order, so there its streams are folded on from their records. Rows are read one after
//! another; of those that are stored only what they name is kept, so that a stream of any length can be folded.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use futures_util::{TryFutureExt, TryStreamExt};
use sqlx::PgConnection;

use super::{
    StoreError,
    columns::{event_id, parse},
    connections::Transaction,
    contract_versions::{self, ContractVersions},
    deletions::Deletion,
    event_columns::{self, EventColumns, PartyColumns},
    fold::{Finished, Folding, FromChain, key_of, stream_of},
    judgments::Judgment,
    patience::Patience,
    quarantine::SpokenOf,
    stream_rows::{self, StreamColumns},
};
use crate::domain::{
    Address, Amount, Baseline, ContractEvent, ContractId, EventEffect, EventId, EventKind, RawContractEvent,
    StreamEntryChange, StreamId, StreamKey, StreamRecord,
};

/// The streams of one contract, folded up to a position.
#[derive(Debug)]
pub(super) struct Refold {
    contract_id: ContractId,
    /// Those that are folded again or on.
    streams: Vec<StreamId>,
    /// Those that have baselines.
    based: HashSet<StreamId>,
    folding: Folding,
    /// Everything up to here is folded.
    position: EventId,
    /// New events after that, in order.
    to_come: VecDeque<ContractEvent>,
    new: Vec<(ContractEvent, Option<Amount>)>,
    stored: Vec<StoredEvent>,
    /// The same few parties are named again and again.
    parties: HashSet<Arc<Parties>>,
    /// From the first to the last event that was folded.
    pub(super) folded: Option<(EventId, EventId)>,
    /// The same, of the streams that have baselines.
    pub(super) of_based: Option<(EventId, EventId)>,
}

/// What a refold comes to.
#[derive(Debug)]
pub(super) struct Refolded {
    pub(super) new: EventColumns,
    pub(super) stored: PartyColumns,
    pub(super) streams: StreamColumns,
    pub(super) versions: ContractVersions,
    /// What entries told that events did not.
    pub(super) judgments: Vec<Judgment>,
}

/// What comes late, and the streams to fold besides.
#[derive(Debug)]
pub(super) struct ToFold<'a> {
    /// Where the contract stands.
    pub(super) position: EventId,
    /// What events do to records.
    pub(super) effect: EventEffect,
    /// The events, in any order.
    pub(super) events: &'a [ContractEvent],
    /// Every baseline of every one of the streams, in the order of their positions.
    pub(super) baselines: &'a HashMap<StreamId, Vec<Baseline>>,
    /// What transactions left of the streams' entries, in the order of the chain.
    pub(super) entries: &'a [StreamEntryChange],
    /// Every deletion of an entry of these streams.
    pub(super) deletions: &'a [Deletion],
    /// Every stream that is to be folded.
    pub(super) streams: &'a BTreeSet<StreamId>,
    /// Those of them that are folded from their first event on, whatever is stored of them.
    pub(super) from_the_first: &'a BTreeSet<StreamId>,
}

/// Sender, recipient and token, as far as they are known.
type Parties = [Option<Address>; 3];

/// What is kept of a stored event that was folded.
#[derive(Debug)]
struct StoredEvent {
    id: EventId,
    stream_id: Option<StreamId>,
    /// What its row names.
    in_row: Arc<Parties>,
    /// What the event itself names.
    in_event: Arc<Parties>,
    /// Its amount, where the row has another.
    other_amount: Option<Amount>,
}

impl Refold {
    /// Folds the streams up to the contract's position. The transaction's deadline is for each row, since there may be any
    /// number of them.
    pub(super) async fn begin(
        transaction: &mut Transaction,
        contract_id: &ContractId,
        to_fold: &ToFold<'_>,
        decode: impl Fn(RawContractEvent) -> Option<ContractEvent>,
    ) -> Result<Self, StoreError> {
        let look_up = async |connection: &mut PgConnection| {
            let new = not_stored(connection, to_fold.events).await?;
            let followed_on = followed_on(connection, contract_id, to_fold, &new).await?;
            let versions = contract_versions::load(connection).await?;
            Ok((new, followed_on, versions))
        };
        let (new, followed_on, versions) = transaction.within(look_up).await?;
        let is_again = |stream_id: &&StreamId| !followed_on.contains_key(stream_id);
        let again: Vec<StreamId> = to_fold.streams.iter().filter(is_again).copied().collect();
        let key = |stream_id: StreamId| (contract_id.clone(), stream_id);
        let from_chain = from_chain(contract_id, &again, to_fold);
        let records = followed_on.into_iter().map(|(stream_id, record)| (key(stream_id), record)).collect();
        let mut refold = Self {
            contract_id: contract_id.clone(),
            streams: to_fold.streams.iter().copied().collect(),
            based: to_fold.baselines.keys().copied().collect(),
            folding: Folding::new(records, versions, from_chain, to_fold.effect),
            position: EventId::ZERO,
            new: Vec::with_capacity(new.len()),
            to_come: new,
            stored: Vec::new(),
            parties: HashSet::new(),
            folded: None,
            of_based: None,
        };
        refold.fold(transaction.row_by_row(), &again, to_fold.position, decode).await?;
        Ok(refold)
    }

    /// Folds everything that comes after: new events, and what is stored by now. A contract that joined the others may
    /// have rows after its position, the rest of a transaction that they have less of.
    pub(super) async fn go_on(
        &mut self,
        transaction: &mut Transaction,
        decode: impl Fn(RawContractEvent) -> Option<ContractEvent>,
    ) -> Result<(), StoreError> {
        let streams = std::mem::take(&mut self.streams);
        self.fold(transaction.row_by_row(), &streams, EventId::LAST, decode).await?;
        self.streams = streams;
        Ok(())
    }

    /// Folds what is stored of some streams up to a position, and what is new, in the order of the chain.
    async fn fold(
        &mut self,
        (connection, patience): (&mut PgConnection, &Patience),
        streams: &[StreamId],
        up_to: EventId,
        decode: impl Fn(RawContractEvent) -> Option<ContractEvent>,
    ) -> Result<(), StoreError> {
        let after = std::mem::replace(&mut self.position, up_to);
        let numbers: Vec<String> = streams.iter().map(ToString::to_string).collect();
        let mut rows = sqlx::query_as!(
            StoredEventRow,
            "select toid, event_index, contract_id, ledger_closed_at, tx_hash, topics, value, sender, recipient, token,
                    amount::text
             from stream_events
             where contract_id = $1 and stream_id = any($2::text[])
               and toid between $3 and $5
               and (toid, event_index) > ($3, $4) and (toid, event_index) <= ($5, $6)
             order by toid, event_index",
            self.contract_id.as_str(),
            &numbers,
            after.toid(),
            i64::from(after.index()),
            up_to.toid(),
            i64::from(up_to.index()),
        )
        .fetch(connection);
        loop {
            let next = patience.wait(rows.try_next().map_err(StoreError::from));
            let Some(row) = next.await? else { break };
            let (raw, in_row, amount) = row.read()?;
            self.apply_new_up_to(raw.id);
            if let Some(event) = decode(raw) {
                self.apply_stored(&event, in_row, amount);
            }
        }
        self.apply_new_up_to(up_to);
        Ok(())
    }

    fn apply_new_up_to(&mut self, id: EventId) {
        while let Some(event) = self.to_come.pop_front_if(|event| event.raw.id <= id) {
            let amount = self.apply(&event);
            self.new.push((event, amount));
        }
    }

    fn apply_stored(&mut self, event: &ContractEvent, in_row: Parties, amount_in_row: Option<Amount>) {
        let amount = self.apply(event);
        let of_event = &event.event;
        let in_event = [of_event.sender(), of_event.recipient(), of_event.token()].map(Option::<&Address>::cloned);
        let stored = StoredEvent {
            id: event.raw.id,
            stream_id: of_event.stream_id(),
            in_row: self.shared(in_row),
            in_event: self.shared(in_event),
            other_amount: amount.filter(|amount| Some(*amount) != amount_in_row),
        };
        self.stored.push(stored);
    }

    fn apply(&mut self, event: &ContractEvent) -> Option<Amount> {
        widen(&mut self.folded, event.raw.id);
        if event.event.stream_id().is_some_and(|stream_id| self.based.contains(&stream_id)) {
            widen(&mut self.of_based, event.raw.id);
        }
        self.folding.apply(event)
    }

    fn shared(&mut self, parties: Parties) -> Arc<Parties> {
        if let Some(known) = self.parties.get(&parties) {
            return Arc::clone(known);
        }
        let parties = Arc::new(parties);
        self.parties.insert(Arc::clone(&parties));
        parties
    }

    /// Marks the records that something we keep raw speaks of. Returns the rows to write.
    pub(super) fn finish(self, spoken_of: &[SpokenOf]) -> Refolded {
        let finished = self.folding.finish(spoken_of);
        let (mut new, mut stored) = (EventColumns::default(), PartyColumns::default());
        for (event, amount) in &self.new {
            new.push(event, *amount, finished.parties_at(stream_of(event).as_ref(), event.raw.id));
        }
        for event in &self.stored {
            let stream = event.stream_id.map(|stream_id| (self.contract_id.clone(), stream_id));
            let of_stream = finished.parties_at(stream.as_ref(), event.id);
            let [sender, recipient, token] =
                [0, 1, 2].map(|party: usize| event.in_event[party].as_ref().or(of_stream[party]));
            let is_named =
                |(known, in_row): (Option<&Address>, &Option<Address>)| known.is_none() || known == in_row.as_ref();
            let are_named = [sender, recipient, token].into_iter().zip(event.in_row.iter()).all(is_named);
            if !are_named || event.other_amount.is_some() {
                stored.push(event.id, [sender, recipient, token], event.other_amount);
            }
        }
        let Finished { records, touched, versions, judgments, .. } = finished;
        Refolded { new, stored, streams: StreamColumns::of(&records, touched), versions, judgments }
    }

    pub(super) fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    /// Returns the ids of the events that have no rows yet.
    pub(super) fn new_ids(&self) -> impl Iterator<Item = EventId> {
        self.new.iter().map(|(event, _)| event.raw.id)
    }
}

/// Returns what the chain has of the streams, in the order of the positions. Baselines and deletions are for those that are
/// folded again: the records of the others hold them.
fn from_chain(
    contract_id: &ContractId,
    again: &[StreamId],
    to_fold: &ToFold<'_>,
) -> HashMap<StreamKey, VecDeque<FromChain>> {
    let mut from_chain: HashMap<StreamKey, Vec<FromChain>> = HashMap::new();
    for stream_id in again {
        let baselines =
            to_fold.baselines.get(stream_id).into_iter().flatten().cloned().map(Box::new).map(FromChain::Baseline);
        let of_stream = to_fold.deletions.iter().filter(|(deleted, _)| deleted == stream_id);
        let deletions = of_stream.map(|(_, position)| FromChain::Deletion(*position));
        from_chain.entry((contract_id.clone(), *stream_id)).or_default().extend(baselines.chain(deletions));
    }
    for change in to_fold.entries {
        from_chain.entry(key_of(change)).or_default().push(FromChain::Change(change.clone()));
    }
    // A change that is kept as a baseline already has nothing more to tell.
    let in_order = |mut of_stream: Vec<FromChain>| {
        of_stream.sort_by_key(FromChain::position);
        of_stream.into()
    };
    from_chain.into_iter().map(|(stream, of_stream)| (stream, in_order(of_stream))).collect()
}

/// Returns those of the events that have no rows yet, in the order of the chain.
async fn not_stored(
    connection: &mut PgConnection,
    events: &[ContractEvent],
) -> Result<VecDeque<ContractEvent>, StoreError> {
    let ids: Vec<EventId> = events.iter().map(|event| event.raw.id).collect();
    let stored = event_columns::stored_among(connection, &ids).await?;
    let mut new: Vec<ContractEvent> = events.iter().filter(|event| !stored.contains(&event.raw.id)).cloned().collect();
    new.sort_by_key(|event| event.raw.id);
    new.dedup_by_key(|event| event.raw.id);
    Ok(new.into())
}

/// Returns the records of the streams that get nothing but events after the contract's position and after everything that
/// is stored of them. Before that position a record may hold what was set from the chain and not kept.
async fn followed_on(
    connection: &mut PgConnection,
    contract_id: &ContractId,
    to_fold: &ToFold<'_>,
    new: &VecDeque<ContractEvent>,
) -> Result<HashMap<StreamId, StreamRecord>, StoreError> {
    let mut first_new: HashMap<StreamId, EventId> = HashMap::new();
    for event in new {
        if let Some(stream_id) = event.event.stream_id() {
            first_new.entry(stream_id).or_insert(event.raw.id);
        }
    }
    first_new.retain(|stream_id, first| *first > to_fold.position && !to_fold.from_the_first.contains(stream_id));
    let streams: Vec<StreamId> = first_new.keys().copied().collect();
    let mut records = HashMap::new();
    for record in stream_rows::load(connection, &stream_rows::keys_of(contract_id, &streams)).await? {
        let baseline = to_fold.baselines.get(&record.stream_id).and_then(|of_it| of_it.last());
        let newest = baseline.map_or(record.last_event, |baseline| baseline.raw.position.max(record.last_event));
        // What an event that is kept raw has changed is not in the record.
        if newest < first_new[&record.stream_id] && !record.unverified {
            records.insert(record.stream_id, record);
        }
    }
    Ok(records)
}

fn widen(range: &mut Option<(EventId, EventId)>, id: EventId) {
    let (first, last) = range.unwrap_or((id, id));
    *range = Some((first.min(id), last.max(id)));
}

/// A stored event as it came, and what its row names.
struct StoredEventRow {
    toid: i64,
    event_index: i64,
    contract_id: String,
    ledger_closed_at: DateTime<Utc>,
    tx_hash: String,
    topics: Vec<String>,
    value: String,
    sender: Option<String>,
    recipient: Option<String>,
    token: Option<String>,
    amount: Option<String>,
}

impl StoredEventRow {
    fn read(self) -> Result<(RawContractEvent, Parties, Option<Amount>), StoreError> {
        let address = |column, text: Option<String>| text.map(|text| parse(column, &text)).transpose();
        let parties =
            [address("sender", self.sender)?, address("recipient", self.recipient)?, address("token", self.token)?];
        let amount = self.amount.map(|text| parse("amount", &text)).transpose()?;
        let raw = RawContractEvent {
            id: event_id(self.toid, self.event_index)?,
            kind: EventKind::Contract,
            contract_id: parse("contract_id", &self.contract_id)?,
            ledger_closed_at: self.ledger_closed_at,
            tx_hash: self.tx_hash,
            in_successful_call: true,
            topics: self.topics,
            value: self.value,
        };
        Ok((raw, parties, amount))
    }
}
