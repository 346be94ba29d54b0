//! Reads ledgers behind the cursor that were never seen: whole, in order, and written late, one stretch at a time. If
//! it is interrupted, what was written stays and is not read again.

use tokio::sync::mpsc;
use tracing::warn;

use super::{
    chain_check::ChainCheck,
    error::IngestError,
    late::{LateEvents, write_late},
};
use crate::{
    domain::{ContractId, Epoch, LedgerRange, LedgerSequence, RawContractEvent, RawEntryChange, holes},
    source::{LedgerEvents, SourceError, WholeLedgers},
    store::Store,
};

/// A stretch is written once it has this many events or ledgers.
const EVENTS_IN_A_STRETCH: usize = 20_000;
const LEDGERS_IN_A_STRETCH: u64 = 10_000;
const LEDGERS_AHEAD: usize = 64;

/// The progress of a backfill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackfillProgress {
    /// The number of ledgers to read.
    pub ledgers_in_all: u64,
    /// The number of ledgers that were read and written.
    pub ledgers: u64,
    /// The number of events that were new.
    pub events: u64,
}

/// Fills the unseen part of `ledgers`, each ledger from the first of `sources` that has it. Ledgers after the cursor
/// are left to the daemon.
///
/// # Errors
/// [`IngestError::NotBegun`] before the contract is indexed; [`StoreError::OtherEpoch`](crate::store::StoreError) if
/// the network starts over meanwhile; otherwise the failure of the last source or the store, with everything before it
/// written.
pub async fn backfill(
    store: &Store,
    contract_id: &ContractId,
    sources: &[WholeLedgers],
    ledgers: LedgerRange,
    mut report: impl FnMut(BackfillProgress),
) -> Result<BackfillProgress, IngestError> {
    let epoch = store.epoch().await?;
    let behind = store.progress(contract_id).await?.ok_or(IngestError::NotBegun)?.last_whole_ledger;
    let covered = store.coverage(contract_id).await?;
    let wanted = LedgerRange::new(ledgers.from(), ledgers.to().min(behind));
    let not_seen = |range| holes(range, covered.iter().map(|covered| covered.ledgers));
    let holes = wanted.map(not_seen).unwrap_or_default();
    let ledgers_in_all = holes.iter().map(|hole| hole.count()).sum();
    let progress = BackfillProgress { ledgers_in_all, ..Default::default() };
    let mut filling = Filling { store, contract_id, epoch, progress };
    report(filling.progress);
    for hole in holes {
        filling.fill(sources, hole, &mut report).await?;
    }
    Ok(filling.progress)
}

/// The outcome of reading a ledger again.
#[derive(Debug)]
pub(super) enum ReadAgain {
    /// It was written, and counts as seen from now on.
    Written,
    /// The source does not have it, or did not answer.
    NotRead(SourceError),
}

/// Reads a ledger behind the cursor from one source, whether it was seen or not.
///
/// # Errors
/// As [`backfill`], except for failures of the source.
pub(super) async fn read_again(
    store: &Store,
    contract_id: &ContractId,
    epoch: Epoch,
    source: &WholeLedgers,
    ledger: LedgerSequence,
) -> Result<ReadAgain, IngestError> {
    let mut filling = Filling { store, contract_id, epoch, progress: BackfillProgress::default() };
    let Reached { ended, .. } = filling.read(source, LedgerRange::only(ledger), &mut |_| {}).await?;
    Ok(ended.map_or(ReadAgain::Written, ReadAgain::NotRead))
}

struct Filling<'a> {
    store: &'a Store,
    contract_id: &'a ContractId,
    /// The chain whose ledgers are read.
    epoch: Epoch,
    progress: BackfillProgress,
}

impl Filling<'_> {
    /// Reads from each source in turn, starting where the previous one had no more ledgers.
    async fn fill(
        &mut self,
        sources: &[WholeLedgers],
        hole: LedgerRange,
        report: &mut impl FnMut(BackfillProgress),
    ) -> Result<(), IngestError> {
        let mut left = Some(hole);
        let mut failure = SourceError::Permanent { detail: "there is no source of whole ledgers".to_owned() };
        for source in sources {
            let Some(range) = left else { return Ok(()) };
            let Reached { ledger, ended } = self.read(source, range, report).await?;
            left = LedgerRange::new(ledger.next(), hole.to());
            if let Some(cause) = ended {
                warn!("{} has no more of ledgers {hole}: {cause}", source.name());
                failure = cause;
            }
        }
        if left.is_none() { Ok(()) } else { Err(failure.into()) }
    }

    async fn read(
        &mut self,
        source: &WholeLedgers,
        range: LedgerRange,
        report: &mut impl FnMut(BackfillProgress),
    ) -> Result<Reached, IngestError> {
        let mut chain = match ChainCheck::of(self.store, source, range.from()).await {
            Ok(chain) => chain,
            Err(failure) => return Ok(Reached { ledger: range.from().previous(), ended: Some(failure) }),
        };
        let (sender, mut ledgers) = mpsc::channel(LEDGERS_AHEAD);
        let reading = source.events(std::slice::from_ref(self.contract_id), range.from()..=range.to(), None, sender);
        let writing = async move {
            let (events, entries) = (Vec::new(), Vec::new());
            let mut stretch = Stretch { from: range.from(), reached: range.from().previous(), events, entries };
            let mut ended = None;
            while let Some(ledger) = ledgers.recv().await {
                let checked = match &ledger {
                    Ok(ledger) => chain.check(ledger).await,
                    Err(_) => Ok(()),
                };
                match checked.and(ledger) {
                    Ok(ledger) => stretch.push(ledger),
                    Err(failure) => {
                        // What comes after a ledger that is not taken would leave a hole.
                        ended = Some(failure);
                        break;
                    }
                }
                if stretch.is_full() {
                    self.write(&mut stretch, source, report).await?;
                }
            }
            self.write(&mut stretch, source, report).await?;
            Ok(Reached { ledger: stretch.reached, ended })
        };
        tokio::join!(reading, writing).1
    }

    async fn write(
        &mut self,
        stretch: &mut Stretch,
        source: &WholeLedgers,
        report: &mut impl FnMut(BackfillProgress),
    ) -> Result<(), IngestError> {
        let Some(ledgers) = LedgerRange::new(stretch.from, stretch.reached) else { return Ok(()) };
        let (events, entries) = (std::mem::take(&mut stretch.events), std::mem::take(&mut stretch.entries));
        let late = LateEvents { events, entries, covered: Some((ledgers, source.coverage_source())) };
        let repaired =
            write_late(self.store, self.contract_id, self.epoch, late).await?.ok_or(IngestError::NotBegun)?;
        stretch.from = stretch.reached.next();
        self.progress.ledgers += ledgers.count();
        self.progress.events += u64::try_from(repaired.events).unwrap_or(u64::MAX);
        report(self.progress);
        Ok(())
    }
}

/// How far one source was read.
struct Reached {
    /// The last ledger that was written.
    ledger: LedgerSequence,
    /// Why the source ended before the range, `None` if it did not.
    ended: Option<SourceError>,
}

/// Ledgers that are written together.
struct Stretch {
    from: LedgerSequence,
    reached: LedgerSequence,
    events: Vec<RawContractEvent>,
    entries: Vec<RawEntryChange>,
}

impl Stretch {
    fn push(&mut self, mut ledger: LedgerEvents) {
        self.reached = ledger.header.sequence;
        self.events.append(&mut ledger.events);
        self.entries.append(&mut ledger.entries);
    }

    fn is_full(&self) -> bool {
        let ledgers = LedgerRange::new(self.from, self.reached).map_or(0, LedgerRange::count);
        self.events.len() >= EVENTS_IN_A_STRETCH || ledgers >= LEDGERS_IN_A_STRETCH
    }
}
