//! Horizon as the devnet answers it: the network, ledgers, and transactions with their metadata, as far as a reader of whole
//! ledgers asks for them, by the real server's rules of paging.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use stellar_xdr::{
    LedgerCloseMeta, LedgerHeader, TransactionResultMetaV1, TransactionResultPair, TransactionResultResult,
};

use super::{
    Devnet, accounts,
    chain::{Chain, Ledger},
    close_meta, encode,
    faults::InjectedFaults,
    hash::hex,
    header::PROTOCOL_VERSION,
    rpc::view::{View, seen_headers},
};
use flowfi_domain::{LedgerSequence, UnixTime};

/// No fee changes are recorded here: an empty list, XDR in base64.
const NO_CHANGES: &str = "AAAAAA==";

/// Which records of a list are asked for.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// The paging token that the records come after, or before in descending order.
    pub(super) cursor: Option<i64>,
    pub(super) descending: bool,
    pub(super) limit: usize,
    /// Whether failed transactions are listed too.
    pub(super) include_failed: bool,
}

/// Why a ledger is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLedger {
    /// It is older than the history.
    BeforeHistory,
    /// It has not closed yet.
    NotFound,
}

/// A ledger as it is told: with the header that this node has for it.
struct Told {
    ledger: Arc<Ledger>,
    header: LedgerHeader,
}

/// Returns what `/` says.
pub(super) fn root(devnet: &Devnet, injected: &InjectedFaults) -> Value {
    let view = View::of(devnet.state().seen(injected), injected);
    let latest = view.latest.sequence;
    json!({
        "horizon_version": concat!("27.0.0-devnet.", env!("CARGO_PKG_VERSION")),
        "core_version": "",
        "ingest_latest_ledger": latest,
        "history_latest_ledger": latest,
        "history_latest_ledger_closed_at": rfc3339(view.latest.closed_at),
        "history_elder_ledger": view.oldest.sequence,
        "core_latest_ledger": latest,
        "network_passphrase": if injected.other_passphrase { accounts::OTHER_PASSPHRASE } else { accounts::PASSPHRASE },
        "current_protocol_version": PROTOCOL_VERSION,
    })
}

/// Returns one ledger.
pub(super) fn ledger(devnet: &Devnet, sequence: LedgerSequence, injected: &InjectedFaults) -> Result<Value, NoLedger> {
    let state = devnet.state();
    let view = View::of(state.seen(injected), injected);
    if !view.contains(sequence) {
        return Err(if sequence < view.oldest.sequence { NoLedger::BeforeHistory } else { NoLedger::NotFound });
    }
    told(&state.seen(injected).chain, sequence, sequence, injected).first().map(ledger_record).ok_or(NoLedger::NotFound)
}

/// Returns a page of ledgers. In ascending order it begins with the oldest there is, however old the cursor.
pub(super) fn ledgers(devnet: &Devnet, page: &Page, injected: &InjectedFaults) -> Vec<Value> {
    let state = devnet.state();
    let view = View::of(state.seen(injected), injected);
    let within = page.ledgers(view.oldest.sequence, view.latest.sequence);
    let records =
        |first, last| told(&state.seen(injected).chain, first, last, injected).iter().map(ledger_record).collect();
    let mut records: Vec<Value> = within.map_or_else(Vec::new, |(first, last)| records(first, last));
    if page.descending {
        records.reverse();
    }
    records
}

/// Returns a page of transactions: of one ledger, or of all.
pub(super) fn transactions(
    devnet: &Devnet,
    of_ledger: Option<LedgerSequence>,
    page: &Page,
    injected: &InjectedFaults,
) -> Result<Vec<Value>, NoLedger> {
    let listed: Vec<(Told, Vec<u32>)> = {
        let state = devnet.state();
        let (view, chain) = (View::of(state.seen(injected), injected), &state.seen(injected).chain);
        let (mut first, mut last) = (view.oldest.sequence, view.latest.sequence);
        if let Some(sequence) = of_ledger {
            if !view.contains(sequence) {
                return Err(if sequence < first { NoLedger::BeforeHistory } else { NoLedger::NotFound });
            }
            (first, last) = (sequence, sequence);
        }
        let listed = page.transactions(chain, first, last).into_iter();
        let header = |sequence| told(chain, sequence, sequence, injected).pop();
        listed.filter_map(|(sequence, numbers)| header(sequence).zip(Some(numbers))).collect()
    };
    Ok(listed.iter().flat_map(|(told, numbers)| transaction_records(told, numbers)).collect())
}

impl Page {
    /// Returns the first and the last ledger of the page, of those from `oldest` to `latest`.
    fn ledgers(&self, oldest: LedgerSequence, latest: LedgerSequence) -> Option<(LedgerSequence, LedgerSequence)> {
        let more = u32::try_from(self.limit).unwrap_or(u32::MAX).saturating_sub(1);
        let of_token = |token: i64| LedgerSequence(u32::try_from(token >> 32).unwrap_or(u32::MAX));
        let (first, last) = if self.descending {
            let last = self.cursor.map_or(latest, |cursor| of_token(cursor - 1)).min(latest);
            (LedgerSequence(last.0.saturating_sub(more)).max(oldest), last)
        } else {
            let first = self.cursor.map_or(oldest, |cursor| of_token(cursor).next()).max(oldest);
            (first, LedgerSequence(first.0.saturating_add(more)).min(latest))
        };
        (first <= last).then_some((first, last))
    }

    /// Returns the numbers of the transactions of the page, ledger by ledger.
    fn transactions(
        &self,
        chain: &Chain,
        first: LedgerSequence,
        last: LedgerSequence,
    ) -> Vec<(LedgerSequence, Vec<u32>)> {
        let mut left = self.limit;
        let mut listed = Vec::new();
        let mut held: Vec<_> = chain.with_events(first, last.next());
        if self.descending {
            held.reverse();
        }
        for ledger in held {
            let numbered = ledger.numbered().filter(|(_, transaction)| self.include_failed || transaction.successful);
            let mut numbers: Vec<u32> = numbered.map(|(number, _)| number).collect();
            numbers.retain(|number| self.reaches(token(ledger.sequence, *number)));
            if self.descending {
                numbers.reverse();
            }
            numbers.truncate(left);
            left -= numbers.len();
            listed.push((ledger.sequence, numbers));
            if left == 0 {
                break;
            }
        }
        listed
    }

    fn reaches(&self, token: i64) -> bool {
        self.cursor.is_none_or(|cursor| if self.descending { token < cursor } else { token > cursor })
    }
}

/// Returns ledgers as this node tells them.
fn told(chain: &Chain, first: LedgerSequence, last: LedgerSequence, injected: &InjectedFaults) -> Vec<Told> {
    let headers = seen_headers(chain, first, last, injected);
    let ledgers = chain.range(first, last).map(Arc::clone);
    ledgers.zip(headers).map(|(ledger, header)| Told { ledger, header }).collect()
}

fn ledger_record(told: &Told) -> Value {
    let Told { ledger, header } = told;
    let successful = ledger.transactions.iter().filter(|transaction| transaction.successful).count();
    let entry = close_meta::header_entry(header.clone());
    let hash = hex(&entry.hash.0);
    json!({
        "id": hash,
        "paging_token": token(ledger.sequence, 0).to_string(),
        "hash": hash,
        "prev_hash": hex(&header.previous_ledger_hash.0),
        "sequence": ledger.sequence,
        "successful_transaction_count": successful,
        "failed_transaction_count": ledger.transactions.len() - successful,
        "operation_count": successful,
        "closed_at": rfc3339(ledger.closed_at),
        "protocol_version": PROTOCOL_VERSION,
        "header_xdr": encode::to_base64(header),
    })
}

/// Returns transactions by their numbers, as the ledger's own metadata has them.
fn transaction_records(told: &Told, numbers: &[u32]) -> Vec<Value> {
    let entry = close_meta::header_entry(told.header.clone());
    let LedgerCloseMeta::V2(meta) = close_meta::close_meta(&told.ledger, entry) else { return Vec::new() };
    let applied = |number: &u32| meta.tx_processing.get(usize::try_from(*number).ok()?.checked_sub(1)?);
    let record = |number: &u32| Some(transaction_record(&told.ledger, *number, applied(number)?));
    numbers.iter().filter_map(record).collect()
}

fn transaction_record(ledger: &Ledger, number: u32, applied: &TransactionResultMetaV1) -> Value {
    let TransactionResultPair { transaction_hash, result } = &applied.result;
    let hash = hex(&transaction_hash.0);
    json!({
        "id": hash,
        "paging_token": token(ledger.sequence, number).to_string(),
        "successful": matches!(result.result, TransactionResultResult::TxSuccess(_)),
        "hash": hash,
        "ledger": ledger.sequence,
        "created_at": rfc3339(ledger.closed_at),
        "fee_charged": result.fee_charged.to_string(),
        "operation_count": 1,
        "envelope_xdr": "",
        "result_xdr": encode::to_base64(result),
        "result_meta_xdr": encode::to_base64(&applied.tx_apply_processing),
        "fee_meta_xdr": NO_CHANGES,
        "memo_type": "none",
    })
}

/// Returns the paging token of a ledger, or of a transaction in it; both are TOIDs.
fn token(sequence: LedgerSequence, transaction: u32) -> i64 {
    (i64::from(sequence.0) << 32) | (i64::from(transaction) << 12)
}

fn rfc3339(time: UnixTime) -> String {
    let seconds = i64::try_from(time.0).unwrap_or(i64::MAX);
    let time: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
