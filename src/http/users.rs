//! `GET /v1/users/{address}/summary`.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    caller::CalledBy,
    openapi::{OfQuery, UserInPath, words},
    parameters::PathText,
    problem::Problem,
    query::{Query, query},
    state::{CONTRACT, HttpState},
    summaries::SummaryOf,
    times::{dated, dated_time},
};
use crate::{
    domain::{Address, ContractId, StreamId, StreamRecord, Total},
    store::{Flow, TokenSummary, UserSummary},
};

/// What a user pays and is paid. Amounts of different tokens are never added.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserSummary)]
#[serde(rename_all = "camelCase")]
pub(super) struct SummaryView {
    /// The user.
    #[schema(value_type = words::Address)]
    address: Address,
    /// Streams that it sends or has sent.
    total_streams_created: u64,
    /// Streams that it receives or has received.
    total_streams_received: u64,
    /// Active streams that it sends.
    active_outgoing_count: u64,
    /// Active streams that it receives.
    active_incoming_count: u64,
    /// The same by token, with amounts.
    tokens: Vec<TokenView>,
    /// There are more tokens than shown.
    has_more_tokens: bool,
    /// The active streams that run out first.
    next_ends: Vec<EndView>,
    /// The time that the answer is as of: the close of the last whole ledger.
    #[schema(value_type = Option<words::UnixTime>)]
    calculated_at: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TokenSummary)]
#[serde(rename_all = "camelCase")]
struct TokenView {
    /// The token.
    #[schema(value_type = words::Address)]
    token_address: Address,
    /// What the user is paid.
    incoming: FlowView,
    /// What the user pays.
    outgoing: FlowView,
    /// What comes in per second, less what goes out.
    #[schema(value_type = words::Total)]
    net_rate_per_second: Total,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Flow)]
#[serde(rename_all = "camelCase")]
struct FlowView {
    /// Streams.
    stream_count: u64,
    /// Of those, active ones.
    active_count: u64,
    /// Streams that `claimableAmount` and `ratePerSecond` leave out, since it is not known what they pay.
    unknown_count: u64,
    /// What was deposited into them.
    #[schema(value_type = words::Total)]
    deposited_amount: Total,
    /// What was paid out of them.
    #[schema(value_type = words::Total)]
    withdrawn_amount: Total,
    /// What can be claimed of them.
    #[schema(value_type = words::Total)]
    claimable_amount: Total,
    /// What accrues per second.
    #[schema(value_type = words::Total)]
    rate_per_second: Total,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StreamEnd)]
#[serde(rename_all = "camelCase")]
struct EndView {
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
    /// When it runs out of money.
    #[schema(value_type = Option<words::UnixTime>)]
    end_time: Option<u64>,
}

query! {
    /// The parameters of a user's summary.
    pub(super) SummaryQuery {
        ..[CONTRACT];
    }
}

/// Returns what a user pays and is paid as of the last ledger, in all contracts or in one. For an address without
/// streams, everything is zero.
#[utoipa::path(
    get,
    path = "/users/{address}/summary",
    tag = "streams",
    operation_id = "getUserSummary",
    params(UserInPath, SummaryQuery),
    responses(
        (status = 200, description = "What the user pays and is paid.", body = SummaryView),
        OfQuery,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn summary(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    PathText(address): PathText,
    query: Query<SummaryQuery>,
) -> Result<Json<SummaryView>, Problem> {
    let address: Address = address.parse().map_err(|rule| Problem::parameter("address", format!("{rule}")))?;
    let contract_id = state.contract(&query).await?;
    let now = state.now().await?;
    let of = SummaryOf { user: address.clone(), visibility: caller.visibility, contract_id };
    let summary = state.summaries.get(&state.store, of, now).await?;
    let UserSummary { incoming, outgoing, tokens, has_more_tokens } = &summary.sums;
    Ok(Json(SummaryView {
        address,
        total_streams_created: outgoing.streams,
        total_streams_received: incoming.streams,
        active_outgoing_count: outgoing.active,
        active_incoming_count: incoming.active,
        tokens: tokens.iter().map(TokenView::of).collect(),
        has_more_tokens: *has_more_tokens,
        next_ends: summary.next_ends.iter().map(EndView::of).collect(),
        calculated_at: dated_time(now),
    }))
}

impl TokenView {
    fn of(summary: &TokenSummary) -> Self {
        Self {
            token_address: summary.token.clone(),
            incoming: FlowView::of(&summary.incoming),
            outgoing: FlowView::of(&summary.outgoing),
            net_rate_per_second: summary.net_rate_per_second.clone(),
        }
    }
}

impl FlowView {
    fn of(flow: &Flow) -> Self {
        Self {
            stream_count: flow.count.streams,
            active_count: flow.count.active,
            unknown_count: flow.unknown,
            deposited_amount: flow.deposited.clone(),
            withdrawn_amount: flow.withdrawn.clone(),
            claimable_amount: flow.claimable.clone(),
            rate_per_second: flow.rate_per_second.clone(),
        }
    }
}

impl EndView {
    fn of(record: &StreamRecord) -> Self {
        Self {
            end_time: record.end_time().and_then(dated),
            stream_id: record.stream_id,
            contract_id: record.contract_id.clone(),
            sender: record.sender.clone(),
            recipient: record.recipient.clone(),
            token_address: record.token.clone(),
        }
    }
}
