//! Pages of events, and of the entries that changed with them, out of the whole ledgers of a Stellar RPC server.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    EventPage, EventsFrom, SourceError, StellarRpc, endpoint::Endpoint, get_ledgers::LedgerPage, packed::MOST_THREADS,
};
use crate::{
    domain::{ContractId, CoverageSource, EventId, LedgerSequence},
    xdr::{LedgerContents, LedgerScan, LedgerScanners},
};

impl Endpoint {
    /// Returns what the contracts did in at most `most` whole ledgers after a position. The page ends with the last of
    /// them, and holds nothing if the position is the end of the newest ledger.
    ///
    /// # Errors
    /// Those of [`StellarRpc::ledger_page`], and [`SourceError::Permanent`] for ledgers that do not decode or do not
    /// follow each other.
    pub(super) async fn whole_page(
        &self,
        (rpc, scanners): (&StellarRpc, &LedgerScanners),
        contract_ids: &[ContractId],
        (from, most): (EventsFrom, u32),
        contents: LedgerContents,
    ) -> Result<EventPage, SourceError> {
        let wanted = from.position().last_whole_ledger().next();
        let page = match self.ledger_limit.page(rpc, wanted, most).await {
            Err(SourceError::NodeBehind { latest, .. }) if from.next_ledger().is_some() && wanted == latest.next() => {
                return Ok(nothing_after(from, latest));
            }
            page => page?,
        };
        let ledgers = stream::iter(page.ledgers.clone()).map(|ledger| ledger.scan(scanners, contract_ids, contents));
        let scans: Vec<LedgerScan> = ledgers.buffered(2 * MOST_THREADS.get()).try_concat().await?;
        page_of(&page, scans, wanted)
    }
}

fn nothing_after(from: EventsFrom, latest: LedgerSequence) -> EventPage {
    EventPage {
        events: Vec::new(),
        entries: Vec::new(),
        cursor: from.position(),
        is_full: false,
        latest_ledger: latest,
        latest_ledger_closed_at: None,
        oldest_ledger: None,
        source: CoverageSource::GetLedgers,
    }
}

fn page_of(page: &LedgerPage, scans: Vec<LedgerScan>, wanted: LedgerSequence) -> Result<EventPage, SourceError> {
    let broken = |detail: String| SourceError::Permanent { detail: format!("the chain is broken: {detail}") };
    match scans.first().map(|scan| scan.header.sequence) {
        Some(first) if first == wanted => {}
        Some(first) => return Err(broken(format!("ledger {wanted} was asked for, and ledger {first} came"))),
        None => return Err(SourceError::bad_reply(format!("no ledger came from ledger {wanted} on"))),
    }
    for pair in scans.windows(2) {
        if let [earlier, later] = pair {
            later.header.check_follows(&earlier.header).map_err(|fault| broken(fault.to_string()))?;
        }
    }
    let last = scans.last().map(|scan| (scan.header.sequence, scan.header.closed_at));
    let reached = last.map_or(wanted, |(sequence, _)| sequence);
    let latest_ledger = page.latest_ledger.max(reached);
    let of_last = last.filter(|(sequence, _)| *sequence == latest_ledger).map(|(_, closed_at)| closed_at);
    let (events, entries): (Vec<_>, Vec<_>) = scans.into_iter().map(|scan| (scan.events, scan.entries)).unzip();
    Ok(EventPage {
        events: events.concat(),
        entries: entries.concat(),
        cursor: EventId::end_of_ledger(reached),
        is_full: false,
        latest_ledger,
        latest_ledger_closed_at: page.latest_closed_at.filter(|_| latest_ledger == page.latest_ledger).or(of_last),
        // What was read whole is there, whatever was dropped meanwhile.
        oldest_ledger: page.oldest_ledger.map(|oldest| oldest.min(wanted)),
        source: CoverageSource::GetLedgers,
    })
}
