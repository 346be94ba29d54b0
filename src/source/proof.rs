//! How sure we must be that an endpoint serves our chain before it is believed.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::{
    SourceError,
    endpoint::{Endpoint, SLOW_AFTER},
};

/// How well an endpoint must be known to be of our chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// An endpoint that lacks the ledger that identifies the chain is asked only if no other endpoint may have that ledger.
    WhereThereIs,
    /// An endpoint that lacks that ledger is never asked.
    Always,
}

impl Proof {
    /// Makes sure that an endpoint is of our chain. `all` are the endpoints of the pool, which may know better.
    pub(super) async fn make_sure_of(self, endpoint: &Endpoint, all: &[Arc<Endpoint>]) -> Result<(), SourceError> {
        endpoint.identify().await?;
        if !endpoint.shows_only_others() {
            return Ok(());
        }
        for other in all.iter().filter(|other| other.may_be_asked_for_the_anchor(Instant::now())) {
            // One that does not answer now may answer later.
            let _ = timeout(SLOW_AFTER, other.identify()).await;
        }
        if self == Self::Always || all.iter().any(|other| other.may_show_the_anchor()) {
            return Err(SourceError::unknown_chain("it does not have the ledger that the chain is known by"));
        }
        Ok(())
    }
}
