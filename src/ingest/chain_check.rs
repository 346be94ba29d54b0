//! Whether a source of whole ledgers is of the chain that is indexed.

use tokio::sync::mpsc;
use tracing::warn;

use crate::{
    source::{SourceError, WholeLedgers},
    store::Store,
};

/// Checks that the ledger that was noted to know the chain by is the same in the source, where it is in it: a lake
/// outlives a reset of its network, and its passphrase is the same before and after.
///
/// # Errors
/// [`SourceError::OtherChain`].
pub(super) async fn check_chain(store: &Store, whole: &WholeLedgers) -> Result<(), SourceError> {
    let network = store.network().await.ok().flatten();
    let Some(known) = network.and_then(|network| network.known) else {
        warn!("no ledger was noted yet, so {} cannot be compared with what is indexed", whole.name());
        return Ok(());
    };
    let (sender, mut ledgers) = mpsc::channel(1);
    let reading = whole.events(&[], known.sequence..=known.sequence, None, sender);
    let (ledger, ()) = tokio::join!(ledgers.recv(), reading);
    match ledger {
        Some(Ok(ledger)) if ledger.header.hash != known.hash => {
            Err(SourceError::OtherChain { ledger: known.sequence, expected: known.hash, found: ledger.header.hash })
        }
        _ => Ok(()),
    }
}
