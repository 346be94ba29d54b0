//! `getEvents`: a page of events that starts at a ledger or a cursor and never covers more than a window of ledgers.

use std::{fmt::Write, sync::Arc};

use chrono::{DateTime, SecondsFormat};
use serde::Deserialize;
use thiserror::Error;

use super::{
    Reply,
    filter::{BadFilter, Filter, SentFilter},
    view::View,
};
use crate::{
    Devnet, Fault,
    chain::{self, Ledger},
    event::EventKind,
    faults::InjectedFaults,
    hash,
    rpc_error::{INVALID_REQUEST, PROCESSING_LIMIT, RpcError},
    transaction::Event,
};
use flowfi_domain::{EventId, LedgerSequence, UnixTime};

/// One request covers at most this many ledgers.
const SCAN_LIMIT_LEDGERS: u32 = 10_000;
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 10_000;
const MAX_FILTERS: usize = 5;
/// With the fault, a page repeats this many events …
const REPEATED_EVENTS: usize = 10;
/// … from this many ledgers before its cursor.
const LOOK_BACK_LEDGERS: u32 = 100;
/// The approximate size of an event in a page; only used to reserve memory.
const BYTES_PER_EVENT: usize = 800;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Params {
    start_ledger: u32,
    end_ledger: u32,
    filters: Option<Vec<SentFilter>>,
    pagination: Option<Pagination>,
    xdr_format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pagination {
    cursor: Option<String>,
    limit: u32,
}

/// A valid request.
struct Query {
    /// The first ledger of the window.
    from_ledger: LedgerSequence,
    /// Only events after this one.
    after: EventId,
    end_ledger: Option<LedgerSequence>,
    filters: Vec<Filter>,
    limit: usize,
    /// Whether it continues from a cursor.
    resumes: bool,
}

/// Why a request is refused, in the real server's words.
#[derive(Debug, PartialEq, Eq, Error)]
enum BadQuery {
    #[error("the devnet answers in base64 only")]
    Format,
    #[error("ledger ranges and cursor cannot both be set")]
    RangeAndCursor,
    #[error("invalid cursor")]
    Cursor,
    #[error("startLedger must be positive")]
    NoStart,
    #[error("limit must not exceed {0}")]
    Limit(u32),
    #[error("maximum {} filters per request", MAX_FILTERS)]
    TooManyFilters,
    #[error("filter {number} invalid: {reason}")]
    Filter { number: u32, reason: BadFilter },
}

pub(super) fn get_events(devnet: &Devnet, params: &Params, injected: &InjectedFaults) -> Reply {
    let mut query =
        Query::parse(params, injected.page_limit).map_err(|bad| RpcError::invalid_params(bad.to_string()))?;
    let (view, ledgers, mut end) = {
        let state = devnet.state();
        let view = View::of(state.seen(injected), injected);
        query.check_range(&view)?;
        let end = query.end(&view);
        query.check_processing(end, injected)?;
        let from = if injected.duplicate_pages { query.look_back(&view) } else { query.from_ledger };
        (view, state.seen(injected).chain.with_events(from, end), end)
    };
    let mut page = Page::new(query.limit);
    let cursor = if let Some(Fault::EmptyPages { ledgers }) = injected.answer {
        end = end.min(LedgerSequence(query.from_ledger.0.saturating_add(ledgers)));
        // A cursor inside a ledger does not move: only the whole ledgers after it count as covered.
        let stands_still = ledgers == 0 || !query.after.is_end_of_ledger();
        if stands_still { query.after } else { EventId::end_of_ledger(end.previous()) }
    } else {
        if injected.duplicate_pages {
            query.step_back(&ledgers);
        }
        for ledger in &ledgers {
            page.add_ledger(ledger, &query);
        }
        page.last_of_full().unwrap_or_else(|| EventId::end_of_ledger(end.previous()))
    };
    Ok(page.finish(cursor, &view))
}

impl Query {
    /// Checks a request, in the real server's order and words.
    fn parse(params: &Params, page_limit: Option<u32>) -> Result<Self, BadQuery> {
        if params.xdr_format.as_deref().is_some_and(|format| !matches!(format, "" | "base64")) {
            return Err(BadQuery::Format);
        }
        let (cursor, limit) = params.pagination.as_ref().map_or((None, 0), |page| (page.cursor.as_deref(), page.limit));
        let after = if let Some(cursor) = cursor {
            if params.start_ledger != 0 || params.end_ledger != 0 {
                return Err(BadQuery::RangeAndCursor);
            }
            cursor.parse().map_err(|_| BadQuery::Cursor)?
        } else if params.start_ledger == 0 {
            return Err(BadQuery::NoStart);
        } else {
            EventId::end_of_ledger(LedgerSequence(params.start_ledger).previous())
        };
        let max_limit = page_limit.unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
        if limit > max_limit {
            return Err(BadQuery::Limit(max_limit));
        }
        let limit = if limit == 0 { DEFAULT_LIMIT.min(max_limit) } else { limit };
        Ok(Self {
            from_ledger: cursor.map_or(LedgerSequence(params.start_ledger), |_| after.ledger()),
            after,
            end_ledger: (params.end_ledger != 0).then_some(LedgerSequence(params.end_ledger)),
            filters: parse_filters(params.filters.as_deref().unwrap_or_default())?,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            resumes: cursor.is_some(),
        })
    }

    fn check_range(&self, view: &View) -> Result<(), RpcError> {
        if view.contains(self.from_ledger) {
            return Ok(());
        }
        let (oldest, latest) = (view.oldest.sequence, view.latest.sequence);
        let message = format!("startLedger must be within the ledger range: {oldest} - {latest}");
        Err(RpcError { code: INVALID_REQUEST, message })
    }

    /// Returns the end of the window, exclusive.
    fn end(&self, view: &View) -> LedgerSequence {
        let window_end = LedgerSequence(self.from_ledger.0.saturating_add(SCAN_LIMIT_LEDGERS));
        let end = window_end.min(view.latest.sequence.next());
        self.end_ledger.map_or(end, |asked| asked.min(end))
    }

    /// Refuses a request that would take too long, if there is a fault to that effect.
    fn check_processing(&self, end: LedgerSequence, injected: &InjectedFaults) -> Result<(), RpcError> {
        let Some(bound) = injected.processing_limit else { return Ok(()) };
        let takes_too_long = match bound.events.filter(|_| self.resumes) {
            Some(events) => self.limit > usize::try_from(events).unwrap_or(usize::MAX),
            None => end.0.saturating_sub(self.from_ledger.0) > bound.ledgers,
        };
        if takes_too_long { Err(RpcError::new(PROCESSING_LIMIT, None)) } else { Ok(()) }
    }

    /// Returns the first ledger whose events may be repeated.
    fn look_back(&self, view: &View) -> LedgerSequence {
        let back = if self.resumes { LOOK_BACK_LEDGERS } else { 0 };
        LedgerSequence(self.from_ledger.0.saturating_sub(back)).max(view.oldest.sequence)
    }

    /// Moves the cursor back by a few events, but so that a full page still reaches beyond its original position.
    fn step_back(&mut self, ledgers: &[Arc<Ledger>]) {
        let (Some(first), true) = (ledgers.first(), self.resumes) else { return };
        let mut passed = vec![EventId::end_of_ledger(first.sequence.previous())];
        for ledger in ledgers {
            for (number, transaction) in ledger.numbered() {
                let wanted = (0_u32..).zip(&transaction.events).filter(|(_, event)| self.wants(event));
                let ids = wanted.filter_map(|(index, _)| chain::event_id(ledger, number, index));
                passed.extend(ids.filter(|id| *id <= self.after));
            }
        }
        let repeated = REPEATED_EVENTS.min(self.limit.saturating_sub(1)).min(passed.len() - 1);
        if repeated > 0 {
            self.after = passed[passed.len() - 1 - repeated];
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.wants(event))
    }
}

fn parse_filters(sent: &[SentFilter]) -> Result<Vec<Filter>, BadQuery> {
    if sent.len() > MAX_FILTERS {
        return Err(BadQuery::TooManyFilters);
    }
    let parse = |(number, filter)| Filter::parse(filter).map_err(|reason| BadQuery::Filter { number, reason });
    (1_u32..).zip(sent).map(parse).collect()
}

/// A page that is being built: its text so far.
struct Page {
    text: String,
    count: usize,
    limit: usize,
    last: EventId,
}

impl Page {
    fn new(limit: usize) -> Self {
        Self { text: String::from("{\"events\":["), count: 0, limit, last: EventId::ZERO }
    }

    fn add_ledger(&mut self, ledger: &Ledger, query: &Query) {
        if self.count >= self.limit {
            return;
        }
        let closed_at = rfc3339(ledger.closed_at);
        for (number, transaction) in ledger.numbered() {
            let tx_hash = hash::hex(&transaction.hash);
            for (index, event) in (0_u32..).zip(&transaction.events) {
                let Some(id) = chain::event_id(ledger, number, index) else { return };
                if self.count >= self.limit {
                    return;
                }
                if id > query.after && query.wants(event) {
                    self.add_event(id, ledger.sequence, &closed_at, number, &tx_hash, event);
                }
            }
        }
    }

    fn add_event(
        &mut self,
        id: EventId,
        ledger: LedgerSequence,
        closed_at: &str,
        transaction: u32,
        tx_hash: &str,
        event: &Event,
    ) {
        if self.count == 0 {
            self.text.reserve(BYTES_PER_EVENT);
        } else {
            self.text.push(',');
        }
        let kind = match event.kind {
            EventKind::Contract => "contract",
            EventKind::System => "system",
        };
        let Event { contract_id, body, .. } = event;
        write!(
            self.text,
            "{{\"type\":\"{kind}\",\"ledger\":{ledger},\"ledgerClosedAt\":\"{closed_at}\",\
             \"contractId\":\"{contract_id}\",\"id\":\"{id}\",\"operationIndex\":0,\
             \"transactionIndex\":{transaction},\"txHash\":\"{tx_hash}\",{body}}}"
        )
        .expect("writing to a String cannot fail");
        self.count += 1;
        self.last = id;
    }

    /// Returns the last event, if the page is full.
    fn last_of_full(&self) -> Option<EventId> {
        (self.count == self.limit).then_some(self.last)
    }

    fn finish(mut self, cursor: EventId, view: &View) -> String {
        let View { oldest, latest } = view;
        write!(
            self.text,
            "],\"cursor\":\"{cursor}\",\"latestLedger\":{},\"oldestLedger\":{},\
             \"latestLedgerCloseTime\":\"{}\",\"oldestLedgerCloseTime\":\"{}\"}}",
            latest.sequence, oldest.sequence, latest.closed_at, oldest.closed_at
        )
        .expect("writing to a String cannot fail");
        self.text
    }
}

fn rfc3339(time: UnixTime) -> String {
    let time = i64::try_from(time.0).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.unwrap_or(DateTime::UNIX_EPOCH).to_rfc3339_opts(SecondsFormat::Secs, true)
}
