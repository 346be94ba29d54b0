//! `getLedgers`: whole ledgers that start at a number or a cursor, encoded on request.

use std::{fmt::Write, sync::Arc};

use serde::Deserialize;
use stellar_xdr::LedgerHeader;

use super::{
    Reply,
    view::{View, seen_headers},
};
use crate::{
    Devnet,
    chain::Ledger,
    close_meta, encode,
    faults::InjectedFaults,
    hash,
    rpc_error::{INVALID_REQUEST, RpcError},
};
use flowfi_domain::LedgerSequence;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Params {
    start_ledger: u32,
    pagination: Option<Pagination>,
    xdr_format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Pagination {
    /// The last ledger of the previous page, in decimal.
    cursor: String,
    limit: u32,
}

pub(super) fn get_ledgers(devnet: &Devnet, params: &Params, injected: &InjectedFaults) -> Reply {
    let max_limit = injected.page_limit.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT);
    let (view, page) = {
        let state = devnet.state();
        let view = View::of(state.seen(injected), injected);
        let (first, limit) = (params.first(&view, max_limit)?, params.limit(max_limit));
        let last = view.latest.sequence.min(LedgerSequence(first.0.saturating_add(limit - 1)));
        let headers = seen_headers(&state.seen(injected).chain, first, last, injected);
        let page: Vec<_> = state.seen(injected).chain.range(first, last).map(Arc::clone).zip(headers).collect();
        (view, page)
    };
    Ok(reply(&view, page))
}

impl Params {
    /// Returns the first requested ledger. Checks in the order and with the messages of the real server.
    fn first(&self, view: &View, max_limit: u32) -> Result<LedgerSequence, RpcError> {
        let invalid_request = |message| RpcError { code: INVALID_REQUEST, message };
        let (cursor, limit) = self.pagination.as_ref().map_or(("", 0), |page| (page.cursor.as_str(), page.limit));
        if !cursor.is_empty() && self.start_ledger != 0 {
            return Err(invalid_request("startLedger and cursor cannot both be set".to_owned()));
        }
        if limit > max_limit {
            return Err(invalid_request(format!("limit must not exceed {max_limit}")));
        }
        let (oldest, latest) = (view.oldest.sequence, view.latest.sequence);
        let range = format!("must be between the oldest ledger: {oldest} and the latest ledger: {latest}");
        if cursor.is_empty() && !view.contains(LedgerSequence(self.start_ledger)) {
            let message = format!("start ledger ({}) {range} for this rpc instance", self.start_ledger);
            return Err(invalid_request(message));
        }
        if self.xdr_format.as_deref().is_some_and(|format| !matches!(format, "" | "base64")) {
            return Err(invalid_request("the devnet only answers in base64".to_owned()));
        }
        if cursor.is_empty() {
            return Ok(LedgerSequence(self.start_ledger));
        }
        let passed: u32 = cursor
            .parse()
            .map_err(|_| RpcError::invalid_params(format!("strconv.ParseUint: parsing {cursor:?}: invalid syntax")))?;
        let first = LedgerSequence(passed.saturating_add(1));
        if view.contains(first) {
            Ok(first)
        } else {
            Err(RpcError::invalid_params(format!("cursor ('{cursor}') {range} for this rpc instance")))
        }
    }

    fn limit(&self, max_limit: u32) -> u32 {
        let asked = self.pagination.as_ref().map_or(0, |page| page.limit);
        if asked == 0 { DEFAULT_LIMIT.min(max_limit) } else { asked }
    }
}

fn reply(view: &View, page: Vec<(Arc<Ledger>, LedgerHeader)>) -> String {
    let View { oldest, latest } = view;
    let mut text = String::from("{\"ledgers\":[");
    let mut cursor = LedgerSequence(0);
    for (place, (ledger, header)) in page.into_iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        cursor = ledger.sequence;
        add_ledger(&mut text, &ledger, header);
    }
    write!(
        text,
        "],\"latestLedger\":{},\"latestLedgerCloseTime\":{},\"oldestLedger\":{},\"oldestLedgerCloseTime\":{},\
         \"cursor\":\"{cursor}\"}}",
        latest.sequence, latest.closed_at, oldest.sequence, oldest.closed_at
    )
    .expect("writing to a String cannot fail");
    text
}

fn add_ledger(text: &mut String, ledger: &Ledger, header: LedgerHeader) {
    let entry = close_meta::header_entry(header);
    let (hash, header_xdr) = (hash::hex(&entry.hash.0), encode::to_base64(&entry));
    let metadata_xdr = encode::to_base64(&close_meta::close_meta(ledger, entry));
    write!(
        text,
        "{{\"hash\":\"{hash}\",\"sequence\":{},\"ledgerCloseTime\":\"{}\",\"headerXdr\":\"{header_xdr}\",\
         \"metadataXdr\":\"{metadata_xdr}\"}}",
        ledger.sequence, ledger.closed_at
    )
    .expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests;
