//! The requests that teach us how much an endpoint can answer and which ledgers it has.

use super::{
    EndpointShape, EventPage, EventsFrom, LedgerEntries, SourceError, StellarRpc, Tip, TransientReason,
    endpoint::Endpoint, get_ledgers::LedgerPage, horizon::LedgersRead, node::Node, pages::Pages,
};
use crate::domain::{ContractId, LedgerSequence};

/// Enough to halve the largest window down to one ledger.
const MOST_TRIES: usize = 14;

impl Endpoint {
    /// Returns a page of events, as large as this endpoint can handle: a refused request is repeated at once with a
    /// smaller limit, and a success raises the limit. An endpoint refuses a cursor in a ledger that it no longer has,
    /// even if the cursor is at that ledger's end and nothing is missing; then the next ledger is requested. A page read
    /// from whole ledgers has at most `limit` of them.
    pub(super) async fn page(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
        pages: &Pages,
    ) -> Result<EventPage, SourceError> {
        let whole = match (&self.node, &pages.scanners) {
            (Node::Rpc(rpc), None) => return self.events(rpc, contract_ids, from, limit).await,
            (Node::Rpc(rpc), Some(scanners)) => {
                let (scanning, asked) = ((rpc, scanners.as_ref()), (from, limit));
                Box::pin(self.whole_page(scanning, contract_ids, asked, pages.contents)).await
            }
            (Node::Horizon(horizon), _) => {
                let page = Box::pin(horizon.events(contract_ids, from, limit, pages.contents)).await;
                page.inspect(|page| self.state().showed(EndpointShape::of_horizon(!page.events.is_empty())))
            }
        };
        let page = whole?;
        self.state().saw(page.latest_ledger, page.oldest_ledger);
        Ok(page.not_before(from.position()))
    }

    async fn events(
        &self,
        rpc: &StellarRpc,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        match self.events_in_portions(rpc, contract_ids, from, limit).await {
            Err(SourceError::BehindRetention { oldest, .. }) if from.next_ledger() == Some(oldest) => {
                self.events_in_portions(rpc, contract_ids, EventsFrom::Ledger(oldest), limit).await
            }
            outcome => outcome,
        }
    }

    async fn events_in_portions(
        &self,
        rpc: &StellarRpc,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        let mut tries = 0;
        loop {
            let (query, tip) = {
                let state = self.state();
                let tip = state.tip.map(|(tip, _)| tip);
                (state.page_size.query(from, limit, tip), tip)
            };
            tries += 1;
            match rpc.events(contract_ids, query).await {
                Ok((page, shape)) => {
                    let mut state = self.state();
                    state.showed(shape);
                    state.page_size.grow();
                    state.saw(page.latest_ledger, page.oldest_ledger);
                    return Ok(page.not_before(from.position()));
                }
                Err(failure) => {
                    let is_smaller = self.state().page_size.learn(&failure, query, from, tip);
                    // An endpoint that did not answer at all has used up its time.
                    let has_answered = !is_timeout(&failure);
                    if !(is_smaller && has_answered && tries < MOST_TRIES) {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// Returns a page of at most `most` whole ledgers, as many as this endpoint can give at once.
    pub(super) async fn ledger_page(&self, from: LedgerSequence, most: u32) -> Result<LedgerPage, SourceError> {
        let page = match &self.node {
            Node::Rpc(rpc) => self.ledger_limit.page(rpc, from, most).await?,
            Node::Horizon(horizon) => match horizon.read(from, most).await? {
                LedgersRead { ledgers, latest, .. } if ledgers.is_empty() => {
                    return Err(SourceError::NodeBehind { wanted: from, latest });
                }
                LedgersRead { ledgers, latest, .. } => LedgerPage {
                    ledgers,
                    latest_ledger: latest,
                    latest_closed_at: None,
                    oldest_ledger: None,
                    is_large: false,
                },
            },
        };
        self.state().saw(page.latest_ledger, None);
        Ok(page)
    }

    /// Learns the shape of the endpoint's answers from one of them.
    ///
    /// # Errors
    /// What makes the endpoint useless: an unknown form, or a Horizon without metadata; else that it does not say now.
    pub(super) async fn learn_shape(&self) -> Result<(), SourceError> {
        let shape = match &self.node {
            Node::Rpc(rpc) => rpc.sample(rpc.tip().await?.sequence).await?,
            Node::Horizon(horizon) => EndpointShape::of_horizon(horizon.sample().await?),
        };
        let mut state = self.state();
        state.showed(shape);
        state.is_probed = true;
        Ok(())
    }

    pub(super) async fn tip(&self) -> Result<Tip, SourceError> {
        let tip = self.node.tip().await?;
        self.state().saw(tip.sequence, Some(tip.oldest));
        Ok(tip)
    }

    pub(super) async fn ledger_entries(&self, keys: &[String]) -> Result<LedgerEntries, SourceError> {
        let Node::Rpc(rpc) = &self.node else {
            return Err(SourceError::Permanent { detail: "a Horizon has no entries of contracts".to_owned() });
        };
        let found = rpc.ledger_entries(keys).await?;
        self.state().saw(found.latest_ledger, None);
        Ok(found)
    }
}

const fn is_timeout(failure: &SourceError) -> bool {
    matches!(failure, SourceError::Transient { reason: TransientReason::Timeout, .. })
}
