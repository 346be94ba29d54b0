//! The slow loop beside the index. It asks every endpoint again for the recently indexed events, compares a few records of
//! each contract with the chain, reads ledgers again that lack an event, and learns the shape of each endpoint's answers. A
//! failure is retried at the next turn; it neither ends nor delays the session.

use std::{collections::HashMap, convert::Infallible, future::pending, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};

use super::{
    error::IngestError,
    reread::Rereading,
    second_opinion::SecondOpinionRound,
    verify::{RollingLook, Unanswered, UncertainRecords},
};
use crate::{
    backoff::Backoff,
    domain::{ContractId, Epoch, EventId},
    source::{EndpointPool, SourceError, TransientReason, WholeLedgers},
    store::Store,
};

/// A difference, or an absent entry, is checked again after this time, or after the interval if that is shorter.
const MOMENT: Duration = Duration::from_secs(1);
/// A contract whose own entry nobody has is asked about again after a time that grows up to this one.
const LONGEST_ABSENCE: Duration = Duration::from_mins(2);

/// The checks of every contract that is followed.
pub(super) struct RecordChecks<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a EndpointPool,
    pub(super) whole_ledgers: &'a [WholeLedgers],
    pub(super) contract_ids: &'a [ContractId],
    /// The epoch that is indexed. Nothing is written to another one.
    pub(super) epoch: Epoch,
    pub(super) interval: Duration,
    /// What the index or a node lacks is looked at again after this time.
    pub(super) again_after: Duration,
    /// How many events to request at once.
    pub(super) page_limit: u32,
    pub(super) rng: StdRng,
    /// Whether the chain's entries set what differs.
    pub(super) corrects: bool,
    /// Told when events were committed at the tip.
    pub(super) committed: &'a Notify,
}

/// What the checks of one contract remember.
#[derive(Default)]
struct Memory {
    heard_alone: EventId,
    /// Whether the last look at its records failed, which is said once.
    is_blind: bool,
    unanswered: Unanswered,
    absence: Option<Absence>,
}

/// The chain was asked about a contract and has no entry of it, so none of its records can be compared.
struct Absence {
    backoff: Backoff,
    /// When the chain is asked again.
    over_at: Instant,
}

impl RecordChecks<'_> {
    /// Takes a turn at each interval while the indexer works, and compares what is not certain once events were committed
    /// at the tip.
    pub(super) async fn run(mut self, mut works: watch::Receiver<bool>) -> Infallible {
        let mut memories = HashMap::new();
        let mut backoff = Backoff::new(self.again_after, StdRng::seed_from_u64(self.rng.random()));
        let (mut next_turn, mut next) = (Instant::now() + self.interval, Next::AtCommit);
        loop {
            let is_turn = tokio::select! {
                () = sleep_until(next_turn) => true,
                () = self.committed.notified(), if self.corrects && !matches!(next, Next::BackingOff(_)) => false,
                () = next.wait() => false,
            };
            becomes(&mut works, true).await;
            let checks = async {
                if is_turn {
                    self.turn(&mut memories).await;
                }
                if self.corrects && !next.is_too_early(Instant::now()) {
                    next = self.check_uncertain(&mut memories, &mut backoff).await;
                }
            };
            tokio::select! {
                () = checks => {}
                () = becomes(&mut works, false) => {}
            }
            if is_turn {
                next_turn = Instant::now() + self.interval;
            }
        }
    }

    async fn turn(&mut self, memories: &mut HashMap<ContractId, Memory>) {
        let (store, source, epoch) = (self.store, self.source, self.epoch);
        source.learn_shapes().await;
        for contract_id in self.contract_ids {
            let heard_alone = &mut memories.entry(contract_id.clone()).or_default().heard_alone;
            let page_limit = self.page_limit;
            let mut asking = SecondOpinionRound { store, source, contract_id, epoch, page_limit, heard_alone };
            if let Err(failure) = asking.ask().await {
                debug!(contract.id = %contract_id, "no second opinion on the events of {contract_id}: {failure}");
            }
            let (moment, corrects) = (MOMENT.min(self.interval), self.corrects);
            let look = RollingLook { store, source, contract_id, epoch, moment, corrects };
            let looked = look.look(StdRng::seed_from_u64(self.rng.random())).await;
            memories.entry(contract_id.clone()).or_default().note(contract_id, looked);
            let rereading = Rereading { store, sources: self.whole_ledgers, contract_id, epoch };
            if let Err(failure) = rereading.read().await {
                debug!(contract.id = %contract_id, "no ledger of {contract_id} was read again: {failure}");
            }
        }
    }

    /// Compares what is not certain, and says when to do it again.
    async fn check_uncertain(&mut self, memories: &mut HashMap<ContractId, Memory>, backoff: &mut Backoff) -> Next {
        let (mut next, mut wait) = (Next::AtCommit, None);
        for contract_id in self.contract_ids {
            let memory = memories.entry(contract_id.clone()).or_default();
            match self.check_uncertain_of(contract_id, memory).await {
                Ok(again) => next = again.map_or(next, |again| next.or_by(again)),
                Err(asked_for) => wait = wait.max(Some(asked_for)),
            }
        }
        if let Some(asked_for) = wait {
            return Next::BackingOff(Instant::now() + backoff.delay(Some(asked_for).filter(|wait| !wait.is_zero())));
        }
        backoff.reset();
        next
    }

    /// Compares what is not certain of one contract. Returns when to do it again, if not only at the next commit.
    ///
    /// # Errors
    /// How long the source asked to be left alone, if it or the database failed.
    async fn check_uncertain_of(
        &mut self,
        contract_id: &ContractId,
        memory: &mut Memory,
    ) -> Result<Option<Instant>, Duration> {
        if let Some(over_at) = memory.absent_until(Instant::now()) {
            return Ok(Some(over_at));
        }
        let (store, source, epoch) = (self.store, self.source, self.epoch);
        let uncertain = UncertainRecords { store, source, contract_id, epoch, moment: MOMENT.min(self.interval) };
        let mut rng = || StdRng::seed_from_u64(self.rng.random());
        let failure = match uncertain.check(rng(), &mut memory.unanswered).await {
            Ok(again) => {
                memory.absence = None;
                return Ok(again.then(|| Instant::now() + self.again_after));
            }
            Err(failure) => failure,
        };
        debug!(contract.id = %contract_id, "the records of {contract_id} were not checked: {failure}");
        match failure {
            // It says nothing of the other contracts.
            IngestError::Source(SourceError::Transient { reason: TransientReason::NoContract, .. }) => {
                let first = || Backoff::new(self.again_after, rng()).up_to(LONGEST_ABSENCE);
                Ok(Some(memory.is_absent(Instant::now(), first)))
            }
            IngestError::Source(SourceError::Transient { retry_after, .. }) => Err(retry_after.unwrap_or_default()),
            IngestError::Store(_) => Err(Duration::ZERO),
            _ => Ok(None),
        }
    }
}

/// When records are compared that are not certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Once events were committed at the tip.
    AtCommit,
    /// Or at this moment: the index or a node was behind, or lacks a contract.
    By(Instant),
    /// Not before this moment, since the source or the database failed.
    BackingOff(Instant),
}

impl Next {
    fn is_too_early(self, now: Instant) -> bool {
        matches!(self, Self::BackingOff(until) if now < until)
    }

    /// Returns the same, but not later than this moment.
    fn or_by(self, moment: Instant) -> Self {
        match self {
            Self::AtCommit => Self::By(moment),
            Self::By(other) => Self::By(other.min(moment)),
            Self::BackingOff(_) => self,
        }
    }

    /// Waits until it is time, whether or not anything is committed.
    async fn wait(self) {
        match self {
            Self::AtCommit => pending().await,
            Self::By(moment) | Self::BackingOff(moment) => sleep_until(moment).await,
        }
    }
}

impl Memory {
    /// Returns when the chain is asked about the contract again, if not yet.
    fn absent_until(&self, now: Instant) -> Option<Instant> {
        self.absence.as_ref().map(|absence| absence.over_at).filter(|over_at| now < *over_at)
    }

    /// Notes that the contract has no entry, and returns when the chain is asked about it again.
    fn is_absent(&mut self, now: Instant, backoff: impl FnOnce() -> Backoff) -> Instant {
        let absence = self.absence.get_or_insert_with(|| Absence { backoff: backoff(), over_at: now });
        absence.over_at = now + absence.backoff.delay(None);
        absence.over_at
    }

    /// Says what keeps the records of a contract from being checked, once until a check succeeds again. An endpoint that
    /// does not offer entries is no news.
    fn note(&mut self, contract_id: &ContractId, looked: Result<(), IngestError>) {
        let passes = matches!(looked, Err(IngestError::Source(SourceError::Transient { .. })));
        if looked.is_ok() {
            self.absence = None;
        }
        match looked {
            Err(failure) if passes && !self.is_blind => {
                warn!(contract.id = %contract_id, "the records of {contract_id} are not checked: {failure}");
            }
            Err(failure) => {
                debug!(contract.id = %contract_id, "the records of {contract_id} were not checked: {failure}");
            }
            Ok(()) if self.is_blind => {
                info!(contract.id = %contract_id, "the records of {contract_id} are checked again");
            }
            Ok(()) => {}
        }
        self.is_blind = passes;
    }
}

/// Waits until the indexer is working, or until it is not; forever once there is no indexer.
async fn becomes(works: &mut watch::Receiver<bool>, wanted: bool) {
    let known = works.wait_for(|works| *works == wanted).await.is_ok();
    if !known {
        pending::<()>().await;
    }
}
