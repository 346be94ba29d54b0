//! Requests page after page from the source, and sends batches to the committer. Decides when to ask, and what a
//! failure means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    args::PaceArgs,
    batcher::Batcher,
    committer::CommitterMessage,
    error::IngestError,
    incoming::{Incoming, decode_page},
    pacing::TipPacing,
    page_checks::{confirm_a_leap, is_credible, is_not_younger_than_known, is_possible, nothing_was_trimmed},
    reporter::{Reporter, endpoints_of},
};
use crate::{
    backoff::Backoff,
    domain::{ContractId, Epoch, EventId, LedgerRange, LedgerSequence},
    source::{Anchor, EndpointPool, EventPage, EventsFrom, SourceError, WholeLedgers},
    store::{ChainNotes, IndexerState, KnownLedger, SignsOfLife, Store},
};

/// A commit of this many events costs little more than their rows.
pub(super) const EVENTS_IN_A_BATCH: usize = 5_000;
/// How often the identifying ledger is replaced: a reset recognized by its hash is at most this old.
const NOTE_INTERVAL: Duration = Duration::from_mins(5);
/// The interval if the endpoints disagreed or did not answer: the identifying ledger must not become too old.
const NOTE_AGAIN: Duration = Duration::from_secs(10);
/// How often to try soon after a hole, where ledgers that the endpoints still have arrive within moments.
const NOTES_SOON: u8 = 12;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Follows contracts from a common position on.
pub(super) struct Follower<'a> {
    pub(super) source: &'a EndpointPool,
    pub(super) whole_ledgers: &'a [WholeLedgers],
    pub(super) store: &'a Store,
    pub(super) notes: ChainNotes,
    pub(super) contract_ids: &'a [ContractId],
    /// The chain that is followed.
    pub(super) epoch: Epoch,
    pub(super) pace: &'a PaceArgs,
    /// The interval at which every source that may have the ledgers of a hole is asked.
    pub(super) look_again: Duration,
    pub(super) backoff: Backoff,
    pub(super) reporter: Reporter,
    pub(super) committer: mpsc::Sender<CommitterMessage>,
    /// Shows the writer's lease that the walk makes progress.
    pub(super) signs: SignsOfLife,
    /// Whether the reason for waiting was logged already; it need not be logged at each poll.
    pub(super) stall_logged: bool,
}

/// The state of a walk along the chain.
pub(super) struct Walk {
    /// Everything up to here was sent to the committer, or is held back in the batcher.
    pub(super) after: EventId,
    from: EventsFrom,
    /// The newest ledger of the chain whose close time is known, with that time.
    pub(super) known_close: Option<(LedgerSequence, DateTime<Utc>)>,
    /// The newest ledger that more than one answer knew, or that was reached.
    tip: LedgerSequence,
    pub(super) batcher: Batcher,
    pacing: TipPacing,
    catch_up: CatchUp,
    /// Ledgers that were skipped since the source last answered.
    pub(super) given_up: Option<LedgerRange>,
    /// When to record the next identifying ledger; `None` means now.
    note_at: Option<Instant>,
    /// How many soon retries remain if no endpoint has the ledger.
    notes_soon: u8,
    has_reached_tip: bool,
}

/// What follows a step.
pub(super) enum Next {
    /// Take the next step at once.
    AtOnce,
    /// Take the next step after a pause.
    After(Duration),
    /// Stop: nobody receives the batches any more.
    CommitterGone,
}

impl Walk {
    /// Records another identifying ledger at the next step: the endpoints may have dropped the current one.
    pub(super) const fn note_soon(&mut self) {
        self.note_at = None;
        self.notes_soon = NOTES_SOON;
    }

    /// Starts after a position. `known_close` is a ledger up to that position, with a close time no later than its own.
    pub(super) fn new(position: EventId, known_close: Option<(LedgerSequence, DateTime<Utc>)>, poll: Duration) -> Self {
        Self {
            after: position,
            from: EventsFrom::After(position),
            known_close: known_close.filter(|(_, closed_at)| is_credible(*closed_at)),
            tip: position.ledger(),
            batcher: Batcher::new(position, EVENTS_IN_A_BATCH),
            pacing: TipPacing::new(poll),
            catch_up: CatchUp::default(),
            given_up: None,
            note_at: None,
            notes_soon: 0,
            has_reached_tip: false,
        }
    }

    /// Returns the first ledger that was not completely seen.
    pub(super) fn wanted(&self) -> LedgerSequence {
        self.after.last_whole_ledger().next()
    }

    /// Continues after a position that was not reached by a page.
    pub(super) fn go_on_after(&mut self, position: EventId) {
        self.after = self.after.max(position);
        self.from = EventsFrom::After(self.after);
    }
}

impl Follower<'_> {
    /// Follows until stopped, or until nobody receives the batches any more.
    ///
    /// # Errors
    /// Failures that waiting does not fix: a request that every endpoint refuses, another network, a network that
    /// started over.
    pub(super) async fn follow(mut self, mut walk: Walk, stop: &CancellationToken) -> Result<(), IngestError> {
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                next = self.step(&mut walk) => next?,
            };
            let wait = match next {
                Next::AtOnce => continue,
                Next::After(wait) => wait,
                Next::CommitterGone => return Ok(()),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.reporter.during(self.signs.during(sleep(wait))) => {}
            }
        }
    }

    async fn step(&mut self, walk: &mut Walk) -> Result<Next, IngestError> {
        let asking = self.source.events(self.contract_ids, walk.from, self.pace.page_limit);
        let asked = self.signs.during(asking).await;
        let page = asked.and_then(|page| is_not_younger_than_known(walk.known_close, page));
        let page = page.and_then(|page| nothing_was_trimmed(walk.after, page));
        let page = match page {
            Ok(page) => self.signs.during(confirm_a_leap(self.source, &mut walk.tip, page)).await,
            failure => failure,
        };
        match page {
            Ok(page) => {
                if let Some(used) = walk.given_up.take() {
                    for contract_id in self.contract_ids {
                        self.store.narrow_accepted_gap(contract_id, used).await?;
                    }
                }
                Ok(self.take(walk, page).await)
            }
            Err(SourceError::BehindRetention { oldest, .. }) if nothing_is_missing(walk, oldest) => {
                walk.from = EventsFrom::Ledger(oldest);
                Ok(Next::AtOnce)
            }
            Err(SourceError::BehindRetention { oldest, .. }) => Box::pin(self.fill_hole(walk, oldest)).await,
            Err(failure @ SourceError::NodeBehind { .. }) => {
                self.refuse_a_reset(walk).await?;
                self.say_away(&failure).await;
                Ok(Next::After(self.poll()))
            }
            Err(SourceError::Transient { reason, retry_after, detail }) => {
                let wait = self.backoff.delay(retry_after);
                let failure = SourceError::Transient { reason, retry_after, detail };
                warn!(wait_ms = wait.as_millis(), "the source failed and will be asked again: {failure}");
                self.say(IndexerState::SourceAway, Some(failure.to_string()), None).await;
                Ok(Next::After(wait))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn take(&mut self, walk: &mut Walk, mut page: EventPage) -> Next {
        self.backoff.reset();
        self.stall_logged = false;
        walk.catch_up.report(&page, page.events.len());
        let stands_still = page.cursor <= walk.after;
        page.latest_ledger_closed_at = page.latest_ledger_closed_at.filter(|closed_at| is_possible(*closed_at));
        let incoming = decode_page(&mut page, self.store.harmless_fields()).await;
        if !self.hand_on(walk, incoming, &page).await {
            return Next::CommitterGone;
        }
        let is_drained = page.is_drained();
        self.reporter.saw_tip(page.latest_ledger, page.latest_ledger_closed_at, page.oldest_ledger);
        self.say(if is_drained { IndexerState::Following } else { IndexerState::CatchingUp }, None, None).await;
        if is_drained {
            self.note_ledger(walk).await;
            if !std::mem::replace(&mut walk.has_reached_tip, true)
                && self.committer.send(CommitterMessage::ReachedTip).await.is_err()
            {
                return Next::CommitterGone;
            }
        }
        if is_drained || stands_still {
            Next::After(walk.pacing.wait_after(page.latest_ledger, Instant::now()))
        } else {
            Next::AtOnce
        }
    }

    /// Sends the batches that this page completes. Returns false if nobody receives them.
    pub(super) async fn hand_on(&mut self, walk: &mut Walk, events: Vec<Incoming>, page: &EventPage) -> bool {
        let credible = page.latest_ledger_closed_at.filter(|closed_at| is_credible(*closed_at));
        let known_close = credible.map(|closed_at| (page.latest_ledger, closed_at));
        walk.known_close = walk.known_close.max(known_close);
        for batch in walk.batcher.push(events, page) {
            if self.committer.send(CommitterMessage::Batch(batch)).await.is_err() {
                return false;
            }
        }
        walk.go_on_after(page.cursor);
        true
    }

    /// Recognizes a reset. The tip of a node that is behind closed before every later ledger; the tip of a network that
    /// started over closed later than a ledger with a higher number.
    async fn refuse_a_reset(&self, walk: &Walk) -> Result<(), IngestError> {
        let (Ok(tip), Some((indexed, indexed_closed_at))) =
            (self.signs.during(self.source.tip()).await, walk.known_close)
        else {
            return Ok(());
        };
        match tip.closed_at {
            Some(tip_closed_at) if tip.sequence <= indexed && tip_closed_at > indexed_closed_at => {
                let epoch = self.epoch;
                Err(IngestError::NetworkReset { epoch, tip: tip.sequence, tip_closed_at, indexed, indexed_closed_at })
            }
            _ => Ok(()),
        }
    }

    /// Records the hash of the last whole ledger now and then, to recognize the chain. A source without hashes is
    /// followed all the same.
    async fn note_ledger(&mut self, walk: &mut Walk) {
        if walk.note_at.is_some_and(|note_at| Instant::now() < note_at) {
            return;
        }
        if let Some((ledger, closed_at)) = walk.known_close
            && let Err(failure) = self.notes.note_close(self.epoch, ledger, closed_at).await
        {
            debug!("no close time was recorded to identify the chain: {failure}");
        }
        let sequence = walk.after.last_whole_ledger();
        let next = match self.note_hash_of(sequence).await {
            Ok(true) => NOTE_INTERVAL,
            // Some servers tell no hashes at all.
            Ok(false) if walk.notes_soon == 0 => NOTE_INTERVAL,
            Ok(false) => {
                debug!("no ledger was noted to know the chain by: no endpoint has ledger {sequence}");
                walk.notes_soon -= 1;
                NOTE_AGAIN
            }
            Err(failure) => {
                debug!("no ledger was noted to know the chain by: {failure}");
                NOTE_AGAIN
            }
        };
        walk.note_at = Some(Instant::now() + next);
    }

    /// Returns whether an endpoint has the hash.
    async fn note_hash_of(&self, sequence: LedgerSequence) -> Result<bool, IngestError> {
        let Some(hash) = self.signs.during(self.source.ledger_hash(sequence)).await? else { return Ok(false) };
        self.source.set_anchor(Some(Anchor { sequence, hash: hash.clone() }));
        self.notes.note_ledger(self.epoch, &KnownLedger { sequence, hash }).await?;
        Ok(true)
    }

    async fn say_away(&mut self, failure: &SourceError) {
        if !std::mem::replace(&mut self.stall_logged, true) {
            warn!("waiting for the source: {failure}");
        }
        self.say(IndexerState::SourceAway, Some(failure.to_string()), None).await;
    }

    pub(super) async fn say(&mut self, state: IndexerState, detail: Option<String>, missing: Option<LedgerRange>) {
        let endpoints = endpoints_of(self.source, self.whole_ledgers);
        self.reporter.say(state, detail, missing, endpoints).await;
    }

    pub(super) const fn poll(&self) -> Duration {
        self.pace.poll_interval
    }
}

/// Returns whether nothing is missing although the cursor was refused. A source refuses a cursor in a ledger that it
/// dropped, even if it has the next ledger: the end of one is the start of the next, and a request by ledger means the
/// same.
fn nothing_is_missing(walk: &Walk, oldest: LedgerSequence) -> bool {
    let by_cursor = matches!(walk.from, EventsFrom::After(_));
    by_cursor && walk.after.is_end_of_ledger() && oldest == walk.after.ledger().next()
}

/// Logs the progress of a long catch-up now and then.
#[derive(Default)]
struct CatchUp {
    logged_at: Option<Instant>,
    events: usize,
}

impl CatchUp {
    fn report(&mut self, page: &EventPage, events: usize) {
        let (reached, latest) = (page.cursor.ledger(), page.latest_ledger);
        if page.is_drained() {
            if self.logged_at.take().is_some() {
                info!(ledger = reached.0, "caught up at ledger {reached}");
            }
            return;
        }
        self.events += events;
        match self.logged_at {
            None => info!(ledger = reached.0, "catching up: at ledger {reached} of {latest}"),
            Some(logged_at) if logged_at.elapsed() >= PROGRESS_INTERVAL => {
                let seconds = logged_at.elapsed().as_secs().max(1);
                let rate = u64::try_from(self.events).unwrap_or(u64::MAX) / seconds;
                info!(ledger = reached.0, rate, "catching up: at ledger {reached} of {latest}, {rate} events a second");
            }
            Some(_) => return,
        }
        self.logged_at = Some(Instant::now());
        self.events = 0;
    }
}
