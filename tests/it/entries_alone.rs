//! Records that are taken from the contract's entries alone: events are stored and sent, and change nothing by themselves.

use std::time::Duration;

use flowfi_indexer::{
    domain::{LedgerSequence, StreamId, StreamRecord},
    ingest::{Follow, Indexer, IngestSettings, PaceArgs, RecordState, Waits},
    source::EndpointPool,
};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};
use stellar_xdr::{LedgerEntryChange, Limits, ScVal, WriteXdr};
use tokio::process::Command;

use crate::{
    made_chain::{Made, MadeChain, MadeEvent, PASSPHRASE, change},
    made_stream::{STREAM, address, amount, contract, creation, entry, entry_with, map, symbol, unreadable},
    world::{GatewaySettings, NO_CHECK, Subscriber, World, eventually},
};

const SOON: Duration = Duration::from_millis(20);

/// An event of the stream with these fields besides its id.
fn event(name: &str, fields: &[(&str, ScVal)]) -> MadeEvent {
    let xdr = |value: &ScVal| value.to_xdr(Limits::none()).unwrap();
    let fields: Vec<_> = [("stream_id", ScVal::U64(STREAM.0))].into_iter().chain(fields.iter().cloned()).collect();
    let topics = vec![xdr(&symbol(name)), xdr(&ScVal::U64(STREAM.0))];
    MadeEvent { is_system: false, topics, value: xdr(&map(&fields)) }
}

fn withdrawal(units: u64) -> MadeEvent {
    event("tokens_withdrawn", &[("recipient", address(2)), ("amount", amount(units)), ("timestamp", ScVal::U64(200))])
}

fn top_up() -> MadeEvent {
    let fields = [("sender", address(1)), ("amount", amount(500)), ("new_deposited_amount", amount(1_500))];
    event("stream_topped_up", &fields)
}

struct Alone {
    world: World,
    chain: MadeChain,
    base: String,
}

impl Alone {
    async fn begin(pool: PgPool, follow: Follow) -> Self {
        let (mut world, chain) = (World::new(pool).await, MadeChain::start().await);
        let of_gateway =
            GatewaySettings { asks_the_chain: false, contracts: Some(contract().into()), ..Default::default() };
        let base = world.start_gateway(of_gateway).await;
        let settings = world.settings();
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(2)),
            records: RecordState::Entries.into(),
            check_interval: NO_CHECK,
            ..settings.pace.clone()
        };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contract().into(),
            pace,
            waits: Waits { comparison: SOON, ..settings.waits },
            ..settings
        };
        let source: EndpointPool = match follow {
            Follow::Events => chain.source_of_events(),
            Follow::Ledgers => chain.source(),
        };
        world.start(Indexer::new(source, Vec::new(), world.store.clone(), settings));
        Self { world, chain, base }
    }

    async fn close(&self, at: u64, events: Vec<MadeEvent>, changes: Vec<LedgerEntryChange>) {
        let ledger = self.chain.close(at, vec![Made { contract_id: contract(), events, changes }]);
        eventually("the ledger is indexed", || async {
            let progress = self.world.store.progress(&contract()).await.unwrap();
            progress.is_some_and(|progress| progress.last_whole_ledger >= ledger)
        })
        .await;
    }

    async fn record(&self) -> StreamRecord {
        self.world.store.stream(&contract(), STREAM).await.unwrap().unwrap()
    }

    async fn certain(&self) {
        let is_certain =
            || async { self.world.store.uncertain_streams(&contract(), StreamId(0), 1).await.unwrap().is_empty() };
        eventually("the record is taken from its entry", is_certain).await;
    }

    /// Returns what is claimable once all has accrued.
    async fn claimable(&self) -> (Value, Value) {
        let (status, shown) = self.world.get(&self.base, "/v1/streams/1/claimable?at=1000").await;
        assert_eq!(status, 200, "{shown}");
        (shown["claimableAmount"].clone(), shown["claimableReason"].clone())
    }

    async fn corrections(&self) -> usize {
        self.world.store.corrections_of(&contract(), STREAM, 10).await.unwrap().len()
    }
}

/// Goes through a creation and a top-up whose entries come late, and a withdrawal that comes with its entry.
async fn follows_entries(pool: PgPool, follow: Follow) {
    let alone = Alone::begin(pool, follow).await;
    let mut subscriber = Subscriber::connect(&alone.base, "all=true", None).await;
    alone.close(100, vec![creation()], Vec::new()).await;
    assert_eq!(alone.claimable().await, (Value::Null, json!("notYetChecked")), "there is no entry");
    let (_, shown) = alone.world.get(&alone.base, "/v1/streams/1").await;
    assert_eq!(shown["schedule"], json!({"kind": "unknown", "reason": "notYetChecked"}));

    let created = change(&contract(), STREAM, None, Some(&entry(0)));
    alone.close(110, vec![top_up()], created).await;
    alone.certain().await;
    assert_eq!(alone.record().await.deposited.to_string(), "1000", "the entry has it so, whatever the event says");
    assert_eq!(alone.claimable().await, (json!("1000"), Value::Null));

    let paid = change(&contract(), STREAM, Some(&entry(0)), Some(&entry(60)));
    alone.close(120, vec![withdrawal(60)], paid).await;
    alone.certain().await;
    assert_eq!(alone.record().await.withdrawn.to_string(), "60");
    assert_eq!(alone.claimable().await, (json!("940"), Value::Null));
    assert_eq!(alone.corrections().await, 0, "what an event announced is no correction");

    alone.close(130, vec![top_up()], Vec::new()).await;
    let (record, claimable) = (alone.record().await, alone.claimable().await);
    assert_eq!(claimable, (Value::Null, json!("notYetChecked")), "the entry is older than the event");
    assert_eq!(record.deposited.to_string(), "1000");
    let mut sent = Vec::new();
    while sent.len() < 4 {
        let frame = subscriber.next().await.expect("the stream continues");
        sent.extend(frame.event.clone().filter(|_| frame.feed_id().is_some()));
    }
    assert_eq!(sent, ["stream.created", "stream.topped_up", "stream.withdrawn", "stream.topped_up"]);
}

#[sqlx::test]
async fn a_record_is_what_its_entry_in_a_whole_ledger_says_and_waits_for_it(pool: PgPool) {
    follows_entries(pool, Follow::Ledgers).await;
}

#[sqlx::test]
async fn a_record_is_what_its_entry_says_when_it_is_asked_for_and_waits_for_it(pool: PgPool) {
    follows_entries(pool, Follow::Events).await;
}

#[sqlx::test]
async fn an_entry_that_cannot_be_read_leaves_the_record_as_it_was_checked_and_the_next_one_corrects_nothing(
    pool: PgPool,
) {
    let alone = Alone::begin(pool, Follow::Ledgers).await;
    alone.close(100, vec![creation()], change(&contract(), STREAM, None, Some(&entry(0)))).await;
    let broken = change(&contract(), STREAM, Some(&entry(0)), Some(&unreadable()));
    alone.close(110, vec![top_up()], broken).await;
    assert_eq!(alone.claimable().await, (Value::Null, json!("unreadableEntry")));
    assert_eq!(alone.record().await.deposited.to_string(), "1000");
    let topped_up = entry_with(0, ("deposited_amount", amount(1_500)));
    alone.close(120, Vec::new(), change(&contract(), STREAM, Some(&unreadable()), Some(&topped_up))).await;
    assert_eq!(alone.claimable().await, (json!("1500"), Value::Null));
    assert_eq!(alone.corrections().await, 0, "an event announced it");
}

#[sqlx::test]
async fn a_payment_that_no_event_tells_is_a_correction_all_the_same(pool: PgPool) {
    let alone = Alone::begin(pool, Follow::Events).await;
    alone.close(100, vec![creation()], change(&contract(), STREAM, None, Some(&entry(0)))).await;
    alone.certain().await;
    let paid = change(&contract(), STREAM, Some(&entry(0)), Some(&entry(60)));
    alone.close(120, vec![top_up()], paid).await;
    alone.certain().await;
    let corrections = alone.world.store.corrections_of(&contract(), STREAM, 10).await.unwrap();
    let corrected: Vec<_> = corrections.iter().map(|it| (it.field.as_str(), it.ours.as_str())).collect();
    assert_eq!(corrected, [("withdrawn_amount", "0")]);
}

#[sqlx::test]
async fn a_reindex_leaves_what_no_entry_tells_open_too(pool: PgPool) {
    let alone = Alone::begin(pool, Follow::Ledgers).await;
    alone.close(100, vec![creation()], Vec::new()).await;
    let reindex = async |state: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"));
        command.args(["reindex", "--state", state, "--contracts", contract().as_str()]);
        command.env("DATABASE_URL", alone.world.pool.connect_options().to_url_lossy().as_str());
        let ended = command.output().await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    reindex("entries").await;
    assert_eq!(alone.claimable().await, (Value::Null, json!("notYetChecked")));
    reindex("events").await;
    assert_eq!(alone.claimable().await, (json!("1000"), Value::Null), "the rules for events say so");
}
