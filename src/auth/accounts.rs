//! The signers of accounts: read from the chain when somebody signs in, at a limited rate.

use std::{
    collections::HashMap, fmt, future::Future, num::NonZeroU32, pin::Pin, sync::Arc, sync::Mutex, time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

use crate::{domain::Address, xdr::AccountSigners};

/// The budget of look-ups that all sign-ins share.
const LOOK_UPS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("it is not zero");
const LOOK_UPS_BURST: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
/// How long the result of a look-up is reused.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// The account could not be read from the chain, or the answer not understood. The reason is for the log, not for the
/// client.
#[derive(Debug)]
pub struct AccountAway(pub String);

type Answer = Pin<Box<dyn Future<Output = Result<Option<AccountSigners>, AccountAway>> + Send>>;

/// Reads an account's signers from the chain; `None` if the account is not on the ledger.
pub type AccountReader = Arc<dyn Fn(Address) -> Answer + Send + Sync>;

/// Looks accounts up, and reuses recent results.
pub(super) struct Accounts {
    reader: AccountReader,
    budget: DefaultDirectRateLimiter,
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
    pub(super) fn new(reader: AccountReader) -> Self {
        let budget = RateLimiter::direct(Quota::per_second(LOOK_UPS_PER_SECOND).allow_burst(LOOK_UPS_BURST));
        Self { reader, budget, found: Mutex::default() }
    }

    /// Returns an account's signers; `None` if the account is not on the ledger.
    pub(super) async fn signers_of(&self, account: Address) -> Result<Option<AccountSigners>, AccountAway> {
        if let Some(found) = self.found_lately(&account) {
            return Ok(found.signers);
        }
        self.budget.check().map_err(|_| AccountAway("too many accounts are being looked up at once".to_owned()))?;
        let signers = (self.reader)(account.clone()).await?;
        let mut found = self.found.lock().expect("no thread panics while it holds the accounts");
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
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::domain::ContractId;

    fn address(number: u8) -> Address {
        Address::from(ContractId::from_bytes([number; 32]))
    }

    #[tokio::test]
    async fn look_ups_of_one_account_are_reused_and_those_of_all_accounts_are_limited() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let accounts = Accounts::new(Arc::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { Ok(None) })
        }));
        for _ in 0..9 {
            assert!(accounts.signers_of(address(0)).await.is_ok());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        // All at once, and far more than the budget can regain while even the slowest machine counts them.
        let mut refused = 0;
        for number in 1..=255 {
            refused += u32::from(accounts.signers_of(address(number)).await.is_err());
        }
        assert!(refused > 0 && asked.load(Ordering::Relaxed) + refused == 256, "{refused} refused");
    }
}
