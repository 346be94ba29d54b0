//! `POST /v1/events/tickets`: a ticket for clients that cannot send headers, such as a browser's `EventSource`.

use axum::{
    Json,
    body::Bytes,
    extract::{Extension, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    caller::CalledBy,
    limits::ClientKey,
    openapi::{OfTicket, describe_body, words},
    posted,
    problem::Problem,
    query::{NoParameters, Query, QueryTable, query},
    state::HttpState,
    subscribe_filter::{self, FilterQuery},
};
use crate::{
    auth::{TicketHolder, TokenRefusal},
    domain::UnixTime,
};

query! {
    /// What a ticket is valid for.
    pub(super) TicketRequest {
        ..[FilterQuery::declared()];
    }
}

impl PartialSchema for TicketRequest {
    fn schema() -> RefOr<Schema> {
        let says = "What a ticket is valid for: the filter of a subscription. Without `streams`, `users` and `all` it means \
                    what a subscription without them means. If one of them is given, one must name something.";
        describe_body(says, Self::declared())
    }
}

impl ToSchema for TicketRequest {}

/// A ticket: `?ticket=` of one subscription.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Ticket)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketView {
    /// The ticket itself.
    ticket: String,
    /// When it expires, in Unix seconds.
    #[schema(value_type = words::UnixTime)]
    expires_at: UnixTime,
}

/// An unused ticket expires within a minute, which makes room.
const RETRY_SECONDS: u32 = 60;

/// Issues a ticket to the caller: valid once, for a minute, for this filter.
///
/// Where the service asks for no token, a ticket is what lets an `EventSource` use a filter that no URL has room for.
#[utoipa::path(
    post,
    path = "/events/tickets",
    tag = "access",
    operation_id = "issueTicket",
    request_body = TicketRequest,
    responses(
        (status = 201, description = "A ticket.", body = TicketView, headers(("Cache-Control"))),
        OfTicket,
    ),
    security((), ("bearerAuth" = [])),
)]
pub(super) async fn issue(
    State(state): State<HttpState>,
    Extension(client): Extension<Option<ClientKey>>,
    CalledBy(caller): CalledBy,
    _: Query<NoParameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let query = posted::read::<TicketRequest>(&headers, &body)?;
    if state.auth.as_ref().zip(caller.token.as_ref()).is_some_and(|(auth, token)| auth.is_over(token)) {
        return Err(TokenRefusal::Expired.into());
    }
    let wanted = subscribe_filter::read(&query, &state, &caller).await?;
    let address = client.map(ClientKey::name);
    let holder = caller.token.as_ref().map_or(TicketHolder::Client(address.as_deref()), TicketHolder::Token);
    let ticket = state.tickets().issue(holder, wanted.query(&state.contracts)).await?;
    let too_many = || Problem::too_many_requests("too many unused tickets; use them first", RETRY_SECONDS);
    let ticket = ticket.ok_or_else(too_many)?;
    let view = TicketView { ticket: ticket.text, expires_at: ticket.expires_at };
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
