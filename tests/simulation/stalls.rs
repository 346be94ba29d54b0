//! Things that neither continue nor end: silent connections, frozen processes, a read-only database.

use std::pin::pin;

use rand::{Rng, seq::IndexedMutRandom};
use tokio::sync::watch;

use crate::world::World;

/// Freezes processes, as SIGSTOP does, until they are released.
#[derive(Clone)]
pub struct Freezer(watch::Sender<bool>);

impl Default for Freezer {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Freezer {
    pub fn freeze(&self) {
        self.0.send_replace(true);
    }

    pub fn thaw(&self) {
        self.0.send_replace(false);
    }

    /// Returns a future that does the same, except that it does nothing while it is frozen.
    pub fn keep<F: Future>(&self, process: F) -> impl Future<Output = F::Output> + use<F> {
        let mut frozen = self.0.subscribe();
        async move {
            let mut process = pin!(process);
            loop {
                // Nobody is left who could freeze it again.
                let Ok(_) = frozen.wait_for(|frozen| !frozen).await else { return process.await };
                tokio::select! {
                    biased;
                    Ok(_) = frozen.wait_for(|frozen| *frozen) => {}
                    ended = &mut process => return ended,
                }
            }
        }
    }
}

impl World<'_> {
    pub async fn let_something_stall(&mut self) {
        match self.rng.random_range(0..4) {
            0 => self.let_a_line_fall_silent(),
            1 => self.freeze_an_indexer(),
            2 if self.is_maintained() => {
                self.tell("every command freezes");
                self.maintenance.freezer.freeze();
            }
            2 => self.start_maintenance().await,
            _ => self.let_the_database_only_read().await,
        }
    }

    fn let_a_line_fall_silent(&mut self) {
        let of_indexers = self.indexers.iter().map(|process| ("an indexer", &process.line));
        let of_gateways = self.gateway_processes.iter().map(|process| ("a gateway", &process.line));
        let mut lines: Vec<_> = of_indexers.chain(of_gateways).collect();
        let Some((whose, line)) = lines.choose_mut(&mut self.rng) else { return };
        if let Some(line) = line {
            line.fall_silent();
        }
        let what = format!("the connections of {whose} fall silent");
        self.tell(what);
    }

    /// Freezes an indexer: everything that it has open stays open, and sends nothing.
    fn freeze_an_indexer(&mut self) {
        let Some(process) = self.indexers.choose_mut(&mut self.rng) else { return };
        process.freezer.freeze();
        if let Some(line) = &process.line {
            line.fall_silent();
        }
        self.tell("an indexer freezes");
    }

    /// Makes the database read-only for a moment, as while a standby is promoted. Sessions that connected meanwhile
    /// stay read-only.
    async fn let_the_database_only_read(&mut self) {
        self.tell("the database is read-only for a moment");
        self.place.database.only_read(true).await;
        self.place.database.terminate(0.5).await;
        self.let_run(100).await;
        self.place.database.only_read(false).await;
    }

    /// Releases whatever is frozen.
    pub async fn end_stalls(&mut self) {
        self.maintenance.freezer.thaw();
        for process in &self.indexers {
            process.freezer.thaw();
        }
        self.place.database.only_read(false).await;
    }
}
