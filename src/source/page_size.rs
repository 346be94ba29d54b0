//! How much to request from one endpoint at once, learned from its refusals.
//!
//! A provider's own page limit is remembered. A request that was too much for the node is repeated with half the
//! ledgers if it can be limited by ledgers, which needs a start at a whole ledger; otherwise with half the events. Each
//! success raises both limits by a quarter, until there is no limit left.

use super::{EventsFrom, SourceError, TransientReason};
use crate::domain::LedgerSequence;

/// One reply of the server never covers more ledgers.
const SERVER_SCANS_LEDGERS: u32 = 10_000;
/// No server allows larger pages.
const SERVER_LIMIT: u32 = 10_000;
const FEWEST_EVENTS: u32 = 10;

/// One `getEvents` request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventsQuery {
    pub(super) from: EventsFrom,
    /// Set only if the request starts at a ledger; always above that ledger.
    pub(super) to_ledger_exclusive: Option<LedgerSequence>,
    pub(super) limit: u32,
}

/// What was learned about one endpoint.
#[derive(Debug, Default)]
pub(super) struct PageSize {
    /// The provider's own limit.
    allowed_events: Option<u32>,
    /// A temporary limit.
    events: Option<u32>,
    /// A temporary limit.
    ledgers: Option<u32>,
}

impl PageSize {
    pub(super) fn limit(&self) -> Option<u32> {
        self.allowed_events.into_iter().chain(self.events).min()
    }

    pub(super) const fn window_ledgers(&self) -> Option<u32> {
        self.ledgers
    }

    /// Returns the query to send. At the newest ledger that the endpoint is known to have (`tip`) there is nothing to
    /// limit, and a start by ledger would be one ledger too far.
    pub(super) fn query(&self, from: EventsFrom, limit: u32, tip: Option<LedgerSequence>) -> EventsQuery {
        let limit = self.limit().map_or(limit, |most| limit.min(most));
        let window = self.ledgers.and_then(|ledgers| Some((first_whole_ledger(from, tip)?, ledgers)));
        let (from, to_ledger_exclusive) = match window {
            Some((first, ledgers)) => {
                (EventsFrom::Ledger(first), Some(LedgerSequence(first.0.saturating_add(ledgers))))
            }
            None => (from, None),
        };
        EventsQuery { from, to_ledger_exclusive, limit }
    }

    /// Learns from a refused query. Returns whether the next query is smaller.
    pub(super) fn learn(
        &mut self,
        failure: &SourceError,
        asked: EventsQuery,
        from: EventsFrom,
        tip: Option<LedgerSequence>,
    ) -> bool {
        match failure {
            SourceError::Permanent { detail } => self.learn_limit(detail, asked.limit),
            SourceError::Transient { reason: TransientReason::ProcessingLimit | TransientReason::Timeout, .. } => {
                self.halve(asked, from, tip)
            }
            _ => false,
        }
    }

    /// Reads "limit must not exceed N".
    fn learn_limit(&mut self, detail: &str, asked: u32) -> bool {
        let most = detail.split_once("limit must not exceed ").and_then(|(_, rest)| {
            let digits = rest.split(|character: char| !character.is_ascii_digit()).next()?;
            digits.parse().ok()
        });
        let Some(most) = most.filter(|most| (1..asked).contains(most)) else { return false };
        self.allowed_events = Some(most);
        true
    }

    fn halve(&mut self, asked: EventsQuery, from: EventsFrom, tip: Option<LedgerSequence>) -> bool {
        if let Some(first) = first_whole_ledger(from, tip) {
            let seen = tip.map_or(SERVER_SCANS_LEDGERS, |tip| tip.0.saturating_sub(first.0).saturating_add(1));
            let scanned = match asked.to_ledger_exclusive {
                Some(end) => end.0.saturating_sub(first.0),
                None => seen.clamp(1, SERVER_SCANS_LEDGERS),
            };
            if scanned > 1 || self.ledgers.is_none() {
                self.ledgers = Some((scanned / 2).max(1));
                return true;
            }
        }
        let fewer = (asked.limit / 2).max(FEWEST_EVENTS);
        let smaller = fewer < asked.limit;
        if smaller {
            self.events = Some(fewer);
        }
        smaller
    }

    /// Learns from a success.
    pub(super) fn grow(&mut self) {
        self.ledgers = self.ledgers.map(a_quarter_more).filter(|ledgers| *ledgers < SERVER_SCANS_LEDGERS);
        self.events = self.events.map(a_quarter_more).filter(|events| *events < SERVER_LIMIT);
    }
}

/// Returns the ledger that a window would start with: none inside a ledger, where only a cursor can name the position,
/// and none at the tip.
fn first_whole_ledger(from: EventsFrom, tip: Option<LedgerSequence>) -> Option<LedgerSequence> {
    match from {
        EventsFrom::Ledger(ledger) => Some(ledger),
        EventsFrom::After(position) => {
            let next = position.ledger().next();
            (position.is_end_of_ledger() && tip.is_none_or(|tip| next <= tip)).then_some(next)
        }
    }
}

fn a_quarter_more(size: u32) -> u32 {
    size.saturating_add((size / 4).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventId;

    const TIP: Option<LedgerSequence> = Some(LedgerSequence(50_000));
    const START: EventsFrom = EventsFrom::Ledger(LedgerSequence(1_000));

    fn too_much() -> SourceError {
        SourceError::transient(TransientReason::ProcessingLimit, "")
    }

    fn inside_ledger_1000() -> EventsFrom {
        EventsFrom::After(EventId::of(LedgerSequence(1_000), 1, 0, 0).unwrap())
    }

    fn end_of(ledger: u32) -> EventsFrom {
        EventsFrom::After(EventId::end_of_ledger(LedgerSequence(ledger)))
    }

    fn refuse(size: &mut PageSize, from: EventsFrom, tip: Option<LedgerSequence>) -> bool {
        let asked = size.query(from, 1_000, tip);
        size.learn(&too_much(), asked, from, tip)
    }

    #[test]
    fn nothing_is_limited_before_anything_is_learned() {
        for from in [START, inside_ledger_1000(), end_of(1_000)] {
            let expected = EventsQuery { from, to_ledger_exclusive: None, limit: 1_000 };
            assert_eq!(PageSize::default().query(from, 1_000, TIP), expected);
        }
    }

    #[test]
    fn the_window_halves_down_to_one_ledger_then_the_page_down_to_ten_events() {
        let mut size = PageSize::default();
        let mut windows = Vec::new();
        while refuse(&mut size, START, TIP) {
            let query = size.query(START, 1_000, TIP);
            windows.push((query.to_ledger_exclusive.unwrap().0 - 1_000, query.limit));
        }
        assert_eq!(windows[..3], [(5_000, 1_000), (2_500, 1_000), (1_250, 1_000)]);
        assert!(windows.contains(&(1, 1_000)), "{windows:?}");
        assert_eq!(windows.last(), Some(&(1, 10)));
    }

    #[test]
    fn a_window_does_not_reach_beyond_the_tip() {
        let mut size = PageSize::default();
        assert!(refuse(&mut size, end_of(999), Some(LedgerSequence(1_099))));
        let query = size.query(end_of(999), 1_000, Some(LedgerSequence(1_099)));
        assert_eq!((query.from, query.to_ledger_exclusive), (START, Some(LedgerSequence(1_050))));
    }

    #[test]
    fn inside_a_ledger_only_the_number_of_events_shrinks() {
        let mut size = PageSize::default();
        assert!(refuse(&mut size, inside_ledger_1000(), TIP));
        let expected = EventsQuery { from: inside_ledger_1000(), to_ledger_exclusive: None, limit: 500 };
        assert_eq!(size.query(inside_ledger_1000(), 1_000, TIP), expected);
    }

    #[test]
    fn at_the_tip_the_cursor_is_sent_even_if_a_window_was_learned() {
        let mut size = PageSize::default();
        assert!(refuse(&mut size, START, TIP));
        assert_eq!(size.query(end_of(50_000), 1_000, TIP).from, end_of(50_000));
        assert_eq!(size.query(end_of(49_999), 1_000, TIP).from, EventsFrom::Ledger(LedgerSequence(50_000)));
    }

    #[test]
    fn successes_raise_the_limits_until_there_are_none() {
        let mut size = PageSize::default();
        while refuse(&mut size, START, TIP) {}
        size.grow();
        assert_eq!((size.window_ledgers(), size.limit()), (Some(2), Some(12)));
        for _ in 0..60 {
            size.grow();
        }
        assert_eq!((size.window_ledgers(), size.limit()), (None, None));
    }

    #[test]
    fn a_providers_limit_is_learned_from_its_refusal_and_kept() {
        let mut size = PageSize::default();
        let asked = size.query(START, 1_000, TIP);
        let refused = |detail: &str| SourceError::Permanent { detail: detail.to_owned() };
        assert!(!size.learn(&refused("invalid cursor"), asked, START, TIP));
        assert!(!size.learn(&refused("limit must not exceed 0"), asked, START, TIP));
        assert!(!size.learn(&refused("limit must not exceed 10000"), asked, START, TIP), "that is no lower");
        assert!(size.learn(&refused("RPC error -32602: limit must not exceed 200."), asked, START, TIP));
        size.grow();
        assert_eq!(size.query(START, 1_000, TIP).limit, 200);
    }
}
