//! Records that have changed since they were last compared with the chain, compared at once.

use std::{collections::HashMap, time::Duration};

use rand::rngs::StdRng;
use tokio::time::sleep;

use super::{
    checked,
    compare::{Finding, Seen},
    read::{KEYS_AT_ONCE, Reading},
};
use crate::{
    domain::{ContractId, Epoch, EventId, StreamId},
    ingest::error::IngestError,
    source::EndpointPool,
    store::Store,
};

/// Streams that the chain does not answer for, each with the last event of its record: they are not asked for again until
/// another one happens.
pub(in crate::ingest) type Unanswered = HashMap<StreamId, EventId>;

/// A pass over the records of a contract that are not certain.
pub(in crate::ingest) struct UncertainRecords<'a> {
    pub(in crate::ingest) store: &'a Store,
    pub(in crate::ingest) source: &'a EndpointPool,
    pub(in crate::ingest) contract_id: &'a ContractId,
    pub(in crate::ingest) epoch: Epoch,
    /// An absent entry is looked for again after this time, and counts as deleted only if it is still absent.
    pub(in crate::ingest) moment: Duration,
}

impl UncertainRecords<'_> {
    /// Compares each of them once, 199 at a time; one whose entry is absent although its lifetime is not over once more.
    /// Returns whether some must be looked at again, since the index or the node that answered was behind.
    pub(in crate::ingest) async fn check(&self, rng: StdRng, unanswered: &mut Unanswered) -> Result<bool, IngestError> {
        let mut reading =
            Reading::new(self.store, self.source, self.contract_id, self.epoch, Duration::ZERO, rng).without_patience();
        let limit = u32::try_from(KEYS_AT_ONCE).expect("a small number");
        let (mut above, mut again) = (StreamId(0), false);
        loop {
            let uncertain = self.store.uncertain_streams(self.contract_id, above, limit).await?;
            let Some((last, _)) = uncertain.last() else { return Ok(again) };
            above = *last;
            let is_new = |(stream_id, event): &&(StreamId, EventId)| unanswered.get(stream_id) != Some(event);
            let streams: Vec<StreamId> = uncertain.iter().filter(is_new).map(|(stream_id, _)| *stream_id).collect();
            if streams.is_empty() {
                continue;
            }
            let seen = reading.look(&streams).await?;
            let is_gone = |id: &StreamId| matches!(seen.find(*id), Finding::Deleted(_));
            let (gone, others): (Vec<StreamId>, Vec<StreamId>) = streams.into_iter().partition(is_gone);
            again |= self.write(&seen, others, unanswered).await?;
            if !gone.is_empty() {
                sleep(self.moment).await;
                let seen = reading.look(&gone).await?;
                again |= self.write(&seen, gone, unanswered).await?;
            }
        }
    }

    /// Writes what was seen of these streams. Returns whether some must be looked at again.
    async fn write(
        &self,
        seen: &Seen,
        streams: Vec<StreamId>,
        unanswered: &mut Unanswered,
    ) -> Result<bool, IngestError> {
        checked::write(self.store, self.contract_id, self.epoch, seen, streams.iter().copied()).await?;
        let mut again = false;
        for stream_id in streams {
            match seen.find(stream_id) {
                Finding::Outdated(_) if !seen.is_settled(stream_id) => again = true,
                Finding::Behind | Finding::Moved => again = true,
                Finding::Archived | Finding::Outdated(_) => {
                    unanswered.extend(seen.records.get(&stream_id).map(|record| (stream_id, record.last_event)));
                }
                Finding::Different(_) if seen.entry_of(stream_id).is_none() => {
                    unanswered.extend(seen.records.get(&stream_id).map(|record| (stream_id, record.last_event)));
                }
                Finding::Equal { .. } | Finding::Different(_) | Finding::Deleted(_) | Finding::Missing => {}
            }
        }
        Ok(again)
    }
}
