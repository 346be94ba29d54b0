//! Entries of the ledger from the endpoints of a pool: accounts', and a contract's beside its own.

use std::sync::Arc;

use super::{EndpointPool, LedgerEntries, Proof, SourceError, TransientReason, endpoint::Endpoint};
use crate::{domain::ContractId, xdr::contract_instance_key};

impl EndpointPool {
    /// Returns the entries at these keys (base64 XDR of `LedgerKey`), at most 200 of them.
    ///
    /// # Errors
    /// A [`SourceError`], sorted; [`SourceError::Permanent`] without asking where there is only a Horizon.
    pub async fn ledger_entries(&self, keys: &[String]) -> Result<LedgerEntries, SourceError> {
        self.refuse_horizon()?;
        let request = |endpoint: Arc<Endpoint>| async move { endpoint.ledger_entries(keys).await };
        self.asked_for_entries().ask(None, Proof::Always, request).await
    }

    /// Returns the entries at these keys of a contract, at most 199 of them, and the contract's own entry.
    ///
    /// # Errors
    /// As [`EndpointPool::ledger_entries`]. An answer without the contract's own entry is a failure
    /// ([`TransientReason::NoContract`]): an endpoint that lacks even that entry does not prove that the others are absent.
    pub async fn contract_entries(
        &self,
        contract_id: &ContractId,
        keys: &[String],
    ) -> Result<LedgerEntries, SourceError> {
        self.refuse_horizon()?;
        let own = contract_instance_key(contract_id);
        let asked: Vec<String> = keys.iter().cloned().chain([own.clone()]).collect();
        let (asked, own) = (&asked, &own);
        let request = |endpoint: Arc<Endpoint>| async move {
            let found = endpoint.ledger_entries(asked).await?;
            if found.entries.contains_key(own) {
                Ok(found)
            } else {
                let detail =
                    format!("it has no entry of the contract {contract_id} itself, so the others prove nothing");
                Err(SourceError::transient(TransientReason::NoContract, detail))
            }
        };
        self.asked_for_entries().ask(None, Proof::Always, request).await
    }

    fn asked_for_entries(&self) -> Self {
        Self { endpoints: Arc::clone(&self.for_entries), ..self.clone() }
    }

    fn refuse_horizon(&self) -> Result<(), SourceError> {
        if self.is_horizon() {
            let detail = "a Horizon does not tell what contracts store; that takes an RPC endpoint".to_owned();
            return Err(SourceError::Permanent { detail });
        }
        Ok(())
    }
}
