//! Which endpoint answered for which part of the chain, so that a second opinion is another endpoint's.

use std::collections::VecDeque;

use crate::domain::EventId;

/// The preferred endpoint answers nearly always, so older changes than these lie too far back to matter.
const CHANGES_KEPT: usize = 64;

/// The endpoints that answered, one after the other.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The position up to which an endpoint answered, and its place in the pool; in ascending order.
    spans: VecDeque<(EventId, usize)>,
}

impl Answers {
    /// Notes that an endpoint's page ended at `cursor`. A page that ends before the last one belongs to another walk, perhaps
    /// along another chain, so everything noted before is dropped.
    pub(super) fn note(&mut self, cursor: EventId, endpoint: usize) {
        if self.spans.back().is_some_and(|(reached, _)| *reached > cursor) {
            self.spans.clear();
        }
        match self.spans.back_mut() {
            Some((reached, _)) if *reached == cursor => {}
            Some((reached, last)) if *last == endpoint => *reached = cursor,
            _ => self.spans.push_back((cursor, endpoint)),
        }
        if self.spans.len() > CHANGES_KEPT {
            self.spans.pop_front();
        }
    }

    /// Returns the endpoint that answered for what comes after a position; if that is not known, the one that answered
    /// last, or else the preferred one.
    pub(super) fn endpoint_after(&self, position: EventId) -> usize {
        let span = self.spans.iter().find(|(reached, _)| *reached > position);
        span.or(self.spans.back()).map_or(0, |(_, endpoint)| *endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LedgerSequence;

    fn end_of(ledger: u32) -> EventId {
        EventId::end_of_ledger(LedgerSequence(ledger))
    }

    #[test]
    fn each_part_of_the_chain_has_the_endpoint_that_answered_for_it() {
        let mut answers = Answers::default();
        assert_eq!(answers.endpoint_after(end_of(1)), 0, "the preferred one, before anything is known");
        for (ledger, endpoint) in [(5, 0), (8, 0), (9, 1), (9, 0), (12, 1), (20, 0)] {
            answers.note(end_of(ledger), endpoint);
        }
        let asked = [1, 7, 8, 9, 11, 12, 19, 20, 99].map(|ledger| answers.endpoint_after(end_of(ledger)));
        assert_eq!(asked, [0, 0, 1, 1, 1, 0, 0, 0, 0]);
        assert_eq!(answers.spans.len(), 3);
    }

    #[test]
    fn a_walk_that_begins_anew_forgets_the_one_before() {
        let mut answers = Answers::default();
        answers.note(end_of(50), 0);
        answers.note(end_of(3), 1);
        assert_eq!((answers.endpoint_after(end_of(2)), answers.endpoint_after(end_of(40))), (1, 1));
    }

    #[test]
    fn no_more_is_kept_than_matters() {
        let mut answers = Answers::default();
        for ledger in 1..1_000_u32 {
            answers.note(end_of(ledger), usize::from(ledger % 2 == 0));
        }
        assert_eq!(answers.spans.len(), CHANGES_KEPT);
    }
}
