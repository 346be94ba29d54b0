//! Reads accounts for sign-in from the source's endpoints.

use std::sync::Arc;

use crate::{
    auth::{AccountAway, AccountReader},
    domain::Address,
    source::EndpointPool,
    xdr::{AccountSigners, account_entry_key, decode_account_ledger_entry},
};

/// Returns a reader of accounts' signers, which asks the source's endpoints.
#[must_use]
pub fn account_reader(source: EndpointPool) -> AccountReader {
    Arc::new(move |account| {
        let source = source.clone();
        Box::pin(async move { read(&source, &account).await })
    })
}

async fn read(source: &EndpointPool, account: &Address) -> Result<Option<AccountSigners>, AccountAway> {
    let key = account_entry_key(account).ok_or_else(|| AccountAway(format!("{account} is not an account")))?;
    let answer = source.ledger_entries(std::slice::from_ref(&key)).await;
    let answer = answer.map_err(|failure| AccountAway(failure.to_string()))?;
    let Some(found) = answer.entries.get(&key) else { return Ok(None) };
    decode_account_ledger_entry(&found.xdr).map(Some).map_err(|refusal| AccountAway(refusal.to_string()))
}
