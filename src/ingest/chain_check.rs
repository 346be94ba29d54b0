//! Whether a source of whole ledgers is of the chain that is indexed. A lake outlives a reset of its network, and its
//! passphrase is the same before and after.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tracing::warn;

use crate::{
    source::{LedgerEvents, SourceError, WholeLedgers},
    store::Store,
};

/// What every ledger of the chain must agree with.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChainCheck {
    /// When the last ledger of the epoch before closed.
    began_after: Option<DateTime<Utc>>,
}

impl ChainCheck {
    /// Compares the ledger that was noted to recognise the chain by with the source's, where the source has it.
    ///
    /// # Errors
    /// [`SourceError::OtherChain`]; a transient one while the database does not say which chain is ours.
    pub(super) async fn of(store: &Store, whole: &WholeLedgers) -> Result<Self, SourceError> {
        let network = store.network().await;
        let network = network.map_err(|failure| SourceError::unknown_chain(failure.to_string()))?;
        let began_after = network.as_ref().and_then(|network| network.began_after);
        let Some(known) = network.and_then(|network| network.known) else {
            warn!("no ledger was noted yet, so {} cannot be compared with what is indexed", whole.name());
            return Ok(Self { began_after });
        };
        let (sender, mut ledgers) = mpsc::channel(1);
        let reading = whole.events(&[], known.sequence..=known.sequence, None, sender);
        let (ledger, ()) = tokio::join!(ledgers.recv(), reading);
        match ledger {
            Some(Ok(ledger)) if ledger.header.hash != known.hash => {
                Err(SourceError::OtherChain { ledger: known.sequence, expected: known.hash, found: ledger.header.hash })
            }
            _ => Ok(Self { began_after }),
        }
    }

    /// Refuses a ledger that closed before the epoch began.
    ///
    /// # Errors
    /// [`SourceError::Permanent`], which names the ledger.
    pub(super) fn check(&self, ledger: &LedgerEvents) -> Result<(), SourceError> {
        match self.began_after {
            Some(began_after) if ledger.header.closed_at <= began_after => Err(closed_too_early(ledger)),
            _ => Ok(()),
        }
    }
}

/// Returns the failure of a source whose ledger closed before one that comes before it.
pub(super) fn closed_too_early(ledger: &LedgerEvents) -> SourceError {
    let (sequence, closed_at) = (ledger.header.sequence, ledger.header.closed_at);
    let detail = format!("ledger {sequence} closed at {closed_at}, before ledgers that come before it: another chain");
    SourceError::Permanent { detail }
}
