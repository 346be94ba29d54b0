//! Records set from the chain's entries, while no batch is committed.

use std::collections::{BTreeSet, HashMap};

use chrono::DateTime;
use tracing::info;

use super::{
    super::error::IngestError,
    compare::{Finding, Seen},
};
use crate::{
    domain::{ContractId, EventId, LedgerSequence, StreamEntry, StreamId, StreamRecord},
    store::{Mentions, Store},
};

/// Sets the records of these streams from what was seen of the chain, and returns those that were set. The others moved
/// meanwhile: there are events of them that the chain's entry does not hold, or that are still to come and that it does.
pub(super) async fn from_chain(
    store: &Store,
    contract_id: &ContractId,
    seen: &Seen,
    wanted: &BTreeSet<StreamId>,
) -> Result<Vec<StreamId>, IngestError> {
    let mut repair = store.begin_repair(contract_id).await?.ok_or(IngestError::NotBegun)?;
    let position = repair.position();
    let streams: Vec<StreamId> = wanted.iter().copied().collect();
    let mentions = repair.mentions_of(&streams).await?;
    let records = repair.records_of(&streams).await?;
    let mut records: HashMap<StreamId, StreamRecord> =
        records.into_iter().map(|record| (record.stream_id, record)).collect();
    let mut set = Vec::new();
    for stream_id in streams {
        let Some((entry, last_modified)) = seen.entry_of(stream_id) else { continue };
        let mentions = mentions.get(&stream_id);
        if last_modified > position.last_whole_ledger() || moved(mentions, seen.at_ledger) {
            continue;
        }
        let before = records.remove(&stream_id);
        set.push(match before {
            Some(before) => entry.clone().correct(before),
            None => seed(contract_id, stream_id, entry, mentions),
        });
    }
    if set.is_empty() {
        return Ok(Vec::new());
    }
    for record in &set {
        info!(stream.id = %record.stream_id, "stream {}: set from the chain, {}", record.stream_id, was(seen, record));
    }
    let streams: Vec<StreamId> = set.iter().map(|record| record.stream_id).collect();
    let of_set = || streams.iter().filter_map(|stream_id| mentions.get(stream_id));
    let first = of_set().map(|mentions| mentions.first).min().unwrap_or(position);
    let last = of_set().map(|mentions| mentions.last).max().unwrap_or(position);
    repair.set_records(&set, (first, last)).await?;
    Ok(streams)
}

fn moved(mentions: Option<&Mentions>, at_ledger: LedgerSequence) -> bool {
    mentions.is_some_and(|mentions| mentions.last.ledger() > at_ledger)
}

/// Returns a record of a stream whose creation was not seen. A stream starts when it is created, so that time is known;
/// the place is not, so it stands before every ledger, in the order of the numbers; streams of one number are told apart
/// by the first bytes of their contracts. How long it was paused is not kept on chain.
fn seed(
    contract_id: &ContractId,
    stream_id: StreamId,
    entry: &StreamEntry,
    mentions: Option<&Mentions>,
) -> StreamRecord {
    let number = u32::try_from(stream_id.0).unwrap_or(u32::MAX);
    let [first, second, third, fourth, ..] = contract_id.to_bytes();
    let of_contract = u32::from_be_bytes([first, second, third, fourth]);
    let created_event = EventId::from_parts(i64::from(number), i64::from(of_contract)).unwrap_or(EventId::ZERO);
    let start_time = i64::try_from(entry.start_time.0).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let created_at = start_time.unwrap_or_default();
    StreamRecord {
        contract_id: contract_id.clone(),
        stream_id,
        sender: entry.sender.clone(),
        recipient: entry.recipient.clone(),
        token: entry.token.clone(),
        rate_per_second: entry.rate_per_second,
        deposited: entry.deposited,
        withdrawn: entry.withdrawn,
        start_time: entry.start_time,
        last_update_time: entry.last_update_time,
        is_active: entry.is_active,
        paused: entry.paused,
        paused_at: entry.paused_at,
        status: entry.status,
        total_paused_seconds: 0,
        unverified: false,
        impossible_order: false,
        created_event,
        last_event: mentions.map_or(created_event, |mentions| mentions.last),
        created_at,
        updated_at: mentions.map_or(created_at, |mentions| mentions.last_closed_at),
    }
}

/// Says what it was before.
fn was(seen: &Seen, record: &StreamRecord) -> String {
    match seen.find(record.stream_id) {
        Finding::Different(differences) => {
            let was: Vec<String> =
                differences.iter().map(|found| format!("{} was {}", found.field, found.ours)).collect();
            was.join(", ")
        }
        Finding::Missing => "there was no record".to_owned(),
        _ => "it was equal and marked as unverified".to_owned(),
    }
}
