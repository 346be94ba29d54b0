//! The known pitfalls for an indexer on Stellar, by number: each is a test whose name is the rule that avoids it.

mod event_data;
mod serving;
mod source_state;

use std::{future::Future, pin::pin, time::Duration};

use flowfi_indexer::{
    devnet::{Emit, EventKind, RawEvent},
    domain::{ContractId, EventId, LedgerRange, LedgerSequence, RawContractEvent},
    ingest::{Follow, Indexer, IngestSettings, OnReset, PaceArgs, RecordState, Waits},
    source::EndpointPool,
    store::{IndexerReport, Progress, Store},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    contract_events::fixture,
    endpoints::contract,
    fake_rpc::{FakeRpc, PASSPHRASE},
    world::{NO_CHECK, World, eventually},
};

/// The first ledger that indexers of a fake endpoint read. Older ledgers must be possible.
const FIRST: LedgerSequence = LedgerSequence(200);

fn ledgers(from: u32, to: u32) -> LedgerRange {
    LedgerRange::new(LedgerSequence(from), LedgerSequence(to)).unwrap()
}

/// So long that nobody looks at the tip a second time within a test.
const ONE_LOOK: Duration = Duration::from_mins(10);

fn settings_of_one_look(world: &World) -> IngestSettings {
    let pace = PaceArgs { poll_interval: ONE_LOOK, ..world.settings().pace };
    IngestSettings { pace, ..world.settings() }
}

fn pool_of(fake: &FakeRpc) -> EndpointPool {
    EndpointPool::new(std::slice::from_ref(&fake.url), PASSPHRASE.to_owned(), 7).unwrap()
}

/// Returns settings for the fixtures' contract on a fake endpoint.
pub fn settings_of_fake() -> IngestSettings {
    IngestSettings {
        network_passphrase: PASSPHRASE.to_owned(),
        contracts: contract().into(),
        pace: PaceArgs {
            start_ledger: Some(FIRST),
            poll_interval: ONE_LOOK,
            page_limit: 100,
            check_interval: NO_CHECK,
            records: RecordState::Events.into(),
            follow: Follow::Events,
        },
        on_reset: OnReset::Stop,
        waits: Waits::default(),
        seed: 7,
    }
}

/// Returns an indexer of the fixtures' contract that asks this endpoint and looks at the tip once.
fn indexer_of(fake: &FakeRpc, store: &Store) -> Indexer {
    Indexer::new(pool_of(fake), Vec::new(), store.clone(), settings_of_fake())
}

/// Lets an indexer run until a condition holds, then stops it. It must not end before that.
async fn index_until<F, Fut>(indexer: Indexer, what: &str, holds: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let stop = CancellationToken::new();
    let mut run = pin!(indexer.run(stop.clone()));
    tokio::select! {
        ended = &mut run => panic!("the indexer ended before {what}: {ended:?}"),
        () = eventually(what, holds) => stop.cancel(),
    }
    run.await.unwrap();
}

async fn report(store: &Store, contract_id: &ContractId) -> Option<IndexerReport> {
    store.indexer_report(contract_id).await.unwrap().map(|aged| aged.report)
}

async fn progress(store: &Store, contract_id: &ContractId) -> Option<Progress> {
    store.progress(contract_id).await.unwrap()
}

async fn last_whole_ledger(store: &Store, contract_id: &ContractId) -> u32 {
    progress(store, contract_id).await.map_or(0, |progress| progress.last_whole_ledger.0)
}

/// Lets the indexer of a fake endpoint run until it has seen everything.
async fn index_all_of(fake: &FakeRpc, store: &Store) {
    let mut latest = 0;
    fake.set(|node| latest = node.latest);
    index_until(indexer_of(fake, store), "everything is indexed", || async {
        last_whole_ledger(store, &contract()).await == latest
    })
    .await;
}

/// Returns an event of the fixtures at a position on the chain.
fn event_at(name: &str, ledger: u32, index: u32) -> RawContractEvent {
    let id = EventId::of(LedgerSequence(ledger), 1, 0, index).unwrap();
    RawContractEvent { id, ..fixture(name) }
}

/// Returns an event as `getEvents` shows it.
fn shown(event: &RawContractEvent) -> Value {
    json!({"type": event.kind.as_str(), "ledger": event.id.ledger(), "ledgerClosedAt": event.ledger_closed_at,
        "contractId": event.contract_id, "id": event.id, "txHash": event.tx_hash, "topic": event.topics,
        "value": event.value})
}

/// Puts raw events into a ledger of the local network.
async fn emit(world: &World, contract_id: ContractId, events: Vec<RawEvent>) {
    let answer = world.devnet.submit(Emit { contract_id, kind: EventKind::Contract, events, count: 1 });
    world.devnet.close_ledger().unwrap();
    answer.await.unwrap();
}
