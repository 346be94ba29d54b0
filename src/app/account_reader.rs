//! How sign-in asks the chain for an account: by the endpoints of the source.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::{
    auth::{AccountReader, AccountUnavailable},
    domain::Address,
    source::EndpointPool,
    xdr::{AccountSigners, account_entry_key, decode_account_ledger_entry},
};

/// Returns a reader of accounts.
#[must_use]
pub fn account_reader(source: EndpointPool) -> Arc<dyn AccountReader> {
    Arc::new(Endpoints(source))
}

struct Endpoints(EndpointPool);

impl AccountReader for Endpoints {
    fn read(&self, account: Address) -> BoxFuture<'_, Result<Option<AccountSigners>, AccountUnavailable>> {
        Box::pin(self.read_account(account))
    }
}

impl Endpoints {
    async fn read_account(&self, account: Address) -> Result<Option<AccountSigners>, AccountUnavailable> {
        let key = account_entry_key(&account).ok_or(AccountUnavailable::NotAnAccount(account))?;
        let answer = self.0.ledger_entries(std::slice::from_ref(&key)).await;
        let answer = answer.map_err(|failure| AccountUnavailable::Source(failure.into()))?;
        let Some(found) = answer.entries.get(&key) else { return Ok(None) };
        Ok(Some(decode_account_ledger_entry(&found.xdr)?))
    }
}
