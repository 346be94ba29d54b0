//! Resets of the network: when they happen, when they reach each endpoint, and what happens to the earlier chains.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use flowfi_indexer::{
    devnet::Fault,
    domain::{EventId, LedgerSequence},
};
use rand::{Rng, seq::IteratorRandom};
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chain::History,
    losses::Losses,
    world::{ARCHIVE, World},
};

const MOST_RESETS: usize = 3;
/// A chain with fewer ledgers than this is not started over while an indexer watches.
const LEAST_LEDGERS: u32 = 5;
/// A chain that starts over while nobody watches may grow this far beyond the previous one.
const MOST_BEYOND: u32 = 6;
/// The number of ledgers in a partition of a public lake.
const PARTITION: u32 = 64_000;

/// The earlier chains, and the live one.
#[derive(Default)]
pub struct Epochs {
    /// The epoch in which the index has the live chain, or will have it once it has noticed the reset.
    live: Arc<AtomicI32>,
    /// The earlier chains, in order.
    pub past: Vec<Past>,
    /// A lake of the previous chain that is still configured.
    pub old_lake: Option<PathBuf>,
    /// Endpoints that still serve the previous chain.
    left_behind: BTreeSet<&'static str>,
    /// Until the reset is noticed, the chain stays shorter than this: a longer one cannot be told apart from the
    /// previous one by a node that never fails.
    shorter_than: Option<LedgerSequence>,
}

/// A chain that ended with a reset.
pub struct Past {
    pub history: History,
    pub losses: Losses,
    /// The epoch in which the index had it; `None` if it ended before anything of it was indexed.
    pub epoch: Option<i32>,
}

/// What the index contains.
struct Held {
    epoch: i32,
    cursor: Option<EventId>,
    known: Option<LedgerSequence>,
}

impl Held {
    /// Returns the ledger that identifies the chain. A shorter chain is behind everything that is indexed; a longer one
    /// has another ledger there. `None` while that ledger itself is not indexed yet: a chain in between could not be
    /// recognized.
    fn bound(&self) -> Option<LedgerSequence> {
        let whole = self.cursor?.last_whole_ledger();
        self.known.filter(|known| *known <= whole)
    }
}

impl Epochs {
    pub fn live(&self) -> i32 {
        self.live.load(Ordering::Relaxed)
    }

    /// Returns the number of the latest epoch, which the index must not exceed while the world runs.
    pub fn most(&self) -> Arc<AtomicI32> {
        Arc::clone(&self.live)
    }

    pub fn past_of(&self, epoch: i32) -> Option<&Past> {
        self.past.iter().find(|past| past.epoch == Some(epoch))
    }

    pub fn are_some_left_behind(&self) -> bool {
        !self.left_behind.is_empty()
    }

    /// Records that all faults at this endpoint have ended, so that it serves the live chain.
    pub fn has_caught_up(&mut self, endpoint: &str) {
        self.left_behind.remove(endpoint);
    }
}

impl World<'_> {
    async fn held(&self) -> Held {
        let network = self.control().network().await.unwrap();
        let epoch = network.as_ref().map_or(0, |network| i32::try_from(network.epoch.0).unwrap());
        let known = network.and_then(|network| network.known).map(|known| known.sequence);
        Held { epoch, cursor: self.cursor().await, known }
    }

    /// Returns whether the index contains the live chain and has begun.
    pub async fn is_settled(&self) -> bool {
        if self.epochs.past.is_empty() {
            return true;
        }
        let held = self.held().await;
        held.epoch == self.epochs.live() && held.cursor.is_some()
    }

    /// Returns whether another ledger may close.
    pub async fn may_close(&mut self) -> bool {
        let Some(bound) = self.epochs.shorter_than else { return true };
        if self.is_settled().await {
            self.epochs.shorter_than = None;
        }
        self.epochs.shorter_than.is_none() || self.chain.devnet.latest_ledger().next() < bound
    }

    /// Waits until the index contains the live chain. The tip alone does not always reveal a reset; then the ledger
    /// that identifies the chain does, once the live chain has it.
    pub async fn settle(&mut self) -> Result<(), String> {
        self.let_run(150).await;
        if !self.is_settled().await
            && let Some(bound) = self.epochs.shorter_than.take()
        {
            self.end_indexers().await;
            let missing = (bound.0 + 1).saturating_sub(self.chain.devnet.latest_ledger().0);
            self.chain.close_quiet(&mut self.rng, missing);
            self.tell(format!("ledgers up to {}, for a new indexer to see", self.chain.devnet.latest_ledger()));
            self.start_indexer(false).await;
        }
        self.until("the index contains the live chain", async |world| world.is_settled().await).await
    }

    /// Starts the network over, with or without indexers watching.
    pub async fn start_over(&mut self) -> Result<(), String> {
        if self.epochs.past.len() >= MOST_RESETS {
            return Ok(());
        }
        let is_watched = self.rng.random_ratio(2, 3);
        if !is_watched {
            self.end_indexers().await;
        }
        let held = self.held().await;
        let is_noticed = held.epoch == self.epochs.live();
        let is_empty = !is_watched && self.is_index_empty().await;
        let is_indexed = is_noticed && !is_empty;
        let left_behind = if is_indexed { self.draw_left_behind() } else { BTreeSet::new() };
        let must_be_short = is_watched || !left_behind.is_empty();
        let bound = held.bound().unwrap_or(LedgerSequence(0));
        let is_too_young = bound.0 <= if must_be_short { LEAST_LEDGERS } else { 0 };
        if is_indexed && is_too_young || is_watched && !is_noticed {
            self.tell("no reset: the chain is too young");
        } else {
            self.reset_to(left_behind, is_indexed.then_some(held.epoch)).await;
            self.epochs.shorter_than =
                if is_indexed { must_be_short.then_some(bound) } else { self.epochs.shorter_than };
            self.go_on_after_the_reset(is_watched).await;
            if is_indexed && self.chain.devnet.latest_ledger() < bound {
                self.epochs.shorter_than = Some(bound);
            }
        }
        if self.indexers.is_empty() {
            self.start_indexer(false).await;
        }
        Ok(())
    }

    fn draw_left_behind(&mut self) -> BTreeSet<&'static str> {
        if self.rng.random() {
            return BTreeSet::new();
        }
        let count = self.rng.random_range(1..=self.endpoints().len());
        let mut left_behind: BTreeSet<_> =
            self.endpoints().iter().copied().choose_multiple(&mut self.rng, count).into_iter().collect();
        if self.rng.random_ratio(1, 3) {
            left_behind.insert(ARCHIVE);
        }
        left_behind
    }

    async fn is_index_empty(&self) -> bool {
        let look = "select not exists (select from stream_events)
                       and not exists (select from network where known_ledger is not null)";
        sqlx::query_scalar(look).fetch_one(&self.place.database.control).await.unwrap()
    }

    /// Starts the network over. `epoch` is the one in which the index has the chain that ends.
    async fn reset_to(&mut self, left_behind: BTreeSet<&'static str>, epoch: Option<i32>) {
        if self.indexers.len() == 1 && self.rng.random() {
            self.start_indexer(false).await;
            self.tell("a standby");
        }
        self.tell(format!(
            "the network starts over after ledger {}, not yet at {left_behind:?}",
            self.chain.devnet.latest_ledger()
        ));
        self.keep_the_old_lake();
        self.chain.devnet.clear_faults();
        self.stray_is_back();
        for endpoint in &left_behind {
            self.chain.devnet.inject_at(endpoint, Fault::BeforeReset, None).unwrap();
        }
        self.epochs.left_behind = left_behind;
        if epoch.is_some() {
            self.epochs.live.fetch_add(1, Ordering::Relaxed);
        }
        let history = self.chain.start_over().await;
        let losses = std::mem::take(&mut self.losses);
        self.epochs.past.push(Past { history, losses, epoch });
    }

    /// Copies the lake of the chain that ends, in some worlds: the network empties its own.
    fn keep_the_old_lake(&mut self) {
        self.epochs.old_lake = None;
        let folder = &self.place.old_lake_folder;
        let _ = fs::remove_dir_all(folder);
        if self.rng.random_ratio(1, 3) {
            let all = LedgerSequence(2)..=self.chain.devnet.latest_ledger();
            self.chain.devnet.write_lake(folder, 1, PARTITION, all).unwrap();
            self.epochs.old_lake = Some(folder.clone());
        }
    }

    /// Lets the new chain grow. A writer may be killed before or while it notices the reset.
    async fn go_on_after_the_reset(&mut self, is_watched: bool) {
        let old = self.epochs.past.last().and_then(|past| past.history.hashes.keys().next_back().copied());
        let most = if is_watched { 3 } else { old.map_or(0, |ledger| ledger.0) + MOST_BEYOND };
        let ledgers = self.rng.random_range(1..=most);
        self.close_ledgers(ledgers).await;
        if is_watched && self.rng.random_ratio(1, 3) {
            self.let_run(40).await;
            self.tell("kill -9 of the first indexer");
            drop(self.indexers.remove(0));
        }
    }

    /// Lets one more endpoint serve the live chain.
    pub fn let_one_catch_up(&mut self) {
        if let Some(endpoint) = self.epochs.left_behind.iter().copied().choose(&mut self.rng) {
            self.chain.devnet.clear_faults_at(endpoint);
            self.epochs.has_caught_up(endpoint);
            self.tell(format!("the network starts over at {endpoint} too"));
        }
    }

    /// Ends the faults of all endpoints.
    pub fn end_faults(&mut self) {
        self.chain.devnet.clear_faults();
        self.epochs.left_behind.clear();
        self.stray_is_back();
    }

    /// Checks that every chain that was indexed is archived once, with everything up to where it was indexed.
    pub async fn compare_archives(&self) -> Result<(), String> {
        let found: Vec<String> = sqlx::query_scalar(
            "select nspname::text from pg_namespace where nspname like 'flowfi\\_epoch\\_%' order by 1",
        )
        .fetch_all(&self.place.database.control)
        .await
        .unwrap();
        let expected: Vec<String> = (0..self.epochs.live()).map(|epoch| format!("flowfi_epoch_{epoch}")).collect();
        if found != expected {
            return Err(format!("the archives are {found:?}, not {expected:?}"));
        }
        for past in &self.epochs.past {
            let Some(epoch) = past.epoch else { continue };
            self.compare_archive(past, &format!("flowfi_epoch_{epoch}")).await?;
        }
        Ok(())
    }

    async fn compare_archive(&self, past: &Past, schema: &str) -> Result<(), String> {
        let select = format!(
            "select toid, event_index, tx_hash from {schema}.stream_events
             union all select toid, event_index, tx_hash from {schema}.quarantine
             union all select toid, event_index, tx_hash from {schema}.contract_upgrades"
        );
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&self.place.database.control).await.unwrap();
        let mut found = BTreeSet::new();
        for row in rows {
            let id = EventId::from_parts(row.get("toid"), row.get("event_index")).unwrap();
            if !past.history.has(id, row.get("tx_hash")) {
                return Err(format!("{schema} has the event {id} of another chain"));
            }
            found.insert(id);
        }
        let cursor = format!("select toid, event_index from {schema}.cursors");
        let row = sqlx::query(AssertSqlSafe(cursor)).fetch_one(&self.place.database.control).await.unwrap();
        let cursor = EventId::from_parts(row.get("toid"), row.get("event_index")).unwrap();
        let due = past.history.events.range(..=cursor).map(|(id, _)| *id);
        let lost = |id: &EventId| past.losses.is_given_up(*id) || past.losses.forgotten.contains(id);
        match due.into_iter().find(|id| !found.contains(id) && !lost(id)) {
            Some(id) => Err(format!("{schema} lacks the event {id} before its cursor {cursor}")),
            None => Ok(()),
        }
    }

    /// Checks that the ledger that identifies the chain belongs to the live chain.
    pub async fn compare_known_ledger(&self) -> Result<(), String> {
        let network = self.control().network().await.unwrap().ok_or("there is no network")?;
        match network.known {
            Some(known) if self.chain.history.hashes.get(&known.sequence) != Some(&known.hash) => {
                Err(format!("the chain is identified by {known:?}, which belongs to another"))
            }
            _ => Ok(()),
        }
    }
}
