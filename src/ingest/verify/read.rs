//! Both sides of the proof, read in the order that makes them comparable: the chain first, then ours.

use std::{collections::HashMap, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::{
    compare::{ChainEntry, Seen},
    draw,
};
use crate::{
    backoff::Backoff,
    domain::{ContractId, Epoch, HarmlessFields, LedgerSequence, StreamId},
    ingest::{error::IngestError, waits::Waits},
    source::{Anchor, EndpointPool, LedgerEntries, SourceError},
    store::{Store, StoreError},
    xdr::{contract_instance_key, decode_stream_count, decode_stream_ledger_entry, stream_entry_key},
};

/// Stellar RPC takes 200 keys; one is the contract's count of streams.
pub(super) const KEYS_AT_ONCE: usize = 199;
/// After this many failures in a row a proof gives the source up.
const FAILURES_IN_A_ROW: u32 = 8;
/// How many stream numbers are read from the database at once.
const RECORDS_AT_ONCE: u32 = 10_000;
/// How often to look whether the index has got further.
const POLL: Duration = Duration::from_millis(50);

/// Who reads.
pub(super) struct Reading<'a> {
    pub(super) store: &'a Store,
    pub(super) contract_id: &'a ContractId,
    source: &'a EndpointPool,
    /// The chain that is read.
    pub(super) epoch: Epoch,
    instance_key: String,
    /// What is left of the time to wait for the index.
    patience: Duration,
    rng: StdRng,
    backoff: Backoff,
    /// Whether the parties of event rows are read too, which takes every event of each stream.
    pub(super) reads_parties: bool,
    failures_in_a_row: u32,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        store: &'a Store,
        source: &'a EndpointPool,
        contract_id: &'a ContractId,
        epoch: Epoch,
        patience: Duration,
        mut rng: StdRng,
    ) -> Self {
        let backoff = Backoff::new(Waits::default().first_backoff, StdRng::seed_from_u64(rng.random()));
        Self {
            store,
            contract_id,
            source,
            epoch,
            instance_key: contract_instance_key(contract_id),
            patience,
            rng,
            backoff,
            reads_parties: true,
            failures_in_a_row: FAILURES_IN_A_ROW,
        }
    }

    /// Reads only records, asks once and waits for nothing: the caller looks again soon.
    pub(super) const fn without_patience(mut self) -> Self {
        self.patience = Duration::ZERO;
        self.failures_in_a_row = 0;
        self.reads_parties = false;
        self
    }

    /// Returns how many streams the contract has created, if it says.
    pub(super) async fn stream_count(&mut self) -> Result<Option<u64>, IngestError> {
        let answer = self.ask(&[]).await?;
        Ok(self.count_in(&answer))
    }

    /// Returns the numbers to look at after one: every one up to `known`, and then those that there are records of.
    pub(super) async fn next_ids(&self, after: StreamId, known: u64) -> Result<Vec<StreamId>, IngestError> {
        if after.0 < known {
            return Ok((after.0 + 1..=known).take(KEYS_AT_ONCE).map(StreamId).collect());
        }
        let limit = u32::try_from(KEYS_AT_ONCE).expect("a small number");
        Ok(self.store.stream_ids_above(self.contract_id, after, limit).await?)
    }

    /// Returns `count` different streams of the first `highest`.
    pub(super) fn draw(&mut self, count: u64, highest: u64) -> Vec<StreamId> {
        draw(&mut self.rng, count, highest)
    }

    /// Returns `count` different streams among those with a record, each as likely as any other.
    pub(super) async fn draw_of_records(&mut self, count: u64) -> Result<Vec<StreamId>, IngestError> {
        let mut drawn: Vec<StreamId> = Vec::new();
        let (mut after, mut passed) = (StreamId(0), 0_u64);
        loop {
            let chunk = self.store.stream_ids_above(self.contract_id, after, RECORDS_AT_ONCE).await?;
            let Some(last) = chunk.last() else { break };
            after = *last;
            for stream_id in chunk {
                passed += 1;
                // The n-th stream replaces one that was drawn, with a probability of count / n.
                if passed <= count {
                    drawn.push(stream_id);
                } else if let Ok(place) = usize::try_from(self.rng.random_range(0..passed))
                    && let Some(other) = drawn.get_mut(place)
                {
                    *other = stream_id;
                }
            }
        }
        drawn.sort_unstable();
        Ok(drawn)
    }

    /// Asks the chain for these streams and reads our records after it, once they hold what the answer rests on or
    /// patience is at an end.
    pub(super) async fn look(&mut self, wanted: &[StreamId]) -> Result<Seen, IngestError> {
        let keys: Vec<String> = wanted.iter().map(|id| stream_entry_key(self.contract_id, *id)).collect();
        let answer = self.ask(&keys).await?;
        let mut seen = Seen {
            at_ledger: answer.latest_ledger,
            count: self.count_in(&answer),
            entries: entries_of(wanted, &keys, &answer, self.store.harmless_fields()),
            records: HashMap::new(),
            live_until: HashMap::new(),
            parties: HashMap::new(),
            whole: LedgerSequence(0),
        };
        let began = Instant::now();
        loop {
            self.read_ours(&mut seen, wanted).await?;
            if seen.needs(wanted) <= seen.whole || began.elapsed() >= self.patience {
                break;
            }
            sleep(POLL).await;
        }
        self.patience = self.patience.saturating_sub(began.elapsed());
        Ok(seen)
    }

    /// Waits a moment, in which what moves may come to rest and a node that is behind catch up.
    pub(super) async fn pause(&self) {
        sleep(POLL).await;
    }

    /// The position is read before the records, so that they hold at least what it says.
    async fn read_ours(&self, seen: &mut Seen, wanted: &[StreamId]) -> Result<(), IngestError> {
        let progress = self.store.progress(self.contract_id).await?.ok_or(IngestError::NotBegun)?;
        seen.whole = progress.last_whole_ledger;
        let records = self.store.streams(self.contract_id, wanted).await?;
        seen.records = records.into_iter().map(|record| (record.stream_id, record)).collect();
        let absent: Vec<StreamId> = wanted.iter().copied().filter(|id| !seen.entries.contains_key(id)).collect();
        seen.live_until = self.store.lifetimes(self.contract_id, &absent).await?;
        if self.reads_parties {
            seen.parties = self.store.event_parties(self.contract_id, wanted).await?;
        }
        Ok(())
    }

    fn count_in(&self, answer: &LedgerEntries) -> Option<u64> {
        let instance = answer.entries.get(&self.instance_key)?;
        decode_stream_count(&instance.xdr).inspect_err(|refusal| debug!("no count of streams: {refusal}")).ok()
    }

    async fn ask(&mut self, keys: &[String]) -> Result<LedgerEntries, IngestError> {
        self.backoff.reset();
        let mut failures = 0;
        loop {
            match self.source.contract_entries(self.contract_id, keys).await {
                Ok(answer) => return Ok(answer),
                Err(failure @ SourceError::Transient { retry_after, .. }) if failures < self.failures_in_a_row => {
                    failures += 1;
                    let wait = self.backoff.delay(retry_after);
                    warn!(wait_ms = wait.as_millis(), "the source failed and will be asked again: {failure}");
                    sleep(wait).await;
                    self.take_newer_anchor().await?;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// The endpoints may have dropped the ledger that the chain was known by when the proof began; the indexer notes newer
    /// ones. After a reset of the network nobody will ever have it again.
    async fn take_newer_anchor(&self) -> Result<(), IngestError> {
        let Some(network) = self.store.network().await? else { return Ok(()) };
        if network.epoch != self.epoch {
            return Err(StoreError::OtherEpoch { read_in: self.epoch, now: network.epoch }.into());
        }
        if let Some(known) = network.known {
            self.source.set_anchor(Some(Anchor { sequence: known.sequence, hash: known.hash }));
        }
        Ok(())
    }
}

fn entries_of(
    wanted: &[StreamId],
    keys: &[String],
    answer: &LedgerEntries,
    harmless: &HarmlessFields,
) -> HashMap<StreamId, ChainEntry> {
    let found = wanted.iter().zip(keys).filter_map(|(id, key)| Some((*id, answer.entries.get(key)?)));
    let entry = |(id, found): (StreamId, &crate::source::FoundEntry)| {
        let (entry, xdr) = (decode_stream_ledger_entry(&found.xdr, harmless), found.xdr.clone());
        let (last_modified, live_until) = (found.last_modified_ledger, found.live_until_ledger);
        (id, ChainEntry { entry, xdr, last_modified, live_until })
    };
    found.map(entry).collect()
}
