//! The caller and the filter of a subscription: its query, and the ticket or token that comes with it.

use axum::http::HeaderMap;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    caller::{bearer, by_token},
    limits::Turn,
    openapi::{describe_body, switch, text_like, words::named},
    parameters::{Switch, Text},
    problem::Problem,
    query::{Parameter, Query, QueryTable, query},
    state::HttpState,
    subscribe_filter::{self, FilterQuery, Wanted},
};
use crate::auth::{Caller, TicketRefusal, TokenRefusal};

query! {
    /// The parameters of a subscription.
    pub(super) SubscriptionQuery {
        ..[FilterQuery::declared()];
        LAST_EVENT_ID: Text = Parameter::new(
            "lastEventId",
            "Where to resume, for a first connection. The header takes precedence.",
            || named("ResumeId"),
        );
        TICKET: Text = Parameter::new(
            "ticket",
            "A ticket, for clients that cannot send headers. It is bound to the filter that it was issued for.",
            || text_like("b0X4nq1rVw3mK7hYp2sT9uCzLd6fGj8eAaQiNoRxEcM").into(),
        );
        TOKEN: Text = Parameter::new(
            "token",
            "A token, only if the operator allows tokens in URLs.",
            || text_like("eyJhbGciOiJIUzI1NiJ9").into(),
        );
        STRICT: Switch = Parameter::new(
            "strict",
            "Whether to answer 404 if the caller may not see one of the streams. Default: false.",
            switch,
        );
    }
}

query! {
    /// The parameters of a subscription that may be in its body: all but the credentials.
    pub(super) SubscriptionRequest {
        ..[FilterQuery::declared(), LAST_EVENT_ID, STRICT];
    }
}

impl PartialSchema for SubscriptionRequest {
    fn schema() -> RefOr<Schema> {
        let says = "What to subscribe to: the parameters of the query, which may be here instead. If `streams`, `users` or \
                    `all` is given, one of them must name something.";
        describe_body(says, Self::declared())
    }
}

impl ToSchema for SubscriptionRequest {}

/// Returns the caller and the filter: by a ticket, by a token in the header, or by one in the address where that is
/// allowed. A caller who is refused learns nothing else. A ticket is not spent by that.
pub(super) async fn who_and_what(
    state: &HttpState,
    headers: &HeaderMap,
    query: &Query<SubscriptionQuery>,
    turn: &Turn,
) -> Result<(Caller, Wanted), Problem> {
    if let Some(ticket) = query.get(TICKET)? {
        return by_ticket(state, ticket, query).await;
    }
    let caller = by_token(state, token_of(state, headers, query)?, turn).await?;
    let wanted = subscribe_filter::read(query, state, &caller).await?;
    Ok((caller, wanted))
}

/// Checks the caller of a request that is refused for another reason. A ticket is not spent by that.
pub(super) async fn check_caller(
    state: &HttpState,
    headers: &HeaderMap,
    query: &Query<SubscriptionQuery>,
    turn: &Turn,
) -> Result<(), Problem> {
    match query.get(TICKET) {
        Ok(Some(ticket)) => read_ticket(state, ticket).await.map(|_| ())?,
        _ => by_token(state, token_of(state, headers, query)?, turn).await.map(|_| ())?,
    }
    Ok(())
}

async fn by_ticket(
    state: &HttpState,
    ticket: &str,
    query: &Query<SubscriptionQuery>,
) -> Result<(Caller, Wanted), Problem> {
    let (caller, made_for) = read_ticket(state, ticket).await?;
    let made_for = Query::<FilterQuery>::read(Some(&made_for))?;
    let made_for = subscribe_filter::read(&made_for, state, &caller).await?;
    let is_given = subscribe_filter::is_given(query);
    if is_given && subscribe_filter::read(query, state, &caller).await? != made_for {
        return Err(TokenRefusal::OtherFilter.into());
    }
    Ok((caller, made_for))
}

/// Returns the caller who shows a ticket, and the filter that it was issued for.
async fn read_ticket(state: &HttpState, ticket: &str) -> Result<(Caller, String), TicketRefusal> {
    let (token, made_for) = state.tickets().read(ticket).await?;
    let caller = match &state.auth {
        Some(auth) => auth.caller_of_ticket(token).await?,
        None => Caller::unasked(),
    };
    Ok((caller, made_for))
}

fn token_of<'a>(
    state: &HttpState,
    headers: &'a HeaderMap,
    query: &'a Query<SubscriptionQuery>,
) -> Result<Option<&'a str>, Problem> {
    let Some(auth) = &state.auth else { return Ok(None) };
    match (bearer(headers)?, query.get(TOKEN)?) {
        (Some(token), _) => Ok(Some(token)),
        (None, Some(token)) if auth.allows_query_token() => Ok(Some(token)),
        (None, Some(_)) => {
            let rule = "is not accepted in the URL here; send it as Authorization: Bearer, or use a ticket";
            Err(TOKEN.refuse(rule))
        }
        (None, None) => Ok(None),
    }
}
