//! Pitfalls 1 to 15: the states that a source can be in.

use std::time::Duration;

use flowfi_indexer::{
    devnet::{DevnetArgs, Fault, MAIN_ENDPOINT},
    domain::{ContractId, CoverageSource, EventId, LedgerSequence},
    ingest::{Indexer, IngestError, IngestSettings, PaceArgs},
    source::{EndpointPool, EndpointState, EventsFrom, LedgerMark, SourceError, WholeLedgers},
    store::{IndexerState, Store},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use sqlx::{PgPool, Row};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    FIRST, event_at, index_all_of, index_until, indexer_of, last_whole_ledger, ledgers, pool_of, report,
    settings_of_fake, settings_of_one_look, shown,
};
use crate::{
    endpoints::{contract, due, end_of, events, two},
    fake_rpc::{Answer, FakeRpc},
    world::{GatewaySettings, Subscriber, World, eventually},
};

/// Creates ledgers with an event in each of the first and the last, indexed up to the first. Returns its number.
async fn indexed_up_to_the_first(world: &World) -> u32 {
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let first = world.devnet.latest_ledger().0;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    world.create("erin", "frank", 1_000_000, 100).await;
    first
}

// At stake: the events of the gap, or the order of those around it.
#[sqlx::test]
async fn p01_a_retention_gap_is_filled_in_order_from_whole_ledgers_before_going_on(pool: PgPool) {
    let mut world = World::new(pool).await;
    let seen = indexed_up_to_the_first(&world).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::Retention { ledgers: 5 }, None).unwrap();
    let archive = format!("{}/archive", world.rpc_url);
    let archive = EndpointPool::new(&[archive], world.devnet.passphrase().to_owned(), 7).unwrap();
    let archive = WholeLedgers::of_endpoints(archive, StdRng::seed_from_u64(7)).unwrap();
    world.start(Indexer::new(world.source(), vec![archive], world.store.clone(), world.settings()));
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    assert_eq!(subscriber.ids(4).await, world.devnet.events_emitted()[3..]);
    let covered = world.store.coverage(&world.devnet.contract_id()).await.unwrap();
    let filled = covered.iter().find(|covered| covered.source == CoverageSource::GetLedgers).unwrap();
    assert_eq!(filled.ledgers, ledgers(seen + 1, world.devnet.latest_ledger().0 - 5));
}

// At stake: events, lost silently.
#[sqlx::test]
async fn p01_at_a_retention_gap_without_a_source_the_indexer_stops_and_names_it(pool: PgPool) {
    let mut world = World::new(pool).await;
    let seen = indexed_up_to_the_first(&world).await;
    world.devnet.set_retention(5);
    world.start_indexer(100);
    let contract_id = world.devnet.contract_id();
    eventually("the gap is named", || async {
        report(&world.store, &contract_id).await.is_some_and(|report| report.state == IndexerState::Hole)
    })
    .await;
    let missing = report(&world.store, &contract_id).await.unwrap().missing;
    assert_eq!(missing, Some(ledgers(seen + 1, world.devnet.latest_ledger().0 - 5)));
    assert_eq!(last_whole_ledger(&world.store, &contract_id).await, seen);
    assert!(world.stored_ids().await.iter().all(|id| id.ledger().0 <= seen));
}

// At stake: everything from there on, because of a gap that is not one.
#[sqlx::test]
async fn p01_the_edge_of_retention_is_not_a_gap(pool: PgPool) {
    let mut world = World::new(pool).await;
    let seen = indexed_up_to_the_first(&world).await;
    let emitted = world.devnet.events_emitted();
    world.devnet.set_retention(world.devnet.latest_ledger().0 - seen);
    world.start_indexer(100);
    world.indexed().await;
    assert_eq!(world.stored_ids().await, emitted);
}

// At stake: the events of ledgers that were dropped between the server's check of the range and its reading.
#[sqlx::test]
async fn p01_ledgers_dropped_while_a_page_was_read_are_a_gap(pool: PgPool) {
    let store = Store::on(pool);
    let fake = FakeRpc::start().await;
    fake.set(|node| node.oldest_after_reading = Some(300));
    index_until(indexer_of(&fake, &store), "the gap is named", || async {
        report(&store, &contract()).await.is_some_and(|report| report.missing == Some(ledgers(FIRST.0, 299)))
    })
    .await;
    assert_eq!(last_whole_ledger(&store, &contract()).await, FIRST.0 - 1);
}

// At stake: the order of the feed, or the time until a node has caught up.
#[sqlx::test]
async fn p02_the_indexer_waits_for_a_node_that_is_behind_and_the_cursor_stays(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let before = world.progress().await.unwrap();
    world.devnet.inject(Fault::NodeBehind { ledgers: 1 }, None).unwrap();
    world.start_indexer(100);
    let contract_id = world.devnet.contract_id();
    eventually("the node is known to be behind", || async {
        let detail = report(&world.store, &contract_id).await.and_then(|report| report.detail);
        detail.is_some_and(|detail| detail.contains("is behind"))
    })
    .await;
    assert_eq!(world.progress().await.unwrap(), before);
    world.devnet.clear_faults();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

// At stake: the truth about the lag, or a busy processor. A tip that was higher before would never be reached.
#[sqlx::test]
async fn p03_a_latest_ledger_that_goes_down_between_replies_does_not_change_the_end(pool: PgPool) {
    let store = Store::on(pool);
    let fake = FakeRpc::start().await;
    fake.set(|node| {
        node.latest = 30_000;
        // A tip much further ahead would have to be confirmed by the node itself.
        node.latest_of_next = [30_015; 2].into();
    });
    index_until(indexer_of(&fake, &store), "it follows at the lower tip", || async {
        let state = report(&store, &contract()).await.map(|report| report.state);
        state == Some(IndexerState::Following) && last_whole_ledger(&store, &contract()).await == 30_000
    })
    .await;
    fake.set(|node| node.latest = 30_015);
    index_all_of(&fake, &store).await;
}

// At stake: hours, or everything after a stretch without events.
#[sqlx::test]
async fn p04_after_an_empty_page_before_the_head_the_next_one_is_requested_at_once(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.devnet.close_ledgers(30).unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.inject(Fault::EmptyPages { ledgers: 3 }, Some(10)).unwrap();
    let mut settings = settings_of_one_look(&world);
    settings.pace.start_ledger = Some(LedgerSequence(3));
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    assert_eq!(world.stored_ids().await, world.devnet.events_emitted()[1..], "all but the network's first ledger");
}

// At stake: everything after the first stretch of ledgers that the server covers.
#[sqlx::test]
async fn p05_a_short_page_is_not_the_end(pool: PgPool) {
    let store = Store::on(pool);
    let fake = FakeRpc::start().await;
    let both = [event_at("initialized", 201, 0), event_at("admin_transferred", 49_999, 0)];
    fake.set(|node| node.events = both.iter().map(shown).collect());
    index_all_of(&fake, &store).await;
    assert_eq!(fake.asked("getEvents").last().unwrap()["pagination"]["limit"], 100);
    assert_eq!(store.newest_event().await.unwrap(), Some(both[1].id));
}

// At stake: the last ledger. It would be unknown that it is whole.
#[sqlx::test]
async fn p05_a_full_page_may_be_exactly_the_end(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    let mut settings = settings_of_one_look(&world);
    settings.pace.page_limit = 4;
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

// At stake: the rest of a ledger, a transaction or an operation.
#[sqlx::test]
async fn p06_a_page_that_ends_inside_a_transaction_is_continued_after_its_last_event(pool: PgPool) {
    let mut world = World::with_devnet(pool, &DevnetArgs { history_events: 300, ..DevnetArgs::by_hand() }).await;
    world.start_indexer(1);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let without_parties =
        sqlx::query("select count(*) from stream_events where stream_id is not null and sender is null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(without_parties.get::<i64, _>(0), 0, "a fee and its creation are folded together");
}

// At stake: progress. The same ledgers would be read again and again.
#[tokio::test]
async fn p07_a_page_never_leads_back_before_the_requested_position() {
    let fake = FakeRpc::start().await;
    fake.set(|node| node.cursor = Some(EventId::end_of_ledger(LedgerSequence(150))));
    let pool = pool_of(&fake);
    for from in [end_of(200), EventsFrom::Ledger(LedgerSequence(201))] {
        let page = events(&pool, from).await.unwrap();
        assert_eq!(page.cursor, EventId::end_of_ledger(LedgerSequence(200)));
    }
}

// At stake: the reading of whole ledgers at each tip. A cursor at the tip is an invalid parameter, which is not
// retried.
#[sqlx::test]
async fn p08_whole_ledgers_are_requested_by_number_so_that_the_tip_is_not_an_error(pool: PgPool) {
    let world = World::new(pool).await;
    world.devnet.close_ledgers(5).unwrap();
    let tip = world.devnet.latest_ledger();
    let whole = WholeLedgers::of_endpoints(world.source(), StdRng::seed_from_u64(7)).unwrap();
    let (out, mut read) = mpsc::channel(100);
    whole.events(&world.devnet.contract_ids(), LedgerSequence(2)..=tip.next(), None, out).await;
    for number in 2..=tip.0 {
        assert_eq!(read.recv().await.unwrap().unwrap().header.sequence.0, number);
    }
    let end = read.recv().await.unwrap().unwrap_err();
    assert!(matches!(end, SourceError::NodeBehind { wanted, .. } if wanted == tip.next()), "{end}");
}

// At stake: everything after a stretch that is too much for the node at once.
#[sqlx::test]
async fn p09_a_request_over_the_processing_limit_is_made_smaller_to_a_floor_and_grows_back(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(40).unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    world.devnet.inject(Fault::ProcessingLimit { ledgers: 1, events: Some(10) }, None).unwrap();
    let source = world.source();
    world.index_to_the_tip(Indexer::new(source.clone(), Vec::new(), world.store.clone(), world.settings())).await;
    // The indexer kept asking at the tip, and each answer let the window grow.
    let from = EventsFrom::Ledger(LedgerSequence(2));
    source.events(&world.devnet.contract_ids(), from, 100).await.unwrap();
    assert!(source.health()[0].window_ledgers.is_some_and(|ledgers| ledgers < 5));
    world.assert_equal_to_the_chain().await;
    world.devnet.clear_faults();
    for _ in 0..60 {
        source.events(&world.devnet.contract_ids(), from, 100).await.unwrap();
    }
    assert_eq!((source.health()[0].window_ledgers, source.health()[0].page_limit), (None, None));
}

// At stake: the feed, because of an answer that would have been different a moment later.
#[sqlx::test]
async fn p10_requests_are_repeated_after_busy_failing_and_broken_answers(pool: PgPool) {
    let mut world = World::new(pool).await;
    let answer = |status| Fault::Status { status, retry_after_seconds: Some(0) };
    world.start_indexer(100);
    for fault in [answer(429), answer(502), answer(503), answer(504), Fault::CutBody] {
        world.devnet.inject(fault, Some(2)).unwrap();
        world.create("alice", "bob", 1_000_000, 100).await;
        world.indexed().await;
    }
    world.assert_equal_to_the_chain().await;
}

// At stake: the whole service, because of what one endpoint says.
#[sqlx::test]
async fn p10_nothing_that_the_only_endpoint_says_ends_the_daemon(pool: PgPool) {
    let store = Store::on(pool);
    let fake = FakeRpc::start().await;
    index_all_of(&fake, &store).await;
    let refusals = [
        (Answer::Error(-32_602, "invalid cursor"), "invalid cursor"),
        (Answer::Error(-32_601, "method not found"), "method not found"),
        (Answer::Status(301, None), "301"),
        (Answer::Status(400, None), "400"),
        (Answer::Status(402, None), "402"),
        (Answer::Status(403, None), "403"),
        (Answer::Status(404, None), "404"),
        (Answer::Status(413, None), "413"),
    ];
    for (answer, says) in refusals {
        let mut latest = 0;
        fake.set(|node| {
            node.latest += 10;
            (latest, node.always) = (node.latest, Some(answer.clone()));
        });
        let pace = PaceArgs { poll_interval: Duration::from_millis(10), ..settings_of_fake().pace };
        let settings = IngestSettings { pace, ..settings_of_fake() };
        let indexer = Indexer::new(pool_of(&fake), Vec::new(), store.clone(), settings);
        let stop = CancellationToken::new();
        let story = async {
            eventually("the report says why", || async {
                let report = report(&store, &contract()).await;
                report.is_some_and(|report| {
                    let detail = report.detail.unwrap_or_default();
                    report.state == IndexerState::SourceAway && detail.contains(says)
                })
            })
            .await;
            fake.set(|node| node.always = None);
            eventually("it continues", || async { last_whole_ledger(&store, &contract()).await == latest }).await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(indexer.run(stop.clone()), story);
        ended.unwrap();
    }
}

// At stake: a hole that is never filled, if a server sends its errors with their own HTTP status.
#[tokio::test]
async fn p10_a_json_rpc_error_is_read_whatever_the_http_status() {
    const GONE: &str = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"startLedger must be within the ledger range: 900 - 1000"}}"#;
    for status in [400, 403, 500, 503] {
        let fake = FakeRpc::start().await;
        fake.set(|node| node.next.push_back(Answer::StatusReply(status, GONE)));
        let failure = events(&pool_of(&fake), end_of(200)).await.unwrap_err();
        let is_gone = matches!(failure, SourceError::BehindRetention { oldest: LedgerSequence(900), .. });
        assert!(is_gone, "HTTP {status}: {failure}");
    }
}

// At stake: the ledgers that a node with a fresh database lacks, or the daemon, because of a node that just restarts.
#[sqlx::test]
async fn p11_the_indexer_waits_for_a_node_that_restarts_and_the_ledgers_that_it_lost_are_a_gap(pool: PgPool) {
    let mut world = World::new(pool).await;
    let seen = indexed_up_to_the_first(&world).await;
    let text = Some("data stores are not initialized: ledgers are being ingested".to_owned());
    world.devnet.inject(Fault::RpcError { code: -32_603, message: text }, Some(3)).unwrap();
    world.devnet.set_retention(5);
    world.start_indexer(100);
    let contract_id = world.devnet.contract_id();
    let missing = Some(ledgers(seen + 1, world.devnet.latest_ledger().0 - 5));
    eventually("the gap is named", || async {
        report(&world.store, &contract_id).await.is_some_and(|report| report.missing == missing)
    })
    .await;
    assert_eq!(last_whole_ledger(&world.store, &contract_id).await, seen);
}

// At stake: the index. Another chain's events would be mixed into it, or nothing would arrive any more.
#[sqlx::test]
async fn p12_a_reset_is_recognized_by_a_lower_tip_that_closed_later(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(10).unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    world.devnet.reset().unwrap();
    world.devnet.close_ledger().unwrap();
    let failure = world.indexer_failure().await;
    assert!(failure.is_reset(), "{failure}");
    assert!(failure.to_string().contains("the network was reset"), "{failure}");
}

// At stake: the same, if the new chain was longer than the old one when the indexer started.
#[sqlx::test]
async fn p12_a_reset_that_has_grown_past_the_cursor_is_recognized_by_another_hash(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let known = async || world.store.network().await.unwrap().and_then(|network| network.known);
    index_until(world.indexer(100), "a ledger is noted", || async { known().await.is_some() }).await;
    let known = known().await.unwrap();
    world.devnet.reset().unwrap();
    world.devnet.close_ledgers(30).unwrap();
    let failure = world.indexer_failure().await;
    let IngestError::OtherChain { ledger, expected, .. } = failure else { panic!("another failure: {failure}") };
    assert_eq!((ledger, expected), (known.sequence, LedgerMark::Hash(known.hash)));
}

// At stake: bandwidth. That reply contains the whole ledger.
#[sqlx::test]
async fn p12_the_latest_ledger_with_its_metadata_is_not_polled(pool: PgPool) {
    let store = Store::on(pool);
    let fake = FakeRpc::start().await;
    index_all_of(&fake, &store).await;
    assert!(!fake.asked("getEvents").is_empty() && fake.asked("getLatestLedger").is_empty());
}

// At stake: the index. Events of another network would be mixed into it.
#[sqlx::test]
async fn p13_an_endpoint_of_another_network_is_not_asked_for_events(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.rpc_urls.push(format!("{}/second", world.rpc_url));
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::OtherPassphrase, None).unwrap();
    let source = world.source();
    world.start(Indexer::new(source.clone(), Vec::new(), world.store.clone(), world.settings()));
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let states: Vec<_> = source.health().iter().map(|health| health.state).collect();
    assert_eq!(states, [EndpointState::Unusable, EndpointState::Ready]);
}

// At stake: the same, after the endpoint was replaced.
#[tokio::test]
async fn p13_an_endpoint_is_compared_again_after_a_failure() {
    let (first, _second, pool) = two().await;
    events(&pool, end_of(200)).await.unwrap();
    first.set(|node| {
        node.passphrase = "another network";
        node.next.push_back(Answer::Status(503, None));
    });
    events(&pool, end_of(200)).await.unwrap();
    due(&pool, 0).await;
    events(&pool, end_of(200)).await.unwrap();
    assert_eq!(first.asked("getEvents").len(), 2);
    assert_eq!(pool.health()[0].state, EndpointState::Unusable);
}

// At stake: the feed. Every request would be refused.
#[sqlx::test]
async fn p14_a_providers_lower_limit_is_learned_from_its_refusal(pool: PgPool) {
    let mut world = World::with_devnet(pool, &DevnetArgs { history_events: 100, ..DevnetArgs::by_hand() }).await;
    world.devnet.inject(Fault::LimitRefused { limit: 7 }, None).unwrap();
    let source = world.source();
    world.start(Indexer::new(source.clone(), Vec::new(), world.store.clone(), world.settings()));
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    assert_eq!(source.health()[0].page_limit, Some(7));
}

// At stake: events, at servers that combine filters wrongly if one omits something.
#[tokio::test]
async fn p15_every_request_for_events_names_types_and_contract() {
    let fake = FakeRpc::start().await;
    events(&pool_of(&fake), end_of(200)).await.unwrap();
    let filters = &fake.asked("getEvents")[0]["filters"];
    assert_eq!(*filters, json!([{"type": "contract,system", "contractIds": [contract()]}]));
}

// At stake: the trust in the records. The same servers send events that were not requested.
#[tokio::test]
async fn p15_events_that_a_server_sends_beyond_the_filter_are_left_out() {
    let fake = FakeRpc::start().await;
    let ours = event_at("initialized", 201, 0);
    let mut of_another = event_at("stream_paused", 201, 1);
    of_another.contract_id = ContractId::from_bytes([7; 32]);
    let mut diagnostic = shown(&event_at("stream_paused", 201, 2));
    diagnostic["type"] = json!("diagnostic");
    fake.set(|node| node.events = vec![shown(&ours), shown(&of_another), diagnostic]);
    let page = events(&pool_of(&fake), end_of(200)).await.unwrap();
    assert_eq!(page.events, [ours]);
}
