//! `GET /v1/users/{address}/summary`.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use serde::Serialize;

use super::{
    parameters::{Parameters, PathText},
    problem::Problem,
    state::HttpState,
    views::{dated, dated_time},
};
use crate::{
    domain::{Address, ContractId, StreamId, StreamRecord, Total},
    store::{Flow, TokenSummary, UserSummary},
};

const NEXT_ENDS: u32 = 10;

/// What a user pays and is paid. Amounts of different tokens are never added.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryView {
    address: Address,
    total_streams_created: u64,
    total_streams_received: u64,
    active_outgoing_count: u64,
    active_incoming_count: u64,
    tokens: Vec<TokenView>,
    has_more_tokens: bool,
    /// The active streams that are drained first.
    next_ends: Vec<EndView>,
    calculated_at: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenView {
    token_address: Address,
    incoming: FlowView,
    outgoing: FlowView,
    net_rate_per_second: Total,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FlowView {
    stream_count: u64,
    active_count: u64,
    deposited_amount: Total,
    withdrawn_amount: Total,
    claimable_amount: Total,
    rate_per_second: Total,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EndView {
    stream_id: StreamId,
    contract_id: ContractId,
    sender: Address,
    recipient: Address,
    token_address: Address,
    end_time: Option<u64>,
}

/// Returns what a user pays and is paid as at the last ledger, in all contracts or in the one that is asked for. An address that no stream names has nothing.
pub(super) async fn summary(
    State(state): State<HttpState>,
    PathText(address): PathText,
    RawQuery(query): RawQuery,
) -> Result<Json<SummaryView>, Problem> {
    let parameters = Parameters::read(query.as_deref(), &["contract"])?;
    let address: Address = address.parse().map_err(|rule| Problem::parameter("address", format!("{rule}")))?;
    let contract_id = state.contract(&parameters).await?;
    let now = state.now().await?;
    let (summary, ends) = tokio::try_join!(
        state.store.user_summary(&address, contract_id.as_ref(), now),
        state.store.next_ends(&address, contract_id.as_ref(), now, NEXT_ENDS)
    )?;
    let UserSummary { incoming, outgoing, tokens, has_more_tokens } = summary;
    Ok(Json(SummaryView {
        address,
        total_streams_created: outgoing.streams,
        total_streams_received: incoming.streams,
        active_outgoing_count: outgoing.active,
        active_incoming_count: incoming.active,
        tokens: tokens.into_iter().map(TokenView::of).collect(),
        has_more_tokens,
        next_ends: ends.into_iter().map(EndView::of).collect(),
        calculated_at: dated_time(now),
    }))
}

impl TokenView {
    fn of(summary: TokenSummary) -> Self {
        Self {
            token_address: summary.token,
            incoming: FlowView::of(summary.incoming),
            outgoing: FlowView::of(summary.outgoing),
            net_rate_per_second: summary.net_rate_per_second,
        }
    }
}

impl FlowView {
    fn of(flow: Flow) -> Self {
        Self {
            stream_count: flow.count.streams,
            active_count: flow.count.active,
            deposited_amount: flow.deposited,
            withdrawn_amount: flow.withdrawn,
            claimable_amount: flow.claimable,
            rate_per_second: flow.rate_per_second,
        }
    }
}

impl EndView {
    fn of(record: StreamRecord) -> Self {
        Self {
            end_time: record.end_time().and_then(dated),
            stream_id: record.stream_id,
            contract_id: record.contract_id,
            sender: record.sender,
            recipient: record.recipient,
            token_address: record.token,
        }
    }
}
