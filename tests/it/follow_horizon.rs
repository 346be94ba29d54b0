//! A Horizon beside and instead of Stellar RPC: the same history gives the same rows, it fills holes and the past, and it
//! is followed alone.

use std::process::Stdio;

use flowfi_indexer::{
    devnet::{DevnetArgs, Fault, HORIZON_ENDPOINT, Input, MAIN_ENDPOINT, Upgrade},
    domain::{CoverageSource, Epoch, EventId, LedgerRange, LedgerSequence, RawContractEvent},
    ingest::{Indexer, IngestSettings, OnReset, PaceArgs, backfill},
    source::{EndpointPool, EventsFrom, LedgerEvents, SourceError, WholeLedgers},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};
use tokio::{process::Command, sync::mpsc};

use crate::{
    completeness::{LakeFolder, lake_of, status_says, with_a_hole, world_with_a_lake},
    fake_horizon::{FakeHorizon, PASSPHRASE},
    ledgers::{CORE, metas},
    world::{GatewaySettings, Subscriber, World, eventually},
};

/// As the status shows it.
fn shape_of_horizon() -> Value {
    json!({"interface": "horizon", "ids": "toid", "cursors": "toid", "reportsSuccess": null})
}

const VERSION: &str = concat!("27.0.0-devnet.", env!("CARGO_PKG_VERSION"));

impl World {
    fn horizon_url(&self) -> String {
        self.rpc_url.replace("/devnet/rpc", "/devnet/horizon")
    }

    pub fn horizon(&self) -> EndpointPool {
        EndpointPool::of_horizon(&self.horizon_url(), self.devnet.passphrase(), 7).unwrap()
    }

    fn whole_ledgers_of_horizon(&self) -> WholeLedgers {
        WholeLedgers::of_endpoints(self.horizon(), StdRng::seed_from_u64(7)).unwrap()
    }

    /// An indexer that knows nothing but the Horizon.
    fn indexer_of_horizon(&self, settings: IngestSettings) -> Indexer {
        Indexer::new(self.horizon(), vec![self.whole_ledgers_of_horizon()], self.store.clone(), settings)
    }

    async fn covered_from(&self) -> Vec<CoverageSource> {
        let covered = self.store.coverage(&self.devnet.contract_id()).await.unwrap();
        covered.into_iter().map(|covered| covered.source).collect()
    }
}

/// Every event of the contracts, page by page, as an indexer reads them.
async fn pages(world: &World, pool: &EndpointPool) -> Vec<RawContractEvent> {
    let (mut events, mut from) = (Vec::new(), EventsFrom::Ledger(LedgerSequence(2)));
    loop {
        let page = pool.events(&world.devnet.contract_ids(), from, 1_000).await.unwrap();
        from = EventsFrom::After(page.cursor);
        let is_drained = page.is_drained();
        events.extend(page.events);
        if is_drained {
            return events;
        }
    }
}

/// Every event of the contracts, out of whole ledgers.
async fn out_of(world: &World, whole: &WholeLedgers) -> Vec<RawContractEvent> {
    let (out, mut read) = mpsc::channel::<Result<LedgerEvents, SourceError>>(1_000);
    let contract_ids = world.devnet.contract_ids();
    let range = LedgerSequence(2)..=world.devnet.latest_ledger();
    let collect = async {
        let mut events = Vec::new();
        while let Some(ledger) = read.recv().await {
            events.extend(ledger.unwrap().events);
        }
        events
    };
    tokio::join!(whole.events(&contract_ids, range, None, out), collect).1
}

/// Adds to the past of a network what differs between sources if anything does: several transactions in a ledger, a failed
/// one among them, and the network's own word about the contract.
async fn with_every_kind_of_transaction(world: &World) {
    for _ in 0..3 {
        let first = world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100));
        let failed = world.devnet.submit(Input::Failed);
        let upgrade = world.devnet.submit(Upgrade { wasm: None, code: None });
        let last = world.devnet.submit(world.creation("carol", "dave", 1_000_000, 100));
        world.devnet.close_ledgers(2).unwrap();
        for answer in [first.await, failed.await, upgrade.await, last.await] {
            answer.unwrap();
        }
    }
}

#[sqlx::test]
async fn the_same_history_gives_the_same_events_in_the_same_order_from_rpc_a_lake_and_a_horizon(pool: PgPool) {
    let folder = LakeFolder::new("lake-beside-a-horizon");
    let world = world_with_a_lake(pool, &folder).await;
    with_every_kind_of_transaction(&world).await;
    let over_rpc = pages(&world, &world.source()).await;
    assert!(over_rpc.len() > 10);
    assert_eq!(pages(&world, &world.horizon()).await, over_rpc);
    assert_eq!(out_of(&world, &lake_of(&world, &folder).await).await, over_rpc);
    assert_eq!(out_of(&world, &world.whole_ledgers_of_horizon()).await, over_rpc);
}

#[sqlx::test]
async fn a_long_generated_past_is_indexed_from_a_horizon_alone(pool: PgPool) {
    let args = DevnetArgs { history_events: 3_000, contracts: 2, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start(world.indexer_of_horizon(world.settings()));
    world.indexed().await;
    assert_eq!(world.stored_ids().await, world.devnet.events_emitted());
    assert!(world.devnet.events_emitted().len() >= 3_000);
    assert!(world.covered_from().await.iter().all(|source| *source == CoverageSource::Horizon));
}

#[sqlx::test]
async fn a_horizon_is_followed_alone_and_its_events_come_live(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    // Whoever asked the RPC endpoint would learn nothing.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Status { status: 503, retry_after_seconds: None }, None).unwrap();
    world.start(world.indexer_of_horizon(world.settings()));
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings { asks_the_chain: false, ..GatewaySettings::default() }).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let created = world.create("carol", "dave", 1_000_000, 100).await;
    assert_eq!(subscriber.ids(1).await[0].ledger(), created.ledger);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    assert_eq!(world.covered_from().await, [CoverageSource::Horizon]);
    let latest = json!(world.devnet.latest_ledger());
    let knows_the_tip = |status: &Value| {
        let endpoint = &status["endpoints"][0];
        endpoint["latestLedger"] == latest && !endpoint["shape"].is_null()
    };
    let status = status_says(&world, &base, "the Horizon is shown", knows_the_tip).await;
    assert_eq!((&status["reasons"], &status["endpoints"][0]["version"]), (&json!([]), &json!(VERSION)), "{status}");
    assert_eq!(status["coverage"][0]["source"], json!("horizon"), "{status}");
    assert_eq!(status["endpoints"][0]["shape"], shape_of_horizon(), "{status}");
}

#[sqlx::test]
async fn an_indexer_waits_for_a_horizon_that_is_away_or_behind_and_goes_on(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer_of_horizon(world.settings())).await;
    for fault in [
        Fault::Status { status: 503, retry_after_seconds: None },
        Fault::NodeBehind { ledgers: 9 },
        Fault::CutBody,
        Fault::Status { status: 429, retry_after_seconds: Some(0) },
    ] {
        world.devnet.close_ledgers(10).unwrap();
        world.devnet.inject_at(HORIZON_ENDPOINT, fault, Some(4)).unwrap();
        world.create("carol", "dave", 1_000_000, 100).await;
        world.index_to_the_tip(world.indexer_of_horizon(world.settings())).await;
        world.devnet.clear_faults();
    }
    world.start(world.indexer_of_horizon(world.settings()));
    world.create("erin", "frank", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_hole_of_the_endpoints_is_filled_from_a_horizon_and_the_feed_goes_on(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let first = world.devnet.latest_ledger().next();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    world.create("erin", "frank", 1_000_000, 100).await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 5 }, None).unwrap();
    let hole = LedgerRange::new(first, LedgerSequence(world.devnet.latest_ledger().0 - 5)).unwrap();
    let sources = vec![world.whole_ledgers_of_horizon()];
    world.start(Indexer::new(world.source(), sources, world.store.clone(), world.settings()));
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let covered = world.store.coverage(&world.devnet.contract_id()).await.unwrap();
    let of_horizon: Vec<_> = covered.iter().filter(|covered| covered.source == CoverageSource::Horizon).collect();
    assert_eq!(of_horizon.len(), 1);
    assert_eq!(of_horizon[0].ledgers, hole);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let shows_both = |status: &Value| status["endpoints"].as_array().is_some_and(|endpoints| endpoints.len() == 2);
    let status = status_says(&world, &base, "both are shown", shows_both).await;
    assert_eq!(status["endpoints"][1]["version"], json!(VERSION), "{status}");
}

#[sqlx::test]
async fn an_index_may_begin_before_the_endpoints_oldest_ledger_where_a_horizon_has_it(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 5 }, None).unwrap();
    let pace = PaceArgs { start_ledger: Some(LedgerSequence(2)), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    let sources = vec![world.whole_ledgers_of_horizon()];
    world.start(Indexer::new(world.source(), sources, world.store.clone(), settings));
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn the_past_is_filled_from_a_horizon_but_not_from_one_of_another_chain(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    let start = world.devnet.latest_ledger();
    let pace = PaceArgs { start_ledger: Some(start), ..world.settings().pace };
    world.start(world.indexer_of_horizon(IngestSettings { pace, ..world.settings() }));
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    eventually("the chain is known", || async {
        world.store.network().await.unwrap().is_some_and(|network| network.known.is_some())
    })
    .await;
    let past = LedgerRange::new(LedgerSequence(2), start.previous()).unwrap();
    let contract_id = world.devnet.contract_id();
    let fill = async || backfill(&world.store, &contract_id, &[world.whole_ledgers_of_horizon()], past, |_| {}).await;
    world.devnet.inject_at(HORIZON_ENDPOINT, Fault::OtherChain, None).unwrap();
    fill().await.unwrap_err();
    world.devnet.clear_faults();
    let filled = fill().await.unwrap();
    assert_eq!(filled.ledgers, past.count());
    assert!(filled.events > 0);
    assert_eq!(world.stored_ids().await, world.devnet.events_emitted());
}

#[sqlx::test]
async fn a_hole_of_a_horizon_that_is_followed_alone_is_filled_from_a_lake(pool: PgPool) {
    let folder = LakeFolder::new("lake-behind-a-horizon");
    let mut world = world_with_a_lake(pool, &folder).await;
    let (gone, missing) = with_a_hole(&world).await;
    let before = world.stored_ids().await;
    let indexed = world.progress().await.unwrap().last_whole_ledger;
    let lake = lake_of(&world, &folder).await;
    let sources = vec![lake, world.whole_ledgers_of_horizon()];
    world.start(Indexer::new(world.horizon(), sources, world.store.clone(), world.settings()));
    world.indexed().await;
    assert_eq!(missing.from(), indexed.next());
    let all: Vec<EventId> = [before, gone, world.devnet.events_emitted()].concat();
    assert_eq!(world.stored_ids().await, all);
}

#[sqlx::test]
async fn a_reset_of_the_network_is_recognised_over_a_horizon_alone(pool: PgPool) {
    let mut world = World::new(pool).await;
    let archiving =
        |world: &World| world.indexer_of_horizon(IngestSettings { on_reset: OnReset::Archive, ..world.settings() });
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(5).unwrap();
    world.index_to_the_tip(archiving(&world)).await;
    world.devnet.reset().unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.start(archiving(&world));
    eventually("the next epoch begins", || async { world.store.epoch().await.unwrap() == Epoch(1) }).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

/// Starts the daemon with one Horizon and nothing else, and returns its exit code and what it said.
async fn start_with(database: &PgPool, horizon: &FakeHorizon) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["serve", "--role", "indexer", "--auth", "off", "--horizon-url", &horizon.url])
        .args(["--network-passphrase", PASSPHRASE])
        .args(["--contracts", "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC"])
        .env("DATABASE_URL", database.connect_options().to_url_lossy().as_str())
        .env("RUST_LOG", "error")
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[sqlx::test]
async fn the_daemon_refuses_to_start_with_a_horizon_that_cannot_be_used_and_says_why_in_one_line(pool: PgPool) {
    let fake = FakeHorizon::of(&metas(CORE)).await;
    fake.set(|host| host.transactions.iter_mut().for_each(|record| record["result_meta_xdr"] = Value::Null));
    let (code, said) = start_with(&pool, &fake).await;
    assert_eq!((code, said.lines().count()), (Some(64), 1), "{said}");
    for word in ["--horizon-url", "127.0.0.1", "result_meta_xdr", "SKIP_TXMETA=false", "--lake"] {
        assert!(said.contains(word), "{said}");
    }
    assert!(!said.contains("password"), "{said}");
    fake.set(|host| host.passphrase = "another");
    let (code, said) = start_with(&pool, &fake).await;
    assert_eq!((code, said.lines().count()), (Some(64), 1), "{said}");
    assert!(said.contains("\"another\""), "{said}");
}

#[tokio::test]
async fn the_cross_check_still_takes_the_older_name_of_its_flag() {
    for flag in ["--horizon-url", "--horizon"] {
        let output = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
            .args(["cross-check", "1-2", flag, "ftp://elsewhere.invalid"])
            .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains("--horizon-url: ftp://elsewhere.invalid does not start with http"), "{said}");
    }
}
