//! How indexing begins: become the writer, find out which chain it is, choose the first ledger of each contract.

use std::{ops::RangeInclusive, time::Duration};

use tokio::time::sleep;
use tracing::info;

use super::{error::IngestError, indexer::Indexer};
use crate::{
    domain::{ContractId, CoverageSource, LedgerSequence},
    source::{Anchor, EventsFrom, SourceError},
    store::{KnownLedger, Writer},
};

/// How often all endpoints are asked for the chain before those that answered decide, and how long is waited between.
const MOST_ATTEMPTS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Indexer {
    /// Becomes the writer and chooses the first ledger of each contract that has none. The network is read once the lock
    /// is held: while another process held it, that may have put a whole epoch aside.
    pub(super) async fn begin(&self) -> Result<Writer, IngestError> {
        self.refuse_another_network().await?;
        let mut writer = self.become_writer().await?;
        writer.signs_of_life().during(self.begin_as(&mut writer)).await?;
        Ok(writer)
    }

    async fn begin_as(&self, writer: &mut Writer) -> Result<(), IngestError> {
        self.take_up_network().await?;
        self.claim_network().await?;
        if writer.position().is_none() {
            self.know_the_chain().await?;
            self.begin_all(writer).await?;
        }
        for behind in writer.behind().to_vec().iter().filter(|behind| behind.position.is_none()) {
            self.add(writer, &behind.contract_id).await?;
        }
        Ok(())
    }

    /// A passphrase that is only misspelt is refused before another indexer is waited for.
    async fn refuse_another_network(&self) -> Result<(), IngestError> {
        match self.store.network().await? {
            None => Ok(()),
            Some(_) => Ok(self.store.claim(&self.settings.network_passphrase).await?),
        }
    }

    /// A database is not claimed for a network that no endpoint serves.
    async fn claim_network(&self) -> Result<(), IngestError> {
        if self.store.network().await?.is_none() {
            self.source.tip().await?;
        }
        Ok(self.store.claim(&self.settings.network_passphrase).await?)
    }

    /// Notes a ledger of the chain before the first one is read, so that an endpoint of another chain is refused from
    /// then on. Where the endpoints do not agree, nobody knows which chain is meant, and nothing is read.
    async fn know_the_chain(&self) -> Result<(), IngestError> {
        let network = self.store.network().await?.filter(|network| network.known.is_none());
        let Some(network) = network else { return Ok(()) };
        let mut backoff = self.backoff();
        let mut attempts = 0;
        // An endpoint that does not answer for a moment is waited for: it may be the preferred one.
        let chain = loop {
            let (chain, all_were_heard) = self.source.common_ledger().await?;
            attempts += 1;
            if all_were_heard || attempts == MOST_ATTEMPTS {
                break chain;
            }
            if attempts == 1 {
                info!("not every endpoint answers; asking again before it is settled which chain is indexed");
            }
            let waits = self.source.health().into_iter().filter_map(|endpoint| endpoint.retry_in_ms);
            let longest = Duration::from_millis(waits.max().unwrap_or(0)).min(LONGEST_WAIT);
            sleep(backoff.wait(None).max(longest)).await;
        };
        if let Some((ledger, closed_at)) = chain.closed {
            self.store.note_close(network.epoch, ledger, closed_at).await?;
        }
        if let Some(Anchor { sequence, hash }) = chain.anchor {
            self.store.note_ledger(network.epoch, &KnownLedger { sequence, hash }).await?;
        }
        self.take_up_network().await?;
        Ok(())
    }

    fn has_lake(&self) -> bool {
        self.whole_ledgers.iter().any(|whole| whole.coverage_source() == CoverageSource::Lake)
    }

    /// The cursors are written only once the source has answered for their first ledger, so that a ledger it no longer
    /// has is refused before anything depends on it.
    async fn begin_all(&self, writer: &mut Writer) -> Result<(), IngestError> {
        let first = match self.settings.pace.start_ledger {
            Some(ledger) => LedgerSequence(ledger),
            None => self.oldest().await?,
        };
        self.answers_for(first).await?;
        info!(ledger = first.0, "beginning with ledger {first}");
        writer.start_at(first).await?;
        Ok(())
    }

    /// A contract that is added to others begins with the ledger that a first start would begin with, or where that is
    /// gone, with the oldest there is.
    async fn add(&self, writer: &mut Writer, contract_id: &ContractId) -> Result<(), IngestError> {
        let first = match self.settings.pace.start_ledger.map(LedgerSequence) {
            None => self.oldest().await?,
            Some(first) => match self.answers_for(first).await {
                Ok(()) => first,
                Err(IngestError::Source(SourceError::BehindRetention { .. })) => self.oldest().await?,
                Err(failure) => return Err(failure),
            },
        };
        info!(ledger = first.0, "adding the contract {contract_id}, beginning with ledger {first}");
        Ok(writer.add(contract_id, first).await?)
    }

    async fn oldest(&self) -> Result<LedgerSequence, IngestError> {
        Ok(away_from_the_edge(&self.source.ledgers().await?))
    }

    async fn answers_for(&self, first: LedgerSequence) -> Result<(), IngestError> {
        match self.source.events(&self.settings.contracts, EventsFrom::Ledger(first), 1).await {
            // A first ledger that is still to come is waited for by the follower.
            Ok(_) | Err(SourceError::NodeBehind { .. }) => Ok(()),
            // The history before the endpoints' oldest ledger is a hole, which a lake fills.
            Err(SourceError::BehindRetention { .. }) if self.has_lake() => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Returns the oldest ledger, or in a long history (a day has 17 280) one a little younger: a source that drops its
/// oldest every few seconds would drop the first one while it is being asked for. One that still has the network's
/// first ledger drops none yet.
fn away_from_the_edge(ledgers: &RangeInclusive<LedgerSequence>) -> LedgerSequence {
    const FIRST_LEDGER: LedgerSequence = LedgerSequence(2);
    const MOST_SLACK: u32 = 10;
    let (oldest, latest) = (*ledgers.start(), *ledgers.end());
    let slack = if oldest <= FIRST_LEDGER { 0 } else { latest.0.saturating_sub(oldest.0) / 1_000 };
    LedgerSequence(oldest.0.saturating_add(slack.min(MOST_SLACK)))
}
