//! Which endpoint answered for which part of the chain, so that a second opinion is another endpoint's.

use std::collections::VecDeque;

use crate::domain::EventId;

/// The preferred endpoint answers nearly always, so older changes than these lie too far back to matter.
const CHANGES_KEPT: usize = 64;

/// The endpoints that answered, one after the other.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// After this position the first of the spans begins.
    first_from: Option<EventId>,
    /// The position up to which an endpoint answered, and its place in the pool; in ascending order.
    spans: VecDeque<(EventId, usize)>,
}

impl Answers {
    /// Notes that an endpoint's page went from `from` to `cursor`. One that does not go on where the last one ended belongs
    /// to another walk, perhaps along another chain, so everything noted before is dropped.
    pub(super) fn note(&mut self, from: EventId, cursor: EventId, endpoint: usize) {
        if self.spans.back().is_none_or(|(reached, _)| *reached > cursor || *reached < from) {
            self.spans.clear();
            self.first_from = Some(from);
        }
        match self.spans.back_mut() {
            Some((reached, _)) if *reached == cursor => {}
            Some((reached, last)) if *last == endpoint => *reached = cursor,
            _ => self.spans.push_back((cursor, endpoint)),
        }
        if self.spans.len() > CHANGES_KEPT {
            self.first_from = self.spans.pop_front().map(|(reached, _)| reached);
        }
    }

    /// Returns the endpoint that answered for what comes after a position, `None` if that is not known: it lies after the
    /// last answer, or before the first that is kept.
    pub(super) fn endpoint_after(&self, position: EventId) -> Option<usize> {
        let first = self.first_from?;
        let span = self.spans.iter().find(|(reached, _)| *reached > position);
        span.filter(|_| position >= first).map(|(_, endpoint)| *endpoint)
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
        assert_eq!(answers.endpoint_after(end_of(1)), None, "nothing is known");
        let mut from = end_of(2);
        for (ledger, endpoint) in [(5, 0), (8, 0), (9, 1), (9, 0), (12, 1), (20, 0)] {
            answers.note(from, end_of(ledger), endpoint);
            from = end_of(ledger);
        }
        let asked = [1, 2, 7, 8, 9, 11, 12, 19, 20, 99].map(|ledger| answers.endpoint_after(end_of(ledger)));
        let known = [0, 0, 1, 1, 1, 0, 0].map(Some);
        assert_eq!(asked[1..8], known);
        assert_eq!([asked[0], asked[8], asked[9]], [None; 3], "before the first answer and after the last");
    }

    #[test]
    fn a_walk_that_begins_anew_forgets_the_one_before() {
        let mut answers = Answers::default();
        answers.note(end_of(1), end_of(50), 0);
        answers.note(end_of(1), end_of(3), 1);
        assert_eq!((answers.endpoint_after(end_of(2)), answers.endpoint_after(end_of(40))), (Some(1), None));
    }

    #[test]
    fn no_more_is_kept_than_matters() {
        let mut answers = Answers::default();
        for ledger in 1..1_000_u32 {
            answers.note(end_of(ledger - 1), end_of(ledger), usize::from(ledger % 2 == 0));
        }
        assert_eq!((answers.spans.len(), answers.endpoint_after(end_of(5))), (CHANGES_KEPT, None));
    }
}
