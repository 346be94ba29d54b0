//! How indexing begins: become the writer, identify the chain, and choose the first ledger of each contract.

use std::{ops::RangeInclusive, time::Duration};

use tokio::time::sleep;
use tracing::info;

use super::{error::IngestError, indexer::Indexer, page_checks::is_credible};
use crate::{
    domain::{ContractId, CoverageSource, LedgerSequence},
    source::{Anchor, EventsFrom, SourceError},
    store::{KnownLedger, Writer},
};

/// How many times all endpoints are asked for the chain before those that answered decide.
const MOST_ATTEMPTS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Indexer {
    /// Becomes the writer, and chooses the first ledger of each contract that has none. The network is read once the
    /// lock is held, because the process that held it before may have archived a whole epoch.
    pub(super) async fn begin(&self) -> Result<Writer, IngestError> {
        self.refuse_another_network().await?;
        let mut writer = self.become_writer().await?;
        writer.signs_of_life().during(self.begin_as(&mut writer)).await?;
        Ok(writer)
    }

    async fn begin_as(&self, writer: &mut Writer) -> Result<(), IngestError> {
        self.take_up_network().await?;
        self.claim_network(writer).await?;
        if writer.position().is_none() {
            self.know_the_chain(writer).await?;
            self.begin_all(writer).await?;
        }
        for behind in writer.behind().to_vec().iter().filter(|behind| behind.position.is_none()) {
            self.add(writer, &behind.contract_id).await?;
        }
        self.look_at_unknown_fields().await?;
        writer.refresh().await?;
        Ok(())
    }

    /// Refuses a misspelt passphrase before waiting for another indexer.
    async fn refuse_another_network(&self) -> Result<(), IngestError> {
        match self.store.network().await? {
            None => Ok(()),
            Some(_) => Ok(self.store.claim(&self.settings.network_passphrase).await?),
        }
    }

    /// Claims the database only if an endpoint serves the network.
    async fn claim_network(&self, writer: &Writer) -> Result<(), IngestError> {
        if self.store.network().await?.is_none() {
            self.source.tip().await?;
        }
        Ok(writer.claim(&self.settings.network_passphrase).await?)
    }

    /// Records a ledger of the chain before the first one is read, so that an endpoint of another chain is refused from
    /// then on. If the endpoints disagree, it is unknown which chain is meant, and nothing is read.
    async fn know_the_chain(&self, writer: &Writer) -> Result<(), IngestError> {
        let network = self.store.network().await?.filter(|network| network.known.is_none());
        let Some(network) = network else { return Ok(()) };
        let mut backoff = self.backoff();
        let mut attempts = 0;
        // Wait for an endpoint that is briefly away: it may be the preferred one.
        let chain = loop {
            let (chain, all_were_heard) = self.source.common_ledger().await?;
            attempts += 1;
            if all_were_heard || attempts == MOST_ATTEMPTS {
                break chain;
            }
            if attempts == 1 {
                info!("not every endpoint answers; asking again before deciding which chain to index");
            }
            let waits = self.source.health().into_iter().filter_map(|endpoint| endpoint.retry_in_ms);
            let longest = Duration::from_millis(waits.max().unwrap_or(0)).min(LONGEST_WAIT);
            sleep(backoff.delay(None).max(longest)).await;
        };
        if let Some((ledger, closed_at)) = chain.closed.filter(|(_, closed_at)| is_credible(*closed_at)) {
            writer.chain_notes().note_close(network.epoch, ledger, closed_at).await?;
        }
        if let Some(Anchor { sequence, hash }) = chain.anchor {
            writer.chain_notes().note_ledger(network.epoch, &KnownLedger { sequence, hash }).await?;
        }
        self.take_up_network().await?;
        Ok(())
    }

    /// Returns whether ledgers may be had that the endpoints have dropped.
    fn has_another_history(&self) -> bool {
        self.whole_ledgers.iter().any(|whole| match whole.coverage_source() {
            CoverageSource::Lake => true,
            CoverageSource::Horizon => !self.source.is_horizon(),
            _ => false,
        })
    }

    /// Writes the cursors only after the source has answered for their first ledger, so that a ledger which it no
    /// longer has is refused before anything depends on it.
    async fn begin_all(&self, writer: &mut Writer) -> Result<(), IngestError> {
        let first = match self.settings.pace.start_ledger {
            Some(ledger) => ledger,
            None => self.oldest().await?,
        };
        self.answers_for(first).await?;
        info!(ledger = first.0, "starting with ledger {first}");
        writer.start_at(first).await?;
        Ok(())
    }

    /// Adds a contract to others. It starts with the ledger that a first start would choose, or with the oldest
    /// available one if that is gone.
    async fn add(&self, writer: &mut Writer, contract_id: &ContractId) -> Result<(), IngestError> {
        let first = match self.settings.pace.start_ledger {
            None => self.oldest().await?,
            Some(first) => match self.answers_for(first).await {
                Ok(()) => first,
                Err(IngestError::Source(SourceError::BehindRetention { .. })) => self.oldest().await?,
                Err(failure) => return Err(failure),
            },
        };
        info!(ledger = first.0, "adding the contract {contract_id}, starting with ledger {first}");
        Ok(writer.add(contract_id, first).await?)
    }

    async fn oldest(&self) -> Result<LedgerSequence, IngestError> {
        Ok(away_from_the_edge(&self.source.ledgers().await?))
    }

    async fn answers_for(&self, first: LedgerSequence) -> Result<(), IngestError> {
        match self.source.events(&self.settings.contracts, EventsFrom::Ledger(first), 1).await {
            // The follower waits for a first ledger that is still to come.
            Ok(_) | Err(SourceError::NodeBehind { .. }) => Ok(()),
            // The history before the endpoints' oldest ledger is a hole, which another source fills.
            Err(SourceError::BehindRetention { .. }) if self.has_another_history() => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// Returns the oldest ledger or, in a long history (a day has 17 280 ledgers), a slightly younger one: a source that
/// drops its oldest ledger every few seconds might drop it while it is being requested. A source that still has the
/// network's first ledger is not dropping any yet.
fn away_from_the_edge(ledgers: &RangeInclusive<LedgerSequence>) -> LedgerSequence {
    const FIRST_LEDGER: LedgerSequence = LedgerSequence(2);
    const MOST_SLACK: u32 = 10;
    let (oldest, latest) = (*ledgers.start(), *ledgers.end());
    let slack = if oldest <= FIRST_LEDGER { 0 } else { latest.0.saturating_sub(oldest.0) / 1_000 };
    LedgerSequence(oldest.0.saturating_add(slack.min(MOST_SLACK)))
}
