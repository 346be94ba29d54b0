//! Reads what some contracts did out of whole ledgers, from any source that has them: every ledger of a range, in
//! order, each checked to follow the previous one.

use std::{io, ops::RangeInclusive, pin::pin, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};
use rand::rngs::StdRng;
use tokio::sync::mpsc;

use super::{
    EndpointHealth, EndpointPool, KnownChain, Lake, SourceError,
    packed::{MOST_THREADS, scanners},
    retry::Retry,
};
use crate::{
    domain::{ContractId, CoverageSource, LedgerSequence, RawContractEvent, RawEntryChange},
    xdr::{BrokenChain, LedgerContents, LedgerHeader, LedgerScan, LedgerScanners},
};

/// A ledger with what some contracts did in it, perhaps nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEvents {
    /// Its number, hashes and close time.
    pub header: LedgerHeader,
    /// The events in chain order: the contracts' own, and the network's events about them.
    pub events: Vec<RawContractEvent>,
    /// The changes of the contracts' entries in the order they were made; none if they were not asked for.
    pub entries: Vec<RawEntryChange>,
}

/// A source of whole ledgers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WholeLedgers {
    origin: Origin,
    scanners: Arc<LedgerScanners>,
    contents: LedgerContents,
}

#[derive(Clone, Debug)]
enum Origin {
    Lake(Lake),
    Endpoints { pool: EndpointPool, retry: Retry },
}

/// The receiver is gone, or was sent the failure that ends the reading.
struct Ended;

impl WholeLedgers {
    /// Reads from a data lake.
    ///
    /// # Errors
    /// The operating system provides no thread to read ledgers on.
    pub fn of_lake(lake: Lake) -> io::Result<Self> {
        Ok(Self { origin: Origin::Lake(lake), scanners: scanners()?, contents: LedgerContents::Events })
    }

    /// Reads from endpoints: from Stellar RPC's `getLedgers`, or from a Horizon.
    ///
    /// # Errors
    /// Where the operating system gives no thread to read ledgers on.
    pub fn of_endpoints(pool: EndpointPool, rng: StdRng) -> io::Result<Self> {
        let origin = Origin::Endpoints { pool, retry: Retry::new(rng) };
        Ok(Self { origin, scanners: scanners()?, contents: LedgerContents::Events })
    }

    /// Returns the same source, read for this of each ledger.
    #[must_use]
    pub fn read_for(self, contents: LedgerContents) -> Self {
        Self { contents, ..self }
    }

    /// Returns the source under which the coverage of ledgers is recorded.
    #[must_use]
    pub fn coverage_source(&self) -> CoverageSource {
        match &self.origin {
            Origin::Lake(_) => CoverageSource::Lake,
            Origin::Endpoints { pool, .. } if pool.is_horizon() => CoverageSource::Horizon,
            Origin::Endpoints { .. } => CoverageSource::GetLedgers,
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.coverage_source().as_str()
    }

    /// Sends every ledger of the range, ascending and without a hole, with what the contracts did in it. The first failure is
    /// sent too, and ends the reading. `previous_hash` is the hash of the ledger before the range, if it is known.
    ///
    /// The failures are those of the source. [`SourceError::LedgerMissing`], [`SourceError::NodeBehind`] and
    /// [`SourceError::BehindRetention`] name the first unavailable ledger; [`SourceError::Permanent`] says where two
    /// ledgers do not follow each other on one chain.
    pub async fn events(
        &self,
        contract_ids: &[ContractId],
        range: RangeInclusive<LedgerSequence>,
        previous_hash: Option<String>,
        out: mpsc::Sender<Result<LedgerEvents, SourceError>>,
    ) {
        let chain = Chain { next: *range.start(), last: *range.end(), previous_hash, out };
        // Either way nobody is left to tell.
        let (Ok(()) | Err(Ended)) = match &self.origin {
            Origin::Lake(lake) => self.read_lake(lake, contract_ids, chain).await,
            Origin::Endpoints { pool, retry } => self.read_endpoints(pool, retry, contract_ids, chain).await,
        };
    }

    /// Returns the header of one ledger; `None` if the source does not have it.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn header_of(&self, sequence: LedgerSequence) -> Result<Option<LedgerHeader>, SourceError> {
        let (sender, mut ledgers) = mpsc::channel(1);
        let reading = self.events(&[], sequence..=sequence, None, sender);
        match tokio::join!(ledgers.recv(), reading).0 {
            Some(Ok(ledger)) => Ok(Some(ledger.header)),
            Some(Err(failure)) if !(failure.is_lack() || matches!(failure, SourceError::LedgerMissing { .. })) => {
                Err(failure)
            }
            _ => Ok(None),
        }
    }

    /// Returns whether it reads from endpoints. It reads a ledger from an endpoint only after that endpoint has proved
    /// that it serves the named chain.
    #[must_use]
    pub const fn makes_sure_itself(&self) -> bool {
        matches!(self.origin, Origin::Endpoints { .. })
    }

    /// Returns the health of its endpoints, unless they are those that are followed.
    #[must_use]
    pub fn health_beside(&self, followed: &EndpointPool) -> Vec<EndpointHealth> {
        match &self.origin {
            Origin::Endpoints { pool, .. } if !pool.is_of_the_same(followed) => pool.health(),
            Origin::Endpoints { .. } | Origin::Lake(_) => Vec::new(),
        }
    }

    /// Sets what is known about our chain, for a source that asks endpoints.
    pub fn set_chain(&self, chain: KnownChain) {
        if let Origin::Endpoints { pool, .. } = &self.origin {
            pool.set_chain(chain);
        }
    }

    async fn read_lake(&self, lake: &Lake, contract_ids: &[ContractId], mut chain: Chain) -> Result<(), Ended> {
        let layout = match lake.layout().await {
            Ok(layout) => layout,
            Err(failure) => return chain.fail(failure).await,
        };
        let mut objects =
            pin!(lake.scans(layout, contract_ids, chain.next..=chain.last, (self.scanners.as_ref(), self.contents)));
        while let Some(scans) = objects.next().await {
            chain.hand_on(scans).await?;
        }
        chain.end().await
    }

    async fn read_endpoints(
        &self,
        pool: &EndpointPool,
        retry: &Retry,
        contract_ids: &[ContractId],
        mut chain: Chain,
    ) -> Result<(), Ended> {
        while chain.next <= chain.last {
            let before = chain.next;
            let left = chain.last.0 - before.0;
            let mut attempts = retry.attempts();
            let page = loop {
                if let Some(page) = attempts.settled(pool.ledger_page(before, left.saturating_add(1)).await).await {
                    break page;
                }
            };
            let scans = match page {
                Ok(page) => {
                    let scans = stream::iter(page.ledgers)
                        .map(|ledger| ledger.scan(&self.scanners, contract_ids, self.contents));
                    scans.buffered(2 * MOST_THREADS.get()).try_concat().await
                }
                Err(failure) => Err(failure),
            };
            chain.hand_on(scans).await?;
            if chain.next == before {
                return chain.end().await;
            }
        }
        Ok(())
    }
}

/// The ledgers sent so far, and which one must come next.
struct Chain {
    next: LedgerSequence,
    last: LedgerSequence,
    previous_hash: Option<String>,
    out: mpsc::Sender<Result<LedgerEvents, SourceError>>,
}

impl Chain {
    /// Sends those ledgers that belong to the range.
    async fn hand_on(&mut self, scans: Result<Vec<LedgerScan>, SourceError>) -> Result<(), Ended> {
        let scans = match scans {
            Ok(scans) => scans,
            Err(failure) => return self.fail(failure).await,
        };
        for LedgerScan { header, events, entries } in scans {
            // An object with several ledgers may begin before the range and end after it.
            if header.sequence < self.next || header.sequence > self.last {
                continue;
            }
            if let Err(broken) = self.check(&header) {
                return self.fail(SourceError::Permanent { detail: format!("the chain is broken: {broken}") }).await;
            }
            self.next = header.sequence.next();
            self.previous_hash = Some(header.hash.clone());
            self.out.send(Ok(LedgerEvents { header, events, entries })).await.map_err(|_| Ended)?;
        }
        Ok(())
    }

    fn check(&self, header: &LedgerHeader) -> Result<(), BrokenChain> {
        if header.sequence != self.next {
            return Err(BrokenChain::NotNext { expected: self.next, found: header.sequence });
        }
        match &self.previous_hash {
            Some(found) if *found != header.previous_hash => Err(BrokenChain::OtherHash {
                sequence: header.sequence,
                expected: header.previous_hash.clone(),
                found: found.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Sends which ledger is missing if the source ended before the range.
    async fn end(&self) -> Result<(), Ended> {
        if self.next > self.last { Ok(()) } else { self.fail(SourceError::LedgerMissing { ledger: self.next }).await }
    }

    async fn fail(&self, failure: SourceError) -> Result<(), Ended> {
        // The receiver may be gone.
        let _ = self.out.send(Err(failure)).await;
        Err(Ended)
    }
}
