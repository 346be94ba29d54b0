//! Users' summaries, each computed once for as long as the index stands still: the sums over thousands of streams cost as
//! much as hundreds of other requests, and many clients ask for the same ones.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::OnceCell;

use crate::{
    domain::{Address, ContractId, StreamRecord, UnixTime, Visibility},
    store::{FeedState, Store, StoreError, UserSummary},
};

/// How many streams that end next are part of a summary.
const NEXT_ENDS: u32 = 10;
/// Once so many are kept they are forgotten, so that nobody fills the memory with summaries of strangers.
const MOST: usize = 1_000;

/// Whose summary is wanted, and what of it may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SummaryOf {
    pub(super) user: Address,
    pub(super) visibility: Visibility,
    pub(super) contract_id: Option<ContractId>,
}

/// What a user pays and is paid, and the streams that end next.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) sums: UserSummary,
    pub(super) next_ends: Vec<StreamRecord>,
}

/// The summaries of one state of the index. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Summaries(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// The state that the database had before they were computed: they are as new, or newer.
    at: (FeedState, UnixTime),
    summaries: HashMap<SummaryOf, Arc<OnceCell<Arc<Summary>>>>,
}

impl Summaries {
    /// Returns a summary as of a time. Those who ask for the same one wait for the first.
    pub(super) async fn get(&self, store: &Store, of: SummaryOf, now: UnixTime) -> Result<Arc<Summary>, StoreError> {
        let cell = self.cell(&of, (store.feed_state().await?, now));
        let compute = || async {
            let SummaryOf { user, visibility, contract_id } = &of;
            let (sums, next_ends) = tokio::try_join!(
                store.user_summary(user, visibility, contract_id.as_ref(), now),
                store.next_ends(user, visibility, contract_id.as_ref(), now, NEXT_ENDS)
            )?;
            Ok(Arc::new(Summary { sums, next_ends }))
        };
        cell.get_or_try_init(compute).await.cloned()
    }

    fn cell(&self, of: &SummaryOf, at: (FeedState, UnixTime)) -> Arc<OnceCell<Arc<Summary>>> {
        let mut kept = self.0.lock().expect("no thread panics while it holds the summaries");
        if kept.at != at || kept.summaries.len() >= MOST {
            *kept = Kept { at, summaries: HashMap::new() };
        }
        Arc::clone(kept.summaries.entry(of.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventId;

    fn of(number: u8) -> SummaryOf {
        let user = ContractId::from_bytes([number; 32]).into();
        SummaryOf { user, visibility: Visibility::Everything, contract_id: None }
    }

    #[test]
    fn a_summary_is_kept_until_the_index_or_the_time_moves_on() {
        let summaries = Summaries::default();
        let state = FeedState { revision: 1, ..FeedState::default() };
        let first = summaries.cell(&of(1), (state, UnixTime(5)));
        assert!(Arc::ptr_eq(&first, &summaries.cell(&of(1), (state, UnixTime(5)))));
        assert!(!Arc::ptr_eq(&first, &summaries.cell(&of(2), (state, UnixTime(5)))), "another user");
        let moved = FeedState { position: EventId::from_parts(1, 0).unwrap(), ..state };
        let revised = FeedState { revision: 2, ..state };
        for (at, what) in [
            ((moved, UnixTime(5)), "an event"),
            ((revised, UnixTime(5)), "a revision"),
            ((state, UnixTime(6)), "the time"),
        ] {
            let first = summaries.cell(&of(1), (state, UnixTime(5)));
            assert!(!Arc::ptr_eq(&first, &summaries.cell(&of(1), at)), "{what}");
        }
    }

    #[test]
    fn only_so_many_summaries_are_kept() {
        let summaries = Summaries::default();
        for number in 0..=u8::MAX {
            for contract in 0..10 {
                let contract_id = Some(ContractId::from_bytes([contract; 32]));
                summaries.cell(&SummaryOf { contract_id, ..of(number) }, Default::default());
            }
        }
        assert!(summaries.0.lock().unwrap().summaries.len() <= MOST);
    }
}
