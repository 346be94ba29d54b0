//! Some contracts' events out of a ledger's bytes, and on request the changes of their entries, reading no more of the
//! bytes than needed.
//!
//! Events and entries name their contract by the 32 bytes of its id, which stand in the XDR as they are. A ledger
//! without the bytes of any of the contracts has nothing of them: its header is read and nothing else. Any other is
//! read transaction by transaction up to the last place where such bytes stand. A TTL does not name the contract, only
//! the hash of its entry's key; such keys are found in the footprints, which stand before the results of the
//! transactions.

use memchr::memmem;
use stellar_xdr::{
    Error, GeneralizedTransactionSet, LedgerCloseMetaExt, LedgerHeaderHistoryEntry, Limited, ReadXdr,
    TransactionResultMeta, TransactionResultMetaV1, TransactionSet,
};

use super::{
    LIMITS, LedgerFault, LedgerHeader,
    contract_entries::ContractEntries,
    events::raw_events,
    evicted::read_evicted_keys,
    form::{Form, HEAD_BYTES, LAST_LEDGER_VERSION},
    numbering::{Numbers, check_room_of_one},
    transaction::Transaction,
    wanted::Wanted,
};
use crate::domain::{ContractId, RawContractEvent, RawEntryChange};

/// What to look for in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerContents {
    /// The contracts' events.
    Events,
    /// Their events, and the changes of the entries they keep in the ledger.
    EventsAndEntries,
}

/// A ledger's header and what was looked for in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerScan {
    /// The facts of the header.
    pub header: LedgerHeader,
    /// The events that the contracts emitted and those that the network emitted about them, in the order of `getEvents`.
    pub events: Vec<RawContractEvent>,
    /// The changes of the contracts' entries in the order they were made, evictions last; none if they were not looked
    /// for.
    pub entries: Vec<RawEntryChange>,
}

/// Finds what some contracts did in the XDR of one ledger: a `LedgerCloseMeta`, or a `LedgerCloseMetaBatch` of one. The
/// same as reading it whole and asking for the contracts' events and entries, but that what follows the last of them is
/// not looked at. Needs a large stack: see [`super::LedgerScanners`].
///
/// # Errors
/// A [`LedgerFault`]. That the input ends where the ledger ends is not checked.
pub fn scan_ledger(
    xdr: &[u8],
    contract_ids: &[ContractId],
    contents: LedgerContents,
) -> Result<LedgerScan, LedgerFault> {
    match Form::of(xdr)? {
        Form::One => scan_meta(xdr, contract_ids, contents),
        Form::Batch { first, last } if first == last => {
            let scan = scan_meta(xdr.get(HEAD_BYTES..).unwrap_or_default(), contract_ids, contents)?;
            let found = scan.header.sequence;
            if found == first { Ok(scan) } else { Err(LedgerFault::NotInBatch { expected: first, found }) }
        }
        Form::Batch { .. } | Form::Framed => Err(LedgerFault::UnknownForm),
    }
}

fn scan_meta(xdr: &[u8], contract_ids: &[ContractId], contents: LedgerContents) -> Result<LedgerScan, LedgerFault> {
    let mut input = Limited::new(xdr, LIMITS);
    let version = u32::read_xdr(&mut input)?;
    if version > LAST_LEDGER_VERSION {
        return Err(Error::Invalid.into());
    }
    if version > 0 {
        LedgerCloseMetaExt::read_xdr(&mut input)?;
    }
    let header = LedgerHeader::of_entry(&LedgerHeaderHistoryEntry::read_xdr(&mut input)?)?;
    let wanted = Wanted::new(contract_ids);
    match wanted.bytes().filter_map(|bytes| memmem::rfind(input.inner, bytes)).max() {
        None => Ok(LedgerScan { header, events: Vec::new(), entries: Vec::new() }),
        Some(last) => {
            let left_at_last = input.inner.len() - last;
            Scanning { version, input, left_at_last }.scan(header, &wanted, contents)
        }
    }
}

/// A ledger of which the header was read.
struct Scanning<'a> {
    version: u32,
    input: Limited<&'a [u8]>,
    /// How many bytes are left where the last thing of the contracts may begin.
    left_at_last: usize,
}

impl Scanning<'_> {
    fn scan(
        mut self,
        header: LedgerHeader,
        wanted: &Wanted<'_>,
        contents: LedgerContents,
    ) -> Result<LedgerScan, LedgerFault> {
        let transactions = self.read_transaction_set()?;
        let mut entries = match contents {
            LedgerContents::Events => None,
            LedgerContents::EventsAndEntries => {
                let entries = ContractEntries::new(&header, transactions.as_ref(), wanted);
                self.expect_ttls(&entries);
                Some(entries)
            }
        };
        let mut numbers = Numbers::new(header.sequence);
        let mut events = Vec::new();
        let count = u32::read_xdr(&mut self.input)?;
        for number in 1..=count {
            if self.is_past_last() {
                break;
            }
            let result = self.read_transaction()?;
            let transaction = Transaction::of_result_v1(&result);
            check_room_of_one(&transaction, number, header.sequence)?;
            events.extend(raw_events(numbers.of_transaction(&transaction, number), header.closed_at, wanted));
            if let Some(entries) = &mut entries {
                entries.take_transaction(&transaction, number);
            }
        }
        events.sort_by_key(|event| event.id);
        let entries = entries.map(|entries| self.finish(entries)).transpose()?.unwrap_or_default();
        Ok(LedgerScan { header, events, entries })
    }

    fn is_past_last(&self) -> bool {
        self.input.inner.len() < self.left_at_last
    }

    fn read_transaction_set(&mut self) -> Result<Option<GeneralizedTransactionSet>, Error> {
        if self.version == 0 {
            TransactionSet::read_xdr(&mut self.input)?;
            Ok(None)
        } else {
            GeneralizedTransactionSet::read_xdr(&mut self.input).map(Some)
        }
    }

    /// Goes on to the last TTL of the contracts' entries, if that comes later than anything that names a contract.
    fn expect_ttls(&mut self, entries: &ContractEntries<'_>) {
        let left = self.input.inner;
        // XDR consists of whole words, and this is where one begins.
        let from = left.len().saturating_sub(self.left_at_last) / 4 * 4;
        if let Some(last) = left.get(from..).and_then(|later| entries.last_ttl(later)) {
            self.left_at_last = left.len() - from - last;
        }
    }

    /// Reads the next transaction's result, and returns an older form as the newest one.
    fn read_transaction(&mut self) -> Result<TransactionResultMetaV1, Error> {
        if self.version < 2 {
            let TransactionResultMeta { result, fee_processing, tx_apply_processing } =
                TransactionResultMeta::read_xdr(&mut self.input)?;
            Ok(TransactionResultMetaV1 { result, fee_processing, tx_apply_processing, ..Default::default() })
        } else {
            TransactionResultMetaV1::read_xdr(&mut self.input)
        }
    }

    fn finish(&mut self, entries: ContractEntries<'_>) -> Result<Vec<RawEntryChange>, Error> {
        let evicted = if self.is_past_last() { Vec::new() } else { read_evicted_keys(self.version, &mut self.input)? };
        Ok(entries.finish(&evicted))
    }
}
