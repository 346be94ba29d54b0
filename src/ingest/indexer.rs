//! The indexer: its parts, and the steps shared by the files of this module. `run.rs` runs it.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{
    args::{OnReset, PaceArgs},
    committer::{CommitterMessage, commit_all},
    error::IngestError,
    follower::{Follower, Walk},
    full_disk::FullDisk,
    reporter::Reporter,
    waits::Waits,
};
use crate::{
    backoff::Backoff,
    domain::{ContractId, ContractVersion, Contracts, EventId, LedgerRange, LedgerSequence},
    source::{Anchor, EndpointPool, KnownChain, WholeLedgers},
    store::{ChainNotes, NetworkRow, SignsOfLife, Store, Writer},
    xdr::{contract_instance_key, decode_contract_version},
};

/// While one batch is written, the next is read and decoded. More would only use memory.
pub(super) const BATCHES_AHEAD: usize = 1;
/// How long a session waits for the versions of its contracts: a standby that takes over must not wait for a silent endpoint.
const VERSION_PATIENCE: Duration = Duration::from_secs(1);

/// What to index.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    /// The passphrase of the network that the source must serve.
    pub network_passphrase: String,
    /// The contracts to follow.
    pub contracts: Contracts,
    /// How eagerly to ask.
    pub pace: PaceArgs,
    /// What to do when the network started over.
    pub on_reset: OnReset,
    /// How long to wait if nothing else determines it.
    pub waits: Waits,
    /// The seed of the random part of waiting times.
    pub seed: u64,
}

/// Follows contracts into one database.
pub struct Indexer {
    pub(super) source: EndpointPool,
    pub(super) whole_ledgers: Vec<WholeLedgers>,
    pub(super) store: Store,
    pub(super) settings: IngestSettings,
    /// Told when events were committed at the tip.
    pub(super) committed_at_tip: Notify,
    /// What the last write met.
    pub(super) full_disk: FullDisk,
}

impl Indexer {
    /// Returns an indexer that has not started. Holes in the source's events are filled from the first of
    /// `whole_ledgers` that has the ledgers.
    #[must_use]
    pub fn new(source: EndpointPool, whole_ledgers: Vec<WholeLedgers>, store: Store, settings: IngestSettings) -> Self {
        let store = store.with_event_effect(settings.pace.records.state.event_effect());
        let full_disk = FullDisk::default();
        Self { source, whole_ledgers, store, settings, committed_at_tip: Notify::const_new(), full_disk }
    }

    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.settings.waits.first_backoff, StdRng::seed_from_u64(self.settings.seed))
    }

    pub(super) const fn poll(&self) -> Duration {
        self.settings.pace.poll_interval
    }

    /// Follows the contracts that have reached the position, and commits.
    pub(super) async fn follow_and_commit(
        &self,
        writer: &mut Writer,
        position: EventId,
        stop: &CancellationToken,
    ) -> Result<(), IngestError> {
        let contract_ids = writer.standing().to_vec();
        let (committer, receiver) = mpsc::channel(BATCHES_AHEAD);
        let of_writer = (writer.signs_of_life(), writer.chain_notes());
        let (follower, walk) = self.follower(&contract_ids, position, committer, of_writer).await?;
        tokio::try_join!(
            Box::pin(follower.follow(walk, stop)),
            Box::pin(commit_all(&self.store, writer, receiver, (&self.committed_at_tip, &self.full_disk)))
        )?;
        Ok(())
    }

    /// Returns a follower of these contracts after a position, and the walk that it starts with.
    pub(super) async fn follower<'a>(
        &'a self,
        contract_ids: &'a [ContractId],
        position: EventId,
        committer: mpsc::Sender<CommitterMessage>,
        (signs, notes): (SignsOfLife, ChainNotes),
    ) -> Result<(Follower<'a>, Walk), IngestError> {
        let whole = EventId::end_of_ledger(position.last_whole_ledger());
        let network = self.store.network().await?;
        let seen = network.as_ref().and_then(|network| network.seen);
        let known_close = self.store.newest_close_up_to(whole).await?.max(seen);
        let epoch = network.map(|network| network.epoch).unwrap_or_default();
        let follower = Follower {
            source: &self.source,
            whole_ledgers: &self.whole_ledgers,
            store: &self.store,
            notes,
            contract_ids,
            epoch,
            pace: &self.settings.pace,
            look_again: self.settings.waits.hole,
            backoff: self.backoff(),
            reporter: self.reporter(contract_ids).await,
            committer,
            signs,
            stall_logged: false,
        };
        let mut walk = Walk::new(position, known_close, self.poll());
        walk.given_up = self.passed_over(contract_ids, position.last_whole_ledger()).await?;
        Ok((follower, walk))
    }

    /// Returns a reporter about these contracts.
    pub(super) async fn reporter(&self, contract_ids: &[ContractId]) -> Reporter {
        Reporter::after_the_last(self.store.clone(), contract_ids.to_vec(), self.full_disk.clone()).await
    }

    /// Returns the part of an accepted gap that the index has passed, if the gap continues: an indexer that ended
    /// before a source answered has not narrowed the gap.
    async fn passed_over(
        &self,
        contract_ids: &[ContractId],
        whole: LedgerSequence,
    ) -> Result<Option<LedgerRange>, IngestError> {
        let mut passed: Option<LedgerRange> = None;
        for contract_id in contract_ids {
            let accepted = self.store.accepted_gaps(contract_id).await?;
            let begun = accepted.iter().filter(|gap| gap.contains(whole) && gap.contains(whole.next()));
            let from = begun.map(|gap| gap.from()).min().into_iter().chain(passed.map(LedgerRange::from)).max();
            passed = from.and_then(|from| LedgerRange::new(from, whole));
        }
        Ok(passed)
    }

    /// Reads the ledger that identifies the chain. The pool compares every endpoint with it and with the passphrase.
    pub(super) async fn take_up_network(&self) -> Result<Option<NetworkRow>, IngestError> {
        let network = self.store.network().await?;
        let known = network.as_ref().and_then(|network| network.known.clone());
        let anchor = known.map(|known| Anchor { sequence: known.sequence, hash: known.hash });
        let closed = network.as_ref().and_then(|network| network.seen);
        self.source.set_chain(KnownChain { anchor, closed });
        Ok(network)
    }

    /// Reads which rules each contract follows now, so that a catch-up takes no creation of its second version for one of
    /// its first. Without an answer the events tell it, later.
    pub(super) async fn note_versions(&self) -> Result<(), IngestError> {
        let keys: Vec<String> = self.settings.contracts.iter().map(contract_instance_key).collect();
        let answer = match timeout(VERSION_PATIENCE, self.source.ledger_entries(&keys)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => {
                debug!("no contract was asked for its version: {failure}");
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        for (contract_id, key) in self.settings.contracts.iter().zip(&keys) {
            let instance = answer.entries.get(key);
            let version = instance.and_then(|instance| decode_contract_version(&instance.xdr).ok()).unwrap_or_default();
            if version >= ContractVersion::Second {
                self.store.note_second_version(contract_id).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn become_writer(&self) -> Result<Writer, IngestError> {
        let mut standby_logged = false;
        loop {
            if let Some(writer) = Writer::try_acquire(&self.store, self.settings.contracts.clone()).await? {
                return Ok(writer);
            }
            self.full_disk.clear();
            if !standby_logged {
                info!("another indexer writes to this database; standing by");
                standby_logged = true;
            }
            sleep(self.settings.waits.standby).await;
        }
    }
}
