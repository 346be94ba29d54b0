//! The random histories of the real contract, put into whole ledgers call by call: after each of them the API shows every
//! stored record and every claimable amount as the contract has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use chrono::DateTime;
use flate2::read::GzDecoder;
use flowfi_indexer::{
    domain::{
        Amount, ContractId, Contracts, LedgerRange, LedgerSequence, Schedule, Step, StreamEntry, StreamId, StreamKey,
        UnixTime, holes,
    },
    ingest::{Follow, Indexer, IngestSettings, PaceArgs, RecordState},
    xdr::decode_stream_entry,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use stellar_xdr::ScVal;

use crate::{
    contract_histories::bytes,
    made_chain::{Made, MadeChain, MadeEvent, PASSPHRASE, change, scval},
    world::{GatewaySettings, World, eventually, http_client},
};

const OLDER: &[u8] = include_bytes!("../fixtures/contract-histories.jsonl.gz");
const NEWER: &[u8] = include_bytes!("../fixtures/contract-histories-b.jsonl.gz");

/// A call of a recorded history, of either version.
#[derive(Deserialize)]
struct Call {
    history: u8,
    step: u32,
    now: u64,
    #[serde(default)]
    op: String,
    #[serde(default)]
    events: Vec<HexEvent>,
    #[serde(default)]
    system_events: Vec<HexEvent>,
    #[serde(default)]
    states: Vec<State>,
    #[serde(default)]
    claimable: Answers,
    /// The older histories name one stream a call.
    #[serde(default)]
    stream: u64,
    state: Option<String>,
}

#[derive(Deserialize)]
struct HexEvent {
    topics: Vec<String>,
    value: String,
}

#[derive(Deserialize)]
struct State {
    stream: u64,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answers {
    OfOne(OfOne),
    OfAny(Vec<Claimable>),
    None(()),
}

impl Default for Answers {
    fn default() -> Self {
        Self::None(())
    }
}

#[derive(Clone, Copy, Deserialize)]
struct OfOne {
    at: u64,
    amount: Amount,
}

#[derive(Clone, Copy, Deserialize)]
struct Claimable {
    stream: u64,
    at: u64,
    amount: Option<Amount>,
}

impl Call {
    fn contract_id(&self) -> ContractId {
        ContractId::from_bytes([self.history + 1; 32])
    }

    fn place(&self) -> String {
        format!("history {} step {} {}", self.history, self.step, self.op)
    }

    /// Returns what lies in the ledger under each stream's key after the call, as far as it is recorded.
    fn stored(&self) -> Vec<(StreamKey, Option<ScVal>)> {
        let of_one = self.state.as_ref().map(|state| (self.stream, Some(state)));
        let of_any = self.states.iter().map(|State { stream, state }| (*stream, state.as_ref()));
        let key = |stream| (self.contract_id(), StreamId(stream));
        of_one
            .into_iter()
            .chain(of_any)
            .map(|(stream, state)| (key(stream), state.map(|hex| scval(&bytes(hex)))))
            .collect()
    }

    fn claimables(&self) -> Vec<Claimable> {
        match &self.claimable {
            Answers::OfOne(OfOne { at, amount }) => {
                vec![Claimable { stream: self.stream, at: *at, amount: Some(*amount) }]
            }
            Answers::OfAny(of_any) => of_any.clone(),
            Answers::None(()) => Vec::new(),
        }
    }

    fn events(&self) -> Vec<MadeEvent> {
        let made = |is_system: bool, event: &HexEvent| MadeEvent {
            is_system,
            topics: event.topics.iter().map(|topic| bytes(topic)).collect(),
            value: bytes(&event.value),
        };
        let own = self.events.iter().map(|event| made(false, event));
        own.chain(self.system_events.iter().map(|event| made(true, event))).collect()
    }
}

/// Returns the calls in the order of their times. No ledger closes after the last date that there is.
fn calls(histories: &[u8]) -> Vec<Call> {
    let mut text = String::new();
    GzDecoder::new(histories).read_to_string(&mut text).unwrap();
    let calls = text.lines().map(|line| serde_json::from_str::<Call>(line).unwrap());
    let has_date = |call: &Call| i64::try_from(call.now).is_ok_and(|now| DateTime::from_timestamp(now, 0).is_some());
    let mut calls: Vec<Call> = calls.filter(has_date).collect();
    calls.sort_by_key(|call| (call.now, call.history, call.step));
    calls
}

/// How much was compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compared {
    records: u32,
    deletions: u32,
    claimables: u32,
}

/// The histories on their way through the ledgers, the index and the API.
struct Replay {
    world: World,
    chain: MadeChain,
    client: reqwest::Client,
    base: String,
    /// What lies under the streams' keys.
    stored: BTreeMap<StreamKey, ScVal>,
    /// Streams that there once were.
    known: BTreeSet<StreamKey>,
    compared: Compared,
}

impl Replay {
    async fn begin(pool: PgPool, calls: &[Call]) -> Self {
        let ids: BTreeSet<_> = calls.iter().map(Call::contract_id).collect();
        let contracts = Contracts::new(ids).unwrap();
        let (mut world, chain) = (World::new(pool).await, MadeChain::start().await);
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(2)),
            state: RecordState::Both,
            follow: Follow::Ledgers,
            ..world.settings().pace
        };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contracts.clone(),
            pace,
            ..world.settings()
        };
        world.start(Indexer::new(chain.source(), Vec::new(), world.store.clone(), settings));
        let of_gateway = GatewaySettings { asks_the_chain: false, contracts: Some(contracts), ..Default::default() };
        let base = world.start_gateway(of_gateway).await;
        let (stored, known) = (BTreeMap::new(), BTreeSet::new());
        Self { world, chain, client: http_client(), base, stored, known, compared: Compared::default() }
    }

    /// Makes the call in a ledger of its own, and compares everything that is recorded of what it left.
    async fn repeat(&mut self, call: &Call) {
        let mut changes = Vec::new();
        for ((contract_id, stream_id), after) in call.stored() {
            let key = (contract_id, stream_id);
            let before = self.stored.get(&key);
            // A call that goes through writes the entry even where nothing in it changes.
            if before != after.as_ref() || !call.events.is_empty() {
                changes.extend(change(&key.0, stream_id, before, after.as_ref()));
            }
            match after {
                Some(after) => {
                    self.stored.insert(key.clone(), after);
                    self.known.insert(key);
                }
                None => drop(self.stored.remove(&key)),
            }
        }
        let made = Made { contract_id: call.contract_id(), events: call.events(), changes };
        let ledger = self.chain.close(call.now, vec![made]);
        let (store, contract_id) = (self.world.store.clone(), call.contract_id());
        eventually(&format!("{} is indexed", call.place()), || async {
            let progress = store.progress(&contract_id).await.unwrap();
            progress.is_some_and(|progress| progress.last_whole_ledger >= ledger)
        })
        .await;
        self.compare_records(call).await;
        self.compare_claimables(call).await;
    }

    async fn get(&self, path: String) -> (u16, Value) {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn compare_records(&mut self, call: &Call) {
        for ((contract_id, stream_id), stored) in call.stored() {
            let place = format!("{} stream {stream_id}", call.place());
            let (status, shown) = self.get(format!("/v1/streams/{contract_id}:{stream_id}")).await;
            match stored {
                Some(stored) => {
                    let xdr = stellar_xdr::WriteXdr::to_xdr(&stored, stellar_xdr::Limits::none()).unwrap();
                    let entry = decode_stream_entry(&xdr).unwrap();
                    assert_eq!(status, 200, "{place}: {shown}");
                    assert_shown(&shown, &entry, &place);
                    self.compared.records += 1;
                }
                None if self.known.contains(&(contract_id, stream_id)) => {
                    assert_eq!((status, &shown["status"]), (200, &json!("closed")), "{place}: {shown}");
                    self.compared.deletions += 1;
                }
                None => assert_eq!(status, 404, "{place}: {shown}"),
            }
        }
    }

    async fn compare_claimables(&mut self, call: &Call) {
        for Claimable { stream, at, amount } in call.claimables() {
            let key = (call.contract_id(), StreamId(stream));
            let place = format!("{} stream {stream} at {at}", call.place());
            let (status, shown) = self.get(format!("/v1/streams/{}:{stream}/claimable?at={at}", key.0)).await;
            match amount {
                Some(amount) => {
                    assert_eq!((status, &shown["claimableAmount"]), (200, &json!(amount)), "{place}: {shown}");
                }
                None if self.known.contains(&key) => {
                    let said = (status, &shown["claimableAmount"], &shown["claimableReason"]);
                    assert_eq!(said, (200, &Value::Null, &json!("closed")), "{place}");
                }
                None => assert_eq!(status, 404, "{place}: {shown}"),
            }
            self.compared.claimables += 1;
        }
    }
}

fn dated(time: UnixTime) -> Value {
    if time <= UnixTime::LAST_DATE { json!(time.0) } else { Value::Null }
}

fn optional(time: Option<UnixTime>) -> Value {
    time.map_or(Value::Null, dated)
}

fn schedule(entry: &StreamEntry) -> Value {
    match &entry.schedule {
        Schedule::Linear if entry.cliff_time.is_none() => json!({"kind": "linear"}),
        Schedule::Linear => json!({"kind": "cliff", "cliffTime": optional(entry.cliff_time)}),
        Schedule::CliffLump { cliff_time, cliff_amount } => {
            json!({"kind": "cliffLump", "cliffTime": dated(*cliff_time), "cliffAmount": cliff_amount})
        }
        Schedule::Steps { steps } => {
            let step = |Step { unlock_amount, unlock_time }: &Step| json!({"unlockAmount": unlock_amount, "unlockTime": dated(*unlock_time)});
            json!({"kind": "steps", "steps": steps.iter().map(step).collect::<Vec<_>>()})
        }
        Schedule::Interval { .. } | Schedule::Unknown { .. } => panic!("no such schedule was recorded: {entry:?}"),
    }
}

fn assert_shown(shown: &Value, entry: &StreamEntry, place: &str) {
    let expected = [
        ("sender", json!(entry.sender)),
        ("recipient", json!(entry.recipient)),
        ("tokenAddress", json!(entry.token)),
        ("ratePerSecond", json!(entry.rate_per_second)),
        ("depositedAmount", json!(entry.deposited)),
        ("withdrawnAmount", json!(entry.withdrawn)),
        ("startTime", dated(entry.start_time)),
        ("lastUpdateTime", dated(entry.last_update_time)),
        ("isActive", json!(entry.is_active)),
        ("isPaused", json!(entry.paused)),
        ("pausedAt", optional(entry.paused_at)),
        ("schedule", schedule(entry)),
        ("arbiter", json!(entry.arbiter)),
        ("disputeStatus", json!(entry.dispute_status.as_str())),
        ("isAllowanceBased", json!(entry.is_allowance_based)),
        ("claimableReason", Value::Null),
        ("unverified", json!(false)),
    ];
    for (field, value) in expected {
        assert_eq!(shown[field], value, "{place}, {field}: {shown}");
    }
    assert!(shown["checkedAtLedger"].as_u64() >= shown["lastEventLedger"].as_u64(), "{place}: {shown}");
}

/// Replays calls, and returns what was compared and which ledgers count as not seen.
async fn replay(pool: PgPool, calls: &[Call]) -> (Compared, u64) {
    let mut replay = Replay::begin(pool, calls).await;
    for call in calls {
        replay.repeat(call).await;
    }
    let mut withdrawn = 0;
    for contract_id in calls.iter().map(Call::contract_id).collect::<BTreeSet<_>>() {
        let covered = replay.world.store.coverage(&contract_id).await.unwrap();
        let read = replay.world.store.progress(&contract_id).await.unwrap().unwrap().last_whole_ledger;
        let all = LedgerRange::new(LedgerSequence(2), read).unwrap();
        withdrawn +=
            holes(all, covered.iter().map(|covered| covered.ledgers)).iter().map(|hole| hole.count()).sum::<u64>();
    }
    (replay.compared, withdrawn)
}

#[sqlx::test]
async fn the_api_shows_what_the_older_contract_stores_and_answers_after_every_call(pool: PgPool) {
    let (compared, withdrawn) = replay(pool, &calls(OLDER)).await;
    assert_eq!(compared, Compared { records: 567, deletions: 0, claimables: 567 });
    assert_eq!(withdrawn, 0, "every change has its event");
}

/// An index follows at most 25 contracts.
async fn newer(pool: PgPool, has_history: impl Fn(u8) -> bool) -> (Compared, u64) {
    let calls: Vec<Call> = calls(NEWER).into_iter().filter(|call| has_history(call.history)).collect();
    replay(pool, &calls).await
}

#[sqlx::test]
async fn the_api_shows_what_the_newer_contract_stores_and_answers_after_every_call(pool: PgPool) {
    let (compared, withdrawn) = newer(pool, |history| history < 60).await;
    assert_eq!(compared, Compared { records: 525, deletions: 64, claimables: 1_809 });
    assert_eq!(withdrawn, 11, "a hook of the recorder changed an arbiter, and no event says so");
}

#[sqlx::test]
async fn the_api_shows_the_same_of_the_other_half_of_the_histories(pool: PgPool) {
    let (compared, withdrawn) = newer(pool, |history| history >= 60).await;
    assert_eq!(compared, Compared { records: 539, deletions: 41, claimables: 1_776 });
    assert_eq!(withdrawn, 10, "a hook of the recorder changed an arbiter, and no event says so");
}
