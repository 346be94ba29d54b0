//! Several contracts in one deployment: all share one order, and a contract that is added later comes late.

use std::time::Duration;

use flowfi_indexer::{
    devnet::{DevnetArgs, Input, NumberedCall, Receipt},
    domain::{
        ContractId, Contracts, CoverageSource, EventFilter, EventId, LedgerRange, LedgerSequence, StreamEntry,
        StreamId, Visibility, holes,
    },
    ingest::{Indexer, IngestSettings, PaceArgs, Reindex, VerifySettings, verify},
    store::EventRange,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use sqlx::PgPool;
use tokio::{
    process::Command,
    time::{Instant, timeout},
};

use crate::{
    completeness::{LakeFolder, lake_of, status_says},
    world::{DEADLINE, Frame, GatewaySettings, Subscriber, World, eventually},
};

async fn two_contracts(pool: PgPool) -> World {
    World::with_devnet(pool, &DevnetArgs { contracts: 2, ..DevnetArgs::by_hand() }).await
}

fn first(world: &World) -> ContractId {
    world.devnet.contract_ids().remove(0)
}

fn second(world: &World) -> ContractId {
    world.devnet.contract_ids().remove(1)
}

impl World {
    /// Creates a stream in each of these contracts, all in one transaction in a ledger of its own.
    pub async fn create_in(&self, contracts: &[u8]) -> Receipt {
        let call = self.creation("alice", "bob", 1_000_000, 100);
        let calls = contracts.iter().map(|contract| NumberedCall { contract: *contract, call: call.clone() });
        let answer = self.devnet.submit(Input::Across(calls.collect()));
        self.devnet.close_ledger().unwrap();
        answer.await.unwrap()
    }

    fn indexer_of(&self, contracts: impl Into<Contracts>, page_limit: u32) -> Indexer {
        let pace = PaceArgs { page_limit, ..self.settings().pace };
        let settings = IngestSettings { pace, contracts: contracts.into(), ..self.settings() };
        Indexer::new(self.source(), Vec::new(), self.store.clone(), settings)
    }

    async fn position(&self, contract_id: &ContractId) -> Option<EventId> {
        self.store.progress(contract_id).await.unwrap().map(|progress| progress.position)
    }

    async fn is_at_the_tip(&self, contract_id: &ContractId) -> bool {
        let tip = self.devnet.latest_ledger();
        self.position(contract_id).await.is_some_and(|position| position.last_whole_ledger() >= tip)
    }

    /// Indexes these contracts up to the tip, and stops.
    async fn index(&self, contracts: impl Into<Contracts>, page_limit: u32) {
        let contracts: Contracts = contracts.into();
        let stop = self.stop.child_token();
        let run = self.indexer_of(contracts.clone(), page_limit).run(stop.clone());
        let until_then = async {
            for contract_id in contracts.iter() {
                eventually("the tip is indexed", || self.is_at_the_tip(contract_id)).await;
            }
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(Box::pin(run), until_then);
        ended.unwrap();
    }

    /// Compares everything of a contract, from a ledger on, with the chain.
    async fn assert_has_all_of(&self, contract_id: &ContractId, from: LedgerSequence) {
        let range = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
        let of_contract = EventFilter {
            all: true,
            contract_id: Some(contract_id.clone()),
            ..EventFilter::seen_by(Visibility::Everything)
        };
        let events = self.store.matching_events(range, &of_contract, 1_000_000).await.unwrap();
        let stored: Vec<EventId> = events.iter().map(|event| event.id).collect();
        assert_eq!(stored, self.devnet.events_emitted_by(contract_id), "every event of {contract_id} once");
        let in_none: Vec<_> =
            events.iter().filter(|event| event.stream_id.is_some() && event.sender.is_none()).collect();
        assert!(in_none.is_empty(), "events without parties: {in_none:?}");
        for number in 1.. {
            let entry = self.devnet.stream_entry_of(contract_id, StreamId(number));
            let record = self.store.stream(contract_id, StreamId(number)).await.unwrap();
            assert_eq!(record.as_ref().map(StreamEntry::from), entry, "stream {number} of {contract_id}");
            if entry.is_none() {
                break;
            }
        }
        let covered = self.store.coverage(contract_id).await.unwrap();
        let whole = LedgerRange::new(from, self.devnet.latest_ledger()).unwrap();
        assert_eq!(holes(whole, covered.iter().map(|covered| covered.ledgers)), [], "{covered:?}");
    }
}

fn contracts_of(frames: &[Frame]) -> Vec<String> {
    frames.iter().map(|frame| frame.data.as_ref().unwrap()["contractId"].as_str().unwrap().to_owned()).collect()
}

#[sqlx::test]
async fn streams_with_the_same_number_in_one_transaction_are_kept_apart_and_come_in_chain_order(pool: PgPool) {
    let mut world = two_contracts(pool).await;
    // Pages end inside transactions.
    world.start_indexer(3);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut live = Subscriber::connect(&base, "all=true", None).await;
    let receipt = world.create_in(&[1, 0, 1]).await;
    let after = world.create_in(&[0, 1]).await;
    let expected = [receipt.events.clone(), after.events].concat();
    let frames = live.events(expected.len()).await;
    assert_eq!(frames.iter().filter_map(Frame::feed_id).collect::<Vec<_>>(), expected);
    let (one, two) = (first(&world).to_string(), second(&world).to_string());
    assert_eq!(contracts_of(&frames[..6]), [&two, &two, &one, &one, &two, &two].map(String::clone));
    for contract_id in world.devnet.contract_ids() {
        world.assert_has_all_of(&contract_id, LedgerSequence(2)).await;
    }
    let mut resumed = Subscriber::connect(&base, "all=true", Some(&expected[2].to_string())).await;
    assert_eq!(resumed.ids(expected.len() - 3).await, expected[3..]);
    let query = format!("streams={two}:1&contract={two}");
    let mut of_one = Subscriber::connect(&base, &query, Some("0000000008589934591-4294967295")).await;
    assert_eq!(of_one.ids(2).await, expected[..2], "the other contract's stream with that number is a different one");
    world.devnet.check_balances().unwrap();
}

#[sqlx::test]
async fn the_past_of_a_contract_that_is_added_later_is_written_late_and_never_sent(pool: PgPool) {
    let mut world = two_contracts(pool).await;
    for contracts in [&[0, 1][..], &[1], &[0], &[1, 0]] {
        world.create_in(contracts).await;
    }
    world.devnet.close_ledgers(3).unwrap();
    world.index(first(&world), 100).await;
    assert_eq!(world.position(&second(&world)).await, None);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let past = world.devnet.events_emitted_by(&second(&world));
    world.start(world.indexer_of(world.contracts(), 3));
    eventually("it has joined", || async { world.is_at_the_tip(&second(&world)).await }).await;
    let new = world.create_in(&[0, 1]).await.events;
    let (mut revised, mut sent) = (Vec::new(), Vec::new());
    while sent.len() < new.len() {
        let frame = subscriber.next().await.unwrap();
        sent.extend(frame.feed_id());
        revised.extend(frame.data.filter(|_| frame.event.as_deref() == Some("revised")));
    }
    assert_eq!(sent, new, "only new events are sent");
    let bounds =
        |side: &str| -> Vec<_> { revised.iter().map(|data| data[side].as_str().unwrap().to_owned()).collect() };
    assert_eq!(bounds("fromId").into_iter().min(), Some(past[0].to_string()));
    assert_eq!(bounds("toId").into_iter().max(), past.last().map(ToString::to_string));
    for contract_id in world.devnet.contract_ids() {
        world.assert_has_all_of(&contract_id, LedgerSequence(2)).await;
        assert_eq!(world.store.progress(&contract_id).await.unwrap().unwrap().from_ledger, LedgerSequence(2));
    }
    let settings =
        VerifySettings { sample: None, repair: false, patience: Duration::ZERO, rng: StdRng::seed_from_u64(7) };
    let proof = verify(&world.store, &world.source(), &second(&world), settings, |_| {}).await.unwrap();
    assert!(proof.is_proven() && proof.equal == 4, "{proof:?}");
}

#[sqlx::test]
async fn a_contract_joins_inside_the_transaction_at_which_the_others_are(pool: PgPool) {
    let world = two_contracts(pool).await;
    world.create_in(&[0, 1, 0, 1]).await;
    world.index(first(&world), 100).await;
    // A page that ended with the transaction leaves this position: after its last event of the first contract.
    let last = *world.devnet.events_emitted_by(&first(&world)).last().unwrap();
    sqlx::query("update cursors set toid = $1, event_index = $2, last_whole_ledger = $3")
        .bind(last.toid())
        .bind(i64::from(last.index()))
        .bind(i64::from(last.ledger().previous().0))
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query("update coverage set to_ledger = $1")
        .bind(i64::from(last.ledger().previous().0))
        .execute(&world.pool)
        .await
        .unwrap();
    world.index(world.contracts(), 100).await;
    for contract_id in world.devnet.contract_ids() {
        world.assert_has_all_of(&contract_id, LedgerSequence(2)).await;
    }
}

// The random point is what is tested.
#[sqlx::test]
async fn an_indexer_that_is_killed_at_any_point_of_a_join_continues_and_loses_nothing(pool: PgPool) {
    let world = two_contracts(pool).await;
    for round in 0..40 {
        world.create_in(if round % 3 == 0 { &[1] } else { &[0, 1] }).await;
    }
    world.index(first(&world), 100).await;
    let stands_at = world.position(&first(&world)).await;
    let mut rng = StdRng::seed_from_u64(5);
    let (mut kills, mut inside) = (0, 0);
    // Short at first, so that even on the fastest machine it is killed in the middle; longer after each kill without
    // progress, so that it succeeds even on the slowest.
    let (mut longest, mut reached) = (Duration::from_millis(2), None);
    let deadline = Instant::now() + DEADLINE * 5;
    while reached != stands_at {
        assert!(Instant::now() < deadline, "after {kills} kills it has reached {reached:?}");
        let run = world.indexer_of(world.contracts(), 2).run(world.stop.child_token());
        let life = rng.random_range(Duration::ZERO..longest);
        assert!(timeout(life, Box::pin(run)).await.is_err(), "only the kill stops it");
        kills += 1;
        let before = std::mem::replace(&mut reached, world.position(&second(&world)).await);
        inside += u32::from(reached.is_some() && reached < stands_at);
        if reached == before {
            longest = longest.mul_f32(1.2);
        }
    }
    assert!(inside >= 3, "{inside} of {kills} kills came in the middle");
    world.create_in(&[1, 0]).await;
    world.index(world.contracts(), 2).await;
    for contract_id in world.devnet.contract_ids() {
        world.assert_has_all_of(&contract_id, LedgerSequence(2)).await;
    }
}

#[sqlx::test]
async fn a_contract_that_is_left_out_does_not_advance_and_catches_up_when_it_is_added_again(pool: PgPool) {
    let mut world = two_contracts(pool).await;
    world.create_in(&[0, 1]).await;
    world.index(world.contracts(), 100).await;
    let stood_at = world.position(&second(&world)).await;
    world.create_in(&[1, 0]).await;
    world.index(first(&world), 100).await;
    assert_eq!(world.position(&second(&world)).await, stood_at);
    let settings = GatewaySettings { contracts: Some(first(&world).into()), ..GatewaySettings::default() };
    let base = world.start_gateway(settings).await;
    let status = status_says(&world, &base, "it is ready", |status| status["reasons"] == json!([])).await;
    let contracts = status["contracts"].as_array().unwrap();
    let followed = |contract: &&serde_json::Value| contract["isFollowed"] == true;
    assert_eq!((contracts.len(), contracts.iter().filter(followed).count()), (2, 1));
    let (code, stream) = world.get(&base, &format!("/v1/streams/{}:1", second(&world))).await;
    assert_eq!((code, &stream["contractId"]), (200, &json!(second(&world))), "it can be read");
    // Alone it also reaches the other one's position: its events up to there are behind the feed.
    world.index(second(&world), 100).await;
    world.create_in(&[0, 1]).await;
    world.index(world.contracts(), 100).await;
    for contract_id in world.devnet.contract_ids() {
        world.assert_has_all_of(&contract_id, LedgerSequence(2)).await;
    }
}

/// Leaves the second contract out, and lets the endpoint drop ledgers that it lacks.
async fn with_a_hole_in_the_second(world: &World) -> LedgerRange {
    world.create_in(&[0, 1]).await;
    world.index(world.contracts(), 100).await;
    let missing_from = world.devnet.latest_ledger().next();
    world.create_in(&[1]).await;
    world.devnet.close_ledgers(20).unwrap();
    world.index(first(world), 100).await;
    world.devnet.set_retention(5);
    LedgerRange::new(missing_from, LedgerSequence(world.devnet.latest_ledger().0 - 5)).unwrap()
}

#[sqlx::test]
async fn the_others_continue_while_a_contract_waits_at_a_hole_in_its_past(pool: PgPool) {
    let mut world = two_contracts(pool).await;
    let missing = with_a_hole_in_the_second(&world).await;
    let stood_at = world.position(&second(&world)).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, &format!("all=true&contract={}", first(&world)), None).await;
    world.start(world.indexer_of(world.contracts(), 100));
    let status = status_says(&world, &base, "the hole is named", |status| status["indexer"]["state"] == "hole").await;
    let reasons = status["reasons"].to_string();
    assert!(reasons.contains(&format!("no source has ledgers {missing}")), "{reasons}");
    assert!(reasons.contains(&format!("(contract {})", second(&world))), "{reasons}");
    let new = world.create_in(&[0]).await.events;
    assert_eq!(subscriber.ids(new.len()).await, new, "the first contract continues");
    assert_eq!(world.position(&second(&world)).await, stood_at);
    assert_eq!(world.get(&base, "/health/ready").await.0, 503);
    world.store.accept_gap(&second(&world), missing.with_slack()).await.unwrap();
    eventually("it has joined", || async { world.is_at_the_tip(&second(&world)).await }).await;
    let status = status_says(&world, &base, "it is ready", |status| status["reasons"] == json!([])).await;
    // One more ledger was dropped when another one closed.
    let hole = json!([{"fromLedger": missing.from(), "toLedger": missing.to().next(), "accepted": true}]);
    assert_eq!(status["contracts"].as_array().unwrap().iter().filter(|one| one["holes"] == hole).count(), 1);
}

#[sqlx::test]
async fn the_past_of_a_contract_is_read_from_a_lake_if_the_endpoints_have_dropped_it(pool: PgPool) {
    let folder = LakeFolder::new("lake-of-two-contracts");
    let args = DevnetArgs { contracts: 2, lake_dir: Some(folder.0.clone()), ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    let _ = with_a_hole_in_the_second(&world).await;
    let whole = vec![lake_of(&world, &folder).await];
    let indexer = Indexer::new(world.source(), whole, world.store.clone(), world.settings());
    let stop = world.stop.child_token();
    let joined = async {
        eventually("it has joined", || async { world.is_at_the_tip(&second(&world)).await }).await;
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(Box::pin(indexer.run(stop.clone())), joined);
    ended.unwrap();
    let covered = world.store.coverage(&second(&world)).await.unwrap();
    assert!(covered.iter().any(|covered| covered.source == CoverageSource::Lake), "{covered:?}");
    assert!(world.store.stream(&second(&world), StreamId(2)).await.unwrap().is_some());
}

#[sqlx::test]
async fn a_contract_whose_past_is_unavailable_starts_with_the_oldest_available_ledger(pool: PgPool) {
    let world = two_contracts(pool).await;
    world.create_in(&[0, 1]).await;
    world.devnet.close_ledgers(20).unwrap();
    world.index(first(&world), 100).await;
    world.devnet.set_retention(5);
    world.create_in(&[0, 1]).await;
    let oldest = LedgerSequence(world.devnet.latest_ledger().0 - 4);
    world.index(world.contracts(), 100).await;
    let progress = world.store.progress(&second(&world)).await.unwrap().unwrap();
    assert_eq!(progress.from_ledger, oldest);
    let covered = world.store.coverage(&second(&world)).await.unwrap();
    assert_eq!(covered[0].ledgers.from(), oldest);
    let stream = world.store.stream(&second(&world), StreamId(2)).await.unwrap();
    assert_eq!(stream.as_ref().map(StreamEntry::from), world.devnet.stream_entry_of(&second(&world), StreamId(2)));
}

#[sqlx::test]
async fn an_id_names_its_contract_if_there_are_several(pool: PgPool) {
    let mut world = two_contracts(pool).await;
    world.create_in(&[0, 1]).await;
    world.index(world.contracts(), 100).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    for (path, parameter) in [
        ("/v1/streams/1", "id"),
        ("/v1/streams/1/events", "id"),
        ("/v1/streams/1/claimable", "id"),
        ("/v1/events/subscribe?streams=1", "streams"),
    ] {
        let (code, problem) = world.get(&base, path).await;
        assert_eq!((code, &problem["parameter"]), (400, &json!(parameter)), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("C…:1"), "{problem}");
    }
    for contract_id in world.devnet.contract_ids() {
        let name = format!("{contract_id}:1");
        for path in ["", "?source=chain"] {
            let (code, stream) = world.get(&base, &format!("/v1/streams/{name}{path}")).await;
            assert_eq!((code, &stream["contractId"]), (200, &json!(contract_id)));
            assert_eq!((&stream["id"], &stream["streamId"]), (&json!(name), &json!("1")));
        }
    }
    let (_, list) = world.get(&base, "/v1/streams").await;
    for stream in list["data"].as_array().unwrap() {
        let (code, same) = world.get(&base, &format!("/v1/streams/{}", stream["id"].as_str().unwrap())).await;
        assert_eq!((code, &same["contractId"]), (200, &stream["contractId"]), "an id is what a path takes");
    }
    let settings = GatewaySettings { contracts: Some(first(&world).into()), ..GatewaySettings::default() };
    let of_one = world.start_gateway(settings).await;
    for (contract_id, id) in [(first(&world), "1".to_owned()), (second(&world), format!("{}:1", second(&world)))] {
        let (_, stream) = world.get(&of_one, &format!("/v1/streams/{contract_id}:1")).await;
        assert_eq!(stream["id"], json!(id), "the number names a stream of the only contract that is followed");
    }
}

#[sqlx::test]
async fn lists_summaries_and_subscriptions_are_narrowed_to_a_contract(pool: PgPool) {
    let mut world = two_contracts(pool).await;
    world.create_in(&[0, 1, 1]).await;
    world.index(world.contracts(), 100).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let alice = world.devnet.account("alice");
    for (contract_id, streams) in [(first(&world), 1), (second(&world), 2)] {
        let (_, list) = world.get(&base, &format!("/v1/streams?user={alice}&contract={contract_id}")).await;
        assert_eq!(list["total"], streams);
        assert!(list["data"].as_array().unwrap().iter().all(|stream| stream["contractId"] == json!(contract_id)));
        let (_, list) = world.get(&base, &format!("/v1/events?contract={contract_id}")).await;
        assert_eq!(list["total"], 1 + 2 * streams);
        let (_, list) = world.get(&base, &format!("/v1/events?contract={contract_id}&type=stream.created")).await;
        assert_eq!(list["total"], streams);
        let (_, summary) = world.get(&base, &format!("/v1/users/{alice}/summary?contract={contract_id}")).await;
        assert_eq!(summary["totalStreamsCreated"], streams);
        assert_eq!(summary["nextEnds"].as_array().unwrap().len(), streams);
        let query = format!("users={alice}&contract={contract_id}&types=stream.created");
        let mut replayed = Subscriber::connect(&base, &query, Some("0000000008589934591-4294967295")).await;
        let frames = replayed.events(streams).await;
        assert!(contracts_of(&frames).iter().all(|found| *found == contract_id.to_string()));
    }
    let (_, list) = world.get(&base, &format!("/v1/streams?user={alice}")).await;
    assert_eq!(list["total"], 3);
    let nobody = ContractId::from_bytes([9; 32]);
    for path in
        ["/v1/streams?", "/v1/events?", &format!("/v1/users/{alice}/summary?"), "/v1/events/subscribe?all=true&"]
    {
        for contract in [nobody.to_string(), "CABC".to_owned()] {
            let (code, problem) = world.get(&base, &format!("{path}contract={contract}")).await;
            assert_eq!((code, &problem["parameter"]), (400, &json!("contract")), "{path}");
        }
    }
    let of_another = format!("strict=true&contract={}&streams={}:1", second(&world), first(&world));
    let (code, problem) = world.get(&base, &format!("/v1/events/subscribe?{of_another}")).await;
    assert_eq!(code, 404, "no event can ever match: {problem}");
    let mut live = Subscriber::connect(&base, &format!("all=true&contract={}", second(&world)), None).await;
    world.start(world.indexer_of(world.contracts(), 100));
    let new = world.create_in(&[0, 1]).await.events;
    assert_eq!(live.ids(2).await, new[2..]);
}

#[sqlx::test]
async fn all_contracts_are_rebuilt_together(pool: PgPool) {
    let world = two_contracts(pool).await;
    world.create_in(&[0, 1]).await;
    world.create_in(&[1, 0, 1]).await;
    world.index(world.contracts(), 100).await;
    sqlx::query("truncate streams").execute(&world.pool).await.unwrap();
    let reindex = Reindex::open(&world.store).await.unwrap();
    let built = reindex.read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(built.progress.done, u64::try_from(world.devnet.events_emitted().len()).unwrap());
    for contract_id in world.devnet.contract_ids() {
        world.assert_has_all_of(&contract_id, LedgerSequence(2)).await;
    }
}

#[tokio::test]
async fn more_contracts_than_fit_into_one_request_are_refused_at_the_start() {
    let contracts: Vec<String> = (0..26).map(|number| ContractId::from_bytes([number; 32]).to_string()).collect();
    let refused = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .args(["serve", "--auth", "off", "--rpc-urls", "http://127.0.0.1:1", "--network-passphrase", "none"])
        .args(["--contracts", &contracts.join(",")])
        .env("DATABASE_URL", "postgres://127.0.0.1:1/none")
        .output()
        .await
        .unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{line}");
    assert!(line.contains("--contracts: 26 contracts are too many") && line.trim_end().lines().count() == 1, "{line}");
}
