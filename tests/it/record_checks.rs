//! What the daemon finds by itself when a node withholds events: through records that differ from the chain, and
//! through another endpoint's events.

use std::{collections::BTreeMap, time::Duration};

use flowfi_indexer::{
    devnet::{Call, DevnetArgs, Fault, MAIN_ENDPOINT},
    domain::{Amount, Contracts, EventId, LedgerRange, LedgerSequence, StreamId},
    ingest::{Indexer, IngestSettings, OnReset, PaceArgs, VerifySettings, backfill, verify},
    source::{EndpointPool, WholeLedgers},
    store::{IndexerState, RecordCheck},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::{
    completeness::status_says,
    openapi::described::{Answer, Described},
    relay::Relay,
    world::{DEADLINE, GatewaySettings, Subscriber, World, eventually, http_client},
};

/// Pages without events, as far as the node has ledgers.
const KEPT_BACK: Fault = Fault::EmptyPages { ledgers: 10_000 };
const REPAIR: &str = "flowfi-indexer verify --repair";

impl World {
    /// Returns an indexer that checks records all the time.
    fn checking(&self) -> Indexer {
        Indexer::new(self.source(), Vec::new(), self.store.clone(), self.checking_settings())
    }

    fn checking_settings(&self) -> IngestSettings {
        let pace = PaceArgs { check_interval: Duration::from_millis(5), ..self.settings().pace };
        IngestSettings { pace, ..self.settings() }
    }

    async fn record_check(&self) -> RecordCheck {
        self.store.record_check(&self.devnet.contract_id()).await.unwrap().unwrap_or_default()
    }

    /// Waits until a check has been answered that started after this call.
    async fn checked(&self) {
        for _ in 0..2 {
            let before = self.record_check().await.checked_at;
            eventually("records are checked", || async { self.record_check().await.checked_at > before }).await;
        }
    }

    /// Waits until this many rounds have ended.
    async fn rounds(&self, count: usize) {
        for _ in 0..count {
            let before = self.record_check().await.round_completed_at;
            eventually("a round ends", || async { self.record_check().await.round_completed_at > before }).await;
        }
    }

    async fn repair(&self) {
        let patience = Duration::from_secs(10);
        let settings = VerifySettings { sample: None, repair: true, patience, rng: StdRng::seed_from_u64(5) };
        let urls = std::slice::from_ref(&self.rpc_url);
        let source = EndpointPool::new(urls, self.devnet.passphrase().to_owned(), 7).unwrap();
        let verified = verify(&self.store, &source, &self.devnet.contract_id(), settings, |_| ()).await;
        assert!(verified.unwrap().is_proven());
    }

    /// Reads the ledgers that count as not seen, whole.
    async fn fill_holes(&self) {
        let source = EndpointPool::new(std::slice::from_ref(&self.rpc_url), self.devnet.passphrase().to_owned(), 7);
        let whole = [WholeLedgers::of_endpoints(source.unwrap(), StdRng::seed_from_u64(7)).unwrap()];
        let ledgers = LedgerRange::new(LedgerSequence(2), self.devnet.latest_ledger()).unwrap();
        backfill(&self.store, &self.devnet.contract_id(), &whole, ledgers, |_| {}).await.unwrap();
    }

    /// Configures two endpoints of the network, the second of which returns everything.
    fn ask_two_endpoints(&mut self) {
        self.rpc_urls = vec![self.rpc_url.clone(), format!("{}/b", self.rpc_url)];
    }

    /// Returns once the preferred endpoint has no earlier request in progress.
    async fn only_empty_pages_from_now_on(&self) {
        self.devnet.inject_at(MAIN_ENDPOINT, KEPT_BACK, None).unwrap();
        self.devnet.close_ledger().unwrap();
        self.indexed().await;
    }

    /// Returns once no request is in progress that the preferred endpoint answers with an empty page.
    async fn whole_pages_from_now_on(&self) {
        self.devnet.clear_faults_at(MAIN_ENDPOINT);
        self.devnet.close_ledger().unwrap();
        self.indexed().await;
    }

    /// Lets the preferred endpoint withhold what happens to a stream and to a new one. Returns the events.
    async fn keep_back(&self) -> Vec<EventId> {
        self.only_empty_pages_from_now_on().await;
        let before = self.devnet.events_emitted().len();
        self.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
        self.create("carol", "dave", 1_000_000, 100).await;
        self.indexed().await;
        self.devnet.events_emitted().split_off(before)
    }
}

async fn is_ready(world: &World, base: &str) -> Value {
    status_says(world, base, "it is ready", |status| {
        status["reasons"] == json!([]) && !status["contracts"][0]["recordsCheck"].is_null()
    })
    .await
}

/// Returns a metric of the indexer.
async fn metric(base: &str, name: &str) -> Option<u64> {
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with(&format!("flowfi_ingest_{name} ")))?;
    Some(line.rsplit_once(' ')?.1.parse().unwrap())
}

fn differing(fields: impl IntoIterator<Item = (u64, &'static str)>) -> BTreeMap<StreamId, String> {
    fields.into_iter().map(|(number, field)| (StreamId(number), field.to_owned())).collect()
}

#[sqlx::test]
async fn events_withheld_with_empty_pages_make_the_daemon_unready_until_the_named_records_are_repaired(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start(world.checking());
    let base = world.start_gateway(GatewaySettings::default()).await;
    world.indexed().await;
    world.rounds(2).await;
    let status = is_ready(&world, &base).await;
    let check = &status["contracts"][0]["recordsCheck"];
    let expected = json!({"checkedAt": check["checkedAt"], "roundCompletedAt": check["roundCompletedAt"], "streams": 1,
        "differing": 0, "examples": [], "secondOpinionEvents": 0});
    assert_eq!(check, &expected);

    world.keep_back().await;
    let reason = format!("2 records differ from the chain: {REPAIR}");
    let status = status_says(&world, &base, "both are found", |status| status["reasons"] == json!([reason])).await;
    let check = &status["contracts"][0]["recordsCheck"];
    let examples = json!([{"streamId": "1", "field": "deposited_amount"}, {"streamId": "2", "field": "record"}]);
    assert_eq!((&check["differing"], &check["examples"]), (&json!(2), &examples));
    for path in ["/health", "/health/ready"] {
        let (code, health) = world.get(&base, path).await;
        assert_eq!(code, if path == "/health" { 200 } else { 503 });
        assert_eq!((&health["ready"], &health["reasons"]), (&json!(false), &json!([reason])), "{path}");
    }
    assert_eq!((metric(&base, "records_differing").await, metric(&base, "ready").await), (Some(2), Some(0)));
    assert!(metric(&base, "record_check_age_seconds").await.is_some());
    Described::new().check("getStatus", &Answer::get(&format!("{base}/v1/status")).await);

    world.repair().await;
    status_says(&world, &base, "all that is left is that ledgers lacked the events", |status| {
        let reasons = status["reasons"].as_array().unwrap();
        let are_holes = reasons.iter().all(|reason| reason.as_str().unwrap().ends_with("were never seen"));
        are_holes && !reasons.is_empty() && status["contracts"][0]["recordsCheck"]["differing"] == 0
    })
    .await;
    eventually("the metrics say so", || async { metric(&base, "records_differing").await == Some(0) }).await;
    world.fill_holes().await;
    is_ready(&world, &base).await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn events_that_one_endpoint_withholds_are_written_late_from_another_and_subscribers_are_told(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.ask_two_endpoints();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start(world.checking());
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    world.devnet.inject_at("b", Fault::Status { status: 503, retry_after_seconds: None }, None).unwrap();
    let kept_back = world.keep_back().await;
    status_says(&world, &base, "it is unready while no other endpoint can be asked", |status| {
        status["reasons"].to_string().contains("2 records differ")
    })
    .await;
    world.whole_pages_from_now_on().await;
    let before = world.devnet.events_emitted().len();
    world.create("erin", "frank", 1_000_000, 100).await;
    let seen = world.devnet.events_emitted().split_off(before);
    assert_eq!(subscriber.ids(seen.len()).await, seen);

    world.devnet.clear_faults_at("b");
    let revised = subscriber.next().await.unwrap();
    assert_eq!(revised.event.as_deref(), Some("revised"), "{revised:?}");
    assert_eq!(revised.data, Some(json!({"fromId": kept_back[0], "toId": kept_back.last()})));
    let status = is_ready(&world, &base).await;
    assert_eq!(status["contracts"][0]["recordsCheck"]["secondOpinionEvents"], kept_back.len());
    let counted = metric(&base, "second_opinion_events_total").await;
    assert_eq!(counted, u64::try_from(kept_back.len()).ok());
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn eventually_every_ledger_of_a_long_past_is_requested_from_two_endpoints(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.ask_two_endpoints();
    for _ in 0..30 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    // The first endpoint is asked whether it has the first ledger at all, and perhaps for the shape of its answers.
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::EmptyPages { ledgers: 4 }, Some(4)).unwrap();
    let pace = PaceArgs { page_limit: 3, ..world.checking_settings().pace };
    let settings = IngestSettings { pace, ..world.checking_settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    eventually("the missing events are stored", || async { world.stored_ids().await == world.devnet.events_emitted() })
        .await;
    world.assert_equal_to_the_chain().await;
    let tip = EventId::end_of_ledger(world.devnet.latest_ledger());
    eventually("everything was requested", || async { world.record_check().await.second_opinion_up_to == tip }).await;
    assert!(world.record_check().await.second_opinion_events > 0);
}

#[sqlx::test]
async fn ledgers_that_the_other_endpoint_has_dropped_are_skipped(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.ask_two_endpoints();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    world.devnet.inject_at("b", Fault::Retention { ledgers: 5 }, None).unwrap();
    world.start(world.checking());
    world.indexed().await;
    let kept_back = world.keep_back().await;
    eventually("it is written late", || async { world.stored_ids().await.ends_with(&kept_back) }).await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_endpoint_that_has_dropped_the_first_requested_ledgers_counts_for_the_rest(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.ask_two_endpoints();
    world.devnet.inject_at(MAIN_ENDPOINT, KEPT_BACK, None).unwrap();
    world.devnet.inject_at("b", Fault::Retention { ledgers: 5 }, None).unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(20).unwrap();
    let before = world.devnet.events_emitted().len();
    world.create("carol", "dave", 1_000_000, 100).await;
    let kept_back = world.devnet.events_emitted().split_off(before);
    // Nothing has been requested a second time yet.
    world.start(world.checking());
    eventually("it is written late", || async { world.stored_ids().await == kept_back }).await;
}

#[sqlx::test]
async fn an_endpoint_that_lacks_indexed_events_changes_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.ask_two_endpoints();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.inject_at("b", KEPT_BACK, None).unwrap();
    world.start(world.checking());
    world.indexed().await;
    let tip = EventId::end_of_ledger(world.devnet.latest_ledger());
    eventually("it was asked", || async { world.record_check().await.second_opinion_up_to == tip }).await;
    world.checked().await;
    let check = world.record_check().await;
    assert_eq!((check.second_opinion_events, check.look.differing), (0, BTreeMap::new()));
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_difference_that_goes_away_by_itself_is_not_reported(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let relay = Relay::to(&world.rpc_url).await;
    world.rpc_urls = vec![relay.url.clone()];
    world.index_to_the_tip(world.indexer(100)).await;
    relay.hold();
    world.start(world.checking());
    relay.was_asked(1).await;
    world.alter("update streams set withdrawn = withdrawn + 7 where stream_id = '1'").await;
    relay.pass(1);
    relay.was_asked(2).await;
    assert_eq!(world.record_check().await, RecordCheck::default(), "one check reports nothing");
    world.alter("update streams set withdrawn = withdrawn - 7 where stream_id = '1'").await;
    relay.pass(1);
    eventually("the check has ended", || async { world.record_check().await.checked_at.is_some() }).await;
    assert_eq!(world.record_check().await.look.differing, BTreeMap::new());

    relay.pass_all();
    world.alter("update streams set withdrawn = withdrawn + 7 where stream_id = '1'").await;
    let expected = differing([(1, "withdrawn_amount")]);
    eventually("a difference that stays is reported", || async {
        world.record_check().await.look.differing == expected
    })
    .await;
}

#[sqlx::test]
async fn five_hundred_streams_are_all_checked_in_rounds_of_requests_with_at_most_two_hundred_keys(pool: PgPool) {
    let mut world = World::new(pool).await;
    let creation = |_| world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100));
    let answers: Vec<_> = (0..500).map(creation).collect();
    world.devnet.close_ledger().unwrap();
    for answer in answers {
        answer.await.unwrap();
    }
    let relay = Relay::to(&world.rpc_url).await;
    world.rpc_urls = vec![relay.url.clone()];
    world.index_to_the_tip(world.indexer(100)).await;
    world.start(world.checking());
    world.rounds(1).await;
    let check = world.record_check().await;
    assert_eq!((check.compared_in_last_round, check.look.differing.len()), (Some(500), 0));
    let asked = relay.asked();
    assert!(asked.len() >= 3 && asked.iter().all(|keys| *keys <= 200), "{asked:?}");

    for number in [1, 199, 200, 350, 500] {
        let alter = "update streams set paused = true where stream_id = $1";
        sqlx::query(alter).bind(number.to_string()).execute(&world.pool).await.unwrap();
    }
    sqlx::query("delete from streams where stream_id = '250'").execute(&world.pool).await.unwrap();
    let found =
        differing([(1, "paused"), (199, "paused"), (200, "paused"), (250, "record"), (350, "paused"), (500, "paused")]);
    eventually("each is found", || async { world.record_check().await.look.differing == found }).await;
    world.rounds(2).await;
    assert_eq!(world.record_check().await.look.differing, found, "differences stay, and the round continues");
    world.alter("update streams set paused = false where stream_id in ('1', '500')").await;
    let left = differing([(199, "paused"), (200, "paused"), (250, "record"), (350, "paused")]);
    eventually("differences that were repaired go away", || async {
        world.record_check().await.look.differing == left
    })
    .await;
}

#[sqlx::test]
async fn a_check_while_the_chain_moves_never_reports_anything(pool: PgPool) {
    let args = DevnetArgs { history_events: 600, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start(world.checking());
    let mut rng = StdRng::seed_from_u64(11);
    let (mut rounds, mut last_round) = (0, None);
    let moving = async {
        while rounds < 10 {
            for _ in 0..5 {
                for input in world.devnet.random_inputs(&mut rng, 8) {
                    drop(world.devnet.submit(input));
                }
                world.devnet.close_ledger().unwrap();
                let check = world.record_check().await;
                assert_eq!(check.look.differing, BTreeMap::new());
                rounds += usize::from(check.round_completed_at > last_round);
                last_round = check.round_completed_at;
            }
            world.indexed().await;
        }
    };
    timeout(2 * DEADLINE, moving).await.expect("rounds end while the chain moves");
    world.indexed().await;
    world.rounds(2).await;
    let check = world.record_check().await;
    assert!(check.compared_in_last_round > Some(20), "{check:?}");
    assert_eq!(check.look.differing, BTreeMap::new());
}

#[sqlx::test]
async fn if_a_source_answers_no_check_only_the_age_of_the_last_check_grows(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let relay = Relay::to(&world.rpc_url).await;
    world.rpc_urls = vec![relay.url.clone()];
    world.start(world.checking());
    let base = world.start_gateway(GatewaySettings::default()).await;
    is_ready(&world, &base).await;
    relay.refuse();
    let refused = relay.asked().len() + 2;
    relay.was_asked(refused).await;
    let before = world.record_check().await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    relay.was_asked(refused + 5).await;
    eventually("its age grows", || async { world.record_check().await.age_ms > before.age_ms }).await;
    let now = world.record_check().await;
    // What is asked for events, not entries, goes on.
    let up_to = now.second_opinion_up_to;
    assert_eq!(RecordCheck { age_ms: before.age_ms, ..now }, RecordCheck { second_opinion_up_to: up_to, ..before });
    assert_eq!(is_ready(&world, &base).await["lagLedgers"], 0);
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_indexer_that_is_paused_checks_nothing(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let relay = Relay::to(&world.rpc_url).await;
    world.rpc_urls = vec![relay.url.clone()];
    world.start(world.checking());
    world.rounds(1).await;
    world.store.set_desired_state(true, "ops").await.unwrap();
    let reported = || async {
        let report = world.store.indexer_report(&world.devnet.contract_id()).await.unwrap();
        let reported_at = "select reported_at::text from indexer_reports";
        let reported_at: Option<String> = sqlx::query_scalar(reported_at).fetch_optional(&world.pool).await.unwrap();
        (report.map(|aged| aged.report.state), reported_at)
    };
    let says_so_again = || async {
        let before = reported().await;
        eventually("it says again that it is paused", || async { reported().await != before }).await;
    };
    eventually("it is paused", || async { reported().await.0 == Some(IndexerState::Paused) }).await;
    // Requests that were in progress have been answered by then.
    says_so_again().await;
    let asked = relay.asked().len();
    says_so_again().await;
    assert_eq!(relay.asked().len(), asked);
    world.store.set_desired_state(false, "ops").await.unwrap();
    relay.was_asked(asked + 1).await;
}

#[sqlx::test]
async fn known_differences_are_known_after_a_restart(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let found = differing([(1, "withdrawn_amount")]);
    let stop = world.stop.child_token();
    let run = world.checking().run(stop.clone());
    let until_it_is_found = async {
        world.indexed().await;
        world.alter("update streams set withdrawn = withdrawn + 7 where stream_id = '1'").await;
        eventually("it is found", || async { world.record_check().await.look.differing == found }).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(Box::pin(run), until_it_is_found);
    ended.unwrap();
    let relay = Relay::to(&world.rpc_url).await;
    world.rpc_urls = vec![relay.url.clone()];
    relay.hold();
    world.start(world.checking());
    relay.was_asked(1).await;
    assert_eq!(world.record_check().await.look.differing, found);
    world.repair().await;
    relay.pass_all();
    eventually("it agrees", || async { world.record_check().await.look.differing.is_empty() }).await;
}

#[sqlx::test]
async fn an_implausible_count_of_streams_does_not_keep_a_round_from_ending(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    let relay = Relay::to(&world.rpc_url).await;
    relay.count_streams(&world.devnet.contract_id(), u64::MAX);
    world.rpc_urls = vec![relay.url.clone()];
    world.index_to_the_tip(world.indexer(100)).await;
    world.start(world.checking());
    world.rounds(2).await;
    let check = world.record_check().await;
    assert_eq!((check.compared_in_last_round, check.look.differing), (Some(3), BTreeMap::new()));
}

#[sqlx::test]
async fn an_archived_stream_without_a_record_needs_no_repair(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start(world.checking());
    world.indexed().await;
    world.only_empty_pages_from_now_on().await;
    world.create("carol", "dave", 1_000_000, 100).await;
    let found = differing([(2, "record")]);
    eventually("it is missing", || async { world.record_check().await.look.differing == found }).await;
    world.devnet.archive_stream(StreamId(2));
    eventually("it cannot be compared", || async { world.record_check().await.look.differing.is_empty() }).await;
}

#[sqlx::test]
async fn a_difference_in_one_of_two_contracts_names_the_contract(pool: PgPool) {
    let mut world = World::with_devnet(pool, &DevnetArgs { contracts: 2, ..DevnetArgs::by_hand() }).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start(world.checking());
    let base = world.start_gateway(GatewaySettings::default()).await;
    world.indexed().await;
    world.alter("update streams set paused = true where stream_id = '1'").await;
    let contract_id = world.devnet.contract_id();
    let reason = format!("1 record differs from the chain: {REPAIR} (contract {contract_id})");
    status_says(&world, &base, "it is named", |status| status["reasons"] == json!([reason])).await;
    let other = Contracts::new(world.devnet.contract_ids().split_off(1)).unwrap();
    let base = world.start_gateway(GatewaySettings { contracts: Some(other), ..GatewaySettings::default() }).await;
    is_ready(&world, &base).await;
    eventually("the metrics say so", || async { metric(&base, "records_differing").await == Some(0) }).await;
}

#[sqlx::test]
async fn the_differences_found_on_a_network_are_archived_with_it(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.devnet.close_ledgers(10).unwrap();
    let settings = IngestSettings { on_reset: OnReset::Archive, ..world.checking_settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    world.alter("update streams set paused = true where stream_id = '1'").await;
    let found = differing([(1, "paused")]);
    eventually("it is found", || async { world.record_check().await.look.differing == found }).await;
    world.devnet.reset().unwrap();
    world.create("carol", "dave", 1_000_000, 100).await;
    eventually("the new network is checked", || async {
        let check = world.record_check().await;
        check.compared_in_last_round == Some(1) && check.look.differing.is_empty()
    })
    .await;
    let kept = "select differing_streams::text[] from flowfi_epoch_0.record_checks";
    let kept: Vec<String> = sqlx::query_scalar(kept).fetch_one(&world.pool).await.unwrap();
    assert_eq!(kept, ["1"]);
}
