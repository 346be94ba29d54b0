//! A chain on which recorded calls are made again, each in a ledger of its own.

use std::collections::{BTreeMap, BTreeSet};

use flowfi_indexer::domain::{Contracts, LedgerSequence, StreamKey};
use stellar_xdr::ScVal;

use super::calls::Call;
use crate::made_chain::{Made, MadeChain, change};

pub struct RepeatedCalls {
    pub chain: MadeChain,
    /// What lies under the streams' keys.
    pub stored: BTreeMap<StreamKey, ScVal>,
    /// Streams that there once were.
    pub known: BTreeSet<StreamKey>,
}

impl RepeatedCalls {
    pub async fn begin() -> Self {
        Self { chain: MadeChain::start().await, stored: BTreeMap::new(), known: BTreeSet::new() }
    }

    /// Makes the call in a ledger of its own.
    pub fn repeat(&mut self, call: &Call) -> LedgerSequence {
        let mut changes = Vec::new();
        for (key, after) in call.stored() {
            let before = self.stored.get(&key);
            // A call that goes through writes the entry even where nothing in it changes.
            if before != after.as_ref() || !call.events.is_empty() {
                changes.extend(change(&key.0, key.1, before, after.as_ref()));
            }
            match after {
                Some(after) => {
                    self.stored.insert(key.clone(), after);
                    self.known.insert(key);
                }
                None => drop(self.stored.remove(&key)),
            }
        }
        self.chain.close(call.now, vec![Made { contract_id: call.contract_id(), events: call.events(), changes }])
    }
}

/// Returns the contracts of these calls.
pub fn contracts(calls: &[Call]) -> Contracts {
    let ids: BTreeSet<_> = calls.iter().map(Call::contract_id).collect();
    Contracts::new(ids).unwrap()
}
