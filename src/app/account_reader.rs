//! How sign-in asks the chain for an account: by the endpoints of the source.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{
    auth::{AccountReader, AccountUnavailable},
    domain::{Address, Contracts},
    source::{EndpointPool, SourceError},
    xdr::{AccountSigners, account_entry_key, decode_account_ledger_entry},
};

/// Returns a reader of accounts. An account is absent only by the word of an endpoint that has the entry of one of the
/// contracts: one that has no entries at all proves nothing.
#[must_use]
pub fn account_reader(source: EndpointPool, contracts: Contracts) -> Arc<dyn AccountReader> {
    Arc::new(Endpoints { source, contracts })
}

struct Endpoints {
    source: EndpointPool,
    contracts: Contracts,
}

impl AccountReader for Endpoints {
    fn read(&self, account: Address) -> BoxFuture<'_, Result<Option<AccountSigners>, AccountUnavailable>> {
        Box::pin(self.read_account(account))
    }
}

impl Endpoints {
    async fn read_account(&self, account: Address) -> Result<Option<AccountSigners>, AccountUnavailable> {
        let key = account_entry_key(&account).ok_or(AccountUnavailable::NotAnAccount(account))?;
        let failed = |failure: SourceError| AccountUnavailable::Source(failure.into());
        let keys = std::slice::from_ref(&key);
        let answer = self.source.ledger_entries(keys).await.map_err(failed)?;
        if let Some(found) = answer.entries.get(&key) {
            return Ok(Some(decode_account_ledger_entry(&found.xdr)?));
        }
        let Some(contract_id) = self.contracts.first() else { return Ok(None) };
        let answer = self.source.contract_entries(contract_id, keys).await.map_err(failed)?;
        let found = answer.entries.get(&key).map(|found| decode_account_ledger_entry(&found.xdr));
        Ok(found.transpose()?)
    }
}
