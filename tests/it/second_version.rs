//! Thirty random histories of the second version of the real contract: its stored entries give every claimable, and its
//! events lead from one entry to the next.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use flowfi_indexer::{
    domain::{
        Baseline, ClaimableReason, ContractVersion, EventId, LedgerSequence, RawBaseline, StreamEntry, StreamId,
        StreamRecord, UnixTime,
    },
    xdr::{Decoded, decode_event, decode_stream_entry},
};

use crate::{
    contract_events::raw,
    contract_histories::{base64, bytes},
    histories::calls::{Call, Claimable, NEWER, recorded},
};

type Key = (u8, u64);

/// Those of histories whose ledgers all closed at dates.
fn calls_at_dates() -> Vec<Call> {
    let calls = recorded(NEWER);
    let without: BTreeSet<u8> = calls.iter().filter(|call| !call.has_date()).map(|call| call.history).collect();
    assert_eq!(without.len(), 4);
    calls.into_iter().filter(|call| !without.contains(&call.history)).collect()
}

fn position(step: u32, index: u32) -> EventId {
    EventId::of(LedgerSequence(step + 2), 1, 0, index).unwrap()
}

/// Folds the events of a call into the records.
fn fold(records: &mut BTreeMap<Key, StreamRecord>, call: &Call) {
    let version = if call.code == "A" { ContractVersion::First } else { ContractVersion::Second };
    for (index, event) in (0..).zip(&call.events) {
        let mut raw = raw(event.topics.iter().map(|hex| base64(hex)).collect(), base64(&event.value));
        raw.id = position(call.step, index);
        raw.ledger_closed_at = DateTime::from_timestamp(call.now.try_into().unwrap(), 0).unwrap();
        let Decoded::Event(event) = decode_event(&raw) else { panic!("{} {}", call.history, call.step) };
        let Some(stream_id) = event.stream_id() else { continue };
        let key = (call.history, stream_id.0);
        if let Some(record) = StreamRecord::fold(records.remove(&key), &event, &raw, version) {
            records.insert(key, record);
        }
    }
}

/// Sets a record from the entry that the contract stored.
fn take_up(records: &mut BTreeMap<Key, StreamRecord>, key: Key, step: u32, entry: StreamEntry) {
    let raw = RawBaseline {
        stream_id: StreamId(key.1),
        position: position(step, u32::MAX),
        entry_xdr: String::new(),
        last_modified_ledger: LedgerSequence(step + 2),
        live_until_ledger: None,
    };
    let contract_id = crate::contract_events::CONTRACT.parse().unwrap();
    let record = Baseline { raw, entry }.record(&contract_id, records.remove(&key), None);
    records.insert(key, record);
}

/// A call's claimables by what is known after it. Returns how many were told.
fn compare_claimables(records: &BTreeMap<Key, StreamRecord>, call: &Call) -> usize {
    let mut told = 0;
    for Claimable { stream, at, amount } in call.claimables() {
        let Some(record) = records.get(&(call.history, stream)) else {
            assert_eq!(amount, None, "there is no stream {stream}");
            continue;
        };
        let place = format!("history {} step {} stream {stream} at {at}", call.history, call.step);
        match (record.claimable(UnixTime(at)), amount) {
            (Ok(ours), Some(amount)) => assert_eq!(ours, amount, "{place}"),
            (Err(ClaimableReason::Closed), None) | (Err(ClaimableReason::NotYetChecked), Some(_)) => continue,
            (ours, theirs) => panic!("{place}: {ours:?} {theirs:?}"),
        }
        told += 1;
    }
    told
}

#[test]
fn the_contracts_entries_give_every_claimable_that_it_answers() {
    let mut records = BTreeMap::new();
    let (mut states, mut claimables) = (0, 0);
    for call in recorded(NEWER) {
        for (StreamId(stream), state) in call.states() {
            let key = (call.history, stream);
            let Some(state) = state else {
                records.remove(&key);
                continue;
            };
            let entry = decode_stream_entry(&bytes(state)).unwrap();
            take_up(&mut records, key, call.step, entry.clone());
            assert_eq!(StreamEntry::from(&records[&key]), entry);
            states += 1;
        }
        claimables += compare_claimables(&records, &call);
    }
    assert_eq!((states, claimables), (1_176, 3_528), "all that there are");
}

#[test]
fn once_an_entry_was_seen_the_events_alone_lead_to_every_later_entry_and_claimable() {
    let mut records: BTreeMap<Key, StreamRecord> = BTreeMap::new();
    let (mut states, mut claimables, mut entries) = (0, 0, 0);
    for call in calls_at_dates() {
        fold(&mut records, &call);
        for (StreamId(stream), state) in call.states() {
            let key = (call.history, stream);
            let Some(state) = state else {
                assert!(records.get(&key).is_none_or(|record| record.closed), "{key:?} in step {}", call.step);
                continue;
            };
            let entry = decode_stream_entry(&bytes(state)).unwrap();
            let record = &records[&key];
            // The hook stands for what no creation of the contract does.
            if record.awaits_entry || call.op.starts_with("hook_") {
                take_up(&mut records, key, call.step, entry);
                entries += 1;
                continue;
            }
            assert_eq!(StreamEntry::from(record), entry, "history {} step {} stream {stream}", call.history, call.step);
            states += 1;
        }
        claimables += compare_claimables(&records, &call);
    }
    assert_eq!((states, claimables, entries), (806, 3_018, 200));
}

#[test]
fn what_events_alone_tell_is_right_or_says_that_it_is_not_checked() {
    let mut records: BTreeMap<Key, StreamRecord> = BTreeMap::new();
    let (mut told, mut in_all) = (0, 0);
    for call in calls_at_dates().into_iter().filter(|call| !call.op.starts_with("hook_")) {
        fold(&mut records, &call);
        told += compare_claimables(&records, &call);
        in_all += call.claimables().len();
    }
    assert_eq!((told, in_all), (1_149, 3_300));
}
