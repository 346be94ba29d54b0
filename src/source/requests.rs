//! The requests that teach us how much an endpoint can answer and which ledgers it has.

use super::{
    EventPage, EventsFrom, LedgerEntries, SourceError, Tip, TransientReason, endpoint::Endpoint,
    get_ledgers::LedgerPage,
};
use crate::domain::{ContractId, LedgerSequence};

/// Enough to halve the largest window down to one ledger.
const MOST_TRIES: usize = 14;

impl Endpoint {
    /// Returns a page of events, as large as this endpoint can handle: a refused request is repeated at once with a
    /// smaller limit, and a success raises the limit. An endpoint refuses a cursor in a ledger that it no longer has,
    /// even if the cursor is at that ledger's end and nothing is missing; then the next ledger is requested.
    pub(super) async fn events(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        limit: u32,
    ) -> Result<EventPage, SourceError> {
        match self.events_in_portions(contract_ids, from, limit).await {
            Err(SourceError::BehindRetention { oldest, .. }) if from.next_ledger() == Some(oldest) => {
                self.events_in_portions(contract_ids, EventsFrom::Ledger(oldest), limit).await
            }
            outcome => outcome,
        }
    }

    async fn events_in_portions(
        &self,
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
            match self.rpc.events(contract_ids, query).await {
                Ok(page) => {
                    let mut state = self.state();
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

    /// Returns a page of as many whole ledgers as this endpoint can return at once.
    pub(super) async fn ledger_page(&self, from: LedgerSequence) -> Result<LedgerPage, SourceError> {
        let page = self.ledger_limit.page(&self.rpc, from).await?;
        self.state().saw(page.latest_ledger, None);
        Ok(page)
    }

    pub(super) async fn tip(&self) -> Result<Tip, SourceError> {
        let tip = self.rpc.tip().await?;
        self.state().saw(tip.sequence, Some(tip.oldest));
        Ok(tip)
    }

    pub(super) async fn ledger_entries(&self, keys: &[String]) -> Result<LedgerEntries, SourceError> {
        let found = self.rpc.ledger_entries(keys).await?;
        self.state().saw(found.latest_ledger, None);
        Ok(found)
    }
}

const fn is_timeout(failure: &SourceError) -> bool {
    matches!(failure, SourceError::Transient { reason: TransientReason::Timeout, .. })
}
