//! Which ledger it is, when it closed, and that it follows the one before.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use stellar_xdr::{
    Hash, LedgerCloseMeta, LedgerHeader as XdrHeader, LedgerHeaderHistoryEntry, ReadXdr, StellarValue, StellarValueExt,
};
use thiserror::Error;

use super::LedgerFault;
use crate::{domain::LedgerSequence, xdr::value::limits_for};

/// Event ids hold a ledger's number in 31 bits.
const MAX_LEDGER: u32 = (1 << 31) - 1;

/// The facts of a ledger's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerHeader {
    /// The ledger's number.
    pub sequence: LedgerSequence,
    /// The hash of the header, 64 hex digits.
    pub hash: String,
    /// The hash of the header before it, 64 hex digits.
    pub previous_hash: String,
    /// When it closed: to the millisecond from protocol 30 on, to the second before.
    pub closed_at: DateTime<Utc>,
    /// The protocol it was closed under.
    pub protocol_version: u32,
}

/// Two ledgers that are not neighbours on one chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BrokenChain {
    /// Another number than the next.
    #[error("ledger {expected} should follow, not {found}")]
    NotNext {
        /// The number of the next ledger.
        expected: LedgerSequence,
        /// The number found.
        found: LedgerSequence,
    },
    /// The next number, on another chain.
    #[error("ledger {sequence} follows a ledger of hash {expected}, and the one before it has {found}")]
    OtherHash {
        /// The later ledger.
        sequence: LedgerSequence,
        /// The hash that the later ledger gives for the one before it.
        expected: String,
        /// The hash of the one before.
        found: String,
    },
}

impl LedgerHeader {
    /// Returns the facts of a header as `getLedgers` tells it (a `LedgerHeaderHistoryEntry`, XDR in base64).
    ///
    /// # Errors
    /// A [`LedgerFault`] that says what is wrong with it.
    pub fn of_xdr(base64: &str) -> Result<Self, LedgerFault> {
        let bytes = BASE64_STANDARD.decode(base64);
        let bytes = bytes.map_err(|fault| LedgerFault::Xdr { reason: fault.to_string() })?;
        let entry = LedgerHeaderHistoryEntry::from_xdr(&bytes, limits_for(&bytes));
        Self::of_entry(&entry.map_err(|fault| LedgerFault::Xdr { reason: fault.to_string() })?)
    }

    /// Returns the facts of a header that comes without its hash, as Horizon tells it (a `LedgerHeader`, XDR in base64).
    ///
    /// # Errors
    /// As [`LedgerHeader::of_xdr`].
    pub fn of_bare_xdr(base64: &str) -> Result<Self, LedgerFault> {
        let bytes = BASE64_STANDARD.decode(base64);
        let bytes = bytes.map_err(|fault| LedgerFault::Xdr { reason: fault.to_string() })?;
        let header = XdrHeader::from_xdr(&bytes, limits_for(&bytes));
        let header = header.map_err(|fault| LedgerFault::Xdr { reason: fault.to_string() })?;
        let hash = Hash(Sha256::digest(&bytes).into());
        Self::of_entry(&LedgerHeaderHistoryEntry { hash, header, ..Default::default() })
    }

    pub(super) fn of(meta: &LedgerCloseMeta) -> Result<Self, LedgerFault> {
        Self::of_entry(entry_of(meta))
    }

    pub(super) fn of_entry(entry: &LedgerHeaderHistoryEntry) -> Result<Self, LedgerFault> {
        let sequence = LedgerSequence(entry.header.ledger_seq);
        if sequence.0 > MAX_LEDGER {
            return Err(LedgerFault::NoRoom { sequence });
        }
        Ok(Self {
            sequence,
            hash: entry.hash.to_string(),
            previous_hash: entry.header.previous_ledger_hash.to_string(),
            closed_at: close_time(&entry.header.scp_value).ok_or(LedgerFault::CloseTime { sequence })?,
            protocol_version: entry.header.ledger_version,
        })
    }

    /// Checks that this ledger is the next after `previous` on the same chain.
    ///
    /// # Errors
    /// A [`BrokenChain`] that says which of number and hash is another.
    pub fn check_follows(&self, previous: &Self) -> Result<(), BrokenChain> {
        let expected = previous.sequence.next();
        if self.sequence != expected {
            return Err(BrokenChain::NotNext { expected, found: self.sequence });
        }
        if self.previous_hash != previous.hash {
            return Err(BrokenChain::OtherHash {
                sequence: self.sequence,
                expected: self.previous_hash.clone(),
                found: previous.hash.clone(),
            });
        }
        Ok(())
    }
}

pub(super) fn entry_of(meta: &LedgerCloseMeta) -> &LedgerHeaderHistoryEntry {
    match meta {
        LedgerCloseMeta::V0(meta) => &meta.ledger_header,
        LedgerCloseMeta::V1(meta) => &meta.ledger_header,
        LedgerCloseMeta::V2(meta) => &meta.ledger_header,
    }
}

fn close_time(value: &StellarValue) -> Option<DateTime<Utc>> {
    let milliseconds = match &value.ext {
        StellarValueExt::SignedMs(value) => value.close_time_ms.0,
        StellarValueExt::EmptyTxSetMs(value) => value.close_time_ms.0,
        StellarValueExt::Basic | StellarValueExt::Signed(_) | StellarValueExt::EmptyTxSet(_) => {
            value.close_time.0.checked_mul(1_000)?
        }
    };
    DateTime::from_timestamp_millis(i64::try_from(milliseconds).ok()?)
}
