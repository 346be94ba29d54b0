//! The local network of one seed, and everything that it emitted.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use flowfi_indexer::{
    devnet::{Call, Devnet, DevnetArgs, Input, Repertoire},
    domain::{
        Address, Amount, Clock, EventFilter, EventId, EventKind, EventType, HarmlessFields, LedgerSequence,
        RawContractEvent, StreamEvent, StreamId,
    },
    ingest::Incoming,
    source::{EndpointPool, EventsFrom, SourceError},
};
use rand::{Rng, rngs::StdRng};
use tokio::time::sleep;

/// The endpoint that the simulation itself reads: it has no faults.
pub const ORACLE: &str = "oracle";
/// The account that every subscriber also listens to: its creation ends the history.
const SENTINEL: &str = "sentinel";
const FIRST_SECOND: i64 = 1_700_000_000;

/// A clock that advances when told to.
struct SteppedClock(AtomicI64);

impl Clock for SteppedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

/// Where an event is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Row(EventType, Option<StreamId>),
    Quarantine,
    Upgrade,
}

pub struct Happened {
    pub raw: RawContractEvent,
    pub place: Place,
    /// Who was the recipient until this event.
    pub former_recipient: Option<Address>,
}

/// The parties of a stream, and what its recipient was before.
struct Parties {
    sender: Address,
    /// Each recipient with the event that made it the recipient.
    recipients: BTreeMap<EventId, Address>,
}

/// What happened on one chain since its first ledger.
#[derive(Default)]
pub struct History {
    pub events: BTreeMap<EventId, Happened>,
    pub hashes: BTreeMap<LedgerSequence, String>,
    parties: BTreeMap<StreamId, Parties>,
}

impl History {
    /// Returns whether there is such an event: each chain has other transactions.
    pub fn has(&self, id: EventId, tx_hash: &str) -> bool {
        self.events.get(&id).is_some_and(|event| event.raw.tx_hash == tx_hash)
    }

    /// Returns the ids of the events in a place, in order.
    pub fn ids_of(&self, is: impl Fn(Place) -> bool) -> Vec<EventId> {
        self.events.iter().filter(|(_, event)| is(event.place)).map(|(id, _)| *id).collect()
    }

    fn note_parties(&mut self, id: EventId, event: &StreamEvent) {
        let (Some(stream_id), Some(recipient)) = (event.stream_id(), event.recipient()) else { return };
        if let StreamEvent::Created(creation) = event {
            let recipients = BTreeMap::from([(id, recipient.clone())]);
            self.parties.insert(stream_id, Parties { sender: creation.sender.clone(), recipients });
        } else if event.former_recipient().is_some() {
            let parties = self.parties.get_mut(&stream_id).expect("a stream is created before it is handed on");
            parties.recipients.insert(id, recipient.clone());
        }
    }
}

pub struct Chain {
    pub devnet: Devnet,
    clock: Arc<SteppedClock>,
    oracle: Option<EndpointPool>,
    repertoire: Repertoire,
    /// What happened since the network's last start.
    pub history: History,
}

impl Chain {
    pub fn new(args: &DevnetArgs, repertoire: Repertoire) -> Self {
        let clock = Arc::new(SteppedClock(AtomicI64::new(FIRST_SECOND)));
        let devnet = Devnet::open(args, None, clock.clone()).unwrap();
        Self { devnet, clock, oracle: None, repertoire, history: History::default() }
    }

    /// Starts to read what happens, at the base URL of the network.
    pub async fn read_at(&mut self, base: &str) {
        self.oracle = Some(self.pool(base, &[ORACLE], 0));
        self.read_from(LedgerSequence(2)).await;
    }

    pub fn pool(&self, base: &str, endpoints: &[&str], seed: u64) -> EndpointPool {
        let urls: Vec<String> = endpoints.iter().map(|name| format!("{base}/devnet/rpc/{name}")).collect();
        EndpointPool::new(&urls, self.devnet.passphrase().to_owned(), seed).unwrap()
    }

    /// Closes a ledger with this many random transactions, some time after the previous one.
    pub async fn close(&mut self, rng: &mut StdRng, inputs: usize) {
        self.clock.0.fetch_add(rng.random_range(0..3_000), Ordering::Relaxed);
        let inputs = self.devnet.random_inputs_of(self.repertoire, rng, inputs);
        self.close_with(inputs).await;
    }

    /// Closes this many ledgers without transactions, each some seconds after the previous one.
    pub fn close_quiet(&mut self, rng: &mut StdRng, count: u32) {
        for _ in 0..count {
            self.clock.0.fetch_add(rng.random_range(1..8), Ordering::Relaxed);
            let ledger = self.devnet.close_ledger().unwrap();
            self.note_hash(ledger);
        }
    }

    /// Starts the network over, and returns the history before.
    pub async fn start_over(&mut self) -> History {
        self.devnet.reset().unwrap();
        let before = std::mem::take(&mut self.history);
        self.read_from(self.devnet.latest_ledger()).await;
        before
    }

    /// Closes a ledger with the creation that ends the history, and returns the id of its last event.
    pub async fn close_sentinel(&mut self) -> EventId {
        let creation = Call::Create {
            sender: self.sentinel(),
            recipient: self.devnet.account("alice"),
            token: self.devnet.token().into(),
            amount: Amount(1_000_000),
            duration_seconds: 100,
        };
        if self.repertoire == Repertoire::Both {
            // The contract may be paused. It may also still run the code that cannot be, which refuses this.
            drop(self.devnet.submit(Call::SetProtocolPause { caller: None, paused: false }));
        }
        self.close_with(vec![creation.into()]).await;
        *self.history.events.keys().next_back().unwrap()
    }

    pub fn sentinel(&self) -> Address {
        self.devnet.account(SENTINEL)
    }

    async fn close_with(&mut self, inputs: Vec<Input>) {
        let answers: Vec<_> = inputs.into_iter().map(|input| self.devnet.submit(input)).collect();
        let ledger = self.devnet.close_ledger().unwrap();
        for answer in answers {
            answer.await.unwrap();
        }
        self.read_from(ledger).await;
    }

    fn note_hash(&mut self, ledger: LedgerSequence) {
        self.history.hashes.insert(ledger, self.devnet.ledger_hash(ledger).unwrap());
    }

    /// Reads the ledger that was just closed; the first time also all ledgers before it.
    async fn read_from(&mut self, ledger: LedgerSequence) {
        for closed in ledger.0..=self.devnet.latest_ledger().0 {
            self.note_hash(LedgerSequence(closed));
        }
        let oracle = self.oracle.as_ref().expect("the network is served");
        let contract_ids = self.devnet.contract_ids();
        let page = loop {
            match oracle.events(&contract_ids, EventsFrom::Ledger(ledger), 10_000).await {
                Ok(page) => break page,
                // The connection of a busy machine may fail. How the judge reads is not what is tested.
                Err(SourceError::Transient { retry_after, .. }) => sleep(retry_after.unwrap_or_default()).await,
                Err(failure) => panic!("the oracle does not answer: {failure}"),
            }
        };
        for raw in page.events {
            let (place, former_recipient) = match Incoming::decode(raw.clone(), &HarmlessFields::default()) {
                Incoming::Event(event) => {
                    let event = event.event;
                    self.history.note_parties(raw.id, &event);
                    (Place::Row(event.event_type(), event.stream_id()), event.former_recipient().cloned())
                }
                Incoming::Upgrade(_) => (Place::Upgrade, None),
                Incoming::Entry(_) | Incoming::Quarantined(_) => (Place::Quarantine, None),
            };
            self.history.events.insert(raw.id, Happened { raw, place, former_recipient });
        }
        let emitted = self.devnet.events_emitted().into_iter().filter(|id| id.ledger() >= ledger);
        let of_contract = self.history.events.range(EventId::end_of_ledger(ledger.previous())..);
        let read = of_contract.filter(|(_, event)| event.raw.kind == EventKind::Contract).map(|(id, _)| *id);
        assert!(emitted.eq(read), "the oracle reads what the network says it emitted in ledger {ledger}");
    }

    pub fn stream_of(&self, id: EventId) -> Option<StreamId> {
        match self.history.events.get(&id)?.place {
            Place::Row(_, stream_id) => stream_id,
            Place::Quarantine | Place::Upgrade => None,
        }
    }

    /// Returns the sender and the recipient of an event's stream when the event happened. A fee comes before the creation
    /// of its stream.
    pub fn parties_of(&self, id: EventId) -> Option<(Address, Address)> {
        let Parties { sender, recipients } = self.history.parties.get(&self.stream_of(id)?)?;
        let (_, recipient) = recipients.range(..=id).next_back().or_else(|| recipients.iter().next())?;
        Some((sender.clone(), recipient.clone()))
    }

    /// Returns who was the recipient of an event's stream until the event.
    pub fn former_recipient_of(&self, id: EventId) -> Option<&Address> {
        self.history.events.get(&id)?.former_recipient.as_ref()
    }

    /// Returns how a subscription matches an event, if it does: whether the parties are needed to know.
    pub fn matches(&self, filter: &EventFilter, id: EventId) -> Option<ByWhat> {
        let Place::Row(event_type, stream_id) = self.history.events.get(&id)?.place else { return None };
        if !filter.types.is_empty() && !filter.types.contains(&event_type) {
            return None;
        }
        if filter.all || filter.streams.iter().any(|(_, wanted)| Some(*wanted) == stream_id) {
            return Some(ByWhat::Itself);
        }
        let (sender, recipient) = self.parties_of(id)?;
        let parties = [Some(&sender), Some(&recipient), self.former_recipient_of(id)];
        parties.into_iter().flatten().any(|party| filter.users.contains(party)).then_some(ByWhat::Parties)
    }
}

/// What an event was matched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByWhat {
    Itself,
    Parties,
}
