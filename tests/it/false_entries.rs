//! Endpoints that lie about entries: what they answer is neither a record nor proof of one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use flowfi_indexer::{
    devnet::{Call, DevnetArgs, Input, NumberedCall},
    domain::{Amount, ContractId, Contracts, EventId, LedgerSequence, StreamEntry, StreamId, StreamRecord},
    ingest::{Indexer, IngestError, IngestSettings, PaceArgs, RecordState, Verified, VerifySettings, verify},
    source::{EndpointPool, SourceError, TransientReason},
    xdr::{contract_instance_key, stream_entry_key},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    completeness::status_says,
    relay::Relay,
    world::{DEADLINE, GatewaySettings, NO_CHECK, World, eventually},
};

impl Relay {
    /// Answers with the data of the next entry under each key.
    fn swap_data(&self) {
        self.change(|mut reply| {
            let entries = reply["result"]["entries"].as_array_mut().unwrap();
            let mut data: Vec<Value> = entries.iter().map(|entry| entry["xdr"].clone()).collect();
            data.rotate_left(1);
            entries.iter_mut().zip(data).for_each(|(entry, xdr)| entry["xdr"] = xdr);
            reply
        });
    }

    /// Answers with each entry as it was when it was first asked for, as of ledgers that go on.
    fn stand_still(&self) {
        let first: Mutex<HashMap<String, Value>> = Mutex::default();
        self.change(move |mut reply| {
            let mut first = first.lock().unwrap();
            for entry in reply["result"]["entries"].as_array_mut().unwrap() {
                let key = entry["key"].as_str().unwrap().to_owned();
                *entry = first.entry(key).or_insert_with(|| entry.clone()).clone();
            }
            reply
        });
    }

    /// Answers once without the entry under this key. Tells whether that was done.
    fn leave_out_once(&self, key: &str) -> Arc<AtomicUsize> {
        self.leave_out(key, |answer| answer == 1)
    }

    /// Answers without the entry under this key where told to, counting the answers about it from 1. Returns their number.
    fn leave_out(&self, key: &str, is_left_out: impl Fn(usize) -> bool + Send + 'static) -> Arc<AtomicUsize> {
        let (key, answers) = (key.to_owned(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&answers);
        self.change(move |mut reply| {
            let entries = reply["result"]["entries"].as_array_mut().unwrap();
            let is_about_it = entries.iter().any(|entry| entry["key"] == key);
            if is_about_it && is_left_out(counted.fetch_add(1, Ordering::Relaxed) + 1) {
                entries.retain(|entry| entry["key"] != key);
            }
            reply
        });
        answers
    }

    /// Answers without the entry under this key, as of the chain's latest ledger and so many ledgers more.
    fn leave_out_as_of(&self, key: &str, ledgers_more: i64) {
        let key = key.to_owned();
        self.change(move |mut reply| {
            let latest = reply["result"]["latestLedger"].as_i64().unwrap();
            reply["result"]["latestLedger"] = (latest + ledgers_more).into();
            reply["result"]["entries"].as_array_mut().unwrap().retain(|entry| entry["key"] != key);
            reply
        });
    }

    /// Waits until this many more requests for entries have been answered.
    async fn answers(&self, more: usize) {
        self.was_asked(self.asked().len() + more + 1).await;
    }
}

impl World {
    /// Returns an indexer that compares records with the chain all the time and corrects them.
    fn correcting(&self) -> Indexer {
        self.correcting_every(Duration::from_millis(5))
    }

    fn correcting_every(&self, check_interval: Duration) -> Indexer {
        let pace = PaceArgs { records: RecordState::Both.into(), check_interval, ..self.settings().pace };
        let settings = IngestSettings { pace, ..self.settings() };
        Indexer::new(self.source(), Vec::new(), self.store.clone(), settings)
    }

    /// Creates two streams and indexes them through a relay.
    async fn behind_a_relay(pool: PgPool) -> (Self, Relay) {
        let mut world = Self::new(pool).await;
        world.create("alice", "bob", 1_000_000, 1_000).await;
        world.create("carol", "dave", 2_000_000, 500).await;
        let relay = Relay::to(&world.rpc_url).await;
        world.rpc_urls = vec![relay.url.clone()];
        (world, relay)
    }

    async fn first_two(&self) -> Vec<StreamRecord> {
        let mut records = self.store.streams(&self.devnet.contract_id(), &[StreamId(1), StreamId(2)]).await.unwrap();
        records.sort_by_key(|record| record.stream_id);
        records
    }

    async fn differing(&self) -> BTreeMap<StreamId, String> {
        let check = self.store.record_check(&self.devnet.contract_id()).await.unwrap();
        check.unwrap_or_default().look.differing
    }

    async fn checked_at(&self) -> Option<DateTime<Utc>> {
        self.store.record_check(&self.devnet.contract_id()).await.unwrap().unwrap_or_default().checked_at
    }

    async fn proof(&self, repair: bool) -> Result<Verified, IngestError> {
        let settings = VerifySettings { sample: None, repair, patience: DEADLINE, rng: StdRng::seed_from_u64(5) };
        verify(&self.store, &self.source(), &self.devnet.contract_id(), settings, |_| ()).await
    }

    /// Stores an entry of the first stream as older versions did, which believed every endpoint.
    async fn believe(&self, position: EventId, entry: &str, last_modified: LedgerSequence) {
        sqlx::query(
            "insert into baselines (contract_id, stream_id, toid, event_index, entry, last_modified_ledger, revision)
             values ($1, $2, $3, $4, $5, $6, 0)",
        )
        .bind(self.devnet.contract_id().as_str())
        .bind("1")
        .bind(position.toid())
        .bind(i64::from(position.index()))
        .bind(entry)
        .bind(i64::from(last_modified.0))
        .execute(&self.pool)
        .await
        .unwrap();
    }

    fn keys(&self) -> Vec<String> {
        [1, 2].map(|number| stream_entry_key(&self.devnet.contract_id(), StreamId(number))).to_vec()
    }

    async fn all_are_certain(&self) {
        eventually("every record is certain", || async {
            let uncertain = self.store.uncertain_streams(&self.devnet.contract_id(), StreamId(0), 10).await.unwrap();
            uncertain.is_empty()
        })
        .await;
    }
}

#[sqlx::test]
async fn an_entry_of_another_key_is_a_bad_reply_and_the_next_endpoint_is_asked(pool: PgPool) {
    let (world, relay) = World::behind_a_relay(pool).await;
    let keys = world.keys();
    relay.swap_data();
    let failure = world.source().ledger_entries(&keys).await.expect_err("both entries belong to other keys");
    let is_bad = matches!(&failure, SourceError::Transient { reason: TransientReason::BadReply, .. });
    assert!(is_bad, "{failure}");
    let urls = [relay.url.clone(), world.rpc_url.clone()];
    let both = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let found = both.ledger_entries(&keys).await.unwrap();
    assert_eq!(found.entries.len(), 2);
    assert_eq!(both.health()[0].last_failure, Some(TransientReason::BadReply.as_str()));
    assert!(found.latest_ledger > LedgerSequence(0));
}

#[sqlx::test]
async fn no_record_is_set_from_the_entry_of_another_stream(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    relay.swap_data();
    world.start(world.correcting());
    world.indexed().await;
    relay.answers(4).await;
    let records = world.first_two().await;
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| record.checked_at_ledger.is_none()), "{records:?}");
    world.assert_equal_to_the_chain().await;
    relay.change(|reply| reply);
    world.all_are_certain().await;
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_entry_older_than_the_last_event_of_its_stream_is_not_taken_and_is_told_if_it_stays(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    world.start(world.correcting());
    world.indexed().await;
    world.all_are_certain().await;
    relay.stand_still();
    relay.answers(2).await;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.indexed().await;
    relay.answers(6).await;
    world.assert_equal_to_the_chain().await;
    let records = world.first_two().await;
    let topped_up = &records[0];
    assert!(topped_up.checked_at_ledger < Some(topped_up.last_event.ledger()), "{topped_up:?}");
    assert_eq!(world.differing().await, BTreeMap::new(), "the node may still catch up");

    world.devnet.close_ledgers(60).unwrap();
    world.indexed().await;
    let told = BTreeMap::from([(StreamId(1), "record".to_owned())]);
    eventually("it is told", || async { world.differing().await == told }).await;
    let verified = world.proof(true).await.unwrap();
    assert_eq!((verified.equal, verified.differences.len(), verified.repaired.len()), (1, 1, 0), "{verified:?}");
    assert!(verified.differences[0].chains.starts_with("last changed in ledger"), "{verified:?}");
    world.assert_equal_to_the_chain().await;

    relay.change(|reply| reply);
    eventually("it is told no more", || async { world.differing().await.is_empty() }).await;
    world.all_are_certain().await;
}

#[sqlx::test]
async fn no_record_is_made_from_an_entry_older_than_an_event_of_a_stream_whose_creation_is_missing(pool: PgPool) {
    let (world, relay) = World::behind_a_relay(pool).await;
    relay.stand_still();
    world.source().ledger_entries(&world.keys()).await.unwrap();
    world.devnet.close_ledgers(3).unwrap();
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    let pace = PaceArgs { start_ledger: Some(world.devnet.latest_ledger()), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.index_to_the_tip(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings)).await;
    let verified = world.proof(true).await.unwrap();
    assert_eq!(verified.missing_here, [StreamId(1)], "{verified:?}");
    assert_eq!(world.first_two().await.len(), 1);

    relay.change(|reply| reply);
    assert!(world.proof(true).await.unwrap().is_proven());
    assert_eq!(world.first_two().await.len(), 2);
}

#[sqlx::test]
async fn a_reindex_leaves_out_entries_that_older_versions_believed(pool: PgPool) {
    let (world, _relay) = World::behind_a_relay(pool).await;
    world.devnet.close_ledgers(3).unwrap();
    let keys = world.keys();
    let entries = world.source().ledger_entries(&keys).await.unwrap().entries;
    world.call(Call::Pause { stream_id: StreamId(1), caller: None }).await;
    let paused_in = world.devnet.latest_ledger();
    world.devnet.close_ledgers(5).unwrap();
    world.call(Call::Resume { stream_id: StreamId(1), caller: None }).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let before = world.first_two().await;
    let paused = &before[0];
    assert!(!paused.impossible_order, "{paused:?}");

    let (old, others) = (&entries[&keys[0]], &entries[&keys[1]]);
    world.believe(EventId::end_of_ledger(paused_in), &old.xdr, old.last_modified_ledger).await;
    let next = LedgerSequence(paused_in.0 + 1);
    world.believe(EventId::end_of_ledger(next), &others.xdr, next).await;
    world.opened_reindex().await.read_stored_and_swap(|_| ()).await.unwrap();
    assert_eq!(world.first_two().await, before);
}

#[sqlx::test]
async fn an_entry_that_is_absent_once_closes_no_stream(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    world.start(world.correcting_every(NO_CHECK));
    world.indexed().await;
    world.all_are_certain().await;
    let was_left_out = relay.leave_out_once(&world.keys()[0]);
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.indexed().await;
    world.all_are_certain().await;
    assert!(was_left_out.load(Ordering::Relaxed) > 0);
    let was_left_out = relay.leave_out_once(&world.keys()[0]);
    let verified = world.proof(true).await.unwrap();
    assert!(was_left_out.load(Ordering::Relaxed) > 0);
    assert_eq!((verified.equal, verified.repaired), (2, Vec::new()));
    assert!(world.first_two().await.iter().all(|record| !record.closed));
    let corrections = world.store.corrections_of(&world.devnet.contract_id(), StreamId(1), 10).await.unwrap();
    assert_eq!(corrections, []);
}

impl World {
    /// Starts an indexer that compares the records all the time, and returns once they were compared.
    async fn compared_all_the_time(&mut self) {
        self.start(self.correcting());
        self.indexed().await;
        self.all_are_certain().await;
    }

    /// Returns how the first stream was corrected: the fields, and what the chain has.
    async fn first_corrected_to(&self) -> Vec<(String, String)> {
        let corrections = self.store.corrections_of(&self.devnet.contract_id(), StreamId(1), 10).await.unwrap();
        corrections.into_iter().map(|correction| (correction.field, correction.chains)).collect()
    }
}

#[sqlx::test]
async fn a_rolling_check_that_finds_an_entry_absent_once_looks_again_and_finds_it_equal(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    world.compared_all_the_time().await;
    let answers = relay.leave_out_once(&world.keys()[0]);
    eventually("it is asked for again", || async { answers.load(Ordering::Relaxed) > 5 }).await;
    world.devnet.close_ledgers(3).unwrap();
    let tip = world.devnet.latest_ledger();
    eventually("the record is compared again", || async { world.first_two().await[0].checked_at_ledger >= Some(tip) })
        .await;
    assert!(!world.first_two().await[0].closed);
    assert_eq!((world.first_corrected_to().await, world.differing().await), (Vec::new(), BTreeMap::new()));
}

#[sqlx::test]
async fn a_rolling_check_that_finds_a_difference_and_then_no_entry_takes_neither(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    world.compared_all_the_time().await;
    relay.hold();
    relay.was_asked(relay.asked().len() + 1).await;
    world.alter("update streams set withdrawn = withdrawn + 7 where stream_id = '1'").await;
    // A check asks again about what differs, so that each second answer is one that confirms.
    let answers = relay.leave_out(&world.keys()[0], |answer| answer % 2 == 0);
    relay.pass_all();
    eventually("several checks have ended", || async { answers.load(Ordering::Relaxed) > 8 }).await;
    let record = world.first_two().await.remove(0);
    assert_eq!((record.closed, record.withdrawn, world.first_corrected_to().await), (false, Amount(7), Vec::new()));
    assert_eq!(world.differing().await, BTreeMap::from([(StreamId(1), "record".to_owned())]));

    relay.change(|reply| reply);
    eventually("the record is corrected", || async { world.first_two().await[0].withdrawn == Amount(0) }).await;
    assert_eq!(world.first_corrected_to().await, [("withdrawn_amount".to_owned(), "0".to_owned())]);
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_rolling_check_closes_a_stream_that_is_absent_twice_once_the_answers_are_of_a_ledger_that_is_indexed(
    pool: PgPool,
) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    world.compared_all_the_time().await;
    let (key, tip) = (world.keys().swap_remove(0), i64::from(world.devnet.latest_ledger().0));
    let last_event = i64::from(world.first_two().await[0].last_event.ledger().0);
    for (what, ledgers_more) in [("behind the stream's last event", last_event - 1 - tip), ("ahead of the index", 1)] {
        relay.leave_out_as_of(&key, ledgers_more);
        relay.answers(6).await;
        assert!(!world.first_two().await[0].closed, "the node is {what}");
        assert_eq!(
            (world.first_corrected_to().await, world.differing().await),
            (Vec::new(), BTreeMap::new()),
            "{what}"
        );
    }
    relay.leave_out_as_of(&key, 0);
    eventually("the record is closed", || async { world.first_two().await[0].closed }).await;
    assert_eq!(world.first_corrected_to().await, [("record".to_owned(), "deleted".to_owned())]);
    relay.answers(4).await;
    assert_eq!((world.first_corrected_to().await.len(), world.differing().await), (1, BTreeMap::new()));
}

/// Two contracts with a stream each, which are followed through a relay that lacks the second contract's own entry.
struct OneContractIsMissing {
    world: World,
    relay: Relay,
    contracts: Vec<ContractId>,
    /// How often the chain was asked about the second contract.
    asked: Arc<AtomicUsize>,
}

impl OneContractIsMissing {
    async fn start(pool: PgPool) -> Self {
        let mut world = World::with_devnet(pool, &DevnetArgs { contracts: 2, ..DevnetArgs::by_hand() }).await;
        let contracts = world.devnet.contract_ids();
        let call = world.creation("alice", "bob", 1_000_000, 100);
        let calls = [0, 1].map(|contract| NumberedCall { contract, call: call.clone() });
        let answer = world.devnet.submit(Input::Across(calls.to_vec()));
        world.devnet.close_ledger().unwrap();
        answer.await.unwrap();
        let relay = Relay::to(&world.rpc_url).await;
        let (missing, asked) = (contract_instance_key(&contracts[1]), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&asked);
        relay.change(move |mut reply| {
            let entries = reply["result"]["entries"].as_array_mut().unwrap();
            let before = entries.len();
            entries.retain(|entry| entry["key"] != missing);
            counted.fetch_add(before - entries.len(), Ordering::Relaxed);
            reply
        });
        world.rpc_urls = vec![relay.url.clone()];
        let settings = world.settings();
        let pace = PaceArgs { records: RecordState::Both.into(), check_interval: NO_CHECK, ..settings.pace.clone() };
        let contracts_of_both = Contracts::new(contracts.clone()).unwrap();
        let settings = IngestSettings { pace, contracts: contracts_of_both, ..settings };
        world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
        Self { world, relay, contracts, asked }
    }

    /// Returns whether the record of a contract's stream equals the chain's since its last event.
    async fn is_certain(&self, contract: usize) -> bool {
        let record = self.world.store.stream(&self.contracts[contract], StreamId(1)).await.unwrap();
        record.is_some_and(|record| record.checked_at_ledger >= Some(record.last_event.ledger()))
    }
}

#[sqlx::test]
async fn a_contract_whose_own_entry_is_missing_keeps_no_other_from_being_compared(pool: PgPool) {
    let two = OneContractIsMissing::start(pool).await;
    two.world.indexed().await;
    eventually("the first contract is compared", || two.is_certain(0)).await;
    assert!(!two.is_certain(1).await);
    let second = two.world.store.stream(&two.contracts[1], StreamId(1)).await.unwrap().unwrap();
    assert!(!second.closed);
    two.relay.change(|reply| reply);
    eventually("the second one is compared soon", || two.is_certain(1)).await;
}

#[sqlx::test]
async fn a_contract_whose_own_entry_stays_missing_is_asked_about_less_and_less(pool: PgPool) {
    const CHANGES: usize = 40;
    let two = OneContractIsMissing::start(pool).await;
    for _ in 0..CHANGES {
        two.world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(1) }).await;
        two.world.indexed().await;
        eventually("the first contract is compared", || two.is_certain(0)).await;
    }
    // At most once after each delay, the shortest of which is half a second and each of which is twice the one before.
    let asked = two.asked.load(Ordering::Relaxed);
    assert!((1..CHANGES / 2).contains(&asked), "asked about {asked} times while the other one changed {CHANGES} times");
    assert!(!two.is_certain(1).await);
}

#[sqlx::test]
async fn a_mark_of_an_impossible_order_is_named_by_verify_and_goes_with_a_repair(pool: PgPool) {
    let (world, _relay) = World::behind_a_relay(pool).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world.alter("update streams set impossible_order = true where stream_id = '1'").await;
    let verified = world.proof(false).await.unwrap();
    assert_eq!((verified.equal, verified.unverified), (2, 1), "{verified:?}");
    let verified = world.proof(true).await.unwrap();
    assert_eq!((verified.equal, verified.unverified, verified.repaired), (2, 0, vec![StreamId(1)]));
    assert!(world.first_two().await.iter().all(|record| !record.impossible_order));
}

#[sqlx::test]
async fn an_endpoint_without_the_contracts_own_entry_proves_nothing(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    let honest = world.rpc_url.clone();
    world.start(world.correcting());
    world.indexed().await;
    world.all_are_certain().await;
    for entries in [json!([]), json!(null), json!([{"key": "zzzz", "xdr": "AAAA", "lastModifiedLedgerSeq": 1}])] {
        relay.change(move |mut reply| {
            reply["result"]["entries"] = entries.clone();
            reply
        });
        relay.answers(1).await;
        let before = world.checked_at().await;
        relay.answers(1).await;
        assert_eq!(world.checked_at().await, before, "no check counts");
        relay.change(|reply| reply);
        eventually("checks count again", || async { world.checked_at().await > before }).await;
    }
    relay.change(|mut reply| {
        reply["result"]["entries"] = json!([]);
        reply
    });
    let keys = world.keys();
    let contract_id = world.devnet.contract_id();
    let failure = world.source().contract_entries(&contract_id, &keys).await.unwrap_err();
    assert!(failure.to_string().contains("no entry of the contract"), "{failure}");
    let urls = [relay.url.clone(), honest];
    let both = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    assert_eq!(both.contract_entries(&contract_id, &keys).await.unwrap().entries.len(), 3);
}

#[sqlx::test]
async fn an_index_follows_while_requests_for_entries_are_limited(pool: PgPool) {
    let (mut world, relay) = World::behind_a_relay(pool).await;
    world.start(world.correcting());
    world.indexed().await;
    world.all_are_certain().await;
    relay.limit(120);
    relay.was_asked(relay.asked().len() + 1).await;
    let introduced = relay.calls("getNetwork");
    for _ in 0..5 {
        world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(1) }).await;
        world.indexed().await;
    }
    let records = world.first_two().await;
    let ours: Vec<_> = records.iter().map(|record| Some(StreamEntry::from(record))).collect();
    let chains: Vec<_> = records.iter().map(|record| world.devnet.stream_entry(record.stream_id)).collect();
    assert_eq!(ours, chains);
    assert_eq!(relay.calls("getNetwork"), introduced, "nobody asks the endpoint again who it is");
    let base = world.start_gateway(GatewaySettings::default()).await;
    let status = status_says(&world, &base, "what is asked for entries waits", |status| {
        status["endpoints"][0]["entries"]["state"] == "waiting"
    });
    let endpoint = &status.await["endpoints"][0];
    assert_eq!((&endpoint["state"], &endpoint["entries"]["failuresInARow"]), (&json!("ready"), &json!(1)));
    assert!(endpoint["entries"]["retryInMs"].as_u64().is_some_and(|wait| wait > 60_000), "{endpoint}");
}
