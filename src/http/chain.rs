//! `GET /v1/streams/{id}?source=chain`: the contract's own record, read on demand.

use axum::Json;
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use super::{
    chain_reader::ChainStream,
    limits::{ClientKey, Turn},
    openapi::words,
    problem::Problem,
    schedule_view::{ScheduleView, cliff_time_of},
    state::HttpState,
    stream_text::StreamName,
    times::dated_time,
};
use crate::{
    auth::Caller,
    domain::{Address, Amount, ContractId, DisputeStatus, LedgerSequence, StreamId, StreamKey},
};

/// The contract's own record as JSON: only what the contract keeps, by the names of our own record.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChainStream)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChainStreamView {
    /// That this is the contract's own record.
    #[schema(value_type = words::FromChain)]
    source: &'static str,
    #[schema(value_type = words::StreamName)]
    id: StreamName,
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    #[schema(value_type = words::Address)]
    sender: Address,
    #[schema(value_type = words::Address)]
    recipient: Address,
    #[schema(value_type = words::Address)]
    token_address: Address,
    #[schema(value_type = words::Amount)]
    rate_per_second: Amount,
    #[schema(value_type = words::Amount)]
    deposited_amount: Amount,
    #[schema(value_type = words::Amount)]
    withdrawn_amount: Amount,
    #[schema(value_type = Option<words::UnixTime>)]
    start_time: Option<u64>,
    #[schema(value_type = Option<words::UnixTime>)]
    last_update_time: Option<u64>,
    is_active: bool,
    is_paused: bool,
    #[schema(value_type = Option<words::UnixTime>)]
    paused_at: Option<u64>,
    /// The contract's own state, which can disagree with `isActive`.
    #[schema(value_type = words::ChainStatus)]
    chain_status: &'static str,
    /// How the deposit becomes claimable.
    schedule: ScheduleView,
    /// Before this time nothing can be claimed.
    #[schema(value_type = Option<words::UnixTime>)]
    cliff_time: Option<u64>,
    /// Who decides a dispute, if anybody.
    #[schema(value_type = Option<words::Address>)]
    arbiter: Option<Address>,
    /// Where a dispute stands.
    #[schema(value_type = words::DisputeStatus)]
    dispute_status: DisputeStatus,
    /// The sender gave an allowance instead of a deposit.
    is_allowance_based: bool,
    /// The ledger that this record is as of.
    #[schema(value_type = words::LedgerSequence)]
    at_ledger: LedgerSequence,
    /// The ledger that last changed it.
    #[schema(value_type = words::LedgerSequence)]
    last_modified_ledger: LedgerSequence,
    /// The last ledger in which it is live unless its lifetime is extended, if the chain says.
    #[schema(value_type = Option<words::LedgerSequence>)]
    live_until_ledger: Option<LedgerSequence>,
}

/// Returns a stream as it is on chain now. The client's other requests do not wait for the chain.
pub(super) async fn stream(
    state: &HttpState,
    caller: &Caller,
    (client, turn): (Option<ClientKey>, &Turn),
    (contract_id, stream_id): StreamKey,
) -> Result<Json<ChainStreamView>, Problem> {
    let chain = state.chain.as_ref().ok_or_else(|| {
        Problem::not_implemented("this gateway cannot query the chain; the operator can set --rpc-urls")
    })?;
    if !state.contracts.contains(&contract_id) {
        return Err(Problem::not_found(format!("this gateway does not serve the contract {contract_id}")));
    }
    // A stream of others costs as much as one that does not exist: a caller must not tell them apart by its budget.
    let asking = state.limits.spend_chain_read(client)?;
    if !chain.look_ups.admit(asking) {
        return Err(Problem::too_many_requests("the chain is queried too often; try again in a second", 1));
    }
    let absent = || Problem::not_found(format!("the chain has no stream {stream_id}: archived or never created"));
    let known = state.store.stream(&contract_id, stream_id).await?;
    let is_of_others = known.is_some_and(|known| !caller.visibility.shows(known.parties()));
    // The chain is asked about streams of others too: neither the time that an answer takes nor an endpoint that is away
    // tells them from streams that do not exist.
    let read = chain.reader.read((contract_id.clone(), stream_id));
    let found = turn.put_aside_for(read).await.map_err(|why| {
        warn!(stream.id = %stream_id, "stream {stream_id} could not be read from the chain: {why}");
        Problem::unavailable("the chain cannot be queried at the moment; try again")
    })?;
    let is_seen = |found: &ChainStream| {
        let entry = &found.entry;
        !is_of_others && caller.visibility.shows([&entry.sender, &entry.recipient])
    };
    let id = StreamName::of(&contract_id, stream_id, &state.contracts);
    Ok(Json(ChainStreamView::of(id, (contract_id, stream_id), found.filter(is_seen).ok_or_else(absent)?)))
}

impl ChainStreamView {
    fn of(id: StreamName, (contract_id, stream_id): StreamKey, found: ChainStream) -> Self {
        let entry = found.entry;
        Self {
            source: "chain",
            id,
            stream_id,
            contract_id,
            sender: entry.sender,
            recipient: entry.recipient,
            token_address: entry.token,
            rate_per_second: entry.rate_per_second,
            deposited_amount: entry.deposited,
            withdrawn_amount: entry.withdrawn,
            start_time: dated_time(entry.start_time),
            last_update_time: dated_time(entry.last_update_time),
            is_active: entry.is_active,
            is_paused: entry.paused,
            paused_at: entry.paused_at.and_then(dated_time),
            chain_status: entry.status.as_str(),
            schedule: ScheduleView::of(&entry.schedule, entry.cliff_time),
            cliff_time: cliff_time_of(&entry.schedule, entry.cliff_time),
            arbiter: entry.arbiter,
            dispute_status: entry.dispute_status,
            is_allowance_based: entry.is_allowance_based,
            at_ledger: found.at_ledger,
            last_modified_ledger: found.last_modified_ledger,
            live_until_ledger: found.live_until_ledger,
        }
    }
}
