//! A network that started over: checks whether it really did, and what happens to the index.
//!
//! An endpoint that was set up again, or a copy of an old chain, looks like a reset. A reset is believed only if every
//! endpoint confirms it twice, against what the database knows about the chain while the writer's lock is held.

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    args::OnReset,
    error::IngestError,
    indexer::Indexer,
    reporter::{Reporter, endpoints_of},
};
use crate::{
    domain::EventId,
    source::{Anchor, KnownChain},
    store::{IndexerState, NetworkRow, StoreError, Writer},
};

/// How many times every endpoint must confirm that it serves another chain.
const TIMES: u32 = 2;

/// The outcome of a suspected reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResetHandled {
    /// The old epoch was archived, by this process or another one.
    BegunAnew,
    /// Not every endpoint confirms it: the source must be asked again after a while.
    NotConfirmed,
    /// The reset is real, but the operator has not allowed archiving.
    Refused,
}

impl Indexer {
    /// Finds out whether the network really started over, and archives the index if that is allowed.
    pub(super) async fn handle_reset(&self, reset: &IngestError) -> Result<ResetHandled, IngestError> {
        warn!("the network may have been reset; asking every endpoint again: {reset}");
        let writer = self.become_writer().await?;
        let handled = writer.signs_of_life().during(self.handle_reset_as(&writer, reset)).await;
        writer.release().await?;
        handled
    }

    async fn handle_reset_as(&self, writer: &Writer, reset: &IngestError) -> Result<ResetHandled, IngestError> {
        let Some(network) = self.take_up_network().await? else { return Ok(ResetHandled::NotConfirmed) };
        let chain = self.known_chain(writer, &network, reset).await?;
        if let Some(doubt) = self.doubt(&chain).await {
            warn!("there is no proof that the network was reset: {doubt}");
            drop(self.say_away(format!("{doubt}. It looked like a reset: {reset}")).await);
            return Ok(ResetHandled::NotConfirmed);
        }
        if self.settings.on_reset == OnReset::Stop {
            return Ok(ResetHandled::Refused);
        }
        let archived = match self.store.archive_epoch(network.epoch).await {
            Ok(archived) => archived,
            Err(StoreError::OtherEpoch { now, .. }) => {
                info!(epoch = now.0, "another process has already begun epoch {}", now.0);
                return Ok(ResetHandled::BegunAnew);
            }
            Err(failure) => return Err(failure.into()),
        };
        self.source.set_chain(KnownChain::default());
        let Some(schema) = archived else { return Ok(ResetHandled::NotConfirmed) };
        warn!(schema, "the index was archived in the schema {schema}; beginning with the new network");
        Ok(ResetHandled::BegunAnew)
    }

    /// Returns what the database knows about the chain by now, together with what revealed `reset`.
    async fn known_chain(
        &self,
        writer: &Writer,
        network: &NetworkRow,
        reset: &IngestError,
    ) -> Result<KnownChain, IngestError> {
        let anchor = network.known.clone().map(|known| Anchor { sequence: known.sequence, hash: known.hash });
        let position = writer.position().unwrap_or(EventId::ZERO);
        let whole = EventId::end_of_ledger(position.last_whole_ledger());
        let stored = self.store.newest_close_up_to(whole).await?;
        let noticed = match reset {
            // An observation about another epoch says nothing about this one.
            IngestError::NetworkReset { epoch, indexed, indexed_closed_at, .. } if *epoch == network.epoch => {
                Some((*indexed, *indexed_closed_at))
            }
            _ => None,
        };
        Ok(KnownChain { anchor, closed: stored.max(noticed).max(network.seen) })
    }

    /// Asks every endpoint, twice with a pause in between. Returns why the reset must not be believed, if so.
    async fn doubt(&self, chain: &KnownChain) -> Option<String> {
        for time in 0..TIMES {
            if time > 0 {
                sleep(self.settings.waits.standby).await;
            }
            match self.source.who_serves(chain).await {
                Ok(None) => {}
                Ok(Some(host)) => {
                    return Some(format!("{host} serves the indexed chain, or one that cannot be told apart from it"));
                }
                Err(failure) => return Some(format!("it is unknown which chain an endpoint serves: {failure}")),
            }
        }
        None
    }

    /// Reports that indexing has stopped, and why, until the process is stopped.
    pub(super) async fn stand_still_after(&self, reset: &IngestError, stop: &CancellationToken) {
        error!("indexing has stopped, and the API serves what was indexed before: {reset}");
        let mut reporter = self.say_between_sessions(IndexerState::Stopped, reset.to_string()).await;
        reporter.during(stop.cancelled()).await;
    }

    /// Reports that the source is away, and why.
    pub(super) async fn say_away(&self, detail: String) -> Reporter {
        self.say_between_sessions(IndexerState::SourceAway, detail).await
    }

    /// Reports what keeps it from beginning a session. Returns the reporter, which repeats that.
    pub(super) async fn say_between_sessions(&self, state: IndexerState, detail: String) -> Reporter {
        let mut reporter = self.reporter(&self.settings.contracts).await;
        let endpoints = endpoints_of(&self.source, &self.whole_ledgers);
        reporter.say(state, Some(detail), None, endpoints).await;
        reporter
    }
}
