//! Several RPC endpoints as one source: it asks the preferred endpoint among those that can be asked, and the next one
//! as soon as that one fails or is slow.
//!
//! Nothing is waited for or repeated here, except in smaller portions: a transient failure says how long the caller
//! should wait. That time ends when the first endpoint is due again, so a caller that waits that long gets through. A
//! caller's own back-off adds to it but does not multiply it.

use std::{collections::VecDeque, future::Future, io, ops::RangeInclusive, sync::Arc, time::Duration};

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::debug;

use super::{
    Anchor, EndpointHealth, EventPage, EventsFrom, KnownChain, LedgerPage, Proof, SourceError, StellarRpc, Tip,
    endpoint::{Endpoint, SLOW_AFTER},
    horizon::Horizon,
    node::Node,
    packed::scanners,
    pages::Pages,
    verdict::Failures,
};
use crate::{
    domain::{ContractId, LedgerSequence},
    xdr::LedgerContents,
};

/// RPC endpoints of one network in order of preference. Clones share them and what was learned about them.
#[derive(Clone, Debug)]
pub struct EndpointPool {
    pub(super) endpoints: Arc<[Arc<Endpoint>]>,
    /// The same servers as those that are asked for entries. One that answers for events and refuses entries must not be
    /// left alone for both.
    pub(super) for_entries: Arc<[Arc<Endpoint>]>,
    pub(super) pages: Pages,
}

/// The answers of several endpoints to one request for events.
#[derive(Clone, Debug, Default)]
pub struct SecondOpinions {
    /// A page from each endpoint that answered.
    pub pages: Vec<SecondOpinion>,
    /// Whether only one endpoint answered, and another may have those events but cannot answer now. The one that
    /// answered may be the one that the events were read from.
    pub is_alone: bool,
    /// The oldest ledger of the endpoints that no longer have the first requested ones. From there on these endpoints
    /// count too.
    pub others_from: Option<LedgerSequence>,
}

/// A page of events from one of several endpoints.
#[derive(Clone, Debug)]
pub struct SecondOpinion {
    /// The endpoint's host, spelled as in its health.
    pub host: String,
    /// The endpoint's page.
    pub page: EventPage,
}

impl EndpointPool {
    /// Returns a pool of the endpoints at `urls`, the preferred one first. Nothing is sent yet. `seed` determines the
    /// random part of the waiting times.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if there is no URL, or one is not an HTTP URL. The error names the URL by its place
    /// in the list, because the URL itself may be secret.
    pub fn new(urls: &[String], network_passphrase: String, seed: u64) -> Result<Self, SourceError> {
        if urls.is_empty() {
            return Err(SourceError::Permanent { detail: "there is no RPC URL".into() });
        }
        let network_passphrase: Arc<str> = network_passphrase.into();
        let node = |(number, url): (u64, &String)| match StellarRpc::new(url) {
            Ok(rpc) => Ok((number, Node::Rpc(rpc))),
            Err(failure) => {
                Err(SourceError::Permanent { detail: format!("RPC URL {number} of {}: {failure}", urls.len()) })
            }
        };
        let nodes: Vec<(u64, Node)> = (1..).zip(urls).map(node).collect::<Result<_, SourceError>>()?;
        let endpoints = |seed: u64| {
            let endpoint = |(number, node): &(u64, Node)| {
                let rng = StdRng::seed_from_u64(seed.wrapping_add(*number));
                Arc::new(Endpoint::new(node.clone(), Arc::clone(&network_passphrase), rng))
            };
            nodes.iter().map(endpoint).collect()
        };
        Ok(Self { endpoints: endpoints(seed), for_entries: endpoints(!seed), pages: Pages::EVENTS })
    }

    /// Returns a pool of one Horizon, whose events are read out of whole ledgers; nothing is sent yet.
    ///
    /// # Errors
    /// As [`Horizon::new`].
    pub fn of_horizon(url: &str, network_passphrase: &str, seed: u64) -> Result<Self, SourceError> {
        let mut rng = StdRng::seed_from_u64(seed);
        let horizon = Horizon::new(url, StdRng::from_rng(&mut rng))?;
        let endpoint = Endpoint::new(Node::Horizon(horizon), network_passphrase.into(), rng);
        Ok(Self { endpoints: Arc::new([Arc::new(endpoint)]), for_entries: Arc::new([]), pages: Pages::EVENTS })
    }

    /// Returns the same endpoints, whose whole ledgers are read for this.
    #[must_use]
    pub fn read_for(mut self, contents: LedgerContents) -> Self {
        self.pages.contents = contents;
        self
    }

    /// Returns the same endpoints. RPC endpoints are asked for whole ledgers, and events are read out of these.
    ///
    /// # Errors
    /// The operating system provides no thread to read ledgers on.
    pub fn by_whole_ledgers(mut self) -> io::Result<Self> {
        self.pages.scanners = Some(scanners()?);
        Ok(self)
    }

    /// Returns whether both share their endpoints.
    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.endpoints, &other.endpoints)
    }

    /// Returns whether it is of a Horizon.
    #[must_use]
    pub fn is_horizon(&self) -> bool {
        self.endpoints.iter().any(|endpoint| matches!(endpoint.node, Node::Horizon(_)))
    }

    /// Names a ledger of our chain that every endpoint must have the same hash for. It is compared before an
    /// endpoint's first use, after its failures, and while its newest ledger is below that one.
    pub fn set_anchor(&self, anchor: Option<Anchor>) {
        let anchor = anchor.map(Arc::new);
        for endpoint in self.endpoints.iter().chain(self.for_entries.iter()) {
            endpoint.set_anchor(anchor.clone());
        }
    }

    /// Sets what is known about our chain: the anchor, and a ledger with its close time, which is compared if an
    /// endpoint does not have the anchor.
    pub fn set_chain(&self, chain: KnownChain) {
        self.set_anchor(chain.anchor);
        for endpoint in self.endpoints.iter().chain(self.for_entries.iter()) {
            endpoint.set_close(chain.closed);
        }
    }

    /// Returns a page of at most `limit` events of these contracts. Its cursor is never before the requested position.
    ///
    /// # Errors
    /// A classified [`SourceError`].
    pub async fn events(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        let wanted = Some(from.ledger());
        let pages = &self.pages;
        let request = |endpoint: Arc<Endpoint>| async move { endpoint.page(contract_ids, from, limit, pages).await };
        self.ask(wanted, Proof::WhereThereIs, request).await
    }

    /// Returns a page of at most `limit` events of these contracts from every endpoint that can be asked, whichever
    /// endpoint answered for that part of the chain before: the walk of another contract, or one before a restart, may
    /// have used another endpoint, and the same one may answer otherwise.
    ///
    /// # Errors
    /// A classified [`SourceError`] if none answers, or if one does not answer that has not been away for long.
    pub async fn second_opinions(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<SecondOpinions, SourceError> {
        let (candidates, mut failures) = self.candidates(Some(from.ledger()));
        let pages = &Pages::EVENTS;
        let request = |endpoint: Arc<Endpoint>| async move { endpoint.page(contract_ids, from, limit, pages).await };
        let (mut pages, mut lacks, mut others_may_come) = (Vec::new(), Failures::default(), !failures.is_empty());
        let mut others_from: Option<LedgerSequence> = None;
        for endpoint in candidates {
            match self.attempt(Arc::clone(&endpoint), Proof::Always, &request).await {
                Ok(page) => pages.push(SecondOpinion { host: endpoint.host().to_owned(), page }),
                // An endpoint without these ledgers has no opinion on them, and must not stop the others from having
                // one.
                Err(failure) if failure.is_lack() => {
                    if let SourceError::BehindRetention { oldest, .. } = failure {
                        others_from = Some(others_from.map_or(oldest, |others| others.min(oldest)));
                    } else {
                        others_may_come = true;
                    }
                    lacks.push(failure, false);
                }
                Err(failure) => {
                    others_may_come = true;
                    failures.push(failure, endpoint.is_long_gone());
                }
            }
        }
        match (failures.are_of_the_long_gone(), pages.is_empty()) {
            (true, false) => Ok(SecondOpinions { is_alone: pages.len() == 1 && others_may_come, others_from, pages }),
            (true, true) => Err(lacks.most_telling()),
            (false, _) => Err(failures.most_telling()),
        }
    }

    /// Returns whether there is one endpoint alone.
    #[must_use]
    pub fn is_of_one_endpoint(&self) -> bool {
        self.endpoints.len() == 1
    }

    /// Makes sure that the preferred endpoint that answers is of our network and gives what we read.
    ///
    /// # Errors
    /// A [`SourceError`], sorted: [`SourceError::NoTransactionMeta`] of a Horizon without metadata.
    pub async fn check(&self) -> Result<(), SourceError> {
        self.ask(None, Proof::WhereThereIs, |endpoint| async move { endpoint.learn_shape().await }).await
    }

    /// Finds out the shape of each endpoint that has not shown it by itself: by one request, and once. One that cannot say
    /// is asked the next time; one of an unknown form is left alone, and the log says so.
    pub async fn learn_shapes(&self) {
        let request = |endpoint: Arc<Endpoint>| async move { endpoint.learn_shape().await };
        let unknown = self.endpoints.iter().filter(|endpoint| endpoint.state().has_hidden_its_shape());
        let looks = unknown.map(|endpoint| self.attempt(Arc::clone(endpoint), Proof::WhereThereIs, &request));
        for failure in join_all(looks).await.into_iter().filter_map(Result::err) {
            debug!("the shape of an endpoint is not known yet: {failure}");
        }
    }

    /// Returns the oldest and the newest ledger that any endpoint has.
    ///
    /// # Errors
    /// A classified [`SourceError`] if no endpoint answers.
    pub async fn ledgers(&self) -> Result<RangeInclusive<LedgerSequence>, SourceError> {
        let tips = self.ask_all(SLOW_AFTER, |endpoint| async move { endpoint.tip().await }).await?;
        let oldest = tips.iter().map(|tip| tip.oldest).min().expect("there is an answer");
        let latest = tips.iter().map(|tip| tip.sequence).max().expect("there is an answer");
        Ok(oldest..=latest)
    }

    /// Returns the newest ledger of the first endpoint that answers, in order of preference.
    ///
    /// # Errors
    /// A classified [`SourceError`].
    pub async fn tip(&self) -> Result<Tip, SourceError> {
        self.ask(None, Proof::WhereThereIs, |endpoint| async move { endpoint.tip().await }).await
    }

    /// Returns a page of at most `most` whole ledgers from `from` on.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn ledger_page(&self, from: LedgerSequence, most: u32) -> Result<LedgerPage, SourceError> {
        self.ask(Some(from), Proof::Always, |endpoint| async move { endpoint.ledger_page(from, most).await }).await
    }

    /// Returns the health of each endpoint, in order of preference.
    #[must_use]
    pub fn health(&self) -> Vec<EndpointHealth> {
        let now = Instant::now();
        let mut health: Vec<EndpointHealth> = self.endpoints.iter().map(|endpoint| endpoint.health(now)).collect();
        for (health, endpoint) in health.iter_mut().zip(self.for_entries.iter()) {
            health.count_in(&endpoint.health(now));
        }
        health
    }

    /// Sends one request to the endpoints in order until one answers. The next endpoint is asked as soon as the last
    /// one fails or is slow; the first answer counts. An endpoint that lately did not have the `wanted` ledger comes
    /// last.
    pub(super) async fn ask<T, F>(
        &self,
        wanted: Option<LedgerSequence>,
        proof: Proof,
        request: impl Fn(Arc<Endpoint>) -> F,
    ) -> Result<T, SourceError>
    where
        F: Future<Output = Result<T, SourceError>>,
    {
        let (mut candidates, mut failures) = self.candidates(wanted);
        let mut waited_for: Vec<(Arc<Endpoint>, Instant)> = Vec::new();
        let mut running = FuturesUnordered::new();
        let mut somebody_lacks_it = false;
        loop {
            if let Some(endpoint) = candidates.pop_front() {
                let attempt = self.attempt(Arc::clone(&endpoint), proof, &request);
                waited_for.push((Arc::clone(&endpoint), Instant::now()));
                running.push(async move { (endpoint, attempt.await) });
            }
            let slow_at = waited_for.last().map_or_else(Instant::now, |(_, sent)| *sent + SLOW_AFTER);
            tokio::select! {
                biased;
                outcome = running.next() => match outcome {
                    None => return Err(failures.most_telling()),
                    Some((winner, Ok(value))) => {
                        drop(running);
                        // Endpoints that were asked earlier had more time.
                        let earlier = waited_for.iter().take_while(|(endpoint, _)| !Arc::ptr_eq(endpoint, &winner));
                        earlier.for_each(|(endpoint, sent)| drop(endpoint.give_up(*sent)));
                        return Ok(value);
                    }
                    Some((loser, Err(failure))) => {
                        waited_for.retain(|(endpoint, _)| !Arc::ptr_eq(endpoint, &loser));
                        somebody_lacks_it |= failure.is_lack();
                        failures.push(failure, loser.is_long_gone());
                    }
                },
                // A healthy endpoint that lacks the ledger will get it before a hanging one answers.
                () = sleep_until(slow_at), if candidates.is_empty() && somebody_lacks_it => {
                    drop(running);
                    for (endpoint, sent) in &waited_for {
                        failures.push(endpoint.give_up(*sent), endpoint.is_long_gone());
                    }
                    return Err(failures.most_telling());
                }
                () = sleep_until(slow_at), if !candidates.is_empty() => {}
            }
        }
    }

    /// Sends one request to every endpoint that can be asked, and returns the answers. After the first answer, the
    /// others have `patience` left.
    pub(super) async fn ask_all<T, F>(
        &self,
        patience: Duration,
        request: impl Fn(Arc<Endpoint>) -> F,
    ) -> Result<Vec<T>, SourceError>
    where
        F: Future<Output = Result<T, SourceError>>,
    {
        let (candidates, mut failures) = self.candidates(None);
        let mut running: FuturesUnordered<_> =
            candidates.into_iter().map(|endpoint| self.attempt(endpoint, Proof::WhereThereIs, &request)).collect();
        let mut answers = Vec::new();
        let mut deadline = None;
        loop {
            let next = running.next();
            let outcome = match deadline {
                Some(deadline) => timeout_at(deadline, next).await.unwrap_or(None),
                None => next.await,
            };
            match outcome {
                Some(Ok(answer)) => {
                    answers.push(answer);
                    deadline.get_or_insert_with(|| Instant::now() + patience);
                }
                Some(Err(failure)) => failures.push(failure, false),
                None if answers.is_empty() => return Err(failures.most_telling()),
                None => return Ok(answers),
            }
        }
    }

    /// Sends one request to an endpoint of our chain. The answer may show that the endpoint was reset since it was
    /// identified; then the answer is discarded.
    async fn attempt<T, F>(
        &self,
        endpoint: Arc<Endpoint>,
        proof: Proof,
        request: &impl Fn(Arc<Endpoint>) -> F,
    ) -> Result<T, SourceError>
    where
        F: Future<Output = Result<T, SourceError>>,
    {
        let sent = Instant::now();
        let _permit = endpoint.admit(sent)?;
        let outcome = async {
            proof.make_sure_of(&endpoint, &self.endpoints).await?;
            let answer = request(Arc::clone(&endpoint)).await?;
            proof.make_sure_of(&endpoint, &self.endpoints).await?;
            Ok(answer)
        };
        endpoint.settle(outcome.await, sent)
    }

    /// Returns the endpoints to ask, in order, and why the others are not asked.
    fn candidates(&self, wanted: Option<LedgerSequence>) -> (VecDeque<Arc<Endpoint>>, Failures) {
        let now = Instant::now();
        let (mut ready, mut behind, mut failures) = (VecDeque::new(), Vec::new(), Failures::default());
        for endpoint in self.endpoints.iter() {
            match endpoint.reason_to_wait(now) {
                Some(failure) => failures.push(failure, endpoint.is_long_gone()),
                None if wanted.is_some_and(|wanted| endpoint.is_behind(wanted, now)) => {
                    behind.push(Arc::clone(endpoint));
                }
                None => ready.push_back(Arc::clone(endpoint)),
            }
        }
        ready.extend(behind);
        (ready, failures)
    }
}
