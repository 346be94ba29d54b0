//! Who may sign for an account: asked of the chain when somebody signs in, and not too often.

use std::{
    collections::HashMap, fmt, future::Future, num::NonZeroU32, pin::Pin, sync::Arc, sync::Mutex, time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::Instant;

use crate::{domain::Address, xdr::AccountSigners};

/// All who sign in share so many look-ups a second.
const LOOK_UPS_PER_SECOND: NonZeroU32 = NonZeroU32::new(5).expect("it is not zero");
const LOOK_UPS_BURST: NonZeroU32 = NonZeroU32::new(20).expect("it is not zero");
/// Whoever tries again within this time is told by what was read before.
const FRESH_FOR: Duration = Duration::from_secs(5);

/// The chain could not be asked for an account, or its answer not be read: said to the log, not to the client.
#[derive(Debug)]
pub struct AccountAway(pub String);

type Answer = Pin<Box<dyn Future<Output = Result<Option<AccountSigners>, AccountAway>> + Send>>;

/// Asks the chain who may sign for an account; `None` for one that is not on the ledger.
pub type AccountReader = Arc<dyn Fn(Address) -> Answer + Send + Sync>;

/// Accounts, each looked up once in a while.
pub(super) struct Accounts {
    reader: AccountReader,
    budget: DefaultDirectRateLimiter,
    found: Mutex<HashMap<Address, Found>>,
}

/// What was found of an account.
#[derive(Clone)]
struct Found {
    at: Instant,
    /// `None` for one that is not on the ledger.
    signers: Option<AccountSigners>,
}

impl Accounts {
    pub(super) fn new(reader: AccountReader) -> Self {
        let budget = RateLimiter::direct(Quota::per_second(LOOK_UPS_PER_SECOND).allow_burst(LOOK_UPS_BURST));
        Self { reader, budget, found: Mutex::default() }
    }

    /// Returns who may sign for an account; `None` for one that is not on the ledger.
    pub(super) async fn signers_of(&self, account: Address) -> Result<Option<AccountSigners>, AccountAway> {
        if let Some(found) = self.found_lately(&account) {
            return Ok(found.signers);
        }
        self.budget.check().map_err(|_| AccountAway("too many accounts are looked up at once".to_owned()))?;
        let signers = (self.reader)(account.clone()).await?;
        let mut found = self.found.lock().expect("nothing panics while it holds accounts");
        found.insert(account, Found { at: Instant::now(), signers: signers.clone() });
        Ok(signers)
    }

    fn found_lately(&self, account: &Address) -> Option<Found> {
        let mut found = self.found.lock().expect("nothing panics while it holds accounts");
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
    async fn an_account_is_looked_up_once_in_a_while_and_all_of_them_not_too_often() {
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
        // At once, and far more than the budget gains while the slowest machine counts them.
        let mut refused = 0;
        for number in 1..=255 {
            refused += u32::from(accounts.signers_of(address(number)).await.is_err());
        }
        assert!(refused > 0 && asked.load(Ordering::Relaxed) + refused == 256, "{refused} refused");
    }
}
