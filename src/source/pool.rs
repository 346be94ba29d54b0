//! Several RPC endpoints as one source: the preferred one that can be asked is asked, and the next one as soon as it
//! fails or is slow.
//!
//! Nothing is waited for and nothing is asked twice here, except in smaller portions: a failure that may pass says how
//! long the caller should wait. That time ends when the first endpoint is due again, so a caller that waits as long is
//! let through, and a caller's own back-off adds to it but does not multiply with it.

use std::{collections::VecDeque, future::Future, ops::RangeInclusive, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    Anchor, EndpointHealth, EventPage, EventsFrom, KnownChain, LedgerEntries, LedgerPage, SourceError, StellarRpc, Tip,
    TransientReason, endpoint::Endpoint, verdict::Failures,
};
use crate::{
    domain::{ContractId, LedgerSequence},
    planted::{Bug, is_planted},
};

/// An endpoint that has not answered by now gets company: going to another one must not take more than 2 s.
const SLOW_AFTER: Duration = Duration::from_millis(1_500);

/// RPC endpoints of one network in order of preference. Clones share them and what was learned of them.
#[derive(Clone, Debug)]
pub struct EndpointPool {
    endpoints: Arc<[Arc<Endpoint>]>,
}

/// A page of events as one of several endpoints has it.
#[derive(Clone, Debug)]
pub struct SecondOpinion {
    /// The endpoint's host, as its health names it.
    pub host: String,
    /// What it has.
    pub page: EventPage,
}

impl EndpointPool {
    /// Returns the pool of the endpoints at `urls`, the preferred one first; nothing is sent yet. `seed` is what the
    /// random part of waiting times grows from.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if there is no URL or one is not an HTTP URL. It names the URL by its place, without
    /// what may be secret.
    pub fn new(urls: &[String], network_passphrase: String, seed: u64) -> Result<Self, SourceError> {
        if urls.is_empty() {
            return Err(SourceError::Permanent { detail: "there is no RPC URL".into() });
        }
        let network_passphrase: Arc<str> = network_passphrase.into();
        let endpoint = |(number, url): (u64, &String)| {
            let rpc = StellarRpc::new(url).map_err(|failure| SourceError::Permanent {
                detail: format!("RPC URL {number} of {}: {failure}", urls.len()),
            })?;
            let rng = StdRng::seed_from_u64(seed.wrapping_add(number));
            Ok(Arc::new(Endpoint::new(rpc, Arc::clone(&network_passphrase), rng)))
        };
        let endpoints = (1..).zip(urls).map(endpoint).collect::<Result<_, SourceError>>()?;
        Ok(Self { endpoints })
    }

    /// Names a ledger of our chain that every endpoint must have the same hash for. It is compared before an
    /// endpoint's first use, after its failures, and while its newest ledger is below that one.
    pub fn set_anchor(&self, anchor: Option<Anchor>) {
        let anchor = anchor.map(Arc::new);
        for endpoint in self.endpoints.iter() {
            endpoint.set_anchor(anchor.clone());
        }
    }

    /// Names what is known of our chain: the anchor, and a ledger with its close time, by which an endpoint is compared
    /// that does not have the anchor.
    pub fn set_chain(&self, chain: KnownChain) {
        self.set_anchor(chain.anchor);
        for endpoint in self.endpoints.iter() {
            endpoint.set_close(chain.closed);
        }
    }

    /// Returns a page of at most `limit` events of these contracts. Its cursor is never before what was asked for.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn events(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        let wanted = Some(from.ledger());
        let request = |endpoint: Arc<Endpoint>| async move {
            let forgets = is_planted(Bug::FailoverForgetsTheCursor) && !Arc::ptr_eq(&endpoint, &self.endpoints[0]);
            let from = if forgets { EventsFrom::Ledger(from.ledger().next().next()) } else { from };
            endpoint.events(contract_ids, from, limit).await
        };
        self.ask(wanted, request).await
    }

    /// Returns a page of at most `limit` events of these contracts from every endpoint that can be asked, whichever of them
    /// answered for that part of the chain before: a walk of another contract, or one before a restart, may have been
    /// answered by another. None if there is only one endpoint.
    ///
    /// # Errors
    /// A [`SourceError`], sorted, if none answers, or one does not that was there lately.
    pub async fn second_opinions(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<Vec<SecondOpinion>, SourceError> {
        if self.endpoints.len() < 2 {
            return Ok(Vec::new());
        }
        let (candidates, mut failures) = self.candidates(Some(from.ledger()));
        let request = |endpoint: Arc<Endpoint>| async move { endpoint.events(contract_ids, from, limit).await };
        let mut opinions = Vec::new();
        for endpoint in candidates {
            match attempt(Arc::clone(&endpoint), &request).await {
                Ok(page) => opinions.push(SecondOpinion { host: endpoint.host().to_owned(), page }),
                Err(failure) => failures.push(failure, endpoint.is_long_gone()),
            }
        }
        let is_enough = !opinions.is_empty() && failures.are_of_the_long_gone();
        if is_enough { Ok(opinions) } else { Err(failures.most_telling()) }
    }

    /// Returns the oldest and the newest ledger that any endpoint has.
    ///
    /// # Errors
    /// A [`SourceError`], sorted, if no endpoint answers.
    pub async fn ledgers(&self) -> Result<RangeInclusive<LedgerSequence>, SourceError> {
        let tips = self.ask_all(|endpoint| async move { endpoint.tip().await }).await?;
        let oldest = tips.iter().map(|tip| tip.oldest).min().expect("there is an answer");
        let latest = tips.iter().map(|tip| tip.sequence).max().expect("there is an answer");
        Ok(oldest..=latest)
    }

    /// Returns the newest ledger of the preferred endpoint that answers.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn tip(&self) -> Result<Tip, SourceError> {
        self.ask(None, |endpoint| async move { endpoint.tip().await }).await
    }

    /// Returns what is stored at these keys (base64 XDR of `LedgerKey`), at most 200 of them.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn ledger_entries(&self, keys: &[String]) -> Result<LedgerEntries, SourceError> {
        self.ask(None, |endpoint| async move { endpoint.ledger_entries(keys).await }).await
    }

    /// Returns a page of whole ledgers from `from` on.
    ///
    /// # Errors
    /// A [`SourceError`], sorted.
    pub async fn ledger_page(&self, from: LedgerSequence) -> Result<LedgerPage, SourceError> {
        self.ask(Some(from), |endpoint| async move { endpoint.ledger_page(from).await }).await
    }

    /// Returns the newest ledger that every endpoint that answers has, with its close time where that is told; nothing if
    /// one of them does not say its hash.
    ///
    /// # Errors
    /// A [`SourceError`], sorted, if no endpoint answers, or if they do not agree on the hash.
    pub async fn common_ledger(&self) -> Result<KnownChain, SourceError> {
        let tips = self.ask_all(|endpoint| async move { endpoint.tip().await }).await?;
        let tip = tips.into_iter().min_by_key(|tip| tip.sequence).expect("there is an answer");
        let sequence = tip.sequence;
        let hashes = self.ask_all(|endpoint| async move { endpoint.rpc.ledger_hash(sequence).await }).await?;
        let all_have_it = hashes.iter().all(Option::is_some);
        Ok(match the_same(sequence, hashes.into_iter().flatten())? {
            Some(hash) if all_have_it => KnownChain {
                anchor: Some(Anchor { sequence, hash }),
                closed: tip.closed_at.map(|closed_at| (sequence, closed_at)),
            },
            _ => KnownChain::default(),
        })
    }

    /// Returns the hash of a ledger of our chain in hex, `None` if no endpoint that answers has it. Each endpoint is asked
    /// for the anchor again with it: one that went astray since it was identified has no say. Where there is no
    /// anchor yet, or it is older than everything that the endpoints keep, they must all say the same.
    ///
    /// # Errors
    /// A [`SourceError`], sorted, if no endpoint answers, or if nobody can say here which chain is ours: two of them have
    /// another hash, or the anchor is gone and one of them does not answer.
    pub async fn ledger_hash(&self, sequence: LedgerSequence) -> Result<Option<String>, SourceError> {
        let answers = self.ask_all(|endpoint| async move { endpoint.hash_by_the_anchor(sequence).await }).await?;
        let is_proven = answers.iter().any(|answer| answer.is_proven);
        let long_gone = self.endpoints.iter().filter(|endpoint| endpoint.is_long_gone()).count();
        if !is_proven && answers.len() + long_gone < self.endpoints.len() {
            let detail = "no endpoint has a ledger that the chain is known by, and not all of them answer";
            return Err(SourceError::transient(TransientReason::Disagreement, detail));
        }
        the_same(sequence, answers.into_iter().filter_map(|answer| answer.hash))
    }

    /// Asks every endpoint afresh, also those that are left alone, whether it serves another chain than the one that is
    /// indexed. Returns the host of the first that does not, `None` if every one of them does.
    ///
    /// # Errors
    /// A [`SourceError`] of one that does not say, with its host.
    pub async fn who_serves(&self, chain: &KnownChain) -> Result<Option<&str>, SourceError> {
        for endpoint in self.endpoints.iter() {
            let is_another = endpoint.is_on_another_chain(chain).await;
            if !is_another.map_err(|failure| failure.about(&endpoint.host))? {
                return Ok(Some(&endpoint.host));
            }
        }
        Ok(None)
    }

    /// Returns how each endpoint is doing, in order of preference.
    #[must_use]
    pub fn health(&self) -> Vec<EndpointHealth> {
        let now = Instant::now();
        self.endpoints.iter().map(|endpoint| endpoint.health(now)).collect()
    }

    /// Sends one request to the endpoints in order until one answers: to the next one when one fails, and also to the
    /// next one when one is slow; then the first answer counts. An endpoint that lately did not have the `wanted`
    /// ledger comes last.
    pub(super) async fn ask<T, F>(
        &self,
        wanted: Option<LedgerSequence>,
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
                let attempt = attempt(Arc::clone(&endpoint), &request);
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
                        // Those asked before it had more time.
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
                // A healthy endpoint that lacks the ledger will have it sooner than a hanging one answers.
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

    /// Sends one request to every endpoint that can be asked and returns the answers. After the first one the others
    /// have little time left.
    async fn ask_all<T, F>(&self, request: impl Fn(Arc<Endpoint>) -> F) -> Result<Vec<T>, SourceError>
    where
        F: Future<Output = Result<T, SourceError>>,
    {
        let (candidates, mut failures) = self.candidates(None);
        let mut running: FuturesUnordered<_> =
            candidates.into_iter().map(|endpoint| attempt(endpoint, &request)).collect();
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
                    deadline.get_or_insert_with(|| Instant::now() + SLOW_AFTER);
                }
                Some(Err(failure)) => failures.push(failure, false),
                None if answers.is_empty() => return Err(failures.most_telling()),
                None => return Ok(answers),
            }
        }
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

async fn attempt<T, F>(endpoint: Arc<Endpoint>, request: &impl Fn(Arc<Endpoint>) -> F) -> Result<T, SourceError>
where
    F: Future<Output = Result<T, SourceError>>,
{
    let sent = Instant::now();
    let _permit = endpoint.admit(sent)?;
    let outcome = match endpoint.identify().await {
        Ok(()) => request(Arc::clone(&endpoint)).await,
        Err(failure) => Err(failure),
    };
    endpoint.settle(outcome, sent)
}

/// Returns the one hash that all have of a ledger.
fn the_same(sequence: LedgerSequence, mut hashes: impl Iterator<Item = String>) -> Result<Option<String>, SourceError> {
    let Some(first) = hashes.next() else { return Ok(None) };
    if hashes.any(|other| !other.eq_ignore_ascii_case(&first)) {
        let detail = format!("the endpoints are of different chains: they have different hashes of ledger {sequence}");
        return Err(SourceError::transient(TransientReason::Disagreement, detail));
    }
    Ok(Some(first))
}
