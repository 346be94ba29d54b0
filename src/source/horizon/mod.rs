//! Horizon: whole ledgers, read from its lists of ledgers and transactions. It has no list of events, but a host may give
//! the metadata of each transaction, which holds them. A host that leaves metadata out is refused: it would look as if
//! there were no events.

mod cross_check;
mod events;
mod ledgers;
mod reading;
mod wire;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::rngs::StdRng;
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub use self::cross_check::EventDifference;
pub(super) use self::ledgers::LedgersRead;
use self::wire::{LedgerRecord, Page, Root, TransactionRecord};
use super::{
    Anchor, SourceError, Tip, TransientReason,
    packed::scanners,
    retry::Retry,
    rpc::{check_status, host_of, http_client, http_url, network_error, read_body_of},
};
use crate::{
    domain::LedgerSequence,
    xdr::{LedgerFault, LedgerHeader, LedgerParts, LedgerScanners, TransactionParts},
};

/// The most records that Horizon gives at once.
const RECORDS_A_PAGE: usize = 200;
/// The longest rate limit to wait for here; callers wait for longer ones. By default a Horizon lets one request pass a
/// second.
const LONGEST_WAIT_HERE: Duration = Duration::from_secs(5);
/// A record of a ledger, or what the host says of itself, has a few KiB.
const LARGEST_LIST_BYTES: usize = 4 << 20;
/// Transactions may have some hundred KiB of metadata each.
const LARGEST_PAGE_BYTES: usize = 256 << 20;

/// One Horizon host. Clones share what was learned of it.
#[derive(Clone, Debug)]
pub struct Horizon {
    client: reqwest::Client,
    base: Url,
    retry: Retry,
    scanners: Arc<LedgerScanners>,
    /// The last ledger that was read, which the next one must follow.
    last_read: Arc<Mutex<Option<Anchor>>>,
    /// The oldest ledger of its history, and when it said so.
    told_oldest: Arc<Mutex<Option<(LedgerSequence, Instant)>>>,
}

/// What a host says of itself.
#[derive(Clone, Debug)]
pub(super) struct Introduction {
    pub(super) passphrase: String,
    pub(super) version: Option<String>,
}

impl Horizon {
    /// Returns a client of the host at `url`; nothing is sent yet.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if the URL is no HTTP URL, or the operating system gives no thread to read ledgers on.
    pub fn new(url: &str, rng: StdRng) -> Result<Self, SourceError> {
        let base = http_url(&format!("{}/", url.trim_end_matches('/')))?;
        let no_threads =
            |failure| SourceError::Permanent { detail: format!("no threads to read ledgers on: {failure}") };
        Ok(Self {
            client: http_client()?,
            base,
            retry: Retry::new(rng),
            scanners: scanners().map_err(no_threads)?,
            last_read: Arc::default(),
            told_oldest: Arc::default(),
        })
    }

    /// Returns the host, with its port where that is named: what may be shown of its URL.
    pub(super) fn host(&self) -> String {
        host_of(&self.base)
    }

    /// Returns which network it is of, and what it runs.
    pub(super) async fn introduction(&self) -> Result<Introduction, SourceError> {
        let root = self.root().await?;
        Ok(Introduction { passphrase: root.network_passphrase, version: root.horizon_version })
    }

    /// Returns the newest ledger of its history, and the oldest.
    pub(super) async fn tip(&self) -> Result<Tip, SourceError> {
        let root = self.root().await?;
        if root.history_latest_ledger == LedgerSequence(0) {
            return Err(SourceError::transient(TransientReason::Server, "it has no ledgers yet"));
        }
        Ok(Tip {
            sequence: root.history_latest_ledger,
            closed_at: root.history_latest_ledger_closed_at,
            oldest: root.history_elder_ledger,
        })
    }

    /// Returns the header of a ledger, `None` if it does not have the ledger.
    pub(super) async fn ledger_header(&self, sequence: LedgerSequence) -> Result<Option<LedgerHeader>, SourceError> {
        let record: Option<LedgerRecord> = self.get(&format!("ledgers/{sequence}"), LARGEST_LIST_BYTES).await?;
        record.map(|record| header_of(&record)).transpose()
    }

    /// Looks at the newest transaction that succeeded, and returns whether there is one yet.
    ///
    /// # Errors
    /// [`SourceError::NoTransactionMeta`] if it comes without its metadata; [`SourceError::UnknownForm`]; those of the host.
    pub(super) async fn sample(&self) -> Result<bool, SourceError> {
        let newest = self.list::<TransactionRecord>("transactions?order=desc&limit=1", LARGEST_PAGE_BYTES).await?;
        let Some(newest) = newest.into_iter().next() else { return Ok(false) };
        newest.place()?;
        self.parts_of(newest)?.check_metadata().map_err(|fault| self.failure_of(fault))?;
        Ok(true)
    }

    async fn root(&self) -> Result<Root, SourceError> {
        let root = self.get("", LARGEST_LIST_BYTES).await?;
        root.ok_or_else(|| SourceError::transient(TransientReason::Refused, "there is no Horizon at this address"))
    }

    async fn list<T>(&self, path: &str, most_bytes: usize) -> Result<Vec<T>, SourceError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let page: Option<Page<T>> = self.get(path, most_bytes).await?;
        let page = page.ok_or_else(|| SourceError::transient(TransientReason::Refused, "it has no such list"));
        Ok(page?.into_records())
    }

    /// Returns what is at a path, `None` if nothing is there, or no longer. Waits if a rate limit asks for a moment: reading
    /// a ledger takes several requests, and would never end if each refusal began it anew.
    async fn get<T>(&self, path: &str, most_bytes: usize) -> Result<Option<T>, SourceError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let mut attempts = self.retry.attempts();
        loop {
            let answer = self.get_once(path, most_bytes).await;
            if !answer.as_ref().is_err_and(asks_for_a_moment) {
                return answer;
            }
            if let Some(answer) = attempts.settled(answer).await {
                return answer;
            }
        }
    }

    async fn get_once<T>(&self, path: &str, most_bytes: usize) -> Result<Option<T>, SourceError>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let url = self.base.join(path).expect("every path here is a relative URL");
        let response = self.client.get(url).send().await.map_err(network_error)?;
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        check_status(&response)?;
        let body = read_body_of(response, most_bytes).await?;
        let read = tokio::task::spawn_blocking(move || serde_json::from_slice(&body).map(Some));
        let read = read.await.map_err(|_| SourceError::bad_reply("reading the reply failed"))?;
        read.map_err(|error| SourceError::bad_reply(error.to_string()))
    }

    fn parts_of(&self, record: TransactionRecord) -> Result<TransactionParts, SourceError> {
        match record.result_meta_xdr.filter(|meta| !meta.is_empty()) {
            Some(meta) => Ok(TransactionParts { hash: record.hash, result: record.result_xdr, meta }),
            None => Err(self.failure_of(LedgerFault::NoMetadata { transaction: record.hash })),
        }
    }

    /// Returns what a fault of a ledger that was put together means.
    fn failure_of(&self, fault: LedgerFault) -> SourceError {
        match fault {
            LedgerFault::NoMetadata { transaction } => {
                SourceError::NoTransactionMeta { host: self.host(), transaction }
            }
            LedgerFault::OtherTransactions { sequence } => SourceError::bad_reply(format!(
                "it does not give the transactions that ledger {sequence} has; does it keep all of them?"
            )),
            fault => SourceError::bad_reply(fault.to_string()),
        }
    }

    fn put_together(&self, parts: &LedgerParts) -> Result<Vec<u8>, SourceError> {
        parts.close_meta().map_err(|fault| self.failure_of(fault))
    }
}

fn asks_for_a_moment(failure: &SourceError) -> bool {
    matches!(
        failure,
        SourceError::Transient { reason: TransientReason::RateLimited, retry_after, .. }
            if retry_after.is_none_or(|wait| wait <= LONGEST_WAIT_HERE)
    )
}

/// Returns the header of a record, which must have the hash and the number that the record says.
fn header_of(record: &LedgerRecord) -> Result<LedgerHeader, SourceError> {
    let bad = |what: String| SourceError::bad_reply(format!("the header of ledger {}: {what}", record.sequence));
    if record.header_xdr.is_empty() {
        return Err(bad("it is left out".to_owned()));
    }
    let header = LedgerHeader::of_bare_xdr(&record.header_xdr).map_err(|fault| bad(fault.to_string()))?;
    if header.sequence != record.sequence || !header.hash.eq_ignore_ascii_case(&record.hash) {
        return Err(bad("it is of another ledger".to_owned()));
    }
    Ok(header)
}
