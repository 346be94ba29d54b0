//! `POST /v1/events/tickets`: a ticket for clients that cannot send headers, such as a browser's `EventSource`.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{
    body::read_json,
    caller::CalledBy,
    openapi::{OfBody, words},
    problem::Problem,
    query::{NoParameters, Query},
    state::HttpState,
    subscribe_filter::{self, FilterQuery},
};
use crate::{auth::TokenRefusal, domain::UnixTime};

/// What a ticket is valid for: the filter of a subscription. Without `streams`, `users` and `all` it means what a
/// subscription without them means. If one of them is given, one must name something.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketRequest {
    /// Streams by number, or by contract and number.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, examples("7"))]
    streams: Option<Vec<String>>,
    /// Senders and recipients.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<words::Address>)]
    users: Option<Vec<String>>,
    /// Every event that the caller may see.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool)]
    all: Option<bool>,
    /// Only events of this contract.
    #[schema(value_type = Option<words::ContractId>)]
    contract: Option<String>,
    /// Only these types.
    #[serde(default)]
    #[schema(value_type = Vec<words::EventType>)]
    types: Vec<String>,
}

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
#[utoipa::path(
    post,
    path = "/events/tickets",
    tag = "access",
    operation_id = "issueTicket",
    request_body = TicketRequest,
    responses(
        (status = 201, description = "A ticket.", body = TicketView, headers(("Cache-Control"))),
        OfBody,
    ),
    security(("bearerAuth" = [])),
)]
pub(super) async fn issue(
    State(state): State<HttpState>,
    CalledBy(caller): CalledBy,
    _: Query<NoParameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let request: TicketRequest = read_json(&headers, &body)?;
    let query = request.query();
    let (Some(auth), Some(token)) = (&state.auth, &caller.token) else { return Err(TokenRefusal::Missing.into()) };
    if auth.is_over(token) {
        return Err(TokenRefusal::Expired.into());
    }
    let query = Query::<FilterQuery>::read(Some(&query))?;
    let filter = subscribe_filter::read(&query, &state, caller.visibility.clone()).await?;
    let ticket = auth.issue_ticket(token, subscribe_filter::query_of(&filter, &state.contracts)).await?;
    let too_many = || Problem::too_many_requests("too many unused tickets; use them first", RETRY_SECONDS);
    let ticket = ticket.ok_or_else(too_many)?;
    let view = TicketView { ticket: ticket.text, expires_at: ticket.expires_at };
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl TicketRequest {
    /// Returns the filter as a query. One that says only what it does not want is refused there: a client whose list of
    /// streams is empty must not get those of everybody.
    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if self.all.is_some() || self.streams.is_some() || self.users.is_some() {
            query.append_pair("all", if self.all == Some(true) { "true" } else { "false" });
        }
        query.extend_pairs(self.contract.iter().map(|contract| ("contract", contract)));
        let (streams, users) = (self.streams.iter().flatten(), self.users.iter().flatten());
        query.extend_pairs(streams.map(|stream| ("streams", stream)));
        query.extend_pairs(users.map(|user| ("users", user)));
        query.extend_pairs(self.types.iter().map(|event_type| ("types", event_type)));
        query.finish()
    }
}

/// Reads a value that is there, and is not null.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}
