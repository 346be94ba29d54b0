//! Commits events as the indexer does: one transaction for each line `STREAM AMOUNT` of the standard input.

use chrono::{DateTime, Utc};
use flowfi_indexer::{
    domain::{
        Address, Amount, Clock, ContractEvent, ContractId, CoverageSource, Creator, EventId, EventKind, LedgerSequence,
        RawContractEvent, StreamCreation, StreamEvent, StreamId, SystemClock, UnixTime,
    },
    store::{Batch, Records, Store, Writer},
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

const FIRST_LEDGER: u32 = 1;

pub fn contract() -> ContractId {
    ContractId::from_bytes([7; 32])
}

/// Writes as the only writer of a database.
pub struct Publisher {
    store: Store,
    writer: Writer,
    ledger: u32,
}

impl Publisher {
    /// Starts after what the database has.
    pub async fn start(store: Store) -> Self {
        let mut writer = Writer::try_acquire(&store, contract().into()).await.unwrap().expect("nobody else writes");
        let ledger = if let Some(position) = writer.position() {
            position.ledger().0
        } else {
            writer.start_at(LedgerSequence(FIRST_LEDGER)).await.unwrap();
            FIRST_LEDGER
        };
        Self { store, writer, ledger }
    }

    /// Creates streams from 0 on.
    pub async fn create(&mut self, streams: u32) {
        for first in (0..streams).step_by(1_000) {
            let events = (first..streams.min(first + 1_000)).map(created).collect();
            self.commit(events).await;
        }
    }

    /// Tops up a stream for each line, until there are no more.
    pub async fn follow_stdin(&mut self) {
        let (mut lines, signs) = (BufReader::new(stdin()).lines(), self.writer.signs_of_life());
        // No line comes until all connections are open, and the writer's lease would end before.
        while let Some(line) = signs.during(lines.next_line()).await.unwrap() {
            let (stream, amount) = line.split_once(' ').expect("a line is STREAM AMOUNT");
            let event = StreamEvent::ToppedUp {
                stream_id: stream.parse().unwrap(),
                sender: party(),
                amount: amount.parse().unwrap(),
                new_deposited_amount: Amount(1),
                new_end_time: None,
            };
            self.commit(vec![event]).await;
        }
    }

    async fn commit(&mut self, events: Vec<StreamEvent>) {
        self.ledger += 1;
        let (ledger, now) = (LedgerSequence(self.ledger), SystemClock.now());
        let events = (0..).zip(events).map(|(index, event)| ContractEvent { raw: raw(ledger, index, now), event });
        let batch = Batch {
            events: events.collect(),
            entries: Vec::new(),
            upgrades: Vec::new(),
            quarantined: Vec::new(),
            position: EventId::end_of_ledger(ledger),
            last_whole_ledger: ledger,
            covered_by: Some(CoverageSource::Rpc),
            last_whole_ledger_closed_at: Some(now),
        };
        let prepared = self.store.prepare(batch, &Records::default()).await.unwrap();
        self.writer.commit(prepared).await.unwrap();
    }
}

fn party() -> Address {
    contract().into()
}

fn raw(ledger: LedgerSequence, index: u32, ledger_closed_at: DateTime<Utc>) -> RawContractEvent {
    RawContractEvent {
        id: EventId::of(ledger, 1, 0, index).expect("a small index"),
        kind: EventKind::Contract,
        contract_id: contract(),
        ledger_closed_at,
        tx_hash: "ab".repeat(32),
        in_successful_call: true,
        topics: vec!["AAAA".to_owned(), "BBBB".to_owned()],
        value: "CCCC".to_owned(),
    }
}

fn created(stream: u32) -> StreamEvent {
    StreamEvent::Created(StreamCreation {
        stream_id: StreamId(stream.into()),
        creator: Creator::Stream,
        schedule: None,
        sender: party(),
        recipient: party(),
        token_address: party(),
        rate_per_second: Some(Amount(1)),
        deposited_amount: Some(Amount(1_000_000)),
        start_time: Some(UnixTime(1_700_000_000)),
        step_count: None,
        last_unlock_time: None,
        cliff_time: None,
        cliff_unlock_amount: None,
    })
}
