//! Everything that is derived, derived anew from the raw events that are stored: in a schema beside the one that is read,
//! which it then takes the place of. The daemon may go on meanwhile.

use super::{
    batcher::Batcher,
    error::IngestError,
    follower::{EVENTS_IN_A_BATCH, decode},
};
use crate::{
    domain::{ContractId, CoverageSource, EventId},
    source::EventPage,
    store::{Records, Store, StoreError, Writer},
};

const CHUNK: u32 = 10_000;

/// How far a reindex is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReindexProgress {
    /// Raw events there were at the start.
    pub events_in_all: u64,
    /// Raw events that were gone through in this run.
    pub events: u64,
}

/// Builds every record anew and swaps the tables. A run that was interrupted is gone on with.
///
/// # Errors
/// [`IngestError::NotBegun`] before the contract's index began; those of the store. The tables that are read are as
/// they were then.
pub async fn reindex(
    store: &Store,
    contract_id: &ContractId,
    mut report: impl FnMut(ReindexProgress),
) -> Result<ReindexProgress, IngestError> {
    let begun = store.progress(contract_id).await?.ok_or(IngestError::NotBegun)?;
    let network = store.network().await?.ok_or(IngestError::NotBegun)?;
    let built = store.open_reindex().await?;
    built.claim(&network.passphrase, contract_id).await?;
    let mut writer = Writer::try_acquire(&built, contract_id.clone()).await?.ok_or(StoreError::Fenced)?;
    let mut position = match writer.position() {
        Some(position) => position,
        None => writer.start_at(begun.from_ledger).await?,
    };
    let mut progress = ReindexProgress { events_in_all: store.count_raw_events().await?, events: 0 };
    report(progress);
    loop {
        let mut batcher = Batcher::new(position, EVENTS_IN_A_BATCH);
        let mut raw_after = position;
        loop {
            let events = store.raw_events_after(contract_id, raw_after, CHUNK).await?;
            let Some(last) = events.last() else { break };
            raw_after = last.id;
            progress.events += u64::try_from(events.len()).unwrap_or(u64::MAX);
            let page = page_of(raw_after, events.len());
            for batch in batcher.push(decode(events).await, &page) {
                position = batch.position;
                let prepared = built.prepare(contract_id, batch, &Records::default()).await?;
                writer.commit(prepared).await?;
            }
            report(progress);
        }
        if position == raw_after && store.swap_reindex(contract_id, position).await? {
            break;
        }
    }
    Ok(progress)
}

/// A chunk that is full may end inside a transaction; one that is not ends where the table ends.
fn page_of(last: EventId, events: usize) -> EventPage {
    EventPage {
        events: Vec::new(),
        cursor: last,
        is_full: u32::try_from(events) == Ok(CHUNK),
        latest_ledger: last.ledger(),
        latest_ledger_closed_at: None,
        oldest_ledger: None,
        source: CoverageSource::Rpc,
    }
}
