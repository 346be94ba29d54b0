//! Whole ledgers in a row: the list of ledgers says which there are, the list of transactions what happened in them, and
//! the headers prove that nothing was left out.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout_at};

use super::{
    Horizon, LARGEST_LIST_BYTES, LARGEST_PAGE_BYTES, header_of,
    reading::{Listed, Reading},
    wire::{LedgerRecord, Place, TransactionRecord},
};
use crate::{
    domain::LedgerSequence,
    source::{Anchor, LedgerMark, SourceError, TransientReason, packed::PackedLedger},
    xdr::{LedgerHeader, LedgerParts},
};

/// The most ledgers to list at once.
const LEDGERS_A_LIST: u32 = 50;
/// Ledgers are read together up to this many transactions. A busy ledger has a few hundred.
const TRANSACTIONS_A_READ: usize = 1_000;
/// As long as one request may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Ledgers that were read, and how far the host is.
#[derive(Clone, Debug)]
pub(in crate::source) struct LedgersRead {
    /// The ledgers, ascending from the one that was asked for; none if that has not closed yet.
    pub(in crate::source) ledgers: Vec<PackedLedger>,
    /// The newest ledger that the host reported.
    pub(in crate::source) latest: LedgerSequence,
    /// When that ledger closed, if the host said so.
    pub(in crate::source) latest_closed_at: Option<DateTime<Utc>>,
}

/// Ledgers in a row, as the host lists them, and how far the host is.
struct List {
    ledgers: Vec<Listed>,
    latest: LedgerSequence,
    latest_closed_at: Option<DateTime<Utc>>,
}

impl Horizon {
    /// Reads at most `most` whole ledgers from `from` on, as many as fit into a few requests.
    ///
    /// # Errors
    /// [`SourceError::BehindRetention`] if the host does not have `from` any more; [`SourceError::NoTransactionMeta`];
    /// [`SourceError::OtherChain`] if `from` does not follow the ledger that was read before it; those of the host.
    pub(in crate::source) async fn read(&self, from: LedgerSequence, most: u32) -> Result<LedgersRead, SourceError> {
        let deadline = Instant::now() + DEADLINE;
        let listed = timeout_at(deadline, self.list_from(from, most.clamp(1, LEDGERS_A_LIST))).await;
        let List { ledgers, latest, latest_closed_at } = listed.map_err(|_| too_late())??;
        if ledgers.is_empty() {
            return Ok(LedgersRead { ledgers: Vec::new(), latest, latest_closed_at });
        }
        let mut reading = Reading::of(few_enough(ledgers));
        while let Some(wanted) = reading.wanted() {
            let page = timeout_at(deadline, self.transactions_after(reading.after, wanted)).await;
            let taken = page.map_err(|_| too_late()).flatten();
            let taken = taken.and_then(|records| reading.take(records, wanted, |record| self.parts_of(record)));
            match taken {
                Ok(()) => {}
                // The next call meets the failure again.
                Err(_) if reading.has_a_whole_ledger() => break,
                Err(failure) => return Err(failure),
            }
        }
        let ledgers = self.packed(reading.into_whole()).await?;
        if let Some(last) = ledgers.last() {
            self.note(Anchor { sequence: last.sequence, hash: last.hash.clone() });
        }
        Ok(LedgersRead { ledgers, latest, latest_closed_at })
    }

    /// Lists ledgers from `from` on. The list begins one ledger earlier: if nothing follows that one, it is the newest, and
    /// its hash is compared with what was read of it.
    async fn list_from(&self, from: LedgerSequence, most: u32) -> Result<List, SourceError> {
        let before = from.previous();
        let (cursor, limit) = (Place::before(before.previous()).token(), most + 1);
        let path = format!("ledgers?order=asc&cursor={cursor}&limit={limit}");
        let records: Vec<LedgerRecord> = self.list(&path, LARGEST_LIST_BYTES).await?;
        let is_full = records.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let listed = records.into_iter().map(listed).collect::<Result<Vec<_>, _>>()?;
        let last = listed.last().map(|listed| listed.header.clone());
        let (earlier, ledgers) = in_a_row_from(listed, from)?;
        if let Some(earlier) = earlier {
            self.check_read_before(&earlier.header)?;
        }
        let (latest, latest_closed_at) = match last.filter(|_| !is_full) {
            Some(last) => (last.sequence, Some(last.closed_at)),
            None => self.tip().await.map(|tip| (tip.sequence, tip.closed_at))?,
        };
        // The host's word about itself may be older than its list, or that of another server behind the same address. Then
        // the list counts.
        let by_the_list = ledgers.last().map_or(before, |listed| listed.header.sequence);
        let is_contradicted = if ledgers.is_empty() { latest > by_the_list } else { latest < by_the_list };
        if is_contradicted {
            return Ok(List { ledgers, latest: by_the_list, latest_closed_at: None });
        }
        Ok(List { ledgers, latest, latest_closed_at })
    }

    async fn transactions_after(&self, place: Place, limit: usize) -> Result<Vec<TransactionRecord>, SourceError> {
        let cursor = place.token();
        let path = format!("transactions?include_failed=true&order=asc&cursor={cursor}&limit={limit}");
        self.list(&path, LARGEST_PAGE_BYTES).await
    }

    /// Puts the ledgers together, up to the first fault, which the next call meets again.
    async fn packed(&self, whole: Vec<(LedgerHeader, LedgerParts)>) -> Result<Vec<PackedLedger>, SourceError> {
        let horizon = self.clone();
        let packed = tokio::task::spawn_blocking(move || {
            let mut packed = Vec::new();
            for (header, parts) in whole {
                match horizon.put_together(&parts) {
                    Ok(meta) => {
                        packed.push(PackedLedger { sequence: header.sequence, hash: header.hash, meta: meta.into() });
                    }
                    Err(failure) if packed.is_empty() => return Err(failure),
                    Err(_) => break,
                }
            }
            Ok(packed)
        });
        packed.await.map_err(|_| SourceError::bad_reply("putting ledgers together failed"))?
    }

    fn note(&self, last: Anchor) {
        *self.last_read.lock().expect("nothing panics while it holds a mark") = Some(last);
    }

    /// Compares a ledger with what was read of it, if it is the last that was read.
    fn check_read_before(&self, header: &LedgerHeader) -> Result<(), SourceError> {
        let last_read = self.last_read.lock().expect("nothing panics while it holds a mark").clone();
        match last_read.filter(|last| last.sequence == header.sequence && last.hash != header.hash) {
            None => Ok(()),
            Some(Anchor { sequence, hash }) => Err(SourceError::OtherChain {
                ledger: sequence,
                expected: LedgerMark::Hash(hash),
                found: LedgerMark::Hash(header.hash.clone()),
            }),
        }
    }
}

fn listed(record: LedgerRecord) -> Result<Listed, SourceError> {
    let header = header_of(&record)?;
    Ok(Listed { header, transaction_count: record.transaction_count(), header_xdr: record.header_xdr })
}

/// Splits a list into the ledger before `from`, if it begins there, and those from `from` on up to the first gap.
///
/// # Errors
/// [`SourceError::BehindRetention`] if the list begins after `from`; [`SourceError::Permanent`] if its ledgers do not follow
/// one another.
fn in_a_row_from(mut listed: Vec<Listed>, from: LedgerSequence) -> Result<(Option<Listed>, Vec<Listed>), SourceError> {
    let follows = |pair: &[Listed]| pair[1].header.sequence == pair[0].header.sequence.next();
    for pair in listed.windows(2).filter(|pair| follows(pair)) {
        let broken = |fault| SourceError::Permanent { detail: format!("the chain is broken: {fault}") };
        pair[1].header.check_follows(&pair[0].header).map_err(broken)?;
    }
    let begins_before = listed.first().is_some_and(|first| first.header.sequence.next() == from);
    let mut ledgers = listed.split_off(usize::from(begins_before));
    let in_a_row = ledgers.windows(2).take_while(|pair| follows(pair)).count() + 1;
    ledgers.truncate(in_a_row);
    match ledgers.first().map(|listed| listed.header.sequence) {
        Some(first) if first > from => Err(SourceError::BehindRetention { wanted: from, oldest: first }),
        Some(first) if first < from => Err(SourceError::bad_reply("a list of ledgers does not begin after its cursor")),
        _ => Ok((listed.pop(), ledgers)),
    }
}

/// Returns the first ledgers that have few enough transactions to be read together, but at least one.
fn few_enough(mut ledgers: Vec<Listed>) -> Vec<Listed> {
    let mut transactions = 0;
    let fits = |listed: &Listed| {
        transactions += listed.transaction_count.unwrap_or(TRANSACTIONS_A_READ);
        transactions <= TRANSACTIONS_A_READ
    };
    let count = ledgers.iter().map(fits).take_while(|fits| *fits).count().max(1);
    ledgers.truncate(count);
    ledgers
}

fn too_late() -> SourceError {
    SourceError::transient(TransientReason::Timeout, format!("no ledger was read within {} s", DEADLINE.as_secs()))
}
