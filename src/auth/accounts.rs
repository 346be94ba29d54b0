//! The signers of accounts: read from the chain when somebody signs in, at a limited rate.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::look_ups::{Asking, LookUps};
use crate::{
    domain::Address,
    xdr::{AccountSigners, Refusal},
};

/// How long the result of a look-up is reused.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// Why an account could not be read from the chain. The log is told why, the client is not.
#[derive(Debug, thiserror::Error)]
pub enum AccountUnavailable {
    /// The limit on look-ups is used up.
    #[error("too many accounts are looked up at once")]
    TooMany,
    /// The address is that of a contract.
    #[error("{0} is not an account")]
    NotAnAccount(Address),
    /// The source failed.
    #[error(transparent)]
    Source(Box<dyn Error + Send + Sync>),
    /// The entry could not be decoded.
    #[error(transparent)]
    Unreadable(#[from] Refusal),
}

/// Reads accounts from the chain.
pub trait AccountReader: Send + Sync {
    /// Returns who may sign for an account, `None` where it is not on the ledger.
    fn read(&self, account: Address) -> BoxFuture<'_, Result<Option<AccountSigners>, AccountUnavailable>>;
}

/// Looks accounts up, and reuses recent results.
pub(super) struct Accounts {
    reader: Arc<dyn AccountReader>,
    budget: LookUps,
    found: Mutex<HashMap<Address, Found>>,
}

/// A recent result.
#[derive(Clone)]
struct Found {
    at: Instant,
    /// `None` if the account is not on the ledger.
    signers: Option<AccountSigners>,
}

impl Accounts {
    pub(super) fn new(reader: Arc<dyn AccountReader>) -> Self {
        Self { reader, budget: LookUps::default(), found: Mutex::default() }
    }

    /// Returns an account's signers; `None` if the account is not on the ledger.
    pub(super) async fn signers_of(
        &self,
        account: Address,
        asking: Asking,
    ) -> Result<Option<AccountSigners>, AccountUnavailable> {
        if let Some(found) = self.found_lately(&account) {
            return Ok(found.signers);
        }
        if !self.budget.admit(asking) {
            return Err(AccountUnavailable::TooMany);
        }
        let signers = self.reader.read(account.clone()).await?;
        let mut found = self.found.lock().expect("nothing panics while it holds accounts");
        found.insert(account, Found { at: Instant::now(), signers: signers.clone() });
        Ok(signers)
    }

    fn found_lately(&self, account: &Address) -> Option<Found> {
        let mut found = self.found.lock().expect("no thread panics while it holds the accounts");
        found.retain(|_, found| found.at.elapsed() < FRESH_FOR);
        found.get(account).cloned()
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Accounts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::ready,
        sync::atomic::{AtomicU32, Ordering},
    };

    use super::*;
    use crate::domain::ContractId;

    /// A ledger without accounts, which counts how often it is asked.
    #[derive(Default)]
    struct NoAccounts {
        asked: AtomicU32,
    }

    impl AccountReader for NoAccounts {
        fn read(&self, _: Address) -> BoxFuture<'_, Result<Option<AccountSigners>, AccountUnavailable>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(ready(Ok(None)))
        }
    }

    fn address(number: u8) -> Address {
        Address::from(ContractId::from_bytes([number; 32]))
    }

    #[tokio::test]
    async fn an_account_is_looked_up_once_in_a_while_and_all_of_them_not_too_often() {
        let chain = Arc::new(NoAccounts::default());
        let accounts = Accounts::new(chain.clone());
        for _ in 0..9 {
            assert!(accounts.signers_of(address(0), Asking::Again).await.is_ok());
        }
        assert_eq!(chain.asked.load(Ordering::Relaxed), 1);
        // At once, and far more than the budget gains while the slowest machine counts them.
        let mut refused = 0;
        for number in 1..=255 {
            refused += u32::from(accounts.signers_of(address(number), Asking::Again).await.is_err());
        }
        assert!(refused > 0 && chain.asked.load(Ordering::Relaxed) + refused == 256, "{refused} refused");
    }
}
