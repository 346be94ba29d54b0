//! The keys that the transactions of a ledger name in their footprints. A TTL tells only the hash of its entry's key,
//! and a transaction can change neither an entry nor its TTL unless its footprint names the key.

use std::collections::HashMap;

use stellar_xdr::{
    GeneralizedTransactionSet, LedgerFootprint, TransactionEnvelope, TransactionExt, TransactionPhase, TxSetComponent,
};

use super::{data_key::DataKey, wanted::Wanted};
use crate::domain::ContractId;

/// How the XDR of a TTL begins, as a `LedgerEntryData` and as a `LedgerKey`. The hash of the entry's key follows.
const TTL: [u8; 4] = [0, 0, 0, 9];
const WORD_BYTES: usize = 4;
const TTL_WITH_HASH_BYTES: usize = 36;

/// The keys of the wanted contracts' entries that a ledger's transactions name, by their hashes.
pub(super) struct NamedKeys<'a>(HashMap<[u8; 32], (&'a ContractId, DataKey<'a>)>);

impl<'a> NamedKeys<'a> {
    /// Takes `None` for a transaction set of the form that came before contracts, which has no footprints.
    pub(super) fn of(transactions: Option<&'a GeneralizedTransactionSet>, wanted: &Wanted<'a>) -> Self {
        let footprints = transactions.into_iter().flat_map(envelopes).filter_map(footprint);
        let keys = footprints.flat_map(|footprint| footprint.read_only.iter().chain(footprint.read_write.iter()));
        let of_wanted = |key: DataKey<'a>| Some((key.hash(), (wanted.contract_of(key.contract)?, key)));
        Self(keys.filter_map(DataKey::of_ledger_key).filter_map(of_wanted).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the key that has this hash.
    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<(&'a ContractId, DataKey<'a>)> {
        self.0.get(hash).copied()
    }

    pub(super) fn contains(&self, hash: &[u8; 32]) -> bool {
        self.0.contains_key(hash)
    }

    /// Returns where the last TTL of these keys may begin in the XDR, which begins with a whole word.
    pub(super) fn last_ttl(&self, xdr: &[u8]) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let is_named = |bytes: &[u8]| bytes.strip_prefix(&TTL).is_some_and(|hash| self.0.contains_key(hash));
        xdr.windows(TTL_WITH_HASH_BYTES).step_by(WORD_BYTES).rposition(is_named).map(|word| word * WORD_BYTES)
    }
}

fn envelopes(set: &GeneralizedTransactionSet) -> Vec<&TransactionEnvelope> {
    let GeneralizedTransactionSet::V1(set) = set;
    let mut envelopes = Vec::new();
    for phase in &set.phases {
        match phase {
            TransactionPhase::V0(components) => {
                for TxSetComponent::TxsetCompTxsMaybeDiscountedFee(component) in components {
                    envelopes.extend(component.txs.iter());
                }
            }
            TransactionPhase::V1(parallel) => {
                let clusters = parallel.execution_stages.iter().flat_map(|stage| stage.0.iter());
                envelopes.extend(clusters.flat_map(|cluster| cluster.0.iter()));
            }
        }
    }
    envelopes
}

fn footprint(envelope: &TransactionEnvelope) -> Option<&LedgerFootprint> {
    let transaction = match envelope {
        TransactionEnvelope::TxV0(_) => return None,
        TransactionEnvelope::Tx(envelope) => &envelope.tx,
        TransactionEnvelope::TxFeeBump(envelope) => {
            let stellar_xdr::FeeBumpTransactionInnerTx::Tx(inner) = &envelope.tx.inner_tx;
            &inner.tx
        }
    };
    match &transaction.ext {
        TransactionExt::V0 => None,
        TransactionExt::V1(data) => Some(&data.resources.footprint),
    }
}
