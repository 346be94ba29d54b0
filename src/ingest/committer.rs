//! Commits what the follower sends, in order. While one batch is written, the next one is prepared.

use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tracing::{debug, info, warn};

use super::{error::IngestError, full_disk::FullDisk};
use crate::store::{Batch, Committed, Prepared, Records, SignsOfLife, Store, Writer};

/// A message from the follower.
pub(super) enum CommitterMessage {
    /// The next batch.
    Batch(Batch),
    /// The index has reached the tip for the first time, with the batches before this message.
    ReachedTip,
}

enum Ready {
    Prepared(Box<Prepared>),
    ReachedTip,
}

/// Commits until the sender is gone. A stop arrives the same way: everything that was read is still written.
pub(super) async fn commit_all(
    store: &Store,
    writer: &mut Writer,
    mut messages: mpsc::Receiver<CommitterMessage>,
    (committed_at_tip, full_disk): (&Notify, &FullDisk),
) -> Result<(), IngestError> {
    let mut has_reached_tip = false;
    let signs = writer.signs_of_life();
    let mut next = prepare_next(store, &mut messages, &Records::default(), &signs).await?;
    while let Some(ready) = next {
        let left = match &ready {
            Ready::Prepared(prepared) => prepared.records(),
            Ready::ReachedTip => Records::default(),
        };
        let write = async {
            match ready {
                Ready::Prepared(prepared) => {
                    let committed = writer.commit(*prepared).await?;
                    full_disk.clear();
                    report(committed);
                    if has_reached_tip && committed.events + committed.quarantined > 0 {
                        committed_at_tip.notify_one();
                    }
                }
                Ready::ReachedTip => {
                    signs.during(index_for_queries(writer)).await?;
                    has_reached_tip = true;
                    committed_at_tip.notify_one();
                }
            }
            Ok(())
        };
        let prepare = prepare_next(store, &mut messages, &left, &signs);
        ((), next) = tokio::try_join!(write, prepare)?;
    }
    Ok(())
}

async fn prepare_next(
    store: &Store,
    messages: &mut mpsc::Receiver<CommitterMessage>,
    before: &Records,
    signs: &SignsOfLife,
) -> Result<Option<Ready>, IngestError> {
    match messages.recv().await {
        None => Ok(None),
        Some(CommitterMessage::ReachedTip) => Ok(Some(Ready::ReachedTip)),
        Some(CommitterMessage::Batch(batch)) => {
            let prepared = signs.during(store.prepare(batch, before)).await?;
            Ok(Some(Ready::Prepared(Box::new(prepared))))
        }
    }
}

/// Creates the indexes for queries. On a large table this takes a minute, once; indexing continues after it.
pub(super) async fn index_for_queries(writer: &mut Writer) -> Result<(), IngestError> {
    let begun = Instant::now();
    let made = writer.index_for_queries().await?;
    if made > 0 {
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(took_ms, "created {made} indexes for lists in {took_ms} ms");
    }
    Ok(())
}

fn report(committed: Committed) {
    if committed.quarantined > 0 {
        warn!(events = committed.quarantined, "{} events were quarantined", committed.quarantined);
    }
    debug!(events = committed.events, "committed {} events", committed.events);
}
