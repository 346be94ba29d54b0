//! Asks the source for page after page and hands on batches: decides when to ask, and what a failure means.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    args::PaceArgs,
    backoff::Backoff,
    batcher::{Batcher, Incoming},
    error::IngestError,
    pacing::TipPacing,
};
use crate::{
    domain::{ContractId, EventId, LedgerSequence, RawContractEvent},
    source::{ChainSource, EventPage, EventsFrom, SourceError},
    store::Batch,
};

/// A commit of this many events costs little more than their rows.
const EVENTS_IN_A_BATCH: usize = 5_000;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Follows one contract from a position on.
pub(super) struct Follower<'a> {
    pub(super) source: &'a ChainSource,
    pub(super) contract_id: &'a ContractId,
    pub(super) pace: &'a PaceArgs,
    pub(super) backoff: Backoff,
    /// Whether it was said that the source is behind, which need not be said at each poll.
    pub(super) said_behind: bool,
}

impl Follower<'_> {
    /// Follows from `position` until stopped or until nobody takes the batches any more.
    ///
    /// # Errors
    /// [`IngestError::Source`] for what waiting does not help: a hole in the source's history, a request it refuses.
    pub(super) async fn follow(
        mut self,
        position: EventId,
        committer: mpsc::Sender<Batch>,
        stop: &CancellationToken,
    ) -> Result<(), IngestError> {
        let poll = Duration::from_millis(self.pace.poll_ms);
        let mut pacing = TipPacing::new(poll);
        let mut batcher = Batcher::new(position, EVENTS_IN_A_BATCH);
        let mut progress = CatchUp::default();
        let mut after = position;
        let mut from = EventsFrom::After(position);
        loop {
            let asked = self.source.events(self.contract_id, from, self.pace.page_limit);
            let page = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                page = asked => page.and_then(|page| nothing_was_trimmed(after, page)),
            };
            let wait = match page {
                Ok(mut page) => {
                    self.backoff.reset();
                    self.said_behind = false;
                    let events = std::mem::take(&mut page.events);
                    progress.report(&page, events.len());
                    for batch in batcher.push(decode(events).await, &page) {
                        if committer.send(batch).await.is_err() {
                            return Ok(());
                        }
                    }
                    let stands_still = page.cursor <= after;
                    after = after.max(page.cursor);
                    from = EventsFrom::After(after);
                    let at_the_tip = page.is_drained() || stands_still;
                    at_the_tip.then(|| pacing.wait_after(page.latest_ledger, Instant::now()))
                }
                Err(SourceError::BehindRetention { oldest, .. }) if nothing_is_missing(after, from, oldest) => {
                    from = EventsFrom::Ledger(oldest);
                    None
                }
                Err(failure) => Some(self.wait_after(failure, poll)?),
            };
            if let Some(wait) = wait {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = sleep(wait) => {}
                }
            }
        }
    }

    fn wait_after(&mut self, failure: SourceError, poll: Duration) -> Result<Duration, IngestError> {
        match failure {
            SourceError::Transient { retry_after, .. } => {
                let wait = self.backoff.wait(retry_after);
                warn!(wait_ms = wait.as_millis(), "the source failed and will be asked again: {failure}");
                Ok(wait)
            }
            SourceError::NodeBehind { .. } => {
                if !std::mem::replace(&mut self.said_behind, true) {
                    warn!("waiting for the source: {failure}");
                }
                Ok(poll)
            }
            SourceError::BehindRetention { .. }
            | SourceError::LedgerMissing { .. }
            | SourceError::NoTransactionMeta { .. }
            | SourceError::Permanent { .. } => Err(IngestError::Source(failure)),
        }
    }
}

/// A server checks the range before it reads: what it drops in between is silently not in the page. The reply says how
/// old its oldest ledger was afterwards.
fn nothing_was_trimmed(after: EventId, page: EventPage) -> Result<EventPage, SourceError> {
    let wanted = after.last_whole_ledger().next();
    match page.oldest_ledger {
        Some(oldest) if oldest > wanted => Err(SourceError::BehindRetention { wanted, oldest }),
        _ => Ok(page),
    }
}

/// A cursor in a ledger that the source has dropped is refused, also where the ledger after it is there: the end of
/// one ledger is the beginning of the next, and asking by ledger says the same.
fn nothing_is_missing(after: EventId, from: EventsFrom, oldest: LedgerSequence) -> bool {
    matches!(from, EventsFrom::After(_)) && after.is_end_of_ledger() && oldest == after.ledger().next()
}

/// Decoding ten thousand events takes tens of milliseconds: too long for the runtime.
async fn decode(events: Vec<RawContractEvent>) -> Vec<Incoming> {
    if events.is_empty() {
        return Vec::new();
    }
    let decoded = tokio::task::spawn_blocking(|| events.into_iter().map(Incoming::decode).collect());
    decoded.await.expect("decoding is total and is not cancelled")
}

/// Says now and then how far a long catch-up is.
#[derive(Default)]
struct CatchUp {
    said: Option<Instant>,
    events: usize,
}

impl CatchUp {
    fn report(&mut self, page: &EventPage, events: usize) {
        let (reached, latest) = (page.cursor.ledger(), page.latest_ledger);
        if page.is_drained() {
            if self.said.take().is_some() {
                info!(ledger = reached.0, "caught up at ledger {reached}");
            }
            return;
        }
        self.events += events;
        match self.said {
            None => info!(ledger = reached.0, "catching up: at ledger {reached} of {latest}"),
            Some(said) if said.elapsed() >= PROGRESS_INTERVAL => {
                let seconds = said.elapsed().as_secs().max(1);
                let rate = u64::try_from(self.events).unwrap_or(u64::MAX) / seconds;
                info!(ledger = reached.0, rate, "catching up: at ledger {reached} of {latest}, {rate} events a second");
            }
            Some(_) => return,
        }
        self.said = Some(Instant::now());
        self.events = 0;
    }
}
