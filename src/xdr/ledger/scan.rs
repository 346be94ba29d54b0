//! Some contracts' events out of a ledger's bytes, reading no more of them than needed.
//!
//! An event names its contract by the 32 bytes of its id, which stand in the XDR as they are. A ledger without the
//! bytes of any of the contracts has no event of them: its header is read and nothing else. Any other is read
//! transaction by transaction up to the last place where such bytes stand.

use memchr::memmem;
use stellar_xdr::{
    Error, GeneralizedTransactionSet, LedgerCloseMetaExt, LedgerHeaderHistoryEntry, Limited, ReadXdr, TransactionMeta,
    TransactionResultMeta, TransactionResultMetaV1, TransactionResultPair, TransactionSet,
};

use super::{
    LIMITS, LedgerFault, LedgerHeader,
    events::{Wanted, raw_events},
    form::{Form, HEAD_BYTES, LAST_LEDGER_VERSION},
    numbering::{Numbers, check_room_of_one},
    transaction::Transaction,
};
use crate::domain::{ContractId, RawContractEvent};

/// A ledger's header and some contracts' events in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerScan {
    /// The facts of the header.
    pub header: LedgerHeader,
    /// The events that the contracts emitted and those that the network emitted about them, in the order of `getEvents`.
    pub events: Vec<RawContractEvent>,
}

/// Finds some contracts' events in the XDR of one ledger: a `LedgerCloseMeta`, or a `LedgerCloseMetaBatch` of one. The
/// same as reading it whole and asking for the contracts' events, but that what follows the last of them is not looked
/// at. Needs a large stack: see [`super::LedgerScanners`].
///
/// # Errors
/// A [`LedgerFault`]. That the input ends where the ledger ends is not checked.
pub fn scan_ledger(xdr: &[u8], contract_ids: &[ContractId]) -> Result<LedgerScan, LedgerFault> {
    match Form::of(xdr)? {
        Form::One => scan_meta(xdr, contract_ids),
        Form::Batch { first, last } if first == last => {
            let scan = scan_meta(xdr.get(HEAD_BYTES..).unwrap_or_default(), contract_ids)?;
            let found = scan.header.sequence;
            if found == first { Ok(scan) } else { Err(LedgerFault::NotInBatch { expected: first, found }) }
        }
        Form::Batch { .. } | Form::Framed => Err(LedgerFault::UnknownForm),
    }
}

fn scan_meta(xdr: &[u8], contract_ids: &[ContractId]) -> Result<LedgerScan, LedgerFault> {
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
    let events = match wanted.bytes().filter_map(|bytes| memmem::rfind(input.inner, bytes)).max() {
        None => Vec::new(),
        Some(last) => {
            let left_at_last = input.inner.len() - last;
            scan_transactions(version, input, left_at_last, &header, &wanted)?
        }
    };
    Ok(LedgerScan { header, events })
}

/// Reads on while at least `left_at_last` bytes are left: as many as when the last event of the contracts may begin.
fn scan_transactions(
    version: u32,
    mut input: Limited<&[u8]>,
    left_at_last: usize,
    header: &LedgerHeader,
    wanted: &Wanted<'_>,
) -> Result<Vec<RawContractEvent>, LedgerFault> {
    if version == 0 {
        TransactionSet::read_xdr(&mut input)?;
    } else {
        GeneralizedTransactionSet::read_xdr(&mut input)?;
    }
    let count = u32::read_xdr(&mut input)?;
    let mut numbers = Numbers::new(header.sequence);
    let mut events = Vec::new();
    for number in 1..=count {
        if input.inner.len() < left_at_last {
            break;
        }
        let (result, meta) = read_transaction(version, &mut input)?;
        let transaction = Transaction::new(&result, &meta);
        check_room_of_one(&transaction, number, header.sequence)?;
        events.extend(raw_events(numbers.of_transaction(&transaction, number), header.closed_at, wanted));
    }
    events.sort_by_key(|event| event.id);
    Ok(events)
}

fn read_transaction(
    version: u32,
    input: &mut Limited<&[u8]>,
) -> Result<(TransactionResultPair, TransactionMeta), Error> {
    if version < 2 {
        let read = TransactionResultMeta::read_xdr(input)?;
        Ok((read.result, read.tx_apply_processing))
    } else {
        let read = TransactionResultMetaV1::read_xdr(input)?;
        Ok((read.result, read.tx_apply_processing))
    }
}
