//! A ledger in parts, as Horizon tells it: the header, and each transaction with its outcome and its metadata. They are put
//! together to a `LedgerCloseMeta`, so that a ledger is read in one way wherever it comes from.
//!
//! The header commits to the hashes and the results of all transactions in their order: what was left out, added or moved
//! is noticed. It commits to nothing of their metadata.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use stellar_xdr::{Hash, LedgerHeader as XdrHeader, ReadXdr, TransactionResult};

use super::{LedgerFault, transaction::is_success};
use crate::{domain::LedgerSequence, xdr::value::limits_for};

/// The version of `LedgerCloseMeta` whose transactions have no field that Horizon does not tell.
const VERSION: u32 = 1;
/// The genesis ledger has no result set, so its header has no hash of one.
const NO_RESULT_SET: Hash = Hash([0; 32]);

/// A ledger's header and its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerParts {
    /// The `LedgerHeader`, XDR in base64.
    pub header: String,
    /// All transactions, failed ones too, in the order they were applied.
    pub transactions: Vec<TransactionParts>,
}

/// A transaction as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionParts {
    /// The hash, 64 hex digits; of a fee bump, that of the outer transaction.
    pub hash: String,
    /// The `TransactionResult`, XDR in base64.
    pub result: String,
    /// The `TransactionMeta`, XDR in base64.
    pub meta: String,
}

impl LedgerParts {
    /// Returns the XDR of a `LedgerCloseMeta` with this header and these transactions. What no part tells is empty in it:
    /// envelopes, fee changes, upgrades, evicted entries.
    ///
    /// # Errors
    /// [`LedgerFault::OtherTransactions`] if these are not the transactions that the header commits to;
    /// [`LedgerFault::NoMetadata`] if a transaction comes without its metadata; [`LedgerFault::Xdr`] for what does not
    /// decode. Metadata is decoded only when the ledger is read.
    pub fn close_meta(&self) -> Result<Vec<u8>, LedgerFault> {
        let header_xdr = decoded(&self.header)?;
        let header = XdrHeader::from_xdr(&header_xdr, limits_for(&header_xdr))?;
        let sequence = LedgerSequence(header.ledger_seq);
        let count = u32::try_from(self.transactions.len()).map_err(|_| LedgerFault::NoRoom { sequence })?;
        let mut results = Sha256::new().chain_update(count.to_be_bytes());
        let mut applied = Vec::new();
        for transaction in &self.transactions {
            let Decoded { hash, result, meta } = transaction.decode()?;
            results.update(hash.0);
            results.update(&result);
            applied.extend([&hash.0, &*result, &words(&[0]), &*meta].concat());
        }
        let is_genesis = count == 0 && header.tx_set_result_hash == NO_RESULT_SET;
        if results.finalize().as_slice() != header.tx_set_result_hash.0 && !is_genesis {
            return Err(LedgerFault::OtherTransactions { sequence });
        }
        let entry = [&words(&[VERSION, 0]), &*Sha256::digest(&header_xdr), &*header_xdr, &words(&[0])].concat();
        // A generalized transaction set of version 1 without phases.
        let transaction_set = [&words(&[1]), &header.previous_ledger_hash.0[..], &words(&[0])].concat();
        // Upgrades, messages of consensus, the size of the state in two words, evicted keys, and a list that is unused.
        let rest = words(&[0, 0, 0, 0, 0, 0]);
        Ok([entry, transaction_set, words(&[count]), applied, rest].concat())
    }
}

struct Decoded {
    hash: Hash,
    result: Vec<u8>,
    meta: Vec<u8>,
}

impl TransactionParts {
    /// Checks that it comes with its metadata.
    ///
    /// # Errors
    /// [`LedgerFault::NoMetadata`]; [`LedgerFault::Xdr`] for what does not decode.
    pub fn check_metadata(&self) -> Result<(), LedgerFault> {
        self.decode().map(drop)
    }

    fn decode(&self) -> Result<Decoded, LedgerFault> {
        let (result, meta) = (decoded(&self.result)?, decoded(&self.meta)?);
        if meta.is_empty() || (is_hollow(&meta) && succeeded(&result)?) {
            return Err(LedgerFault::NoMetadata { transaction: self.hash.clone() });
        }
        Ok(Decoded { hash: self.hash.parse()?, result, meta })
    }
}

/// Returns whether nothing follows the version but empty lists: what a Horizon stores that ingests without metadata. A
/// transaction that succeeded has an operation, and so metadata of one.
fn is_hollow(meta: &[u8]) -> bool {
    meta.iter().skip(4).all(|byte| *byte == 0)
}

fn succeeded(result: &[u8]) -> Result<bool, LedgerFault> {
    Ok(is_success(&TransactionResult::from_xdr(result, limits_for(result))?))
}

fn decoded(base64: &str) -> Result<Vec<u8>, LedgerFault> {
    BASE64_STANDARD.decode(base64).map_err(|fault| LedgerFault::Xdr { reason: fault.to_string() })
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stellar_xdr::{LedgerCloseMeta, TransactionMeta, TransactionMetaV3, TransactionResultPair, WriteXdr};

    use super::*;
    use crate::{
        domain::ContractId,
        xdr::ledger::{LIMITS, Ledger, LedgerContents, header::entry_of, scan_ledger, tests::each_ledger},
    };

    fn base64(value: &impl WriteXdr) -> String {
        BASE64_STANDARD.encode(value.to_xdr(LIMITS).unwrap())
    }

    fn parts_of(ledger: &Ledger) -> LedgerParts {
        let part = |result: &TransactionResultPair, meta: &TransactionMeta| TransactionParts {
            hash: result.transaction_hash.to_string(),
            result: base64(&result.result),
            meta: base64(meta),
        };
        let transactions = match &ledger.meta {
            LedgerCloseMeta::V0(meta) => {
                meta.tx_processing.iter().map(|applied| part(&applied.result, &applied.tx_apply_processing)).collect()
            }
            LedgerCloseMeta::V1(meta) => {
                meta.tx_processing.iter().map(|applied| part(&applied.result, &applied.tx_apply_processing)).collect()
            }
            LedgerCloseMeta::V2(meta) => {
                meta.tx_processing.iter().map(|applied| part(&applied.result, &applied.tx_apply_processing)).collect()
            }
        };
        LedgerParts { header: base64(&entry_of(&ledger.meta).header), transactions }
    }

    /// The parts of the first ledger with several transactions of which the first succeeded.
    fn some_parts() -> LedgerParts {
        let mut found = None;
        each_ledger(|_, ledger| {
            let parts = parts_of(ledger);
            let begins_well = parts.transactions.first().is_some_and(|first| {
                let result = decoded(&first.result).unwrap();
                succeeded(&result).unwrap()
            });
            if begins_well && parts.transactions.len() > 1 {
                found.get_or_insert(parts);
            }
        });
        found.unwrap()
    }

    #[test]
    fn a_ledger_put_together_from_its_parts_reads_as_the_ledger_itself() {
        let mut ledgers = 0;
        each_ledger(|name, ledger| {
            let xdr = parts_of(ledger).close_meta().unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let emitters: BTreeSet<ContractId> =
                ledger.events().into_iter().filter_map(|event| event.contract_id).collect();
            let emitters: Vec<_> = emitters.into_iter().collect();
            let scan = scan_ledger(&xdr, &emitters, LedgerContents::Events).unwrap();
            assert_eq!((&scan.header, scan.events), (ledger.header(), ledger.contract_events(&emitters)), "{name}");
            LedgerCloseMeta::from_xdr(&xdr, LIMITS).unwrap_or_else(|fault| panic!("{name}, to its end: {fault}"));
            ledgers += 1;
        });
        assert!(ledgers > 50, "{ledgers}");
    }

    #[test]
    fn a_transaction_that_is_left_out_added_moved_or_changed_is_noticed() {
        let parts = some_parts();
        let put_together = |change: fn(&mut Vec<TransactionParts>)| {
            let mut parts = parts.clone();
            change(&mut parts.transactions);
            parts.close_meta()
        };
        assert!(put_together(|_| {}).is_ok());
        let changes: [fn(&mut Vec<TransactionParts>); 6] = [
            |transactions| drop(transactions.pop()),
            Vec::clear,
            |transactions| transactions.push(transactions[0].clone()),
            |transactions| transactions.swap(0, 1),
            |transactions| transactions[0].hash = "ab".repeat(32),
            |transactions| transactions[0].result.insert_str(0, "AAAA"),
        ];
        for change in changes {
            assert!(matches!(put_together(change), Err(LedgerFault::OtherTransactions { .. })));
        }
    }

    #[test]
    fn a_transaction_without_metadata_or_with_empty_metadata_is_named() {
        let hollow = TransactionMeta::V3(TransactionMetaV3::default());
        for meta in [String::new(), base64(&hollow)] {
            let mut parts = some_parts();
            parts.transactions[0].meta = meta;
            let named = parts.transactions[0].hash.clone();
            let fault = parts.close_meta().unwrap_err();
            assert!(matches!(fault, LedgerFault::NoMetadata { transaction } if transaction == named));
        }
    }

    #[test]
    fn parts_that_are_not_base64_or_not_xdr_are_refused() {
        for broken in ["!", "AAAA"] {
            let parts = LedgerParts { header: broken.to_owned(), transactions: Vec::new() };
            assert!(parts.close_meta().is_err(), "{broken}");
        }
        let mut parts = some_parts();
        parts.transactions[0].hash = "no hash".to_owned();
        assert!(matches!(parts.close_meta(), Err(LedgerFault::Xdr { .. })));
    }
}
