//! What the chain itself stores of a stream, as of a position in the feed: the judge of the record.

use std::collections::{BTreeMap, HashMap};

use chrono::DateTime;

use super::{ContractId, EventId, LedgerSequence, RawContractEvent, StreamEntry, StreamId, StreamRecord};

/// A stream's ledger entry as the chain stores it, and the position in the feed that it is true at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawBaseline {
    /// The stream.
    pub stream_id: StreamId,
    /// Everything of the stream up to here is in the entry.
    pub position: EventId,
    /// The entry's data, a `LedgerEntryData` in base64 XDR.
    pub entry_xdr: String,
    /// The ledger that last changed the entry (`lastModifiedLedgerSeq`).
    pub last_modified_ledger: LedgerSequence,
    /// The last ledger the entry lives in (`liveUntilLedgerSeq`), if the source says.
    pub live_until_ledger: Option<LedgerSequence>,
}

/// A baseline and what its entry says. A record is the newest baseline and the events after its position; events before
/// it add rows, parties and what only we keep, and older baselines what those events paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The entry as stored.
    pub raw: RawBaseline,
    /// The same entry, decoded.
    pub entry: StreamEntry,
}

impl Baseline {
    /// Returns whether the entry is older than the last event at the baseline's position, so it cannot have been the
    /// stream's entry there: that of the record or, where the creation is missing, `last`.
    #[must_use]
    pub fn is_outdated_by(&self, before: Option<&StreamRecord>, last: Option<&RawContractEvent>) -> bool {
        match before {
            Some(before) => before.outdates_entry_of(self.raw.last_modified_ledger),
            None => last.is_some_and(|last| self.raw.last_modified_ledger < last.id.ledger()),
        }
    }

    /// Returns the record at the baseline's position, from the one that the events before it lead to, or where the
    /// creation is missing, from `last`, the last event before it.
    #[must_use]
    pub fn record(
        &self,
        contract_id: &ContractId,
        before: Option<StreamRecord>,
        last: Option<&RawContractEvent>,
    ) -> StreamRecord {
        let record = match before {
            Some(before) => self.entry.clone().correct(before),
            None => seed(contract_id, self.raw.stream_id, &self.entry, last),
        };
        StreamRecord { checked_at_ledger: Some(self.raw.position.ledger()), ..record }
    }
}

/// Returns the baselines of each stream in the order of their positions; of two at one position the later of these.
#[must_use]
pub fn baselines_in_order(baselines: impl IntoIterator<Item = Baseline>) -> HashMap<StreamId, Vec<Baseline>> {
    let mut ordered: BTreeMap<(StreamId, EventId), Baseline> = BTreeMap::new();
    for baseline in baselines {
        ordered.insert((baseline.raw.stream_id, baseline.raw.position), baseline);
    }
    let mut of_streams: HashMap<StreamId, Vec<Baseline>> = HashMap::new();
    for ((stream_id, _), baseline) in ordered {
        of_streams.entry(stream_id).or_default().push(baseline);
    }
    of_streams
}

/// Returns the record of a stream whose creation was never seen. A stream starts when it is created, so the time is
/// known. The place is not: it is put before every ledger, in the order of stream numbers, and streams of one number are
/// told apart by the first bytes of their contracts. The chain does not keep how long a stream was paused.
fn seed(
    contract_id: &ContractId,
    stream_id: StreamId,
    entry: &StreamEntry,
    last: Option<&RawContractEvent>,
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
        schedule: entry.schedule.clone(),
        cliff_time: entry.cliff_time,
        arbiter: entry.arbiter.clone(),
        dispute_status: entry.dispute_status,
        is_allowance_based: entry.is_allowance_based,
        closed: false,
        awaits_entry: false,
        checked_at_ledger: None,
        total_paused_seconds: 0,
        unverified: false,
        impossible_order: false,
        created_event,
        last_event: last.map_or(created_event, |last| last.id),
        created_at,
        updated_at: last.map_or(created_at, |last| last.ledger_closed_at),
    }
}
