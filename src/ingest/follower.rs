//! Asks the source for page after page and hands on batches: decides when to ask, and what a failure means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    args::PaceArgs, backoff::Backoff, batcher::Batcher, committer::Handed, error::IngestError, incoming::Incoming,
    pacing::TipPacing, reporter::Reporter,
};
use crate::{
    domain::{ContractId, Epoch, EventId, LedgerRange, LedgerSequence, RawContractEvent},
    source::{Anchor, EndpointPool, EventPage, EventsFrom, KnownClose, SourceError, WholeLedgers},
    store::{IndexerState, KnownLedger, SignsOfLife, Store},
};

/// A commit of this many events costs little more than their rows.
pub(super) const EVENTS_IN_A_BATCH: usize = 5_000;
/// A reset is at most so many ledgers old when it is recognised by a hash.
const NOTE_INTERVAL: Duration = Duration::from_mins(5);
/// Where the endpoints did not agree on one, or did not answer: what the chain is known by must not grow old.
const NOTE_AGAIN: Duration = Duration::from_secs(10);
/// Behind a hole the ledgers that the endpoints still have come within moments.
const NOTES_SOON: u8 = 12;
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Follows contracts from a position on, which is the same for all of them.
pub(super) struct Follower<'a> {
    pub(super) source: &'a EndpointPool,
    pub(super) whole_ledgers: &'a [WholeLedgers],
    pub(super) store: &'a Store,
    pub(super) contract_ids: &'a [ContractId],
    /// The chain that is followed.
    pub(super) epoch: Epoch,
    pub(super) pace: &'a PaceArgs,
    /// While a hole stays, everybody who may have its ledgers is asked this often.
    pub(super) look_again: Duration,
    pub(super) backoff: Backoff,
    pub(super) reporter: Reporter,
    pub(super) committer: mpsc::Sender<Handed>,
    /// Shows the writer's lease that the walk goes on.
    pub(super) signs: SignsOfLife,
    /// Whether it was said why nothing goes on, which need not be said at each poll.
    pub(super) said: bool,
}

/// How far a walk along the chain is.
pub(super) struct Walk {
    /// Everything up to here was handed on, or is held back in the batcher.
    pub(super) after: EventId,
    from: EventsFrom,
    /// The newest ledger of the chain whose close time is known, and that.
    pub(super) known_close: Option<(LedgerSequence, DateTime<Utc>)>,
    pub(super) batcher: Batcher,
    pacing: TipPacing,
    catch_up: CatchUp,
    /// Ledgers that were passed over since the source last answered.
    pub(super) given_up: Option<LedgerRange>,
    /// When a ledger is noted to know the chain by; none for at once.
    note_at: Option<Instant>,
    /// How often it is tried again soon where no endpoint has the ledger.
    notes_soon: u8,
    has_reached_tip: bool,
}

/// What a step leads to.
pub(super) enum Next {
    /// The next step at once.
    AtOnce,
    /// The next step after a pause.
    After(Duration),
    /// The end: nobody takes the batches any more.
    NobodyTakes,
}

impl Walk {
    /// Notes another ledger at the next step: the endpoints may have dropped the one that the chain is known by.
    pub(super) const fn note_soon(&mut self) {
        self.note_at = None;
        self.notes_soon = NOTES_SOON;
    }

    /// Begins after a position; `known_close` is a ledger up to it that closed no later than that.
    pub(super) fn new(position: EventId, known_close: Option<(LedgerSequence, DateTime<Utc>)>, poll: Duration) -> Self {
        Self {
            after: position,
            from: EventsFrom::After(position),
            known_close,
            batcher: Batcher::new(position, EVENTS_IN_A_BATCH),
            pacing: TipPacing::new(poll),
            catch_up: CatchUp::default(),
            given_up: None,
            note_at: None,
            notes_soon: 0,
            has_reached_tip: false,
        }
    }

    /// Returns the first ledger of which not everything was seen.
    pub(super) fn wanted(&self) -> LedgerSequence {
        self.after.last_whole_ledger().next()
    }

    /// Goes on after a position that was reached in another way than by a page.
    pub(super) fn go_on_after(&mut self, position: EventId) {
        self.after = self.after.max(position);
        self.from = EventsFrom::After(self.after);
    }
}

impl Follower<'_> {
    /// Follows until stopped or until nobody takes the batches any more.
    ///
    /// # Errors
    /// What waiting does not help: a request that every endpoint refuses, another network, one that started over.
    pub(super) async fn follow(mut self, mut walk: Walk, stop: &CancellationToken) -> Result<(), IngestError> {
        loop {
            let next = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                next = self.step(&mut walk) => next?,
            };
            let wait = match next {
                Next::AtOnce => continue,
                Next::After(wait) => wait,
                Next::NobodyTakes => return Ok(()),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.signs.during(sleep(wait)) => {}
                never = self.reporter.repeat() => match never {},
            }
        }
    }

    async fn step(&mut self, walk: &mut Walk) -> Result<Next, IngestError> {
        self.signs.show();
        let asked = self.source.events(self.contract_ids, walk.from, self.pace.page_limit).await;
        let page = asked.and_then(|page| is_not_younger_than_known(walk.known_close, page));
        match page.and_then(|page| nothing_was_trimmed(walk.after, page)) {
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
                let wait = self.backoff.wait(retry_after);
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
        self.said = false;
        let events = std::mem::take(&mut page.events);
        walk.catch_up.report(&page, events.len());
        let stands_still = page.cursor <= walk.after;
        if !self.hand_on(walk, decode(events).await, &page).await {
            return Next::NobodyTakes;
        }
        let is_drained = page.is_drained();
        self.reporter.saw_tip(page.latest_ledger, page.latest_ledger_closed_at, page.oldest_ledger);
        self.say(if is_drained { IndexerState::Following } else { IndexerState::CatchingUp }, None, None).await;
        if is_drained {
            self.note_ledger(walk).await;
            if !std::mem::replace(&mut walk.has_reached_tip, true)
                && self.committer.send(Handed::ReachedTip).await.is_err()
            {
                return Next::NobodyTakes;
            }
        }
        if is_drained || stands_still {
            Next::After(walk.pacing.wait_after(page.latest_ledger, Instant::now()))
        } else {
            Next::AtOnce
        }
    }

    /// Hands the batches on that are whole with this page; false if nobody takes them.
    pub(super) async fn hand_on(&mut self, walk: &mut Walk, events: Vec<Incoming>, page: &EventPage) -> bool {
        let known_close = page.latest_ledger_closed_at.map(|closed_at| (page.latest_ledger, closed_at));
        walk.known_close = walk.known_close.max(known_close);
        for batch in walk.batcher.push(events, page) {
            if self.committer.send(Handed::Batch(batch)).await.is_err() {
                return false;
            }
        }
        walk.go_on_after(page.cursor);
        true
    }

    /// A node that is behind has a tip that closed before any later ledger; a network that started over has one that
    /// closed later than a ledger of a higher number did.
    async fn refuse_a_reset(&self, walk: &Walk) -> Result<(), IngestError> {
        let (Ok(tip), Some((indexed, indexed_closed_at))) = (self.source.tip().await, walk.known_close) else {
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

    /// Notes now and then the hash of the last whole ledger, to know the chain again by. A source without it is none
    /// the worse.
    async fn note_ledger(&mut self, walk: &mut Walk) {
        if walk.note_at.is_some_and(|note_at| Instant::now() < note_at) {
            return;
        }
        if let Some((ledger, closed_at)) = walk.known_close
            && let Err(failure) = self.store.note_close(self.epoch, ledger, closed_at).await
        {
            debug!("no close time was noted to know the chain by: {failure}");
        }
        let sequence = walk.after.last_whole_ledger();
        let noted = match self.source.ledger_hash(sequence).await {
            Ok(Some(hash)) => {
                self.source.set_anchor(Some(Anchor { sequence, hash: hash.clone() }));
                let known = KnownLedger { sequence, hash };
                self.store.note_ledger(self.epoch, &known).await.map_err(|failure| failure.to_string())
            }
            // Some servers tell no hashes at all.
            Ok(None) if walk.notes_soon == 0 => Ok(()),
            Ok(None) => {
                walk.notes_soon -= 1;
                Err(format!("no endpoint has ledger {sequence}"))
            }
            Err(failure) => Err(failure.to_string()),
        };
        let next = if noted.is_ok() { NOTE_INTERVAL } else { NOTE_AGAIN };
        walk.note_at = Some(Instant::now() + next);
        if let Err(failure) = noted {
            debug!("no ledger was noted to know the chain by: {failure}");
        }
    }

    async fn say_away(&mut self, failure: &SourceError) {
        if !std::mem::replace(&mut self.said, true) {
            warn!("waiting for the source: {failure}");
        }
        self.say(IndexerState::SourceAway, Some(failure.to_string()), None).await;
    }

    pub(super) async fn say(&mut self, state: IndexerState, detail: Option<String>, missing: Option<LedgerRange>) {
        let endpoints = serde_json::to_value(self.source.health()).unwrap_or_default();
        self.reporter.say(state, detail, missing, endpoints).await;
    }

    pub(super) const fn poll(&self) -> Duration {
        Duration::from_millis(self.pace.poll_ms)
    }
}

/// A later ledger closes later. Where it does not, the endpoint that was asked serves another chain, one that others have
/// left.
fn is_not_younger_than_known(known: Option<KnownClose>, page: EventPage) -> Result<EventPage, SourceError> {
    match (known, page.latest_ledger_closed_at) {
        (Some((ledger, closed_at)), Some(page_closed_at))
            if page.latest_ledger >= ledger && page_closed_at < closed_at =>
        {
            let newest = page.latest_ledger;
            let detail = format!(
                "an endpoint is of another chain: its ledger {newest} closed at {page_closed_at}, and ledger {ledger} \
                 at {closed_at}"
            );
            Err(SourceError::unknown_chain(detail))
        }
        _ => Ok(page),
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
fn nothing_is_missing(walk: &Walk, oldest: LedgerSequence) -> bool {
    let by_cursor = matches!(walk.from, EventsFrom::After(_));
    by_cursor && walk.after.is_end_of_ledger() && oldest == walk.after.ledger().next()
}

/// Decoding ten thousand events takes tens of milliseconds: too long for the runtime.
pub(super) async fn decode(events: Vec<RawContractEvent>) -> Vec<Incoming> {
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
