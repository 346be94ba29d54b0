//! Ledgers that count as not seen after all, since a stream changed in them without an event, read again: once from each
//! source of whole ledgers, until one of them has what was missing.

use tracing::{debug, info, warn};

use super::{
    backfill::{ReadAgain, read_again},
    error::IngestError,
};
use crate::{
    domain::{ContractId, Epoch},
    source::{SourceError, WholeLedgers},
    store::{Store, WithdrawnLedger},
};

/// At most this many ledgers are read in one turn, so that the checks beside them go on.
const LEDGERS_IN_A_TURN: u32 = 16;

/// Reads withdrawn ledgers of one contract.
pub(super) struct Rereading<'a> {
    pub(super) store: &'a Store,
    pub(super) sources: &'a [WholeLedgers],
    pub(super) contract_id: &'a ContractId,
    /// The epoch that is indexed. Nothing is written to another one.
    pub(super) epoch: Epoch,
}

impl Rereading<'_> {
    /// Reads the next few ledgers. One that no source has yet is tried again at a later turn.
    pub(super) async fn read(&self) -> Result<(), IngestError> {
        let names: Vec<&str> = self.sources.iter().map(WholeLedgers::name).collect();
        let withdrawn = self.store.withdrawn_ledgers(self.contract_id, &names, LEDGERS_IN_A_TURN).await?;
        for ledger in withdrawn {
            match self.read_one(&ledger).await {
                Err(IngestError::Store(failure)) if failure.is_unavailable() => return Err(failure.into()),
                Err(failure) => {
                    let WithdrawnLedger { ledger, .. } = ledger;
                    warn!(contract.id = %self.contract_id, "ledger {ledger} could not be read again: {failure}");
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    async fn read_one(&self, WithdrawnLedger { ledger, read_from }: &WithdrawnLedger) -> Result<(), IngestError> {
        let (contract_id, ledger) = (self.contract_id, *ledger);
        // Should it fail below, others come before it at the next turn.
        self.store.note_read_again(self.epoch, contract_id, ledger, None, false).await?;
        let (mut is_settled, mut was_read) = (true, false);
        for source in self.sources.iter().filter(|source| !read_from.iter().any(|name| name == source.name())) {
            let name = source.name();
            let again = read_again(self.store, contract_id, self.epoch, source, ledger).await?;
            let (read_from, found) = match again {
                ReadAgain::Written => {
                    was_read = true;
                    (Some(name), self.store.is_explained(contract_id, ledger).await?)
                }
                ReadAgain::NotRead(failure) => {
                    debug!("{name} does not have ledger {ledger}, which is to be read again: {failure}");
                    (matches!(failure, SourceError::BehindRetention { .. }).then_some(name), false)
                }
            };
            self.store.note_read_again(self.epoch, contract_id, ledger, read_from, found).await?;
            if found {
                info!(contract.id = %contract_id, "no change of ledger {ledger} lacks an event any more, now that {name} was read");
                return Ok(());
            }
            is_settled &= read_from.is_some();
        }
        if is_settled && was_read {
            warn!(contract.id = %contract_id, "no source has an event that ledger {ledger} lacks");
        } else if is_settled {
            warn!(
                contract.id = %contract_id,
                "no source has ledger {ledger} any more, so it does not count as seen; fill it from another one with \
                 coverage --repair"
            );
        }
        Ok(())
    }
}
