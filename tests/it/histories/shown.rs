//! What the API shows of streams, beside what the contract stored and answered.

use std::collections::BTreeSet;

use flowfi_indexer::{
    domain::{Schedule, Step, StreamEntry, StreamId, StreamKey, UnixTime},
    xdr::decode_stream_entry,
};
use serde_json::{Value, json};
use stellar_xdr::{Limits, ScVal, WriteXdr};

use super::calls::{Call, Claimable};
use crate::world::http_client;

/// How much was compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub records: u32,
    pub deletions: u32,
    pub claimables: u32,
}

/// An API, and how much of what it shows was compared.
pub struct Shown {
    client: reqwest::Client,
    base: String,
    pub compared: Compared,
}

impl Shown {
    pub fn by(base: String) -> Self {
        Self { client: http_client(), base, compared: Compared::default() }
    }

    async fn get(&self, path: String) -> (u16, Value) {
        let response = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Returns what is shown of a stream.
    pub async fn stream(&self, (contract_id, stream_id): &StreamKey) -> (u16, Value) {
        self.get(format!("/v1/streams/{contract_id}:{stream_id}")).await
    }

    /// Returns whether a stream is shown as it is stored.
    pub async fn is_equal(&self, key: &StreamKey, stored: Option<&ScVal>) -> bool {
        let (status, shown) = self.stream(key).await;
        match stored {
            Some(stored) => shown_of(&entry_of(stored)).into_iter().all(|(field, value)| shown[field] == value),
            None => status == 404 || shown["status"] == "closed",
        }
    }

    /// Compares everything that is recorded of what a call left. `known` are the streams that there once were.
    pub async fn compare(&mut self, call: &Call, known: &BTreeSet<StreamKey>) {
        for (key, stored) in call.stored() {
            self.compare_record(&key, stored.as_ref(), known, &call.place()).await;
        }
        for claimable in call.claimables() {
            let key = (call.contract_id(), StreamId(claimable.stream));
            self.compare_claimable(&key, claimable, known, &call.place()).await;
        }
    }

    pub async fn compare_record(
        &mut self,
        key: &StreamKey,
        stored: Option<&ScVal>,
        known: &BTreeSet<StreamKey>,
        place: &str,
    ) {
        let place = format!("{place} stream {}", key.1);
        let (status, shown) = self.stream(key).await;
        match stored {
            Some(stored) => {
                let entry = entry_of(stored);
                assert_eq!(status, 200, "{place}: {shown}");
                assert_shown(&shown, &entry, &place);
                self.compared.records += 1;
            }
            None if known.contains(key) => {
                assert_eq!((status, &shown["status"]), (200, &json!("closed")), "{place}: {shown}");
                self.compared.deletions += 1;
            }
            None => assert_eq!(status, 404, "{place}: {shown}"),
        }
    }

    pub async fn compare_claimable(
        &mut self,
        key: &StreamKey,
        Claimable { at, amount, .. }: Claimable,
        known: &BTreeSet<StreamKey>,
        place: &str,
    ) {
        let place = format!("{place} stream {} at {at}", key.1);
        let (status, shown) = self.get(format!("/v1/streams/{}:{}/claimable?at={at}", key.0, key.1)).await;
        match amount {
            Some(amount) => {
                assert_eq!((status, &shown["claimableAmount"]), (200, &json!(amount)), "{place}: {shown}");
            }
            None if known.contains(key) => {
                let said = (status, &shown["claimableAmount"], &shown["claimableReason"]);
                assert_eq!(said, (200, &Value::Null, &json!("closed")), "{place}");
            }
            None => assert_eq!(status, 404, "{place}: {shown}"),
        }
        self.compared.claimables += 1;
    }
}

fn entry_of(stored: &ScVal) -> StreamEntry {
    decode_stream_entry(&stored.to_xdr(Limits::none()).unwrap()).unwrap()
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

/// Returns the fields that tell of an entry, as they are to be shown.
fn shown_of(entry: &StreamEntry) -> [(&'static str, Value); 17] {
    [
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
    ]
}

fn assert_shown(shown: &Value, entry: &StreamEntry, place: &str) {
    for (field, value) in shown_of(entry) {
        assert_eq!(shown[field], value, "{place}, {field}: {shown}");
    }
    assert!(shown["checkedAtLedger"].as_u64() >= shown["lastEventLedger"].as_u64(), "{place}: {shown}");
}
