//! A ledger that nobody has looked into yet, and the threads that look into it.

use std::{io, num::NonZeroUsize, sync::Arc, thread};

use bytes::Bytes;

use super::SourceError;
use crate::{
    domain::{ContractId, LedgerSequence},
    xdr::{LedgerContents, LedgerScan, LedgerScanners},
};

/// More threads than this read faster than anything writes.
pub(super) const MOST_THREADS: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// A ledger that nobody has looked into yet.
#[derive(Clone, Debug)]
pub struct PackedLedger {
    /// Its number.
    pub sequence: LedgerSequence,
    /// Its hash, as the node says.
    pub hash: String,
    /// Its `LedgerCloseMeta`.
    pub meta: Bytes,
}

impl PackedLedger {
    /// Returns the ledger with what the contracts did in it.
    pub(super) async fn scan(
        self,
        scanners: &LedgerScanners,
        contract_ids: &[ContractId],
        contents: LedgerContents,
    ) -> Result<Vec<LedgerScan>, SourceError> {
        let scans = scanners.scan(self.meta, contract_ids, contents).await;
        scans.map_err(|fault| SourceError::Permanent { detail: format!("ledger {}: {fault}", self.sequence) })
    }
}

/// Starts as many threads as this machine has use for.
pub(super) fn scanners() -> io::Result<Arc<LedgerScanners>> {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).min(MOST_THREADS);
    Ok(Arc::new(LedgerScanners::start(threads)?))
}
