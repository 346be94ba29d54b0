//! Derives everything again, in a schema beside the live one, which it then replaces. Raw events come from the stored
//! rows, or from whole ledgers. The daemon may keep running meanwhile.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::{
    batcher::Batcher,
    chain_check::ChainCheck,
    committer::index_for_queries,
    error::IngestError,
    follower::EVENTS_IN_A_BATCH,
    incoming::decode_page,
    late::{LateEvents, fold_again, write_late},
    ledger_page::PageOfLedgers,
};
use crate::{
    domain::{ContractId, CoverageSource, Epoch, EventId, LedgerRange, RawContractEvent, StreamId, StreamKey},
    source::{EventPage, SourceError, WholeLedgers},
    store::{Records, RevisedSince, Store, StoreError, Swap, Writer},
};

/// Identifies the code that decodes and folds: a hash of its source (`build.rs`).
const DECODER: &str = env!("FLOWFI_DECODER");
const CHUNK: u32 = 10_000;
/// How many streams are folded again in one transaction.
const STREAMS_AT_ONCE: usize = 200;
const LEDGERS_AHEAD: usize = 64;
/// How many streams with changed records are named.
pub const NAMED_STREAMS: u32 = 10;

/// The records of all contracts in a database while they are being rebuilt, one contract after the other.
#[derive(Debug)]
pub struct Reindex<'a> {
    store: &'a Store,
    built: Store,
    writer: Writer,
    epoch: Epoch,
    /// The code that builds, and its input.
    origin: String,
    /// For each contract, the position up to which the streams with a baseline were folded from it.
    folded: HashMap<ContractId, EventId>,
}

/// The progress of a reindex.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReindexProgress {
    /// The number of events to read; of ledgers, if the chain is read.
    pub in_all: u64,
    /// How many were read in this run.
    pub done: u64,
}

/// The result of a reindex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reindexed {
    /// What was read in this run.
    pub progress: ReindexProgress,
    /// The first streams whose records changed, at most [`NAMED_STREAMS`].
    pub changed: Vec<StreamKey>,
}

impl<'a> Reindex<'a> {
    /// Starts to build from the stored rows, or continues an interrupted run if that was built from the same rows of
    /// the same chain by the same decoder.
    ///
    /// # Errors
    /// [`IngestError::NotBegun`] before any contract is indexed; [`StoreError::AnotherReindex`] while one is running;
    /// those of the store.
    pub async fn open(store: &'a Store) -> Result<Self, IngestError> {
        Self::open_with(store, DECODER.to_owned()).await
    }

    /// The same from the chain: a build from stored rows is dropped.
    ///
    /// # Errors
    /// As [`Reindex::open`].
    pub async fn open_from_chain(store: &'a Store) -> Result<Self, IngestError> {
        Self::open_with(store, format!("{DECODER} from the chain")).await
    }

    async fn open_with(store: &'a Store, decoder: String) -> Result<Self, IngestError> {
        let ignored: Vec<&str> = store.harmless_fields().names().collect();
        let origin =
            if ignored.is_empty() { decoder } else { format!("{decoder}, which ignores {}", ignored.join(", ")) };
        let epoch = store.network().await?.ok_or(IngestError::NotBegun)?.epoch;
        let first = store.contracts().await?.into_iter().next().ok_or(IngestError::NotBegun)?;
        let built = store.open_reindex(&origin).await?;
        let Some(writer) = Writer::try_acquire_apart(&built, first).await? else {
            store.expect_no_reindex().await?;
            return Err(StoreError::Fenced.into());
        };
        // Another reindex may have started with other input before we took the lock.
        if !store.is_building(&origin).await? {
            return Err(StoreError::Fenced.into());
        }
        Ok(Self { store, built, writer, epoch, origin, folded: HashMap::new() })
    }

    /// Reads every covered ledger of each contract from the chain, each from the first source that has it. Later
    /// ledgers, and those that were given up, are left to the stored rows.
    ///
    /// # Errors
    /// Those of the sources, if none has a ledger; those of the store. The live tables are unchanged.
    pub async fn read_chain(
        &mut self,
        sources: &[WholeLedgers],
        mut report: impl FnMut(ReindexProgress),
    ) -> Result<(), IngestError> {
        let mut progress = ReindexProgress::default();
        for contract_id in self.store.contracts().await? {
            self.building(&contract_id).await?.read_chain(sources, &mut progress, &mut report).await?;
        }
        Ok(())
    }

    /// Reads the stored rows after what was built. Rows that are written meanwhile are added before the swap.
    ///
    /// # Errors
    /// Those of the store. The live tables are unchanged.
    pub async fn read_stored(&mut self, mut report: impl FnMut(ReindexProgress)) -> Result<(), IngestError> {
        let mut progress = ReindexProgress::default();
        for contract_id in self.store.contracts().await? {
            self.building(&contract_id).await?.read_stored(&mut progress, &mut report).await?;
        }
        Ok(())
    }

    /// Reads the stored rows after what was built, and replaces the live tables with the build. Before that, it adds
    /// what was written behind its position meanwhile: late rows, and entries from the chain.
    ///
    /// # Errors
    /// [`StoreError::BuildSuperseded`] if the network started over meanwhile; those of the store. The live tables are
    /// unchanged.
    pub async fn read_stored_and_swap(
        mut self,
        mut report: impl FnMut(ReindexProgress),
    ) -> Result<Reindexed, IngestError> {
        let mut progress = ReindexProgress::default();
        loop {
            let revised = self.store.revised_since_build().await?;
            let mut built = Vec::new();
            for contract_id in self.store.contracts().await? {
                let position = self.take_up(&contract_id, revised, &mut progress, &mut report).await?;
                built.push((contract_id, position));
            }
            self.store.copy_late_marks_to_build().await?;
            self.store.copy_lifetimes_to_build().await?;
            if let Some(revised) = revised {
                self.store.note_built_revision(revised.revision).await?;
            }
            index_for_queries(&mut self.writer).await?;
            let changed = self.store.changed_by_build(NAMED_STREAMS).await?;
            match self.store.swap_reindex(&self.origin, &built).await? {
                Swap::Done => return Ok(Reindexed { progress, changed }),
                Swap::Again => {}
            }
        }
    }

    /// Adds everything of a contract that the build lacks. Returns the position up to which the build is complete.
    ///
    /// Streams with a baseline are folded from it last, because earlier events may have been applied to the baseline
    /// before.
    async fn take_up(
        &mut self,
        contract_id: &ContractId,
        revised: Option<RevisedSince>,
        progress: &mut ReindexProgress,
        report: &mut impl FnMut(ReindexProgress),
    ) -> Result<EventId, IngestError> {
        if let Some(revised) = revised {
            self.read_again(contract_id, revised).await?;
        }
        let mut building = self.building(contract_id).await?;
        building.read_stored(progress, report).await?;
        let position = building.position;
        // After the events: an entry may only come with or after those that it follows.
        let mut based = self.store.copy_baselines_to_build(contract_id).await?;
        let folded = self.folded.get(contract_id).copied().unwrap_or(EventId::ZERO);
        based.extend(self.built.based_streams_after(contract_id, folded).await?);
        self.fold_from_baselines(contract_id, based).await?;
        self.folded.insert(contract_id.clone(), position);
        Ok(position)
    }

    /// Reads the stored rows of a range again, and writes the ones that the build lacks.
    async fn read_again(&mut self, contract_id: &ContractId, revised: RevisedSince) -> Result<(), IngestError> {
        let mut after = EventId::ZERO;
        loop {
            let events = self.store.raw_events_after(contract_id, after.max(before(revised.from)), CHUNK).await?;
            let Some(last) = events.last() else { return Ok(()) };
            after = last.id;
            let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
            let known = self.built.known_among(&ids).await?;
            let is_lacking = |event: &RawContractEvent| event.id <= revised.to && !known.contains(&event.id);
            let events: Vec<RawContractEvent> = events.into_iter().filter(is_lacking).collect();
            if !events.is_empty() {
                let late = LateEvents { events, ..LateEvents::default() };
                write_late(&self.built, contract_id, self.epoch, late).await?;
            }
            if after > revised.to {
                return Ok(());
            }
        }
    }

    async fn fold_from_baselines(
        &self,
        contract_id: &ContractId,
        mut streams: Vec<StreamId>,
    ) -> Result<(), IngestError> {
        streams.sort_unstable();
        streams.dedup();
        for streams in streams.chunks(STREAMS_AT_ONCE) {
            fold_again(&self.built, contract_id, self.epoch, streams).await?;
        }
        Ok(())
    }

    /// Continues a contract where its build was left.
    async fn building<'b>(&'b mut self, contract_id: &'b ContractId) -> Result<Building<'b>, IngestError> {
        let begun = self.store.progress(contract_id).await?.ok_or(IngestError::NotBegun)?;
        self.writer.turn_to(contract_id.clone()).await?;
        let position = match self.writer.position() {
            Some(position) => position,
            None => self.writer.start_at(begun.from_ledger).await?,
        };
        Ok(Building { store: self.store, contract_id, built: &self.built, writer: &mut self.writer, position })
    }
}

/// One contract's records while they are being rebuilt.
struct Building<'a> {
    store: &'a Store,
    contract_id: &'a ContractId,
    built: &'a Store,
    writer: &'a mut Writer,
    position: EventId,
}

impl Building<'_> {
    async fn read_chain(
        &mut self,
        sources: &[WholeLedgers],
        progress: &mut ReindexProgress,
        report: &mut impl FnMut(ReindexProgress),
    ) -> Result<(), IngestError> {
        let covered = self.store.coverage(self.contract_id).await?;
        let next = self.position.last_whole_ledger().next();
        let left = |ledgers: LedgerRange| LedgerRange::new(ledgers.from().max(next), ledgers.to());
        let ranges: Vec<LedgerRange> = covered.iter().filter_map(|covered| left(covered.ledgers)).collect();
        progress.in_all += ranges.iter().map(|range| range.count()).sum::<u64>();
        for range in ranges {
            let mut batcher = Batcher::new(self.position, EVENTS_IN_A_BATCH);
            if self.position.last_whole_ledger().next() < range.from() {
                self.read_stored_up_to(EventId::end_of_ledger(range.from().previous())).await?;
                batcher = Batcher::new(self.position, EVENTS_IN_A_BATCH);
            }
            let mut rest = Some(range);
            let mut failure = SourceError::Permanent { detail: "there is no source of whole ledgers".to_owned() };
            for source in sources {
                let Some(range) = rest else { break };
                if let Some(cause) = self.read_ledgers(source, range, &mut batcher, progress, report).await? {
                    failure = cause;
                }
                rest = LedgerRange::new(self.position.last_whole_ledger().next(), range.to());
            }
            if rest.is_some() {
                return Err(failure.into());
            }
        }
        Ok(())
    }

    /// Returns why the source ended before the range, `None` if it did not.
    async fn read_ledgers(
        &mut self,
        source: &WholeLedgers,
        range: LedgerRange,
        batcher: &mut Batcher,
        progress: &mut ReindexProgress,
        report: &mut impl FnMut(ReindexProgress),
    ) -> Result<Option<SourceError>, IngestError> {
        let mut chain = match ChainCheck::of(self.store, source, range.from()).await {
            Ok(chain) => chain,
            Err(failure) => return Ok(Some(failure)),
        };
        let (sender, mut ledgers) = mpsc::channel(LEDGERS_AHEAD);
        let reading = source.events(std::slice::from_ref(self.contract_id), range.from()..=range.to(), None, sender);
        let writing = async move {
            let (mut page, mut ended) = (PageOfLedgers::default(), None);
            loop {
                let mut ledger = ledgers.recv().await;
                if let Some(Ok(read)) = &ledger
                    && let Err(failure) = chain.check(read).await
                {
                    ledger = Some(Err(failure));
                }
                // Writing anything after a rejected ledger would leave a hole.
                let is_last = !matches!(ledger, Some(Ok(_)));
                match ledger {
                    Some(Ok(ledger)) => page.push(ledger),
                    Some(Err(failure)) => ended = Some(failure),
                    None => {}
                }
                if (is_last || page.is_full())
                    && let Some(page) = page.take(source.coverage_source())
                {
                    progress.done += u64::from(page.cursor.ledger().0 - self.position.last_whole_ledger().0);
                    self.build(batcher, page).await?;
                    report(*progress);
                }
                if is_last {
                    return Ok(ended);
                }
            }
        };
        tokio::join!(reading, writing).1
    }

    /// Reads the stored rows after what was built.
    async fn read_stored(
        &mut self,
        progress: &mut ReindexProgress,
        report: &mut impl FnMut(ReindexProgress),
    ) -> Result<(), IngestError> {
        progress.in_all += self.store.count_raw_events(self.contract_id, self.position).await?;
        report(*progress);
        loop {
            let mut batcher = Batcher::new(self.position, EVENTS_IN_A_BATCH);
            let mut after = self.position;
            while let Some(page) = self.stored_after(after).await? {
                after = page.cursor;
                progress.done += u64::try_from(page.events.len()).unwrap_or(u64::MAX);
                self.build(&mut batcher, page).await?;
                report(*progress);
            }
            if self.position == after {
                return Ok(());
            }
        }
    }

    /// Reads the stored rows of ledgers that are not read from the chain.
    async fn read_stored_up_to(&mut self, end: EventId) -> Result<(), IngestError> {
        let mut batcher = Batcher::new(self.position, EVENTS_IN_A_BATCH);
        let mut after = self.position;
        while after < end {
            let mut page = self.stored_after(after).await?.unwrap_or_else(|| page_of(end, Vec::new()));
            page.events.retain(|event| event.id <= end);
            if page.cursor >= end || !page.is_full {
                (page.cursor, page.latest_ledger, page.is_full) = (end, end.ledger(), false);
            }
            after = page.cursor;
            self.build(&mut batcher, page).await?;
        }
        Ok(())
    }

    async fn stored_after(&self, after: EventId) -> Result<Option<EventPage>, IngestError> {
        let events = self.store.raw_events_after(self.contract_id, after, CHUNK).await?;
        let last = events.last().map(|last| last.id);
        Ok(last.map(|last| page_of(last, events)))
    }

    async fn build(&mut self, batcher: &mut Batcher, mut page: EventPage) -> Result<(), IngestError> {
        let incoming = decode_page(&mut page, self.store.harmless_fields()).await;
        for mut batch in batcher.push(incoming, &page) {
            // Move to the end of the transaction. A late event of the same transaction then counts as late, and its
            // stream is folded again: a fee takes its parties from the creation that follows it.
            batch.position = batch.position.end_of_transaction();
            self.position = batch.position;
            let prepared = self.built.prepare(batch, &Records::default()).await?;
            self.writer.commit(prepared).await?;
        }
        Ok(())
    }
}

/// Returns a position before an event and after every event of earlier operations.
fn before(event: EventId) -> EventId {
    EventId::from_parts(event.toid().saturating_sub(1), i64::from(u32::MAX)).unwrap_or(EventId::ZERO)
}

/// A full chunk may end inside a transaction; any other ends at the end of the table.
fn page_of(last: EventId, events: Vec<RawContractEvent>) -> EventPage {
    EventPage {
        cursor: last,
        is_full: u32::try_from(events.len()) == Ok(CHUNK),
        events,
        entries: Vec::new(),
        latest_ledger: last.ledger(),
        latest_ledger_closed_at: None,
        oldest_ledger: None,
        source: CoverageSource::Rpc,
    }
}
