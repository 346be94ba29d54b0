//! Pages of contract events out of whole ledgers, as `getEvents` of Stellar RPC gives them.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, timeout};

use super::{Horizon, ledgers::LedgersRead};
use crate::{
    domain::{ContractId, CoverageSource, EventId, LedgerSequence},
    source::{
        EventPage, EventsFrom, SourceError,
        packed::{MOST_THREADS, PackedLedger},
    },
    xdr::{LedgerContents, LedgerScan},
};

/// A history loses its oldest ledgers slowly.
const OLDEST_IS_TRUE_FOR: Duration = Duration::from_mins(1);
/// It is nice to know, but not worth waiting for.
const OLDEST_DEADLINE: Duration = Duration::from_secs(1);

impl Horizon {
    /// Returns what the contracts did in at most `most` whole ledgers from where it is asked for. The page ends with the
    /// last of them.
    ///
    /// # Errors
    /// [`SourceError::NodeBehind`] as Stellar RPC says it: not at the end of the newest ledger, but beyond it. Else as
    /// [`Horizon::read`].
    pub(in crate::source) async fn events(
        &self,
        contract_ids: &[ContractId],
        from: EventsFrom,
        most: u32,
        contents: LedgerContents,
    ) -> Result<EventPage, SourceError> {
        let position = from.position();
        let first_wanted = position.last_whole_ledger().next();
        let LedgersRead { ledgers, latest, latest_closed_at } = self.read(first_wanted, most).await?;
        let reached = ledgers.last().map(|last| EventId::end_of_ledger(last.sequence));
        let is_at_the_end = matches!(from, EventsFrom::After(_)) && from.ledger() <= latest;
        let Some(cursor) = reached.or(is_at_the_end.then_some(position)) else {
            return Err(SourceError::NodeBehind { wanted: from.ledger(), latest });
        };
        let scans = self.scans(ledgers, contract_ids, contents).await?;
        let first = scans.first().map(|scan| scan.header.sequence);
        let oldest = self.oldest().await;
        // A ledger that was just read counts as there, even if the host has dropped it since.
        let oldest_ledger = oldest.map(|oldest| first.map_or(oldest, |first| first.min(oldest)));
        let (events, entries): (Vec<_>, Vec<_>) = scans.into_iter().map(|scan| (scan.events, scan.entries)).unzip();
        Ok(EventPage {
            events: events.concat(),
            entries: entries.concat(),
            cursor,
            is_full: false,
            latest_ledger: latest,
            latest_ledger_closed_at: latest_closed_at,
            oldest_ledger,
            source: CoverageSource::Horizon,
        })
    }

    /// Returns the oldest ledger as the host last reported it. Asks again once a minute.
    async fn oldest(&self) -> Option<LedgerSequence> {
        let now = Instant::now();
        let told = *self.told_oldest.lock().expect("nothing panics while it holds what was told");
        if let Some((oldest, _)) = told.filter(|(_, at)| now.duration_since(*at) < OLDEST_IS_TRUE_FOR) {
            return Some(oldest);
        }
        let tip = timeout(OLDEST_DEADLINE, self.tip()).await.ok().and_then(Result::ok);
        let oldest = tip.map(|tip| tip.oldest).or(told.map(|(oldest, _)| oldest));
        *self.told_oldest.lock().expect("nothing panics while it holds what was told") =
            oldest.map(|oldest| (oldest, now));
        oldest
    }

    /// Returns the ledgers with what the contracts did in them.
    pub(super) async fn scans(
        &self,
        ledgers: Vec<PackedLedger>,
        contract_ids: &[ContractId],
        contents: LedgerContents,
    ) -> Result<Vec<LedgerScan>, SourceError> {
        let scans = stream::iter(ledgers).map(|ledger| ledger.scan(&self.scanners, contract_ids, contents));
        scans.buffered(2 * MOST_THREADS.get()).try_concat().await
    }
}
