//! Maintenance commands, as an operator runs them beside the daemon: started at any moment, aborted anywhere, and
//! resumed.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use flowfi_indexer::{
    domain::{ContractId, EventId, LedgerRange, LedgerSequence},
    ingest::{IngestError, Reindex, Verified, VerifySettings, backfill, replay_quarantine, verify},
    source::{Anchor, EndpointPool, SourceError, WholeLedgers},
    store::{Store, StoreError},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    stalls::Freezer,
    world::{DEADLINE, World},
};

/// How long a proof waits for the index in total.
const PATIENCE: Duration = Duration::from_secs(5);
/// A whole reindex takes a few hundred.
const MOST_POLLS: u32 = 400;
const LOOK: Duration = Duration::from_millis(10);
const MOST_AT_ONCE: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Reindex,
    ReindexFromLake,
    Backfill,
    ReplayQuarantine,
    VerifyAndRepair,
}

impl Command {
    const ALL: [Self; 5] =
        [Self::Reindex, Self::ReindexFromLake, Self::Backfill, Self::ReplayQuarantine, Self::VerifyAndRepair];

    const fn is_reindex(self) -> bool {
        matches!(self, Self::Reindex | Self::ReindexFromLake)
    }
}

/// The running commands.
#[derive(Default)]
pub struct Maintenance {
    running: JoinSet<Run>,
    is_reindexing: bool,
    /// Freezes all running commands.
    pub freezer: Freezer,
}

/// How a command ended, and what we need to know about its start.
struct Run {
    command: Command,
    resets: usize,
    /// The ledgers that had been given up and passed over by then.
    gaps: Vec<LedgerRange>,
    /// `None` if it was aborted.
    ended: Option<Result<(), IngestError>>,
}

/// What a command runs on.
struct Setting {
    store: Store,
    contract_id: ContractId,
    lakes: Vec<WholeLedgers>,
    source: EndpointPool,
    rng: StdRng,
}

impl Setting {
    async fn run(self, command: Command) -> Result<(), IngestError> {
        let Self { store, contract_id, lakes, source, rng } = self;
        match command {
            Command::Reindex => reindex(&store, &[]).await,
            Command::ReindexFromLake => reindex(&store, &lakes).await,
            Command::Backfill => {
                let all = LedgerRange::new(LedgerSequence(2), LedgerSequence(u32::MAX)).expect("2 is smaller");
                backfill(&store, &contract_id, &lakes, all, |_| {}).await.map(drop)
            }
            Command::ReplayQuarantine => {
                replay_quarantine(&store, &contract_id, |_| {}).await.map(drop).map_err(IngestError::from)
            }
            Command::VerifyAndRepair => prove(&store, &source, &contract_id, rng).await.map(drop),
        }
    }
}

/// Rebuilds everything, first from whole ledgers if there are any.
pub async fn reindex(store: &Store, whole_ledgers: &[WholeLedgers]) -> Result<(), IngestError> {
    if whole_ledgers.is_empty() {
        return Reindex::open(store).await?.read_stored_and_swap(|_| {}).await.map(drop);
    }
    let mut reindex = Reindex::open_from_chain(store).await?;
    reindex.read_chain(whole_ledgers, |_| {}).await?;
    reindex.read_stored_and_swap(|_| {}).await.map(drop)
}

/// Compares every record with the chain, and sets those that differ.
pub async fn prove(
    store: &Store,
    source: &EndpointPool,
    contract_id: &ContractId,
    rng: StdRng,
) -> Result<Verified, IngestError> {
    let known = store.network().await?.and_then(|network| network.known);
    source.set_anchor(known.map(|known| Anchor { sequence: known.sequence, hash: known.hash }));
    let settings = VerifySettings { sample: None, repair: true, patience: PATIENCE, rng };
    verify(store, source, contract_id, settings, |_| {}).await
}

impl World<'_> {
    /// Starts a command. It may be aborted by itself.
    pub async fn start_maintenance(&mut self) {
        if self.maintenance.running.len() >= MOST_AT_ONCE {
            return;
        }
        let command = *Command::ALL.choose(&mut self.rng).unwrap();
        // Two concurrent reindexes may see each other's schema appear or disappear, and report it.
        if command.is_reindex() && std::mem::replace(&mut self.maintenance.is_reindexing, true) {
            return;
        }
        let polls = self.rng.random_ratio(2, 3).then(|| self.rng.random_range(1..MOST_POLLS));
        self.tell(format!("{command:?}, aborted after {polls:?} polls"));
        let setting = Setting {
            store: Store::on(self.place.database.maintenance.clone()),
            contract_id: self.contract_id(),
            lakes: self.lakes().await,
            source: self.oracle(),
            rng: StdRng::seed_from_u64(self.rng.random()),
        };
        let resets = self.epochs.past.len();
        let whole = self.cursor().await.map_or(LedgerSequence(0), EventId::last_whole_ledger);
        let gaps = self.losses.given_up.iter().copied().filter(|gap| gap.to() <= whole).collect();
        self.losses.may_be_written();
        let freezer = self.maintenance.freezer.clone();
        self.maintenance.running.spawn(async move {
            let ended = freezer.keep(Mortal { future: Box::pin(setting.run(command)), polls }).await;
            Run { command, resets, gaps, ended }
        });
    }

    /// Rebuilds everything, in some of the worlds with maintenance commands.
    pub async fn reindex_at_last(&mut self) -> Result<(), String> {
        if !self.abilities.maintenance || self.rng.random() {
            return Ok(());
        }
        let whole_ledgers = if self.rng.random() { vec![self.lake().await] } else { Vec::new() };
        self.tell(format!("final reindex, from the lake: {}", !whole_ledgers.is_empty()));
        let deadline = Instant::now() + DEADLINE;
        loop {
            match reindex(&self.control(), &whole_ledgers).await {
                // An aborted one may not have left the database yet.
                Err(IngestError::Store(
                    StoreError::Fenced | StoreError::Revised | StoreError::AnotherReindex { .. },
                )) if Instant::now() < deadline => {
                    sleep(LOOK).await;
                }
                ended => return ended.map_err(|failure| format!("the last reindex failed: {failure}")),
            }
        }
    }

    pub fn is_maintained(&self) -> bool {
        !self.maintenance.running.is_empty()
    }

    /// Handles commands that ended, and returns those that must not have ended like that.
    pub fn check_maintenance(&mut self) -> Result<(), String> {
        while let Some(ended) = self.maintenance.running.try_join_next() {
            let run = ended.map_err(|failure| format!("a command panicked: {failure}"))?;
            self.take_note_of(run)?;
        }
        Ok(())
    }

    fn take_note_of(&mut self, run: Run) -> Result<(), String> {
        let Run { command, resets, gaps, ended } = run;
        self.maintenance.is_reindexing &= !command.is_reindex();
        let was_reset = resets < self.epochs.past.len();
        if command == Command::Backfill && !was_reset {
            match ended {
                Some(Ok(())) => {
                    self.losses.given_up.retain(|gap| !gaps.contains(gap));
                    // Ledgers that were passed over meanwhile may have been filled too.
                    self.losses.partly_filled |= !self.losses.given_up.is_empty();
                }
                _ => self.losses.partly_filled = true,
            }
        }
        let outcome = match ended {
            None => "was aborted".to_owned(),
            Some(Ok(())) => "succeeded".to_owned(),
            Some(Err(failure)) if self.epochs.past.is_empty() && !is_in_order(&failure) => {
                return Err(format!("{command:?} failed: {failure}"));
            }
            Some(Err(failure)) => format!("ended with: {failure}"),
        };
        self.tell(format!("{command:?} {outcome}"));
        Ok(())
    }
}

/// Returns whether any command may fail like this if the network never started over: another command does the same, or
/// it can be retried.
fn is_in_order(failure: &IngestError) -> bool {
    match failure {
        IngestError::Store(StoreError::Fenced | StoreError::Revised | StoreError::AnotherReindex { .. })
        | IngestError::Source(SourceError::Transient { .. }) => true,
        IngestError::Store(failure) => failure.is_unavailable(),
        _ => false,
    }
}

/// A future that ends after this many polls, wherever it is then.
struct Mortal<F> {
    future: Pin<Box<F>>,
    polls: Option<u32>,
}

impl<F: Future> Future for Mortal<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.polls {
            Some(0) => return Poll::Ready(None),
            Some(left) => *left -= 1,
            None => {}
        }
        self.future.as_mut().poll(context).map(Some)
    }
}
