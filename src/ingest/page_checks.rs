//! What a page of events must show before the cursor moves to its end. An endpoint may serve another chain, drop ledgers
//! while it reads, or lie once.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::{Clock, EventId, LedgerSequence, SystemClock},
    source::{EndpointPool, EventPage, KnownClose, SourceError},
};

/// A tip this many ledgers beyond the last known one is confirmed before anything is skipped for it: nothing before the
/// cursor is asked for again.
const LEAP: u32 = 20;
/// How far ahead of this machine's clock a close time may lie. One that lies further ahead is not remembered, because
/// every later ledger would be refused for it.
const MOST_AHEAD: TimeDelta = TimeDelta::minutes(1);
/// How far ahead of this machine's clock any ledger may have closed.
const MOST_YEARS_AHEAD: TimeDelta = TimeDelta::days(100 * 365);

/// Asks once more if a page would move the cursor far beyond the last confirmed tip, or has a tip far beyond it, and raises
/// the confirmed one. An endpoint that once claims ledgers which do not exist yet would have them all skipped; and its tip
/// would be remembered with its close time, beside which every true tip looks like that of a network that started over.
pub(super) async fn confirm_a_leap(
    source: &EndpointPool,
    tip: &mut LedgerSequence,
    page: EventPage,
) -> Result<EventPage, SourceError> {
    let (reached, claimed) = (page.cursor.ledger(), page.latest_ledger);
    let is_far_beyond = |ledger: LedgerSequence, tip: LedgerSequence| ledger.0 > tip.0.saturating_add(LEAP);
    if is_far_beyond(reached.max(claimed), *tip) {
        let newest = source.tip().await?.sequence;
        if newest < reached || is_far_beyond(claimed, newest) {
            return Err(SourceError::refuted_tip(page.latest_ledger, newest));
        }
        *tip = newest;
    }
    *tip = reached.max(*tip);
    Ok(page)
}

/// Returns whether a ledger may have closed by this time, as far as this machine's clock can tell.
pub(super) fn is_credible(closed_at: DateTime<Utc>) -> bool {
    closed_at <= SystemClock.now() + MOST_AHEAD
}

/// Returns whether records may be computed for this time. A local network may be years ahead of the clock; a time in
/// milliseconds is tens of thousands.
pub(super) fn is_possible(closed_at: DateTime<Utc>) -> bool {
    closed_at <= SystemClock.now() + MOST_YEARS_AHEAD
}

/// Checks that a later ledger closed later. If it did not, the endpoint serves another chain, one that the others have
/// left.
pub(super) fn is_not_younger_than_known(known: Option<KnownClose>, page: EventPage) -> Result<EventPage, SourceError> {
    match (known, page.latest_ledger_closed_at) {
        (Some((ledger, closed_at)), Some(page_closed_at))
            if page.latest_ledger >= ledger && page_closed_at < closed_at =>
        {
            let newest = page.latest_ledger;
            let detail = format!(
                "an endpoint serves another chain: its ledger {newest} closed at {page_closed_at}, but ledger {ledger} \
                 at {closed_at}"
            );
            Err(SourceError::unknown_chain(detail))
        }
        _ => Ok(page),
    }
}

/// Checks that the page is complete. A server checks the range before it reads, and silently omits what it drops in
/// between. The reply contains its oldest ledger afterwards.
pub(super) fn nothing_was_trimmed(after: EventId, page: EventPage) -> Result<EventPage, SourceError> {
    let wanted = after.last_whole_ledger().next();
    match page.oldest_ledger {
        Some(oldest) if oldest > wanted => Err(SourceError::BehindRetention { wanted, oldest }),
        _ => Ok(page),
    }
}
