//! A batch → what its commit will write. Nothing is written here, so that the next batch can be prepared while one is
//! being committed.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::PgConnection;

use super::{
    Batch, Records, Store, StoreError, contract_versions, event_columns,
    fold::{self, Folded, ToApply, fold},
    quarantine::SpokenOf,
    stream_rows,
};
use crate::domain::{StreamKey, StreamRecord};

/// A batch ready to be committed.
#[derive(Debug)]
pub struct Prepared {
    pub(super) batch: Batch,
    pub(super) offered: usize,
    pub(super) folded: Folded,
}

impl Prepared {
    /// Returns the records that this batch touches, as it leaves them.
    #[must_use]
    pub fn records(&self) -> Records {
        self.folded.records.clone()
    }
}

impl Store {
    /// Folds a batch over the records in the database, where `before` knows no newer ones: those that a batch leaves
    /// which is being committed meanwhile. What is read here is true at the commit, because a commit goes through only
    /// if nobody else has committed since the writer's last one.
    pub async fn prepare(&self, mut batch: Batch, before: &Records) -> Result<Prepared, StoreError> {
        let (events, entries) = (std::mem::take(&mut batch.events), std::mem::take(&mut batch.entries));
        let spoken_of: Vec<SpokenOf> = batch.quarantined.iter().filter_map(SpokenOf::by).collect();
        let of_events = events.iter().filter_map(fold::stream_of);
        let of_others = entries.iter().map(fold::key_of).chain(spoken_of.iter().map(|it| it.stream.clone()));
        let touched: BTreeSet<StreamKey> = of_events.chain(of_others).collect();
        let unknown: Vec<StreamKey> =
            touched.iter().filter(|stream| !before.streams.contains_key(stream)).cloned().collect();
        let known = touched.iter().filter_map(|stream| before.streams.get(stream).cloned());
        let mut records: HashMap<StreamKey, StreamRecord> = known.map(keyed).collect();
        let range = events.first().zip(events.last()).map(|(first, last)| (first.raw.id, last.raw.id));
        let read = async |connection: &mut PgConnection| {
            let loaded = if unknown.is_empty() { Vec::new() } else { stream_rows::load(connection, &unknown).await? };
            let stored = match range {
                Some((first, last)) => event_columns::stored_ids(connection, first, last).await?,
                None => HashSet::new(),
            };
            let versions = contract_versions::load(connection).await?;
            Ok((loaded, stored, versions))
        };
        let (loaded, stored, mut versions) = self.pool.run(read).await?;
        versions.join(&before.versions);
        records.extend(loaded.into_iter().map(keyed));
        let (offered, effect) = (events.len(), self.event_effect);
        let folded = tokio::task::spawn_blocking(move || {
            let to_apply = ToApply { events, entries, spoken_of };
            fold(to_apply, &stored, Records { streams: records.into(), versions }, effect)
        });
        let folded = folded.await.expect("folding is total and is not cancelled");
        Ok(Prepared { batch, offered, folded })
    }
}

fn keyed(record: StreamRecord) -> (StreamKey, StreamRecord) {
    ((record.contract_id.clone(), record.stream_id), record)
}
