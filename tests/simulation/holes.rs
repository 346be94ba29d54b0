//! Ledgers that the endpoints no longer have when the index needs them. A source fills them, or an operator gives them
//! up.

use std::time::Duration;

use flowfi_indexer::{
    devnet::Fault,
    domain::{EventId, LedgerRange, LedgerSequence, holes},
};
use rand::Rng;
use tokio::time::sleep;

use crate::world::{Filler, World};

/// How often to check for an indexer at the hole. It may never get there, which is in order.
const LOOKS_AT_A_HOLE: u32 = 100;
const LOOK: Duration = Duration::from_millis(5);
/// More than any world closes.
const KEEP_ALL_LEDGERS: u32 = 100_000;

impl World<'_> {
    /// Lets the endpoints drop ledgers that are not indexed, while no indexer runs.
    pub async fn drop_ledgers(&mut self) -> Result<(), String> {
        self.end_indexers().await;
        let Some(cursor) = self.cursor().await else { return Ok(()) };
        let ledgers = self.rng.random_range(2..6);
        self.close_ledgers(ledgers).await;
        let (first, latest) = (cursor.last_whole_ledger().next(), self.chain.devnet.latest_ledger());
        let oldest = LedgerSequence(self.rng.random_range(first.0 + 1..=latest.0));
        let kept = latest.0 - oldest.0 + 1;
        self.tell(format!("indexed up to {cursor}, and the oldest ledger is now {oldest}"));
        if self.filler == Filler::GetLedgers {
            for endpoint in self.endpoints() {
                self.chain.devnet.inject_at(endpoint, Fault::Retention { ledgers: kept }, None).unwrap();
            }
        } else {
            self.chain.devnet.set_retention(kept);
            self.chain.devnet.set_retention(KEEP_ALL_LEDGERS);
        }
        self.place.database.forget_reports().await;
        self.start_indexer(false).await;
        if self.filler == Filler::Nobody {
            if self.rng.random() {
                self.let_it_stand(first).await;
            }
            self.give_up(LedgerRange::new(first, oldest.previous()).unwrap()).await?;
        }
        Ok(())
    }

    /// Gives the indexer time to reach the hole and report it. Faults may prevent that.
    async fn let_it_stand(&self, first: LedgerSequence) {
        for _ in 0..LOOKS_AT_A_HOLE {
            let is_over = self.cursor().await.is_some_and(|cursor| cursor.last_whole_ledger() >= first);
            if is_over || self.place.database.reports_a_hole().await {
                return;
            }
            sleep(LOOK).await;
        }
    }

    async fn give_up(&mut self, gap: LedgerRange) -> Result<(), String> {
        let cursor = self.cursor().await.map(EventId::last_whole_ledger);
        // If the network started over and nobody has noticed, the gaps accepted for the previous chain still apply.
        let before = self.epochs.past.iter().flat_map(|past| &past.losses.given_up);
        let new = holes(gap, self.losses.given_up.iter().chain(before).copied());
        if new.first().is_some_and(|new| cursor >= Some(new.from())) {
            return Err(format!("the indexer continued to ledger {cursor:?} past {gap}, which nobody gave up"));
        }
        self.control().accept_gap(&self.contract_id(), gap).await.unwrap();
        let lost = self.chain.history.events.keys().copied().filter(|id| gap.contains(id.ledger()));
        let lost: Vec<EventId> = lost.collect();
        self.losses.touched.extend(lost.iter().filter_map(|id| self.chain.stream_of(*id)));
        self.losses.miss(&lost, None);
        self.losses.given_up.push(gap);
        self.tell(format!("ledgers {gap} are given up"));
        Ok(())
    }
}
