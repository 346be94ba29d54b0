//! Records whose entries have fields that were not known when they were read. Those that may be ignored by now are folded
//! again from the entries that are kept; the others are named, so that an operator can look at what they mean.

use std::collections::BTreeMap;

use tracing::{info, warn};

use super::{error::IngestError, indexer::Indexer, late::fold_again};
use crate::domain::{ContractId, Revision, StreamId};

/// A revision tells which records changed, as long as they are not more.
const AT_ONCE: usize = Revision::MOST_CHANGED;

impl Indexer {
    /// Looks at these records of every contract, once for each session.
    pub(super) async fn look_at_unknown_fields(&self) -> Result<(), IngestError> {
        for contract_id in self.settings.contracts.iter() {
            let (known, unknown) = self.fold_those_known_by_now(contract_id).await?;
            if known > 0 {
                info!(contract.id = %contract_id, "{known} records were computed again without their harmless fields");
            }
            for (field, count) in unknown {
                warn!(
                    contract.id = %contract_id,
                    "nothing is computed for {count} streams: their entries have an unknown field {field:?}; if it changes \
                     nothing, name it in --harmless-fields"
                );
            }
        }
        Ok(())
    }

    /// Returns how many records were folded again, and how many are left for each field.
    async fn fold_those_known_by_now(
        &self,
        contract_id: &ContractId,
    ) -> Result<(usize, BTreeMap<String, usize>), IngestError> {
        let epoch = self.store.epoch().await?;
        let limit = u32::try_from(AT_ONCE).expect("a small number");
        let (mut above, mut known, mut unknown) = (StreamId(0), 0, BTreeMap::new());
        loop {
            let found = self.store.streams_with_unknown_fields(contract_id, above, limit).await?;
            let Some((last, _)) = found.last() else { return Ok((known, unknown)) };
            above = *last;
            let mut harmless = Vec::new();
            for (stream_id, field) in found {
                if self.store.harmless_fields().contains(&field) {
                    harmless.push(stream_id);
                } else {
                    *unknown.entry(field).or_insert(0) += 1;
                }
            }
            if !harmless.is_empty() {
                fold_again(&self.store, contract_id, epoch, &harmless).await?;
                known += harmless.len();
            }
        }
    }
}
