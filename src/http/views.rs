//! Records and events as JSON. Field names are those a FlowFi dashboard reads; amounts and ids are strings.

use serde::{Serialize, Serializer, ser::SerializeMap};
use utoipa::ToSchema;

use super::{
    event_view::{BodyView, EventView},
    openapi::words,
    schedule_view::{ScheduleView, cliff_time_of},
    stream_text::StreamName,
    times::{date_text, dated, dated_time},
};
use crate::domain::{
    Address, Amount, ClaimableReason, CommittedEvent, ContractId, Contracts, DisputeStatus, LedgerSequence, StreamId,
    StreamRecord, StreamStatus, UnixTime,
};

/// A stream as of the close of a ledger.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stream)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the answer")]
pub(super) struct StreamView {
    /// The stream's name in paths and in `streams=`: its number, or `contract:number` if this is not the only contract that
    /// the service follows.
    #[schema(value_type = words::StreamName)]
    id: StreamName,
    /// The stream's number within its contract.
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
    /// The contract that holds it.
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    /// Who pays.
    #[schema(value_type = words::Address)]
    sender: Address,
    /// Who receives the money.
    #[schema(value_type = words::Address)]
    recipient: Address,
    /// The token that is paid.
    #[schema(value_type = words::Address)]
    token_address: Address,
    /// How much accrues per second.
    #[schema(value_type = words::Amount)]
    rate_per_second: Amount,
    /// What was deposited, net of fees.
    #[schema(value_type = words::Amount)]
    deposited_amount: Amount,
    /// What was paid out.
    #[schema(value_type = words::Amount)]
    withdrawn_amount: Amount,
    /// What the recipient can claim at `calculatedAt`; null if it is not known.
    #[schema(value_type = Option<words::Amount>)]
    claimable_amount: Option<Amount>,
    /// Why `claimableAmount` is not known; null if it is.
    #[schema(value_type = Option<words::ClaimableReason>)]
    claimable_reason: Option<ClaimableReason>,
    /// How the deposit becomes claimable.
    schedule: ScheduleView,
    /// Before this time nothing can be claimed; null if there is no such time, or it lies beyond the year 9999.
    #[schema(value_type = Option<words::UnixTime>)]
    cliff_time: Option<u64>,
    /// When it started to accrue.
    #[schema(value_type = Option<words::UnixTime>)]
    start_time: Option<u64>,
    /// The time up to which the contract has settled it.
    #[schema(value_type = Option<words::UnixTime>)]
    last_update_time: Option<u64>,
    /// When everything can be claimed; null while that is unknown, as during a pause.
    #[schema(value_type = Option<words::UnixTime>)]
    end_time: Option<u64>,
    /// Whether the contract still pays from it.
    is_active: bool,
    /// Whether it is paused and accrues nothing.
    is_paused: bool,
    /// Since when, if it is paused.
    #[schema(value_type = Option<words::UnixTime>)]
    paused_at: Option<u64>,
    /// How many seconds it was paused in total.
    total_paused_duration: u64,
    /// Its state at `calculatedAt`.
    #[schema(value_type = words::StreamStatus)]
    status: StreamStatus,
    /// Who decides a dispute, if anybody.
    #[schema(value_type = Option<words::Address>)]
    arbiter: Option<Address>,
    /// Where a dispute stands.
    #[schema(value_type = words::DisputeStatus)]
    dispute_status: DisputeStatus,
    /// The sender gave an allowance instead of a deposit.
    is_allowance_based: bool,
    /// The ledger of its last event.
    #[schema(value_type = words::LedgerSequence)]
    last_event_ledger: LedgerSequence,
    /// At the end of this ledger the record equalled the chain's own entry. It is certain unless `lastEventLedger` is later;
    /// null if they were never compared, or an event that cannot be read spoke of the stream since.
    #[schema(value_type = Option<words::LedgerSequence>)]
    checked_at_ledger: Option<LedgerSequence>,
    /// An event that cannot be read, or that leaves its deposit out, spoke of it: nothing is computed until the chain's own
    /// entry was read.
    unverified: bool,
    /// Its events are in an order that the contract does not allow.
    impossible_order: bool,
    /// When the ledger of its creation closed.
    #[schema(value_type = words::Moment)]
    created_at: String,
    /// When the ledger of its last event closed.
    #[schema(value_type = words::Moment)]
    updated_at: String,
    /// The time that the answer is as of: the close of the last whole ledger.
    #[schema(value_type = Option<words::UnixTime>)]
    calculated_at: Option<u64>,
}

impl StreamView {
    pub(super) fn at(record: StreamRecord, now: UnixTime, contracts: &Contracts) -> Self {
        let claimable = record.claimable(now);
        Self {
            claimable_amount: claimable.ok(),
            claimable_reason: claimable.err(),
            schedule: ScheduleView::of_record(&record),
            cliff_time: cliff_time_of(&record.schedule, record.cliff_time),
            last_event_ledger: record.last_event.ledger(),
            checked_at_ledger: record.checked_at_ledger,
            dispute_status: record.dispute_status,
            is_allowance_based: record.is_allowance_based,
            end_time: record.end_time().and_then(dated),
            status: record.status_at(now),
            calculated_at: dated_time(now),
            id: StreamName::of(&record.contract_id, record.stream_id, contracts),
            stream_id: record.stream_id,
            contract_id: record.contract_id,
            sender: record.sender,
            recipient: record.recipient,
            token_address: record.token,
            rate_per_second: record.rate_per_second,
            deposited_amount: record.deposited,
            withdrawn_amount: record.withdrawn,
            start_time: dated_time(record.start_time),
            last_update_time: dated_time(record.last_update_time),
            is_active: record.is_active,
            is_paused: record.paused,
            paused_at: record.paused_at.and_then(dated_time),
            total_paused_duration: record.total_paused_seconds,
            arbiter: record.arbiter,
            unverified: record.unverified,
            impossible_order: record.impossible_order,
            created_at: date_text(record.created_at),
            updated_at: date_text(record.updated_at),
        }
    }
}

/// An event in a list: what subscribers get, and the names that a FlowFi dashboard reads.
#[derive(Debug)]
pub(super) struct EventRowView(pub(super) CommittedEvent);

impl Serialize for EventRowView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = &self.0;
        let mut map = serializer.serialize_map(None)?;
        EventView(event).serialize_into(&mut map)?;
        map.serialize_entry("eventType", event.event_type.flowfi_name())?;
        map.serialize_entry("ledgerSequence", &event.ledger)?;
        map.serialize_entry("createdAt", &date_text(event.ledger_closed_at))?;
        map.serialize_entry("metadata", &BodyView(event))?;
        map.end()
    }
}
