//! The entries that the network evicted when a ledger closed.

use stellar_xdr::{Error, LedgerCloseMeta, LedgerKey, Limited, ReadXdr, ScpHistoryEntry, UpgradeEntryMeta, VecM};

/// Returns the keys in the ledger's order: those of contracts' entries, of code, and of their TTLs.
pub(super) fn evicted_keys(meta: &LedgerCloseMeta) -> &[LedgerKey] {
    match meta {
        LedgerCloseMeta::V0(_) => &[],
        LedgerCloseMeta::V1(meta) => &meta.evicted_keys,
        LedgerCloseMeta::V2(meta) => &meta.evicted_keys,
    }
}

/// Reads the keys from a ledger of this version, behind its last transaction.
pub(super) fn read_evicted_keys(version: u32, input: &mut Limited<&[u8]>) -> Result<Vec<LedgerKey>, Error> {
    if version == 0 {
        return Ok(Vec::new());
    }
    VecM::<UpgradeEntryMeta>::read_xdr(input)?;
    VecM::<ScpHistoryEntry>::read_xdr(input)?;
    let _bytes_of_live_state = u64::read_xdr(input)?;
    Ok(VecM::<LedgerKey>::read_xdr(input)?.into())
}
