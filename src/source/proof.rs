//! How sure we must be that an endpoint serves our chain before we trust it.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::{
    SourceError,
    endpoint::{Endpoint, SLOW_AFTER},
};

/// The proof that an endpoint must give that it serves our chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An endpoint that lacks the identifying ledger is asked only if no other endpoint may have that ledger.
    WhereThereIs,
    /// An endpoint that lacks the identifying ledger is never asked.
    Always,
}

impl Proof {
    /// Checks that an endpoint serves our chain. `all` are the endpoints of the pool; one of them may have better
    /// proof.
    pub(super) async fn make_sure_of(self, endpoint: &Endpoint, all: &[Arc<Endpoint>]) -> Result<(), SourceError> {
        endpoint.identify().await?;
        if !endpoint.shows_only_others() {
            return Ok(());
        }
        for other in all.iter().filter(|other| other.may_be_asked_for_the_anchor(Instant::now())) {
            // An endpoint that does not answer now may answer later.
            let _ = timeout(SLOW_AFTER, other.identify()).await;
        }
        if self == Self::Always || all.iter().any(|other| other.may_show_the_anchor()) {
            return Err(SourceError::unknown_chain("it does not have the ledger that identifies the chain"));
        }
        Ok(())
    }
}
