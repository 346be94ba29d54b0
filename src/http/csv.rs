//! Lists of events as comma-separated values (RFC 4180), for those who ask for `text/csv`.

use std::{
    fmt::{Display, Write},
    future::{Future, pending, ready},
    pin::Pin,
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use tracing::warn;

use super::{accept::Accept, event_view::BodyView, limits::ClientTurns, times::date_text};
use crate::{
    auth::{Auth, Caller},
    domain::{CommittedEvent, FeedId, UnixTime},
    lifecycle::do_to_the_end,
    store::{EventListFilter, PageRequest, PageStart, Store},
};

const HEADER: &str = "id,type,eventType,streamId,contractId,sender,recipient,tokenAddress,amount,ledgerSequence,\
                      createdAt,timestamp,transactionHash,metadata\r\n";

/// Whether a client wants CSV: it names that format, and does not prefer JSON.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = Accept::of(headers);
    let named = accept.named("text/csv").unwrap_or(0);
    named > 0 && named >= accept.quality("application/json")
}

/// Rows that are read at once: all that an answer holds for a client that does not read on.
const ROWS_AT_ONCE: u32 = 200;

/// A page of events that is read as it is sent.
pub(super) struct Rows {
    pub(super) store: Store,
    pub(super) filter: EventListFilter,
    pub(super) start: PageStart,
    /// The last event of the page.
    pub(super) last: Option<FeedId>,
    /// When its client may have the next of them read.
    pub(super) turns: Option<ClientTurns>,
    /// Resolves when the client may read no more of them.
    pub(super) revoked: Revoked,
}

/// Resolves when the token of a client is revoked; never without a token.
pub(super) type Revoked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits until the token of a caller is revoked. What was begun before it expired is still answered.
pub(super) fn revoked(auth: Option<&Auth>, caller: &Caller) -> Revoked {
    match auth.cloned().zip(caller.token.clone()) {
        Some((auth, token)) => Box::pin(async move { auth.revoked(&token).await }),
        None => Box::pin(pending()),
    }
}

/// Returns the answer; `next` is the query of the next page, if there is more. The rows are read while the client reads,
/// so an answer that breaks off ends without its last chunk.
pub(super) fn answer(rows: Rows, next: Option<String>) -> Response {
    let header = stream::once(ready(Ok(HEADER.to_owned())));
    let body = Body::from_stream(header.chain(stream::try_unfold(rows, Rows::read_on)));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    let link = next.and_then(|query| HeaderValue::from_str(&format!("<?{query}>; rel=\"next\"")).ok());
    if let Some(link) = link {
        headers.insert(header::LINK, link);
    }
    response
}

impl Rows {
    /// Returns the next rows as text, and what comes after them.
    async fn read_on(mut self) -> Result<Option<(String, Self)>, BrokenOff> {
        let Some(last) = self.last else { return Ok(None) };
        let Self { turns, revoked, .. } = &mut self;
        let turn = async {
            match turns {
                Some(turns) => Some(turns.next().await),
                None => None,
            }
        };
        let turn = tokio::select! {
            biased;
            () = revoked => return Err(BrokenOff::new(&"the token of its client was revoked")),
            turn = turn => turn,
        };
        do_to_the_end(async move {
            let _turn = turn;
            self.read_up_to(last).await
        })
        .await
    }

    async fn read_up_to(self, last: FeedId) -> Result<Option<(String, Self)>, BrokenOff> {
        let request = PageRequest { limit: ROWS_AT_ONCE, start: self.start };
        let read = self.store.events_up_to(&self.filter, request, last.event).await;
        let events = read.map_err(|failure| BrokenOff::new(&failure))?;
        if events.iter().any(|event| event.epoch != last.epoch) {
            return Err(BrokenOff::new(&"the network was reset meanwhile"));
        }
        let read_up_to = events.last().map(|event| event.id);
        let read_up_to = read_up_to.ok_or_else(|| BrokenOff::new(&"the rest of its rows is gone"))?;
        let mut text = String::new();
        for event in &events {
            push_row(&mut text, event);
        }
        let is_whole = read_up_to == last.event;
        Ok(Some((text, Self { start: PageStart::After(read_up_to), last: (!is_whole).then_some(last), ..self })))
    }
}

/// An answer that ended before its last row.
#[derive(Debug, thiserror::Error)]
#[error("the list broke off")]
struct BrokenOff;

impl BrokenOff {
    fn new(why: &dyn Display) -> Self {
        warn!("a list as CSV broke off: {why}");
        Self
    }
}

fn push_row(text: &mut String, event: &CommittedEvent) {
    let metadata = serde_json::to_string(&BodyView(event)).expect("an event is an object of texts and numbers");
    let fields: [&dyn Display; 14] = [
        &event.feed_id(),
        &event.event_type,
        &event.event_type.flowfi_name(),
        &OrEmpty(event.stream_id.as_ref()),
        &event.contract_id,
        &OrEmpty(event.sender.as_ref()),
        &OrEmpty(event.recipient.as_ref()),
        &OrEmpty(event.token.as_ref()),
        &OrEmpty(event.amount.as_ref()),
        &event.ledger,
        &date_text(event.ledger_closed_at),
        &UnixTime::of_close(event.ledger_closed_at),
        &event.tx_hash,
        &quoted(&metadata),
    ];
    for (number, field) in fields.iter().enumerate() {
        write!(text, "{}{field}", if number == 0 { "" } else { "," }).expect("a String grows");
    }
    text.push_str("\r\n");
}

/// The only field that can hold a comma or a quote; the others are ids, addresses, numbers and words of our own.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

struct OrEmpty<'a, T>(Option<&'a T>);

impl<T: Display> Display for OrEmpty<'_, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |value| value.fmt(formatter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_for_those_who_name_it_and_do_not_prefer_json() {
        let cases = [
            ("text/csv", true),
            ("Text/CSV;q=0.5, */*;q=0.1", true),
            ("text/csv, application/json", true),
            ("text/csv, */*", true),
            ("text/csv;q=0.1, */*", false),
            ("text/csv;q=0.5, application/*", false),
            ("application/json, text/csv;q=0.9", false),
            ("text/csv;q=0", false),
            ("text/csv;q=2", false),
            ("*/*", false),
            ("text/*", false),
            ("", false),
        ];
        for (accept, wanted) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(is_wanted(&headers), wanted, "{accept:?}");
        }
    }

    #[test]
    fn quotes_inside_a_field_are_doubled() {
        assert_eq!(quoted(r#"{"a":"b,c"}"#), r#""{""a"":""b,c""}""#);
    }
}
