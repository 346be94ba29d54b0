//! `GET /v1/admin/quarantine` and `POST /v1/admin/quarantine/replay`: events that are kept undecoded.

use axum::{Json, extract::State};
use serde::Serialize;
use tracing::info;
use utoipa::{
    ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use crate::domain::{ContractId, Epoch, EventId, FeedId, LedgerSequence, QuarantinedEvent, StreamId};
use crate::http::{
    caller::Admin,
    contract_status::QuarantineView,
    openapi::{
        OfAdmin, OfReplay,
        words::{self, named},
    },
    paging::{CURSOR, LARGEST_LIMIT, LIMIT, event_cursor, page_limit},
    problem::Problem,
    quarantine_replayer::Replayed,
    query::{NoParameters, Query, query},
    state::{CONTRACT, HttpState},
    times::date_text,
};

/// Quarantined events, in chain order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct QuarantineList {
    /// The events of this page.
    events: Vec<QuarantinedView>,
    /// How many there are in all.
    total: QuarantineView,
    /// The cursor of the next page; null on the last one.
    #[schema(value_type = Option<words::EventId>)]
    next_cursor: Option<FeedId>,
}

/// A quarantined event, and why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuarantinedEvent)]
pub(in crate::http) struct QuarantinedView {
    /// Its position on the chain.
    #[schema(value_type = words::EventId)]
    id: FeedId,
    /// The contract that emitted it.
    #[schema(value_type = words::ContractId)]
    contract_id: ContractId,
    /// `unknown`: this version does not know its name. `refused`: it did not decode.
    kind: &'static str,
    /// Its name, if it has a readable one.
    name: Option<String>,
    /// The stream that it concerns.
    #[schema(value_type = Option<words::StreamId>)]
    stream_id: Option<StreamId>,
    /// Why it is in quarantine.
    reason: String,
    /// Its ledger.
    #[schema(value_type = words::LedgerSequence)]
    ledger: LedgerSequence,
    /// When that closed.
    #[schema(value_type = words::Moment)]
    ledger_closed_at: String,
    /// Its transaction.
    transaction_hash: String,
    /// XDR in base64.
    topics: Vec<String>,
    /// XDR in base64.
    value: String,
}

query! {
    /// The parameters of the quarantine.
    pub(in crate::http) QuarantineQuery {
        ..[
            CONTRACT.saying("The contract; needed where several are followed."),
            LIMIT.saying("The maximum number of items.").of_form(limit_without_default).with_example(50),
            CURSOR.saying("The `nextCursor` of the previous page.").of_form(|| named("EventId")),
        ];
    }
}

fn limit_without_default() -> RefOr<Schema> {
    let int32 = SchemaFormat::KnownFormat(KnownFormat::Int32);
    let limit = ObjectBuilder::new().schema_type(Type::Integer).format(Some(int32));
    limit.minimum(Some(1)).maximum(Some(LARGEST_LIMIT)).into()
}

/// Lists quarantined events.
#[utoipa::path(
    get,
    path = "/quarantine",
    tag = "admin",
    operation_id = "listQuarantine",
    params(QuarantineQuery),
    responses(
        (status = 200, description = "Quarantined events, in chain order.", body = QuarantineList),
        OfAdmin,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn list(
    State(state): State<HttpState>,
    _: Admin,
    query: Query<QuarantineQuery>,
) -> Result<Json<QuarantineList>, Problem> {
    let limit = page_limit(&query)?;
    let epoch = state.feed.epoch();
    let after = query.get(CURSOR)?.map(|text| event_cursor(text, epoch)).transpose()?;
    let contract_id = state.contract(&query).await?.or_else(|| state.contracts.only().cloned());
    let missing = || CONTRACT.refuse("is missing: with several contracts, name one of them");
    let contract_id = contract_id.ok_or_else(missing)?;
    let count = state.store.quarantine_count(&contract_id).await?;
    let kept = state.store.quarantined_after(&contract_id, after.unwrap_or(EventId::ZERO), limit).await?;
    let is_full = u32::try_from(kept.len()) == Ok(limit);
    let next_cursor = kept.last().filter(|_| is_full).map(|event| FeedId { event: event.raw.id, epoch });
    let events = kept.into_iter().map(|event| QuarantinedView::of(event, epoch)).collect();
    let total = QuarantineView { unknown: count.unknown, refused: count.refused };
    Ok(Json(QuarantineList { events, total, next_cursor }))
}

/// Decodes quarantined events again and stores those that succeed; subscribers are told what was revised.
#[utoipa::path(
    post,
    path = "/quarantine/replay",
    tag = "admin",
    operation_id = "replayQuarantine",
    responses(
        (status = 200, description = "The outcome.", body = Replayed),
        OfReplay,
    ),
    security(("bearerAuth" = [])),
)]
pub(in crate::http) async fn replay(
    State(state): State<HttpState>,
    admin: Admin,
    _: Query<NoParameters>,
) -> Result<Json<Replayed>, Problem> {
    let replayer = state
        .replayer
        .as_ref()
        .ok_or_else(|| Problem::not_implemented("this gateway cannot replay; run the command: quarantine replay"))?;
    let running = || Problem::conflict("a replay is already running; wait until it ends");
    let _only_one = replayer.try_begin().ok_or_else(running)?;
    info!(by = %admin.by, "{} replays the quarantine", admin.by);
    let outcome = replayer.replayer.replay().await?;
    info!(by = %admin.by, released = outcome.released, kept = outcome.kept, "the quarantine was replayed");
    Ok(Json(outcome))
}

impl QuarantinedView {
    fn of(event: QuarantinedEvent, epoch: Epoch) -> Self {
        let raw = event.raw;
        Self {
            id: FeedId { event: raw.id, epoch },
            contract_id: raw.contract_id,
            kind: event.kind.as_str(),
            name: event.name,
            stream_id: event.stream_id,
            reason: event.reason,
            ledger: raw.id.ledger(),
            ledger_closed_at: date_text(raw.ledger_closed_at),
            transaction_hash: raw.tx_hash,
            topics: raw.topics,
            value: raw.value,
        }
    }
}
