//! A hole: the next ledgers that are needed, but that no endpoint's events reach any more. It is filled in order from
//! whole ledgers. If nobody has them, the feed waits there, and says so, until somebody has them or an operator gives
//! them up.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tracing::{debug, error, info, warn};

use super::{
    chain_check::{ChainCheck, closed_too_early},
    committer::CommitterMessage,
    error::IngestError,
    follower::{Follower, Next, Walk},
    incoming::decode_page,
    ledger_page::PageOfLedgers,
};
use crate::{
    domain::{EventId, LedgerRange, LedgerSequence},
    source::{LedgerEvents, SourceError, WholeLedgers},
    store::{IndexerState, SignsOfLife},
};

/// A ledger, or why there is no next one.
type LedgerRead = Result<LedgerEvents, SourceError>;

/// So many ledgers are read ahead of what is being written.
const LEDGERS_AHEAD: usize = 32;

impl Follower<'_> {
    /// Continues through the ledgers before `oldest`, as far as a source has them.
    pub(super) async fn fill_hole(&mut self, walk: &mut Walk, oldest: LedgerSequence) -> Result<Next, IngestError> {
        let Some(missing) = LedgerRange::new(walk.wanted(), oldest.previous()) else { return Ok(Next::AtOnce) };
        self.look_at_the_tip().await;
        self.say(IndexerState::FillingHole, None, None).await;
        let mut failures = Vec::new();
        for whole in self.whole_ledgers {
            let reached_before = walk.after;
            match self.read_whole(walk, whole, missing).await {
                FillOutcome::CommitterGone => return Ok(Next::CommitterGone),
                FillOutcome::Whole => {}
                FillOutcome::UpTo(failure) => {
                    debug!("{} has no more ledgers of the hole: {failure}", whole.name());
                    failures.push(format!("{}: {failure}", whole.name()));
                }
            }
            if walk.after > reached_before {
                walk.note_soon();
                return Ok(Next::AtOnce);
            }
        }
        if self.give_up_accepted(walk, missing).await? {
            walk.note_soon();
            return Ok(Next::AtOnce);
        }
        self.stand_still(missing, &failures).await;
        Ok(Next::After(self.look_again.max(self.poll())))
    }

    /// Reads ledgers in order until the end of the range, or until the source has no more.
    async fn read_whole(&mut self, walk: &mut Walk, whole: &WholeLedgers, range: LedgerRange) -> FillOutcome {
        info!("filling the hole of ledgers {range} from {}", whole.name());
        let checking = ChainCheck::of_hole(self.store, whole, self.source, range.to());
        let mut chain = match self.reporter.during(self.signs.during(checking)).await {
            Ok(chain) => chain,
            Err(failure) => return FillOutcome::UpTo(failure),
        };
        let (sender, mut ledgers) = mpsc::channel(LEDGERS_AHEAD);
        let reading = whole.events(self.contract_ids, range.from()..=range.to(), None, sender);
        let signs = self.signs.clone();
        let taking = async move {
            let (mut page, mut filled) = (PageOfLedgers::default(), FillOutcome::Whole);
            while let Some(ledger) = self.reporter.during(next_ledger(&signs, &mut ledgers)).await {
                match ledger {
                    Ok(ledger) if is_too_early(&ledger, walk.known_close) => {
                        return FillOutcome::UpTo(closed_too_early(&ledger));
                    }
                    Ok(ledger) => match chain.check(&ledger).await {
                        Ok(()) => page.push(ledger),
                        Err(failure) => return FillOutcome::UpTo(failure),
                    },
                    Err(failure) => filled = FillOutcome::UpTo(failure),
                }
                if page.is_full() && !self.take_ledgers(walk, whole, &mut page).await {
                    return FillOutcome::CommitterGone;
                }
            }
            if self.take_ledgers(walk, whole, &mut page).await { filled } else { FillOutcome::CommitterGone }
        };
        tokio::join!(reading, taking).1
    }

    async fn take_ledgers(&mut self, walk: &mut Walk, whole: &WholeLedgers, ledgers: &mut PageOfLedgers) -> bool {
        let Some(mut page) = ledgers.take(whole.coverage_source()) else { return true };
        self.signs.show();
        self.say(IndexerState::FillingHole, None, None).await;
        let incoming = decode_page(&mut page, self.store.harmless_fields()).await;
        self.hand_on(walk, incoming, &page).await
    }

    /// Continues after ledgers that an operator accepted as lost for every contract, but only up to the first ledger
    /// that a source has.
    async fn give_up_accepted(&mut self, walk: &mut Walk, missing: LedgerRange) -> Result<bool, IngestError> {
        let mut to = missing.to();
        for contract_id in self.contract_ids {
            let accepted = self.store.accepted_gaps(contract_id).await?;
            let over = accepted.iter().filter(|gap| gap.contains(missing.from())).map(|gap| gap.to()).max();
            let Some(over) = over else { return Ok(false) };
            to = to.min(over);
        }
        warn!("continuing after ledgers {}-{to}, which were given up and are in no source", missing.from());
        let first = walk.given_up.map_or(missing.from(), LedgerRange::from);
        walk.given_up = LedgerRange::new(first, to);
        let batches = walk.batcher.give_up(missing.from(), to);
        walk.go_on_after(EventId::end_of_ledger(to));
        self.stall_logged = false;
        for batch in batches {
            if self.committer.send(CommitterMessage::Batch(batch)).await.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The index must not seem to be at the tip while it is at a hole.
    async fn look_at_the_tip(&mut self) {
        if let Ok(tip) = self.signs.during(self.source.tip()).await {
            self.reporter.heard_of_tip(tip.sequence, tip.closed_at);
        }
    }

    async fn stand_still(&mut self, missing: LedgerRange, failures: &[String]) {
        self.look_at_the_tip().await;
        self.reporter.saw_oldest(missing.to().next());
        let detail = if failures.is_empty() { "no source of whole ledgers".to_owned() } else { failures.join("; ") };
        if !std::mem::replace(&mut self.stall_logged, true) {
            error!(
                from_ledger = missing.from().0,
                to_ledger = missing.to().0,
                "ledgers {missing} are in no source ({detail}); the feed stands still before them. Configure a lake \
                 or a Horizon that has them, or give them up: flowfi-indexer coverage --accept-gap {}",
                missing.with_slack()
            );
        }
        self.say(IndexerState::Hole, Some(detail), Some(missing)).await;
    }
}

/// Waits for the next ledger. Each read has an end, but it may be long until a page is full, and the writer's lease must
/// not end meanwhile.
async fn next_ledger(signs: &SignsOfLife, ledgers: &mut mpsc::Receiver<LedgerRead>) -> Option<LedgerRead> {
    signs.during(ledgers.recv()).await
}

/// A ledger closes no earlier than one of a lower number.
fn is_too_early(ledger: &LedgerEvents, known_close: Option<(LedgerSequence, DateTime<Utc>)>) -> bool {
    let header = &ledger.header;
    known_close.is_some_and(|(known, closed_at)| header.sequence >= known && header.closed_at < closed_at)
}

/// The result of reading from a source of whole ledgers.
enum FillOutcome {
    Whole,
    UpTo(SourceError),
    CommitterGone,
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_hole_whose_next_ledger_is_long_in_coming_shows_signs_of_life() {
        let signs = SignsOfLife::now();
        let begun = signs.last();
        while Instant::now() == begun {}
        let (_sender, mut ledgers) = mpsc::channel(1);
        assert!(next_ledger(&signs, &mut ledgers).now_or_never().is_none());
        assert!(signs.last() > begun);
    }
}
