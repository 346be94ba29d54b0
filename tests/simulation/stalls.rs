//! What neither goes on nor ends: connections that fall silent, processes that freeze, a database that only reads.

use std::pin::pin;

use rand::{Rng, seq::IndexedMutRandom};
use tokio::sync::watch;

use crate::world::World;

/// Keeps a process where it is, as SIGSTOP does, until it is let go on.
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

    /// Returns the same future, which does nothing while it is frozen.
    pub fn keep<F: Future>(&self, process: F) -> impl Future<Output = F::Output> + use<F> {
        let mut frozen = self.0.subscribe();
        async move {
            let mut process = pin!(process);
            loop {
                // Whoever could freeze it again is gone.
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

    /// What it has open stays open, and says nothing.
    fn freeze_an_indexer(&mut self) {
        let Some(process) = self.indexers.choose_mut(&mut self.rng) else { return };
        process.freezer.freeze();
        if let Some(line) = &process.line {
            line.fall_silent();
        }
        self.tell("an indexer freezes");
    }

    /// As while a standby is made the primary. Who connected meanwhile goes on reading only.
    async fn let_the_database_only_read(&mut self) {
        self.tell("the database only reads, for a moment");
        self.place.database.only_read(true).await;
        self.place.database.terminate(0.5).await;
        self.let_run(100).await;
        self.place.database.only_read(false).await;
    }

    /// Lets go on what is frozen.
    pub async fn end_stalls(&mut self) {
        self.maintenance.freezer.thaw();
        for process in &self.indexers {
            process.freezer.thaw();
        }
        self.place.database.only_read(false).await;
    }
}
