//! Twenty random histories of the real contract: folding their events gives the contract's state and claimable amounts.

use std::{collections::BTreeMap, io::Read};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::DateTime;
use flate2::read::GzDecoder;
use flowfi_indexer::{
    domain::{Amount, ContractVersion, EventId, LedgerSequence, StreamEntry, StreamRecord, UnixTime},
    xdr::{Decoded, decode_event, decode_stream_entry},
};
use serde::Deserialize;

const FIXTURE: &[u8] = include_bytes!("../fixtures/contract-histories.jsonl.gz");

#[derive(Deserialize)]
struct Call {
    history: u32,
    step: u32,
    now: i64,
    ok: bool,
    stream: u64,
    events: Vec<HexEvent>,
    state: Option<String>,
    claimable: Option<Claimable>,
}

#[derive(Deserialize)]
struct HexEvent {
    topics: Vec<String>,
    value: String,
}

#[derive(Deserialize)]
struct Claimable {
    at: u64,
    amount: Amount,
}

pub fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

pub fn base64(hex: &str) -> String {
    BASE64_STANDARD.encode(bytes(hex))
}

fn calls() -> Vec<Call> {
    let mut text = String::new();
    GzDecoder::new(FIXTURE).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn folding_real_histories_gives_the_contracts_state_and_claimable_at_every_step() {
    let mut records: BTreeMap<(u32, u64), StreamRecord> = BTreeMap::new();
    let (mut states, mut claimables) = (0, 0);
    for call in calls() {
        let place = format!("history {} step {}", call.history, call.step);
        assert!(call.ok || call.events.is_empty(), "{place}: a refused call emits no events");
        for (index, event) in (0..).zip(&call.events) {
            let mut raw =
                super::contract_events::raw(event.topics.iter().map(|hex| base64(hex)).collect(), base64(&event.value));
            raw.id = EventId::of(LedgerSequence(call.step + 2), 1, 0, index).unwrap();
            raw.ledger_closed_at = DateTime::from_timestamp(call.now, 0).unwrap();
            let Decoded::Event(event) = decode_event(&raw) else { panic!("{place} did not decode") };
            let Some(stream_id) = event.stream_id() else { continue };
            let key = (call.history, stream_id.0);
            if let Some(record) = StreamRecord::fold(records.remove(&key), &event, &raw, ContractVersion::First) {
                assert!(!record.impossible_order && !record.unverified, "{place}: {event:?}");
                records.insert(key, record);
            }
        }
        let record = records.get(&(call.history, call.stream));
        if let Some(state) = &call.state {
            let entry = decode_stream_entry(&bytes(state)).unwrap();
            assert_eq!(StreamEntry::from(record.unwrap()), entry, "{place}");
            states += 1;
        }
        if let Some(Claimable { at, amount }) = call.claimable {
            assert_eq!(record.unwrap().claimable(UnixTime(at)), Ok(amount), "{place}");
            claimables += 1;
        }
    }
    assert_eq!((states, claimables), (567, 567));
}
